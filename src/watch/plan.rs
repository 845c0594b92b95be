//! What is watched and how: the part of the configuration that is the watch's, made ready.

use std::path::PathBuf;
use std::time::Duration;

use crate::config;
use crate::pipeline::{Fingerprints, Selection};

/// What to watch, and how.
#[derive(Clone)]
pub struct Plan {
    /// The roots, as the configuration names them; none lies in another.
    pub roots: Vec<PathBuf>,
    /// Which files count.
    pub selection: Selection,
    /// Under which a file is settled.
    pub fingerprints: Fingerprints,
    /// How long a file has to be still.
    pub quiet: Duration,
    /// Intervals and bounds.
    pub watch: config::Watch,
}
