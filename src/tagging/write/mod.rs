//! The write protocol: a file is either the old one or the new one at every moment, and the journal knows which.
//!
//! 1. Read and plan; where nothing would change, stop.
//! 2. Journal the old fields, durably.
//! 3. Copy to a hidden temporary file in the same folder, with owner, mode, ACL and extended attributes.
//! 4. Read the copy back: audio and foreign fields as they were, ours as planned.
//! 5. The original still the same? Sync the copy, let it change places with the original, look at what came out of that
//!    place, sync the folder.
//! 6. Record the new stamp in the journal.
//!
//! A file with several names is overwritten with the copy instead of step 5, where its owner chose that
//! ([`HardLinks`]). No editor is named here: what differs between containers is behind
//! [`Editor`](super::editor::Editor).

mod attributes;
mod copy;
mod overwrite;
mod preflight;
mod recover;
mod swap;
mod temporary;
pub(crate) mod verify;

#[cfg(test)]
mod tests;

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use recover::{Recovered, recover};
pub use temporary::is_temporary_name;

use super::container::Container;
use super::editor::{self, EditOptions, Editor, Id3Values, Id3Version, Layout, Patch};
use super::error::{Problem, Step, TagError};
use super::journal::{EntryId, FieldChange, Journal, JournalEntry};
use super::plan::TagPlan;
use super::readers::Voice;
use super::source::FileSource;
use super::stamp::FileStamp;
use super::state::{TagState, held};
use temporary::Temporary;

/// How a write is to treat the file around the tags.
#[derive(Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// Gives the new file the modification time of the old one. Off by default, since players notice a new genre by it.
    pub preserve_mtime: bool,
    /// What to do with a file that has several names.
    pub hard_links: HardLinks,
    /// What to do with a symbolic link.
    pub symbolic_links: SymbolicLinks,
    /// The version of an ID3v2 tag where there was none.
    pub id3_version_for_new_tags: Id3Version,
    /// How several genres stand in a tag of ID3v2.3.
    pub id3v23_values: Id3Values,
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
    /// Overwrite it where it lies, so that every name has the new tags. There is a moment in which the file is neither
    /// old nor new; a whole copy stands beside it then, and the next start carries the write to its end.
    InPlace,
}

/// What to do with a symbolic link to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SymbolicLinks {
    /// Write its target. The link stays a link.
    #[default]
    Follow,
    /// Refuse it.
    Skip,
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
/// Memory is bounded by the size of the tags (32 MiB each at most, and 64 MiB for the `moov` atom of MP4), not by that
/// of the file. The audio is read twice and copied once (not at all where the file system shares blocks and the tags
/// fit in their padding).
///
/// # Errors
/// Every [`TagError`] but those named by [`TagError::is_written`] leaves the old file, no temporary file, and a journal
/// entry that is closed as abandoned, or none. [`TagError::HalfWritten`] is the exception of [`HardLinks::InPlace`].
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
    /// As it was when it was opened.
    metadata: Metadata,
    before: FileStamp,
    state: TagState,
    layout: Layout,
    voices: Vec<Voice>,
    audio_hash: blake3::Hash,
    /// It has other names, which are to have the new tags too.
    is_overwritten: bool,
}

impl Original {
    fn fail(&self, step: Step) -> impl FnOnce(io::Error) -> TagError {
        let path = self.path.clone();
        move |source| TagError::Io { path, step, source }
    }

    /// Whether the file at the path is still this one, as it was.
    fn check_unchanged(&self) -> Result<(), TagError> {
        // The time of the last change of anything tells what a tagger that keeps size and modification time did.
        let changed_at = |metadata: &Metadata| (metadata.ctime(), metadata.ctime_nsec());
        match self.path.symlink_metadata() {
            Ok(now) if FileStamp::from(&now) == self.before && changed_at(&now) == changed_at(&self.metadata) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fail(Step::Recheck)(error)),
            _ => Err(TagError::Changed { path: self.path.clone() }),
        }
    }

    fn journal_entry(&self, temporary_path: PathBuf, patch: &Patch, plan: &TagPlan) -> JournalEntry {
        JournalEntry {
            path: self.path.clone(),
            temporary_path,
            container: self.state.container,
            cause: plan.cause,
            before: self.before,
            audio_hash: *self.audio_hash.as_bytes(),
            fields: patch.changes.clone(),
            created: patch.created.clone(),
            genre_before: self.state.genres.clone(),
            genre_after: plan.genre_after.clone().unwrap_or_else(|| self.state.genres.clone()),
            values_before: held(&self.state.fields, &patch.changes),
            room_before: patch.room.clone(),
        }
    }
}

