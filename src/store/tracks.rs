//! Files as the program last saw them: path, stamp, what holds for them, and which settings said so.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, params};

use super::{AudioKey, Store, StoreError, path_bytes, path_from_bytes, stamp, unix_now};
use crate::tagging::FileStamp;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrackStatus {
    /// It carries a genre that we wrote.
    Tagged,
    /// It was analysed, and its tags are rightly as they were.
    Kept,
    /// The vote was not sure enough: it waits in review.
    Unsure,
    /// Nothing can be done with it as it is: its format, its length, or a safety rule says no.
    Skipped,
    /// Something went wrong that may go right another time.
    Failed,
}

impl TrackStatus {
    /// The word that stands in the database and in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            TrackStatus::Tagged => "tagged",
            TrackStatus::Kept => "kept",
            TrackStatus::Unsure => "unsure",
            TrackStatus::Skipped => "skipped",
            TrackStatus::Failed => "failed",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        use TrackStatus::*;
        [Tagged, Kept, Unsure, Skipped, Failed].into_iter().find(|status| status.as_str() == word)
    }
}

/// A row of the track table.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// The file.
    pub path: PathBuf,
    /// Its size, time and inode when it was last settled.
    pub stamp: FileStamp,
    /// What became of it.
    pub status: TrackStatus,
    /// The first genre of the vote, written or not.
    pub genre: Option<String>,
    /// Confidence of that genre, 0 to 1.
    pub confidence: Option<f32>,
    /// The genres of the vote, best first, with their shares.
    pub ranking: Vec<(String, f32)>,
    /// Why the file was not tagged.
    pub reason: Option<String>,
    /// Fingerprint of the settings that the status holds for; `None` asks for another look.
    pub settled_by: Option<String>,
}

/// What is recorded of a file when the line is done with it.
#[derive(Debug, Clone)]
pub struct TrackUpdate<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its audio, where it could be identified.
    pub audio: Option<AudioKey>,
    /// Its stamp now (after our own write, if there was one).
    pub stamp: FileStamp,
    /// What became of it.
    pub status: TrackStatus,
    /// The first genre of the vote.
    pub genre: Option<&'a str>,
    /// Confidence of that genre.
    pub confidence: Option<f32>,
    /// The genres of the vote, best first, with their shares.
    pub ranking: &'a [(String, f32)],
    /// Why the file was not tagged.
    pub reason: Option<&'a str>,
    /// Fingerprint of the settings, or `None` where the next scan has to look again.
    pub settled_by: Option<&'a str>,
}

impl Store {
    /// The file at `path` was `before` and is `after` by a write of ours that changes nothing of what is known of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn restamp(&self, path: &Path, before: &FileStamp, after: &FileStamp) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE track SET size = ?2, mtime_seconds = ?3, mtime_nanos = ?4, inode = ?5, device = ?6
             WHERE path = ?1 AND size = ?7 AND mtime_seconds = ?8 AND mtime_nanos = ?9 AND inode = ?10 AND device = ?11";
        let ([a, b, c, d, e], [f, g, h, i, j]) = (stamp::columns(after), stamp::columns(before));
        let connection = self.results();
        let run = || connection.prepare_cached(SQL)?.execute(params![path_bytes(path), a, b, c, d, e, f, g, h, i, j]);
        run().map(|_| ()).map_err(|e| self.error(e))
    }

    /// The row of a path, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds a row that this program did not write.
    pub fn track(&self, path: &Path) -> Result<Option<Track>, StoreError> {
        let connection = self.reading();
        let mut statement = connection
            .prepare_cached(
                "SELECT path, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, ranking, reason, settled_by
                 FROM track WHERE path = ?1",
            )
            .map_err(|e| self.error(e))?;
        let row = statement.query_row([path_bytes(path)], RawTrack::read).optional().map_err(|e| self.error(e))?;
        row.map(|raw| raw.check(self)).transpose()
    }

    /// The audio of a path, if its file is still the one with this stamp.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn audio_of(&self, path: &Path, stamp: &FileStamp) -> Result<Option<AudioKey>, StoreError> {
        let [size, seconds, nanos, inode, device] = stamp::columns(stamp);
        let connection = self.reading();
        let find = || -> rusqlite::Result<Option<i64>> {
            let found = connection
                .prepare_cached(
                    "SELECT audio FROM track WHERE path = ?1 AND size = ?2 AND mtime_seconds = ?3 AND mtime_nanos = ?4
                     AND inode = ?5 AND device = ?6",
                )?
                .query_row(params![path_bytes(path), size, seconds, nanos, inode, device], |row| row.get(0))
                .optional()?;
            Ok(found.flatten())
        };
        Ok(find().map_err(|e| self.error(e))?.map(AudioKey))
    }

    /// Records a file.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn record_track(&self, update: &TrackUpdate<'_>) -> Result<(), StoreError> {
        let ranking = serde_json::to_string(update.ranking)
            .map_err(|_| StoreError::Malformed { path: self.path.clone(), what: "ranking" })?;
        let [size, seconds, nanos, inode, device] = stamp::columns(&update.stamp);
        self.transact(self.results(), |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO track (path, audio, size, mtime_seconds, mtime_nanos, inode, device, status, genre,
                                        confidence, ranking, reason, settled_by, seen_at, added_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)
                     ON CONFLICT (path) DO UPDATE SET
                         audio = excluded.audio, size = excluded.size,
                         mtime_seconds = excluded.mtime_seconds, mtime_nanos = excluded.mtime_nanos,
                         inode = excluded.inode, device = excluded.device, status = excluded.status,
                         genre = excluded.genre, confidence = excluded.confidence, ranking = excluded.ranking,
                         reason = excluded.reason, settled_by = excluded.settled_by, seen_at = excluded.seen_at,
                         gone_at = NULL",
                )?
                .execute(params![
                    path_bytes(update.path),
                    update.audio.map(|audio| audio.0),
                    size,
                    seconds,
                    nanos,
                    inode,
                    device,
                    update.status.as_str(),
                    update.genre,
                    update.confidence.map(f64::from),
                    ranking,
                    update.reason,
                    update.settled_by,
                    unix_now(),
                ])?;
            Ok(())
        })
    }
}

