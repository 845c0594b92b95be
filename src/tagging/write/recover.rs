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

/// Finds out what became of a write whose journal entry was left open, and removes its temporary file.
///
/// Call it at the start, for entries that no living process claims.
///
/// # Errors
/// [`TagError::Io`] where the temporary file cannot be removed or the file not be read. The entry then stays open.
pub fn recover(entry: &JournalEntry) -> Result<Recovered, TagError> {
    let io_error = |source| TagError::Io { path: entry.path.clone(), step: Step::Recover, source };
    if remove_leftover(&entry.path, &entry.temporary_path).map_err(io_error)? == Leftover::InUse {
        return Ok(Recovered::InProgress);
    }
    let metadata = match entry.path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recovered::Missing),
        other => other.map_err(io_error)?,
    };
    let now = FileStamp::from(&metadata);
    if now == entry.before || !metadata.is_file() {
        return Ok(Recovered::Abandoned);
    }
    match holds_the_change(entry) {
        Ok(true) => Ok(Recovered::Committed(now)),
        // A file that cannot be parsed is none that we wrote.
        Ok(false) | Err(Problem::Refused(_)) => Ok(Recovered::Abandoned),
        Err(Problem::Io(error)) => Err(io_error(error)),
    }
}

#[derive(PartialEq, Eq)]
enum Leftover {
    Gone,
    InUse,
}

/// Removes the temporary file, if it is there, is one of ours by its name and place, and nobody holds its lock.
fn remove_leftover(path: &Path, temporary: &Path) -> io::Result<Leftover> {
    let ours = temporary.file_name().is_some_and(is_temporary_name) && folder_of(temporary) == folder_of(path);
    if !ours || !temporary.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(Leftover::Gone);
    }
    let file = File::open(temporary)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(Leftover::InUse);
    }
    std::fs::remove_file(temporary)?;
    Ok(Leftover::Gone)
}

/// Whether the file has the audio and the new fields of the entry.
fn holds_the_change(entry: &JournalEntry) -> Result<bool, Problem> {
    let file = File::open(&entry.path)?;
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
