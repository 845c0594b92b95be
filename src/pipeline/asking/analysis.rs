//! From a file to a verdict: who is asked, when that is enough, and what the vote makes of it.
//!
//! A plain vote is one stage; a progressive one asks the cheap models first and the next only while the vote is not
//! sure. What is stored is not computed and what is computed is stored: that is [`super::answer_gatherer`]'s.

use std::time::Duration;

use super::super::album::AlbumVote;
use super::super::cancel::Cancel;
use super::super::limits::ResourceLimits;
use super::super::stamped_file::StampedFile;
use super::analysis_error::AnalysisError;
use super::answer_gatherer::{AnswerGatherer, KeyedModel, ListeningSettings};
use super::ensemble_members::{LineError, digest, ensemble_of, member_key, model_key};
use crate::audio::{AnalysisWindow, AudioError};
use crate::config::{self, Config};
use crate::descriptors::Descriptors;
use crate::genre::{
    self, Ballot, Genre, GenreError, Kinds, KindsPolicy, NotMusic, Ranking, Rules, Tally, Taxonomy, Verdict,
};
use crate::inference::{self, Batch, Ensemble, InferenceError, Manifest, Model, Runtime, RuntimeSettings, Stage};
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

/// One stage of the vote.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Who voted in it.
    pub voters: Vec<String>,
    /// The first genre, a family as such.
    pub best: Option<Genre>,
    /// How likely it is right.
    pub confidence: f32,
    /// The confidence from which nobody else is asked; none of the last stage.
    pub stop: Option<f32>,
}

/// Opinions and what the vote made of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// What each model said that was asked and has a vote, in the order of the ensemble.
    pub opinions: Vec<Opinion>,
    /// The stages that were gone through: one in a plain vote.
    pub steps: Vec<Step>,
    /// Models that have a vote and were not asked, since the vote was sure without them.
    pub not_asked: Vec<String>,
    /// How likely each kind of sound is, the music first, and what counts as music; none where nobody was asked.
    pub sound: Option<Sound>,
    /// Why a genre means nothing here, if the sound is no music.
    pub not_music: Option<NotMusic>,
    /// What the sound is like, where that is asked for and it is music.
    pub descriptors: Option<Descriptors>,
    /// How the vote came about, of the last stage.
    pub tally: Tally,
    /// What the tracks of its album made of it, where they vote together.
    pub album: Option<AlbumVote>,
    /// The confidence below which nothing is written whatever the configuration says; 0 where nothing was promised.
    pub at_least: f32,
    /// What the vote made of it, a kind named where that is sure by itself.
    pub ranking: Ranking,
    /// The same with families as such: what is written where a kind is not sure enough. Equal where a kind is always
    /// wanted.
    pub families: Ranking,
}

/// What the sound is, by the word of the model that tells music from other sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// The model's name.
    pub model: String,
    /// Its labels with their probabilities, the music first.
    pub kinds: Vec<(String, f32)>,
    /// The probability of music below which it is none.
    pub music_below: f32,
}

impl Analysis {
    /// The program's word, given the confidence that it takes to be sure.
    pub fn verdict(&self, threshold: f32) -> Verdict {
        // Who asks for no confidence at all, to list or to try out, is told all there is.
        let threshold = if threshold > 0.0 { threshold.max(self.at_least) } else { threshold };
        let named = Verdict::new(self.ranking.clone(), threshold);
        let family = || Some(Verdict::new(self.families.clone(), threshold)).filter(Verdict::is_sure);
        let verdict = if named.is_sure() { named } else { family().unwrap_or(named) };
        match &self.not_music {
            Some(not_music) => verdict.of_no_music(not_music.clone()),
            None => verdict,
        }
    }
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

/// The models, the vote, and what they listen to.
pub(in crate::pipeline) struct Analyst {
    ensemble: Ensemble,
    taxonomy: Taxonomy,
    /// The genres that each member can say, in the taxonomy, in the order of the members.
    labels: Vec<Vec<Genre>>,
    /// The cache key of each member, and of the gate behind them.
    keys: Vec<String>,
    stages: Vec<VoteStage>,
    listening: ListeningSettings,
    fingerprint: String,
}

/// A stage, with members by their index.
pub(super) struct VoteStage {
    /// A weight for each member; who has none is not asked.
    pub(super) weights: Vec<f32>,
    pub(super) rules: Rules,
    stop: Option<f32>,
}

impl Analyst {
    /// The models that the configuration asks for, loaded.
    pub(in crate::pipeline) fn new(config: &Config) -> Result<Self, LineError> {
        start_runtime(config);
        let ensemble = ensemble_of(config)?;
        load(&ensemble)?;
        let taxonomy = Taxonomy::builtin()?.with_own(&ensemble.own);
        let members = ensemble.members.iter();
        let labels = members.map(|member| taxonomy.canonical_all(&member.model.manifest().genres()));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        let (window, window_key) = window_of(config);
        let failure_key = format!("{PROGRAM} {window_key}");
        let listening = ListeningSettings {
            window,
            min_seconds: config.analysis.min_seconds,
            describes: config.describes(),
            window_key,
            failure_key,
        };
        let keys = models(&ensemble).map(|model| model_key(model, &ensemble)).collect();
        let stages = vote_stages(&ensemble, config.ensemble.kinds, &taxonomy)?;
        let fingerprint = fingerprint(&ensemble, config.ensemble.kinds, &listening);
        Ok(Self { ensemble, taxonomy, labels, keys, stages, listening, fingerprint })
    }