/// What is wanted of a write, and who is told.
struct Order<'a> {
    plan: &'a TagPlan,
    options: &'a WriteOptions<'a>,
    journal: &'a dyn Journal,
    hook: &'a dyn Hook,
}

pub(crate) fn write_with(
    path: &Path,
    plan: &TagPlan,
    options: &WriteOptions<'_>,
    journal: &dyn Journal,
    hook: &dyn Hook,
) -> Result<Written, TagError> {
    let order = Order { plan, options, journal, hook };
    let Some((original, patch)) = inspect(path, &order)? else { return Ok(Written::Unchanged) };
    let temporary_path = temporary::path_beside(&original.path).map_err(original.fail(Step::Create))?;
    let entry = original.journal_entry(temporary_path, &patch, plan);
    hook.before(Step::Journal).map_err(original.fail(Step::Journal))?;
    let id = journal.begin(&entry).map_err(|source| TagError::Journal { path: original.path.clone(), source })?;

    let (after, lasting) = match carry_out(&original, &entry, id, &patch, &order) {
        Ok(done) => done,
        // The next start looks at what stands beside the file, and closes the entry.
        Err(error @ (TagError::HalfWritten { .. } | TagError::LeftBehind { .. })) => return Err(error),
        Err(error) => {
            if let Err(source) = journal.abandon(id, &error.to_string()) {
                // The next start closes the entry; what went wrong first is what the caller has to know.
                tracing::warn!(path = %path.display(), %source, "the journal could not close an abandoned write");
            }
            return Err(error);
        }
    };
    // The file is the new one, whatever fails from here on.
    journal.commit(id, &after).map_err(|source| TagError::NotRecorded { path: original.path.clone(), source })?;
    lasting.map_err(|source| TagError::NotDurable { path: original.path.clone(), source })?;
    Ok(Written::Changed(TagChange {
        path: entry.path,
        container: entry.container,
        entry: id,
        before: original.before,
        after,
        fields: entry.fields,
    }))
}

/// Whether [`write`](write()) would change the file, and would not refuse it before it begins.
///
/// # Errors
/// [`TagError`] as from a write that ends before the journal is told.
pub fn would_change(path: &Path, plan: &TagPlan, options: &WriteOptions<'_>) -> Result<bool, TagError> {
    Ok(take_apart(path, plan, options, &NoHook)?.is_some())
}

/// A file that is to be changed, and how.
struct Apart {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    editor: Box<dyn Editor>,
    patch: Patch,
}

/// The first half of step 1: opens and parses the original, finds out what would change, and checks that it may be
/// written. None: nothing would change.
fn take_apart(
    path: &Path,
    plan: &TagPlan,
    options: &WriteOptions<'_>,
    hook: &dyn Hook,
) -> Result<Option<Apart>, TagError> {
    let io_error = |source| TagError::Io { path: path.to_owned(), step: Step::Inspect, source };
    hook.before(Step::Inspect).map_err(io_error)?;
    let refused = |problem: Problem| problem.at(path, Step::Inspect);
    let (target, file) = preflight::open(path, options).map_err(refused)?;
    let metadata = file.metadata().map_err(io_error)?;
    if FileStamp::from(&metadata) != plan.stamp {
        return Err(TagError::Changed { path: path.to_owned() });
    }
    let source = FileSource::new(&file).map_err(io_error)?;
    let edit = EditOptions { new_id3: options.id3_version_for_new_tags, v23_values: options.id3v23_values };
    let editor = editor::open(&source).map_err(refused)?;
    let patch = editor.edit(&source, &plan.wish, edit).map_err(refused)?;
    if patch.is_empty() {
        return Ok(None);
    }
    preflight::check(&target, &metadata, options).map_err(refused)?;
    Ok(Some(Apart { path: target, file, metadata, editor, patch }))
}

