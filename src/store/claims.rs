//! One tagger a file: a process claims the file it works on, so that a scan beside a running service is safe.
//!
//! A claim is a row that names a process. One whose process is gone is taken over; there is no clock in it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, path_bytes, unix_now};

/// The files that the threads of this process work on.
#[derive(Default)]
pub(super) struct Claimed {
    pub(super) paths: Mutex<HashSet<PathBuf>>,
    freed: Condvar,
}

/// What this process has claimed, by database: however often it opened one, one tagger a file.
static CLAIMED: Mutex<Option<HashMap<PathBuf, Weak<Claimed>>>> = Mutex::new(None);

impl Claimed {
    /// What is claimed in a database.
    pub(super) fn of(database: &Path) -> Arc<Self> {
        let database = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let mut all = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        all.retain(|_, claimed| claimed.strong_count() > 0);
        if let Some(claimed) = all.get(&database).and_then(Weak::upgrade) {
            return claimed;
        }
        let claimed = Arc::new(Self::default());
        all.insert(database, Arc::downgrade(&claimed));
        claimed
    }

    /// Waits until no other thread works on the file, and takes it.
    fn take(&self, path: &Path) {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        let mut paths =
            self.freed.wait_while(paths, |paths| paths.contains(path)).unwrap_or_else(PoisonError::into_inner);
        paths.insert(path.to_owned());
    }

    fn free(&self, path: &Path) {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        self.freed.notify_all();
    }
}

/// The right to work on a file; given back when dropped.
#[must_use = "the file is free again as soon as the claim is dropped"]
pub struct Claim<'a> {
    store: &'a Store,
    path: PathBuf,
    /// Whether the database has it too.
    recorded: bool,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.store.claimed.free(&self.path);
        if !self.recorded {
            return;
        }
        let freed = self.store.execute("DELETE FROM claim WHERE path = ?1", [path_bytes(&self.path)]);
        if let Err(error) = freed {
            // It is taken over once this process has ended.
            tracing::warn!("cannot free the claim on {}: {error}", self.path.display());
        }
    }
}

impl Store {
    /// Claims a file (by its canonical path) for this thread, waiting for other threads of this process; `None` while
    /// another living process has it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn claim(&self, path: &Path) -> Result<Option<Claim<'_>>, StoreError> {
        let me = std::process::id();
        self.check_in_place()?;
        self.claimed.take(path);
        let mut claim = Claim { store: self, path: path.to_owned(), recorded: false };
        let taken = self.transact(self.results(), |transaction| {
            let holder: Option<(u32, i64)> = transaction
                .prepare_cached("SELECT process, process_start FROM claim WHERE path = ?1")?
                .query_row([path_bytes(path)], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            // A row of this process was left by a claim that could not be freed: the threads keep apart by themselves.
            let is_held = |(process, start)| process != me && start_of(process) == Some(start);
            if holder.is_some_and(is_held) {
                return Ok(false);
            }
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO claim (path, process, process_start, claimed_at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![path_bytes(path), me, start_of(me).unwrap_or(0), unix_now()])?;
            Ok(true)
        })?;
        claim.recorded = taken;
        Ok(taken.then_some(claim))
    }
}

/// When a process started, in the kernel's ticks; `None` when it is gone. Field 22 of `/proc/PID/stat` (proc(5)).
/// Without `/proc` a living process answers 0: then a reused number keeps a stale claim until that process ends.
pub fn start_of(process: u32) -> Option<i64> {
    match std::fs::read_to_string(format!("/proc/{process}/stat")) {
        // The second field is the name in parentheses, which may hold spaces and parentheses itself.
        Ok(stat) => stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok(),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => {
            let pid = rustix::process::Pid::from_raw(i32::try_from(process).ok()?)?;
            match rustix::process::test_kill_process(pid) {
                Ok(()) | Err(rustix::io::Errno::PERM) => Some(0),
                Err(_) => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::fresh;

    #[test]
    fn a_claimed_file_is_free_again_when_the_work_is_done() {
        let (_folder, store) = fresh();
        let path = Path::new("/m/a.mp3");
        let claim = store.claim(path).unwrap();
        assert!(claim.is_some());
        assert!(store.claim(Path::new("/m/b.mp3")).unwrap().is_some());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| store.claim(path).unwrap().is_some());
            drop(claim);
            assert!(waiting.join().unwrap(), "another thread waits and gets it");
        });
        assert!(store.claim(path).unwrap().is_some());
    }

    #[test]
    fn a_database_that_is_opened_twice_in_a_process_still_has_one_tagger_a_file() {
        let (_folder, store) = fresh();
        let again = Store::open(store.path(), std::time::Duration::from_secs(5)).unwrap();
        let path = Path::new("/m/a.mp3");
        let claim = store.claim(path).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| again.claim(path).unwrap().is_some());
            std::thread::sleep(std::time::Duration::from_millis(30));
            assert!(!waiting.is_finished(), "the other has it");
            drop(claim);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_file_that_another_process_works_on_is_left_to_it() {
        let (_folder, store) = fresh();
        // Process 1 lives as long as the machine.
        let start = start_of(1).unwrap();
        store.execute("INSERT INTO claim VALUES (x'2F61', 1, ?1, 0)", [start]).unwrap();
        assert!(store.claim(Path::new("/a")).unwrap().is_none());
        store.execute("DELETE FROM claim", []).unwrap();
        assert!(store.claim(Path::new("/a")).unwrap().is_some());
    }

    #[test]
    fn the_claim_of_a_dead_process_is_taken_over() {
        let (_folder, store) = fresh();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        store.execute("INSERT INTO claim VALUES (x'2F61', ?1, 5, 0)", [dead]).unwrap();
        // Number 1 lives, but did not start at the tick that the claim names.
        store.execute("INSERT INTO claim VALUES (x'2F62', 1, -5, 0)", []).unwrap();
        assert!(store.claim(Path::new("/a")).unwrap().is_some());
        assert!(store.claim(Path::new("/b")).unwrap().is_some());
    }
}
