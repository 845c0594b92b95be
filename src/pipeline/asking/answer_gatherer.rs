//! One file's answers, gathered as far as they are asked for: from the database, else from stored features, else by
//! listening. The file is decoded once at the most, and only when somebody has to hear it.
//!
//! Who is asked, and what becomes of the answers, is [`super::analysis`]'s.

use std::collections::BTreeMap;

use super::super::cancel::Cancel;
use super::super::limits::ResourceLimits;
use super::super::stamped_file::StampedFile;
use super::analysis_error::AnalysisError;
use super::clip_features::{ClipFeatures, WantedFeatures};
use super::ensemble_members::{descriptors_key, fma518_key};
use super::model_answer::{ModelAnswer, row};
use crate::audio::{self, AnalysisWindow, Recording};
use crate::descriptors::Descriptors;
use crate::features::{Extractor, FMA518_LEN};
use crate::genre;
use crate::inference::{
    InferenceError, JoinedInput, Model, ModelFeatures, ModelInput, Part, PartOutput, Question, Runtime, SaidPart,
};
use crate::store::{AudioKey, Store};

/// What is listened to, and when that is too little.
pub(super) struct ListeningSettings {
    pub(super) window: AnalysisWindow,
    pub(super) min_seconds: f64,
    /// Whether it is also said what the sound is like.
    pub(super) describes: bool,
    /// Cache key of the window: features and scores of another one are other values.
    pub(super) window_key: String,
    /// What a remembered failure depends on: another version or window may succeed.
    pub(super) failure_key: String,
}

/// A model that can be asked, and the key of what it says.
pub(super) struct KeyedModel<'a> {
    pub(super) model: &'a Model,
    pub(super) key: &'a str,
}

/// The answers about one file. Models are known by their index, and come after those they build on.
pub(super) struct AnswerGatherer<'a> {
    pub(super) models: &'a [KeyedModel<'a>],
    pub(super) listening: &'a ListeningSettings,
    pub(super) store: &'a Store,
    pub(super) audio: AudioKey,
    pub(super) file: &'a StampedFile<'a>,
    pub(super) limits: &'a ResourceLimits,
    /// Whether what was known before is passed by.
    pub(super) force: bool,
    pub(super) cancel: &'a Cancel,
    /// Whether somebody may have to hear the sound after those that are asked first.
    pub(super) hears_more: bool,
    gathered: Gathered,
}

/// A question to one of the models, about one window.
struct PendingQuestion<'a> {
    model: usize,
    question: Question<'a>,
}

impl<'a> PendingQuestion<'a> {
    fn new(model: usize, asked: &'a Model, features: &ModelFeatures<'_>) -> Result<Self, AnalysisError> {
        Ok(Self { model, question: asked.ask(features).map_err(unfit)? })
    }
}

/// What is known of the file by now.
#[derive(Default)]
struct Gathered {
    answers: Vec<Option<ModelAnswer>>,
    /// The 518 by rate, a row a window.
    vectors: BTreeMap<u32, Vec<f32>>,
    recording: Option<Recording>,
    descriptors: Option<Descriptors>,
}

