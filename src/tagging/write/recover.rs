//! What became of a write that a crash interrupted.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// The write took place; this is the file now. Commit the entry.
    Committed(FileStamp),
    /// The write did not take place, or was overwritten since. Abandon the entry.
    Abandoned,
    /// There is no file at that path any more, so that nobody can tell. Abandon the entry.
    Missing,
    /// Another process is at it. Leave the entry.
    InProgress,
    /// It cannot be told now: the folder is not there, as when a disk is not mounted. Leave the entry.
    Later,
    /// Two files stand there that are both somebody's, the file and this one beside it: neither was touched. The write
    /// did not take place for good; abandon the entry, and tell the owner.
    Unclear(PathBuf),
}

/// Finds out what became of a write whose journal entry was left open, carries an interrupted overwriting (of which
/// [`Journal::overwriting`](super::Journal::overwriting) told) to its end, and removes the temporary file.
///
/// Call it at the start, for entries that no living process claims. What is not known for sure to be ours is never
/// removed, and never put in another file's place.
///
/// # Errors
/// [`TagError::Io`] where the temporary file cannot be removed or the file not be read. The entry then stays open.
pub fn recover(entry: &JournalEntry, was_overwriting: bool) -> Result<Recovered, TagError> {
    let io_error = |source| TagError::Io { path: entry.path.clone(), step: Step::Recover, source };
    settle(entry, was_overwriting).map_err(io_error)
}

fn settle(entry: &JournalEntry, was_overwriting: bool) -> io::Result<Recovered> {
    let Ok(folder) = folder_of(&entry.path).metadata() else { return Ok(Recovered::Later) };
    let Some(beside) = Beside::find(entry)? else { return Ok(Recovered::InProgress) };
    let now = match entry.path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if folder.dev() != entry.before.device {
                return Ok(Recovered::Later);
            }
            if was_overwriting && matches!(beside, Beside::Copy(_)) {
                // Other names of the file may still need it.
                return Ok(Recovered::Unclear(entry.temporary_path.clone()));
            }
            beside.remove(entry)?;
            return Ok(Recovered::Missing);
        }
        other => other?,
    };
    let unchanged = same_but_for_the_device(&FileStamp::from(&now), &entry.before);
    let is_new = || Ok::<bool, io::Error>(!unchanged && now.is_file() && is_the_new_one(entry, &entry.path)?);
    match &beside {
        // Nothing had begun, or all is done.
        Beside::Nothing => {}
        Beside::Copy(copy) if was_overwriting => {
            if now.ino() != entry.before.inode {
                // Somebody put another file there, such as a backup of the broken one.
                return Ok(Recovered::Unclear(entry.temporary_path.clone()));
            }
            if is_the_new_one(entry, &entry.temporary_path)? {
                overwrite::finish(&entry.path, copy)?;
                beside.remove(entry)?;
                return Ok(Recovered::Committed(FileStamp::of(&entry.path)?));
            }
            if !is_new()? {
                return Ok(Recovered::Unclear(entry.temporary_path.clone()));
            }
        }
        // The new file is in its place, by another process of ours perhaps: what is beside it is an old copy of ours,
        // or what somebody put there right before and the exchange pushed out.
        Beside::Copy(_) if is_new()? => return Ok(Recovered::Unclear(entry.temporary_path.clone())),
        Beside::Copy(_) => {}
        Beside::Original(stamp) if same_but_for_the_device(stamp, &entry.before) => {}
        // Somebody wrote to the old file right before the new one took its place: theirs is the newest.
        Beside::Original(_) if is_new()? => {
            std::fs::rename(&entry.temporary_path, &entry.path)?;
            return Ok(Recovered::Abandoned);
        }
        Beside::Original(_) => return Ok(Recovered::Unclear(entry.temporary_path.clone())),
    }
    let written = is_new()?;
    beside.remove(entry)?;
    Ok(if written { Recovered::Committed(FileStamp::of(&entry.path)?) } else { Recovered::Abandoned })
}

/// Numbers of file systems change when a machine starts anew.
fn same_but_for_the_device(a: &FileStamp, b: &FileStamp) -> bool {
    FileStamp { device: 0, ..*a } == FileStamp { device: 0, ..*b }
}

/// What stands at the temporary path.
enum Beside {
    Nothing,
    /// Not the old file: the edited copy, most likely, whole or not. Locked by us now.
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
        if metadata.ino() == entry.before.inode {
            return Ok(Some(Self::Original(FileStamp::from(&metadata))));
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
