//! The sound itself: one channel of samples at a rate. A clip knows nothing of files.

use std::fmt;
use std::time::Duration;

/// One stretch of sound, mixed down to one channel.
///
/// A clip as decoded holds the mean of channels that were each rounded to 16 bits (see `mono`); a resampled one was not
/// rounded again.
#[derive(Clone, PartialEq)]
pub struct Clip {
    /// The samples, nominally -1 to 1 (a resampled clip may overshoot a little).
    pub samples: Vec<f32>,
    /// Samples a second, in Hz.
    pub sample_rate: u32,
}

impl fmt::Debug for Clip {
    /// The length instead of a million samples.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clip").field("samples", &self.samples.len()).field("sample_rate", &self.sample_rate).finish()
    }
}

impl Clip {
    /// How long the clip lasts.
    pub fn duration(&self) -> Duration {
        match self.sample_rate {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(self.samples.len() as f64 / f64::from(rate)),
        }
    }
}
