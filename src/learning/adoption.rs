//! Whether what was learned is good enough to vote: better than the vote without it, and than no model at all, by more
//! than its own uncertainty. And what its owner could do where it is not.

use super::ballots::{Answer, Comparison};
use super::examples::Examples;
use super::figures::{Gain, gain, is_named, of_genre};
use super::names::{Enough, Rare};
use super::softmax::Target;
use ndarray::Array2;

/// Of 100 draws, those in which the sound need not tell the genres, and those in which the vote with what was learned
/// need not be the better one. The first is what keeps out names that mean nothing, so it is the stricter one.
const TOLD: usize = 1;
const GAIN: usize = 5;
/// Lines of advice.
const MOST_ADVICE: usize = 5;

/// What was held against it.
pub(super) struct Trial {
    /// The share of tracks of the commonest genre.
    pub(super) majority: f64,
    pub(super) gain: Gain,
    pub(super) told: Gain,
    /// How much nearer its confidence comes to what is right, as a mean square; none where it is measured against the
    /// commonest genre alone.
    surer: Option<Gain>,
}

/// Weighs the two votes against each other.
pub(super) fn weigh(examples: &Examples, comparison: &Comparison, said: &Array2<f32>) -> Trial {
    let at = &comparison.at;
    let targets: Vec<&Target> = at.iter().map(|&i| &examples.targets[i]).collect();
    let n = at.len().max(1) as f64;
    let share = |class: usize| targets.iter().filter(|t| t.contains(&(class as u16))).count() as f64 / n;
    let shares: Vec<f64> = (0..examples.classes.len()).map(share).collect();
    let commonest = (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap_or(0);
    let majority = shares.get(commonest).copied().unwrap_or(0.0);
    let always = Answer { class: Some(commonest), confidence: 0.0, is_right: false };
    let right = |answer: &Answer, target: &&Target| f64::from(u8::from(is_named(answer, target)));
    let before: f64 = comparison.before.iter().zip(&targets).map(|(answer, target)| right(answer, target)).sum();
    let rival = |k: usize| if before / n >= majority { comparison.before[k] } else { always };
    let differences: Vec<(usize, f64)> = (0..at.len())
        .map(|k| (examples.list[at[k]].group, right(&comparison.after[k], &targets[k]) - right(&rival(k), &targets[k])))
        .collect();
    // A vote that can say these genres is bettered as well by a confidence that means more (Brier 1950).
    let square = |answer: &Answer| (f64::from(answer.confidence) - f64::from(u8::from(answer.is_right))).powi(2);
    let nearer = |k: usize| (examples.list[at[k]].group, square(&comparison.before[k]) - square(&comparison.after[k]));
    let surer = (before / n > majority).then(|| gain(&(0..at.len()).map(nearer).collect::<Vec<_>>(), TOLD));
    // By frequency alone a genre would be as likely as it is common.
    let mass: f64 = targets.iter().map(|target| target.len() as f64).sum();
    let told: Vec<(usize, f64)> = at
        .iter()
        .zip(&targets)
        .map(|(&i, target)| {
            let classes = target.iter().map(|&label| usize::from(label)).filter(|&class| class < shares.len());
            let (mut p, mut prior) = (0.0_f64, 0.0_f64);
            for class in classes {
                p += f64::from(said[[i, class]]);
                prior += shares[class] * n / mass.max(1.0);
            }
            (examples.list[i].group, p.max(1e-3).ln() - prior.max(1e-3).ln())
        })
        .collect();
    Trial { majority, gain: gain(&differences, GAIN), told: gain(&told, TOLD), surer }
}

impl Trial {
    /// Why it is not adopted; none where it is.
    pub(super) fn objection(&self, examples: &Examples) -> Option<String> {
        let percent = |share: f64| 100.0 * share;
        let only_own = examples.classes[..examples.named].iter().all(|class| class.is_own);
        if only_own && examples.others() == 0 && !examples.is_fair_share() {
            return Some("there is no example of any other music: it would hear these genres everywhere".to_owned());
        }
        if self.told.low <= 0.0 {
            return Some(
                "the sound tells too little of these genres: names alone, by their frequency, do as well".to_owned(),
            );
        }
        let is_surer = self.surer.is_some_and(|surer| surer.low > 0.0) && self.gain.mean >= 0.0;
        if self.gain.low <= 0.0 && !is_surer {
            let mean = percent(self.gain.mean);
            return Some(match mean {
                mean if mean <= 0.0 => format!("it is not better than what there is ({mean:+.1} points)"),
                mean => format!("it is better by {mean:.1} points, which may be chance"),
            });
        }
        None
    }
}

/// What would help most: more of what is nearly learnable, and of what is named worst.
pub(super) fn advice(rare: &[Rare], enough: Enough, weak: Option<(&Examples, &Comparison)>) -> Vec<String> {
    let lacking = |rare: &Rare| {
        let tracks = enough.tracks.saturating_sub(rare.tracks);
        let artists = enough.artists.saturating_sub(rare.artists);
        match (tracks, artists) {
            (0, artists) => format!("{} tracks by {artists} more artists", rare.name),
            (tracks, 0) => format!("{tracks} more {} tracks", rare.name),
            (tracks, artists) => format!("{tracks} more {} tracks, by {artists} other artists at least", rare.name),
        }
    };
    let mut advice: Vec<String> = rare.iter().take(MOST_ADVICE - 2).map(lacking).collect();
    if let Some((examples, comparison)) = weak {
        let targets: Vec<&Target> = comparison.at.iter().map(|&i| &examples.targets[i]).collect();
        let mut of: Vec<(f64, usize)> =
            (0..examples.named).map(|class| (of_genre(&comparison.after, &targets, class).f1, class)).collect();
        of.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, class) in of.iter().take(2) {
            let class = &examples.classes[*class];
            advice.push(format!("{} more {} tracks by other artists", class.tracks.clamp(5, 50), class.name));
        }
    }
    advice
}
