//! `reclassd features`: feature matrices of files as NumPy reads them, and what a model says of them, for training
//! models and for checking the extractor.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use ndarray::{Array2, ArrayView2, s};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use reclassd::audio::{self, AnalysisWindow, Clip};
use reclassd::config::Config;
use reclassd::features::{self, Extractor, FMA518_LEN, LogMelParameters};
use reclassd::inference::{Ensemble, Model, ModelsFolder};
use reclassd::pipeline;
use serde_json::json;

use super::described;
use super::hints::Named;
use super::output::{display_path, unfinished};
use super::setup::{self, Common};
use super::{Outcome, WrongUse};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The 518 FMA features: one (N, 518) float32 matrix, .npy
    Fma518,
    /// The log-mel spectrogram in dB: one (128, T) float32 array a file, .npz
    LogMel,
    /// Tempo, key, loudness, mood: a row a file, .csv, .json or .npy (docs/descriptors.md)
    Descriptors,
}

/// The rate that clips are brought to before their features are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    Native,
    Hz(u32),
}

#[derive(Args)]
pub struct Arguments {
    /// Audio files, one row or array each
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Write the matrix here; column names and files go beside it, into a .json of the same name
    #[arg(short, long, value_name = "OUT", required_unless_present = "plot")]
    output: Option<PathBuf>,
    /// Draw the descriptors of the files into this folder: how each is distributed, all of them as a heat map, the mean
    /// of each
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "kind", "model", "rate"])]
    pub(super) plot: Option<PathBuf>,
    /// What to compute
    #[arg(long, value_enum, default_value = "fma518")]
    kind: Kind,
    /// What this model, built in or installed, says of each file, in place of features: `scores`, a probability for
    /// each of its labels, and `embedding`, where it has one; two matrices with a row a file, .npz
    #[arg(long, value_name = "NAME", value_parser = Named::model(), hide_possible_values = true, conflicts_with_all = ["kind", "rate"])]
    model: Option<String>,
    /// Sample rate in Hz that clips are brought to, or `native` to leave each at its own [default: 44100 for fma518,
    /// 22050 for log-mel]
    #[arg(long, value_name = "HZ", value_parser = parse_rate)]
    pub(super) rate: Option<Rate>,
    /// Files worked on at the same time [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    /// Where the table goes. The command line is not valid without it, but for pictures.
    pub(super) fn output(&self) -> Result<&Path, WrongUse> {
        self.output
            .as_deref()
            .ok_or_else(|| WrongUse("where to? name a file with -o, or a folder with --plot".to_owned()))
    }
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "native" {
        return Ok(Rate::Native);
    }
    match text.parse() {
        Ok(hz @ 8_000..=192_000) => Ok(Rate::Hz(hz)),
        _ => Err("a rate is `native` or a number of Hz between 8000 and 192000".to_owned()),
    }
}

/// Features that are matrices.
#[derive(Debug, Clone, Copy)]
enum MatrixKind {
    Fma518,
    LogMel,
}

/// What is wanted of each file.
enum Wanted {
    Features(MatrixKind, Option<Rate>),
    Said(Box<Model>),
}

impl Wanted {
    fn of(arguments: &Arguments, kind: MatrixKind, config: &Config) -> anyhow::Result<Self> {
        let Some(name) = &arguments.model else { return Ok(Self::Features(kind, arguments.rate)) };
        let builtin = Ensemble::builtin()?.members.into_iter().map(|member| member.model);
        let installed = ModelsFolder::new(&config.models.folder);
        let model = match builtin.into_iter().find(|model| model.manifest().name == *name) {
            Some(model) => model,
            None if installed.contains(name) => installed.open(name)?,
            None => return Err(WrongUse(format!("there is no model `{name}`: `reclassd models` lists them")).into()),
        };
        model.load()?;
        Ok(Self::Said(Box::new(model)))
    }
}

