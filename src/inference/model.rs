//! One model: a manifest, and the graph that it describes, loaded when it is first needed.
//!
//! A [`Model`] is shared by all worker threads; running it needs no lock.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::graph::Graph;
use super::manifest::OutputKind;
use super::{InferenceError, Manifest, ModelInput, fit};
use crate::features::{FMA518_LEN, MusicnnMel};

/// A manifest is a page of text.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// The largest graph that is read: no music model comes near, and a mistaken file does not fill the memory.
const MAX_GRAPH_BYTES: u64 = 2 << 30;

/// A trained network and what is known of it.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    source: Source,
    graph: OnceLock<Result<Graph, InferenceError>>,
}

/// Where a graph's bytes come from.
#[derive(Debug)]
enum Source {
    /// Compiled in: its checksum is a test's business.
    Builtin(&'static [u8]),
    /// A file, checked against the manifest each time it is loaded.
    File(PathBuf),
}

/// What a model is fed. Which kind, and made how, is in its [`Manifest`].
#[derive(Debug, Clone, Copy)]
pub enum ModelFeatures<'a> {
    /// The 518 FMA features, in the data set's column order.
    Fma518(&'a [f32]),
    /// A log-mel spectrogram in decibels.
    LogMel {
        /// `n_mels` x `n_frames` values, row-major: time is the second axis.
        data: &'a [f32],
        /// Mel bands, the lowest first.
        n_mels: usize,
        /// Frames; any number but none.
        n_frames: usize,
    },
    /// The spectrogram that musicnn hears: `n_frames` x 96 values, row-major: time is the first axis. At least one frame.
    MusicnnMel(&'a [f32]),
}

/// What one model thinks of one stretch of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One probability for each of the manifest's labels, in that order. They sum to 1, but for those of a tagger
    /// ([`OutputKind::Tags`]), which stand each for itself. [`Manifest::genre_shares`] says what they mean for genres.
    pub probabilities: Vec<f32>,
    /// The model's own description of the sound, where the manifest names such an output.
    pub embedding: Option<Vec<f32>>,
}

impl Model {
    /// A model that is compiled in. The graph is loaded when it is first run.
    pub(super) fn from_static(manifest: &str, onnx: &'static [u8], origin: &str) -> Result<Self, InferenceError> {
        let manifest = Manifest::parse(manifest, origin)?;
        Ok(Self { manifest, source: Source::Builtin(onnx), graph: OnceLock::new() })
    }

    /// The model in a folder of `model.toml` and `model.onnx`. The graph is read, and checked against the manifest's
    /// SHA-256, when it is first run or by [`Model::load`].
    ///
    /// # Errors
    /// When the manifest cannot be read or is not valid.
    pub fn open(folder: &Path) -> Result<Self, InferenceError> {
        let path = folder.join("model.toml");
        let bytes = read(&path, MAX_MANIFEST_BYTES)?;
        let origin = path.display().to_string();
        let text = String::from_utf8(bytes)
            .map_err(|_| InferenceError::Syntax { origin: origin.clone(), reason: "it is not UTF-8 text".into() })?;
        let manifest = Manifest::parse(&text, &origin)?;
        Ok(Self { manifest, source: Source::File(folder.join("model.onnx")), graph: OnceLock::new() })
    }

    /// The size of the graph in bytes.
    ///
    /// # Errors
    /// [`InferenceError::Read`] when its file is not there.
    pub fn graph_bytes(&self) -> Result<u64, InferenceError> {
        match &self.source {
            Source::Builtin(bytes) => Ok(bytes.len() as u64),
            Source::File(path) => match fs::metadata(path) {
                Ok(metadata) => Ok(metadata.len()),
                Err(source) => Err(InferenceError::Read { path: path.clone(), source: Arc::new(source) }),
            },
        }
    }

    /// Whether the model is compiled into the program.
    pub fn is_builtin(&self) -> bool {
        matches!(self.source, Source::Builtin(_))
    }