    /// One line for all that a verdict depends on.
    pub(in crate::pipeline) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Name and version of the ensemble, for `RECLASSD_MODEL`.
    pub(in crate::pipeline) fn ensemble_name(&self) -> String {
        self.ensemble.id()
    }

    /// The genres that there are.
    pub(in crate::pipeline) fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// The models that have a say: names and versions.
    pub(in crate::pipeline) fn voters(&self) -> Vec<(String, String)> {
        let voters = self.ensemble.members.iter().filter(|member| member.weight > 0.0);
        let manifests = voters.map(|member| member.model.manifest());
        manifests.map(|manifest| (manifest.name.clone(), manifest.version.clone())).collect()
    }

    /// What a remembered failure depends on: another version or window may succeed.
    pub(in crate::pipeline) fn failure_key(&self) -> &str {
        &self.listening.failure_key
    }

    /// What the models make of a piece of audio, from the cache as far as it goes; `force` passes the cache by.
    pub(in crate::pipeline) fn analyse(
        &self,
        store: &Store,
        audio: AudioKey,
        file: &StampedFile<'_>,
        limits: &ResourceLimits,
        force: bool,
        cancel: &Cancel,
    ) -> Result<Analysis, AnalysisError> {
        let models: Vec<KeyedModel<'_>> =
            models(&self.ensemble).zip(&self.keys).map(|(model, key)| KeyedModel { model, key }).collect();
        let _locked = limits.recordings.lock(audio);
        let hears_more = self.stages.len() > 1;
        let mut gatherer =
            AnswerGatherer::new(&models, &self.listening, store, audio, file, limits, force, cancel, hears_more);
        let mut steps = Vec::new();
        let (mut sound, mut not_music) = (None, None);
        let mut last = None;
        for stage in &self.stages {
            let mut asked = stage.voters().collect::<Vec<_>>();
            // The gate hears what the first stage hears anyway.
            asked.extend(self.gate().filter(|_| steps.is_empty()));
            gatherer.ask(&asked)?;
            if steps.is_empty() {
                sound = self.sound(&gatherer);
                not_music = sound.as_ref().and_then(Sound::not_music);
            }
            // What is no music shows what it would be named, were it some.
            let music = sound.as_ref().filter(|_| not_music.is_none()).map(Sound::music);
            let tally = self.vote(stage, &gatherer, music).map_err(|error| AnalysisError::Unfit(error.to_string()))?;
            let (best, confidence) = match tally.families.first() {
                Some((genre, share)) => (Some(genre.clone()), *share),
                None => (None, 0.0),
            };
            let voters = stage.voters().map(|i| self.ensemble.members[i].model.manifest().name.clone());
            steps.push(Step { voters: voters.collect(), best, confidence, stop: stage.stop });
            last = Some((stage, tally));
            if not_music.is_some() || stage.stop.is_some_and(|stop| confidence >= stop) {
                break;
            }
        }
        let Some((stage, tally)) = last else {
            return Err(AnalysisError::Unfit("nobody was asked".to_owned()));
        };
        let opinions = self.opinions(stage, &gatherer);
        let is_asked =
            |i: &usize| steps.iter().any(|s| s.voters.contains(&self.ensemble.members[*i].model.manifest().name));
        let not_asked = self.stages.iter().flat_map(VoteStage::voters).collect::<std::collections::BTreeSet<_>>();
        let not_asked = not_asked.into_iter().filter(|i| !is_asked(i));
        let not_asked = not_asked.map(|i| self.ensemble.members[i].model.manifest().name.clone()).collect();
        let ranking = tally.ranking.clone();
        let families = match stage.rules.kinds.policy {
            KindsPolicy::Always => ranking.clone(),
            KindsPolicy::WhenSure | KindsPolicy::Never => tally.families.clone(),
        };
        let album = None;
        let at_least = self.ensemble.at_least;
        let is_described = self.listening.describes && not_music.is_none();
        let descriptors = if is_described { gatherer.descriptors()?.cloned() } else { None };
        let analysis = Analysis {
            opinions,
            steps,
            not_asked,
            sound,
            not_music,
            descriptors,
            tally,
            album,
            at_least,
            ranking,
            families,
        };
        let verdict = analysis.verdict(0.0);
        store.keep_verdict(audio, &self.fingerprint, verdict.confidence, &verdict.named_ranking())?;
        Ok(analysis)
    }

