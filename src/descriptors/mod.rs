//! What a track sounds like, in words and numbers that its owner knows: tempo, key, loudness, mood.
//!
//! Everything is made from a clip and from what [`crate::features`] computes of it at 22,050 Hz. What cannot be judged
//! is [`Absent`] with its reason, never a default number; what can be wrong has a confidence. Files, tags and the
//! database are none of its business, nor are genres.
//!
//! ```text
//! clip ─┬─► loudness ───────────────┐
//!       └─► 22,050 Hz ─┬─► log-mel ─► rhythm ─► tempo, beat strength, energy
//!                      ├─► peaks ───► pitch classes ─► key
//!                      ├─► level ───► danceability
//!                      └─► the 518 ─► mood
//! ```

mod absent;
mod cells;
mod danceability;
mod energy;
mod fitted;
mod key;
mod loudness;
mod mood;
mod pitch;
mod rhythm;
mod row;
mod tempo;
#[cfg(test)]
mod tests;

pub use absent::Absent;
pub use cells::{Cell, Value};
pub use key::{Key, KeyNotation, Mode};
pub use mood::{Mood, QUADRANTS, Quadrant, quadrant_shares};
pub use tempo::Tempo;

use crate::audio::{AudioError, Clip};
use crate::features::{Extractor, FeatureError, Fma518, LogMel, LogMelParameters};

/// The version of the arithmetic and of the fitted numbers: it goes up whenever a value may change.
pub const DESCRIPTORS_VERSION: u32 = 1;

/// The rate at which all but the loudness is computed, in Hz.
pub const SAMPLE_RATE: u32 = 22_050;

/// Shorter sounds have a duration and a loudness, and nothing else is said of them.
pub const MIN_SECONDS: f64 = 5.0;

/// What a clip sounds like.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptors {
    /// How long the clip is, in seconds.
    pub duration: f64,
    /// The pace.
    pub tempo: Result<Tempo, Absent>,
    /// How much of what begins returns at the beat, 0 to 1.
    pub beat_strength: Result<f64, Absent>,
    /// Key and mode.
    pub key: Result<Key, Absent>,
    /// Integrated loudness in LUFS, of the clip, as if its mono mix came from both loudspeakers.
    pub loudness: Result<f64, Absent>,
    /// Loudness and activity, 0 to 1.
    pub energy: Result<f64, Absent>,
    /// The inverse of the exponent of detrended fluctuation analysis, about 0.5 to 3.
    pub danceability: Result<f64, Absent>,
    /// Valence, arousal and their quadrant.
    pub mood: Result<Mood, Absent>,
}

/// Why there is nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The clip cannot be brought to the rate.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The features cannot be computed.
    #[error(transparent)]
    Features(#[from] FeatureError),
}

impl Descriptors {
    /// What a clip sounds like.
    ///
    /// # Errors
    /// [`DescriptorError`] for a clip that no features can be computed of: empty, or with samples that are no numbers.
    pub fn of(clip: &Clip, extractor: &mut Extractor) -> Result<Self, DescriptorError> {
        if let Some(reason) = nothing_to_hear(clip) {
            return Ok(Self::absent(clip, reason));
        }
        let at_rate = clip.resampled(SAMPLE_RATE)?;
        let parameters = LogMelParameters::default();
        let (vector, log_mel) = extractor.fma518_and_log_mel(&at_rate.samples, SAMPLE_RATE, &parameters)?;
        Ok(Self::heard(clip, &at_rate, &log_mel, &vector))
    }

    /// The same from features that were computed already: the clip at 22,050 Hz, its log-mel spectrogram with the
    /// default parameters, and its vector.
    pub fn from_features(clip: &Clip, at_rate: &Clip, log_mel: &LogMel, vector: &Fma518) -> Self {
        match nothing_to_hear(clip) {
            Some(reason) => Self::absent(clip, reason),
            None => Self::heard(clip, at_rate, log_mel, vector),
        }
    }

    fn heard(clip: &Clip, at_rate: &Clip, log_mel: &LogMel, vector: &Fma518) -> Self {
        let rhythm = rhythm::Rhythm::of(log_mel).ok_or(Absent::TooShort);
        let tempo = rhythm.as_ref().map_err(|reason| *reason).and_then(tempo::tempo);
        let beat_strength = match (&rhythm, &tempo) {
            (Ok(rhythm), Ok(tempo)) => Ok(tempo::beat_strength(rhythm, tempo)),
            (Err(reason), _) | (_, Err(reason)) => Err(*reason),
        };
        let loudness = loudness::loudness(clip);
        let energy = match (&rhythm, loudness) {
            (Ok(rhythm), Ok(loudness)) => Ok(energy::energy(loudness, rhythm.activity)),
            (Err(reason), _) => Err(*reason),
            (_, Err(reason)) => Err(reason),
        };
        Self {
            duration: clip.duration().as_secs_f64(),
            tempo,
            beat_strength,
            key: key::key(&pitch::Pitches::of(&at_rate.samples, at_rate.sample_rate)),
            loudness,
            energy,
            danceability: danceability::danceability(&at_rate.samples, at_rate.sample_rate),
            mood: Ok(mood::mood(vector)),
        }
    }

    /// Nothing but the duration, and the loudness of what is only short.
    fn absent(clip: &Clip, reason: Absent) -> Self {
        Self {
            duration: clip.duration().as_secs_f64(),
            tempo: Err(reason),
            beat_strength: Err(reason),
            key: Err(reason),
            loudness: if reason == Absent::Silent { Err(reason) } else { loudness::loudness(clip) },
            energy: Err(reason),
            danceability: Err(reason),
            mood: Err(reason),
        }
    }
}

/// Why nothing can be said of a clip.
fn nothing_to_hear(clip: &Clip) -> Option<Absent> {
    if !loudness_is_heard(&clip.samples) {
        Some(Absent::Silent)
    } else if clip.duration().as_secs_f64() < MIN_SECONDS {
        Some(Absent::TooShort)
    } else {
        None
    }
}

/// Whether the swing around the mean is above -60 dB: a constant level is not heard.
fn loudness_is_heard(samples: &[f32]) -> bool {
    const MIN_MEAN_SQUARE: f64 = 1e-6;
    let n = samples.len().max(1) as f64;
    let (sum, squares) = samples.iter().fold((0.0, 0.0), |(sum, squares), &x| {
        let x = f64::from(x);
        (sum + x, squares + x * x)
    });
    squares / n - (sum / n).powi(2) >= MIN_MEAN_SQUARE
}
