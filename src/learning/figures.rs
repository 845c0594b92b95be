//! Figures of answers to tracks that somebody named: how often the first genre is right, genre by genre, and what a
//! confidence is worth.

use serde::Serialize;

use super::ballots::Answer;
use super::softmax::Target;
use crate::chance::Chance;

/// Draws of an interval.
const DRAWS: usize = 1000;
/// Bins of the calibration error.
const BINS: usize = 10;

/// What a vote is worth on these tracks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// The share of tracks of which it names one of the genres first, in the owner's names, 0 to 1.
    pub top1: f64,
    /// The mean F1 over the genres that are learned, each weighing the same.
    pub macro_f1: f64,
    /// The expected calibration error of what it would write: the mean distance between confidence and share of right
    /// ones, ten bins.
    pub ece: f64,
    /// Of what it would write at the threshold, the share that is right.
    pub precision: f64,
    /// The share of tracks that it would write at the threshold.
    pub coverage: f64,
}

/// How a genre is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct OfGenre {
    /// Of the tracks that are named so, the share that is.
    pub precision: f64,
    /// Of the tracks that are, the share that is named so.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
}

/// The difference of two votes, and how far it may be off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Gain {
    /// The mean.
    pub mean: f64,
    /// What it exceeds in nearly all draws of other artists.
    pub low: f64,
}

/// The figures of answers at a threshold of its own for each, so that one that was chosen on other tracks can be
/// judged.
pub(super) fn figures(answers: &[Answer], targets: &[&Target], classes: usize, thresholds: &[f32]) -> Figures {
    let n = answers.len().max(1) as f64;
    let right = answers.iter().zip(targets).filter(|(answer, target)| is_named(answer, target)).count();
    let of: Vec<OfGenre> = (0..classes).map(|class| of_genre(answers, targets, class)).collect();
    let macro_f1 = of.iter().map(|of| of.f1).sum::<f64>() / classes.max(1) as f64;
    let written: Vec<&Answer> =
        answers.iter().zip(thresholds).filter(|(a, threshold)| a.confidence >= **threshold).map(|(a, _)| a).collect();
    let good = written.iter().filter(|answer| answer.is_right).count() as f64;
    let precision = if written.is_empty() { 0.0 } else { good / written.len() as f64 };
    Figures { top1: right as f64 / n, macro_f1, ece: ece(answers), precision, coverage: written.len() as f64 / n }
}

/// Whether an answer names one of the track's genres first.
pub(super) fn is_named(answer: &Answer, target: &Target) -> bool {
    answer.class.is_some_and(|class| target.contains(&(class as u16)))
}

/// The figures of one genre. A track of two genres that is named right for the other one is not missed.
pub(super) fn of_genre(answers: &[Answer], targets: &[&Target], class: usize) -> OfGenre {
    let (mut hit, mut named, mut missed) = (0.0, 0.0, 0.0);
    for (answer, target) in answers.iter().zip(targets) {
        let is = target.contains(&(class as u16));
        if answer.class == Some(class) {
            named += 1.0;
            hit += f64::from(u8::from(is));
        } else if is && !is_named(answer, target) {
            missed += 1.0;
        }
    }
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let (precision, recall) = (ratio(hit, named), ratio(hit, hit + missed));
    OfGenre { precision, recall, f1: ratio(2.0 * precision * recall, precision + recall) }
}

fn ece(answers: &[Answer]) -> f64 {
    let mut bins = [(0.0_f64, 0.0_f64); BINS];
    for answer in answers {
        let bin = ((f64::from(answer.confidence) * BINS as f64) as usize).min(BINS - 1);
        bins[bin].0 += f64::from(answer.confidence);
        bins[bin].1 += f64::from(u8::from(answer.is_right));
    }
    bins.iter().map(|(confidence, right)| (confidence - right).abs()).sum::<f64>() / answers.len().max(1) as f64
}

/// The smallest confidence from which what is written is right as often as promised; above 1 where there is none. Few
/// tracks prove little: a share of right ones counts as if some more had been seen that are right as often as their
/// confidence says.
pub(super) fn threshold(answers: impl Iterator<Item = Answer>, promised: f64) -> f32 {
    /// Fewer than this prove nothing.
    const FEWEST: usize = 10;
    /// What the confidence's own word weighs, in tracks.
    const BESIDE: f64 = 20.0;
    let mut answers: Vec<Answer> = answers.collect();
    answers.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut right, mut sure, mut found) = (0.0, 0.0, 1.0_f32);
    for (n, answer) in answers.iter().enumerate() {
        right += f64::from(u8::from(answer.is_right));
        sure += f64::from(answer.confidence);
        let n = n + 1;
        let is_last_of_its_kind = answers.get(n).is_none_or(|next| next.confidence < answer.confidence);
        let likely = (right + BESIDE * sure / n as f64) / (n as f64 + BESIDE);
        if is_last_of_its_kind && n >= FEWEST && likely >= promised {
            found = answer.confidence;
        }
    }
    found
}