    /// The gate's place among the models that can be asked.
    fn gate(&self) -> Option<usize> {
        self.ensemble.gate.as_ref().map(|_| self.ensemble.members.len())
    }

    /// What the gate says.
    fn sound(&self, gatherer: &AnswerGatherer<'_>) -> Option<Sound> {
        let gate = self.ensemble.gate.as_ref()?;
        let shares = gatherer.answer(self.gate()?)?.mean();
        let Manifest { name, labels, .. } = gate.model.manifest();
        let kinds: Vec<(String, f32)> = labels.iter().map(|label| label.to_lowercase()).zip(shares).collect();
        (!kinds.is_empty()).then(|| Sound { model: name.clone(), kinds, music_below: gate.music_below })
    }

    fn vote(&self, stage: &VoteStage, gatherer: &AnswerGatherer<'_>, music: Option<f32>) -> Result<Tally, GenreError> {
        let mut ballots = Vec::new();
        for i in stage.voters() {
            let Some(answer) = gatherer.answer(i) else { continue };
            ballots.extend(ballot(
                self.ensemble.members[i].model.manifest(),
                &self.labels[i],
                &answer.mean(),
                stage.weights[i],
            )?);
        }
        Ok(genre::vote_on_sound(&ballots, &self.taxonomy, &stage.rules, music))
    }

    /// What those said who were asked and have a vote in this stage or any.
    fn opinions(&self, stage: &VoteStage, gatherer: &AnswerGatherer<'_>) -> Vec<Opinion> {
        let opinion = |i: usize| {
            let manifest = self.ensemble.members[i].model.manifest();
            let shares = manifest.genre_shares(&gatherer.answer(i)?.mean());
            let mut ranking: Vec<(String, f32)> =
                manifest.genres().into_iter().map(str::to_owned).zip(shares).collect();
            ranking.sort_by(|a, b| b.1.total_cmp(&a.1));
            Some(Opinion { model: manifest.name.clone(), weight: stage.weights[i], ranking })
        };
        let asked = (0..self.ensemble.members.len()).filter(|&i| !self.labels[i].is_empty());
        asked.filter_map(opinion).collect()
    }
}

impl Sound {
    /// How likely it is music, 0 to 1.
    fn music(&self) -> f32 {
        self.kinds.first().map_or(1.0, |(_, music)| *music)
    }

    /// What it is instead of music, if it is none.
    fn not_music(&self) -> Option<NotMusic> {
        let music = self.music();
        let others = self.kinds.iter().skip(1).filter(|_| music < self.music_below);
        let likeliest = others.max_by(|(_, a), (_, b)| a.total_cmp(b));
        likeliest.map(|(sound, _)| NotMusic { sound: sound.clone(), music })
    }
}

impl VoteStage {
    fn voters(&self) -> impl Iterator<Item = usize> {
        self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0).map(|(i, _)| i)
    }
}

/// The ballot of a model that gave its labels these probabilities; none of a tagger that hears none of its genres.
pub(super) fn ballot(
    manifest: &Manifest,
    genres: &[Genre],
    probabilities: &[f32],
    weight: f32,
) -> Result<Option<Ballot>, GenreError> {
    let shares = manifest.genre_shares(probabilities);
    if !shares.iter().any(|p| *p > 0.0) {
        return Ok(None);
    }
    let ballot = match &manifest.other {
        Some(_) => Ballot::open(genres, &shares, weight),
        None => Ballot::new(genres, &[shares], weight),
    };
    ballot.map(Some)
}

