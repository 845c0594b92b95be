//! Folds for cross-validation: all tracks of an artist are in one, and every genre is spread over all of them as evenly
//! as that allows.

use super::softmax::Target;

/// How many there are.
pub(super) const FOLDS: usize = 5;

/// The fold of every track. `groups` says whose each is, by a number below `n_groups`.
pub(super) fn by_artist(targets: &[Target], groups: &[usize], n_groups: usize, labels: usize) -> Vec<u8> {
    let mut tracks: Vec<Vec<usize>> = vec![Vec::new(); n_groups];
    for (i, &group) in groups.iter().enumerate() {
        tracks[group].push(i);
    }
    let mut total = vec![0.0_f64; labels];
    targets.iter().flatten().for_each(|&label| total[usize::from(label)] += 1.0);
    // Those with most tracks first: what is small fills the gaps. Equal ones in an order that has nothing to do with
    // their names.
    let mut order: Vec<usize> = (0..n_groups).collect();
    order.sort_by_key(|&group| (std::cmp::Reverse(tracks[group].len()), crate::chance::mixed(group as u64)));
    let mut have = vec![vec![0.0_f64; labels + 1]; FOLDS];
    let mut fold = vec![0_u8; targets.len()];
    for group in order {
        let mut need = vec![0.0; labels + 1];
        for &i in &tracks[group] {
            targets[i].iter().for_each(|&label| need[usize::from(label)] += 1.0 / total[usize::from(label)]);
            need[labels] += 1.0 / targets.len() as f64;
        }
        let cost = |have: &Vec<f64>| -> f64 { have.iter().zip(&need).map(|(h, n)| n * (2.0 * h + n)).sum() };
        let best = (0..FOLDS).min_by(|&a, &b| cost(&have[a]).total_cmp(&cost(&have[b]))).unwrap_or(0);
        have[best].iter_mut().zip(&need).for_each(|(h, n)| *h += n);
        tracks[group].iter().for_each(|&i| fold[i] = best as u8);
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artist_is_in_one_fold_and_a_genre_in_all() {
        let groups: Vec<usize> = (0..200).map(|i| i / 4).collect();
        let targets: Vec<Target> = groups.iter().map(|group| vec![(group % 3) as u16]).collect();
        let folds = by_artist(&targets, &groups, 50, 3);
        for (i, group) in groups.iter().enumerate() {
            assert_eq!(folds[i], folds[4 * group]);
        }
        for label in 0..3_u16 {
            for fold in 0..FOLDS as u8 {
                let here = (0..200).filter(|&i| folds[i] == fold && targets[i] == [label]).count();
                assert!((8..=20).contains(&here), "{here} of genre {label} in fold {fold}");
            }
        }
    }
}
