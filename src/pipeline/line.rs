//! One file's way down the line: stamp, claim, identity, analysis, decision, tag write, record.
//!
//! Each stage is its own module's; this one hands values on, asks the store first, and turns every end into a
//! [`Report`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::album::Albums;
use super::asking::{Analysis, AnalysisError, Analyst};
use super::cancel::Cancel;
use super::file_outcome::{FileOutcome, Settled, surroundings_of};
use super::finding::Selection;
use super::fingerprints::Fingerprints;
use super::limits::ResourceLimits;
use super::recovery::{recover, same_audio, settle};
use super::report::{Action, Report};
use super::settings::{Settings, TagSettings};
use super::stage_times::{Stage, StageTimes};
use super::stamped_file::StampedFile;
use crate::audio::{self, AudioError};
use crate::config::Config;
use crate::genre::{Doubt, Verdict};
use crate::store::{Arrival, AudioKey, JournalHandle, Recording, Store, StoreError, Track, TrackStatus, TrackUpdate};
use crate::tagging::{self, Decision, FileStamp, Suggestion, TagError, TagField, TagPlan, Written};

/// What a worker thread owns: a record of how it spent its time. What is dear to make is the line's.
#[derive(Default)]
pub struct Worker {
    stage_times: StageTimes,
}

impl Worker {
    /// A worker that has done nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the stages took since this was last asked.
    pub fn take_stage_times(&mut self) -> StageTimes {
        std::mem::take(&mut self.stage_times)
    }
}

/// The line: models, settings and store. One is shared by all workers.
pub struct Line {
    pub(super) analyst: Analyst,
    /// Where the tracks of an album vote together.
    pub(super) albums: Option<Arc<Albums>>,
    pub(super) settings: Settings,
    pub(super) limits: ResourceLimits,
    fingerprints: Fingerprints,
    pub(super) store: Arc<Store>,
}

/// All that is known of one file, for a person who asks why.
pub struct Explanation {
    /// What each model said, who was asked, and when that was enough.
    pub analysis: Analysis,
    /// What the vote made of it.
    pub verdict: Verdict,
    /// What the tags say, or why they cannot be read.
    pub tags: Result<tagging::TagState, TagError>,
    /// What a scan would do, in words.
    pub decision: String,
}

/// What the configuration makes of an analysis.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// What the vote made of it.
    pub verdict: Verdict,
    /// What would be written.
    pub words: Vec<String>,
    /// Whether it is sure enough for that.
    pub is_sure: bool,
}

/// Who listens, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelVersions {
    /// The ensemble, with its version: what goes into `RECLASSD_MODEL`.
    pub ensemble: String,
    /// The models that have a say in it: names and versions.
    pub models: Vec<(String, String)>,
}