/// Finds what runs the models, once a process.
pub fn start_runtime(config: &Config) -> &'static Runtime {
    let folder = config::default_runtime_folder(|name| std::env::var_os(name)).unwrap_or_default();
    let config::Runtime { library, device, batch, batch_wait_ms } = config.runtime.clone();
    let wait = Duration::from_millis(batch_wait_ms.into());
    let batch = (batch > 0).then_some(Batch { size: batch, wait });
    Runtime::start(&RuntimeSettings { library, device, folder, batch })
}

/// What is listened to of a file, and its name in the cache's keys.
pub(super) fn window_of(config: &Config) -> (AnalysisWindow, String) {
    let window = AnalysisWindow { seconds: config.analysis.window_seconds, count: config.analysis.windows };
    // What is kept of several windows is a row each.
    let rows = if window.count > 1 { " each" } else { "" };
    let key = format!("{} s x {}{rows}", window.seconds, window.count);
    (window, key)
}

/// Every model of an ensemble: its members, and the gate behind them.
fn models(ensemble: &Ensemble) -> impl Iterator<Item = &Model> {
    ensemble.members.iter().map(|member| &member.model).chain(ensemble.gate.iter().map(|gate| &gate.model))
}

/// Loads all models of an ensemble, on a thread that ends with that: what an engine keeps for each thread that runs a
/// graph goes with it.
fn load(ensemble: &Ensemble) -> Result<(), InferenceError> {
    let load = || models(ensemble).try_for_each(Model::load);
    std::thread::scope(|scope| match std::thread::Builder::new().spawn_scoped(scope, load) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => load(),
    })
}

/// The stages of an ensemble: one in which every member has its weight, unless it has some.
pub(super) fn vote_stages(
    ensemble: &Ensemble,
    policy: KindsPolicy,
    taxonomy: &Taxonomy,
) -> Result<Vec<VoteStage>, GenreError> {
    let fits = ensemble.kinds.iter().map(|(kind, fit)| {
        let known = || GenreError::UnknownLabel { label: kind.clone() };
        Ok((taxonomy.canonical(kind).ok_or_else(known)?.clone(), *fit))
    });
    let kinds = Kinds { policy, tell: ensemble.tell, fits: fits.collect::<Result<_, GenreError>>()? };
    let rules = |temperature: Option<f32>, calibration| Rules {
        temperature: temperature.unwrap_or(ensemble.temperature),
        calibration,
        kinds: kinds.clone(),
    };
    let staged = |stage: &Stage| {
        let weight =
            |member: &inference::Member| stage.weights.get(&member.model.manifest().name).copied().unwrap_or(0.0);
        let weights = ensemble.members.iter().map(weight).collect();
        VoteStage { weights, rules: rules(stage.temperature, stage.calibration), stop: stage.stop }
    };
    if ensemble.stages.is_empty() {
        let weights = ensemble.members.iter().map(|member| member.weight).collect();
        return Ok(vec![VoteStage { weights, rules: rules(None, ensemble.calibration), stop: None }]);
    }
    Ok(ensemble.stages.iter().map(staged).collect())
}

fn fingerprint(ensemble: &Ensemble, kinds: KindsPolicy, listening: &ListeningSettings) -> String {
    let members: Vec<String> = ensemble.members.iter().map(|member| member_key(member, ensemble)).collect();
    let gate = ensemble.gate.as_ref().map(|gate| (model_key(&gate.model, ensemble), gate.music_below));
    let fitted = (&ensemble.calibration, &ensemble.kinds, ensemble.tell, ensemble.at_least.to_bits());
    let more = digest(&(&ensemble.stages, gate, fitted, kinds));
    let ListeningSettings { window_key, min_seconds, .. } = listening;
    let (id, temperature) = (ensemble.id(), ensemble.temperature);
    format!("{id} t{temperature} {} {more} {window_key} >{min_seconds}", members.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_model_that_does_not_exist_is_answered_with_those_that_do() {
        for text in [
            "[models]\nenabled = [\"fma518-svm\"]",
            "[ensemble.weights]\nfma518-svm = 1.0",
            "[ensemble]\nstrategy = \"progressive\"\nstages = [{ weights = { fma518-svm = 1.0 } }]",
        ] {
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
            model_key(&analyst.ensemble.members[0].model, &analyst.ensemble)
        });
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn the_default_threshold_is_the_one_that_was_fitted() {
        assert_eq!(Config::default().tags.min_confidence, Ensemble::builtin().unwrap().threshold);
    }
}