impl<'a> AnswerGatherer<'a> {
    #[allow(clippy::too_many_arguments)] // they are what a file, a run and a configuration have in common: nothing
    pub(super) fn new(
        models: &'a [KeyedModel<'a>],
        listening: &'a ListeningSettings,
        store: &'a Store,
        audio: AudioKey,
        file: &'a StampedFile<'a>,
        limits: &'a ResourceLimits,
        force: bool,
        cancel: &'a Cancel,
        hears_more: bool,
    ) -> Self {
        let gathered = Gathered { answers: vec![None; models.len()], ..Gathered::default() };
        Self { models, listening, store, audio, file, limits, force, cancel, hears_more, gathered }
    }

    /// What a model said; none before it was asked.
    pub(super) fn answer(&self, model: usize) -> Option<&ModelAnswer> {
        self.gathered.answers[model].as_ref()
    }

    /// Asks those of the models that have not answered yet.
    pub(super) fn ask(&mut self, models: &[usize]) -> Result<(), AnalysisError> {
        let open = self.open(models)?;
        let describes = self.listening.describes && self.descriptors()?.is_none();
        if open.is_empty() && !describes {
            return Ok(());
        }
        let on_vectors = self.on_known_vectors(&open)?;
        let is_deaf = |model: &usize| self.joined(*model).is_some() || on_vectors.iter().any(|(deaf, _)| deaf == model);
        let unheard: Vec<usize> = open.iter().copied().filter(|model| !is_deaf(model)).collect();
        let joined = open.iter().filter_map(|&i| self.joined(i));
        let mut rates: Vec<u32> = joined.flat_map(JoinedInput::fma518_rates).collect();
        for rate in std::mem::take(&mut rates) {
            if self.vector(rate)?.is_none() {
                rates.push(rate);
            }
        }
        let hears = describes || !(unheard.is_empty() && rates.is_empty());
        let opened = (hears && self.gathered.recording.is_none()).then(|| self.open_file()).transpose()?;
        let gathers = Runtime::started().is_some_and(Runtime::gathers);
        let compute = &self.limits.compute;
        let awaited = compute.run(|extractor| {
            if let Some(opened) = opened {
                self.decode(opened)?;
            }
            let mut questions = self.questions_on_vectors(&on_vectors)?;
            if hears {
                questions.extend(self.hear(&unheard, rates, describes, extractor)?);
            }
            // Where the models run on the processor too, the file is brought to an end before the next one is begun:
            // there is nothing to wait for, and a crash costs no more than what is in the pool.
            if gathers { Ok(questions) } else { self.finish(&open, questions).map(|()| Vec::new()) }
        })?;
        if gathers { self.finish(&open, awaited) } else { Ok(()) }
    }

    /// Waits for the answers, asks those that build on them, and remembers all.
    fn finish(&mut self, open: &[usize], questions: Vec<PendingQuestion<'a>>) -> Result<(), AnalysisError> {
        self.await_answers(questions)?;
        self.ask_joined(open.iter().copied().filter(|&i| self.joined(i).is_some()).collect())?;
        for &model in open {
            let KeyedModel { key, .. } = self.models[model];
            if let Some(answer) = &self.gathered.answers[model] {
                answer.keep(self.store, self.audio, &self.listening.window_key, key)?;
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
                    self.gathered.answers[asked] = None;
                    open.push(asked);
                }
            }
        }
        open.sort_unstable();
        Ok(open)
    }

    /// Whether a model's answer is known, by now or from before.
    fn recall(&mut self, model: usize) -> Result<bool, AnalysisError> {
        if self.gathered.answers[model].is_none() && !self.force {
            let KeyedModel { model: asked, key } = self.models[model];
            self.gathered.answers[model] =
                ModelAnswer::load(self.store, self.audio, &self.listening.window_key, key, asked)?;
        }
        Ok(self.gathered.answers[model].is_some())
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
        let answer = self.gathered.answers[self.index(&part.model)?].as_ref()?;
        let said = match part.output {
            PartOutput::Embedding => answer.embedding(window),
            PartOutput::Scores => answer.scores(window),
        };
        said.filter(|said| said.len() == part.size)
    }

    /// The 518 at a rate, a row a window, if they are known.
    fn vector(&mut self, rate: u32) -> Result<Option<&[f32]>, AnalysisError> {
        if !self.gathered.vectors.contains_key(&rate) && !self.force {
            let stored = self.store.feature(self.audio, &fma518_key(rate), &self.listening.window_key)?;
            self.gathered.vectors.extend(stored.map(|rows| (rate, rows)));
        }
        Ok(self.gathered.vectors.get(&rate).map(Vec::as_slice))
    }

    /// What the sound is like, if it is known: of its middle window.
    pub(super) fn descriptors(&mut self) -> Result<Option<&Descriptors>, AnalysisError> {
        if self.gathered.descriptors.is_none() && !self.force {
            let stored = self.store.feature(self.audio, &descriptors_key(), &self.listening.window_key)?;
            self.gathered.descriptors = stored.and_then(|row| Descriptors::from_row(&row));
        }
        Ok(self.gathered.descriptors.as_ref())
    }

    /// Those models that need nothing but vectors that are known, and at which rate.
    fn on_known_vectors(&mut self, models: &[usize]) -> Result<Vec<(usize, u32)>, AnalysisError> {
        let mut known = Vec::new();
        for &model in models {
            if let ModelInput::Fma518 { sample_rate } = self.models[model].model.manifest().input
                && self.vector(sample_rate)?.is_some_and(|rows| rows.len() >= FMA518_LEN)
            {
                known.push((model, sample_rate));
            }
        }
        Ok(known)
    }

    fn questions_on_vectors(&self, models: &[(usize, u32)]) -> Result<Vec<PendingQuestion<'a>>, AnalysisError> {
        let rows = |rate| self.gathered.vectors.get(rate).into_iter().flat_map(|rows| rows.chunks_exact(FMA518_LEN));
        let pose =
            |model: usize, row| PendingQuestion::new(model, self.models[model].model, &ModelFeatures::Fma518(row));
        models.iter().flat_map(|(model, rate)| rows(rate).map(|row| pose(*model, row))).collect()
    }

    /// Asks those that build on what others said: all at once whose parts are known, then those that build on them.
    fn ask_joined(&mut self, mut models: Vec<usize>) -> Result<(), AnalysisError> {
        while !models.is_empty() {
            let asked = models.iter().map(|&model| self.questions_on_joined(model)).collect::<Result<Vec<_>, _>>()?;
            let later = models.iter().zip(&asked).filter(|(_, questions)| questions.is_empty());
            let later: Vec<usize> = later.map(|(model, _)| *model).collect();
            if later.len() == models.len() {
                let name = &self.models[later[0]].model.manifest().name;
                return Err(AnalysisError::Unfit(format!("the model {name} did not get what it builds on, a bug")));
            }
            self.await_answers(asked.into_iter().flatten().collect())?;
            models = later;
        }
        Ok(())
    }

    /// A question for each window that all parts of a joined row are known of.
    fn questions_on_joined(&self, model: usize) -> Result<Vec<PendingQuestion<'a>>, AnalysisError> {
        let (KeyedModel { model: asked, .. }, Some(input)) = (&self.models[model], self.joined(model)) else {
            return Ok(Vec::new());
        };
        let rows = (0..).map_while(|window| self.joined_row(input, window));
        rows.map(|row| PendingQuestion::new(model, asked, &ModelFeatures::Joined(&row))).collect()
    }

    fn await_answers(&mut self, questions: Vec<PendingQuestion<'a>>) -> Result<(), AnalysisError> {
        for PendingQuestion { model, question } in questions {
            let said = question.answer().map_err(unfit)?;
            self.gathered.answers[model].get_or_insert_default().add(said);
        }
        Ok(())
    }

    fn joined_row(&self, input: &JoinedInput, window: usize) -> Option<Vec<f32>> {
        let mut joined = Vec::with_capacity(input.size());
        for part in &input.parts {
            joined.extend_from_slice(match part {
                Part::Said(part) => self.said(part, window)?,
                Part::Features(part) => {
                    let rows = self.gathered.vectors.get(&part.sample_rate)?;
                    row(rows, rows.len() / FMA518_LEN, window)?
                }
            });
        }
        Some(joined)
    }

    /// Computes what these models are fed with, and the 518 at more rates, and asks the models.
    fn hear(
        &mut self,
        models: &[usize],
        rates: Vec<u32>,
        describes: bool,
        extractor: &mut Extractor,
    ) -> Result<Vec<PendingQuestion<'a>>, AnalysisError> {
        let Some(recording) = self.gathered.recording.take() else { return Ok(Vec::new()) };
        let features = rates.into_iter().map(|sample_rate| ModelInput::Fma518 { sample_rate }).collect::<Vec<_>>();
        let inputs = models.iter().map(|&i| &self.models[i].model.manifest().input);
        let mut wanted = WantedFeatures::of(inputs.chain(&features));
        if describes {
            wanted = wanted.and_descriptors();
        }
        let mut vectors: Vec<(u32, Vec<f32>)> = wanted.fma518_rates().map(|rate| (rate, Vec::new())).collect();
        let mut questions = Vec::new();
        let middle = recording.clips.len() / 2;
        for (window, clip) in recording.clips.iter().enumerate() {
            let clip_features =
                ClipFeatures::of(clip, &wanted, extractor).map_err(|error| self.unfit_for_ever(error.to_string()))?;
            for (rate, rows) in &mut vectors {
                rows.extend(clip_features.fma518(*rate).into_iter().flat_map(|row| row.as_slice()));
            }
            if window == middle {
                self.gathered.descriptors = clip_features.descriptors.clone().or(self.gathered.descriptors.take());
            }
            for &model in models {
                let KeyedModel { model: asked, .. } = self.models[model];
                if let Some(features) = clip_features.features(&asked.manifest().input) {
                    questions.push(PendingQuestion::new(model, asked, &features)?);
                }
            }
        }
        for (rate, rows) in vectors {
            self.store.keep_feature(self.audio, &fma518_key(rate), &self.listening.window_key, &rows)?;
            self.gathered.vectors.insert(rate, rows);
        }
        if let Some(descriptors) = self.gathered.descriptors.as_ref().filter(|_| describes) {
            let row = descriptors.to_row();
            self.store.keep_feature(self.audio, &descriptors_key(), &self.listening.window_key, &row)?;
        }
        self.store.forget_failures(self.audio)?;
        self.gathered.recording = Some(recording).filter(|_| self.hears_more);
        Ok(questions)
    }

    /// The highest rate that anything here hears, in Hz: what is above is not decoded where that is less work.
    fn highest_rate(&self) -> u32 {
        // Loudness is that of the whole band.
        if self.listening.describes {
            return u32::MAX;
        }
        let inputs = self.models.iter().map(|keyed| &keyed.model.manifest().input);
        let joined = (0..self.models.len()).filter_map(|model| self.joined(model)).flat_map(JoinedInput::fma518_rates);
        joined.chain(WantedFeatures::of(inputs).rates()).max().unwrap_or(u32::MAX)
    }

    /// Finds the windows in the file, and has the disk fetch them.
    fn open_file(&self) -> Result<audio::Opened, AnalysisError> {
        if self.cancel.is_requested() {
            return Err(AnalysisError::Cancelled);
        }
        if !self.force
            && let Some(reason) = self.store.failure(self.audio, &self.listening.failure_key)?
        {
            return Err(AnalysisError::Unfit(reason));
        }
        let turn = self.limits.readers.turn(self.file.path, self.file.stamp.device);
        tracing::debug!("opening {}", self.file.path.display());
        let opened = audio::open_at(self.file.path, &self.listening.window, self.highest_rate());
        if !self.file.is_unchanged() {
            return Err(AnalysisError::Changed);
        }
        let opened = opened?;
        if turn.is_scarce() {
            opened.fetch();
        }
        Ok(opened)
    }

    /// Decodes the windows, and refuses what is too little or nothing to judge.
    fn decode(&mut self, opened: audio::Opened) -> Result<(), AnalysisError> {
        // It may have waited for the pool for a while.
        if self.cancel.is_requested() {
            return Err(AnalysisError::Cancelled);
        }
        tracing::debug!("decoding {}", self.file.path.display());
        let recording = opened.decode();
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
        self.gathered.recording = Some(recording);
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
