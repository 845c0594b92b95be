//! What files lie on: the mounts of this machine, and whether the disk behind one turns, waits for a network, or does neither.
//!
//! This asks the kernel and decides nothing: how changes are noticed is `watch`'s to choose, how many files are read at once `pipeline`'s.

mod medium;
mod mounts;

pub use medium::Medium;
pub use mounts::{Hearing, Mounts};
