//! `reclassd features --kind descriptors`: a row a file of what it sounds like, as CSV, JSON or a NumPy matrix.
//!
//! CSV leaves a cell empty where nothing can be said, JSON leaves the key out and says why, NumPy has a NaN.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use reclassd::audio::{self, AnalysisWindow};
use reclassd::descriptors::{Cell, DESCRIPTORS_VERSION, Descriptors, Value};
use reclassd::features::Extractor;
use serde_json::json;

use super::features::{Arguments, extract_batch};
use super::output::{JsonPath, display_path, unfinished};
use super::{Outcome, WrongUse};

/// What the name of the output asks for.
#[derive(Clone, Copy)]
enum Format {
    Csv,
    Json,
    Npy,
}

impl Format {
    fn of(path: &Path) -> Result<Self, WrongUse> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            Some("npy") => Ok(Self::Npy),
            _ => {
                let shown = display_path(path);
                Err(WrongUse(format!(
                    "{shown}: descriptors are a table: name an output that ends in .csv, .json or .npy"
                )))
            }
        }
    }
}

/// A file and its descriptors.
type Row<'a> = (&'a PathBuf, Descriptors);

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let output = arguments.output()?;
    let format = Format::of(output)?;
    if arguments.rate.is_some() {
        return Err(WrongUse("descriptors have a rate of their own: leave --rate out".to_owned()).into());
    }
    let unfinished = unfinished(output);
    // Made before any work is done: a folder that cannot be written should be noticed now.
    let file = std::fs::File::create(&unfinished).with_context(|| display_path(&unfinished))?;
    let (rows, failed) = describe_all(arguments)?;
    if rows.is_empty() {
        if let Err(error) = std::fs::remove_file(&unfinished) {
            tracing::warn!("{}: cannot be removed: {error}", unfinished.display());
        }
        anyhow::bail!("none of the {} files could be read: nothing was written", failed.len());
    }
    let mut out = std::io::BufWriter::new(file);
    let written = match format {
        Format::Csv => csv(&mut out, &rows),
        Format::Json => json_rows(&mut out, &rows),
        Format::Npy => npy(&mut out, &rows),
    };
    written.and_then(|()| Ok(out.flush()?)).with_context(|| display_path(&unfinished))?;
    std::fs::rename(&unfinished, output).with_context(|| display_path(output))?;
    if matches!(format, Format::Npy) {
        describe_matrix(output, &rows, &failed)?;
    }
    eprintln!("{} files to {}, {} failed", rows.len(), display_path(output), failed.len());
    Ok(if failed.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// `--plot`: the same as pictures.
pub(super) fn plot(arguments: &Arguments, folder: &Path) -> anyhow::Result<Outcome> {
    let (rows, failed) = describe_all(arguments)?;
    if rows.is_empty() {
        anyhow::bail!("none of the {} files could be read: nothing was drawn", failed.len());
    }
    super::plots::save(folder, &rows)?;
    eprintln!("{} files as pictures to {}, {} failed", rows.len(), display_path(folder), failed.len());
    Ok(if failed.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// What all files sound like, and those that could not be read; each of them is named.
fn describe_all(arguments: &Arguments) -> anyhow::Result<(Vec<Row<'_>>, Vec<&PathBuf>)> {
    let config = arguments.common.load()?;
    let window = AnalysisWindow { seconds: config.analysis.window_seconds, count: 1 };
    let jobs = arguments.jobs.map(usize::from);
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut extractors: Vec<Extractor> = (0..jobs).map(|_| Extractor::new()).collect();
    let results =
        extract_batch(&mut extractors, &arguments.files, |extractor, path| describe(extractor, path, &window));
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut failed = Vec::new();
    for (path, result) in arguments.files.iter().zip(results) {
        match result {
            Ok(descriptors) => rows.push((path, descriptors)),
            Err(error) => {
                eprintln!("reclassd: {}", super::in_one_line(&error));
                failed.push(path);
            }
        }
    }
    Ok((rows, failed))
}

fn describe(extractor: &mut Extractor, path: &Path, window: &AnalysisWindow) -> anyhow::Result<Descriptors> {
    let recording = audio::decode(path, window)?;
    let clip = recording.clips.first().with_context(|| format!("{}: holds no sound", display_path(path)))?;
    Descriptors::of(clip, extractor).with_context(|| display_path(path))
}

fn csv(out: &mut impl Write, rows: &[Row<'_>]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for (i, (path, descriptors)) in rows.iter().enumerate() {
        let cells = descriptors.cells();
        if i == 0 {
            writer.write_record(["file"].into_iter().chain(cells.iter().map(|cell| cell.name)))?;
        }
        let values = cells.into_iter().map(|Cell { value, .. }| match value {
            Value::Number(number) => number.to_string(),
            Value::Word(word) => word,
            Value::Absent(_) => String::new(),
        });
        writer.write_record([path.to_string_lossy().into_owned()].into_iter().chain(values))?;
    }
    Ok(writer.flush()?)
}

fn json_rows(out: &mut impl Write, rows: &[Row<'_>]) -> anyhow::Result<()> {
    let objects = rows.iter().map(|(path, descriptors)| {
        let mut object = json!(JsonPath::from(path.as_path()));
        object["descriptors"] = descriptors.to_json();
        object
    });
    let all = json!({"descriptors_version": DESCRIPTORS_VERSION, "files": objects.collect::<Vec<_>>()});
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// The cells that are numbers or, absent, would be; words have a number beside them or none at all.
pub(super) fn numbers(descriptors: &Descriptors) -> impl Iterator<Item = (&'static str, f32)> {
    const WORDS: [&str; 4] = ["key", "camelot", "open_key", "mood"];
    descriptors.cells().into_iter().filter(|cell| !WORDS.contains(&cell.name)).map(|Cell { name, value }| match value {
        Value::Number(number) => (name, number as f32),
        Value::Word(_) | Value::Absent(_) => (name, f32::NAN),
    })
}

fn npy(out: &mut impl Write, rows: &[Row<'_>]) -> anyhow::Result<()> {
    let values: Vec<f32> =
        rows.iter().flat_map(|(_, descriptors)| numbers(descriptors).map(|(_, value)| value)).collect();
    let matrix = Array2::from_shape_vec((rows.len(), values.len() / rows.len()), values)?;
    Ok(matrix.write_npy(out)?)
}

/// Columns and files, beside the matrix.
fn describe_matrix(output: &Path, rows: &[Row<'_>], failed: &[&PathBuf]) -> anyhow::Result<()> {
    let columns: Vec<&str> = rows.first().into_iter().flat_map(|(_, row)| numbers(row).map(|(name, _)| name)).collect();
    let name = |path: &PathBuf| path.to_string_lossy().into_owned();
    let description = json!({
        "kind": "descriptors",
        "descriptors_version": DESCRIPTORS_VERSION,
        "columns": columns,
        "files": rows.iter().map(|(path, _)| name(path)).collect::<Vec<_>>(),
        "failed": failed.iter().map(|path| name(path)).collect::<Vec<_>>(),
    });
    let path = output.with_extension("json");
    std::fs::write(&path, serde_json::to_string_pretty(&description)? + "\n").with_context(|| display_path(&path))
}