/// Features of one file: rows × columns, row-major.
struct Matrix {
    rows: usize,
    values: Vec<f32>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    setup::require_paths(&arguments.files)?;
    if let Some(folder) = &arguments.plot {
        return described::plot(arguments, folder);
    }
    let kind = match arguments.kind {
        Kind::Fma518 => MatrixKind::Fma518,
        Kind::LogMel => MatrixKind::LogMel,
        Kind::Descriptors => return described::run(arguments),
    };
    let config = arguments.common.load()?;
    let window = AnalysisWindow { seconds: config.analysis.window_seconds, count: 1 };
    let jobs = arguments.jobs.map(usize::from);
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let wanted = Wanted::of(arguments, kind, &config)?;
    let mut output = Output::create(arguments.output()?, &wanted)?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    let mut extractors: Vec<Extractor> = (0..jobs).map(|_| Extractor::new()).collect();
    // In batches, in order: spectrograms of a whole library would not fit into memory.
    for batch in arguments.files.chunks(jobs * 4) {
        let results =
            extract_batch(&mut extractors, batch, |extractor, path| extract(extractor, path, &window, &wanted));
        for (path, result) in batch.iter().zip(results) {
            match result {
                Ok(matrix) => {
                    output.add(path, matrix)?;
                    done.push(path);
                }
                Err(error) => {
                    eprintln!("reclassd: {}", super::in_one_line(&error));
                    failed.push(path);
                }
            }
        }
    }
    if done.is_empty() {
        output.discard();
        anyhow::bail!("none of the {} files could be read: nothing was written", failed.len());
    }
    output.finish()?;
    write_description(arguments.output()?, &wanted, &done, &failed)?;
    eprintln!("{} files to {}, {} failed", done.len(), display_path(arguments.output()?), failed.len());
    Ok(if failed.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// Extracts a batch with one thread an extractor; results in the order of the paths.
pub(super) fn extract_batch<T: Send>(
    extractors: &mut [Extractor],
    paths: &[PathBuf],
    extract: impl Fn(&mut Extractor, &Path) -> T + Sync,
) -> Vec<T> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = extractors
            .iter_mut()
            .map(|extractor| {
                let (next, extract) = (&next, &extract);
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let Some(path) = paths.get(index) else { return mine };
                        mine.push((index, extract(extractor, path)));
                    }
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)));
        joined.flatten().collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn extract(extractor: &mut Extractor, path: &Path, window: &AnalysisWindow, wanted: &Wanted) -> anyhow::Result<Matrix> {
    let recording = audio::decode(path, window)?;
    let clip = recording.clips.first().with_context(|| format!("{}: holds no sound", display_path(path)))?;
    let in_file = || display_path(path);
    match wanted {
        Wanted::Features(MatrixKind::Fma518, rate) => {
            let clip = at_rate(clip, rate.unwrap_or(Rate::Hz(44_100)))?;
            let row = extractor.fma518(&clip.samples, clip.sample_rate).with_context(in_file)?;
            Ok(Matrix { rows: 1, values: row.as_slice().to_vec() })
        }
        Wanted::Features(MatrixKind::LogMel, rate) => {
            let defaults = LogMelParameters::default();
            let clip = at_rate(clip, rate.unwrap_or(Rate::Hz(defaults.sample_rate)))?;
            let fmax = f64::from(clip.sample_rate) / 2.0;
            let parameters = LogMelParameters { sample_rate: clip.sample_rate, fmax, ..defaults };
            let log_mel = extractor.log_mel(&clip.samples, clip.sample_rate, &parameters).with_context(in_file)?;
            Ok(Matrix { rows: log_mel.n_mels, values: log_mel.data })
        }
        Wanted::Said(model) => {
            let said = pipeline::ask_model(model, clip, extractor).with_context(in_file)?;
            let values = said.probabilities.into_iter().chain(said.embedding.unwrap_or_default());
            Ok(Matrix { rows: 1, values: values.collect() })
        }
    }
}

fn at_rate(clip: &Clip, rate: Rate) -> anyhow::Result<std::borrow::Cow<'_, Clip>> {
    Ok(match rate {
        Rate::Hz(hz) => clip.resampled(hz)?,
        Rate::Native => std::borrow::Cow::Borrowed(clip),
    })
}

/// The file that results go to. It is written beside its place and moved there when it is whole.
struct Output {
    path: PathBuf,
    unfinished: PathBuf,
    contents: Contents,
}

enum Contents {
    Npy {
        file: BufWriter<File>,
        values: Vec<f32>,
    },
    Npz {
        writer: Box<NpzWriter<BufWriter<File>>>,
        names: std::collections::HashSet<String>,
    },
    /// Of each file the scores of a model with so many labels, and its embedding.
    Said {
        file: BufWriter<File>,
        labels: usize,
        rows: usize,
        values: Vec<f32>,
    },
}

