//! The models that vote together, and how: `models/ensemble.toml` is what the built-in ones do alone,
//! `models/ensemble-*.toml` what they do beside a model that was installed. Everything in these files was fitted; what
//! a user wants otherwise is the configuration's.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{InferenceError, Model, ModelInput, ModelsFolder};
use crate::genre::{Calibration, KindFit, OwnGenre};

macro_rules! builtin {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../models/", $name, "/model.toml")),
            include_bytes!(concat!("../../models/", $name, "/model.onnx")),
        )
    };
}
/// Every model that is compiled in: its folder's name, manifest and graph.
const BUILTIN: [(&str, &str, &[u8]); 7] = [
    builtin!("fma518-mlp"),
    builtin!("logmel-cnn"),
    builtin!("spectrum-fusion"),
    builtin!("musicnn-head"),
    builtin!("musicnn-fusion"),
    builtin!("musicnn-tags"),
    builtin!("sound-kind"),
];

/// The ensembles that are compiled in, each better than the ones before it and in need of more.
const ENSEMBLES: [(&str, &str); 2] = [
    ("models/ensemble.toml", include_str!("../../models/ensemble.toml")),
    ("models/ensemble-musicnn.toml", include_str!("../../models/ensemble-musicnn.toml")),
];

/// Models that vote together.
#[derive(Debug)]
pub struct Ensemble {
    /// What the ensemble is called.
    pub name: String,
    /// Changes whenever its verdicts may.
    pub version: String,
    /// Installed models without which it is not what it was fitted as.
    pub needs: Vec<String>,
    /// The temperature of the vote: above 1 less sure of itself, below 1 surer. Fitted with the weights.
    pub temperature: f32,
    /// The confidence from which a verdict is worth writing, unless the configuration says otherwise.
    pub threshold: f32,
    /// How likely the first genre is right, by what the vote shows. None where nothing was fitted to these models and
    /// weights: the first share at the temperature stands for it.
    pub calibration: Option<Calibration>,
    /// The probability from which a kind is named in place of its family.
    pub tell: f32,
    /// What a kind's share of its family is worth, by the kind's name. Empty where nothing was fitted.
    pub kinds: BTreeMap<String, KindFit>,
    /// The probability from which a second genre is right often enough to be written behind the first. None where none
    /// was found.
    pub further: Option<f32>,
    /// Who votes.
    pub members: Vec<Member>,
    /// Who is asked first, and when that is enough: the last stage asks everybody. Empty where nothing was fitted.
    pub stages: Vec<Stage>,
    /// Who says whether it is music at all.
    pub gate: Option<Gate>,
    /// Genres of the owner's own that some member names and the taxonomy does not have.
    pub own: Vec<OwnGenre>,
    /// The confidence below which nothing is written, whatever the configuration says: what was promised of what was
    /// learned.
    pub at_least: f32,
}

/// A model in an ensemble.
#[derive(Debug)]
pub struct Member {
    /// The model.
    pub model: Model,
    /// How much its vote counts, relative to the other members'; 0 is heard and not counted.
    pub weight: f32,
}

/// A stage of a progressive vote.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Who votes in it, by name, and how much that counts.
    pub weights: BTreeMap<String, f32>,
    /// The temperature of its vote; the ensemble's unless given.
    pub temperature: Option<f32>,
    /// How likely its first genre is right. None where nothing was fitted to it.
    pub calibration: Option<Calibration>,
    /// The confidence from which nobody else is asked. None of the last stage.
    pub stop: Option<f32>,
}

