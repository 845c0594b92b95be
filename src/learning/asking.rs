//! What is most worth asking: of the tracks that nobody named, those whose answers say most of the others. A track is the more telling the
//! less sure the vote is of it and the more tracks sound like it that no answer speaks for yet. So each next one is the track that
//! speaks for the most unsureness that is left, and what it speaks for is taken off: one of a kind, or of an album, comes first.
//!
//! This is the greedy maximum of a submodular sum (facility location weighted by uncertainty, after Wei, Iyer and Bilmes 2015).

use std::path::PathBuf;

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::LearnError;
use crate::config::Config;
use crate::inference::{Part, PartOutput, SaidPart};
use crate::pipeline::StoredAnswers;
use crate::store::{AnalysedTrack, AudioKey, Store, TrackStatus};

/// More tracks than this are not compared with each other.
const MOST: usize = 4_000;
/// The same for the order of review, which is seen to after every scan.
const COMPARED_FOR_TURNS: usize = 1_000;
/// Tracks that get a turn there: more than anybody answers in one go.
const TURNS: usize = 200;
/// Cosines below this are no likeness.
const UNLIKE: f32 = 0.2;

/// A track that is worth asking about.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The file.
    pub path: PathBuf,
    /// What the vote takes it for.
    pub genre: Option<String>,
    /// How sure that is.
    pub confidence: f32,
    /// The unsureness that an answer would speak for, in tracks.
    pub stands_for: f32,
}

struct Candidate {
    path: PathBuf,
    audio: AudioKey,
    genre: Option<String>,
    confidence: f32,
    is_named: bool,
}

/// The tracks whose answers would help most, the first one most.
///
/// # Errors
/// [`LearnError`] when the database or the configuration's models fail.
pub fn most_telling(store: &Store, config: &Config, n: usize) -> Result<Vec<Asked>, LearnError> {
    of_most_telling(store, config, n, MOST)
}

/// Gives the tracks whose answers would help most their turns in review. It is meant for after every scan that found something, and
/// compares fewer tracks.
///
/// # Errors
/// As for [`most_telling`].
pub fn give_turns(store: &Store, config: &Config) -> Result<(), LearnError> {
    let asked = of_most_telling(store, config, TURNS, COMPARED_FOR_TURNS)?;
    let paths: Vec<PathBuf> = asked.into_iter().map(|asked| asked.path).collect();
    Ok(store.give_turns(&paths)?)
}

fn of_most_telling(store: &Store, config: &Config, n: usize, most: usize) -> Result<Vec<Asked>, LearnError> {
    let stored = StoredAnswers::new(config)?;
    let mut candidates = Vec::new();
    store.analysed(|track| {
        let AnalysedTrack { path, audio, genre, .. } = track;
        let is_named = track.chosen.is_some();
        let could_be = track.status == TrackStatus::Unsure || is_named || track.confidence.is_some();
        if could_be && !track.is_gone && !track.is_not_music {
            candidates.push(Candidate { path, audio, genre, confidence: track.confidence.unwrap_or(0.0), is_named });
            // Memory does not grow with the library.
            if candidates.len() > 8 * most {
                thin_out(&mut candidates, most);
            }
        }
    })?;
    thin_out(&mut candidates, most);
    let (rows, candidates) = described(store, &stored, candidates)?;
    let sure: Vec<f32> = candidates.iter().map(|candidate| 1.0 - candidate.confidence).collect();
    let named: Vec<bool> = candidates.iter().map(|candidate| candidate.is_named).collect();
    let chosen = order(&rows, &sure, &named, n);
    Ok(chosen
        .into_iter()
        .map(|(i, stands_for)| {
            let Candidate { path, genre, confidence, .. } = &candidates[i];
            Asked { path: path.clone(), genre: genre.clone(), confidence: *confidence, stands_for }
        })
        .collect())
}