/// Why a file cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// It cannot be decoded, or holds too little sound.
    #[error("{path}: {reason}", path = path.display())]
    NotAnalysed {
        /// The file.
        path: PathBuf,
        /// What is the matter with it.
        reason: String,
    },
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Line {
    /// Loads the models that the configuration names.
    ///
    /// # Errors
    /// [`super::LineError`] when a model is unknown or cannot be loaded.
    pub fn new(config: &Config, settings: Settings, store: impl Into<Arc<Store>>) -> Result<Self, super::LineError> {
        let analyst = Analyst::new(config)?;
        let albums = config.ensemble.album.then(|| Selection::new(&config.library)).transpose()?;
        let albums = albums.map(|selection| Arc::new(Albums::new(selection)));
        let together = if albums.is_some() { " by album" } else { "" };
        let described = if config.describes() { " described" } else { "" };
        let settings = settings.for_ensemble(&format!("{}{together}{described}", analyst.fingerprint()));
        let fingerprints = Fingerprints::new(settings.clone(), albums.clone());
        let limits = ResourceLimits::new(&config.analysis);
        Ok(Self { analyst, albums, settings, limits, fingerprints, store: store.into() })
    }

    /// What files are settled by, under this line's settings and models. It outlives the line: what is settled is known
    /// without models.
    pub fn fingerprints(&self) -> &Fingerprints {
        &self.fingerprints
    }

    /// How many threads should take files down this line at the same time: more than there are cores to use, since some
    /// of them wait.
    pub fn workers(&self) -> usize {
        self.limits.workers()
    }

    /// Who listens: the ensemble and the models that have a say in it.
    pub fn model_versions(&self) -> ModelVersions {
        ModelVersions { ensemble: self.analyst.ensemble_name(), models: self.analyst.voters() }
    }

    /// Cleans up after a crash: every write that was left half done is judged, its temporary file removed, its entry
    /// closed.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails. A file that cannot be judged now is left for the next start, with a
    /// warning.
    pub fn recover(&self) -> Result<(), StoreError> {
        recover(&self.store)
    }

    /// Takes one file down the line. `None` when the wish to stop came before anything was done.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; the file is then whole, old or new.
    pub fn process(&self, worker: &mut Worker, path: &Path, cancel: &Cancel) -> Result<Option<Report>, StoreError> {
        let started = Instant::now();
        let report = match self.look(worker, path, cancel) {
            Ok(report) => report,
            Err(Stop::Cancelled) => return Ok(None),
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Unread(reason)) => Report::without_genre(path.to_owned(), TrackStatus::Failed, reason),
        };
        Ok(Some(Report { elapsed: started.elapsed(), ..report }))
    }

    fn look(&self, worker: &mut Worker, path: &Path, cancel: &Cancel) -> Result<Report, Stop> {
        if let Some(track) = self.settled(&StampedFile::at(path).map_err(unread)?)? {
            return Ok(unchanged(track));
        }
        // One file is one row and one claim, by whatever names the walk came to it.
        let target = std::fs::canonicalize(path).map_err(unread)?;
        let Some(_claim) = self.store.claim(&target)? else {
            let reason = "another reclassd is working on it; it will be looked at by the next scan".to_owned();
            return Ok(Report::without_genre(path.to_owned(), TrackStatus::Skipped, reason));
        };
        if !self.settings.dry_run {
            settle(&self.store, &target)?;
        }
        // While this waited for the claim, its holder may have settled the file.
        let file = StampedFile::at(&target).map_err(unread)?;
        let report = match self.settled(&file)? {
            Some(track) => unchanged(track),
            None => self.analyse_and_tag(worker, &file, cancel)?,
        };
        Ok(Report { path: path.to_owned(), ..report })
    }

    fn analyse_and_tag(&self, worker: &mut Worker, file: &StampedFile<'_>, cancel: &Cancel) -> Result<Report, Stop> {
        let started = Instant::now();
        let turn = self.limits.readers.turn(file.path, file.stamp.device);
        if turn.is_scarce() {
            audio::warm(file.path);
        }
        let id = audio::identify(file.path);
        drop(turn);
        worker.stage_times.add(Stage::Identify, started.elapsed());
        let id = match id {
            Ok(id) => id,
            Err(error) => return self.give_up(file, None, &error),
        };
        let audio = self.store.audio(id)?;
        let tags = || self.read(file).ok();
        let arrival = Arrival { path: file.path, recording: Recording::Audio(audio), stamp: file.stamp, tags: &tags };
        if let Some(old) = self.store.follow(&arrival)? {
            tracing::debug!("{}: was {} before", file.path.display(), old.display());
        }
        let started = Instant::now();
        let analysis = self.analyse_file_or_album(file, audio, cancel);
        worker.stage_times.add(Stage::Analyse, started.elapsed());
        let started = Instant::now();
        let report = match analysis {
            Ok(analysis) => self.tag(file, audio, &analysis, cancel).and_then(|report| {
                let differ = super::asking::differ(self.analyst.taxonomy(), &analysis.opinions);
                self.store.note_difference(file.path, differ)?;
                // What is listed and searched by; a parser of other people's may panic at it, and then it says nothing.
                let credits = std::panic::catch_unwind(|| tagging::credits_of(file.path)).unwrap_or_default();
                self.store.note_credits(file.path, &credits)?;
                Ok(Report { descriptors: analysis.descriptors.clone(), ..report })
            }),
            Err(AnalysisError::AlbumNotWhole) => {
                let outcome =
                    FileOutcome { settled: Settled::OnceStill, ..FileOutcome::skipped(self.album_not_whole()) };
                self.record(file, Some(audio), outcome)
            }
            Err(AnalysisError::Changed) => {
                let error = TagError::Changed { path: file.path.to_owned() };
                self.record(file, None, FileOutcome::not_written(None, &error))
            }
            Err(AnalysisError::Cancelled) => Err(Stop::Cancelled),
            Err(AnalysisError::Store(error)) => Err(Stop::Store(error)),
            Err(AnalysisError::Audio(error)) => self.give_up(file, Some(audio), &error),
            Err(AnalysisError::Unfit(reason)) => self.record(file, Some(audio), FileOutcome::skipped(reason)),
        };
        worker.stage_times.add(Stage::Tag, started.elapsed());
        report
    }

    /// The row of a file that is still the one these settings were applied to.
    fn settled(&self, file: &StampedFile<'_>) -> Result<Option<Track>, StoreError> {
        if self.settings.force {
            return Ok(None);
        }
        let track = self.store.track(file.path)?.filter(|track| track.stamp == file.stamp);
        if self.settings.force_write && track.is_some() && self.can_be_handed_back(file.path)? {
            return Ok(None);
        }
        Ok(track.filter(|track| self.fingerprints.hold(file.path, track.settled_by.as_deref())))
    }

    fn tag(
        &self,
        file: &StampedFile<'_>,
        audio: AudioKey,
        analysis: &Analysis,
        cancel: &Cancel,
    ) -> Result<Report, Stop> {
        let settings = self.settings.at(file.path);
        let verdict = analysis.verdict(settings.min_confidence());
        let suggestion = self.suggestion(&verdict, settings);
        let unsure_because = || unsure_because(&verdict, settings);
        let verdict = Some(&verdict);
        let left_alone = |status, reason| FileOutcome { verdict, status, ..FileOutcome::skipped(reason) };
        let mut description = None;
        let decision = match self.read(file) {
            Ok(state) => {
                let heard = self.heard(file.path, audio, &state, analysis)?;
                Ok(match self.decide(file, audio, &state, &suggestion)? {
                    Decision::Write(plan) => Decision::Write(plan.and(heard)),
                    decision => {
                        description = (!heard.is_empty()).then(|| TagPlan::describing(&state, heard));
                        decision
                    }
                })
            }
            Err(error) => Err(error),
        };
        let outcome = match decision {
            // What could not be written anyway is only worth a word where it would have been.
            Err(_) if !suggestion.sure => left_alone(TrackStatus::Unsure, unsure_because()),
            Err(error) => FileOutcome::not_written(verdict, &error),
            Ok(Decision::Unsure) => left_alone(TrackStatus::Unsure, unsure_because()),
            Ok(Decision::Keep(reason)) => {
                let status = if reason.is_ours() { TrackStatus::Tagged } else { TrackStatus::Kept };
                // A dry run remembers nothing of it: the scan after it has to find it too.
                let is_forgotten = self.settings.dry_run && reason.is_newly_taken_out();
                let settled = if is_forgotten { Settled::No } else { Settled::Yes };
                let is_contested = reason.is_contested();
                FileOutcome { settled, is_contested, ..left_alone(status, reason.to_string()) }
            }
            Ok(Decision::Write(plan)) if self.settings.dry_run => {
                let (status, action, reason) = (status_of(&plan), Action::WouldWrite, marked(&plan));
                FileOutcome { action, reason, settled: Settled::No, ..left_alone(status, String::new()) }
            }
            Ok(Decision::Write(_)) if cancel.is_requested() => return Err(Stop::Cancelled),
            Ok(Decision::Write(_)) if file.changed_within(self.settings.settle) => FileOutcome {
                settled: Settled::OnceStill,
                ..left_alone(TrackStatus::Skipped, self.still_being_written())
            },
            Ok(Decision::Write(plan)) => match self.write(file.path, audio, &plan, settings) {
                Ok(stamp) => {
                    let written = StampedFile { path: file.path, stamp: stamp.unwrap_or(file.stamp) };
                    let action = if stamp.is_some() { Action::Written } else { Action::None };
                    let (status, reason) = (status_of(&plan), marked(&plan));
                    let outcome = FileOutcome { action, reason, ..left_alone(status, String::new()) };
                    return self.record(&written, Some(audio), outcome);
                }
                Err(error) => FileOutcome::not_written(verdict, &error),
            },
        };
        match description {
            Some(plan) => self.describe(file, audio, &plan, outcome, cancel),
            None => self.record(file, Some(audio), outcome),
        }
    }

    fn suggestion(&self, verdict: &Verdict, settings: &TagSettings) -> Suggestion {
        let genres = settings.words(verdict);
        let sure = verdict.is_sure() && !genres.is_empty();
        Suggestion { genres, confidence: verdict.confidence, model: self.analyst.ensemble_name(), sure }
    }

    /// The file's new stamp, or `None` where it already held all that the plan asks for.
    pub(super) fn write(
        &self,
        path: &Path,
        audio: AudioKey,
        plan: &TagPlan,
        settings: &TagSettings,
    ) -> Result<Option<FileStamp>, TagError> {
        let options = settings.write_options(&same_audio);
        match tagging::write(path, plan, &options, &JournalHandle::new(&self.store, Some(audio)))? {
            Written::Changed(change) => Ok(Some(change.after)),
            Written::Unchanged => Ok(None),
        }
    }

    pub(super) fn still_being_written(&self) -> String {
        let seconds = self.settings.settle.as_secs();
        format!("changed less than {seconds} s ago: it may still be being copied; the next scan takes it")
    }

    fn give_up(&self, file: &StampedFile<'_>, audio: Option<AudioKey>, error: &AudioError) -> Result<Report, Stop> {
        let status = if error.kind() == audio::FailureKind::Io { TrackStatus::Failed } else { TrackStatus::Skipped };
        let reason = match error {
            AudioError::Io { source, .. } => unreadable(source),
            _ => error.reason(),
        };
        if let (TrackStatus::Skipped, Some(audio)) = (status, audio) {
            self.store.keep_failure(audio, self.analyst.failure_key(), &reason)?;
        }
        let settled = if status == TrackStatus::Skipped { Settled::Yes } else { Settled::No };
        self.record(file, audio, FileOutcome { status, settled, ..FileOutcome::skipped(reason) })
    }

    pub(super) fn record(
        &self,
        file: &StampedFile<'_>,
        audio: Option<AudioKey>,
        outcome: FileOutcome<'_>,
    ) -> Result<Report, Stop> {
        let settings = self.settings.at(file.path);
        let (genre, confidence) = match outcome.verdict {
            Some(verdict) => (shown(verdict, settings), Some(verdict.confidence)),
            None => (None, None),
        };
        // What is no music has no genre, not even an unlikely one.
        let ranking = outcome.verdict.filter(|verdict| !verdict.is_no_music());
        let ranking = ranking.map(Verdict::named_ranking).unwrap_or_default();
        let would_write = outcome.action == Action::WouldWrite;
        let settled_by = match outcome.settled {
            Settled::No | Settled::OnceStill | Settled::OnceThereIsRoom => None,
            Settled::Yes => Some(self.fingerprints.of(file.path)),
            Settled::WhileSurroundingsStay => surroundings_of(file.path)
                .map(|surroundings| format!("{}{surroundings}", self.fingerprints.of(file.path))),
        };
        self.store.record_track(&TrackUpdate {
            path: file.path,
            audio,
            stamp: file.stamp,
            // What is unsure waits, whatever else would be written.
            status: if would_write && outcome.status != TrackStatus::Unsure {
                TrackStatus::Kept
            } else {
                outcome.status
            },
            genre: genre.as_deref(),
            confidence,
            ranking: &ranking,
            reason: if would_write { Some("a dry run: not written yet") } else { outcome.reason.as_deref() },
            settled_by: settled_by.as_deref(),
        })?;
        let waits_for = outcome.settled.waits_for(&file.stamp);
        let FileOutcome { status, action, reason, is_contested, .. } = outcome;
        let (path, elapsed) = (file.path.to_owned(), Duration::ZERO);
        let is_settled = settled_by.is_some();
        Ok(Report {
            path,
            status,
            genre,
            confidence,
            ranking,
            descriptors: None,
            action,
            reason,
            is_settled,
            is_contested,
            waits_for,
            elapsed,
        })
    }

    /// Analyses a file, from the cache where possible. Reads and writes no tag.
    ///
    /// # Errors
    /// [`ExplainError`] when the file cannot be analysed or the database fails.
    pub fn analyse(&self, path: &Path) -> Result<Analysis, ExplainError> {
        let not_analysed = |reason| ExplainError::NotAnalysed { path: path.to_owned(), reason };
        // The stamp comes first, so that what is kept of the file is known to be of this one.
        let file = StampedFile::at(path).map_err(|error| not_analysed(unreadable(&error)))?;
        let id = audio::identify(path).map_err(|error| not_analysed(error.reason()))?;
        let audio = self.store.audio(id)?;
        match self.analyse_file_or_album(&file, audio, &Cancel::default()) {
            Ok(analysis) => Ok(analysis),
            Err(AnalysisError::Store(error)) => Err(error.into()),
            Err(AnalysisError::Audio(error)) => Err(not_analysed(error.reason())),
            Err(AnalysisError::Unfit(reason)) => Err(not_analysed(reason)),
            Err(AnalysisError::Changed) => Err(not_analysed("it changed meanwhile; try again".to_owned())),
            Err(AnalysisError::AlbumNotWhole) => Err(not_analysed(self.album_not_whole())),
            Err(AnalysisError::Cancelled) => Err(not_analysed("stopped".to_owned())),
        }
    }

    /// What the configuration makes of an analysis, for a file at `path`: that tells which folder's rules hold, and it
    /// need not be there.
    pub fn judgement(&self, path: &Path, analysis: &Analysis) -> Judgement {
        let settings = self.settings.at(path);
        let verdict = analysis.verdict(settings.min_confidence());
        let suggestion = self.suggestion(&verdict, settings);
        Judgement { words: suggestion.genres, is_sure: suggestion.sure, verdict }
    }

    /// Analyses a file (from the cache where possible) and says what each model thinks and what a scan would do. Writes
    /// no tag.
    ///
    /// # Errors
    /// [`ExplainError`] when the file cannot be analysed or the database fails.
    pub fn explain(&self, path: &Path) -> Result<Explanation, ExplainError> {
        let analysis = self.analyse(path)?;
        let settings = self.settings.at(path);
        let verdict = analysis.verdict(settings.min_confidence());
        let suggestion = self.suggestion(&verdict, settings);
        let (tags, same) = (tagging::read(path), |a: &str, b: &str| settings.naming.is_same(a, b));
        let decision = match &tags {
            Err(error) => format!("nothing is written: {}", error.reason()),
            Ok(state) => {
                match tagging::decide(state, &suggestion, &settings.policy, Some(&self.known(path, state)?), &same) {
                    Decision::Unsure => format!("nothing is written: {}", unsure_because(&verdict, settings)),
                    Decision::Keep(reason) => format!("nothing is written: {reason}"),
                    Decision::Write(plan) => match plan.values(TagField::Genre) {
                        Some(genres) => format!("writes {}", genres.join(", ")),
                        None => format!("marks it as {}", suggestion.genres.join(", ")),
                    },
                }
            }
        };
        let described = self.would_describe(path, &tags, &analysis)?;
        let decision = described.map_or(decision.clone(), |what| format!("{decision}; writes {what}"));
        Ok(Explanation { analysis, verdict, tags, decision })
    }
}