/// Step 1: what the file holds, for comparison with its copy, and whether there is room for that. None: nothing would
/// change.
fn inspect(path: &Path, order: &Order<'_>) -> Result<Option<(Original, Patch)>, TagError> {
    let Order { plan, options, hook, .. } = *order;
    let io_error = |step| move |source| TagError::Io { path: path.to_owned(), step, source };
    let Some(apart) = take_apart(path, plan, options, hook)? else { return Ok(None) };
    let Apart { path: target, file, metadata, editor, patch } = apart;
    let source = FileSource::new(&file).map_err(io_error(Step::Inspect))?;
    let layout = editor.layout(&source).map_err(|problem| problem.at(path, Step::Inspect))?;
    let before = FileStamp::from(&metadata);
    let space = hook.before(Step::Space).map_err(Problem::from);
    let space = space.and_then(|()| preflight::check_space(&target, &metadata, patch.new_len(before.size)));
    space.map_err(|problem| problem.at(path, Step::Space))?;

    hook.before(Step::Hash).map_err(io_error(Step::Hash))?;
    let audio_hash = editor.audio_digest(&source, &layout).map_err(io_error(Step::Hash))?;
    let state = TagState::new(editor.container(), before, editor.holdings());
    let is_overwritten = metadata.nlink() > 1 && options.hard_links == HardLinks::InPlace;
    let voices = editor.voices();
    let original = Original { path: target, file, metadata, before, state, layout, voices, audio_hash, is_overwritten };
    Ok(Some((original, patch)))
}

/// Steps 3 to 5. Gives the stamp of the new file, and whether it is sure to survive a power cut.
fn carry_out(
    original: &Original,
    entry: &JournalEntry,
    id: EntryId,
    patch: &Patch,
    order: &Order<'_>,
) -> Result<(FileStamp, io::Result<()>), TagError> {
    let Order { options, journal, hook, .. } = *order;
    let temporary = prepare(original, &entry.temporary_path, patch, order)?;
    let after = if original.is_overwritten {
        sync_folder(&original.path).map_err(original.fail(Step::SyncFolder))?;
        overwrite::overwrite(original, temporary, options.preserve_mtime, hook, || {
            journal.overwriting(id).map_err(|source| TagError::Journal { path: original.path.clone(), source })
        })?
    } else {
        swap::swap(original, temporary, hook)?
    };
    Ok((after, hook.before(Step::SyncFolder).and_then(|()| sync_folder(&original.path))))
}

/// Steps 3 and 4: the edited copy, checked and on the disk. On an error it is gone.
fn prepare(
    original: &Original,
    temporary_path: &Path,
    patch: &Patch,
    order: &Order<'_>,
) -> Result<Temporary, TagError> {
    let Order { plan, options, hook, .. } = *order;
    let path = original.path.as_path();
    let fail = |step| original.fail(step);

    hook.before(Step::Create).map_err(fail(Step::Create))?;
    let temporary = Temporary::create(temporary_path).map_err(fail(Step::Create))?;
    let copy = temporary.file();

    copy::fill(&original.file, original.before.size, patch, copy, hook).map_err(fail(Step::Copy))?;

    hook.before(Step::Attributes).map_err(fail(Step::Attributes))?;
    let attributes = attributes::transfer(&original.file, copy, options.preserve_mtime);
    attributes.map_err(|problem| problem.at(path, Step::Attributes))?;

    hook.before(Step::Verify).map_err(fail(Step::Verify))?;
    verify::check(original, temporary_path, patch, &plan.wish).map_err(|failure| failure.at(path))?;
    if let Some(verify) = options.verify {
        verify(path, temporary_path).map_err(|what| TagError::VerifyFailed { path: path.to_owned(), what })?;
    }

    hook.before(Step::SyncFile).map_err(fail(Step::SyncFile))?;
    copy.sync_all().map_err(fail(Step::SyncFile))?;
    Ok(temporary)
}

/// Makes a rename durable. File systems that cannot sync a folder say so with an error that is none.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = File::open(temporary::folder_of(path))?;
    match rustix::fs::fsync(&folder) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP | rustix::io::Errno::BADF) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
