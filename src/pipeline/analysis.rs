//! From a file to a verdict, through the cache: what is stored is not computed, what is computed is stored.
//!
//! Cache keys are made here: each holds every version and parameter that its value depends on. Known audio is not decoded; what a
//! new model needs is computed from stored features where they suffice.

use super::cancel::Cancel;
use super::hearing::{Hearing, Wanted};
use super::looked::Looked;
use crate::audio::{self, AnalysisWindow, AudioError};
use crate::config::Config;
use crate::features::{Extractor, FEATURES_VERSION, FMA518_LEN};
use crate::genre::{self, Ballot, Genre, GenreError, Ranking, Taxonomy, Verdict};
use crate::inference::{Ensemble, InferenceError, Member, ModelFeatures, ModelInput, ModelsFolder};
use crate::store::{AudioKey, Store, StoreError};

/// The version of all that can make an analysis fail: a failure is tried again by another one.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What one model said of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The model's name.
    pub model: String,
    /// Its weight in the vote.
    pub weight: f32,
    /// Its genres, best first, with their probabilities: the mean over the windows.
    pub ranking: Vec<(String, f32)>,
}

/// Opinions and what the vote made of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// What each model said, in the order of the configuration.
    pub opinions: Vec<Opinion>,
    /// What the vote made of it.
    pub ranking: Ranking,
}

