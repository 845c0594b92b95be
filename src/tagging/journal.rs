//! What is remembered about a write before it happens, so that it can be taken back, and the place that remembers it.
//!
//! The journal itself (a database) lives elsewhere; the writer knows only these types.

use std::error::Error;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::container::Container;
use super::editor::Scope;
use super::plan::TagField;
use super::stamp::FileStamp;

/// Where the writer announces what it is about to do. Every call has to be durable when it returns.
pub trait Journal {
    /// Remembers `entry` as open: the file is about to be written.
    ///
    /// # Errors
    /// Whatever hinders it; the file is not written then.
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>>;

    /// The copy is whole and on the disk, and the file itself is overwritten with it from now on: after a crash,
    /// [`recover`](super::recover) carries that to its end. Asked for only where a write is no rename.
    ///
    /// # Errors
    /// Whatever hinders it; the file is not written then.
    fn overwriting(&self, id: EntryId) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Closes an entry: the file has its new tags, and `after` is its stamp, by which a watcher knows the event as
    /// ours.
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

/// Who wanted a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The line, by what it heard.
    Scan,
    /// The owner, who chose the genre.
    Owner,
    /// The owner, who took earlier writes back.
    Undo,
    /// The line or the owner: what the track sounds like, and nothing of its genre.
    Describe,
}

/// The values of one field of one tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldField {
    /// The tag that holds it.
    pub scope: Scope,
    /// Which of the fields that we may write.
    pub field: TagField,
    /// The field's name as the tag spells it: `TCON`, `TXXX:RECLASSD_GENRE`, `GENRE`.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// One write: enough to take it back, or to find out after a crash whether it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The file itself; where a symbolic link was given, the link's target.
    pub path: PathBuf,
    /// The copy beside it that is edited and takes its place.
    pub temporary_path: PathBuf,
    /// The kind of file.
    pub container: Container,
    /// Who wanted it.
    pub cause: Cause,
    /// The file before the write.
    pub before: FileStamp,
    /// BLAKE3 of the whole audio payload, which the write does not change.
    pub audio_hash: [u8; 32],
    /// Every field that changes, in the order in which the changes are made, and what else an undo has to know.
    pub fields: Vec<FieldChange>,
    /// Tags and blocks that did not exist before.
    pub created: Vec<Scope>,
    /// The genre as a player shows it, before.
    pub genre_before: Vec<String>,
    /// The same afterwards.
    pub genre_after: Vec<String>,
    /// The values, before, of every field that changes in a tag that is there.
    pub values_before: Vec<HeldField>,
    /// The room of the tags, before; none where the container's editor cannot bring it back.
    pub room_before: Option<Room>,
}

/// What is around the fields of a file and holds nothing: when a write is taken back, it becomes what it was, and the
/// file has its length and its layout again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// How many of the structures that hold the fields there are, one in the other.
    pub levels: u8,
    /// The free space in them, in its order.
    pub spaces: Vec<Space>,
    /// Parts of the file that are put back as they were, where its editor keeps room in that way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A part of a file, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it begins, in bytes from the start of the file.
    pub at: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many zeros follow them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub zeros: u64,
}

fn is_none(zeros: &u64) -> bool {
    *zeros == 0
}

impl Part {
    /// Length with the zeros.
    pub(crate) fn length(&self) -> u64 {
        self.zeros.saturating_add(self.bytes.len() as u64)
    }

    /// Where it ends; none where that is in no file.
    pub(crate) fn end(&self) -> Option<u64> {
        self.at.checked_add(self.zeros)?.checked_add(self.bytes.len() as u64)
    }
}

/// Free space in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Which of the structures holds it, from the outside in; 0 is the file itself.
    pub level: u8,
    /// Its place among all that the structure holds, from 0.
    pub place: u32,
    /// Its length in bytes.
    pub length: u64,
    /// What it is called, where its container has several names for it and this is not the usual one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Space {
    /// Space with the usual name.
    pub fn new(level: u8, place: u32, length: u64) -> Self {
        Self { level, place, length, name: String::new() }
    }
}

impl JournalEntry {
    /// Whether the genre is among the fields that change.
    pub fn touches_genre(&self) -> bool {
        self.fields.iter().any(|change| change.field() == Some(TagField::Genre))
    }
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The tag that holds it.
    pub scope: Scope,
    /// How that tag stores its fields, where there are several ways: the bytes mean the same wherever this is equal.
    pub form: String,
    /// Its name as the container spells it: `TCON`, `TXXX:RECLASSD_GENRE`, `GENRE`.
    pub name: String,
    /// Its place among the fields of its tag, from 0: before the change if it existed, else after it.
    pub position: usize,
    /// The field as it was, with its header (an ID3v2 frame, a Vorbis comment, an APEv2 item); none if it is new.
    pub old: Option<Vec<u8>>,
    /// The field as it will be; none if it is removed.
    pub new: Option<Vec<u8>>,
}

impl FieldChange {
    /// Which of the fields that we may write it is. None where it is about the container, such as a wrong size that was
    /// set right, and for one that another tag of the file holds as well, and that came along so that no reader misses
    /// it.
    pub fn field(&self) -> Option<TagField> {
        Self::field_of(self.scope, &self.name)
    }

    /// The same of a field by its tag and name.
    pub(crate) fn field_of(scope: Scope, name: &str) -> Option<TagField> {
        if scope == Scope::Chunks { None } else { TagField::of_name(name) }
    }
}
