//! The figures: pure functions of judged clips. Each says its formula and where it is from; none knows files, models or
//! families.
//!
//! A clip may carry several labels while one genre is named, so that accuracy is "is the first name right" (top-1), and
//! precision and recall are those of naming a genre first: no clip of two genres can have both named, and recall alone
//! is harsh on it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::judge::Judged;
use crate::genre::Genre;

/// Bins of a reliability diagram and of the expected calibration error.
pub const BINS: usize = 10;
/// The thresholds of precision and coverage.
pub const THRESHOLDS: [f32; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// The share of clips whose first genre is right, 0 to 1. None without clips.
pub fn top1(clips: &[Judged]) -> Option<f64> {
    share(clips.iter().filter(|clip| clip.is_right()).count(), clips.len())
}

/// How well one genre is named.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenreFigures {
    /// The genre.
    pub genre: Genre,
    /// Clips that carry it.
    pub clips: usize,
    /// Clips whose first name it is; for a family that nobody can say, or one of its kinds.
    pub named: usize,
    /// Of the clips that are named so, the share for which that is right. None when none is.
    pub precision: Option<f64>,
    /// Of the clips that carry it, the share whose first name is right for it. None when none carries it.
    pub recall: Option<f64>,
    /// The harmonic mean of both, 2 P R / (P + R) (van Rijsbergen 1979); 0 when either is 0 or undefined.
    pub f1: f64,
    /// Of the clips that carry it, the share whose first name is right, if only for another label of theirs.
    pub right: Option<f64>,
}

/// The figures of every genre that a clip carries or that was named, those with the most clips first, then by name.
pub fn by_genre(clips: &[Judged]) -> Vec<GenreFigures> {
    #[derive(Default)]
    struct Counts {
        clips: usize,
        named: usize,
        named_rightly: usize,
        found: usize,
        right: usize,
    }
    let mut counts: BTreeMap<&Genre, Counts> = BTreeMap::new();
    for clip in clips {
        for name in std::iter::once(&clip.named).chain(&clip.family) {
            let count = counts.entry(name).or_default();
            count.named += 1;
            count.named_rightly += usize::from(clip.is_right());
        }
        for (i, label) in clip.labels.iter().enumerate() {
            let count = counts.entry(label).or_default();
            count.clips += 1;
            count.found += usize::from(clip.right_for == Some(i));
            count.right += usize::from(clip.is_right());
        }
    }
    // A family that no clip carries has spoken through its kinds already.
    let carried: BTreeSet<&Genre> = clips.iter().flat_map(|clip| &clip.labels).collect();
    let named: BTreeSet<&Genre> = clips.iter().map(|clip| &clip.named).collect();
    let counts = counts.into_iter().filter(|(genre, _)| carried.contains(genre) || named.contains(genre));
    let mut figures: Vec<GenreFigures> = counts
        .map(|(genre, count)| {
            let precision = share(count.named_rightly, count.named);
            let recall = share(count.found, count.clips);
            let (p, r) = (precision.unwrap_or(0.0), recall.unwrap_or(0.0));
            let f1 = if p + r > 0.0 { 2.0 * p * r / (p + r) } else { 0.0 };
            let right = share(count.right, count.clips);
            GenreFigures { genre: genre.clone(), clips: count.clips, named: count.named, precision, recall, f1, right }
        })
        .collect();
    figures.sort_by(|a, b| b.clips.cmp(&a.clips).then_with(|| a.genre.cmp(&b.genre)));
    figures
}

/// The mean F1 of the genres that some clip carries and that `counts` lets through, each weighing the same
/// (macro-average). None when there is no such genre.
pub fn macro_f1(genres: &[GenreFigures], counts: impl Fn(&Genre) -> bool) -> Option<f64> {
    let f1: Vec<f64> = genres.iter().filter(|g| g.clips > 0 && counts(&g.genre)).map(|g| g.f1).collect();
    (!f1.is_empty()).then(|| f1.iter().sum::<f64>() / f1.len() as f64)
}

/// What was named for what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confusion {
    /// The genres of the rows and of the columns: those that clips carry, the most frequent first, then those only ever
    /// named.
    pub genres: Vec<Genre>,
    /// `counts[i][j]`: clips of genre i that were named j. A right answer stands on the diagonal, in the row of the
    /// label that it is right for; a wrong one is shared evenly among the rows of its clip's labels. All cells sum to
    /// the number of clips.
    pub counts: Vec<Vec<f64>>,
}