/// The models that a configuration asks for cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// A model that is neither built in nor installed.
    #[error(
        "there is no model `{name}`: [models] enabled and [ensemble] weights know {known}; `reclassd models` says what can be installed"
    )]
    UnknownModel {
        /// The name in the configuration.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// No enabled model has a weight.
    #[error("no enabled model has a weight above 0: nobody would decide; see [models] enabled and [ensemble] weights")]
    NobodyVotes,
    /// A model whose outputs are no genres.
    #[error("the model `{name}` has no map to genres, and so no vote: take it out of [models] enabled")]
    NoGenres {
        /// The model's name.
        name: String,
    },
    /// A model does not load.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// A model names a genre that the taxonomy does not know.
    #[error(transparent)]
    Genre(#[from] GenreError),
}

/// Why there is no verdict.
pub(super) enum AnalysisError {
    /// The wish to stop came first.
    Cancelled,
    /// The file was replaced or written to meanwhile.
    Changed,
    /// The database fails.
    Store(StoreError),
    /// The file cannot be decoded.
    Audio(AudioError),
    /// It decodes, and is nothing that a genre could be given to; why.
    Unfit(String),
}

impl From<StoreError> for AnalysisError {
    fn from(error: StoreError) -> Self {
        AnalysisError::Store(error)
    }
}

impl From<AudioError> for AnalysisError {
    fn from(error: AudioError) -> Self {
        AnalysisError::Audio(error)
    }
}

/// The models, the vote, and the window that they hear.
pub(super) struct Analyst {
    ensemble: Ensemble,
    /// The genres that each member can say, in the taxonomy, in the order of the members.
    labels: Vec<Vec<Genre>>,
    window: AnalysisWindow,
    min_seconds: f64,
    /// Cache key of the window: features and scores of another one are other values.
    window_key: String,
    fingerprint: String,
}

impl Analyst {
    /// The models that the configuration enables, with its weights, loaded.
    pub(super) fn new(config: &Config) -> Result<Self, LineError> {
        let ensemble = choose(Ensemble::builtin()?, config)?;
        for member in &ensemble.members {
            member.model.load()?;
        }
        let taxonomy = Taxonomy::builtin()?;
        let members = ensemble.members.iter();
        let labels = members.map(|member| taxonomy.canonical_all(&member.model.manifest().genres()));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        let window = AnalysisWindow { seconds: config.analysis.window_seconds, count: config.analysis.windows };
        let window_key = format!("{} s x {}", window.seconds, window.count);
        let min_seconds = config.analysis.min_seconds;
        let members: Vec<String> = ensemble.members.iter().map(member_key).collect();
        let fingerprint =
            format!("{} t{} {} {window_key} >{min_seconds}", ensemble.id(), ensemble.temperature, members.join(" "));
        Ok(Self { ensemble, labels, window, min_seconds, window_key, fingerprint })
    }

    /// One line for all that a verdict depends on.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Name and version of the ensemble, for `RECLASSD_MODEL`.
    pub(super) fn ensemble_name(&self) -> String {
        self.ensemble.id()
    }

    /// What a remembered failure depends on: another version or window may succeed.
    pub(super) fn failure_key(&self) -> String {
        format!("{PROGRAM} {}", self.window_key)
    }

    /// What the models make of a piece of audio, from the cache as far as it goes; `force` passes the cache by.
    pub(super) fn analyse(
        &self,
        store: &Store,
        audio: AudioKey,
        file: &Looked<'_>,
        extractor: &mut Extractor,
        force: bool,
        cancel: &Cancel,
    ) -> Result<Analysis, AnalysisError> {
        let mut tallies = Vec::with_capacity(self.ensemble.members.len());
        if force {
            tallies.resize_with(self.ensemble.members.len(), Tally::default);
        } else {
            for member in &self.ensemble.members {
                tallies.push(self.remembered(store, audio, member)?);
            }
        }
        if tallies.iter().any(|tally| !tally.is_known()) {
            if cancel.is_requested() {
                return Err(AnalysisError::Cancelled);
            }
            if !force && let Some(reason) = store.failure(audio, &self.failure_key())? {
                return Err(AnalysisError::Unfit(reason));
            }
            self.listen(store, audio, file, extractor, &mut tallies)?;
            store.forget_failures(audio)?;
        }
        let analysis = self.vote(&tallies).map_err(|error| AnalysisError::Unfit(error.to_string()))?;
        let verdict = Verdict::new(analysis.ranking.clone(), 0.0);
        store.keep_verdict(audio, &self.fingerprint, verdict.confidence, &verdict.named_ranking())?;
        Ok(analysis)
    }

    /// What a member said before, or would say of stored features.
    fn remembered(&self, store: &Store, audio: AudioKey, member: &Member) -> Result<Tally, AnalysisError> {
        let labels = member.model.manifest().labels.len();
        let scores = store.scores(audio, &model_key(member), &self.window_key)?;
        if let Some(sums) = scores.filter(|scores| scores.len() == labels) {
            return Ok(Tally { sums, windows: 1, ..Tally::default() });
        }
        let mut tally = Tally::default();
        if let ModelInput::Fma518 { sample_rate } = member.model.manifest().input
            && let Some(rows) = store.feature(audio, &fma518_key(sample_rate), &self.window_key)?
        {
            for row in rows.chunks_exact(FMA518_LEN) {
                tally.add(member, &ModelFeatures::Fma518(row)).map_err(unfit)?;
            }
            self.remember(store, audio, member, &tally)?;
        }
        Ok(tally)
    }

    /// Decodes the windows, computes what the members that know nothing yet are fed with, and asks them.
    fn listen(
        &self,
        store: &Store,
        audio: AudioKey,
        file: &Looked<'_>,
        extractor: &mut Extractor,
        tallies: &mut [Tally],
    ) -> Result<(), AnalysisError> {
        tracing::debug!("decoding {}", file.path.display());
        let recording = audio::decode(file.path, &self.window);
        // What was decoded is kept under the identity that was found before: it has to be the same file.
        if !file.is_unchanged() {
            return Err(AnalysisError::Changed);
        }
        let recording = recording?;
        store.describe_audio(audio, &recording.codec.to_string(), recording.duration)?;
        let seconds = recording.duration.as_secs_f64();
        let unfit_for_ever = |reason: String| -> AnalysisError {
            match store.keep_failure(audio, &self.failure_key(), &reason) {
                Ok(()) => AnalysisError::Unfit(reason),
                Err(error) => AnalysisError::Store(error),
            }
        };
        if seconds < self.min_seconds {
            // Not remembered as a failure: the limit is the configuration's.
            let limit = self.min_seconds;
            return Err(AnalysisError::Unfit(format!(
                "{seconds:.1} s long, shorter than the {limit} s that it takes to judge"
            )));
        }
        if recording.clips.iter().all(|clip| genre::is_silent(&clip.samples)) {
            return Err(unfit_for_ever("silent where it was listened to: there is nothing to judge".to_owned()));
        }
        let mut asked: Vec<(&Member, &mut Tally)> =
            self.ensemble.members.iter().zip(tallies).filter(|(_, tally)| !tally.is_known()).collect();
        let wanted = Wanted::of(asked.iter().map(|(member, _)| &member.model.manifest().input));
        let mut vectors: Vec<(u32, Vec<f32>)> = wanted.fma518_rates().map(|rate| (rate, Vec::new())).collect();
        for clip in &recording.clips {
            let hearing = Hearing::of(clip, &wanted, extractor).map_err(|error| unfit_for_ever(error.to_string()))?;
            for (rate, rows) in &mut vectors {
                rows.extend(hearing.fma518(*rate).into_iter().flat_map(|row| row.as_slice()));
            }
            for (member, tally) in &mut asked {
                if let Some(features) = hearing.features(&member.model.manifest().input) {
                    tally.add(member, &features).map_err(unfit)?;
                }
            }
        }
        for (rate, rows) in &vectors {
            store.keep_feature(audio, &fma518_key(*rate), &self.window_key, rows)?;
        }
        for (member, tally) in &asked {
            self.remember(store, audio, member, tally)?;
        }
        Ok(())
    }

    fn remember(&self, store: &Store, audio: AudioKey, member: &Member, tally: &Tally) -> Result<(), StoreError> {
        let key = model_key(member);
        store.keep_scores(audio, &key, &self.window_key, &tally.mean())?;
        if !tally.embeddings.is_empty() {
            store.keep_feature(audio, &format!("embedding:{key}"), &self.window_key, &tally.embeddings)?;
        }
        Ok(())
    }

    fn vote(&self, tallies: &[Tally]) -> Result<Analysis, GenreError> {
        let (mut ballots, mut opinions) = (Vec::new(), Vec::new());
        for ((member, labels), tally) in self.ensemble.members.iter().zip(&self.labels).zip(tallies) {
            let manifest = member.model.manifest();
            let probabilities = manifest.genre_shares(&tally.mean());
            let names = manifest.genres().into_iter().map(str::to_owned);
            let named = names.zip(probabilities.iter().copied());
            let mut ranking: Vec<(String, f32)> = named.collect();
            ranking.sort_by(|a, b| b.1.total_cmp(&a.1));
            opinions.push(Opinion { model: manifest.name.clone(), weight: member.weight, ranking });
            ballots.push(Ballot::new(labels, &[probabilities], member.weight)?);
        }
        Ok(Analysis { opinions, ranking: genre::vote(&ballots, self.ensemble.temperature) })
    }
}

/// What a member said of the windows so far.
#[derive(Default)]
struct Tally {
    sums: Vec<f32>,
    windows: usize,
    /// One after the other, a window each.
    embeddings: Vec<f32>,
}

impl Tally {
    fn is_known(&self) -> bool {
        self.windows > 0
    }

    fn add(&mut self, member: &Member, features: &ModelFeatures<'_>) -> Result<(), InferenceError> {
        let scores = member.model.run(features)?;
        self.sums.resize(scores.probabilities.len(), 0.0);
        for (sum, probability) in self.sums.iter_mut().zip(&scores.probabilities) {
            *sum += probability;
        }
        self.windows += 1;
        self.embeddings.extend(scores.embedding.unwrap_or_default());
        Ok(())
    }

    fn mean(&self) -> Vec<f32> {
        let windows = self.windows.max(1) as f32;
        self.sums.iter().map(|sum| sum / windows).collect()
    }
}

/// The members that the configuration enables, with its weights in place of the fitted ones. Installed models take part when
/// they are enabled by name.
fn choose(mut ensemble: Ensemble, config: &Config) -> Result<Ensemble, LineError> {
    let installed = ModelsFolder::new(&config.models.folder);
    let is_member = |ensemble: &Ensemble, name: &str| ensemble.members.iter().any(|m| m.model.manifest().name == name);
    for name in &config.models.enabled {
        if !is_member(&ensemble, name) && installed.contains(name) {
            let model = installed.open(name)?;
            if model.manifest().genres().is_empty() {
                return Err(LineError::NoGenres { name: name.clone() });
            }
            let weight = model.manifest().weight;
            ensemble.members.push(Member { model, weight });
        }
    }
    let mut named = config.models.enabled.iter().chain(config.ensemble.weights.keys());
    if let Some(name) = named.find(|name| !is_member(&ensemble, name) && !installed.contains(name)) {
        let known: Vec<&str> = ensemble.members.iter().map(|m| m.model.manifest().name.as_str()).collect();
        return Err(LineError::UnknownModel { name: name.clone(), known: known.join(", ") });
    }
    let members: Vec<Member> = std::mem::take(&mut ensemble.members)
        .into_iter()
        .filter(|member| config.models.enabled.contains(&member.model.manifest().name))
        .map(|member| {
            let weight = config.ensemble.weights.get(&member.model.manifest().name).copied().unwrap_or(member.weight);
            Member { weight, ..member }
        })
        .collect();
    if members.iter().all(|member| member.weight <= 0.0) {
        return Err(LineError::NobodyVotes);
    }
    Ok(Ensemble { members, ..ensemble })
}

/// A model's name and all that its scores depend on: its graph, the version of the features that it is fed with, and, of a model
/// whose manifest lies where it can be edited, how it is fed.
fn model_key(member: &Member) -> String {
    let manifest = member.model.manifest();
    let key = format!("{}/{}/{FEATURES_VERSION}", manifest.name, &manifest.sha256[..16.min(manifest.sha256.len())]);
    if member.model.is_builtin() { key } else { format!("{key}/{}", digest(&(&manifest.input, &manifest.output))) }
}

/// A short digest of a value's insides.
fn digest(value: &impl std::fmt::Debug) -> String {
    blake3::hash(format!("{value:?}").as_bytes()).to_hex()[..16].to_owned()
}

/// A member and all that its vote depends on: its scores, its weight, and what its words mean.
fn member_key(member: &Member) -> String {
    let key = format!("{}*{}", model_key(member), member.weight);
    let manifest = member.model.manifest();
    if member.model.is_builtin() { key } else { format!("{key}:{}", digest(&(&manifest.labels, &manifest.tag_map))) }
}

fn fma518_key(sample_rate: u32) -> String {
    format!("fma518@{sample_rate}/{FEATURES_VERSION}")
}

/// A model that cannot say anything of this sound: remembered for nothing, since another configuration may do.
fn unfit(error: InferenceError) -> AnalysisError {
    AnalysisError::Unfit(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_model_that_does_not_exist_is_answered_with_those_that_do() {
        for text in ["[models]\nenabled = [\"fma518-svm\"]", "[ensemble.weights]\nfma518-svm = 1.0"] {
            let error = Analyst::new(&config(text)).err().unwrap().to_string();
            assert!(error.contains("fma518-svm") && error.contains("fma518-mlp"), "{error}");
        }
    }

    #[test]
    fn somebody_has_to_vote() {
        let text = "[models]\nenabled = [\"fma518-mlp\"]\n[ensemble.weights]\nfma518-mlp = 0.0";
        assert!(matches!(Analyst::new(&config(text)), Err(LineError::NobodyVotes)));
    }

    #[test]
    fn another_window_weight_or_model_is_another_fingerprint() {
        let texts = [
            "",
            "[analysis]\nwindow_seconds = 20.0",
            "[analysis]\nwindows = 2",
            "[models]\nenabled = [\"fma518-mlp\"]",
            "[ensemble.weights]\nfma518-mlp = 0.123",
        ];
        let fingerprints = texts.map(|text| Analyst::new(&config(text)).unwrap().fingerprint().to_owned());
        let different: std::collections::BTreeSet<&String> = fingerprints.iter().collect();
        assert_eq!(different.len(), texts.len(), "{fingerprints:?}");
    }

    #[test]
    fn an_installed_model_that_is_fed_in_another_way_is_not_known_by_its_old_scores() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine");
        std::fs::create_dir(&mine).unwrap();
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/logmel-cnn");
        std::fs::copy(source.join("model.onnx"), mine.join("model.onnx")).unwrap();
        let manifest = std::fs::read_to_string(source.join("model.toml")).unwrap();
        let manifest = manifest.replace("\"logmel-cnn\"", "\"mine\"");
        let mut config = config("[models]\nenabled = [\"mine\"]");
        config.models.folder = folder.path().to_owned();
        let keys = ["padding = \"repeat\"", "padding = \"floor\""].map(|padding| {
            std::fs::write(mine.join("model.toml"), manifest.replace("padding = \"repeat\"", padding)).unwrap();
            let analyst = Analyst::new(&config).unwrap();
            let (builtin, mine) = (Ensemble::builtin().unwrap().id(), &analyst.ensemble.members[0].model);
            assert_eq!(analyst.ensemble_name(), format!("{builtin} + mine {}", mine.manifest().version));
            model_key(&analyst.ensemble.members[0])
        });
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn the_default_threshold_is_the_one_that_was_fitted() {
        assert_eq!(Config::default().tags.min_confidence, Ensemble::builtin().unwrap().threshold);
    }
}
