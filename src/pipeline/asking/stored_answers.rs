//! What the models said of audio that was analysed, as numbers: rows for whoever learns from them, and what the vote makes of them. All
//! of it comes from the database; nothing is decoded and no model is run. What is learned from it is not known here.

use std::borrow::Cow;

use super::analysis::{VoteStage, ballot, vote_stages, window_of};
use super::ensemble_members::{LineError, descriptors_key, digest, ensemble_of, fma518_key, model_key, voters_digest};
use super::model_answer::{ModelAnswer, row};
use crate::config::Config;
use crate::features::FMA518_LEN;
use crate::genre::{self, Ballot, Genre, GenreError, KindsPolicy, Rules, Tally, Taxonomy};
use crate::inference::{
    Ensemble, FeaturesName, FeaturesPart, InferenceError, LEARNED, ModelFeatures, ModelInput, Part, PartOutput,
    SaidPart,
};
use crate::store::{AudioKey, Store, StoreError};

/// The models of a configuration without what was learned, as far as it takes them to read what they said and to vote on it.
pub struct StoredAnswers {
    ensemble: Ensemble,
    /// The cache key of each member.
    keys: Vec<String>,
    /// The genres that each member can say.
    labels: Vec<Vec<Genre>>,
    window_key: String,
    taxonomy: Taxonomy,
    stage: VoteStage,
}

/// What was said of one piece of audio.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AudioAnswers {
    /// The numbers of each of [`StoredAnswers::parts`], averaged over the windows; none where they are not known.
    pub parts: Vec<Option<Vec<f32>>>,
    /// The probabilities of each voter's labels, in the order of the voters; none where one of them was not asked.
    pub shares: Option<Vec<Vec<f32>>>,
}

impl StoredAnswers {
    /// For the models and the window of a configuration, but what was learned.
    ///
    /// # Errors
    /// [`LineError`] when the configuration names a model that there is not.
    pub fn new(config: &Config) -> Result<Self, LineError> {
        let mut config = config.clone();
        config.models.learned = Default::default();
        config.models.enabled.retain(|name| name != LEARNED);
        Self::with_learned(&config)
    }

    /// The same with what was learned, where there is something.
    ///
    /// # Errors
    /// As for [`StoredAnswers::new`].
    pub fn with_learned(config: &Config) -> Result<Self, LineError> {
        let ensemble = ensemble_of(config)?;
        let taxonomy = Taxonomy::builtin()?.with_own(&ensemble.own);
        let keys = ensemble.members.iter().map(|member| model_key(&member.model, &ensemble)).collect();
        let labels = ensemble.members.iter().map(|m| taxonomy.canonical_all(&m.model.manifest().genres()));
        let labels = labels.collect::<Result<_, _>>()?;
        let stage = vote_stages(&ensemble, config.ensemble.kinds, &taxonomy)?.pop().ok_or(LineError::NobodyVotes)?;
        let (_, window_key) = window_of(config);
        Ok(Self { ensemble, keys, labels, window_key, taxonomy, stage })
    }

