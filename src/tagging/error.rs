//! Why a file was not tagged: a refusal, which is a decision, or an error, which is an accident. Both leave the old
//! file.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::container::Container;
use crate::formats::Kind;

/// What went wrong with one file. Unless the variant says otherwise, the file is as it was and nothing is left beside
/// it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TagError {
    /// The file was understood well enough to know that it must not be written.
    #[error("{}: not tagged: {reason}", Shown(path))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why, and what would help.
        reason: Refusal,
    },
    /// Somebody else wrote to the file after it was read.
    #[error(
        "{}: not tagged: the file changed meanwhile; whatever changed it won, and the next scan will look again",
        Shown(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused something.
    #[error("{}: not tagged: failed while {step}: {source}{}", Shown(path), advice(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        step: Step,
        /// What the system said.
        source: io::Error,
    },
    /// The old values could not be put into the journal, so nothing was written.
    #[error("{}: not tagged: its old tags could not be journalled: {source}", Shown(path))]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the journal said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file *has* its new tags, but the journal could not be told; the entry stays open for
    /// [`recover`](super::recover).
    #[error("{}: tagged, but the journal could not record it: {source}; the next start will", Shown(path))]
    NotRecorded {
        /// The file.
        path: PathBuf,
        /// What the journal said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file *has* its new tags, but the folder could not be synced: a power cut now could bring the old file back,
    /// whole.
    #[error("{}: tagged, but its folder could not be synced to the disk: {source}", Shown(path))]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file *has* its new tags, but the old file, which changed places with it, could not be removed; the next
    /// start will.
    #[error(
        "{}: tagged, but the old file could not be removed: {source}; it is {} until the next start",
        Shown(path),
        Shown(left)
    )]
    LeftBehind {
        /// The file.
        path: PathBuf,
        /// Where the old one is.
        left: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Overwriting a file with several names was interrupted: it is neither old nor new. The whole new one stands
    /// beside it, and the next start puts it in.
    #[error(
        "{}: interrupted while it was overwritten: {source}; the whole file is {}, and the next start puts it in place",
        Shown(path),
        Shown(whole)
    )]
    HalfWritten {
        /// The file.
        path: PathBuf,
        /// The whole copy.
        whole: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The edited copy was not what it should have been, so it was thrown away.
    #[error("{}: not tagged: the edited copy failed its check: {what}; please report this file", Shown(path))]
    VerifyFailed {
        /// The file.
        path: PathBuf,
        /// The first difference.
        what: String,
    },
}

impl TagError {
    /// The file that it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Refused { path, .. }
            | Self::Changed { path }
            | Self::Io { path, .. }
            | Self::Journal { path, .. }
            | Self::NotRecorded { path, .. }
            | Self::NotDurable { path, .. }
            | Self::LeftBehind { path, .. }
            | Self::HalfWritten { path, .. }
            | Self::VerifyFailed { path, .. } => path,
        }
    }

    /// The message without the path, for a place that shows the path already.
    pub fn reason(&self) -> String {
        let text = self.to_string();
        text.strip_prefix(&format!("{}: ", Shown(self.path()))).unwrap_or(&text).to_owned()
    }

    /// Whether the file carries its new tags in spite of the error.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::NotRecorded { .. } | Self::NotDurable { .. } | Self::LeftBehind { .. })
    }
}

/// Why a file must not be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No editor for this container yet.
    #[error("{0} tags are not written yet")]
    NotWrittenYet(Container),
    /// The bytes are no sound: a film, a picture, text.
    #[error("this is not a sound file: {0}")]
    NotAudio(Kind),
    /// A directory, socket, device or pipe.
    #[error("not a regular file")]
    NotAFile,
    /// No write permission on the file.
    #[error("the file is read-only; allow its owner to write (chmod u+w) to have it tagged")]
    ReadOnlyFile,
    /// No write permission on the folder, where the copy has to be made.
    #[error("its folder is read-only; the edited copy has to be made beside the file (chmod u+w the folder)")]
    ReadOnlyFolder,
    /// The file system is mounted read-only.
    #[error("the file system is mounted read-only")]
    ReadOnlyFileSystem,
    /// Other names point to the same file, perhaps in a library that is being seeded.
    #[error(
        "the file has {links} hard links, which a safe write would break; set hard_links to \"break\" or \"in-place\" to have it tagged"
    )]
    HardLinked {
        /// How many names the file has.
        links: u64,
    },
    /// A symbolic link, and the configuration follows none.
    #[error("a symbolic link, and [library] follow_symlinks is off")]
    SymbolicLink,
    /// We may not give the copy the owner and group of the original.
    #[error("the file belongs to {uid}:{gid} and the edited copy could not; run reclassd as the library's owner")]
    OwnerNotKept {
        /// The user that owns the file.
        uid: u32,
        /// The group of the file.
        gid: u32,
    },
    /// We may not give the copy an extended attribute (or ACL) of the original.
    #[error("its extended attribute {name} could not be kept on the edited copy")]
    AttributeNotKept {
        /// Name of the attribute.
        name: String,
    },
    /// The disk is too full for the copy.
    #[error(
        "the edited copy needs {needed} bytes and the file system has {available} left; free some space and scan again"
    )]
    NoSpace {
        /// Bytes needed.
        needed: u64,
        /// Bytes available.
        available: u64,
    },
    /// The file ends inside a structure.
    #[error("truncated: the file ends inside its {what}")]
    Truncated {
        /// The structure.
        what: &'static str,
    },
    /// The container is whole and holds no sound.
    #[error("there is no sound in it")]
    NoSound,
    /// A structure contradicts itself.
    #[error("damaged {what}: {why}")]
    Damaged {
        /// The structure.
        what: &'static str,
        /// The contradiction.
        why: &'static str,
    },
    /// A structure uses something that the editor does not understand.
    #[error("{what}: {why}")]
    Unsupported {
        /// The structure.
        what: &'static str,
        /// What is not understood.
        why: &'static str,
    },
    /// Something that the editor does not know may tell places in the file, and the audio would have to move.
    #[error(
        "its audio would have to move, and its {what} may tell where it lies; a copy that ffmpeg makes (-c copy) can be tagged"
    )]
    MayTellPlaces {
        /// A brand, or an atom and where it is.
        what: String,
    },
    /// A structure is larger than the format or our memory allows.
    #[error("its {what} would be or is larger than {limit} bytes")]
    TooLarge {
        /// The structure.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// A genre could only go where it takes something from those who read the file.
    #[error("a genre would hide tags of another kind: {loss}; give the file one kind of tag to have it tagged")]
    WouldHide {
        /// Who would miss what.
        loss: String,
    },
    /// A genre that some readers take for another one, or for none.
    #[error(
        "the genre {value:?} cannot stand in its {what}, where {reader} would show {shown}; another spelling helps"
    )]
    Misread {
        /// The structure.
        what: &'static str,
        /// The genre.
        value: String,
        /// Who would misread it.
        reader: &'static str,
        /// What would be shown instead.
        shown: String,
    },
    /// A value that this container cannot hold.
    #[error("the value {value:?} cannot be stored in its {what}")]
    Value {
        /// The structure.
        what: &'static str,
        /// The value.
        value: String,
    },
}

