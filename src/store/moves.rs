//! Files that turn up under another name: which of them go on with what is known of a file that is gone.
//!
//! What is known of a file is its row, its journal entries and the owner's choice. They go together or not at all, by
//! one rule:
//!
//! 1. the old name is empty, or leads to the file: a link stands where its folder was;
//! 2. the file holds what was left in the old one: what we wrote, or what an undo brought back;
//! 3. it is the file itself and no copy: it has the number that the old one had, or it comes from another file system
//!    and is new.
//!
//! A file for which only the second holds for sure, since the old one may be on a disk that is not mounted or the file
//! may be a copy of it, is a twin: what the owner decided is obeyed for it too, which harms nobody, and the history
//! stays where it is. An undo by hand names its file, and takes the history of a twin as well if the old name is empty.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::genre_past::{Ended, last_write};
use super::{Recording, Store, StoreError, path_bytes, path_from_bytes};
use crate::tagging::{FileStamp, LastWrite, Origin, OwnersChoice, TagState, is_the_same_genre};

/// A file that is perhaps known under another name.
pub struct Arrival<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// What it holds.
    pub recording: Recording,
    /// Which file it is.
    pub stamp: FileStamp,
    /// Its tags, where they can be read; asked for only if there is a file that it may be.
    pub tags: &'a dyn Fn() -> Option<TagState>,
}

/// What a file is to one that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// The same file, moved.
    Itself,
    /// Perhaps a copy of it.
    Twin,
}

/// The clocks of a file server and of this machine may differ by so many seconds.
const CLOCKS_DIFFER: i64 = 60;

