//! One model: a manifest, and the graph that it describes, loaded when it is first needed.
//!
//! A [`Model`] is shared by all worker threads; running it needs no lock.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::cut::Layout;
use super::engine::{Graph, Outputs, Pending, Wanted};
use super::fit::{self, Spectrogram};
use super::manifest::is_model_name;
use super::output::Average;
use super::reading::{Mean, mean_row, probabilities};
use super::{InferenceError, Manifest, ModelInput};
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
    graph: OnceLock<Result<Loaded, InferenceError>>,
}

/// A graph, and the head that reads its embedding, if it has one.
#[derive(Debug)]
struct Loaded {
    graph: Graph,
    head: Option<Graph>,
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
    /// The spectrogram that musicnn hears: `n_frames` x 96 values, row-major: time is the first axis. At least one
    /// frame.
    MusicnnMel(&'a [f32]),
    /// A mel spectrogram by the parameters of [`ModelInput::mel`].
    Mel {
        /// `n_frames` x `n_mels` values, row-major: time is the first axis. At least one frame.
        data: &'a [f32],
        /// Mel bands, the lowest first.
        n_mels: usize,
    },
    /// Mono samples at the rate that the manifest asks for. At least one.
    Waveform(&'a [f32]),
    /// What the manifest's parts are, one after the other ([`super::JoinedInput`]).
    Joined(&'a [f32]),
}

/// What one model thinks of one stretch of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One probability for each of the manifest's labels, in that order. They sum to 1, but for those of a tagger
    /// ([`Manifest::is_tagger`]), which stand each for itself. [`Manifest::genre_shares`] says what they mean for
    /// genres.
    pub probabilities: Vec<f32>,
    /// The model's own description of the sound, where the manifest names such an output.
    pub embedding: Option<Vec<f32>>,
}

/// A question to a model whose answer may still be on its way.
#[derive(Debug)]
pub struct Question<'a> {
    model: &'a Model,
    loaded: &'a Loaded,
    pending: Pending,
}

impl Question<'_> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`InferenceError::Run`] when the graph gives no usable numbers.
    pub fn answer(self) -> Result<Scores, InferenceError> {
        let Self { model, loaded, pending } = self;
        let patches = pending.wait().map_err(|reason| model.run_error(reason))?;
        model.read_patches(loaded, patches)
    }
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
        let manifest = Manifest::read(&text, &origin, |file| beside(folder, file))?;
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

    /// Loads the graph now, so that a model which cannot be loaded says so before any work is done. Later calls, from
    /// any thread, cost nothing and give the same answer.
    ///
    /// # Errors
    /// When the file cannot be read, is not the one that the manifest describes, or does not load.
    pub fn load(&self) -> Result<(), InferenceError> {
        self.graph().map(|_| ())
    }

