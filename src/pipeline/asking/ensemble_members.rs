//! Who listens: the ensemble that a configuration asks for, and the cache keys of what its members say.
//!
//! A key holds every version and parameter that a value depends on, so that a cached value is never wrong, only missing.

use std::collections::BTreeMap;

use crate::config::{self, Config, Strategy};
use crate::descriptors::DESCRIPTORS_VERSION;
use crate::features::FEATURES_VERSION;
use crate::genre::GenreError;
use crate::inference::{self, Ensemble, InferenceError, LEARNED, Learned, Member, Model, ModelsFolder, Stage};

/// The models that a configuration asks for cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// A model that is neither built in nor installed.
    #[error(
        "there is no model `{name}`: [models] and [ensemble] can name {known}; `reclassd models` says what can be installed"
    )]
    UnknownModel {
        /// The name in the configuration.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A model builds on another one that is not there.
    #[error("the model `{name}` builds on `{needed}`, which is not installed: `reclassd models` says how to get it")]
    NeedsModel {
        /// The model.
        name: String,
        /// What it is fed the words of.
        needed: String,
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
    /// Stages that cannot be gone through.
    #[error("[[ensemble.stages]]: `{key}` {reason}")]
    Stages {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A progressive vote of models that nobody fitted stages for.
    #[error(
        "strategy = \"progressive\" has no stages for these models: describe them as [[ensemble.stages]], or use \"vote\""
    )]
    NoStages,
    /// A pattern of `[library] exclude` is none.
    #[error("[library] exclude: {0}")]
    Pattern(#[from] globset::Error),
    /// A model does not load.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// A model names a genre that the taxonomy does not know.
    #[error(transparent)]
    Genre(#[from] GenreError),
}

/// The ensemble that a configuration asks for: its members in an order in which each comes after those it builds on, with the
/// configuration's weights in place of the fitted ones; its stages are empty for a plain vote.
///
/// Without any name in `[models] enabled` it is the best one that was fitted to what is installed.
///
/// # Errors
/// [`LineError`] when the configuration names a model that there is not, or nobody would vote.
pub fn ensemble_of(config: &Config) -> Result<Ensemble, LineError> {
    let installed = ModelsFolder::new(&config.models.folder);
    let enabled = &config.models.enabled;
    let wanted = |name: &str| enabled.is_empty() || enabled.iter().any(|enabled| enabled == name);
    let mut ensemble = Ensemble::best(&installed, wanted)?;
    let fitted = votes(&ensemble);
    let learned = learned(config, &installed).filter(|_| wanted(LEARNED));
    for name in enabled {
        if !ensemble.has(name) && name != LEARNED {
            let model = find(name, &installed)?.ok_or_else(|| unknown(name, &ensemble))?;
            if model.manifest().genres().is_empty() {
                return Err(LineError::NoGenres { name: name.clone() });
            }
            let weight = model.manifest().weight;
            ensemble.members.push(Member { model, weight });
        }
    }
    let stages = &config.ensemble.stages;
    let mut named = config.ensemble.weights.keys().chain(stages.iter().flat_map(|stage| stage.weights.keys()));
    if let Some(name) = named.find(|name| !ensemble.has(name) && !installed.contains(name) && *name != LEARNED) {
        return Err(unknown(name, &ensemble));
    }
    let weights = &config.ensemble.weights;
    ensemble.members.retain(|member| wanted(&member.model.manifest().name));
    for member in &mut ensemble.members {
        member.weight = weights.get(&member.model.manifest().name).copied().unwrap_or(member.weight);
    }
    if !config.ensemble.music_only {
        ensemble.gate = None;
    }
    if votes(&ensemble) != fitted {
        forget_fits(&mut ensemble);
    }
    if ensemble.members.iter().all(|member| member.weight <= 0.0) {
        return Err(LineError::NobodyVotes);
    }
    ensemble.stages = match config.ensemble.strategy {
        Strategy::Vote => Vec::new(),
        Strategy::Progressive => stages_of(config, &ensemble)?,
    };
    if let Some(learned) = learned {
        join(&mut ensemble, learned, weights.get(LEARNED).copied());
    }
    ask_first(ensemble, &installed)
}

/// What was learned from this library, where it can be asked. It takes nothing from the others if it cannot.
fn learned(config: &Config, installed: &ModelsFolder) -> Option<Learned> {
    let learned = match Learned::current(&config.models.learned) {
        Ok(learned) => learned?,
        Err(error) => {
            tracing::warn!("what was learned from this library has no say: {error}; `reclassd learn` learns anew");
            return None;
        }
    };
    let is_here = |name: &str| matches!(find(name, installed), Ok(Some(_)));
    if let Some(missing) = inference::asks(&learned.model).find(|name| !is_here(name)) {
        tracing::warn!(
            "what was learned from this library has no say: it builds on {missing}, which is not there any more; `reclassd learn` learns anew"
        );
        return None;
    }
    if let Err(error) = learned.model.load() {
        tracing::warn!("what was learned from this library has no say: {error}; `reclassd learn` learns anew");
        return None;
    }
    Some(learned)
}

/// Lets what was learned vote beside the others, in every stage: a genre that it alone knows must not be passed by early.
fn join(ensemble: &mut Ensemble, learned: Learned, wish: Option<f32>) {
    let Learned { model, vote, .. } = learned;
    let as_fitted = vote.beside == voters_digest(ensemble) && wish.is_none();
    let share = |others: f32| wish.unwrap_or(vote.weight * others);
    ensemble.calibration = Some(vote.calibration).filter(|_| as_fitted);
    let staged = ensemble.stages.len();
    for (i, stage) in ensemble.stages.iter_mut().enumerate() {
        let others = stage.weights.values().sum();
        stage.weights.insert(LEARNED.to_owned(), share(others));
        stage.calibration = Some(vote.calibration).filter(|_| as_fitted && i + 1 == staged);
    }
    if as_fitted {
        ensemble.kinds.extend(vote.kinds);
        ensemble.tell = vote.tell;
        ensemble.at_least = vote.threshold;
    } else {
        ensemble.kinds.clear();
        if wish.is_none() {
            tracing::warn!("other models vote than when this library was learned: `reclassd learn` fits it to them");
        }
    }
    let others = ensemble.members.iter().map(|member| member.weight).sum();
    ensemble.own = vote.own;
    ensemble.members.push(Member { model, weight: share(others) });
}

/// Who votes and how much that counts, in one word; what was learned is fitted beside these.
pub(super) fn voters_digest(ensemble: &Ensemble) -> String {
    let voters = ensemble.members.iter().filter(|member| member.weight > 0.0);
    let keys: Vec<String> = voters.map(|member| member_key(member, ensemble)).collect();
    digest(&(keys, ensemble.temperature.to_bits()))
}

/// Who votes, and how much that counts.
fn votes(ensemble: &Ensemble) -> Vec<(String, f32)> {
    let voters = ensemble.members.iter().filter(|member| member.weight > 0.0);
    voters.map(|member| (member.model.manifest().name.clone(), member.weight)).collect()
}

/// Other voters, or other weights, are another vote: what was fitted to this one says nothing of that.
fn forget_fits(ensemble: &mut Ensemble) {
    ensemble.calibration = None;
    ensemble.kinds.clear();
    for stage in &mut ensemble.stages {
        stage.calibration = None;
    }
}

/// The model of this name, built in or installed.
fn find(name: &str, installed: &ModelsFolder) -> Result<Option<Model>, InferenceError> {
    match inference::builtin_model(name)? {
        Some(model) => Ok(Some(model)),
        None if installed.contains(name) => installed.open(name).map(Some),
        None => Ok(None),
    }
}

fn unknown(name: &str, ensemble: &Ensemble) -> LineError {
    let known: Vec<&str> = ensemble.members.iter().map(|m| m.model.manifest().name.as_str()).collect();
    LineError::UnknownModel { name: name.to_owned(), known: known.join(", ") }
}

/// The stages of the configuration, or those that were fitted, as far as their members take part; the last one is the vote of all
/// where the description has none.
fn stages_of(config: &Config, ensemble: &Ensemble) -> Result<Vec<Stage>, LineError> {
    let mut stages: Vec<Stage> = match config.ensemble.stages.is_empty() {
        false => config.ensemble.stages.iter().map(described).collect(),
        true => ensemble.stages.iter().filter_map(|stage| fitted(stage, config, ensemble)).collect(),
    };
    if stages.is_empty() {
        return Err(LineError::NoStages);
    }
    if stages.last().is_some_and(|last| last.stop.is_some()) {
        let weights = ensemble.members.iter().map(|member| (member.model.manifest().name.clone(), member.weight));
        stages.push(Stage { weights: weights.collect(), temperature: None, calibration: None, stop: None });
    }
    match inference::stages_fault(&stages, |name| ensemble.has(name)) {
        Some((key, reason)) => Err(LineError::Stages { key, reason }),
        None => Ok(stages),
    }
}

fn described(stage: &config::Stage) -> Stage {
    Stage { weights: stage.weights.clone(), temperature: stage.temperature, calibration: None, stop: stage.stop }
}

/// A fitted stage with the members that take part and the configuration's weights; none when nobody is left to vote in it.
fn fitted(stage: &Stage, config: &Config, ensemble: &Ensemble) -> Option<Stage> {
    let weight =
        |(name, weight): (&String, &f32)| (name.clone(), config.ensemble.weights.get(name).copied().unwrap_or(*weight));
    let weights: BTreeMap<String, f32> =
        stage.weights.iter().filter(|(name, _)| ensemble.has(name)).map(weight).collect();
    weights.values().any(|weight| *weight > 0.0).then(|| Stage { weights, ..stage.clone() })
}

/// Adds those that others build on, without a vote, and puts them before those.
fn ask_first(mut ensemble: Ensemble, installed: &ModelsFolder) -> Result<Ensemble, LineError> {
    let mut waiting = std::mem::take(&mut ensemble.members);
    while !waiting.is_empty() {
        let is_here = |name: &str, members: &[Member]| members.iter().any(|m| m.model.manifest().name == name);
        let ready = |member: &Member| inference::asks(&member.model).all(|name| is_here(name, &ensemble.members));
        if let Some(at) = waiting.iter().position(ready) {
            ensemble.members.push(waiting.remove(at));
            continue;
        }
        let missing = waiting.iter().find_map(|member| {
            let mut asked = inference::asks(&member.model);
            let name = asked.find(|name| !is_here(name, &ensemble.members) && !is_here(name, &waiting))?;
            Some((member.model.manifest().name.clone(), name.to_owned()))
        });
        let stuck = || {
            let name = waiting[0].model.manifest().name.clone();
            LineError::NeedsModel { needed: name.clone(), name }
        };
        let (name, needed) = missing.ok_or_else(stuck)?;
        let model = find(&needed, installed)?.ok_or(LineError::NeedsModel { name, needed })?;
        waiting.push(Member { model, weight: 0.0 });
    }
    Ok(ensemble)
}

/// A model's name and all that its scores depend on: its graph, the version of the features that it is fed with, and, of a model
/// whose manifest lies where it can be edited, how it is fed. Of a model that builds on others, their keys too.
pub(super) fn model_key(model: &Model, ensemble: &Ensemble) -> String {
    let manifest = model.manifest();
    let mut key = format!("{}/{}/{FEATURES_VERSION}", manifest.name, &manifest.sha256[..16.min(manifest.sha256.len())]);
    if !model.is_builtin() {
        key += &format!("/{}", digest(&(&manifest.input, &manifest.output)));
    }
    let asked: Vec<String> = inference::asks(model)
        .filter_map(|name| ensemble.members.iter().find(|m| m.model.manifest().name == name))
        .map(|member| model_key(&member.model, ensemble))
        .collect();
    if asked.is_empty() { key } else { format!("{key}<{}", digest(&asked)) }
}

/// A member and all that its vote depends on: its scores, its weight, and what its words mean.
pub(super) fn member_key(member: &Member, ensemble: &Ensemble) -> String {
    let key = format!("{}*{}", model_key(&member.model, ensemble), member.weight);
    let manifest = member.model.manifest();
    if member.model.is_builtin() { key } else { format!("{key}:{}", digest(&(&manifest.labels, &manifest.tag_map))) }
}

/// The 518 at a rate.
pub(super) fn fma518_key(sample_rate: u32) -> String {
    format!("fma518@{sample_rate}/{FEATURES_VERSION}")
}

/// What the sound is like, by the version of the arithmetic.
pub(super) fn descriptors_key() -> String {
    format!("descriptors/{DESCRIPTORS_VERSION}.{FEATURES_VERSION}")
}

/// What a member of this key described the sound as.
pub(super) fn embedding_key(model_key: &str) -> String {
    format!("embedding:{model_key}")
}

/// A short digest of a value's insides.
pub(in crate::pipeline) fn digest(value: &impl std::fmt::Debug) -> String {
    blake3::hash(format!("{value:?}").as_bytes()).to_hex()[..16].to_owned()
}
