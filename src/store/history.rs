//! What was done to a file, and what of it can still be taken back: the journal, read.
//!
//! Which writes an undo concerns is chosen here; what they mean for the file as it is now is `tagging`'s.

use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::journal::{ENTRY_COLUMN_COUNT, ENTRY_COLUMNS, RawEntry};
use super::presence::range_below;
use super::{AudioKey, Store, StoreError, Surface, path_bytes, path_from_bytes};
use crate::tagging::{Cause, EntryId, JournalEntry};

/// How far an undo goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The last write of each file.
    Last,
    /// Every write since this moment, in seconds since 1970.
    Since(i64),
    /// Every write.
    All,
}

/// Which recording a file holds, as the journal knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// By its identity.
    Audio(AudioKey),
    /// By BLAKE3 of its whole audio payload, where it has no identity.
    Payload([u8; 32]),
}

impl Recording {
    /// A condition on the journal's columns, with the two [`values`](Self::values) as the parameters from this number
    /// on.
    pub(super) fn is_the_same(first: usize) -> String {
        format!("(audio = ?{first} OR audio IS NULL AND audio_hash = ?{})", first + 1)
    }

    pub(super) fn values(&self) -> (Option<i64>, Option<&[u8]>) {
        match self {
            Self::Audio(audio) => (Some(audio.0), None),
            Self::Payload(hash) => (None, Some(hash)),
        }
    }
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryState {
    /// It has not ended: it is going on, or a crash interrupted it.
    Open,
    /// The file has it.
    Committed,
    /// It was taken back, by that entry.
    Undone(EntryId),
    /// It did not take place, and why.
    Abandoned(String),
}

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEntry {
    /// Its number.
    pub id: EntryId,
    /// What was written.
    pub entry: JournalEntry,
    /// How it ended.
    pub state: EntryState,
    /// When it began, in seconds since 1970.
    pub begun_at: i64,
    /// Where the file was then.
    pub written_as: PathBuf,
    /// Whether the file was found to be deleted since; what is at its path now is another one.
    pub has_ended: bool,
    /// At which desk the owner decided it, if it was at one.
    pub surface: Option<Surface>,
}

/// Writes of one kind into the files below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritesBelow {
    /// Who wanted them.
    pub cause: Cause,
    /// How many there were.
    pub writes: u64,
    /// Into how many files.
    pub files: u64,
    /// How many of them were taken back since.
    pub taken_back: u64,
    /// When the first began, in seconds since 1970.
    pub first_at: i64,
    /// When the last began.
    pub last_at: i64,
}

/// A write that can be taken back: not yet taken back, and no undo itself.
const UNDOABLE: &str = "state = 'committed' AND undone_by IS NULL AND cause != '\"undo\"'";

impl Store {
    /// Everything that was written, or was to be written, into the file at `path`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds an entry that this program did not write.
    pub fn history(&self, path: &Path) -> Result<Vec<PastEntry>, StoreError> {
        self.past("path = ?1 ORDER BY id", params![path_bytes(path)])
    }