    /// The same, in the engine that is wanted; without effect on a graph that was loaded before.
    ///
    /// # Errors
    /// As for [`Model::load`].
    pub fn load_in(&self, wanted: Wanted) -> Result<(), InferenceError> {
        self.graph.get_or_init(|| self.load_graph(wanted)).as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Runs the model on one stretch of sound.
    ///
    /// # Errors
    /// [`InferenceError::Input`] when the features are not of the kind and shape that the manifest asks for or not
    /// finite; those of [`Model::load`] the first time; [`InferenceError::Run`] when the graph gives no usable numbers.
    pub fn run(&self, input: &ModelFeatures<'_>) -> Result<Scores, InferenceError> {
        self.ask(input)?.answer()
    }

    /// The same in two steps. Where an inference thread gathers batches, this only hands the question over: whoever has
    /// more to ask asks it before waiting.
    ///
    /// # Errors
    /// [`InferenceError::Input`] as for [`Model::run`], and those of [`Model::load`] the first time.
    pub fn ask(&self, input: &ModelFeatures<'_>) -> Result<Question<'_>, InferenceError> {
        let examples = self.fit_input(input)?;
        let loaded = self.graph()?;
        Ok(Question { model: self, loaded, pending: loaded.graph.ask(&examples) })
    }

    /// The scores that the outputs for each patch stand for.
    fn read_patches(&self, loaded: &Loaded, patches: Vec<Outputs>) -> Result<Scores, InferenceError> {
        let mut mean = Mean::default();
        for outputs in patches {
            mean.add(match self.manifest.output.average {
                Average::Outputs => outputs,
                Average::Probabilities => {
                    let Scores { probabilities, embedding } = self.read_outputs(loaded, outputs)?;
                    [Some(probabilities), embedding].into_iter().flatten().collect()
                }
            });
        }
        let outputs = mean.finish();
        match self.manifest.output.average {
            Average::Outputs => self.read_outputs(loaded, outputs),
            Average::Probabilities => {
                let mut outputs = outputs.into_iter();
                Ok(Scores { probabilities: outputs.next().unwrap_or_default(), embedding: outputs.next() })
            }
        }
    }

    /// What the graph's outputs say: one, or two where the manifest names an embedding.
    fn read_outputs(&self, loaded: &Loaded, outputs: Outputs) -> Result<Scores, InferenceError> {
        let output = &self.manifest.output;
        let mut outputs = outputs.into_iter();
        let mut scores = outputs.next().unwrap_or_default();
        let mut embedding = outputs.next();
        if let (Some(graph), Some(head)) = (&loaded.head, &output.head) {
            let row = mean_row(scores, head.inputs);
            let said = graph.ask(&[Cow::Borrowed(&row)]).wait().map_err(|reason| self.run_error(reason))?;
            scores = said.into_iter().flatten().next().unwrap_or_default();
            embedding = Some(row);
        }
        let probabilities = probabilities(output.kind, scores)
            .ok_or_else(|| self.run_error("it gave no finite probabilities for this input".into()))?;
        Ok(Scores { probabilities, embedding })
    }

    fn graph(&self) -> Result<&Loaded, InferenceError> {
        self.graph.get_or_init(|| self.load_graph(Wanted::Active)).as_ref().map_err(Clone::clone)
    }

    fn load_graph(&self, wanted: Wanted) -> Result<Loaded, InferenceError> {
        let bytes: Cow<'static, [u8]> = match &self.source {
            Source::Builtin(bytes) => Cow::Borrowed(*bytes),
            Source::File(path) => Cow::Owned(read_checked(path, &self.manifest.sha256)?),
        };
        let output = &self.manifest.output;
        let names: Vec<&str> =
            [Some(output.name.as_str()), output.embedding.as_deref()].into_iter().flatten().collect();
        let error = |reason| InferenceError::Graph { model: self.manifest.name.clone(), reason };
        let graph = Graph::load(bytes, &self.manifest.input.shape(), &names, wanted).map_err(error)?;
        let found = graph.output_lens().map_err(error)?[0];
        let (mut scores, mut name, mut loaded_head) = (found, &output.name, None);
        if let (Some(head), Source::File(path)) = (&output.head, &self.source) {
            if found == 0 || !found.is_multiple_of(head.inputs) {
                let reason =
                    format!("output `{name}` has {found} numbers, the head takes {} or rows of so many", head.inputs);
                return Err(error(reason));
            }
            let bytes = read_checked(&path.with_file_name(&head.file), &head.sha256)?;
            let graph = Graph::load(Cow::Owned(bytes), &[1, head.inputs], &[&head.name], wanted)
                .map_err(|reason| error(format!("{}: {reason}", head.file)))?;
            (scores, name) = (graph.output_lens().map_err(error)?[0], &head.name);
            loaded_head = Some(graph);
        }
        let expected = self.manifest.labels.len();
        if scores != expected {
            return Err(error(format!("output `{name}` has {scores} numbers, `labels` has {expected}")));
        }
        Ok(Loaded { graph, head: loaded_head })
    }

    /// The values that the graph takes, in its shape: what it is run on, one run each.
    fn fit_input<'a>(&self, features: &ModelFeatures<'a>) -> Result<Vec<Cow<'a, [f32]>>, InferenceError> {
        let wrong = |reason| Err(InferenceError::Input { model: self.manifest.name.clone(), reason });
        let input = &self.manifest.input;
        if input.kind() != features.kind() {
            return wrong(format!("expected {}, found {}", input.kind(), features.kind()));
        }
        let fitted: Vec<Cow<'a, [f32]>> = match (input, *features) {
            (_, ModelFeatures::Fma518(values)) => {
                if values.len() != FMA518_LEN {
                    return wrong(format!("expected {FMA518_LEN} features, found {}", values.len()));
                }
                vec![Cow::Borrowed(values)]
            }
            (ModelInput::Joined(input), ModelFeatures::Joined(row)) => {
                if row.len() != input.size() {
                    return wrong(format!("expected a row of {} numbers, found {}", input.size(), row.len()));
                }
                vec![Cow::Borrowed(row)]
            }
            (ModelInput::Waveform(input), ModelFeatures::Waveform(samples)) => {
                if samples.is_empty() {
                    return wrong("expected samples, found none".into());
                }
                let stretches = fit::stretches(samples, input.samples, input.patches, input.padding, input.normalise);
                stretches.into_iter().map(Cow::Owned).collect()
            }
            (input, features) => {
                let (Some(spectrogram), Some((n_mels, cut))) = (features.spectrogram(), input.cut()) else {
                    return wrong(format!("expected {}", input.kind()));
                };
                let Spectrogram { data, n_frames, n_mels: found, .. } = spectrogram;
                if found != n_mels || n_frames == 0 || n_mels.checked_mul(n_frames) != Some(data.len()) {
                    return wrong(format!(
                        "expected {n_mels} bands of at least one frame, found {found} x {n_frames} in {} values",
                        data.len()
                    ));
                }
                fit::patches(&spectrogram, &cut).into_iter().map(Cow::Owned).collect()
            }
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

impl<'a> ModelFeatures<'a> {
    /// What these are, for an error.
    fn kind(&self) -> &'static str {
        match self {
            Self::Fma518(_) => "the 518 FMA features",
            Self::LogMel { .. } => "a log-mel spectrogram",
            Self::MusicnnMel(_) => "musicnn's spectrogram",
            Self::Mel { .. } => "a mel spectrogram, time first",
            Self::Waveform(_) => "a waveform",
            Self::Joined(_) => "a row of what other models said",
        }
    }

