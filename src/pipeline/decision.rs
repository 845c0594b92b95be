//! What is to be done with an analysed file: its tags, the journal and the owner are asked, the policy decides, and what is found out about the
//! file by that is remembered. Nothing is written here.

use std::path::Path;

use super::line::{ExplainError, Line};
use super::stamped_file::StampedFile;
use crate::audio;
use crate::store::{Arrival, AudioKey, Kinship, Recording, StoreError};
use crate::tagging::{
    self, Decision, GenreOwnership, Known, LastWrite, Origin, OwnersChoice, Suggestion, TagError, TagState,
};

impl Line {
    /// Whether the file is left alone for a reason that a wish to write it anyway does away with.
    pub(super) fn can_be_handed_back(&self, path: &Path) -> Result<bool, StoreError> {
        let choice = self.store.choice_as_known(path)?;
        Ok(choice.is_some_and(|choice| matches!(choice.origin, Origin::TakenBack | Origin::TakenOut)))
    }

    /// The tags of the file that was analysed.
    pub(super) fn read(&self, file: &StampedFile<'_>) -> Result<TagState, TagError> {
        let state = tagging::read(file.path)?;
        if state.stamp == file.stamp { Ok(state) } else { Err(TagError::Changed { path: file.path.to_owned() }) }
    }

    /// What is to be done, by the tags, the journal and the owner; what is found out by that is remembered.
    pub(super) fn decide(
        &self,
        file: &StampedFile<'_>,
        audio: AudioKey,
        state: &TagState,
        suggestion: &Suggestion,
    ) -> Result<Decision, StoreError> {
        let settings = self.settings.at(file.path);
        let same = |a: &str, b: &str| settings.naming.is_same(a, b);
        let mut known = self.store.known(file.path, Some(audio))?;
        if self.settings.force_write {
            let was_free = known.ownership_of(state) == GenreOwnership::Free;
            known.hand_back();
            if !was_free && !self.settings.dry_run && known.ownership_of(state) == GenreOwnership::Free {
                self.store.hand_back(file.path, Some(audio), state.stamp.device)?;
            }
        }
        let decision = tagging::decide(state, suggestion, &settings.policy, Some(&known), &same);
        if self.settings.dry_run {
            return Ok(decision);
        }
        let was_out = known.choice.as_ref().is_some_and(|choice| choice.origin == Origin::TakenOut);
        match &decision {
            Decision::Keep(reason) if reason.is_newly_taken_out() => {
                let choice = OwnersChoice { genres: state.genres.clone(), origin: Origin::TakenOut };
                self.store.choose(file.path, Some(audio), state.stamp.device, &choice)?;
            }
            // Somebody brought it back.
            _ if was_out && known.ownership_of(state) == GenreOwnership::Free => self.store.forget_choice(file.path)?,
            _ => {}
        }
        Ok(decision)
    }

    /// What is known of a file, under the name that it has or the one that it had before it was moved. Changes nothing.
    pub(super) fn known(&self, path: &Path, state: &TagState) -> Result<Known, ExplainError> {
        let Ok(id) = audio::identify(path) else { return Ok(Known::NOTHING) };
        let audio = self.store.audio(id)?;
        let known = self.store.known(path, Some(audio))?;
        if known.choice.is_some() || known.last != LastWrite::Nothing {
            return Ok(known);
        }
        let tags = || Some(state.clone());
        let arrival = Arrival { path, recording: Recording::Audio(audio), stamp: state.stamp, tags: &tags };
        match self.store.predecessor(&arrival)? {
            Some((old, Kinship::Itself)) => Ok(self.store.known(&old, Some(audio))?),
            Some((old, Kinship::Twin)) => Ok(Known { choice: self.store.choice(&old, Some(audio))?, ..known }),
            None => Ok(known),
        }
    }
}