/// A model that tells music from other sounds. Its first label is the music.
#[derive(Debug)]
pub struct Gate {
    /// The model.
    pub model: Model,
    /// The probability of music below which a sound is none.
    pub music_below: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnsembleFile {
    name: String,
    version: String,
    #[serde(default)]
    needs: Vec<String>,
    temperature: f32,
    threshold: f32,
    calibration: Option<Calibration>,
    tell: Option<f32>,
    #[serde(default)]
    kinds: BTreeMap<String, KindFit>,
    further: Option<f32>,
    members: Vec<MemberFile>,
    #[serde(default)]
    stages: Vec<Stage>,
    gate: Option<GateFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberFile {
    model: String,
    weight: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GateFile {
    model: String,
    music_below: f32,
}

impl Ensemble {
    /// The ensemble of what is compiled in. No graph is loaded before it is needed.
    ///
    /// # Errors
    /// Only if the descriptions that were compiled in are not valid, which a test rules out.
    pub fn builtin() -> Result<Self, InferenceError> {
        Self::best(&ModelsFolder::new(""), |_| true)
    }

    /// The best ensemble that was fitted to models of which every one is compiled in, or is in this folder and
    /// `wanted`.
    ///
    /// # Errors
    /// When the manifest of an installed member cannot be read or is not valid.
    pub fn best(installed: &ModelsFolder, wanted: impl Fn(&str) -> bool) -> Result<Self, InferenceError> {
        let mut last = None;
        for (origin, text) in ENSEMBLES {
            let file = EnsembleFile::parse(text, origin)?;
            if file.needs.iter().all(|name| wanted(name) && installed.contains(name)) {
                last = Some((file, origin));
            }
        }
        let Some((file, origin)) = last else {
            let reason = "has no ensemble that needs nothing".into();
            return Err(InferenceError::Value { origin: "models".into(), key: "needs", reason });
        };
        file.resolve(installed, origin)
    }

    /// The ensemble by the name and version that goes into a file's `RECLASSD_MODEL`: `reclassd-builtin 2`, and what
    /// was installed and votes with it: `reclassd-builtin 2 + musicnn-msd 0.1.0`.
    pub fn id(&self) -> String {
        let mut id = format!("{} {}", self.name, self.version);
        let voters = self.members.iter().filter(|member| member.weight > 0.0);
        for member in voters.filter(|member| !member.model.is_builtin()) {
            let manifest = member.model.manifest();
            id += &format!(" + {} {}", manifest.name, manifest.version);
        }
        id
    }

    /// Whether a model of this name is a member.
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.model.manifest().name == name)
    }
}

/// The model of this name that is compiled in, if there is one.
///
/// # Errors
/// Only if its manifest is not valid, which a test rules out.
pub fn builtin_model(name: &str) -> Result<Option<Model>, InferenceError> {
    let Some((name, manifest, onnx)) = BUILTIN.iter().find(|(known, ..)| *known == name) else { return Ok(None) };
    Model::from_static(manifest, onnx, &format!("models/{name}/model.toml")).map(Some)
}

/// Every model that is compiled in, whether it takes part in a vote or not.
///
/// # Errors
/// As for [`builtin_model`].
pub fn builtin_models() -> Result<Vec<Model>, InferenceError> {
    let names = BUILTIN.iter().map(|(name, ..)| *name);
    names.filter_map(|name| builtin_model(name).transpose()).collect()
}

/// The models that a model is fed the words of.
pub fn asks(model: &Model) -> impl Iterator<Item = &str> {
    let joined = match &model.manifest().input {
        ModelInput::Joined(input) => Some(input),
        _ => None,
    };
    joined.into_iter().flat_map(|input| input.models())
}

impl EnsembleFile {
    fn parse(text: &str, origin: &str) -> Result<Self, InferenceError> {
        toml::from_str(text)
            .map_err(|e| InferenceError::Syntax { origin: origin.into(), reason: e.to_string().trim_end().into() })
    }

