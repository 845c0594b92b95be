//! Who may read: on a disk with heads one file after the other, over a network several at once, on flash whoever likes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::storage::Medium;

/// Readers of a disk that has to move its heads: with two, each read of one makes the other's a seek.
const OF_A_SPINNING_DISK: usize = 1;
/// Readers over a network, where most of a read is waiting for its answer.
const OF_A_REMOTE_DISK: usize = 8;

/// How many files are read at once on each file system.
pub(in crate::pipeline) struct DiskReaders {
    /// What the configuration says; none: as it suits the medium.
    chosen: Option<usize>,
    disks: Mutex<HashMap<u64, Arc<Disk>>>,
}

/// One file system.
struct Disk {
    /// None: as many as there are workers.
    limit: Option<usize>,
    reading: Mutex<usize>,
    freed: Condvar,
}

impl DiskReaders {
    pub(in crate::pipeline) fn new(chosen: Option<usize>) -> Self {
        Self { chosen, disks: Mutex::default() }
    }

    /// The most that may ever read at once on a file system that limits them.
    pub(in crate::pipeline) fn most(&self) -> usize {
        self.chosen.unwrap_or(OF_A_REMOTE_DISK)
    }

    /// Waits until a file (without links) on the file system of this number may be read.
    pub(in crate::pipeline) fn turn(&self, path: &Path, device: u64) -> ReadTurn {
        let disk = {
            let mut disks = self.disks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(disks.entry(device).or_insert_with(|| Arc::new(Disk::new(self.limit(path, device)))))
        };
        if let Some(limit) = disk.limit {
            let reading = disk.reading.lock().unwrap_or_else(PoisonError::into_inner);
            let mut reading =
                disk.freed.wait_while(reading, |reading| *reading >= limit).unwrap_or_else(PoisonError::into_inner);
            *reading += 1;
        }
        ReadTurn { disk }
    }

    fn limit(&self, path: &Path, device: u64) -> Option<usize> {
        self.chosen.or_else(|| {
            let medium = Medium::of(path, device);
            tracing::debug!("{}: its disk is {medium:?}", path.display());
            match medium {
                Medium::Solid => None,
                Medium::Spinning => Some(OF_A_SPINNING_DISK),
                Medium::Remote => Some(OF_A_REMOTE_DISK),
            }
        })
    }
}

impl Disk {
    fn new(limit: Option<usize>) -> Self {
        Self { limit: limit.map(|limit| limit.max(1)), reading: Mutex::new(0), freed: Condvar::new() }
    }
}

/// The right to read, until it is dropped.
pub(in crate::pipeline) struct ReadTurn {
    disk: Arc<Disk>,
}

impl ReadTurn {
    /// Whether others wait for it: then all that is needed is read at once, before it is given on.
    pub(in crate::pipeline) fn is_scarce(&self) -> bool {
        self.disk.limit.is_some()
    }
}

impl Drop for ReadTurn {
    fn drop(&mut self) {
        if self.is_scarce() {
            *self.disk.reading.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            self.disk.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// The most that read at once when eight would like to.
    fn most_at_once(readers: &DiskReaders, devices: u64) -> usize {
        let (reading, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let (reading, most) = (&reading, &most);
                scope.spawn(move || {
                    for _ in 0..20 {
                        let _turn = readers.turn(Path::new("/"), worker % devices);
                        most.fetch_max(reading.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        reading.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        most.into_inner()
    }

    #[test]
    fn each_disk_is_read_by_no_more_than_it_likes() {
        assert_eq!(most_at_once(&DiskReaders::new(Some(1)), 1), 1);
        assert!(most_at_once(&DiskReaders::new(Some(1)), 3) <= 3, "three disks have a reader each");
        assert_eq!(most_at_once(&DiskReaders::new(Some(0)), 1), 1, "somebody has to read");
    }
}