/// Keeps the least sure ones, and of those that were named a part.
fn thin_out(candidates: &mut Vec<Candidate>, most: usize) {
    if candidates.len() > most {
        candidates.sort_by(|a, b| b.is_named.cmp(&a.is_named).then(a.confidence.total_cmp(&b.confidence)));
        let named = candidates.partition_point(|candidate| candidate.is_named);
        candidates.drain(..named.saturating_sub(most / 2));
        candidates.truncate(most);
    }
    candidates.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Descriptions of the tracks that have one, on a common scale and of length 1.
fn described(
    store: &Store,
    stored: &StoredAnswers,
    candidates: Vec<Candidate>,
) -> Result<(Array2<f32>, Vec<Candidate>), LearnError> {
    let parts = stored.parts();
    let is_description = |part: &Part| matches!(part, Part::Said(SaidPart { output: PartOutput::Embedding, .. }));
    // The last description is that of the model which was trained on most.
    let at: Vec<usize> = (0..parts.len()).filter(|&at| is_description(&parts[at])).collect();
    let mut said = Vec::with_capacity(candidates.len());
    for candidate in &candidates {
        said.push(stored.of(store, candidate.audio)?.parts);
    }
    let have = |at: usize| said.iter().filter(|parts| parts[at].is_some()).count();
    let best = at.into_iter().rev().max_by_key(|&at| (have(at) * 10 / said.len().max(1), have(at) > 0, at));
    let (mut numbers, mut kept, mut width) = (Vec::new(), Vec::new(), 0);
    for (candidate, mut parts) in candidates.into_iter().zip(said) {
        let Some(part) = best.and_then(|at| parts[at].take()) else { continue };
        if width == 0 || part.len() == width {
            width = part.len();
            numbers.extend(part);
            kept.push(candidate);
        }
    }
    let mut rows = Array2::from_shape_vec((kept.len(), width), numbers).unwrap_or_default();
    for mut column in rows.axis_iter_mut(Axis(1)) {
        let mean = column.mean().unwrap_or(0.0);
        let spread = (column.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / column.len() as f32).sqrt().max(1e-6);
        column.mapv_inplace(|x| (x - mean) / spread);
    }
    for mut row in rows.axis_iter_mut(Axis(0)) {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
        row.mapv_inplace(|x| x / length);
    }
    Ok((rows, kept))
}

/// The order in which to ask about rows of length 1: places, and what each speaks for when its turn comes.
fn order(rows: &Array2<f32>, unsure: &[f32], named: &[bool], n: usize) -> Vec<(usize, f32)> {
    let count = rows.nrows();
    let like = |i: usize| -> Vec<f32> {
        let row = rows.row(i);
        (0..count).map(|j| row.dot(&rows.row(j)).max(UNLIKE) - UNLIKE).collect()
    };
    // What the nearest answer already says of each.
    let mut told = vec![0.0_f32; count];
    let take =
        |i: usize, told: &mut [f32]| told.iter_mut().zip(like(i)).for_each(|(told, like)| *told = told.max(like));
    (0..count).filter(|&i| named[i]).for_each(|i| take(i, &mut told));
    let gain = |i: usize, told: &[f32]| -> f32 {
        like(i).iter().zip(told).zip(unsure).map(|((like, told), unsure)| (like - told).max(0.0) * unsure).sum()
    };
    let mut gains: Vec<(usize, f32)> =
        (0..count).into_par_iter().filter(|&i| !named[i]).map(|i| (i, gain(i, &told))).collect();
    let mut chosen = Vec::new();
    // A gain only falls as more is told: one that is still the largest when counted anew is the largest.
    while chosen.len() < n && !gains.is_empty() {
        gains.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let (i, before) = gains[0];
        let now = gain(i, &told);
        if now < before && gains.get(1).is_some_and(|(_, next)| now < *next) {
            gains[0].1 = now;
            continue;
        }
        chosen.push((i, now));
        gains.remove(0);
        take(i, &mut told);
    }
    chosen
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn one_of_each_kind_is_asked_first_and_what_was_answered_is_not_asked_for() {
        // Ten of one kind, five of another, one of a third that the vote is sure of.
        let kind = |i: usize| if i < 10 { 0 } else { 1 + usize::from(i == 15) };
        let rows = Array2::from_shape_fn((16, 3), |(i, j)| f32::from(u8::from(kind(i) == j)));
        let unsure: Vec<f32> = (0..16).map(|i| if i == 15 { 0.1 } else { 0.5 }).collect();
        let asked =
            |named: &[bool]| -> Vec<usize> { order(&rows, &unsure, named, 3).iter().map(|(i, _)| kind(*i)).collect() };
        assert_eq!(asked(&[false; 16]), [0, 1, 2]);
        let mut named = [false; 16];
        named[3] = true;
        assert_eq!(asked(&named)[..2], [1, 2]);
    }
}
