//! One file's answers, gathered as far as they are asked for: from the database, else from stored features, else by listening. The file
//! is decoded once at the most, and only when somebody has to hear it.
//!
//! Who is asked, and what becomes of the answers, is [`super::analysis`]'s.

use std::collections::BTreeMap;

use super::analysis::AnalysisError;
use super::answer::{Answer, row};
use super::cancel::Cancel;
use super::hearing::{Hearing, Wanted};
use super::looked::Looked;
use super::members::fma518_key;
use crate::audio::{self, AnalysisWindow, Recording};
use crate::features::{Extractor, FMA518_LEN};
use crate::genre;
use crate::inference::{InferenceError, JoinedInput, Model, ModelFeatures, ModelInput, Part, PartOutput, SaidPart};
use crate::store::{AudioKey, Store};

/// What is listened to, and when that is too little.
pub(super) struct Listening {
    pub(super) window: AnalysisWindow,
    pub(super) min_seconds: f64,
    /// Cache key of the window: features and scores of another one are other values.
    pub(super) window_key: String,
    /// What a remembered failure depends on: another version or window may succeed.
    pub(super) failure_key: String,
}

/// A model that can be asked, and the key of what it says.
pub(super) struct Asked<'a> {
    pub(super) model: &'a Model,
    pub(super) key: &'a str,
}

/// The answers about one file. Models are known by their index, and come after those they build on.
pub(super) struct Session<'a> {
    pub(super) models: &'a [Asked<'a>],
    pub(super) listening: &'a Listening,
    pub(super) store: &'a Store,
    pub(super) audio: AudioKey,
    pub(super) file: &'a Looked<'a>,
    pub(super) extractor: &'a mut Extractor,
    /// Whether what was known before is passed by.
    pub(super) force: bool,
    pub(super) cancel: &'a Cancel,
    heard: Heard,
}

/// What is known of the file by now.
#[derive(Default)]
struct Heard {
    answers: Vec<Option<Answer>>,
    /// The 518 by rate, a row a window.
    vectors: BTreeMap<u32, Vec<f32>>,
    recording: Option<Recording>,
}