    fn spectrogram(&self) -> Option<Spectrogram<'a>> {
        let time_first = |data: &'a [f32], n_mels: usize| {
            let n_frames = data.len().checked_div(n_mels).unwrap_or(0);
            Some(Spectrogram { data, n_mels, n_frames, layout: Layout::TimeMel })
        };
        match *self {
            Self::LogMel { data, n_mels, n_frames } => {
                Some(Spectrogram { data, n_mels, n_frames, layout: Layout::MelTime })
            }
            Self::MusicnnMel(data) => time_first(data, MusicnnMel::N_MELS),
            Self::Mel { data, n_mels } => time_first(data, n_mels),
            Self::Fma518(_) | Self::Waveform(_) | Self::Joined(_) => None,
        }
    }
}

/// The text of a file beside a manifest.
fn beside(folder: &Path, file: &str) -> Result<String, InferenceError> {
    let path = folder.join(file);
    let origin = path.display().to_string();
    if !is_model_name(file) || file.starts_with('.') {
        let reason = "it is named by model.toml, and no plain file name".into();
        return Err(InferenceError::Syntax { origin, reason });
    }
    String::from_utf8(read(&path, MAX_MANIFEST_BYTES)?)
        .map_err(|_| InferenceError::Syntax { origin, reason: "it is not UTF-8 text".into() })
}

/// The bytes of a graph whose SHA-256 is this.
fn read_checked(path: &Path, sha256: &str) -> Result<Vec<u8>, InferenceError> {
    let bytes = read(path, MAX_GRAPH_BYTES)?;
    let found = sha256_hex(&bytes);
    if found != sha256 {
        let origin = path.display().to_string();
        return Err(InferenceError::Checksum { origin, expected: sha256.into(), found });
    }
    Ok(bytes)
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