    /// What can be learned from: the 518, and descriptions and scores of every member. A description's size is not known before one was
    /// seen: it is 0 here.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let inputs = self.ensemble.members.iter().map(|member| &member.model.manifest().input);
        let rate = inputs.into_iter().find_map(|input| match input {
            ModelInput::Fma518 { sample_rate } => Some(*sample_rate),
            ModelInput::Joined(joined) => joined.fma518_rates().next(),
            _ => None,
        });
        if let Some(sample_rate) = rate {
            parts.push(Part::Features(FeaturesPart { features: FeaturesName::Fma518, sample_rate }));
        }
        let said = |output, size| move |model: &str| Part::Said(SaidPart { model: model.to_owned(), output, size });
        let members = self.ensemble.members.iter().map(|member| member.model.manifest());
        for manifest in members.clone().filter(|manifest| manifest.output.has_embedding()) {
            parts.push(said(PartOutput::Embedding, 0)(&manifest.name));
        }
        for manifest in members {
            parts.push(said(PartOutput::Scores, manifest.labels.len())(&manifest.name));
        }
        parts
    }

    /// Who votes and how much that counts, in one word.
    pub fn voters(&self) -> String {
        voters_digest(&self.ensemble)
    }

    /// All that what is remembered of a sound depends on, in one word: the models, their votes, and the window.
    pub fn fingerprint(&self) -> String {
        digest(&(&self.keys, self.voters(), &self.window_key))
    }

    /// How what the sound is like is kept: kind and window of the feature.
    pub fn descriptors_kept_as(&self) -> (String, &str) {
        (descriptors_key(), &self.window_key)
    }

    /// The weights of all voters together.
    pub fn weight(&self) -> f32 {
        self.stage.weights.iter().sum()
    }

    /// The words of each voter.
    pub fn words(&self) -> Vec<std::collections::BTreeSet<Genre>> {
        self.voters_at().map(|i| self.labels[i].iter().cloned().collect()).collect()
    }

    /// The voters whose scores are probabilities of genres, one by one: the name, the genres in the order of the scores, and the weight.
    pub fn speakers(&self) -> impl Iterator<Item = (&str, &[Genre], f32)> {
        let speaks = |&i: &usize| {
            let manifest = self.ensemble.members[i].model.manifest();
            manifest.tag_map.is_none() && manifest.labels.len() == self.labels[i].len()
        };
        let speaker = |i: usize| {
            (self.ensemble.members[i].model.manifest().name.as_str(), self.labels[i].as_slice(), self.stage.weights[i])
        };
        self.voters_at().filter(speaks).map(speaker)
    }

    /// By what the vote is counted.
    pub fn rules(&self) -> &Rules {
        &self.stage.rules
    }

    /// The genres that there are.
    pub fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// What was said of a piece of audio.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn of(&self, store: &Store, audio: AudioKey) -> Result<AudioAnswers, StoreError> {
        let members = self.ensemble.members.iter().zip(&self.keys);
        let answers = members
            .map(|(member, key)| ModelAnswer::load(store, audio, &self.window_key, key, &member.model))
            .collect::<Result<Vec<_>, _>>()?;
        let answer = |name: &str| {
            let at = self.ensemble.members.iter().position(|member| member.model.manifest().name == name)?;
            answers[at].as_ref()
        };
        let mut parts = Vec::new();
        for part in self.parts() {
            parts.push(match part {
                Part::Features(part) => {
                    let rows = store.feature(audio, &fma518_key(part.sample_rate), &self.window_key)?;
                    rows.and_then(|rows| mean_of_rows(&rows, FMA518_LEN))
                }
                Part::Said(part) => answer(&part.model).and_then(|answer| match part.output {
                    PartOutput::Scores => Some(answer.mean()),
                    PartOutput::Embedding => answer.mean_embedding(),
                }),
            });
        }
        // What was learned can be asked without listening.
        let asked_later = |i: usize| self.ensemble.members[i].model.manifest().name == LEARNED;
        let later = |i: usize| asked_later(i).then(Vec::new);
        let shares =
            self.voters_at().map(|i| answers[i].as_ref().map(ModelAnswer::mean).or_else(|| later(i))).collect();
        Ok(AudioAnswers { parts, shares })
    }

    fn voters_at(&self) -> impl Iterator<Item = usize> {
        self.stage.weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0).map(|(i, _)| i)
    }

    /// The ballots of the voters for what they said.
    ///
    /// # Errors
    /// [`GenreError`] where what is remembered are no probabilities.
    pub fn ballots(&self, shares: &[Vec<f32>]) -> Result<Vec<Ballot>, GenreError> {
        let mut ballots = Vec::new();
        for (i, shares) in self.voters_at().zip(shares) {
            let manifest = self.ensemble.members[i].model.manifest();
            if !shares.is_empty() {
                ballots.extend(ballot(manifest, &self.labels[i], shares, self.stage.weights[i])?);
            }
        }
        Ok(ballots)
    }

    /// Adds what was learned to what was said, by asking the model where it was not asked yet. Nothing changes where nothing was learned, or
    /// where what it builds on is not known.
    ///
    /// # Errors
    /// [`InferenceError`] when the model does not run.
    pub fn ask_learned(&self, said: &mut AudioAnswers) -> Result<(), InferenceError> {
        let members = &self.ensemble.members;
        let Some(at) = members.iter().position(|member| member.model.manifest().name == LEARNED) else { return Ok(()) };
        let ModelInput::Joined(input) = &members[at].model.manifest().input else { return Ok(()) };
        let is_same = |a: &Part, b: &Part| match (a, b) {
            (Part::Said(a), Part::Said(b)) => a.model == b.model && a.output == b.output,
            (Part::Features(a), Part::Features(b)) => a == b,
            _ => false,
        };
        let parts = self.parts();
        let mut row = Vec::with_capacity(input.size());
        for part in &input.parts {
            let known = parts.iter().position(|known| is_same(known, part)).and_then(|i| said.parts[i].as_ref());
            match known.filter(|known| known.len() == part.size()) {
                Some(known) => row.extend_from_slice(known),
                None => return Ok(()),
            }
        }
        let scores = members[at].model.run(&ModelFeatures::Joined(&row))?;
        if let (Some(voter), Some(shares)) = (self.voters_at().position(|i| i == at), &mut said.shares) {
            shares[voter] = scores.probabilities;
        }
        Ok(())
    }

    /// What the vote makes of what was said; a kind is named as the configuration says, or by this policy.
    ///
    /// # Errors
    /// As for [`StoredAnswers::ballots`].
    pub fn vote(&self, shares: &[Vec<f32>], kinds: Option<KindsPolicy>) -> Result<Tally, GenreError> {
        let ballots = self.ballots(shares)?;
        let mut rules = Cow::Borrowed(&self.stage.rules);
        if let Some(policy) = kinds.filter(|policy| *policy != rules.kinds.policy) {
            rules.to_mut().kinds.policy = policy;
        }
        Ok(genre::vote(&ballots, &self.taxonomy, &rules))
    }
}

/// The mean of rows of this size; none where there is none, or something else.
fn mean_of_rows(rows: &[f32], size: usize) -> Option<Vec<f32>> {
    let n = rows.len() / size;
    row(rows, n, 0)?;
    Some((0..size).map(|i| rows.iter().skip(i).step_by(size).sum::<f32>() / n as f32).collect())
}
