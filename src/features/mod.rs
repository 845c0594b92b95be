//! A clip becomes numbers: the 518 FMA features, log-mel spectrograms, and the mel spectrograms that other people's
//! networks were trained on.
//!
//! The 518 are those of the [FMA data set]'s `features.csv`: eleven feature families, 74 rows over time, seven
//! statistics a row, in librosa 0.5.0's arithmetic, its quirks included, because a classifier trained on that table has
//! learned the quirks too. The log-mel is the ordinary one (true sample rate, zero padding) that spectrogram models
//! take.
//!
//! ```text
//! samples ─► stft ─► power and magnitude ─┬─► mel ─► dB ─► mfcc              ┐
//!    │                                    ├─► centroid, bandwidth, rolloff,  │
//!    │                                    │   contrast, rmse                 ├─► statistics ─► 518
//!    │                                    └─► tuning ─► chroma_stft          │
//!    ├─► constant-Q (octave by octave) ─► chroma_cqt ─► chroma_cens ─► tonnetz
//!    └─► zcr                                                                 ┘
//! ```
//!
//! Everything here takes mono samples with a sample rate and gives numbers. Files, decoding and resampling are none of
//! its business, and neither is what the numbers mean.
//!
//! Frames are computed sixteen at a time, one frame a SIMD lane (see `simd`): in that layout a sum over bins, a
//! running maximum or a filter bank is the same plain loop for all of them, and the compiler vectorises it.
//!
//! [FMA data set]: https://github.com/mdeff/fma

mod chroma;
mod contrast;
mod cqt;
mod decibel;
mod decimate;
mod error;
mod extractor;
mod fma518;
mod frame_matrix;
mod limits;
mod log_mel;
mod mel;
mod mel_parameters;
mod mel_spectrogram;
mod mfcc;
mod musicnn_mel;
mod spectral;
mod statistics;
mod stft;
mod tonnetz;
mod tuning;
mod zcr;

pub use error::FeatureError;
pub use extractor::Extractor;
pub use fma518::{FMA518_LEN, Fma518, fma518_columns};
pub use log_mel::{LogMel, LogMelParameters};
pub use mel::{MelNorm, MelScale, MelSlopes};
pub use mel_parameters::{Compression, Edges, Logarithm, MelParameters, Reference, Spectrum, Window};
pub use mel_spectrogram::MelSpectrogram;
pub use musicnn_mel::MusicnnMel;
pub use stft::Framing;

/// The version of the arithmetic in this module: it goes up whenever a value may change, and is stored with every
/// cached result so that old ones can be told from new ones.
pub const FEATURES_VERSION: u32 = 1;
