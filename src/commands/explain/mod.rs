//! `reclassd explain FILE`: what each model and the vote say, from the members to the confidence, and what a scan would
//! do. It writes no tag.

mod json;
mod picture;
mod text;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use reclassd::pipeline::{Line, Settings};

use super::setup::{self, Common};
use super::{Outcome, fold};

#[derive(Args)]
pub struct Arguments {
    /// The file to explain
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Genres shown a model
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Analyse again instead of using what is remembered
    #[arg(long)]
    force: bool,
    /// Draw the track as well: spectrogram with beats, pitch classes, what the built-in models say along the whole of
    /// it
    #[arg(long, value_name = "OUT")]
    png: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    setup::require_paths(std::slice::from_ref(&arguments.file))?;
    let mut config = arguments.common.load()?;
    // What the sound is like belongs to the explanation, whether scans find it out or not.
    config.analysis.descriptors = true;
    let store = arguments.common.open_store(&config)?;
    let line = Line::new(&config, Settings::new(&config)?.force(arguments.force), store)?;
    let path = setup::canonical(&arguments.file)?;
    let explanation = line.explain(&path)?;
    let mut out = fold::stdout();
    if arguments.json {
        writeln!(out, "{}", json::object(&path, &explanation, arguments.top))?;
    } else {
        text::print(&mut out, &path, &explanation, arguments.top)?;
    }
    out.flush()?;
    if let Some(png) = &arguments.png {
        picture::save(png, &path, &explanation, &config)?;
    }
    Ok(Outcome::Done)
}
