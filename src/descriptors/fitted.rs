//! The numbers that were fitted to labels: `fitted.json`, made by `models/training/descriptors.py`, which says how and
//! from what.

use std::sync::LazyLock;

use serde::Deserialize;

/// All of them; empty lists where the file cannot be read, which a test rules out.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fitted {
    /// What each feature of a candidate weighs.
    pub tempo: Vec<f64>,
    /// Templates: two chroma of a major key, two of a minor one, and what a minor key starts with.
    pub key: Vec<f64>,
    /// The quadrants.
    pub mood: Mood,
}

/// A softmax over standardised features.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Mood {
    /// Of each feature.
    pub mean: Vec<f64>,
    /// Of each feature.
    pub sd: Vec<f64>,
    /// Four rows: a weight for each feature, then what the quadrant starts with.
    pub weights: Vec<f64>,
}

static FITTED: LazyLock<Fitted> =
    LazyLock::new(|| serde_json::from_str(include_str!("fitted.json")).unwrap_or_default());

/// The numbers.
pub(super) fn fitted() -> &'static Fitted {
    &FITTED
}

/// Scores as shares of one.
pub(super) fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
    }
    let total: f64 = scores.iter().sum();
    for score in scores {
        *score /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_numbers_are_there() {
        assert_eq!(fitted().tempo.len(), super::super::tempo::N_FEATURES);
        assert_eq!(fitted().key.len(), 49);
        assert_eq!(
            [fitted().mood.mean.len(), fitted().mood.sd.len(), fitted().mood.weights.len()],
            [518, 518, 4 * 519]
        );
    }
}