    fn resolve(self, installed: &ModelsFolder, origin: &str) -> Result<Ensemble, InferenceError> {
        if let Some((key, reason)) = self.fault() {
            return Err(InferenceError::Value { origin: origin.into(), key, reason });
        }
        let model = |name: &str, key| match builtin_model(name)? {
            Some(model) => Ok(model),
            None if self.needs.iter().any(|needed| needed == name) => installed.open(name),
            None => {
                let known: Vec<_> =
                    BUILTIN.iter().map(|(name, ..)| *name).chain(self.needs.iter().map(|n| &**n)).collect();
                let reason = format!("must be one of {}, found `{name}`", known.join(", "));
                Err(InferenceError::Value { origin: origin.into(), key, reason })
            }
        };
        let members = self.members.iter();
        let members = members
            .map(|m| Ok(Member { model: model(&m.model, "members.model")?, weight: m.weight }))
            .collect::<Result<_, _>>()?;
        let gate = match &self.gate {
            Some(gate) => Some(Gate { model: model(&gate.model, "gate.model")?, music_below: gate.music_below }),
            None => None,
        };
        let Self { name, version, needs, temperature, threshold, calibration, kinds, further, stages, .. } = self;
        let tell = self.tell.unwrap_or(threshold);
        Ok(Ensemble {
            name,
            version,
            needs,
            temperature,
            threshold,
            calibration,
            tell,
            kinds,
            further,
            members,
            stages,
            gate,
            own: Vec::new(),
            at_least: 0.0,
        })
    }

