//! How far a figure could be off: a percentile bootstrap interval that draws groups, not clips.
//!
//! Clips of one artist (or tracks of one album) resemble each other, so that a hundred of one count for much less than
//! a hundred of as many. A draw therefore takes whole groups, with replacement and as many as there are, and computes
//! the share of right clips among theirs; the interval is that between the 2.5th and the 97.5th percentile of many
//! draws (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13; the cluster bootstrap of Davison
//! and Hinkley, 1997, section 3.8).
//!
//! Chance comes from a seed through BLAKE3's output stream: the same clips give the same interval on every machine.

use serde::Serialize;

/// Draws of an interval: enough for its ends to be steady to a tenth of a point or two.
pub const DRAWS: usize = 2000;
/// The seed of every interval that the program prints.
pub const SEED: u64 = 0;

/// The middle 95 % of what other samples of this kind would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The 2.5th percentile.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

/// The 95 % interval of the share of clips that are right, of (group, right) a clip. None with fewer than two groups:
/// nothing can be said of how groups differ.
pub fn interval(clips: impl IntoIterator<Item = (usize, bool)>, draws: usize, seed: u64) -> Option<Interval> {
    let mut groups: Vec<(u64, u64)> = Vec::new();
    for (group, right) in clips {
        if group >= groups.len() {
            groups.resize(group + 1, (0, 0));
        }
        groups[group].0 += u64::from(right);
        groups[group].1 += 1;
    }
    // A group that no clip belongs to is none.
    groups.retain(|(_, clips)| *clips > 0);
    if groups.len() < 2 || draws == 0 {
        return None;
    }
    let mut chance = Chance::new(seed);
    let mut shares: Vec<f64> = (0..draws)
        .map(|_| {
            let drawn = (0..groups.len()).map(|_| groups[chance.below(groups.len())]);
            let (right, clips) = drawn.fold((0, 0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
            right as f64 / clips as f64
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    Some(Interval { low: percentile(&shares, 0.025), high: percentile(&shares, 0.975) })
}

/// The value below which a `share` of the sorted values lie, linear between two of them (as NumPy's default).
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, between) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * between
}

/// Numbers drawn evenly, the same for the same seed.
struct Chance(blake3::OutputReader);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    /// A whole number from 0 to `limit` - 1. The high half of a 128-bit product is even to one part in 2^64 / limit.
    fn below(&mut self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        ((u128::from(u64::from_le_bytes(bytes)) * limit as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_lie_where_they_should() {
        let values = [0.0, 1.0, 2.0, 3.0, 4.0];
        assert_eq!([0.0, 0.5, 0.625, 1.0].map(|share| percentile(&values, share)), [0.0, 2.0, 2.5, 4.0]);
    }

    #[test]
    fn many_clips_of_few_artists_are_worth_no_more_than_the_artists() {
        // 400 clips, half of them right: 20 artists who are all right or all wrong, against 400 artists of one clip.
        let few = interval((0..400).map(|i| (i / 20, i / 20 % 2 == 0)), DRAWS, SEED).unwrap();
        let many = interval((0..400).map(|i| (i, i % 2 == 0)), DRAWS, SEED).unwrap();
        // A binomial share of n has a standard deviation of 0.5 / sqrt(n): 0.112 for 20, 0.025 for 400; 1.96 of them
        // each side.
        assert!((few.high - few.low - 2.0 * 1.96 * 0.112).abs() < 0.06, "{few:?}");
        assert!((many.high - many.low - 2.0 * 1.96 * 0.025).abs() < 0.01, "{many:?}");
    }

    #[test]
    fn one_group_has_no_interval_and_sure_things_have_none_to_spare() {
        assert_eq!(interval([(0, true), (0, false)], DRAWS, SEED), None);
        assert_eq!(interval([], DRAWS, SEED), None);
        assert_eq!(interval([(0, true), (7, true)], DRAWS, SEED), Some(Interval { low: 1.0, high: 1.0 }));
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let clips: Vec<_> = (0..50).map(|i| (i / 3, i % 4 == 0)).collect();
        assert_eq!(interval(clips.clone(), 500, 3), interval(clips.clone(), 500, 3));
        assert_ne!(interval(clips.clone(), 500, 3), interval(clips, 500, 4));
    }

    #[test]
    fn numbers_are_drawn_evenly() {
        let mut chance = Chance::new(1);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[chance.below(7)] += 1);
        // 10,000 each, with a standard deviation of 93.
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_interval_holds_the_share_itself(clips in proptest::collection::vec((0usize..12, any::<bool>()), 2..80)) {
            let share = clips.iter().filter(|(_, right)| *right).count() as f64 / clips.len() as f64;
            if let Some(Interval { low, high }) = interval(clips, DRAWS, SEED) {
                prop_assert!(low <= share && share <= high, "{share} is not in {low} to {high}");
                prop_assert!(0.0 <= low && high <= 1.0);
            }
        }
    }
}