impl<'a> Session<'a> {
    #[allow(clippy::too_many_arguments)] // they are what a file, a run and a configuration have in common: nothing
    pub(super) fn new(
        models: &'a [Asked<'a>],
        listening: &'a Listening,
        store: &'a Store,
        audio: AudioKey,
        file: &'a Looked<'a>,
        extractor: &'a mut Extractor,
        force: bool,
        cancel: &'a Cancel,
    ) -> Self {
        let heard = Heard { answers: vec![None; models.len()], ..Heard::default() };
        Self { models, listening, store, audio, file, extractor, force, cancel, heard }
    }

    /// What a model said; none before it was asked.
    pub(super) fn answer(&self, model: usize) -> Option<&Answer> {
        self.heard.answers[model].as_ref()
    }

    /// Asks those of the models that have not answered yet.
    pub(super) fn ask(&mut self, models: &[usize]) -> Result<(), AnalysisError> {
        let open = self.open(models)?;
        if open.is_empty() {
            return Ok(());
        }
        for &model in &open {
            self.answer_from_vectors(model)?;
        }
        let unheard: Vec<usize> =
            open.iter().copied().filter(|&i| self.heard.answers[i].is_none() && self.joined(i).is_none()).collect();
        let joined = open.iter().filter_map(|&i| self.joined(i));
        let mut rates: Vec<u32> = joined.flat_map(JoinedInput::fma518_rates).collect();
        for rate in std::mem::take(&mut rates) {
            if self.vector(rate)?.is_none() {
                rates.push(rate);
            }
        }
        if !(unheard.is_empty() && rates.is_empty()) {
            self.listen(&unheard, rates)?;
        }
        for &model in &open {
            if let Some(input) = self.joined(model) {
                self.answer_joined(model, input)?;
            }
        }
        for &model in &open {
            let Asked { key, .. } = self.models[model];
            if let Some(answer) = &self.heard.answers[model] {
                answer.remember(self.store, self.audio, &self.listening.window_key, key)?;
            }
        }
        Ok(())
    }

    /// Those of the models whose answers are not known, and those they build on, in the order of the models.
    fn open(&mut self, models: &[usize]) -> Result<Vec<usize>, AnalysisError> {
        let mut open = Vec::new();
        for &model in models {
            if !self.recall(model)? {
                open.push(model);
            }
        }
        let mut next = 0;
        while let Some(&model) = open.get(next) {
            next += 1;
            let Some(input) = self.joined(model) else { continue };
            for part in &input.parts {
                let Part::Said(part) = part else { continue };
                let Some(asked) = self.index(&part.model) else { continue };
                let is_known = open.contains(&asked) || self.recall(asked)? && self.said(part, 0).is_some();
                if !is_known {
                    self.heard.answers[asked] = None;
                    open.push(asked);
                }
            }
        }
        open.sort_unstable();
        Ok(open)
    }

    /// Whether a model's answer is known, by now or from before.
    fn recall(&mut self, model: usize) -> Result<bool, AnalysisError> {
        if self.heard.answers[model].is_none() && !self.force {
            let Asked { model: asked, key } = self.models[model];
            self.heard.answers[model] =
                Answer::remembered(self.store, self.audio, &self.listening.window_key, key, asked)?;
        }
        Ok(self.heard.answers[model].is_some())
    }

    fn joined(&self, model: usize) -> Option<&'a JoinedInput> {
        match &self.models[model].model.manifest().input {
            ModelInput::Joined(input) => Some(input),
            _ => None,
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.models.iter().position(|asked| asked.model.manifest().name == name)
    }

    /// A part of a joined row for a window, where it is known and as long as it should be.
    fn said(&self, part: &SaidPart, window: usize) -> Option<&[f32]> {
        let answer = self.heard.answers[self.index(&part.model)?].as_ref()?;
        let said = match part.output {
            PartOutput::Embedding => answer.embedding(window),
            PartOutput::Scores => answer.scores(window),
        };
        said.filter(|said| said.len() == part.size)
    }

    /// The 518 at a rate, a row a window, if they are known.
    fn vector(&mut self, rate: u32) -> Result<Option<&[f32]>, AnalysisError> {
        if !self.heard.vectors.contains_key(&rate) && !self.force {
            let stored = self.store.feature(self.audio, &fma518_key(rate), &self.listening.window_key)?;
            self.heard.vectors.extend(stored.map(|rows| (rate, rows)));
        }
        Ok(self.heard.vectors.get(&rate).map(Vec::as_slice))
    }

    fn answer_from_vectors(&mut self, model: usize) -> Result<(), AnalysisError> {
        let Asked { model: asked, .. } = self.models[model];
        let ModelInput::Fma518 { sample_rate } = asked.manifest().input else { return Ok(()) };
        let Some(rows) = self.vector(sample_rate)? else { return Ok(()) };
        let mut answer = Answer::default();
        for row in rows.chunks_exact(FMA518_LEN) {
            answer.add(asked, &ModelFeatures::Fma518(row)).map_err(unfit)?;
        }
        self.heard.answers[model] = Some(answer).filter(|answer| answer.windows() > 0);
        Ok(())
    }

    fn answer_joined(&mut self, model: usize, input: &JoinedInput) -> Result<(), AnalysisError> {
        let Asked { model: asked, .. } = self.models[model];
        let mut answer = Answer::default();
        while let Some(row) = self.joined_row(input, answer.windows()) {
            answer.add(asked, &ModelFeatures::Joined(&row)).map_err(unfit)?;
        }
        if answer.windows() == 0 {
            let name = &asked.manifest().name;
            return Err(AnalysisError::Unfit(format!("the model {name} did not get what it builds on, a bug")));
        }
        self.heard.answers[model] = Some(answer);
        Ok(())
    }

    fn joined_row(&self, input: &JoinedInput, window: usize) -> Option<Vec<f32>> {
        let mut joined = Vec::with_capacity(input.size());
        for part in &input.parts {
            joined.extend_from_slice(match part {
                Part::Said(part) => self.said(part, window)?,
                Part::Features(part) => {
                    let rows = self.heard.vectors.get(&part.sample_rate)?;
                    row(rows, rows.len() / FMA518_LEN, window)?
                }
            });
        }
        Some(joined)
    }

    /// Computes what these models are fed with, and the 518 at more rates, and asks the models.
    fn listen(&mut self, models: &[usize], rates: Vec<u32>) -> Result<(), AnalysisError> {
        self.decode()?;
        let Some(recording) = self.heard.recording.take() else { return Ok(()) };
        let features = rates.into_iter().map(|sample_rate| ModelInput::Fma518 { sample_rate }).collect::<Vec<_>>();
        let inputs = models.iter().map(|&i| &self.models[i].model.manifest().input);
        let wanted = Wanted::of(inputs.chain(&features));
        let mut vectors: Vec<(u32, Vec<f32>)> = wanted.fma518_rates().map(|rate| (rate, Vec::new())).collect();
        let mut answers = vec![Answer::default(); models.len()];
        for clip in &recording.clips {
            let hearing =
                Hearing::of(clip, &wanted, self.extractor).map_err(|error| self.unfit_for_ever(error.to_string()))?;
            for (rate, rows) in &mut vectors {
                rows.extend(hearing.fma518(*rate).into_iter().flat_map(|row| row.as_slice()));
            }
            for (&model, answer) in models.iter().zip(&mut answers) {
                let Asked { model, .. } = self.models[model];
                if let Some(features) = hearing.features(&model.manifest().input) {
                    answer.add(model, &features).map_err(unfit)?;
                }
            }
        }
        for (rate, rows) in vectors {
            self.store.keep_feature(self.audio, &fma518_key(rate), &self.listening.window_key, &rows)?;
            self.heard.vectors.insert(rate, rows);
        }
        for (&model, answer) in models.iter().zip(answers) {
            self.heard.answers[model] = Some(answer);
        }
        self.store.forget_failures(self.audio)?;
        self.heard.recording = Some(recording);
        Ok(())
    }

    /// Decodes the windows, unless that was done, and refuses what is too little or nothing to judge.
    fn decode(&mut self) -> Result<(), AnalysisError> {
        if self.heard.recording.is_some() {
            return Ok(());
        }
        if self.cancel.is_requested() {
            return Err(AnalysisError::Cancelled);
        }
        if !self.force
            && let Some(reason) = self.store.failure(self.audio, &self.listening.failure_key)?
        {
            return Err(AnalysisError::Unfit(reason));
        }
        tracing::debug!("decoding {}", self.file.path.display());
        let recording = audio::decode(self.file.path, &self.listening.window);
        // What was decoded is kept under the identity that was found before: it has to be the same file.
        if !self.file.is_unchanged() {
            return Err(AnalysisError::Changed);
        }
        let recording = recording?;
        self.store.describe_audio(self.audio, &recording.codec.to_string(), recording.duration)?;
        let (seconds, limit) = (recording.duration.as_secs_f64(), self.listening.min_seconds);
        if seconds < limit {
            // Not remembered as a failure: the limit is the configuration's.
            let reason = format!("{seconds:.1} s long, shorter than the {limit} s that it takes to judge");
            return Err(AnalysisError::Unfit(reason));
        }
        if recording.clips.iter().all(|clip| genre::is_silent(&clip.samples)) {
            let reason = "silent where it was listened to: there is nothing to judge";
            return Err(self.unfit_for_ever(reason.to_owned()));
        }
        self.heard.recording = Some(recording);
        Ok(())
    }

    fn unfit_for_ever(&self, reason: String) -> AnalysisError {
        match self.store.keep_failure(self.audio, &self.listening.failure_key, &reason) {
            Ok(()) => AnalysisError::Unfit(reason),
            Err(error) => AnalysisError::Store(error),
        }
    }
}

/// A model that cannot say anything of this sound: remembered for nothing, since another configuration may do.
fn unfit(error: InferenceError) -> AnalysisError {
    AnalysisError::Unfit(error.to_string())
}
