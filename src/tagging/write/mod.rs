//! The write protocol: a file is either the old one or the new one at every moment, and the journal knows which.
//!
//! 1. Read and plan; where nothing would change, stop.
//! 2. Journal the old fields, durably.
//! 3. Copy to a hidden temporary file in the same folder, with owner, mode, ACL and extended attributes.
//! 4. Read the copy back: audio and foreign fields as they were, ours as planned.
//! 5. The original still the same? Sync the copy, rename it over the original, sync the folder.
//! 6. Record the new stamp in the journal.
//!
//! No editor is named here: what differs between containers is behind [`Editor`](super::editor::Editor).

mod attributes;
mod copy;
mod preflight;
mod recover;
mod temporary;
pub(crate) mod verify;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use recover::{Recovered, recover};
pub use temporary::is_temporary_name;

use super::container::Container;
use super::editor::{self, EditOptions, Id3Version, Layout, Patch};
use super::error::{Problem, Step, TagError};
use super::journal::{EntryId, FieldChange, Journal, JournalEntry};
use super::plan::TagPlan;
use super::source::FileSource;
use super::stamp::FileStamp;
use temporary::Temporary;

/// How a write is to treat the file around the tags.
#[derive(Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// Gives the new file the modification time of the old one. Off by default, since players notice a new genre by it.
    pub preserve_mtime: bool,
    /// What to do with a file that has several names.
    pub hard_links: HardLinks,
    /// The version of an ID3v2 tag where there was none.
    pub id3_version_for_new_tags: Id3Version,
    /// A further check of the edited copy, such as: it still decodes.
    pub verify: Option<&'a Verify<'a>>,
}

/// A check of an edited copy: original and copy in, or what is wrong with the copy.
///
/// The copy's name has an extension of its own, `.tmp`: hand a decoder the original's.
pub type Verify<'a> = dyn Fn(&Path, &Path) -> Result<(), String> + 'a;

/// What to do with a file that has several names (hard links), as in a library that is being seeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HardLinks {
    /// Refuse it: a rename would leave the other names with the old file.
    #[default]
    Skip,
    /// Write it: the other names keep the old file.
    Break,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file has its new tags.
    Changed(TagChange),
    /// The file holds what the plan asks for already; nothing was touched.
    Unchanged,
}

/// A write that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    /// The file itself; where a symbolic link was given, the link's target.
    pub path: PathBuf,
    /// The kind of file.
    pub container: Container,
    /// The journal's entry for it, already closed.
    pub entry: EntryId,
    /// The file before.
    pub before: FileStamp,
    /// The file now: a watcher that sees it knows the event as ours.
    pub after: FileStamp,
    /// Every field that changed.
    pub fields: Vec<FieldChange>,
}

/// Carries out `plan` on the file at `path`. A symbolic link is followed to its target, and stays.
///
/// Memory is bounded by the size of the tags (32 MiB each at most, and 64 MiB for the `moov` atom of MP4), not by that of the
/// file. The audio is read twice and copied once (not at all where the file system shares blocks and the tags fit in their
/// padding).
///
/// # Errors
/// Every [`TagError`] but the two named by [`TagError::is_written`] leaves the old file, no temporary file, and a journal
/// entry that is closed as abandoned, or none.
pub fn write(
    path: &Path,
    plan: &TagPlan,
    options: &WriteOptions<'_>,
    journal: &dyn Journal,
) -> Result<Written, TagError> {
    write_with(path, plan, options, journal, &NoHook)
}

/// A place to let a step fail (or the process die) in tests.
pub(crate) trait Hook {
    /// Called before each step, and during [`Step::Copy`] before each piece.
    fn before(&self, step: Step) -> io::Result<()>;
}

struct NoHook;

impl Hook for NoHook {
    fn before(&self, _step: Step) -> io::Result<()> {
        Ok(())
    }
}

/// The original, opened and understood.
struct Original {
    path: PathBuf,
    file: File,
    before: FileStamp,
    container: Container,
    layout: Layout,
    audio_hash: blake3::Hash,
}

pub(crate) fn write_with(
    path: &Path,
    plan: &TagPlan,
    options: &WriteOptions<'_>,
    journal: &dyn Journal,
    hook: &dyn Hook,
) -> Result<Written, TagError> {
    let Some((original, patch)) = inspect(path, plan, options, hook)? else { return Ok(Written::Unchanged) };
    let temporary_path = temporary::path_beside(&original.path).map_err(|source| TagError::Io {
        path: original.path.clone(),
        step: Step::Create,
        source,
    })?;
    let entry = JournalEntry {
        path: original.path.clone(),
        temporary_path,
        container: original.container,
        before: original.before,
        audio_hash: *original.audio_hash.as_bytes(),
        fields: patch.changes.clone(),
        created: patch.created.clone(),
    };
    let io_error = |step| move |source| TagError::Io { path: path.to_owned(), step, source };
    hook.before(Step::Journal).map_err(io_error(Step::Journal))?;
    let id = journal.begin(&entry).map_err(|source| TagError::Journal { path: path.to_owned(), source })?;

    let after = match replace(&original, &entry.temporary_path, &patch, plan, options, hook) {
        Ok(after) => after,
        Err(error) => {
            if let Err(source) = journal.abandon(id, &error.to_string()) {
                // The next start closes the entry; what went wrong first is what the caller has to know.
                tracing::warn!(path = %path.display(), %source, "the journal could not close an abandoned write");
            }
            return Err(error);
        }
    };
    // From here on the file is the new one, whatever fails.
    let synced = hook.before(Step::SyncFolder).and_then(|()| sync_folder(&original.path));
    journal.commit(id, &after).map_err(|source| TagError::NotRecorded { path: path.to_owned(), source })?;
    synced.map_err(|source| TagError::NotDurable { path: path.to_owned(), source })?;
    Ok(Written::Changed(TagChange {
        path: entry.path,
        container: entry.container,
        entry: id,
        before: original.before,
        after,
        fields: entry.fields,
    }))
}