impl Store {
    /// Lets what is known of a file that is gone go on with this one, if it is that file. Says under which name it was
    /// known.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn follow(&self, arrival: &Arrival<'_>) -> Result<Option<PathBuf>, StoreError> {
        self.revive(arrival)?;
        if self.is_at_home(arrival)? {
            return Ok(None);
        }
        match self.predecessor(arrival)? {
            Some((old, Kinship::Itself)) => self.move_all(&old, arrival).map(|()| Some(old)),
            Some((old, Kinship::Twin)) => self.obey_too(&old, arrival).map(|()| None),
            None => Ok(None),
        }
    }

    /// The same for a file that the owner named: the history of a twin whose name is empty goes along as well.
    ///
    /// # Errors
    /// As for [`follow`](Self::follow).
    pub fn follow_by_hand(&self, arrival: &Arrival<'_>) -> Result<Option<PathBuf>, StoreError> {
        self.revive(arrival)?;
        match self.predecessor(arrival)? {
            Some((old, kinship)) if kinship == Kinship::Itself || is_missing(&old) => {
                self.move_all(&old, arrival).map(|()| Some(old))
            }
            _ => Ok(None),
        }
    }

    /// The name under which this file was known, or a file that it may be a copy of, without changing anything. None
    /// where several may be meant.
    ///
    /// # Errors
    /// As for [`follow`](Self::follow).
    pub fn predecessor(&self, arrival: &Arrival<'_>) -> Result<Option<(PathBuf, Kinship)>, StoreError> {
        let absent = self.absent(arrival)?;
        if absent.is_empty() {
            return Ok(None);
        }
        let tags = (arrival.tags)();
        let mut kin = Vec::new();
        for (path, absence) in absent {
            let trail = self.trail(&path, &arrival.recording)?;
            if let Some(kinship) = trail.kinship(absence, arrival, tags.as_ref()) {
                let likeness = Likeness {
                    kinship,
                    has_other_number: !trail.has_number(&arrival.stamp),
                    has_other_name: path.file_name() != arrival.path.file_name(),
                    is_undecided: trail.choice.is_none(),
                };
                kin.push((likeness, trail.has_history(), path));
            }
        }
        kin.sort();
        if let [first, second, ..] = kin.as_slice() {
            // Rows without a history are worth the same.
            let is_ambiguous = first.0 == second.0 && (first.1 || second.1);
            if is_ambiguous && first.0.kinship == Kinship::Itself {
                return Ok(None);
            }
        }
        Ok(kin.into_iter().next().map(|(likeness, _, path)| (path, likeness.kinship)))
    }

    /// Another name under which this recording was written, the latest first: what a copy may be told to be a copy of.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn written_elsewhere(&self, path: &Path, recording: &Recording) -> Result<Option<PathBuf>, StoreError> {
        let (audio, hash) = recording.values();
        let same = Recording::is_the_same(2);
        let sql = format!(
            "SELECT path FROM journal WHERE path != ?1 AND state = 'committed' AND {same} ORDER BY id DESC LIMIT 1"
        );
        let connection = self.results();
        let find = || {
            let values = params![path_bytes(path), audio, hash];
            connection.prepare_cached(&sql)?.query_row(values, |row| row.get(0).map(path_from_bytes)).optional()
        };
        find().map_err(|e| self.error(e))
    }

    /// Where the files are now that were written under this name and moved since, the latest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn moved_to(&self, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let connection = self.results();
        let list = || -> rusqlite::Result<Vec<PathBuf>> {
            let mut statement = connection.prepare_cached(
                "SELECT path FROM journal WHERE written_path = ?1 AND path != ?1 GROUP BY path ORDER BY max(id) DESC",
            )?;
            let rows = statement.query_map([path_bytes(path)], |row| row.get(0).map(path_from_bytes))?;
            rows.collect()
        };
        list().map_err(|e| self.error(e))
    }

    /// A file that had been found to be deleted is there again, as it was.
    fn revive(&self, arrival: &Arrival<'_>) -> Result<(), StoreError> {
        let ended: bool = {
            let connection = self.results();
            let sql = "SELECT EXISTS (SELECT 1 FROM journal WHERE path = ?1 AND gone_at IS NOT NULL)";
            let ask = || connection.prepare_cached(sql)?.query_row([path_bytes(arrival.path)], |row| row.get(0));
            ask().map_err(|e| self.error(e))?
        };
        if !ended {
            return Ok(());
        }
        let Some(tags) = (arrival.tags)() else { return Ok(()) };
        if self.trail(arrival.path, &arrival.recording)?.is_held_by(&tags) {
            let (audio, hash) = arrival.recording.values();
            let same = Recording::is_the_same(2);
            self.transact(self.durable(), |transaction| {
                let sql = format!("UPDATE journal SET gone_at = NULL WHERE path = ?1 AND {same}");
                transaction.prepare_cached(&sql)?.execute(params![path_bytes(arrival.path), audio, hash])
            })?;
        }
        Ok(())
    }

    /// Whether the file is known under its own name.
    fn is_at_home(&self, arrival: &Arrival<'_>) -> Result<bool, StoreError> {
        let (audio, hash) = arrival.recording.values();
        let same = Recording::is_the_same(2);
        let connection = self.results();
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM track WHERE path = ?1 AND audio = ?2 AND gone_at IS NULL)
                 OR EXISTS (SELECT 1 FROM journal WHERE path = ?1 AND state != 'abandoned' AND gone_at IS NULL AND {same})"
        );
        let ask = || {
            connection.prepare_cached(&sql)?.query_row(params![path_bytes(arrival.path), audio, hash], |row| row.get(0))
        };
        ask().map_err(|e| self.error(e))
    }

    /// The other names under which the recording is known and which nothing is at, or which lead to the file.
    fn absent(&self, arrival: &Arrival<'_>) -> Result<BTreeMap<PathBuf, Absence>, StoreError> {
        let (audio, hash) = arrival.recording.values();
        let same = Recording::is_the_same(2);
        let connection = self.results();
        let list = || -> rusqlite::Result<Vec<(PathBuf, u64)>> {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT path, device FROM track WHERE audio = ?2 AND path != ?1
                 UNION SELECT path, after_device FROM journal WHERE state = 'committed' AND path != ?1 AND {same}
                 UNION SELECT path, device FROM owner_choice WHERE audio = ?2 AND path != ?1"
            ))?;
            let rows = statement.query_map(params![path_bytes(arrival.path), audio, hash], |row| {
                Ok((path_from_bytes(row.get(0)?), row.get::<_, Option<i64>>(1)?.unwrap_or_default() as u64))
            })?;
            rows.collect()
        };
        let mut absent = BTreeMap::new();
        for (path, device) in list().map_err(|e| self.error(e))? {
            if let Some(absence) = Absence::of(&path, device, arrival) {
                // A file may have been on several file systems under the same name.
                let known = absent.entry(path).or_insert(absence);
                *known = absence.min(*known);
            }
        }
        Ok(absent)
    }

    fn trail(&self, path: &Path, recording: &Recording) -> Result<Trail, StoreError> {
        let choice = self.choice_as_known(path)?;
        let (audio, hash) = recording.values();
        let same = Recording::is_the_same(2);
        let connection = self.results();
        let last = last_write(self, &connection, path, recording, Ended::Too)?;
        type Written = (String, Option<i64>, Option<i64>, Option<i64>);
        let written: Option<Written> = connection
            .prepare_cached(&format!(
                "SELECT genre_after, after_inode, after_device, ended_at FROM journal
                 WHERE path = ?1 AND state = 'committed' AND {same} ORDER BY id DESC LIMIT 1"
            ))
            .and_then(|mut statement| {
                statement
                    .query_row(params![path_bytes(path), audio, hash], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                    .optional()
            })
            .map_err(|e| self.error(e))?;
        let seen: Option<(i64, i64, i64)> = connection
            .prepare_cached("SELECT inode, device, seen_at FROM track WHERE path = ?1 AND audio IS ?2")
            .and_then(|mut statement| {
                statement
                    .query_row(params![path_bytes(path), audio], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })
            .map_err(|e| self.error(e))?;
        let mut trail = Trail { choice, last, ..Trail::default() };
        if let Some((genre, inode, device, ended_at)) = written {
            trail.genre = Some(self.parse(&genre)?);
            trail.numbers.extend(inode.zip(device).map(|(inode, device)| (inode as u64, device as u64)));
            trail.seen_at = ended_at.unwrap_or_default();
        }
        if let Some((inode, device, seen_at)) = seen {
            trail.numbers.push((inode as u64, device as u64));
            trail.seen_at = trail.seen_at.max(seen_at);
        }
        Ok(trail)
    }

    fn move_all(&self, old: &Path, arrival: &Arrival<'_>) -> Result<(), StoreError> {
        // Lost with the power it is found out once more.
        self.transact(self.results(), |transaction| {
            move_history(transaction, old, arrival)?;
            move_row(transaction, old, arrival.path)?;
            transaction
                .prepare_cached("UPDATE OR REPLACE owner_choice SET path = ?1 WHERE path = ?2")?
                .execute(params![path_bytes(arrival.path), path_bytes(old)])?;
            Ok(())
        })
    }

    /// What was decided for the other file holds for this one too.
    fn obey_too(&self, old: &Path, arrival: &Arrival<'_>) -> Result<(), StoreError> {
        self.transact(self.results(), |transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO owner_choice (path, audio, device, genres, origin, chosen_at)
                     SELECT ?1, audio, ?3, genres, origin, chosen_at FROM owner_choice WHERE path = ?2",
                )?
                .execute(params![path_bytes(arrival.path), path_bytes(old), arrival.stamp.device as i64])?;
            Ok(())
        })
    }
}

