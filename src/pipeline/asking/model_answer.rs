//! What a model said of a file, window by window, and how that is kept and found again.

use super::ensemble_members::embedding_key;
use crate::inference::{Model, Scores};
use crate::store::{AudioKey, Store, StoreError};

/// What a model said: a row of scores for each window of the file, and where it has one a description of the sound.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct ModelAnswer {
    /// One after the other, a window each.
    scores: Vec<f32>,
    embeddings: Vec<f32>,
    windows: usize,
}

impl ModelAnswer {
    /// Adds what it said of one more window.
    pub(super) fn add(&mut self, said: Scores) {
        self.scores.extend(said.probabilities);
        self.embeddings.extend(said.embedding.unwrap_or_default());
        self.windows += 1;
    }

    /// The mean of the scores over the windows.
    pub(super) fn mean(&self) -> Vec<f32> {
        let size = self.scores.len() / self.windows.max(1);
        (0..size).map(|i| self.scores.iter().skip(i).step_by(size).sum::<f32>() / self.windows as f32).collect()
    }

    /// The scores of a window.
    pub(super) fn scores(&self, window: usize) -> Option<&[f32]> {
        row(&self.scores, self.windows, window)
    }

    /// The description of a window; none of a model that gives none.
    pub(super) fn embedding(&self, window: usize) -> Option<&[f32]> {
        row(&self.embeddings, self.windows, window)
    }

    /// The mean of the descriptions over the windows.
    pub(super) fn mean_embedding(&self) -> Option<Vec<f32>> {
        let size = self.embedding(0)?.len();
        let sum = |i| self.embeddings.iter().skip(i).step_by(size).sum::<f32>();
        Some((0..size).map(|i| sum(i) / self.windows as f32).collect())
    }

    /// What a model of this key said before.
    pub(super) fn load(
        store: &Store,
        audio: AudioKey,
        window_key: &str,
        key: &str,
        model: &Model,
    ) -> Result<Option<Self>, StoreError> {
        let labels = model.manifest().labels.len();
        let scores = store.scores(audio, key, window_key)?;
        let Some(scores) = scores.filter(|scores| !scores.is_empty() && scores.len().is_multiple_of(labels)) else {
            return Ok(None);
        };
        let windows = scores.len() / labels;
        let embeddings = match model.manifest().output.has_embedding() {
            true => store.feature(audio, &embedding_key(key), window_key)?.unwrap_or_default(),
            false => Vec::new(),
        };
        Ok(Some(Self { scores, embeddings, windows }))
    }

    pub(super) fn keep(&self, store: &Store, audio: AudioKey, window_key: &str, key: &str) -> Result<(), StoreError> {
        store.keep_scores(audio, key, window_key, &self.scores)?;
        if !self.embeddings.is_empty() {
            store.keep_feature(audio, &embedding_key(key), window_key, &self.embeddings)?;
        }
        Ok(())
    }
}

/// One of `n` rows of equal size; none when there are no such rows.
pub(super) fn row(rows: &[f32], n: usize, at: usize) -> Option<&[f32]> {
    let size = rows.len().checked_div(n).filter(|size| *size > 0 && size * n == rows.len())?;
    rows.chunks_exact(size).nth(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_keep_their_own_words_and_are_averaged_for_the_vote() {
        let answer = ModelAnswer {
            scores: vec![0.9, 0.1, 0.5, 0.5],
            embeddings: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            windows: 2,
        };
        assert_eq!(answer.mean(), [0.7, 0.3]);
        assert_eq!((answer.scores(1), answer.embedding(1)), (Some(&[0.5, 0.5][..]), Some(&[4.0, 5.0, 6.0][..])));
        assert_eq!(answer.scores(2), None);
        assert_eq!(ModelAnswer::default().embedding(0), None);
        assert_eq!(row(&[1.0, 2.0, 3.0], 2, 0), None, "a row and a half");
    }
}