/// Step 1: opens and parses the original, checks that it may be written, and finds out what would change. None: nothing.
fn inspect(
    path: &Path,
    plan: &TagPlan,
    options: &WriteOptions<'_>,
    hook: &dyn Hook,
) -> Result<Option<(Original, Patch)>, TagError> {
    let io_error = |step| move |source| TagError::Io { path: path.to_owned(), step, source };
    hook.before(Step::Inspect).map_err(io_error(Step::Inspect))?;
    let (target, file) = preflight::open(path).map_err(|problem| problem.at(path, Step::Inspect))?;
    let metadata = file.metadata().map_err(io_error(Step::Inspect))?;
    let before = FileStamp::from(&metadata);
    if before != plan.stamp {
        return Err(TagError::Changed { path: path.to_owned() });
    }
    let source = FileSource::new(&file).map_err(io_error(Step::Inspect))?;
    let edit = EditOptions { new_id3: options.id3_version_for_new_tags };
    let parse = || -> Result<_, Problem> {
        let editor = editor::open(&source)?;
        let patch = editor.edit(&source, &plan.wish, edit)?;
        if patch.is_empty() {
            return Ok(None);
        }
        preflight::check(&target, &metadata, options)?;
        let layout = editor.layout(&source)?;
        Ok(Some((editor, layout, patch)))
    };
    let Some((editor, layout, patch)) = parse().map_err(|problem| problem.at(path, Step::Inspect))? else {
        return Ok(None);
    };
    let space = hook.before(Step::Space).map_err(Problem::from);
    let space = space.and_then(|()| preflight::check_space(&target, patch.new_len(before.size)));
    space.map_err(|problem| problem.at(path, Step::Space))?;

    hook.before(Step::Hash).map_err(io_error(Step::Hash))?;
    let audio_hash = editor.audio_digest(&source, &layout).map_err(io_error(Step::Hash))?;
    let container = editor.container();
    Ok(Some((Original { path: target, file, before, container, layout, audio_hash }, patch)))
}

/// Steps 3 to 5, up to the rename. On an error the temporary file is gone.
fn replace(
    original: &Original,
    temporary_path: &Path,
    patch: &Patch,
    plan: &TagPlan,
    options: &WriteOptions<'_>,
    hook: &dyn Hook,
) -> Result<FileStamp, TagError> {
    let path = original.path.as_path();
    let fail = |step| move |problem: Problem| problem.at(path, step);
    let io_error = |step| move |source| TagError::Io { path: path.to_owned(), step, source };

    hook.before(Step::Create).map_err(io_error(Step::Create))?;
    let temporary = Temporary::create(temporary_path).map_err(io_error(Step::Create))?;
    let copy = temporary.file();

    copy::fill(&original.file, original.before.size, patch, copy, hook).map_err(io_error(Step::Copy))?;

    hook.before(Step::Attributes).map_err(io_error(Step::Attributes))?;
    attributes::transfer(&original.file, copy, options.preserve_mtime).map_err(fail(Step::Attributes))?;

    hook.before(Step::Verify).map_err(io_error(Step::Verify))?;
    verify::check(original, temporary_path, patch, &plan.wish).map_err(|failure| failure.at(path))?;
    if let Some(verify) = options.verify {
        verify(path, temporary_path).map_err(|what| TagError::VerifyFailed { path: path.to_owned(), what })?;
    }

    hook.before(Step::SyncFile).map_err(io_error(Step::SyncFile))?;
    copy.sync_all().map_err(io_error(Step::SyncFile))?;
    let after = FileStamp::from(&copy.metadata().map_err(io_error(Step::SyncFile))?);

    // As late as can be: what is left is the moment between this look and the rename.
    hook.before(Step::Recheck).map_err(io_error(Step::Recheck))?;
    let now = std::fs::symlink_metadata(path).map_err(io_error(Step::Recheck))?;
    if FileStamp::from(&now) != original.before {
        return Err(TagError::Changed { path: path.to_owned() });
    }
    hook.before(Step::Rename).map_err(io_error(Step::Rename))?;
    temporary.rename_to(path).map_err(io_error(Step::Rename))?;
    Ok(after)
}

/// Makes a rename durable. File systems that cannot sync a folder say so with an error that is none.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = File::open(temporary::folder_of(path))?;
    match rustix::fs::fsync(&folder) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP | rustix::io::Errno::BADF) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
