//! What workers share, so that each resource has as many users as it bears and no more.

use super::alone::Alone;
use super::desks::Desks;
use super::readers::Readers;
use crate::config;
use crate::inference::Runtime;
use crate::store::AudioKey;

/// Desks for the processor's work, turns at the disks, and who works on which recording.
pub(super) struct Means {
    pub(super) desks: Desks,
    pub(super) readers: Readers,
    pub(super) alone: Alone<AudioKey>,
    cores: usize,
}

impl Means {
    pub(super) fn new(analysis: &config::Analysis) -> Self {
        let cores = analysis.cores();
        let readers = Readers::new(Some(analysis.readers).filter(|readers| *readers > 0));
        Self { desks: Desks::new(cores), readers, alone: Alone::default(), cores }
    }

    /// How many workers keep all of it busy: one a desk, and some that wait for a disk or for a batch meanwhile.
    pub(super) fn workers(&self) -> usize {
        let in_batch = Runtime::started().filter(|runtime| runtime.gathers()).map_or(0, |runtime| runtime.batch().size);
        self.cores + self.readers.most().max(in_batch)
    }
}