fn move_history(transaction: &Transaction<'_>, old: &Path, arrival: &Arrival<'_>) -> rusqlite::Result<()> {
    let (audio, hash) = arrival.recording.values();
    let same = Recording::is_the_same(3);
    let sql = format!("UPDATE journal SET path = ?1, gone_at = NULL WHERE path = ?2 AND state != 'open' AND {same}");
    let values = params![path_bytes(arrival.path), path_bytes(old), audio, hash];
    transaction.prepare_cached(&sql)?.execute(values)?;
    Ok(())
}

/// Gives the row the new path, unless the new path has one.
fn move_row(transaction: &Transaction<'_>, old: &Path, new: &Path) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE OR IGNORE track SET path = ?1, gone_at = NULL WHERE path = ?2")?
        .execute(params![path_bytes(new), path_bytes(old)])?;
    Ok(())
}

/// How much a file is like one that was known, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    kinship: Kinship,
    has_other_number: bool,
    has_other_name: bool,
    is_undecided: bool,
}

/// In which way nothing is at a name. In this order, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Absence {
    /// The name leads to the file that turned up.
    LeadsThere,
    /// The file system is there and the file is not.
    Gone,
    /// Nothing is there; it may be on a disk that is not mounted.
    Unmounted,
}

impl Absence {
    fn of(path: &Path, device: u64, arrival: &Arrival<'_>) -> Option<Self> {
        // Most are copies that are still there: one look at each.
        if let Ok(there) = path.metadata() {
            let is_it = (there.ino(), there.dev()) == (arrival.stamp.inode, arrival.stamp.device);
            return (is_it && leads_to(path, arrival.path)).then_some(Self::LeadsThere);
        }
        if !is_missing(path) {
            return None;
        }
        Some(if is_gone(path, device) { Self::Gone } else { Self::Unmounted })
    }
}

