//! What files lie on: the mounts of this machine, whether the disk behind one turns, waits for a network, or does neither, and whether
//! there is room on it.
//!
//! This asks the kernel and decides nothing: how changes are noticed is `watch`'s to choose, how many files are read at once `pipeline`'s.

mod medium;
mod mounts;
mod room;

pub use medium::Medium;
pub use mounts::{Mounts, WatchMode};
pub use room::{is_full, remedy, says_full};
