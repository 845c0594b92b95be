//! What the owner does to single files: choose a genre, take writes back. The same claims, the same safe write and the
//! same checks as on the line, and no listening.

mod leave_alone;

use std::path::{Path, PathBuf};

use super::recovery::{recover, same_audio, settle};
use super::report::Action;
use super::settings::Settings;
use crate::audio;
use crate::config::Config;
use crate::genre::GenreError;
use crate::store::{Arrival, AudioKey, Claim, Depth, JournalHandle, Kinship, PastEntry, Recording, Store, StoreError};
use crate::tagging::{
    self, EntryId, FileStamp, GenreOwnership, Origin, OwnersChoice, SymbolicLinks, TagError, TagField, TagPlan,
    TagState, Undo, WriteOptions, Written,
};

/// The owner's hand on single files.
pub struct ByHand {
    pub(super) store: Store,
    pub(super) settings: Settings,
    symbolic_links: SymbolicLinks,
    pub(super) dry_run: bool,
}

/// What was done to one file.
#[derive(Debug, Clone, PartialEq)]
pub struct HandReport {
    /// The file.
    pub path: PathBuf,
    /// What was done.
    pub action: Action,
    /// The genre before.
    pub before: Vec<String>,
    /// The genre now; after a dry run, as it would be.
    pub after: Vec<String>,
    /// How many writes were taken back.
    pub undone: usize,
    /// The file's genre, where it is neither what was written nor what was there before: it was left as it is.
    pub foreign_genre: Option<Vec<String>>,
    /// The write in the journal, if there was one.
    pub write: Option<EntryId>,
}

/// What was done to a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Every write, the oldest first.
    pub past: Vec<PastEntry>,
    /// What was decided about it.
    pub choice: Option<OwnersChoice>,
    /// Of a file without writes: another one with the same recording that was written.
    pub twin: Option<PathBuf>,
    /// Of a name at which nothing is: where the files are that were written there.
    pub moved_to: Vec<PathBuf>,
}

/// Why nothing was done to a file.
#[derive(Debug, thiserror::Error)]
pub enum HandError {
    /// The tags cannot be read or written.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process works on it.
    #[error("{path}: another reclassd is working on it; try again when it is done", path = .0.display())]
    Busy(PathBuf),
    /// It is not there.
    #[error("{path}: is not there: deleted, moved, or its disk is not mounted; nothing was taken back", path = .0.display())]
    Gone(PathBuf),
    /// Another recording stands where one was written.
    #[error("{path}: holds other audio than the file that was written; nothing was taken back", path = .0.display())]
    OtherRecording(PathBuf),
}

/// A file that is worked on.
struct Taken<'a> {
    target: PathBuf,
    audio: Option<AudioKey>,
    state: TagState,
    _claim: Claim<'a>,
}

impl ByHand {
    /// With the configuration's way to write tags.
    ///
    /// # Errors
    /// [`GenreError`] for genre names in the configuration that cannot be used.
    pub fn new(config: &Config, store: Store, dry_run: bool) -> Result<Self, GenreError> {
        let symbolic_links = if config.library.follow_symlinks { SymbolicLinks::Follow } else { SymbolicLinks::Skip };
        Ok(Self { store, settings: Settings::new(config)?, symbolic_links, dry_run })
    }

    /// Cleans up after a crash; a dry run does not.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn recover(&self) -> Result<(), StoreError> {
        if self.dry_run { Ok(()) } else { recover(&self.store) }
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes the genre that the owner chose, and remembers that: no later scan touches the file. An empty list takes
    /// the genre away for good.
    ///
    /// # Errors
    /// [`HandError`]; the file is then as it was, unless the error says otherwise.
    pub fn choose(&self, path: &Path, genres: &[String]) -> Result<HandReport, HandError> {
        let Taken { target, audio, state, _claim } = self.take(path)?;
        let plan = TagPlan::owners_choice(&state, genres.to_vec());
        let chosen = plan.values(TagField::Genre).unwrap_or_default().to_vec();
        let report = |action| HandReport {
            path: target.clone(),
            action,
            before: state.genres.clone(),
            after: chosen.clone(),
            undone: 0,
            foreign_genre: None,
            write: None,
        };
        if self.dry_run {
            return Ok(report(self.rehearse(&target, &plan)?));
        }
        let journal = JournalHandle::new(&self.store, audio);
        match tagging::write(&target, &plan, &self.options(&target), &journal)? {
            // The journal remembers the choice with the write.
            Written::Changed(change) => Ok(HandReport { write: Some(change.entry), ..report(Action::Written) }),
            Written::Unchanged => {
                let choice = OwnersChoice { genres: chosen.clone(), origin: Origin::Chosen };
                self.store.choose(&target, audio, state.stamp.device, &choice)?;
                Ok(report(Action::None))
            }
        }
    }