/// What is known under a name.
#[derive(Debug, Default)]
struct Trail {
    choice: Option<OwnersChoice>,
    last: LastWrite,
    /// The genre after the last write of any kind.
    genre: Option<Vec<String>>,
    /// Numbers of the file and of its file system.
    numbers: Vec<(u64, u64)>,
    /// When it was there for certain, in seconds since 1970.
    seen_at: i64,
}

impl Trail {
    fn has_history(&self) -> bool {
        self.choice.is_some() || self.genre.is_some()
    }

    fn has_number(&self, stamp: &FileStamp) -> bool {
        self.numbers.contains(&(stamp.inode, stamp.device))
    }

    fn kinship(&self, absence: Absence, arrival: &Arrival<'_>, tags: Option<&TagState>) -> Option<Kinship> {
        if absence == Absence::LeadsThere {
            return Some(Kinship::Itself);
        }
        if !self.has_history() {
            // A row alone says nothing about the tags, and means no more than that the file was seen.
            return (absence == Absence::Gone).then_some(Kinship::Itself);
        }
        if !tags.is_some_and(|tags| self.is_held_by(tags)) {
            return None;
        }
        let is_from_elsewhere = self.numbers.iter().all(|(_, device)| *device != arrival.stamp.device);
        let is_itself = self.has_number(&arrival.stamp) || is_from_elsewhere && !self.was_there_beside(arrival.path);
        Some(if absence == Absence::Gone && is_itself { Kinship::Itself } else { Kinship::Twin })
    }

    /// Whether the file at `path` has been there, unchanged, since before this one was last seen. What was moved has
    /// changed then.
    fn was_there_beside(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|metadata| metadata.ctime() + CLOCKS_DIFFER < self.seen_at)
    }

    /// Whether a file with these tags is as this one was left.
    fn is_held_by(&self, tags: &TagState) -> bool {
        let has = |genres: &[String]| is_the_same_genre(&tags.genres, genres);
        let as_decided = self.choice.as_ref().filter(|choice| choice.origin != Origin::HandedBack);
        as_decided.is_some_and(|choice| has(&choice.genres))
            || match &self.last {
                LastWrite::Owners | LastWrite::Undone => self.genre.as_deref().is_some_and(has),
                last => last.is_held_by(tags),
            }
    }
}

/// Whether an old name of a file leads to it under its new one: a link stands where its folder was.
fn leads_to(old: &Path, path: &Path) -> bool {
    std::fs::canonicalize(old).is_ok_and(|target| target == path)
}

/// Whether nothing is at a path.
fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    path.symlink_metadata().is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

/// Whether a file is really gone: nothing is at its path, and what is left of the path lies on the file system that the
/// file was on. A root that is not mounted is another file system (its mount point's), and no sign of a move or a
/// deletion.
pub(super) fn is_gone(path: &Path, device: u64) -> bool {
    if !is_missing(path) {
        return false;
    }
    let left = path.ancestors().skip(1).find(|ancestor| !is_missing(ancestor));
    left.and_then(|folder| folder.metadata().ok()).is_some_and(|folder| folder.dev() == device)
}

/// The files at these paths were found to be deleted: what is written into a file that comes in their place is another
/// history.
pub(super) fn end_history(connection: &Connection, path: &Path, now: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE journal SET gone_at = ?2 WHERE path = ?1 AND gone_at IS NULL AND state != 'open'")?
        .execute(params![path_bytes(path), now])?;
    Ok(())
}

#[cfg(test)]
mod tests;