/// The confusion matrix; the diagonal sums to the number of right clips.
pub fn confusion(clips: &[Judged]) -> Confusion {
    let mut genres: Vec<Genre> = by_genre(clips).into_iter().map(|figures| figures.genre).collect();
    // A family or a wider genre that was only named rightly has no cell of its own: those clips are on the diagonal.
    let wrong: BTreeSet<&Genre> = clips.iter().filter(|clip| !clip.is_right()).map(|clip| &clip.named).collect();
    let carried: BTreeSet<&Genre> = clips.iter().flat_map(|clip| &clip.labels).collect();
    genres.retain(|genre| carried.contains(genre) || wrong.contains(genre));
    let place: BTreeMap<&Genre, usize> = genres.iter().enumerate().map(|(i, genre)| (genre, i)).collect();
    let mut counts = vec![vec![0.0; genres.len()]; genres.len()];
    for clip in clips {
        match clip.right_for {
            Some(label) => {
                let i = place[&clip.labels[label]];
                counts[i][i] += 1.0;
            }
            None => {
                for label in &clip.labels {
                    counts[place[label]][place[&clip.named]] += 1.0 / clip.labels.len() as f64;
                }
            }
        }
    }
    Confusion { genres, counts }
}

/// A count of the confusion matrix as people read it: whole numbers as they are, small shares with a digit.
pub fn show_count(count: f64) -> String {
    if (count - count.round()).abs() < 1e-6 || count >= 99.5 { format!("{count:.0}") } else { format!("{count:.1}") }
}

/// One bin of a reliability diagram (DeGroot and Fienberg 1983).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// Its lowest confidence.
    pub low: f64,
    /// Its highest, which belongs to the next bin, except for 1.
    pub high: f64,
    /// Clips with a confidence in it.
    pub clips: usize,
    /// Their mean confidence. None without clips.
    pub confidence: Option<f64>,
    /// The share of them that is right. None without clips.
    pub accuracy: Option<f64>,
}

/// Clips by confidence in [`BINS`] bins of equal width.
pub fn reliability(clips: &[Judged]) -> Vec<Bin> {
    // In single precision, where 0.7 times 10 is 7: a confidence at the edge of a bin is in it, as one at a threshold
    // is sure.
    let bin_of = |clip: &Judged| ((clip.confidence * BINS as f32) as usize).min(BINS - 1);
    (0..BINS)
        .map(|b| {
            let inside: Vec<&Judged> = clips.iter().filter(|clip| bin_of(clip) == b).collect();
            let confidence: f64 = inside.iter().map(|clip| f64::from(clip.confidence)).sum();
            let right = inside.iter().filter(|clip| clip.is_right()).count();
            Bin {
                low: b as f64 / BINS as f64,
                high: (b + 1) as f64 / BINS as f64,
                clips: inside.len(),
                confidence: (!inside.is_empty()).then(|| confidence / inside.len() as f64),
                accuracy: share(right, inside.len()),
            }
        })
        .collect()
}

/// The expected calibration error, sum over bins of n_b / N * |accuracy_b - confidence_b| (Naeini et al. 2015, Guo et
/// al. 2017), 0 to 1. Few clips make it look larger than it is. None without clips.
pub fn expected_calibration_error(bins: &[Bin]) -> Option<f64> {
    let total: usize = bins.iter().map(|bin| bin.clips).sum();
    let gap = |bin: &Bin| Some(bin.clips as f64 * (bin.accuracy? - bin.confidence?).abs());
    (total > 0).then(|| bins.iter().filter_map(gap).sum::<f64>() / total as f64)
}

/// What comes of writing only what is sure enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtThreshold {
    /// The confidence from which a genre is written.
    #[serde(serialize_with = "as_it_was_typed")]
    pub threshold: f32,
    /// Clips that reach it.
    pub clips: usize,
    /// Of those, the share that is right. None without any.
    pub precision: Option<f64>,
    /// Of all clips, the share that reaches it. None without clips.
    pub coverage: Option<f64>,
}

/// Precision and coverage at a threshold: a confidence that equals it is sure, as in a scan.
pub fn at_threshold(clips: &[Judged], threshold: f32) -> AtThreshold {
    let sure: Vec<&Judged> = clips.iter().filter(|clip| clip.confidence >= threshold).collect();
    let right = sure.iter().filter(|clip| clip.is_right()).count();
    let (precision, coverage) = (share(right, sure.len()), share(sure.len(), clips.len()));
    AtThreshold { threshold, clips: sure.len(), precision, coverage }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// 0.7 and not 0.699999988079071, the double that is nearest to the single.
fn as_it_was_typed<S: serde::Serializer>(threshold: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*threshold) * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests;