impl Output {
    fn create(path: &Path, wanted: &Wanted) -> anyhow::Result<Self> {
        let (ending, kind) = match wanted {
            Wanted::Features(MatrixKind::Fma518, _) => ("npy", "a matrix"),
            Wanted::Features(MatrixKind::LogMel, _) => ("npz", "one array a file"),
            Wanted::Said(_) => ("npz", "two matrices"),
        };
        if path.extension().is_none_or(|extension| extension != ending) {
            let shown = display_path(path);
            return Err(WrongUse(format!("{shown}: this kind is {kind}: name an output that ends in .{ending}")).into());
        }
        let unfinished = unfinished(path);
        // Made before any work is done: a folder that cannot be written should be noticed now.
        let file = BufWriter::new(File::create(&unfinished).with_context(|| display_path(&unfinished))?);
        let contents = match wanted {
            Wanted::Features(MatrixKind::Fma518, _) => Contents::Npy { file, values: Vec::new() },
            Wanted::Features(MatrixKind::LogMel, _) => {
                Contents::Npz { writer: Box::new(NpzWriter::new(file)), names: Default::default() }
            }
            Wanted::Said(model) => {
                Contents::Said { file, labels: model.manifest().labels.len(), rows: 0, values: Vec::new() }
            }
        };
        Ok(Self { path: path.to_owned(), unfinished, contents })
    }

    fn add(&mut self, file: &Path, matrix: Matrix) -> anyhow::Result<()> {
        match &mut self.contents {
            Contents::Npy { values, .. } => values.extend(matrix.values),
            Contents::Said { rows, values, .. } => {
                *rows += 1;
                values.extend(matrix.values);
            }
            Contents::Npz { writer, names } => {
                let base = file.to_string_lossy().into_owned();
                // The same file twice, or two names that only differ in bytes that are not UTF-8.
                let mut name = base.clone();
                for number in 2.. {
                    if names.insert(name.clone()) {
                        break;
                    }
                    name = format!("{base}#{number}");
                }
                let columns = matrix.values.len() / matrix.rows.max(1);
                let array = ArrayView2::from_shape((matrix.rows, columns), &matrix.values)?;
                writer.add_array(name, &array).with_context(|| display_path(&self.unfinished))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        let in_file = || display_path(&self.unfinished);
        let mut file = match self.contents {
            Contents::Npy { mut file, values } => {
                let matrix = Array2::from_shape_vec((values.len() / FMA518_LEN, FMA518_LEN), values)?;
                matrix.write_npy(&mut file).with_context(in_file)?;
                file
            }
            Contents::Npz { writer, .. } => writer.finish().with_context(in_file)?,
            Contents::Said { file, labels, rows, values } => {
                let matrix = Array2::from_shape_vec((rows, values.len() / rows), values)?;
                let mut writer = NpzWriter::new(file);
                writer.add_array("scores", &matrix.slice(s![.., ..labels])).with_context(in_file)?;
                if matrix.ncols() > labels {
                    writer.add_array("embedding", &matrix.slice(s![.., labels..])).with_context(in_file)?;
                }
                writer.finish().with_context(in_file)?
            }
        };
        file.flush().with_context(in_file)?;
        std::fs::rename(&self.unfinished, &self.path).with_context(|| display_path(&self.path))
    }

    /// Leaves what stood in its place before.
    fn discard(self) {
        if let Err(error) = std::fs::remove_file(&self.unfinished) {
            tracing::warn!("{}: cannot be removed: {error}", self.unfinished.display());
        }
    }
}

fn write_description(output: &Path, wanted: &Wanted, done: &[&PathBuf], failed: &[&PathBuf]) -> anyhow::Result<()> {
    let names =
        |paths: &[&PathBuf]| -> Vec<String> { paths.iter().map(|p| p.to_string_lossy().into_owned()).collect() };
    let mut description = match wanted {
        Wanted::Features(kind, rate) => {
            let (kind, columns, default) = match kind {
                MatrixKind::Fma518 => ("fma518", Some(features::fma518_columns()), 44_100),
                MatrixKind::LogMel => ("log-mel", None, LogMelParameters::default().sample_rate),
            };
            let rate = match rate {
                Some(Rate::Native) => json!("native"),
                Some(Rate::Hz(hz)) => json!(hz),
                None => json!(default),
            };
            json!({ "kind": kind, "rate": rate, "columns": columns })
        }
        Wanted::Said(model) => {
            let manifest = model.manifest();
            json!({
                "model": manifest.name,
                "version": manifest.version,
                "sha256": manifest.sha256,
                "labels": manifest.labels,
            })
        }
    };
    description["features_version"] = json!(features::FEATURES_VERSION);
    description["files"] = json!(names(done));
    description["failed"] = json!(names(failed));
    let path = output.with_extension("json");
    std::fs::write(&path, serde_json::to_string_pretty(&description)? + "\n").with_context(|| display_path(&path))
}