/// The mean of some differences, and what it exceeds in all but so many of 100 draws: a bootstrap that draws whole
/// artists.
pub(super) fn gain(differences: &[(usize, f64)], but: usize) -> Gain {
    let mut groups: std::collections::BTreeMap<usize, (f64, f64)> = Default::default();
    for (group, difference) in differences {
        let entry = groups.entry(*group).or_default();
        entry.0 += difference;
        entry.1 += 1.0;
    }
    let groups: Vec<(f64, f64)> = groups.into_values().collect();
    let mean = differences.iter().map(|(_, d)| d).sum::<f64>() / differences.len().max(1) as f64;
    if groups.len() < 2 {
        return Gain { mean, low: f64::NEG_INFINITY };
    }
    let mut chance = Chance::new(0);
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..groups.len()).map(|_| groups[chance.below(groups.len())]);
            let (sum, n) = drawn.fold((0.0, 0.0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
            sum / n
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Gain { mean, low: means[DRAWS * but / 100] }
}

/// How well a number tells those that are from those that are not: the probability that one that is has the larger
/// number, and how far that may be off where so many are independent of each other (Hanley and McNeil 1982).
pub(super) fn told_apart(numbers: &[(f32, bool)], independent: (f64, f64)) -> (f64, f64) {
    let mut sorted: Vec<&(f32, bool)> = numbers.iter().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum, mut are) = (0.0, 0.0, 0.0);
    let mut at = 0;
    while at < sorted.len() {
        let same = sorted[at..].iter().take_while(|other| other.0 == sorted[at].0).count();
        let of_these = sorted[at..at + same].iter().filter(|(_, is)| *is).count() as f64;
        let not = same as f64 - of_these;
        sum += of_these * (below + not / 2.0);
        below += not;
        are += of_these;
        at += same;
    }
    if are == 0.0 || below == 0.0 {
        return (0.5, 0.5);
    }
    let area = sum / (are * below);
    let (positive, negative) = (independent.0.max(1.0), independent.1.max(1.0));
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let spread = area * (1.0 - area) + (positive - 1.0) * (q1 - area * area) + (negative - 1.0) * (q2 - area * area);
    (area, (spread.max(0.0) / (positive * negative)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(class: usize, confidence: f32, is_right: bool) -> Answer {
        Answer { class: Some(class), confidence, is_right }
    }

    #[test]
    fn a_threshold_keeps_its_promise_on_what_it_was_chosen_on() {
        let answers: Vec<Answer> = (0..1000).map(|i| answer(0, i as f32 / 1000.0, i >= 500 || i % 2 == 0)).collect();
        let at = threshold(answers.iter().copied(), 0.9);
        let above: Vec<&Answer> = answers.iter().filter(|a| a.confidence >= at).collect();
        let right = above.iter().filter(|a| a.is_right).count() as f64 / above.len() as f64;
        assert!((0.9..0.92).contains(&right) && above.len() > 550, "{right} of {}", above.len());
        assert!(threshold(answers.iter().map(|a| Answer { is_right: false, ..*a }), 0.9) >= 1.0);
    }

    #[test]
    fn a_gain_of_one_artist_is_none() {
        let many: Vec<(usize, f64)> = (0..200).map(|i| (i, f64::from(u8::from(i % 5 == 0)))).collect();
        assert!(gain(&many, 1).low > 0.1);
        let one: Vec<(usize, f64)> = (0..200).map(|i| (i / 40, if i < 40 { 1.0 } else { 0.0 })).collect();
        assert!(gain(&one, 1).low <= 0.0);
        assert_eq!(gain(&[(0, 1.0)], 1).low, f64::NEG_INFINITY);
    }

    #[test]
    fn figures_are_those_that_one_counts_by_hand() {
        let targets: [Target; 4] = [vec![0], vec![0, 1], vec![1], vec![1]];
        let targets: Vec<&Target> = targets.iter().collect();
        let answers = [answer(0, 0.95, true), answer(1, 0.85, true), answer(0, 0.65, false), answer(1, 0.55, true)];
        let found = figures(&answers, &targets, 2, &[0.7; 4]);
        assert_eq!((found.top1, found.precision, found.coverage), (0.75, 1.0, 0.5));
        assert!((found.ece - (0.05 + 0.15 + 0.65 + 0.45) / 4.0).abs() < 1e-6);
        let of = of_genre(&answers, &targets, 0);
        assert_eq!((of.precision, of.recall), (0.5, 1.0), "the second track is named right for its other genre");
        let (area, off) = told_apart(&[(0.1, false), (0.4, true), (0.35, false), (0.8, true)], (2.0, 2.0));
        assert!(area == 1.0 && off == 0.0);
    }
}