    /// What is known of the model.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Loads the graph now, so that a model which cannot be loaded says so before any work is done. Later calls, from any
    /// thread, cost nothing and give the same answer.
    ///
    /// # Errors
    /// When the file cannot be read, is not the one that the manifest describes, or does not load.
    pub fn load(&self) -> Result<(), InferenceError> {
        self.graph().map(|_| ())
    }

    /// Runs the model on one stretch of sound.
    ///
    /// # Errors
    /// [`InferenceError::Input`] when the features are not of the kind and shape that the manifest asks for or not finite;
    /// those of [`Model::load`] the first time; [`InferenceError::Run`] when the graph gives no usable numbers.
    pub fn run(&self, input: &ModelFeatures<'_>) -> Result<Scores, InferenceError> {
        let inputs = self.fit_input(input)?;
        let graph = self.graph()?;
        let mut mean = Mean::default();
        for input in &inputs {
            mean.add(graph.run(input).map_err(|reason| self.run_error(reason))?);
        }
        // `with_outputs_by_name` selected one output, or two where the manifest names an embedding.
        let mut outputs = mean.finish().into_iter();
        let scores = outputs.next().unwrap_or_default();
        let probabilities = match self.manifest.output.kind {
            OutputKind::Logits => softmax(&scores),
            OutputKind::Probabilities => shares(&scores),
            OutputKind::Tags => scores.iter().all(|p| (0.0..=1.0).contains(p)).then_some(scores),
        };
        let probabilities =
            probabilities.ok_or_else(|| self.run_error("it gave no finite probabilities for this input".into()))?;
        Ok(Scores { probabilities, embedding: outputs.next() })
    }

    fn graph(&self) -> Result<&Graph, InferenceError> {
        self.graph.get_or_init(|| self.load_graph()).as_ref().map_err(Clone::clone)
    }

    fn load_graph(&self) -> Result<Graph, InferenceError> {
        let bytes = match &self.source {
            Source::Builtin(bytes) => Cow::Borrowed(*bytes),
            Source::File(path) => {
                let bytes = read(path, MAX_GRAPH_BYTES)?;
                let found = sha256_hex(&bytes);
                if found != self.manifest.sha256 {
                    let expected = self.manifest.sha256.clone();
                    return Err(InferenceError::Checksum { origin: path.display().to_string(), expected, found });
                }
                Cow::Owned(bytes)
            }
        };
        let shape = match &self.manifest.input {
            ModelInput::Fma518 { .. } => vec![1, FMA518_LEN],
            ModelInput::LogMel(input) => vec![1, 1, input.n_mels, input.frames],
            ModelInput::MusicnnMel(input) => vec![1, input.patch_frames, MusicnnMel::N_MELS],
        };
        let output = &self.manifest.output;
        let names: Vec<&str> =
            [Some(output.name.as_str()), output.embedding.as_deref()].into_iter().flatten().collect();
        let error = |reason| InferenceError::Graph { model: self.manifest.name.clone(), reason };
        let graph = Graph::load(&bytes, &shape, &names).map_err(error)?;
        let found = graph.output_lens().map_err(error)?[0];
        let expected = self.manifest.labels.len();
        if found != expected {
            return Err(error(format!("output `{}` has {found} numbers, `labels` has {expected}", output.name)));
        }
        Ok(graph)
    }

