//! Scores become a verdict: one taxonomy of genres, a vote of the models in it, and the line between sure and unsure.
//!
//! ```text
//! scores of each model ─► Ballot ─► vote ─► Tally: mean, temperature, calibration, music, kinds ─► Verdict (sure, or unsure and why)
//! ```
//!
//! Everything here is arithmetic on plain values: nothing reads a file, runs a model or knows how a tag is written.

mod agreement;
mod calibration;
mod error;
mod family;
mod kinds;
mod name;
mod naming;
mod sound_check;
mod taxonomy;
mod verdict;
mod vote;

pub use calibration::{Calibration, Signs};
pub use error::GenreError;
pub use kinds::{KindFit, KindShare, Kinds, KindsPolicy};
pub use name::Genre;
pub use naming::{Casing, Naming};
pub use sound_check::is_silent;
pub use taxonomy::{OwnGenre, Taxonomy};
pub use verdict::{Doubt, NotMusic, Verdict};
pub use vote::{Ballot, Ranking, Rules, Tally, vote, vote_on_sound};
