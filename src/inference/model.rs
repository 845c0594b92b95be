//! One model: a manifest, and the graph that it describes, loaded when it is first needed.
//!
//! A [`Model`] is shared by all worker threads; running it needs no lock.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::graph::Graph;
use super::manifest::{LogMelInput, OutputKind, Padding};
use super::{InferenceError, Manifest, ModelInput};
use crate::features::FMA518_LEN;

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
}

/// What one model thinks of one stretch of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One probability for each of the manifest's labels, in that order; they sum to 1.
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
        let input = self.fit_input(input)?;
        let mut outputs = self.graph()?.run(&input).map_err(|reason| self.run_error(reason))?.into_iter();
        // `with_outputs_by_name` selected one output, or two where the manifest names an embedding.
        let scores = outputs.next().unwrap_or_default();
        let probabilities = match self.manifest.output.kind {
            OutputKind::Logits => softmax(&scores),
            OutputKind::Probabilities => shares(&scores),
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

    /// The values that the graph takes, in its shape.
    fn fit_input<'a>(&self, features: &ModelFeatures<'a>) -> Result<Cow<'a, [f32]>, InferenceError> {
        let wrong = |reason| Err(InferenceError::Input { model: self.manifest.name.clone(), reason });
        let fitted = match (&self.manifest.input, *features) {
            (ModelInput::Fma518 { .. }, ModelFeatures::Fma518(values)) => {
                if values.len() != FMA518_LEN {
                    return wrong(format!("expected {FMA518_LEN} features, found {}", values.len()));
                }
                Cow::Borrowed(values)
            }
            (ModelInput::LogMel(input), ModelFeatures::LogMel { data, n_mels, n_frames }) => {
                if n_mels != input.n_mels || n_frames == 0 || n_mels.checked_mul(n_frames) != Some(data.len()) {
                    let expected = input.n_mels;
                    return wrong(format!(
                        "expected {expected} bands of at least one frame, found {n_mels} x {n_frames} in {} values",
                        data.len()
                    ));
                }
                fit_frames(data, n_frames, input)
            }
            (ModelInput::Fma518 { .. }, ModelFeatures::LogMel { .. }) => {
                return wrong("expected the 518 FMA features, found a spectrogram".into());
            }
            (ModelInput::LogMel(_), ModelFeatures::Fma518(_)) => {
                return wrong("expected a log-mel spectrogram, found the 518 FMA features".into());
            }
        };
        match fitted.iter().position(|v| !v.is_finite()) {
            Some(at) => wrong(format!("value {at} is {}, not a finite number", fitted[at])),
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

/// A spectrogram with exactly the frames that the graph takes: the middle of a longer one, a shorter one padded.
fn fit_frames<'a>(data: &'a [f32], n_frames: usize, input: &LogMelInput) -> Cow<'a, [f32]> {
    if n_frames == input.frames {
        return Cow::Borrowed(data);
    }
    let mut fitted = Vec::with_capacity(input.n_mels * input.frames);
    for band in data.chunks_exact(n_frames) {
        if n_frames > input.frames {
            let start = (n_frames - input.frames) / 2;
            fitted.extend_from_slice(&band[start..start + input.frames]);
        } else {
            match input.padding {
                Padding::Repeat => fitted.extend(band.iter().cycle().take(input.frames)),
                Padding::Floor => {
                    fitted.extend_from_slice(band);
                    fitted.extend(std::iter::repeat_n(-input.top_db, input.frames - n_frames));
                }
            }
        }
    }
    Cow::Owned(fitted)
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

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn input(frames: usize, padding: Padding) -> LogMelInput {
        LogMelInput {
            sample_rate: 22_050,
            n_fft: 2048,
            hop_length: 512,
            n_mels: 2,
            fmin: 0.0,
            fmax: 11_025.0,
            top_db: 80.0,
            frames,
            padding,
        }
    }

    #[test]
    fn a_long_spectrogram_gives_its_middle() {
        let data = [0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 12.0, 13.0, 14.0];
        assert_eq!(*fit_frames(&data, 5, &input(3, Padding::Repeat)), [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]);
    }

    #[test]
    fn a_short_spectrogram_starts_again_or_ends_in_silence() {
        let data = [0.0, 1.0, 10.0, 11.0];
        assert_eq!(
            *fit_frames(&data, 2, &input(5, Padding::Repeat)),
            [0.0, 1.0, 0.0, 1.0, 0.0, 10.0, 11.0, 10.0, 11.0, 10.0]
        );
        assert_eq!(*fit_frames(&data, 2, &input(3, Padding::Floor)), [0.0, 1.0, -80.0, 10.0, 11.0, -80.0]);
    }

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
