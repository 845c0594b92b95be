//! What an answer about one track says of others at once, before anything is learned from it: tracks of the same album,
//! and those that sound nearly the same, are suggested the genre, and their turn in review comes first. Nothing is
//! written into a file by it.

use std::path::{Path, PathBuf};

use super::LearnError;
use crate::config::Config;
use crate::inference::{Part, PartOutput, SaidPart};
use crate::pipeline::StoredAnswers;
use crate::store::{AudioKey, Store, WaitingTrack};

/// Tracks of the folder, and of the front of the queue, that an answer is compared with: a fraction of a second's
/// reading.
const COMPARED: usize = 400;
/// The cosine from which two tracks count as alike, by musicnn's description of the sound and by the 518. Of pairs of
/// clips by different artists that are as near, 85 % and 93 % share a genre, where 28 % of all do (docs/learning.md).
const ALIKE_BY_DESCRIPTION: f32 = 0.85;
const ALIKE_BY_FEATURES: f32 = 0.65;
/// The model whose descriptions were measured for that.
const DESCRIBES: &str = "musicnn-msd";

/// A track that its owner said the genre of.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its audio.
    pub audio: AudioKey,
    /// The album in its tags, where that is known.
    pub album: Option<&'a str>,
    /// The genres.
    pub genres: &'a [String],
}

/// Compares tracks with those that were answered for.
pub struct Neighbours {
    stored: StoredAnswers,
    /// The part of what is remembered that is compared, and from which cosine on two are alike.
    part: Option<(usize, f32)>,
}

impl Neighbours {
    /// By the models of a configuration.
    ///
    /// # Errors
    /// [`LearnError`] when the configuration names a model that there is not.
    pub fn new(config: &Config) -> Result<Self, LearnError> {
        let stored = StoredAnswers::new(config)?;
        let parts = stored.parts();
        let describes = |part: &Part| matches!(part, Part::Said(SaidPart { model, output: PartOutput::Embedding, .. }) if model == DESCRIBES);
        let features = |part: &Part| matches!(part, Part::Features(_));
        let described = parts.iter().position(describes).map(|at| (at, ALIKE_BY_DESCRIPTION));
        let part = described.or_else(|| parts.iter().position(features).map(|at| (at, ALIKE_BY_FEATURES)));
        Ok(Self { stored, part })
    }

    /// Suggests an answer's genres for the tracks that are like it and wait for a decision. Says how many there are.
    ///
    /// # Errors
    /// [`LearnError`] when the database fails.
    pub fn pass_on(&self, store: &Store, answered: Answered<'_>) -> Result<usize, LearnError> {
        let folder = answered.path.parent().unwrap_or(answered.path);
        let mut waiting = store.waiting(folder, COMPARED)?;
        waiting.retain(|track| track.path != answered.path);
        let is_of_album = |track: &WaitingTrack| {
            track.path.parent() == Some(folder) && answered.album.is_some() && track.album.as_deref() == answered.album
        };
        let (mut alike, others): (Vec<WaitingTrack>, Vec<WaitingTrack>) = waiting.into_iter().partition(is_of_album);
        alike.extend(self.near(store, answered.audio, others)?);
        let paths: Vec<PathBuf> = alike.into_iter().map(|track| track.path).collect();
        store.suggest(&paths, answered.genres)?;
        Ok(paths.len())
    }

    /// Of some tracks those that sound nearly like one.
    fn near(&self, store: &Store, audio: AudioKey, tracks: Vec<WaitingTrack>) -> Result<Vec<WaitingTrack>, LearnError> {
        let Some((at, alike)) = self.part else { return Ok(Vec::new()) };
        let of = |audio| Ok::<_, LearnError>(self.stored.of(store, audio)?.parts.into_iter().nth(at).flatten());
        let Some(own) = of(audio)? else { return Ok(Vec::new()) };
        let (mut rows, mut known) = (vec![own], Vec::new());
        for track in tracks {
            if let Some(row) = of(track.audio)?.filter(|row| row.len() == rows[0].len()) {
                rows.push(row);
                known.push(track);
            }
        }
        let cosines = cosines_with_first(&mut rows);
        Ok(known.into_iter().zip(cosines).filter(|(_, cosine)| *cosine >= alike).map(|(track, _)| track).collect())
    }
}

/// How alike each of the others is to the first row, once every number has mean 0 and spread 1. Fewer than a few dozen
/// rows have no scale.
fn cosines_with_first(rows: &mut [Vec<f32>]) -> Vec<f32> {
    const FEWEST: usize = 30;
    /// Standard deviations beyond which a number says no more.
    const BOUND: f32 = 5.0;
    let n = rows.len();
    if n < FEWEST {
        return vec![0.0; n.saturating_sub(1)];
    }
    for i in 0..rows[0].len() {
        let mean = rows.iter().map(|row| row[i]).sum::<f32>() / n as f32;
        let spread = (rows.iter().map(|row| (row[i] - mean).powi(2)).sum::<f32>() / n as f32).sqrt().max(1e-6);
        rows.iter_mut().for_each(|row| row[i] = ((row[i] - mean) / spread).clamp(-BOUND, BOUND));
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let first = &rows[0];
    let length = dot(first, first).sqrt();
    rows[1..].iter().map(|row| dot(first, row) / (length * dot(row, row).sqrt()).max(1e-6)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leans_the_same_way_is_alike_and_few_rows_say_nothing() {
        let row = |i: usize| {
            (0..40).map(|j| (crate::chance::mixed((i * 100 + j) as u64) % 1000) as f32 / 100.0).collect::<Vec<f32>>()
        };
        let mut rows: Vec<Vec<f32>> = (0..60).map(row).collect();
        rows[1] = rows[0].iter().map(|x| x + 0.05).collect();
        let found = cosines_with_first(&mut rows.clone());
        assert!(found[0] > 0.9, "{found:?}");
        assert!(found[1..].iter().filter(|cosine| **cosine > 0.85).count() < 3, "{found:?}");
        assert!(cosines_with_first(&mut rows[..5].to_vec()).iter().all(|cosine| *cosine == 0.0));
    }
}
