//! A verdict becomes a change of tags: policy, one byte-preserving editor a container, and a write that cannot lose the
//! file.
//!
//! [`read`] says what a file's tags hold, [`decide`] whether that is to change, [`write`](write()) changes it: it
//! journals the old values, edits a copy beside the file, reads the copy back, and puts it in the file's place only if
//! the audio and every field that is not ours are what they were. What an editor does not fully understand it refuses,
//! with the [reason](Refusal).
//!
//! Nothing here decodes audio or knows where genres come from, and no database is opened: the [`Journal`] is the
//! caller's.

mod album;
mod apetagged;
mod apev2;
mod asf;
mod container;
mod credits;
mod dsd;
#[cfg(any(test, fuzzing))]
mod edit_check;
mod editor;
mod error;
mod field_text;
#[cfg(any(test, fuzzing))]
mod fixtures;
mod flac;
#[cfg(fuzzing)]
pub mod fuzzing;
mod genre_ownership;
mod genre_text;
mod heard;
mod home;
mod id3v1;
mod id3v2;
mod iff;
mod journal;
mod matroska;
#[cfg(test)]
mod mixtures;
mod mp3;
mod mp4;
mod ogg;
mod plan;
mod policy;
mod readers;
mod restore;
mod source;
mod stamp;
mod state;
mod tail;
mod vorbis;
mod write;

pub use album::album_of;
pub use container::Container;
pub use credits::{Credits, credits_of};
pub use editor::{Id3Values, Id3Version, Scope};
pub use error::{Refusal, Step, TagError};
pub use genre_ownership::{
    GenreOwnership, GenreWrite, Known, LastWrite, LastWriteKind, LeftAlone, Origin, OwnFieldsSeen, OwnersChoice,
    Present, genre_ownership,
};
pub use heard::{HeardPolicy, missing as missing_heard};
pub use journal::{Cause, EntryId, FieldChange, HeldField, Journal, JournalEntry, Part, Room, Space};
pub use plan::{TagField, TagPlan};
pub use policy::{
    Decision, KeepReason, MAX_WRITES_A_DAY, OwnFieldsPolicy, Policy, SameGenre, Suggestion, TagPolicy, decide,
};
pub use restore::Undo;
pub use stamp::FileStamp;
pub(crate) use state::is_the_same_genre;
pub use state::{OwnFields, TagState, audio_hash, read};
pub use write::{
    HardLinks, Recovered, SymbolicLinks, TagChange, Verify, WriteOptions, Written, is_temporary_name, recover,
    would_change, write,
};
