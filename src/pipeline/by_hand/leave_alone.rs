//! What the owner's desk asks of single files besides choosing a genre: what an accepted guess would write, to leave a
//! file alone for good, and to take one certain decision back.

use std::path::Path;

use super::super::report::Action;
use super::{ByHand, HandError, HandReport};
use crate::genre::Genre;
use crate::store::{Depth, EntryState, PastEntry, Ranking, Recording};
use crate::tagging::{self, Cause, EntryId, FileStamp, Origin, OwnersChoice, TagError};

impl ByHand {
    /// Whether nothing is done, only said.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The words that a guess means in the file at `path`: what a scan would write if it were sure. Where the whitelist
    /// has no word for the first genre, the genre itself: the owner who accepts it knows it.
    pub fn words(&self, path: &Path, ranking: &Ranking) -> Vec<String> {
        let ranking: Vec<(Genre, f32)> =
            ranking.iter().filter_map(|(name, share)| Some((Genre::new(name).ok()?, *share))).collect();
        let words = self.settings.at(path).ranking_words(&ranking);
        match (words.is_empty(), ranking.first()) {
            (true, Some((best, _))) => vec![best.to_string()],
            _ => words,
        }
    }

    /// The word that a genre is written as in the file at `path`, by the owner's names and case.
    pub fn word(&self, path: &Path, genre: &Genre) -> String {
        self.settings.at(path).naming.word(genre).unwrap_or_else(|| genre.to_string())
    }

    /// Keeps scans away from a file for good. A genre that a scan wrote is taken back; else nothing is written.
    ///
    /// # Errors
    /// [`HandError`]; the file is then as it was, unless the error says otherwise.
    pub fn leave_alone(&self, path: &Path) -> Result<HandReport, HandError> {
        let target = self.target(path)?;
        let history = self.store.history(&target)?;
        if let Some(first) = first_of_the_scans(&history)
            && let Some(report) = self.undo(&target, Depth::Since(first))?
        {
            return Ok(report);
        }
        let _claim = self.claim(&target)?;
        let audio = self.audio(&target)?;
        let stamp = FileStamp::of(&target).map_err(|source| TagError::Io {
            path: target.clone(),
            step: tagging::Step::Inspect,
            source,
        })?;
        if let Some(audio) = audio.filter(|_| !self.dry_run) {
            self.follow(&target, Recording::Audio(audio), stamp)?;
        }
        // Nothing is written: what no editor knows can be left alone as well.
        let genres = tagging::read(&target).map(|state| state.genres).unwrap_or_default();
        if !self.dry_run {
            let choice = OwnersChoice { genres: genres.clone(), origin: Origin::TakenBack };
            self.store.choose(&target, audio, stamp.device, &choice)?;
        }
        Ok(HandReport {
            path: target,
            action: Action::None,
            before: genres.clone(),
            after: genres,
            undone: 0,
            foreign_genre: None,
            write: None,
        })
    }

    /// Takes a write back if it is the last one of the file at `path` that can be; none where it is not.
    ///
    /// # Errors
    /// As for [`undo`](Self::undo).
    pub fn undo_write(&self, path: &Path, write: EntryId) -> Result<Option<HandReport>, HandError> {
        let history = self.store.history(path)?;
        let last = history.iter().rev().find(|past| can_be_undone(past));
        if last.is_none_or(|past| past.id != write) { Ok(None) } else { self.undo(path, Depth::Last) }
    }

    /// Takes a decision back that needed no write: what was decided `before` it holds again.
    ///
    /// # Errors
    /// [`HandError`] when the file cannot be found or the database fails.
    pub fn undo_choice(&self, path: &Path, before: Option<&OwnersChoice>) -> Result<(), HandError> {
        let target = self.target(path)?;
        let _claim = self.claim(&target)?;
        let audio = self.audio(&target)?;
        match before {
            Some(choice) => {
                let device = tagging::FileStamp::of(&target).map_or(0, |stamp| stamp.device);
                self.store.choose(&target, audio, device, choice)?;
            }
            None => self.store.forget_choice(&target)?,
        }
        Ok(())
    }
}

fn can_be_undone(past: &PastEntry) -> bool {
    past.state == EntryState::Committed && !past.has_ended && past.entry.cause != Cause::Undo
}

/// When the first of the scans' writes began behind which the owner wrote nothing.
fn first_of_the_scans(history: &[PastEntry]) -> Option<i64> {
    let undoable = history.iter().rev().filter(|past| can_be_undone(past));
    undoable
        .take_while(|past| matches!(past.entry.cause, Cause::Scan | Cause::Describe))
        .last()
        .map(|past| past.begun_at)
}
