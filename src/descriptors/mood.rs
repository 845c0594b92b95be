//! Mood: in which quadrant of valence and arousal a sound lies, by a softmax over the 518 features at 22,050 Hz.
//!
//! Fitted to the quadrants of 4Q audio emotion (Panda, Malheiro and Paiva 2018) by `models/training/descriptors.py`.

use std::fmt;

use super::fitted::{fitted, softmax};
use crate::features::Fma518;

/// Features this many standard deviations away count as no further.
const FARTHEST: f64 = 4.0;

/// A quadrant of valence (pleasant or not) and arousal (lively or not).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quadrant {
    /// Pleasant and lively.
    Happy,
    /// Unpleasant and lively.
    Tense,
    /// Unpleasant and quiet.
    Sad,
    /// Pleasant and quiet.
    Calm,
}

/// All four, in the order of [`quadrant_shares`].
pub const QUADRANTS: [Quadrant; 4] = [Quadrant::Happy, Quadrant::Tense, Quadrant::Sad, Quadrant::Calm];

impl fmt::Display for Quadrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Happy => "happy",
            Self::Tense => "tense",
            Self::Sad => "sad",
            Self::Calm => "calm",
        })
    }
}

/// A mood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mood {
    /// The likeliest quadrant.
    pub quadrant: Quadrant,
    /// How likely it is, 0 to 1.
    pub confidence: f64,
    /// How likely it is pleasant: happy or calm.
    pub valence: f64,
    /// How likely it is lively: happy or tense.
    pub arousal: f64,
}

/// How likely each quadrant is: happy, tense, sad, calm; of a vector that was computed at 22,050 Hz.
pub fn quadrant_shares(vector: &Fma518) -> [f64; 4] {
    let fitted = &fitted().mood;
    let rows = vector.as_slice().iter().zip(fitted.mean.iter().zip(&fitted.sd));
    let mut row: Vec<f64> =
        rows.map(|(x, (mean, sd))| ((f64::from(*x) - mean) / sd).clamp(-FARTHEST, FARTHEST)).collect();
    row.push(1.0);
    let mut shares = [0.0; 4];
    for (share, weights) in shares.iter_mut().zip(fitted.weights.chunks_exact(row.len())) {
        *share = row.iter().zip(weights).map(|(x, weight)| x * weight).sum();
    }
    softmax(&mut shares);
    shares
}

/// The mood of a vector that was computed at 22,050 Hz.
pub(super) fn mood(vector: &Fma518) -> Mood {
    let shares = quadrant_shares(vector);
    let best = (0..4).max_by(|a, b| shares[*a].total_cmp(&shares[*b])).unwrap_or(0);
    let [happy, tense, _, calm] = shares;
    Mood { quadrant: QUADRANTS[best], confidence: shares[best], valence: happy + calm, arousal: happy + tense }
}
