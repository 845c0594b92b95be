//! Why a clip has no features. No path is named here: this module never sees one, whoever holds it adds it.

use thiserror::Error;

/// Why features could not be computed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// There are no samples at all.
    #[error("the clip is empty")]
    Empty,

    /// The constant-Q transform halves the clip six times and needs two samples left before the last halving.
    #[error("the clip is too short: {samples} samples, at least {needed} are needed at this sample rate")]
    TooShort {
        /// Samples in the clip.
        samples: usize,
        /// The fewest that would do at this rate.
        needed: usize,
    },

    /// The result would not fit a sensible amount of memory.
    #[error("the clip is too long: {samples} samples, at most {limit} can be analysed at once; analyse a window of it")]
    TooLong {
        /// Samples in the clip.
        samples: usize,
        /// The most that are accepted.
        limit: usize,
    },

    /// A sample is NaN, infinite, or so large that its square leaves the range of the arithmetic.
    #[error("sample {index} is {value}: samples must be finite and at most {limit:e} in magnitude (full scale is 1)")]
    InvalidSample {
        /// Position of the first such sample.
        index: usize,
        /// Its value.
        value: f32,
        /// The largest magnitude that is accepted.
        limit: f32,
    },

    /// The highest constant-Q filter (B7 and its bandwidth, about 4.2 kHz, shifted by the tuning) lies beyond Nyquist.
    #[error(
        "the sample rate of {sample_rate} Hz is too low for the constant-Q transform; resample to 16,000 Hz or more"
    )]
    RateTooLow {
        /// The clip's rate in Hz.
        sample_rate: u32,
    },

    /// The rate is beyond anything audio uses, and the filters would grow with it.
    #[error("the sample rate of {sample_rate} Hz is too high: at most {limit} Hz")]
    RateTooHigh {
        /// The clip's rate in Hz.
        sample_rate: u32,
        /// The highest that is accepted.
        limit: u32,
    },

    /// Samples for a spectrogram must already be at the rate that it is made at.
    #[error("the clip is at {found} Hz, the spectrogram is made at {wanted} Hz; resample it first")]
    RateMismatch {
        /// The clip's rate in Hz.
        found: u32,
        /// The rate of the spectrogram in Hz.
        wanted: u32,
    },

    /// The log-mel parameters contradict themselves or are out of range.
    #[error("log-mel parameters: {reason}")]
    InvalidParameters {
        /// What is wrong with them.
        reason: &'static str,
    },
}