    /// Writes what is known of a track beside its genre. Of the genre nothing is said: whose it is stays as it was.
    ///
    /// # Errors
    /// [`HandError`]; the file is then as it was, unless the error says otherwise.
    pub fn describe(&self, path: &Path, fields: &[(TagField, Vec<String>)]) -> Result<Action, HandError> {
        let Taken { target, audio, state, _claim } = self.take(path)?;
        let plan = TagPlan::describing(&state, fields.iter().cloned());
        if self.dry_run {
            return Ok(self.rehearse(&target, &plan)?);
        }
        let journal = JournalHandle::new(&self.store, audio);
        match tagging::write(&target, &plan, &self.options(&target), &journal)? {
            Written::Changed(change) => {
                // Nothing that a scan found out of the file is another now.
                self.store.restamp(&target, &change.before, &change.after)?;
                Ok(Action::Written)
            }
            Written::Unchanged => Ok(Action::None),
        }
    }

    /// Takes a file in hand: nobody else works on it for as long as what this gives lives.
    fn take(&self, path: &Path) -> Result<Taken<'_>, HandError> {
        let target = self.target(path)?;
        let claim = self.claim(&target)?;
        let audio = self.audio(&target)?;
        let state = tagging::read(&target)?;
        if let Some(audio) = audio.filter(|_| !self.dry_run) {
            self.follow(&target, Recording::Audio(audio), state.stamp)?;
        }
        Ok(Taken { target, audio, state, _claim: claim })
    }

    /// Lets scans decide about a file again. Says whether anything kept them from it.
    ///
    /// # Errors
    /// [`HandError`] when the file cannot be found or the database fails.
    pub fn forget(&self, path: &Path) -> Result<bool, HandError> {
        let target = self.target(path)?;
        let audio = self.audio(&target)?;
        let stamp = stamp_of(&target)?;
        if let Some(audio) = audio {
            self.follow(&target, Recording::Audio(audio), stamp)?;
        }
        let known = self.store.known(&target, audio)?;
        let keeps_scans_away = match &known.choice {
            Some(choice) => choice.origin != Origin::HandedBack,
            // What stands in the file tells as well, before a scan has found it.
            None => tagging::read(&target).is_ok_and(|state| known.ownership_of(&state) != GenreOwnership::Free),
        };
        if keeps_scans_away {
            self.store.hand_back(&target, audio, stamp.device)?;
        }
        Ok(keeps_scans_away)
    }

    /// Takes writes to one file back. None where there is nothing to take back.
    ///
    /// # Errors
    /// [`HandError`]; the file is then as it was, unless the error says otherwise.
    pub fn undo(&self, path: &Path, depth: Depth) -> Result<Option<HandReport>, HandError> {
        if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            let gone = HandError::Gone(path.to_owned());
            return if self.store.has_writes(path)? { Err(gone) } else { Ok(None) };
        }
        let target = self.target(path)?;
        let _claim = self.claim(&target)?;
        let audio = self.audio(&target)?;
        let recording = match audio {
            Some(audio) => Recording::Audio(audio),
            // Only to be had by reading all of it.
            None if self.store.has_writes(&target)? || self.store.knows_payloads()? => {
                Recording::Payload(tagging::audio_hash(&target)?)
            }
            None => return Ok(None),
        };
        let mut past = self.store.to_undo(&target, &recording, depth)?;
        if past.is_empty() {
            let tags = || tagging::read(&target).ok();
            let arrival = Arrival { path: &target, recording, stamp: stamp_of(&target)?, tags: &tags };
            past = if self.dry_run {
                let old = self.store.predecessor(&arrival)?;
                old.map(|(old, _)| self.store.to_undo(&old, &recording, depth)).transpose()?.unwrap_or_default()
            } else {
                self.store.follow_by_hand(&arrival)?;
                self.store.to_undo(&target, &recording, depth)?
            };
        }
        if past.is_empty() {
            let other = || HandError::OtherRecording(target.clone());
            return if self.store.has_standing_writes(&target)? { Err(other()) } else { Ok(None) };
        }
        let state = tagging::read(&target)?;
        self.take_back(&target, audio, &state, &past).map(Some)
    }

    fn take_back(
        &self,
        path: &Path,
        audio: Option<AudioKey>,
        state: &TagState,
        past: &[PastEntry],
    ) -> Result<HandReport, HandError> {
        let entries: Vec<_> = past.iter().map(|past| &past.entry).collect();
        let undo = Undo::new(state, &entries);
        let after = undo.genre_after().unwrap_or(&state.genres).to_vec();
        let report = |action| HandReport {
            path: path.to_owned(),
            action,
            before: state.genres.clone(),
            after: after.clone(),
            undone: past.len(),
            foreign_genre: undo.foreign_genre.clone(),
            write: None,
        };
        if self.dry_run {
            return Ok(report(self.rehearse(path, &undo.plan)?));
        }
        let ids: Vec<EntryId> = past.iter().map(|past| past.id).collect();
        let journal = JournalHandle::new(&self.store, audio).undoing(ids.clone());
        match tagging::write(path, &undo.plan, &self.options(path), &journal)? {
            Written::Changed(change) => Ok(HandReport { write: Some(change.entry), ..report(Action::Written) }),
            Written::Unchanged => {
                self.store.note_undone(path, audio, state.stamp.device, &after, &ids)?;
                Ok(report(Action::None))
            }
        }
    }

    /// What was done to the file at `path`, be it there or gone: under its own name, or under the one from which it was
    /// moved.
    ///
    /// # Errors
    /// [`HandError`] when the file cannot be read or the database fails.
    pub fn history(&self, path: &Path) -> Result<History, HandError> {
        let past = self.store.history(path)?;
        let is_there = path.exists();
        let known_here = past.iter().any(|past| !past.has_ended);
        if known_here || !is_there {
            let moved_to = if past.is_empty() { self.store.moved_to(path)? } else { Vec::new() };
            return Ok(History { choice: self.store.choice_as_known(path)?, past, moved_to, ..History::default() });
        }
        let recording = match self.audio(path)? {
            Some(audio) => Recording::Audio(audio),
            None if self.store.knows_payloads()? => Recording::Payload(tagging::audio_hash(path)?),
            None => return Ok(History { past, ..History::default() }),
        };
        let tags = || tagging::read(path).ok();
        let old = match self.store.predecessor(&Arrival { path, recording, stamp: stamp_of(path)?, tags: &tags })? {
            Some((old, Kinship::Itself)) => old,
            _ => path.to_owned(),
        };
        let choice = self.store.choice_as_known(&old)?;
        if old != path {
            return Ok(History { past: self.store.history(&old)?, choice, ..History::default() });
        }
        let twin = if past.is_empty() { self.store.written_elsewhere(path, &recording)? } else { None };
        Ok(History { past, choice, twin, ..History::default() })
    }

    /// Lets what is known of a file that was moved here go on with it.
    pub(super) fn follow(&self, path: &Path, recording: Recording, stamp: FileStamp) -> Result<(), StoreError> {
        let tags = || tagging::read(path).ok();
        self.store.follow(&Arrival { path, recording, stamp, tags: &tags }).map(drop)
    }

    /// What a write would do, without doing it: refused with the reason where that would be refused.
    fn rehearse(&self, path: &Path, plan: &TagPlan) -> Result<Action, TagError> {
        let changes = tagging::would_change(path, plan, &self.options(path))?;
        Ok(if changes { Action::WouldWrite } else { Action::None })
    }

    /// The right to work on the file, which a process that died at it may have left half done.
    pub(super) fn claim(&self, target: &Path) -> Result<Claim<'_>, HandError> {
        let claim = self.store.claim(target)?.ok_or_else(|| HandError::Busy(target.to_owned()))?;
        if !self.dry_run {
            settle(&self.store, target)?;
        }
        Ok(claim)
    }

    /// Which audio the file holds, where the audio side knows its container.
    pub(super) fn audio(&self, path: &Path) -> Result<Option<AudioKey>, StoreError> {
        audio::identify(path).ok().map(|id| self.store.audio(id)).transpose()
    }

    /// The one name of the file.
    pub(super) fn target(&self, path: &Path) -> Result<PathBuf, TagError> {
        let refused = || TagError::Refused { path: path.to_owned(), reason: tagging::Refusal::SymbolicLink };
        if self.symbolic_links == SymbolicLinks::Skip && path.is_symlink() {
            return Err(refused());
        }
        let step = tagging::Step::Inspect;
        std::fs::canonicalize(path).map_err(|source| TagError::Io { path: path.to_owned(), step, source })
    }

    fn options(&self, path: &Path) -> WriteOptions<'static> {
        WriteOptions { symbolic_links: self.symbolic_links, ..self.settings.at(path).write_options(&same_audio) }
    }
}

fn stamp_of(path: &Path) -> Result<FileStamp, TagError> {
    let step = tagging::Step::Inspect;
    FileStamp::of(path).map_err(|source| TagError::Io { path: path.to_owned(), step, source })
}
