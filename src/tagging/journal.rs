//! What is remembered about a write before it happens, so that it can be taken back, and the place that remembers it.
//!
//! The journal itself (a database) lives elsewhere; the writer knows only these types.

use std::error::Error;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::container::Container;
use super::editor::Scope;
use super::stamp::FileStamp;

/// Where the writer announces what it is about to do. All three calls have to be durable when they return.
pub trait Journal {
    /// Remembers `entry` as open: the file is about to be written.
    ///
    /// # Errors
    /// Whatever hinders it; the file is not written then.
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>>;

    /// Closes an entry: the file has its new tags, and `after` is its stamp, by which a watcher knows the event as ours.
    ///
    /// # Errors
    /// Whatever hinders it; the entry then stays open for [`recover`](super::recover).
    fn commit(&self, id: EntryId, after: &FileStamp) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Closes an entry: the file is as it was, because of `reason`.
    ///
    /// # Errors
    /// Whatever hinders it; the entry then stays open for [`recover`](super::recover).
    fn abandon(&self, id: EntryId, reason: &str) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// The journal's own number for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(pub i64);

/// One write: enough to take it back, or to find out after a crash whether it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The file itself; where a symbolic link was given, the link's target.
    pub path: PathBuf,
    /// The copy beside it that is edited and takes its place.
    pub temporary_path: PathBuf,
    /// The kind of file.
    pub container: Container,
    /// The file before the write.
    pub before: FileStamp,
    /// BLAKE3 of the whole audio payload, which the write does not change.
    pub audio_hash: [u8; 32],
    /// Every field that changes, in the order in which the changes are made.
    pub fields: Vec<FieldChange>,
    /// Tags and blocks that did not exist before.
    pub created: Vec<Scope>,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The tag that holds it.
    pub scope: Scope,
    /// Its name as the container spells it: `TCON`, `TXXX:RECLASSD_GENRE`, `GENRE`.
    pub name: String,
    /// Its place among the fields of its tag, from 0: before the change if it existed, else after it.
    pub position: usize,
    /// The field as it was, with its header (an ID3v2 frame, a Vorbis comment, an APEv2 item); none if it is new.
    pub old: Option<Vec<u8>>,
    /// The field as it will be; none if it is removed.
    pub new: Option<Vec<u8>>,
}