impl Refusal {
    /// Whether only another file would change the answer. Otherwise it is about what surrounds the file (permissions,
    /// owner, names, free space), which may change while the file stays as it is.
    pub fn is_about_content(&self) -> bool {
        !matches!(
            self,
            Self::ReadOnlyFile
                | Self::ReadOnlyFolder
                | Self::ReadOnlyFileSystem
                | Self::HardLinked { .. }
                | Self::SymbolicLink
                | Self::OwnerNotKept { .. }
                | Self::AttributeNotKept { .. }
                | Self::NoSpace { .. }
        )
    }
}

/// What was being done when something failed. The steps of a write, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// Opening and parsing the original.
    Inspect,
    /// Hashing its audio.
    Hash,
    /// Asking for the free space.
    Space,
    /// Putting the old values into the journal.
    Journal,
    /// Creating the temporary copy.
    Create,
    /// Filling the temporary copy.
    Copy,
    /// Giving it owner, mode, ACL, extended attributes and times.
    Attributes,
    /// Reading it back.
    Verify,
    /// Flushing the copy to the disk.
    SyncFile,
    /// Looking whether the original changed meanwhile.
    Recheck,
    /// Putting it in the original's place.
    Rename,
    /// Overwriting a file that has several names.
    Overwrite,
    /// Removing what is left beside the new file.
    Discard,
    /// Flushing the folder to the disk.
    SyncFolder,
    /// Finding out what became of an interrupted write.
    Recover,
}

impl Step {
    /// Every step of a write by rename, in order. [`Overwrite`](Self::Overwrite) takes the place of the rename
    /// otherwise.
    pub const OF_A_WRITE: [Self; 13] = [
        Self::Inspect,
        Self::Hash,
        Self::Space,
        Self::Journal,
        Self::Create,
        Self::Copy,
        Self::Attributes,
        Self::Verify,
        Self::SyncFile,
        Self::Recheck,
        Self::Rename,
        Self::Discard,
        Self::SyncFolder,
    ];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inspect => "reading it",
            Self::Hash => "hashing its audio",
            Self::Space => "asking for the free space",
            Self::Journal => "writing the journal",
            Self::Create => "creating the temporary copy",
            Self::Copy => "writing the temporary copy",
            Self::Attributes => "copying its owner, mode and attributes",
            Self::Verify => "checking the temporary copy",
            Self::Recheck => "looking whether it changed",
            Self::SyncFile => "syncing the temporary copy",
            Self::Rename => "renaming the temporary copy",
            Self::Overwrite => "overwriting it with the temporary copy",
            Self::Discard => "removing the old file",
            Self::SyncFolder => "syncing its folder",
            Self::Recover => "cleaning up after an interrupted write",
        })
    }
}

/// What an editor answers: it knows no path.
#[derive(Debug)]
pub(crate) enum Problem {
    Refused(Refusal),
    Io(io::Error),
}

impl Problem {
    pub(crate) fn at(self, path: &Path, step: Step) -> TagError {
        match self {
            Self::Refused(reason) => TagError::Refused { path: path.to_owned(), reason },
            Self::Io(source) => TagError::Io { path: path.to_owned(), step, source },
        }
    }
}

impl From<Refusal> for Problem {
    fn from(reason: Refusal) -> Self {
        Self::Refused(reason)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What to do about an error that users meet.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and scan again",
        io::ErrorKind::PermissionDenied => "; run reclassd as a user who may write there",
        io::ErrorKind::ResourceBusy => "; is the file itself a mount point?",
        _ => "",
    }
}

/// A path on one line: control characters, which file names may hold, are escaped.
struct Shown<'p>(&'p Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string_lossy().chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}
