//! A file becomes a [Clip]: the container and codec are told from its bytes, the analysis window is sought and decoded,
//! the channels become one; on request the clip is brought to another rate. And a file has an [AudioId], the identity
//! of its sound without its tags.
//!
//! ```no_run
//! use reclassd::audio::{AnalysisWindow, decode};
//!
//! let recording = decode("song.mp3".as_ref(), &AnalysisWindow::default())?;
//! let clip = recording.clips[0].resampled(22_050)?;
//! println!("{} at {} Hz: {:?} of it", recording.codec, recording.source_rate, clip.duration());
//! # Ok::<(), reclassd::audio::AudioError>(())
//! ```
//!
//! Inside, a file is a `Source` (bytes at positions); `payload` finds the sound in it; `track` decodes that packet by
//! packet; `decode` cuts windows from it; `mono` says what a sample is. Nothing here knows what the sound is for.

mod clip;
mod decode;
mod error;
mod half_rate;
mod identity;
mod mono;
mod opus;
pub mod payload;
mod resample;
mod source;
mod track;
mod window;

pub use clip::Clip;
pub use decode::{Opened, Recording, decode, length, open, open_at, probe, warm};
pub use error::{AudioError, FailureKind};
pub use identity::{AudioId, ParseAudioIdError, identify};
pub use payload::{Container, Payload, payload, payload_hash};
pub use track::Codec;
pub use window::AnalysisWindow;