    /// What was written into the files below a folder since a moment, in seconds since 1970: a line for each kind of
    /// write, those by scans first. Entries of files that were deleted since count as well: the writes took place.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn history_below(&self, folder: &Path, since: i64) -> Result<Vec<WritesBelow>, StoreError> {
        let (first, end) = range_below(folder);
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<WritesBelow>> {
            // The words are those of the journal: JSON strings.
            let mut statement = connection.prepare_cached(
                "SELECT cause, count(*), count(DISTINCT path), coalesce(sum(undone_by IS NOT NULL AND undone_by != 0), 0),
                        min(begun_at), max(begun_at)
                 FROM journal WHERE path > ?1 AND path < ?2 AND state = 'committed' AND begun_at >= ?3
                 GROUP BY cause ORDER BY cause = '\"undo\"', cause = '\"owner\"', cause",
            )?;
            let rows = statement.query_map(params![first, end, since], |row| {
                let count = |at| row.get::<_, i64>(at).map(|count| count as u64);
                Ok((row.get::<_, String>(0)?, count(1)?, count(2)?, count(3)?, row.get(4)?, row.get(5)?))
            })?;
            rows.map(|row| {
                let (cause, writes, files, taken_back, first_at, last_at) = row?;
                let cause = serde_json::from_str(&cause).unwrap_or(Cause::Scan);
                Ok(WritesBelow { cause, writes, files, taken_back, first_at, last_at })
            })
            .collect()
        };
        list().map_err(|e| self.error(e))
    }

    /// The writes to this recording at `path` that an undo takes back, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or holds an entry that this program did not write.
    pub fn to_undo(&self, path: &Path, recording: &Recording, depth: Depth) -> Result<Vec<PastEntry>, StoreError> {
        let (since, limit) = match depth {
            Depth::Last => (i64::MIN, 1),
            Depth::Since(moment) => (moment, -1),
            Depth::All => (i64::MIN, -1),
        };
        let (audio, hash) = recording.values();
        let same = Recording::is_the_same(4);
        let condition = format!(
            "path = ?1 AND {UNDOABLE} AND gone_at IS NULL AND begun_at >= ?2 AND {same}
             ORDER BY id DESC LIMIT ?3"
        );
        self.past(&condition, params![path_bytes(path), since, limit, audio, hash])
    }

    /// Whether anything that was written at `path`, to whatever recording in a file that was not deleted since, could
    /// be taken back.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn has_standing_writes(&self, path: &Path) -> Result<bool, StoreError> {
        self.exists(&format!("path = ?1 AND gone_at IS NULL AND {UNDOABLE}"), path)
    }

    /// Whether anything that was written at `path`, to whatever file, could be taken back.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn has_writes(&self, path: &Path) -> Result<bool, StoreError> {
        self.exists(&format!("path = ?1 AND {UNDOABLE}"), path)
    }

    fn exists(&self, condition: &str, path: &Path) -> Result<bool, StoreError> {
        let connection = self.reading();
        let sql = format!("SELECT EXISTS (SELECT 1 FROM journal WHERE {condition})");
        let ask = || connection.prepare_cached(&sql)?.query_row([path_bytes(path)], |row| row.get(0));
        ask().map_err(|e| self.error(e))
    }

    /// Up to `limit` files in `folder` and behind `after` (by the bytes of their paths) that have writes which an undo
    /// of that depth takes back.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn files_to_undo(
        &self,
        depth: Depth,
        folder: &Path,
        after: Option<&Path>,
        limit: usize,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let since = if let Depth::Since(moment) = depth { moment } else { i64::MIN };
        // From the slash behind the folder to the byte behind the slash: what lies in it, and no neighbour of a longer
        // name.
        let folder = path_bytes(folder).strip_suffix(b"/").unwrap_or(path_bytes(folder));
        let (first, end) = ([folder, b"/"].concat(), [folder, b"0"].concat());
        let after = after.map_or(first.as_slice(), path_bytes);
        let connection = self.reading();
        let list = || -> rusqlite::Result<Vec<PathBuf>> {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT DISTINCT path FROM journal WHERE path > ?1 AND path < ?2 AND {UNDOABLE} AND begun_at >= ?3
                 ORDER BY path LIMIT ?4"
            ))?;
            let values = params![after, end, since, limit as i64];
            let rows = statement.query_map(values, |row| row.get(0).map(path_from_bytes))?;
            rows.collect()
        };
        list().map_err(|e| self.error(e))
    }

    /// Whether files were written that have no identity, so that reading one whole may tell something.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn knows_payloads(&self) -> Result<bool, StoreError> {
        let connection = self.reading();
        let sql = "SELECT EXISTS (SELECT 1 FROM journal WHERE audio IS NULL AND state = 'committed')";
        let ask = || connection.prepare_cached(sql)?.query_row([], |row| row.get(0));
        ask().map_err(|e| self.error(e))
    }

    fn past(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<PastEntry>, StoreError> {
        let connection = self.durable();
        let list = || -> rusqlite::Result<Vec<(RawEntry, Ended)>> {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {ENTRY_COLUMNS}, state, reason, undone_by, begun_at, written_path, gone_at IS NOT NULL,
                        (SELECT surface FROM correction WHERE correction.journal = journal.id)
                 FROM journal WHERE {condition}"
            ))?;
            let rows = statement.query_map(values, |row| Ok((RawEntry::read(row)?, Ended::read(row)?)))?;
            rows.collect()
        };
        let mut entries = Vec::new();
        for (raw, ended) in list().map_err(|e| self.error(e))? {
            let fields = self.fields(&connection, raw.id)?;
            let open = raw.check(self, fields)?;
            let written_as = ended.written_path.clone().map_or_else(|| open.entry.path.clone(), path_from_bytes);
            let (begun_at, has_ended) = (ended.begun_at, ended.has_ended);
            let surface = ended.surface.as_deref().and_then(Surface::parse);
            let (id, entry, state) = (open.id, open.entry, ended.state());
            entries.push(PastEntry { id, entry, state, begun_at, written_as, has_ended, surface });
        }
        Ok(entries)
    }
}