/// What ends the line early, with nothing recorded.
pub(super) enum Stop {
    Cancelled,
    Store(StoreError),
    Unread(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Store(error)
    }
}

fn unchanged(track: Track) -> Report {
    Report {
        path: track.path,
        status: track.status,
        genre: track.genre,
        confidence: track.confidence,
        ranking: track.ranking,
        descriptors: None,
        action: Action::Unchanged,
        reason: track.reason,
        is_settled: true,
        is_contested: false,
        waits_for: None,
        elapsed: Duration::ZERO,
    }
}

/// Whether a plan gives the file a genre, or only says beside it what we hear.
fn status_of(plan: &TagPlan) -> TrackStatus {
    if plan.values(TagField::Genre).is_some() { TrackStatus::Tagged } else { TrackStatus::Kept }
}

fn marked(plan: &TagPlan) -> Option<String> {
    let only_marked = || plan.values(TagField::OwnGenre).map(|ours| format!("only marked as {}", ours.join(", ")));
    if plan.values(TagField::Genre).is_some() { None } else { only_marked() }
}

fn unsure_because(verdict: &Verdict, settings: &TagSettings) -> String {
    match (verdict.best(), &verdict.doubt) {
        (_, Some(doubt @ Doubt::NotMusic(_))) => doubt.to_string(),
        (Some(best), None) => format!("{best} is not on the whitelist"),
        _ => format!("less sure than the {:.2} that a genre needs", settings.min_confidence()),
    }
}

/// The first genre of the vote, as the owner writes it.
fn shown(verdict: &Verdict, settings: &TagSettings) -> Option<String> {
    let best = verdict.best()?;
    Some(settings.naming.word(best).unwrap_or_else(|| best.to_string()))
}

fn unread(error: std::io::Error) -> Stop {
    Stop::Unread(unreadable(&error))
}

pub(super) fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it vanished during the scan; nothing to do".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "cannot be read: permission denied; run as a user who may read it".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}
