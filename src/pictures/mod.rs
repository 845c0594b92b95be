//! Pictures of sound and of a library: a track as it was heard, features of several tracks beside each other, the
//! library's figures. They show what was found out elsewhere; the sheet and its axes are [`crate::drawing`]'s.

mod beats;
mod features;
mod library;
mod pitches;
mod spectrogram;
mod track;

pub use crate::drawing::DrawError;
pub use features::{Feature, distribution, heat_map, means};
pub use library::{Form, LibraryFigures, library};
pub(crate) use spectrogram::{mel_of, shrunk};
pub use track::{Scores, TrackPicture, track};