    /// The first key whose value cannot be, and why. Comparisons are written so that NaN fails.
    fn fault(&self) -> Option<(&'static str, String)> {
        let positive = |value: f32| value > 0.0 && value.is_finite();
        let share = |value: f32| (0.0..=1.0).contains(&value);
        if !positive(self.temperature) {
            return Some(("temperature", format!("must be positive, found {}", self.temperature)));
        }
        if !share(self.threshold) {
            return Some(("threshold", format!("must be 0 to 1, found {}", self.threshold)));
        }
        if let Some(further) = self.further.filter(|further| !share(*further)) {
            return Some(("further", format!("must be 0 to 1, found {further}")));
        }
        if self.calibration.is_some_and(|calibration| !calibration.is_finite()) {
            return Some(("calibration", "must be numbers".into()));
        }
        if let Some((kind, _)) = self.kinds.iter().find(|(_, fit)| !(fit.bias.is_finite() && fit.share.is_finite())) {
            return Some(("kinds", format!("must be numbers, of `{kind}`")));
        }
        if let Some(tell) = self.tell.filter(|tell| !share(*tell)) {
            return Some(("tell", format!("must be 0 to 1, found {tell}")));
        }
        for (i, MemberFile { model, weight }) in self.members.iter().enumerate() {
            if !(*weight >= 0.0 && weight.is_finite()) {
                return Some(("members.weight", format!("must be 0 or more, found {weight} for `{model}`")));
            }
            if self.members[..i].iter().any(|other| other.model == *model) {
                return Some(("members.model", format!("names `{model}` twice")));
            }
        }
        if !self.members.iter().any(|m| m.weight > 0.0) {
            return Some(("members", "must have a member with a weight above 0".into()));
        }
        if let Some(gate) = self.gate.as_ref().filter(|gate| !share(gate.music_below)) {
            return Some(("gate.music_below", format!("must be 0 to 1, found {}", gate.music_below)));
        }
        let known = |name: &String| self.members.iter().any(|member| member.model == *name);
        stages_fault(&self.stages, known)
    }
}

/// What is wrong with the stages of an ensemble whose members are `known`, if anything.
pub fn stages_fault(stages: &[Stage], known: impl Fn(&String) -> bool) -> Option<(&'static str, String)> {
    for (i, stage) in stages.iter().enumerate() {
        let is_last = i + 1 == stages.len();
        if let Some(name) = stage.weights.keys().find(|name| !known(name)) {
            return Some(("stages.weights", format!("names `{name}`, which is no member")));
        }
        let weights = stage.weights.values();
        if !(weights.clone().all(|w| *w >= 0.0 && w.is_finite()) && weights.clone().any(|w| *w > 0.0)) {
            return Some(("stages.weights", "must be 0 or more, and one of them above 0".into()));
        }
        if stage.temperature.is_some_and(|t| !(t > 0.0 && t.is_finite())) {
            return Some(("stages.temperature", "must be positive".into()));
        }
        if stage.calibration.is_some_and(|calibration| !calibration.is_finite()) {
            return Some(("stages.calibration", "must be numbers".into()));
        }
        if stage.stop.is_some_and(|stop| !(0.0..=1.0).contains(&stop)) {
            return Some(("stages.stop", "must be 0 to 1".into()));
        }
        if stage.stop.is_none() && !is_last {
            return Some((
                "stages.stop",
                "is missing, of another stage than the last: nobody after it would be asked".into(),
            ));
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Ensemble, InferenceError> {
        EnsembleFile::parse(text, "e.toml")?.resolve(&ModelsFolder::new(""), "e.toml")
    }

    #[test]
    fn the_builtin_models_are_the_files_that_their_manifests_describe() {
        for (name, ..) in BUILTIN {
            let model = builtin_model(name).unwrap().unwrap();
            assert_eq!(model.manifest().name, name);
            assert_eq!(model.builtin_sha256().unwrap(), model.manifest().sha256, "{name}");
        }
    }

    #[test]
    fn every_ensemble_holds_together_once_what_it_needs_is_there() {
        for (origin, text) in ENSEMBLES {
            let file = EnsembleFile::parse(text, origin).unwrap();
            assert_eq!(file.fault(), None, "{origin}");
            let builtin = |name: &str| builtin_model(name).unwrap();
            for name in file.members.iter().map(|member| &member.model).chain(file.gate.iter().map(|gate| &gate.model))
            {
                assert!(file.needs.contains(name) || builtin(name).is_some(), "{origin}: {name}");
                for asked in builtin(name).iter().flat_map(asks) {
                    assert!(file.members.iter().any(|m| m.model == asked), "{origin}: {name} asks {asked}, no member");
                }
            }
        }
    }

    #[test]
    fn an_ensemble_error_names_the_key() {
        let good = "name='e'\nversion='1'\ntemperature=1.0\nthreshold=0.7\n[[members]]\nmodel='fma518-mlp'\nweight=1.0\n\
                    [[members]]\nmodel='logmel-cnn'\nweight=1.0\n\
                    [[stages]]\nweights={logmel-cnn=2.0}\nstop=0.9\n[[stages]]\nweights={logmel-cnn=1.0}\n";
        assert_eq!(parse(good).unwrap().stages.len(), 2);
        for (from, to, key) in [
            ("temperature=1.0", "temperature=0.0", "`temperature`"),
            ("threshold=0.7", "threshold=1.5", "`threshold`"),
            ("threshold=0.7", "threshold=0.7\ntell=2.0", "`tell`"),
            ("threshold=0.7", "threshold=0.7\ncalibration={bias=nan,top=1.0}", "`calibration`"),
            ("threshold=0.7", "threshold=0.7\ncalibration={bias=1.0,top=1.0,tpo=1.0}", "tpo"),
            ("threshold=0.7", "threshold=0.7\nkinds={Metal={bias=0.0,share=inf}}", "`kinds`"),
            ("threshold=0.7", "treshold=0.7", "treshold"),
            ("model='fma518-mlp'\nweight=1.0", "model='fma518-mlp'\nweight=-1.0", "`members.weight`"),
            ("weight=1.0", "weight=0.0", "`members`"),
            ("'fma518-mlp'", "'nobody'", "`members.model`"),
            ("'fma518-mlp'", "'logmel-cnn'", "`members.model`"),
            ("stop=0.9", "stop=1.9", "`stages.stop`"),
            ("stop=0.9", "", "`stages.stop`"),
            ("{logmel-cnn=2.0}", "{nobody=1.0}", "`stages.weights`"),
            ("{logmel-cnn=2.0}", "{logmel-cnn=0.0}", "`stages.weights`"),
            ("stop=0.9", "stop=0.9\ntemperature=0.0", "`stages.temperature`"),
            ("stop=0.9", "stop=0.9\ncalibration={bias=inf,top=1.0}", "`stages.calibration`"),
            ("[[stages]]", "[gate]\nmodel='nobody'\nmusic_below=0.5\n[[stages]]", "`gate.model`"),
        ] {
            assert!(good.contains(from));
            let message =
                parse(&good.replacen(from, to, if key == "`members`" { 2 } else { 1 })).unwrap_err().to_string();
            assert!(message.starts_with("e.toml") && message.contains(key), "{message}");
        }
    }
}
