//! Which tracks sound alike, by what the database remembers of them. Nothing is listened to here, and no file of music
//! is opened.
//!
//! ```text
//! store ─► measure ─► atlas (a row of small numbers a recording, in a file beside the database) ─► neighbours
//! ```
//!
//! How alike two sounds are is the mean of three agreements: of their descriptions by a model, of their genres, of
//! their moods (`docs/similar.md` says how it was chosen). Who asks and what is done with the answer is `commands`'
//! business.

mod atlas;
mod error;
mod measure;
mod nearest;
mod neighbours;
mod row;

pub use atlas::{Atlas, atlas_path};
pub use error::LikenessError;
pub use measure::{Measure, Sound};
pub use neighbours::{Asked, Neighbour, Wanted, neighbours};