    /// The values that the graph takes, in its shape: what it is run on, one run each.
    fn fit_input<'a>(&self, features: &ModelFeatures<'a>) -> Result<Vec<Cow<'a, [f32]>>, InferenceError> {
        let wrong = |reason| Err(InferenceError::Input { model: self.manifest.name.clone(), reason });
        let fitted = match (&self.manifest.input, *features) {
            (ModelInput::Fma518 { .. }, ModelFeatures::Fma518(values)) => {
                if values.len() != FMA518_LEN {
                    return wrong(format!("expected {FMA518_LEN} features, found {}", values.len()));
                }
                vec![Cow::Borrowed(values)]
            }
            (ModelInput::LogMel(input), ModelFeatures::LogMel { data, n_mels, n_frames }) => {
                if n_mels != input.n_mels || n_frames == 0 || n_mels.checked_mul(n_frames) != Some(data.len()) {
                    let expected = input.n_mels;
                    return wrong(format!(
                        "expected {expected} bands of at least one frame, found {n_mels} x {n_frames} in {} values",
                        data.len()
                    ));
                }
                vec![fit::middle(data, n_frames, input)]
            }
            (ModelInput::MusicnnMel(input), ModelFeatures::MusicnnMel(data)) => {
                if data.is_empty() || !data.len().is_multiple_of(MusicnnMel::N_MELS) {
                    return wrong(format!(
                        "expected frames of {} bands, found {} values",
                        MusicnnMel::N_MELS,
                        data.len()
                    ));
                }
                fit::patches(data, MusicnnMel::N_MELS, input)
            }
            (expected, found) => return wrong(format!("expected {}, found {}", expected.kind(), found.kind())),
        };
        let values = fitted.iter().flat_map(|input| input.iter());
        match values.enumerate().find(|(_, value)| !value.is_finite()) {
            Some((at, value)) => wrong(format!("value {at} is {value}, not a finite number")),
            None => Ok(fitted),
        }
    }

    fn run_error(&self, reason: String) -> InferenceError {
        InferenceError::Run { model: self.manifest.name.clone(), reason }
    }

    /// The graph's SHA-256 in hexadecimal, of a model that is compiled in.
    #[cfg(test)]
    pub(super) fn builtin_sha256(&self) -> Option<String> {
        match self.source {
            Source::Builtin(bytes) => Some(sha256_hex(bytes)),
            Source::File(_) => None,
        }
    }
}

impl ModelFeatures<'_> {
    /// What these are, for an error.
    fn kind(&self) -> &'static str {
        match self {
            Self::Fma518(_) => "the 518 FMA features",
            Self::LogMel { .. } => "a log-mel spectrogram",
            Self::MusicnnMel(_) => "musicnn's spectrogram",
        }
    }
}

/// The mean of a graph's outputs over its runs.
#[derive(Default)]
struct Mean {
    sums: Vec<Vec<f32>>,
    runs: usize,
}

impl Mean {
    fn add(&mut self, outputs: Vec<Vec<f32>>) {
        self.runs += 1;
        if self.sums.is_empty() {
            self.sums = outputs;
            return;
        }
        for (sum, output) in self.sums.iter_mut().flatten().zip(outputs.iter().flatten()) {
            *sum += output;
        }
    }

    fn finish(mut self) -> Vec<Vec<f32>> {
        if self.runs > 1 {
            self.sums.iter_mut().flatten().for_each(|sum| *sum /= self.runs as f32);
        }
        self.sums
    }
}

/// exp(x) / sum exp(x); none when a value is not finite.
fn softmax(logits: &[f32]) -> Option<Vec<f32>> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    shares(&logits.iter().map(|x| (x - largest).exp()).collect::<Vec<_>>())
}

/// x / sum x; none when a value is negative or not finite, or when all are 0.
fn shares(values: &[f32]) -> Option<Vec<f32>> {
    let sum: f32 = values.iter().sum();
    let usable = sum > 0.0 && values.iter().all(|v| v.is_finite() && *v >= 0.0);
    usable.then(|| values.iter().map(|v| v / sum).collect())
}

/// The whole of a file that is no larger than `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, InferenceError> {
    let error = |source| InferenceError::Read { path: path.into(), source: Arc::new(source) };
    let len = fs::metadata(path).map_err(error)?.len();
    if len > limit {
        return Err(error(std::io::Error::other(format!("{len} bytes, at most {limit} are read"))));
    }
    fs::read(path).map_err(error)
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_large_logits_and_refuses_what_is_not_a_number() {
        let p = softmax(&[1000.0, 1000.0, -1000.0]).unwrap();
        assert_eq!(p, [0.5, 0.5, 0.0]);
        assert_eq!(softmax(&[f32::NAN, 0.0]), None);
        assert_eq!(softmax(&[f32::INFINITY, 0.0]), None);
        assert_eq!(shares(&[0.0, 0.0]), None);
        assert_eq!(shares(&[1.0, -0.5]), None);
        assert_eq!(shares(&[1.0, 3.0]).unwrap(), [0.25, 0.75]);
    }
}
