//! `reclassd explain FILE`: what each model and the vote say, as a bar chart, and what a scan would do. It writes no tag.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use console::style;
use reclassd::pipeline::{Explanation, Line, Settings, Worker};

use super::Outcome;
use super::bars::chart;
use super::output::display_from_here;
use super::setup::{self, Common};

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
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    setup::require_paths(std::slice::from_ref(&arguments.file))?;
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let line = Line::new(&config, Settings::new(&config)?.force(arguments.force), store)?;
    let path = setup::canonical(&arguments.file)?;
    let explanation = line.explain(&mut Worker::new(), &path)?;
    print(&mut std::io::stdout().lock(), &path, &explanation, arguments.top)?;
    Ok(Outcome::Done)
}

fn print(out: &mut impl Write, path: &std::path::Path, explanation: &Explanation, top: usize) -> std::io::Result<()> {
    let verdict = explanation.verdict.named_ranking();
    let rankings = explanation.opinions.iter().map(|opinion| &opinion.ranking).chain([&verdict]);
    let labels = rankings.flat_map(|ranking| ranking.iter().take(top));
    let width = labels.map(|(label, _)| console::measure_text_width(label)).max().unwrap_or(0);
    writeln!(out, "{}", style(display_from_here(path)).bold())?;
    for opinion in &explanation.opinions {
        writeln!(out, "\n  {} (weight {:.2})", opinion.model, opinion.weight)?;
        write!(out, "{}", chart(&opinion.ranking, top, width))?;
    }
    writeln!(out, "\n  {}", style("the vote").bold())?;
    write!(out, "{}", chart(&verdict, top, width))?;
    writeln!(out, "\n  confidence  {:.2}", explanation.verdict.confidence)?;
    match &explanation.tags {
        Ok(state) if state.genres.is_empty() => writeln!(out, "  in the file  no genre")?,
        Ok(state) => writeln!(out, "  in the file  {}", state.genres.join(", "))?,
        Err(_) => {}
    }
    writeln!(out, "  a scan       {}", explanation.decision)
}
