//! What became of a write that a crash interrupted.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::super::editor;
use super::super::error::{Problem, Step, TagError};
use super::super::journal::JournalEntry;
use super::super::source::FileSource;
use super::super::stamp::FileStamp;
use super::overwrite;
use super::temporary::{folder_of, is_temporary_name};

/// The answer of [`recover`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// The write took place; this is the file now. Commit the entry.
    Committed(FileStamp),
    /// The write did not take place, or was overwritten since. Abandon the entry.
    Abandoned,
    /// There is no file at that path any more, so that nobody can tell.
    Missing,
    /// Another process is at it. Leave the entry.
    InProgress,
}

/// Finds out what became of a write whose journal entry was left open, carries an interrupted overwriting (of which
/// [`Journal::overwriting`](super::Journal::overwriting) told) to its end, and removes the temporary file.
///
/// Call it at the start, for entries that no living process claims.
///
/// # Errors
/// [`TagError::Io`] where the temporary file cannot be removed or the file not be read. The entry then stays open.
pub fn recover(entry: &JournalEntry, was_overwriting: bool) -> Result<Recovered, TagError> {
    let io_error = |source| TagError::Io { path: entry.path.clone(), step: Step::Recover, source };
    let Some(beside) = Beside::find(entry).map_err(io_error)? else { return Ok(Recovered::InProgress) };
    let metadata = match entry.path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            beside.remove(entry).map_err(io_error)?;
            return Ok(Recovered::Missing);
        }
        other => other.map_err(io_error)?,
    };
    match &beside {
        Beside::Copy(copy) if was_overwriting && is_the_new_one(entry, &entry.temporary_path).map_err(io_error)? => {
            overwrite::finish(&entry.path, copy).map_err(io_error)?;
        }
        // Somebody wrote to the old file right before the new one took its place: theirs is the newest.
        Beside::Original(stamp) if *stamp != entry.before => {
            std::fs::rename(&entry.temporary_path, &entry.path).map_err(io_error)?;
            return Ok(Recovered::Abandoned);
        }
        _ => {}
    }
    let now = FileStamp::of(&entry.path).map_err(io_error)?;
    let written = now != entry.before && metadata.is_file() && is_the_new_one(entry, &entry.path).map_err(io_error)?;
    if written && !was_overwriting && matches!(beside, Beside::Copy(_)) {
        // The copy is in place, so this is no copy: it is what somebody put there right before, and what the exchange pushed out.
        std::fs::rename(&entry.temporary_path, &entry.path).map_err(io_error)?;
        return Ok(Recovered::Abandoned);
    }
    beside.remove(entry).map_err(io_error)?;
    Ok(if written { Recovered::Committed(now) } else { Recovered::Abandoned })
}

/// What stands at the temporary path.
enum Beside {
    Nothing,
    /// The edited copy, whole or not; locked by us now.
    Copy(File),
    /// The old file, which changed places with the new one.
    Original(FileStamp),
}

impl Beside {
    /// Looks for a file that is one of ours by its name and place. None where somebody works on it.
    fn find(entry: &JournalEntry) -> io::Result<Option<Self>> {
        let (path, temporary) = (&entry.path, &entry.temporary_path);
        let ours = temporary.file_name().is_some_and(is_temporary_name) && folder_of(temporary) == folder_of(path);
        let metadata = temporary.symlink_metadata().ok().filter(|metadata| ours && metadata.is_file());
        let Some(metadata) = metadata else { return Ok(Some(Self::Nothing)) };
        let stamp = FileStamp::from(&metadata);
        if (stamp.inode, stamp.device) == (entry.before.inode, entry.before.device) {
            return Ok(Some(Self::Original(stamp)));
        }
        let file = File::open(temporary)?;
        let in_use = flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
        Ok((!in_use).then_some(Self::Copy(file)))
    }

    fn remove(&self, entry: &JournalEntry) -> io::Result<()> {
        if matches!(self, Self::Nothing) { Ok(()) } else { std::fs::remove_file(&entry.temporary_path) }
    }
}

/// Whether the file at `path` is what the write was to make. One that cannot be parsed is not.
fn is_the_new_one(entry: &JournalEntry, path: &Path) -> io::Result<bool> {
    match holds_the_change(entry, path) {
        Ok(answer) => Ok(answer),
        Err(Problem::Refused(_)) => Ok(false),
        Err(Problem::Io(error)) => Err(error),
    }
}

/// Whether the file has the audio and the new fields of the entry.
fn holds_the_change(entry: &JournalEntry, path: &Path) -> Result<bool, Problem> {
    let file = File::open(path)?;
    let source = FileSource::new(&file)?;
    let editor = editor::open(&source)?;
    let layout = editor.layout(&source)?;
    let holds = |bytes: &[u8], scope| {
        let digest = blake3::hash(bytes);
        layout.pieces.iter().any(|piece| piece.scope == scope && piece.digest == digest)
    };
    let fields_hold = entry.fields.iter().all(|change| match (&change.old, &change.new) {
        (_, Some(new)) => holds(new, change.scope),
        (Some(old), None) => !holds(old, change.scope),
        (None, None) => true,
    });
    Ok(fields_hold && editor.audio_digest(&source, &layout)?.as_bytes() == &entry.audio_hash)
}
