//! What every writer of tags needs around the write itself: cleaning up after a crash, and the independent check of a
//! copy.

use std::path::Path;

use crate::audio;
use crate::store::{JournalHandle, OpenEntry, Store, StoreError};
use crate::tagging::{self, Journal, Recovered};

/// Cleans up after a crash: every write that was left half done is judged, its temporary file removed, its entry
/// closed.
///
/// # Errors
/// [`StoreError`] when the database fails. A file that cannot be judged now is left for the next start, with a warning.
pub(super) fn recover(store: &Store) -> Result<(), StoreError> {
    close(store, store.crashed_entries()?);
    Ok(())
}

/// The same for one file, whose claim is held: a process that died meanwhile may have left a write of it open.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub(super) fn settle(store: &Store, path: &Path) -> Result<(), StoreError> {
    close(store, store.crashed_entries_of(path)?);
    Ok(())
}

fn close(store: &Store, entries: Vec<OpenEntry>) {
    let journal = JournalHandle::new(store, None);
    for open in entries {
        let shown = open.entry.path.display();
        let closed = match tagging::recover(&open.entry, open.is_overwriting) {
            Ok(Recovered::Committed(stamp)) => {
                tracing::warn!("{shown}: a crash followed this write; the new tags are whole");
                journal.commit(open.id, &stamp)
            }
            Ok(Recovered::Abandoned) => {
                tracing::warn!("{shown}: a crash interrupted this write; the file is without it");
                journal.abandon(open.id, "interrupted by a crash")
            }
            Ok(Recovered::Missing) => {
                tracing::warn!("{shown}: a crash interrupted this write, and the file is gone since");
                journal.abandon(open.id, "interrupted by a crash; the file is gone since")
            }
            Ok(Recovered::Unclear(beside)) => {
                let beside = beside.display();
                tracing::warn!(
                    "{shown}: a crash interrupted a write of it, and others wrote it since; look at {beside}, which is left"
                );
                journal.abandon(open.id, &format!("interrupted by a crash; {beside} was left"))
            }
            Ok(Recovered::InProgress) => continue,
            Ok(Recovered::Later) => {
                tracing::warn!(
                    "{shown}: a crash interrupted a write of it, and its folder is not there now; it is looked at later"
                );
                continue;
            }
            Err(error) => {
                tracing::warn!("{shown}: a write was interrupted, and the file cannot be looked at now: {error}");
                continue;
            }
        };
        if let Err(error) = closed {
            tracing::warn!("{shown}: cannot close its journal entry: {error}");
        }
    }
}

/// The independent check of an edited copy: another piece of code than the editor's finds the same audio in it, and it
/// opens where the original does. Audio that this code does not know is left to the editor's own check.
pub(super) fn same_audio(original: &Path, copy: &Path) -> Result<(), String> {
    let Ok(before) = audio::identify(original) else { return Ok(()) };
    if audio::identify(copy).map_err(|error| error.reason())? != before {
        return Err("the audio of the edited copy is not the original's".to_owned());
    }
    match audio::probe(original) {
        Ok(()) => audio::probe(copy).map_err(|error| format!("the edited copy does not open: {}", error.reason())),
        Err(_) => Ok(()),
    }
}
