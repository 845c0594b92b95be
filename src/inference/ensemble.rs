//! The models that vote together, and how: the built-in ensemble is `models/ensemble.toml` and the folders beside it.

use serde::Deserialize;

use super::{InferenceError, Model};

/// Every model that is compiled in: its folder's name, manifest and graph.
const BUILTIN: [(&str, &str, &[u8]); 2] = [
    (
        "fma518-mlp",
        include_str!("../../models/fma518-mlp/model.toml"),
        include_bytes!("../../models/fma518-mlp/model.onnx"),
    ),
    (
        "logmel-cnn",
        include_str!("../../models/logmel-cnn/model.toml"),
        include_bytes!("../../models/logmel-cnn/model.onnx"),
    ),
];
const BUILTIN_ENSEMBLE: &str = include_str!("../../models/ensemble.toml");

/// Models that vote together.
#[derive(Debug)]
pub struct Ensemble {
    /// What the ensemble is called.
    pub name: String,
    /// Changes whenever its verdicts may.
    pub version: String,
    /// The temperature of the vote: above 1 less sure of itself, below 1 surer. Fitted with the weights.
    pub temperature: f32,
    /// The confidence from which a verdict is worth writing, unless the configuration says otherwise.
    pub threshold: f32,
    /// Who votes.
    pub members: Vec<Member>,
}

/// A model in an ensemble.
#[derive(Debug)]
pub struct Member {
    /// The model.
    pub model: Model,
    /// How much its vote counts, relative to the other members'; 0 is heard and not counted.
    pub weight: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnsembleFile {
    name: String,
    version: String,
    temperature: f32,
    threshold: f32,
    members: Vec<MemberFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberFile {
    model: String,
    weight: f32,
}

impl Ensemble {
    /// The ensemble that is compiled in. No graph is loaded before it is needed.
    ///
    /// # Errors
    /// Only if the descriptions that were compiled in are not valid, which a test rules out.
    pub fn builtin() -> Result<Self, InferenceError> {
        Self::parse(BUILTIN_ENSEMBLE, "models/ensemble.toml")
    }

    /// The ensemble by the name and version that goes into a file's `RECLASSD_MODEL`: `reclassd-builtin 2`, and what was installed
    /// and votes with it: `reclassd-builtin 2 + musicnn-msd 0.1.0`.
    pub fn id(&self) -> String {
        let mut id = format!("{} {}", self.name, self.version);
        for member in self.members.iter().filter(|member| member.weight > 0.0 && !member.model.is_builtin()) {
            let manifest = member.model.manifest();
            id += &format!(" + {} {}", manifest.name, manifest.version);
        }
        id
    }

    fn parse(text: &str, origin: &str) -> Result<Self, InferenceError> {
        let file: EnsembleFile = toml::from_str(text)
            .map_err(|e| InferenceError::Syntax { origin: origin.into(), reason: e.to_string().trim_end().into() })?;
        let wrong = |key, reason| Err(InferenceError::Value { origin: origin.into(), key, reason });
        // Comparisons are written so that NaN fails.
        if !(file.temperature > 0.0 && file.temperature.is_finite()) {
            return wrong("temperature", format!("must be positive, found {}", file.temperature));
        }
        if !(0.0..=1.0).contains(&file.threshold) {
            return wrong("threshold", format!("must be 0 to 1, found {}", file.threshold));
        }
        let mut members: Vec<Member> = Vec::with_capacity(file.members.len());
        for MemberFile { model, weight } in file.members {
            if !(weight >= 0.0 && weight.is_finite()) {
                return wrong("members.weight", format!("must be 0 or more, found {weight} for `{model}`"));
            }
            if members.iter().any(|m| m.model.manifest().name == model) {
                return wrong("members.model", format!("names `{model}` twice"));
            }
            let Some((name, manifest, onnx)) = BUILTIN.iter().find(|(name, ..)| *name == model) else {
                let known: Vec<_> = BUILTIN.iter().map(|(name, ..)| *name).collect();
                return wrong("members.model", format!("must be one of {}, found `{model}`", known.join(", ")));
            };
            let model = Model::from_static(manifest, onnx, &format!("models/{name}/model.toml"))?;
            members.push(Member { model, weight });
        }
        if !members.iter().any(|m| m.weight > 0.0) {
            return wrong("members", "must have a member with a weight above 0".into());
        }
        let EnsembleFile { name, version, temperature, threshold, .. } = file;
        Ok(Self { name, version, temperature, threshold, members })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn the_builtin_models_are_the_files_that_their_manifests_describe() {
        let ensemble = Ensemble::builtin().unwrap();
        assert_eq!(ensemble.members.len(), BUILTIN.len());
        for Member { model, .. } in &ensemble.members {
            assert_eq!(model.builtin_sha256().unwrap(), model.manifest().sha256, "{}", model.manifest().name);
        }
    }

    #[test]
    fn a_folder_and_its_manifest_have_one_name() {
        for (name, manifest, _) in BUILTIN {
            assert_eq!(crate::inference::Manifest::parse(manifest, name).unwrap().name, name);
        }
    }

    #[test]
    fn an_ensemble_error_names_the_key() {
        let good =
            "name='e'\nversion='1'\ntemperature=1.0\nthreshold=0.7\n[[members]]\nmodel='fma518-mlp'\nweight=1.0\n";
        Ensemble::parse(good, "e.toml").unwrap();
        for (from, to, key) in [
            ("temperature=1.0", "temperature=0.0", "`temperature`"),
            ("threshold=0.7", "threshold=1.5", "`threshold`"),
            ("threshold=0.7", "treshold=0.7", "treshold"),
            ("weight=1.0", "weight=-1.0", "`members.weight`"),
            ("weight=1.0", "weight=0.0", "`members`"),
            ("fma518-mlp", "nobody", "`members.model`"),
        ] {
            assert!(good.contains(from));
            let message = Ensemble::parse(&good.replace(from, to), "e.toml").unwrap_err().to_string();
            assert!(message.starts_with("e.toml") && message.contains(key), "{message}");
        }
    }
}
