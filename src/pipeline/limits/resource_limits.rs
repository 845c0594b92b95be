//! What workers share, so that each resource has as many users as it bears and no more.

use super::compute_pool::ComputePool;
use super::disk_readers::DiskReaders;
use super::keyed_lock::KeyedLock;
use crate::config;
use crate::inference::Runtime;
use crate::store::AudioKey;

/// Threads for the processor's work, turns at the disks, and a lock for each recording that is worked on.
pub(in crate::pipeline) struct ResourceLimits {
    pub(in crate::pipeline) compute: ComputePool,
    pub(in crate::pipeline) readers: DiskReaders,
    pub(in crate::pipeline) recordings: KeyedLock<AudioKey>,
    cores: usize,
}

impl ResourceLimits {
    pub(in crate::pipeline) fn new(analysis: &config::Analysis) -> Self {
        let cores = analysis.cores();
        let readers = DiskReaders::new(Some(analysis.readers).filter(|readers| *readers > 0));
        Self { compute: ComputePool::new(cores), readers, recordings: KeyedLock::default(), cores }
    }

    /// How many workers keep all of it busy: one a thread that computes, and some that wait for a disk or for a batch meanwhile.
    pub(in crate::pipeline) fn workers(&self) -> usize {
        let in_batch = Runtime::started().filter(|runtime| runtime.gathers()).map_or(0, |runtime| runtime.batch().size);
        self.cores + self.readers.most().max(in_batch)
    }
}
