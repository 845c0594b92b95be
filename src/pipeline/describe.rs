//! What a track sounds like, into its tags: the part of the line that comes behind the decision about the genre. With a
//! genre it is one write; alone it is one of its own, which says nothing of whose the genre is.

use std::path::Path;

use super::file_outcome::{FileOutcome, Settled};
use super::line::{ExplainError, Line, Stop};
use super::report::{Action, Report};
use super::stamped_file::StampedFile;
use super::{Analysis, Cancel};
use crate::audio;
use crate::store::{AudioKey, StoreError, TrackStatus};
use crate::tagging::{self, TagError, TagField, TagPlan, TagState};

/// Fields, and the values that they are to have.
type Fields = Vec<(TagField, Vec<String>)>;

impl Line {
    /// What of the sound is to be written into a file with these tags: what is asked for, is sure enough, and was
    /// neither there nor written before.
    pub(super) fn heard(
        &self,
        path: &Path,
        audio: AudioKey,
        state: &TagState,
        analysis: &Analysis,
    ) -> Result<Fields, StoreError> {
        let Some(descriptors) = &analysis.descriptors else { return Ok(Fields::new()) };
        let wanted = self.settings.at(path).heard(descriptors);
        if wanted.is_empty() {
            return Ok(Fields::new());
        }
        let once = if self.settings.force_write { Vec::new() } else { self.store.fields_once_written(path, audio)? };
        Ok(tagging::missing_heard(state, wanted, &once))
    }

    /// Writes what the track sounds like into a file whose genre stays as it is, and records how the line ended for it.
    pub(super) fn describe(
        &self,
        file: &StampedFile<'_>,
        audio: AudioKey,
        plan: &TagPlan,
        outcome: FileOutcome<'_>,
        cancel: &Cancel,
    ) -> Result<Report, Stop> {
        let because = |what: &str| {
            let reason = outcome.reason.as_deref().filter(|reason| !reason.is_empty());
            Some(reason.map_or_else(|| what.to_owned(), |reason| format!("{reason}; {what}")))
        };
        if self.settings.dry_run {
            let reason = because(&format!("would write {}", spoken(plan)));
            return self.record(
                file,
                Some(audio),
                FileOutcome { action: Action::WouldWrite, settled: Settled::No, reason, ..outcome },
            );
        }
        if cancel.is_requested() {
            return Err(Stop::Cancelled);
        }
        if file.changed_within(self.settings.settle) {
            let reason = Some(self.still_being_written());
            let status = TrackStatus::Skipped;
            return self.record(
                file,
                Some(audio),
                FileOutcome { status, settled: Settled::OnceStill, reason, ..outcome },
            );
        }
        match self.write(file.path, audio, plan, self.settings.at(file.path)) {
            Ok(Some(stamp)) => {
                let reason = because(&format!("wrote {}", spoken(plan)));
                let written = StampedFile { path: file.path, stamp };
                self.record(&written, Some(audio), FileOutcome { action: Action::Written, reason, ..outcome })
            }
            // A kind of tag that has no place for it.
            Ok(None) => self.record(file, Some(audio), outcome),
            Err(error) => self.record(file, Some(audio), FileOutcome::not_written(outcome.verdict, &error)),
        }
    }

    /// What of the sound a scan would write, in words.
    pub(super) fn would_describe(
        &self,
        path: &Path,
        tags: &Result<TagState, TagError>,
        analysis: &Analysis,
    ) -> Result<Option<String>, ExplainError> {
        let Ok(state) = tags else { return Ok(None) };
        let Ok(id) = audio::identify(path) else { return Ok(None) };
        let heard = self.heard(path, self.store.audio(id)?, state, analysis)?;
        Ok((!heard.is_empty()).then(|| spoken(&TagPlan::describing(state, heard))))
    }
}

/// "the tempo 128, the key Am".
fn spoken(plan: &TagPlan) -> String {
    let fields = TagField::ALL.into_iter().filter(|field| field.is_heard());
    let said = fields.filter_map(|field| {
        let value = plan.values(field)?.first()?;
        Some(format!("{} {value}", field.spoken()))
    });
    said.collect::<Vec<_>>().join(", ")
}