struct Ended {
    state: String,
    reason: Option<String>,
    undone_by: Option<i64>,
    begun_at: i64,
    written_path: Option<Vec<u8>>,
    has_ended: bool,
    surface: Option<String>,
}

impl Ended {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        const AT: usize = ENTRY_COLUMN_COUNT;
        Ok(Self {
            state: row.get(AT)?,
            reason: row.get(AT + 1)?,
            undone_by: row.get(AT + 2)?,
            begun_at: row.get(AT + 3)?,
            written_path: row.get(AT + 4)?,
            has_ended: row.get(AT + 5)?,
            surface: row.get(AT + 6)?,
        })
    }

    fn state(self) -> EntryState {
        match (self.state.as_str(), self.undone_by) {
            ("open", _) => EntryState::Open,
            // 0 marks entries from before an undo was possible.
            ("committed", None | Some(0)) => EntryState::Committed,
            ("committed", Some(by)) => EntryState::Undone(EntryId(by)),
            _ => EntryState::Abandoned(self.reason.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::store::JournalHandle;
    use crate::store::tests::fresh;
    use crate::tagging::{Container, FieldChange, FileStamp, Journal, Origin, Scope};

    /// What every entry here is about.
    const HERE: Recording = Recording::Payload([9; 32]);
    const STAMP: FileStamp = FileStamp { size: 3, mtime_seconds: 4, mtime_nanoseconds: 5, inode: 6, device: 7 };

    fn entry(path: &str, cause: Cause, genre: &str) -> JournalEntry {
        JournalEntry {
            path: path.into(),
            temporary_path: "/m/.x.tmp".into(),
            container: Container::Flac,
            cause,
            before: STAMP,
            audio_hash: [9; 32],
            fields: vec![FieldChange {
                scope: Scope::VorbisComments,
                form: String::new(),
                name: "GENRE".to_owned(),
                position: 1,
                old: None,
                new: Some(b"GENRE=x".to_vec()),
            }],
            created: Vec::new(),
            genre_before: Vec::new(),
            genre_after: vec![genre.to_owned()],
            values_before: Vec::new(),
            room_before: None,
        }
    }

    fn written(store: &Store, path: &str, cause: Cause, genre: &str, undoes: &[EntryId]) -> EntryId {
        let journal = JournalHandle::new(store, None).undoing(undoes.to_vec());
        let id = journal.begin(&entry(path, cause, genre)).unwrap();
        journal.commit(id, &STAMP).unwrap();
        id
    }

    fn ids(entries: &[PastEntry]) -> Vec<EntryId> {
        entries.iter().map(|past| past.id).collect()
    }

    #[test]
    fn an_undo_concerns_the_last_writes_that_were_not_taken_back_yet() {
        let (_folder, store) = fresh();
        let path = Path::new("/m/a.flac");
        let [one, two] = ["One", "Two"].map(|genre| written(&store, "/m/a.flac", Cause::Scan, genre, &[]));
        let abandoned = JournalHandle::new(&store, None).begin(&entry("/m/a.flac", Cause::Scan, "x")).unwrap();
        JournalHandle::new(&store, None).abandon(abandoned, "disk full").unwrap();
        assert_eq!(ids(&store.to_undo(path, &HERE, Depth::Last).unwrap()), [two]);
        assert_eq!(ids(&store.to_undo(path, &HERE, Depth::All).unwrap()), [two, one]);
        assert!(store.to_undo(path, &HERE, Depth::Since(i64::MAX)).unwrap().is_empty());
        let undo = written(&store, "/m/a.flac", Cause::Undo, "One", &[two]);
        assert_eq!(ids(&store.to_undo(path, &HERE, Depth::Last).unwrap()), [one]);
        let states: Vec<EntryState> = store.history(path).unwrap().into_iter().map(|past| past.state).collect();
        let gave_up = EntryState::Abandoned("disk full".to_owned());
        assert_eq!(states, [EntryState::Committed, EntryState::Undone(undo), gave_up, EntryState::Committed]);
        assert_eq!(store.history(path).unwrap()[0].entry, entry("/m/a.flac", Cause::Scan, "One"));
    }

    #[test]
    fn another_recording_at_the_same_path_is_not_concerned() {
        let (_folder, store) = fresh();
        let path = Path::new("/m/a.flac");
        written(&store, "/m/a.flac", Cause::Scan, "One", &[]);
        assert!(store.to_undo(path, &Recording::Payload([8; 32]), Depth::All).unwrap().is_empty());
        assert!(store.has_writes(path).unwrap());
        let audio = store.audio(crate::audio::AudioId::from_bytes([1; 16])).unwrap();
        assert!(store.to_undo(path, &Recording::Audio(audio), Depth::All).unwrap().is_empty());
    }

    #[test]
    fn two_choices_of_the_owner_are_taken_back_one_after_the_other() {
        let (_folder, store) = fresh();
        let path = Path::new("/m/a.flac");
        let choice = || store.choice(path, None).unwrap().map(|choice| (choice.origin, choice.genres));
        let chosen = |genre: &str| Some((Origin::Chosen, vec![genre.to_owned()]));
        written(&store, "/m/a.flac", Cause::Owner, "A", &[]);
        let second = written(&store, "/m/a.flac", Cause::Owner, "B", &[]);
        assert_eq!(choice(), chosen("B"));
        written(&store, "/m/a.flac", Cause::Undo, "A", &[second]);
        assert_eq!(choice(), chosen("A"));
    }

    #[test]
    fn a_genre_that_was_taken_back_and_forgotten_long_ago_is_no_reason_to_leave_a_file_alone() {
        let (_folder, store) = fresh();
        let path = Path::new("/m/a.flac");
        let by_scan = written(&store, "/m/a.flac", Cause::Scan, "Jazz", &[]);
        written(&store, "/m/a.flac", Cause::Undo, "Old", &[by_scan]);
        store.hand_back(path, None, 0).unwrap();
        written(&store, "/m/a.flac", Cause::Scan, "Jazz", &[]);
        let by_owner = written(&store, "/m/a.flac", Cause::Owner, "Zydeco", &[]);
        written(&store, "/m/a.flac", Cause::Undo, "Jazz", &[by_owner]);
        assert_eq!(store.choice(path, None).unwrap(), None);
    }

    #[test]
    fn a_folder_is_what_lies_in_it_and_not_its_neighbour_of_a_longer_name() {
        let (_folder, store) = fresh();
        for path in ["/m/Rock/a.flac", "/m/Rock/b/c.flac", "/m/Rock & Roll/d.flac", "/m/Rock.flac"] {
            written(&store, path, Cause::Scan, "x", &[]);
        }
        let in_folder = |folder: &str, after: Option<&str>, limit| {
            let files = store.files_to_undo(Depth::All, Path::new(folder), after.map(Path::new), limit).unwrap();
            files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(in_folder("/m/Rock", None, 9), ["/m/Rock/a.flac", "/m/Rock/b/c.flac"]);
        assert_eq!(in_folder("/m/Rock", Some("/m/Rock/a.flac"), 9), ["/m/Rock/b/c.flac"]);
        assert_eq!(in_folder("/", None, 9).len(), 4);
        assert_eq!(in_folder("/", None, 2).len(), 2);
    }

    #[test]
    fn the_owners_choice_follows_from_what_was_written() {
        let (_folder, store) = fresh();
        let path = Path::new("/m/a.flac");
        let choice = || store.choice(path, None).unwrap().map(|choice| (choice.origin, choice.genres));
        let by_owner = written(&store, "/m/a.flac", Cause::Owner, "Zydeco", &[]);
        assert_eq!(choice(), Some((Origin::Chosen, vec!["Zydeco".to_owned()])));
        written(&store, "/m/a.flac", Cause::Undo, "Old", &[by_owner]);
        assert_eq!(choice(), None, "the scans decide again");
        let by_scan = written(&store, "/m/a.flac", Cause::Scan, "Jazz", &[]);
        assert_eq!(choice(), None);
        written(&store, "/m/a.flac", Cause::Undo, "Old", &[by_scan]);
        assert_eq!(choice(), Some((Origin::TakenBack, vec!["Old".to_owned()])));
    }
}