/// A row before its words and numbers were checked.
struct RawTrack {
    path: Vec<u8>,
    stamp: FileStamp,
    status: String,
    genre: Option<String>,
    confidence: Option<f64>,
    ranking: Option<String>,
    reason: Option<String>,
    settled_by: Option<String>,
}

impl RawTrack {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            path: row.get(0)?,
            stamp: stamp::read(row, 1)?,
            status: row.get(6)?,
            genre: row.get(7)?,
            confidence: row.get(8)?,
            ranking: row.get(9)?,
            reason: row.get(10)?,
            settled_by: row.get(11)?,
        })
    }

    fn check(self, store: &Store) -> Result<Track, StoreError> {
        let malformed = |what| StoreError::Malformed { path: store.path.clone(), what };
        Ok(Track {
            path: path_from_bytes(self.path),
            stamp: self.stamp,
            status: TrackStatus::parse(&self.status).ok_or_else(|| malformed("track status"))?,
            genre: self.genre,
            confidence: self.confidence.map(|c| c as f32),
            ranking: super::verdicts::parse_ranking(self.ranking.as_deref()).ok_or_else(|| malformed("ranking"))?,
            reason: self.reason,
            settled_by: self.settled_by,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::fresh;

    const STAMP: FileStamp = FileStamp { size: 1, mtime_seconds: -2, mtime_nanoseconds: 3, inode: u64::MAX, device: 4 };

    fn update(path: &Path, audio: Option<AudioKey>) -> TrackUpdate<'_> {
        let status = TrackStatus::Unsure;
        let (genre, confidence, settled_by) = (Some("Jazz"), Some(0.25), Some("settings"));
        TrackUpdate {
            path,
            audio,
            stamp: STAMP,
            status,
            genre,
            confidence,
            ranking: &[],
            reason: Some("why"),
            settled_by,
        }
    }

    #[test]
    fn a_file_with_a_name_that_is_not_utf_8_is_remembered() {
        let (_folder, store) = fresh();
        let path = path_from_bytes(b"/m/\xff\n.mp3".to_vec());
        store.record_track(&update(&path, None)).unwrap();
        let track = store.track(&path).unwrap().unwrap();
        assert_eq!((track.path, track.stamp, track.status), (path, STAMP, TrackStatus::Unsure));
        assert_eq!((track.genre.as_deref(), track.confidence), (Some("Jazz"), Some(0.25)));
        assert_eq!((track.reason.as_deref(), track.settled_by.as_deref()), (Some("why"), Some("settings")));
    }
}
