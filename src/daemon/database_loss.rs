//! A database that was deleted or replaced under the service. For as long as it is replaced, nothing is worked on: what would be written
//! could not be taken back. Then the service goes on with the one that is there, or ends.

use std::path::Path;
use std::sync::Weak;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::pipeline::ModelVersions;
use crate::store::{Store, StoreError};
use crate::tagging::FileStamp;

/// How often the place is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long nothing may be there, or nothing that can be opened.
const PATIENCE: Duration = Duration::from_secs(15);

/// The time without a database.
pub(super) struct DatabaseLoss {
    /// What went wrong, the last thing.
    pub(super) why: StoreError,
    /// Under what the service worked, and does again.
    pub(super) config: Config,
    pub(super) model_versions: ModelVersions,
    /// Whether a reload was asked for meanwhile.
    pub(super) reload: bool,
    pub(super) look_at: Instant,
    give_up_at: Instant,
    /// What was there at the last look.
    seen: Option<FileStamp>,
    /// The one that was open, for as long as somebody has it.
    old: Weak<Store>,
}

/// What is at the database's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseSight {
    /// Nothing yet, or something that is still being written.
    NotYet,
    /// A file that is still.
    There,
    /// There has been nothing for too long.
    Hopeless,
}

impl DatabaseLoss {
    pub(super) fn new(
        why: StoreError,
        config: Config,
        model_versions: ModelVersions,
        old: Weak<Store>,
        now: Instant,
    ) -> Self {
        let (look_at, give_up_at) = (now + INTERVAL, now + PATIENCE);
        Self { why, config, model_versions, reload: false, look_at, give_up_at, seen: None, old }
    }

    /// Looks at the place.
    pub(super) fn look(&mut self, database: &Path, now: Instant) -> DatabaseSight {
        let there = FileStamp::of(database).ok();
        self.sight(there, now)
    }

    fn sight(&mut self, there: Option<FileStamp>, now: Instant) -> DatabaseSight {
        self.look_at = now + INTERVAL;
        let was_seen = std::mem::replace(&mut self.seen, there);
        if there.is_some() && there != was_seen {
            self.give_up_at = now + PATIENCE;
            return DatabaseSight::NotYet;
        }
        // Two of one process would share what SQLite knows of the file.
        if there.is_some() && self.old.strong_count() == 0 {
            return DatabaseSight::There;
        }
        if now >= self.give_up_at { DatabaseSight::Hopeless } else { DatabaseSight::NotYet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Loss as How;

    #[test]
    fn a_database_that_is_being_copied_is_waited_for_and_one_that_does_not_come_is_not() {
        let (start, path) = (Instant::now(), "/s/reclassd.db".into());
        let why = StoreError::Lost { path, how: How::Deleted };
        let mut loss = DatabaseLoss::new(why, Config::default(), ModelVersions::default(), Weak::new(), start);
        let at = |second: u64| start + Duration::from_secs(second);
        let of_size = |size| Some(FileStamp { size, mtime_seconds: 0, mtime_nanoseconds: 0, inode: 1, device: 1 });
        assert_eq!(loss.sight(None, at(1)), DatabaseSight::NotYet);
        for second in 10..40 {
            assert_eq!(loss.sight(of_size(second), at(second)), DatabaseSight::NotYet, "it grows");
        }
        assert_eq!(loss.sight(of_size(39), at(40)), DatabaseSight::There);
        assert_eq!(
            loss.sight(of_size(39), at(41)),
            DatabaseSight::There,
            "and may be tried again where it could not be opened"
        );
        assert_eq!(loss.sight(None, at(42)), DatabaseSight::NotYet);
        assert_eq!(loss.sight(None, at(55)), DatabaseSight::Hopeless);
    }
}
