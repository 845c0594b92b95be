//! `reclassd explain FILE`: what each model and the vote say, as a bar chart, and what a scan would do. It writes no tag.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use console::style;
use reclassd::genre::Doubt;
use reclassd::pipeline::{Explanation, Line, Settings, Step};

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
    let explanation = line.explain(&path)?;
    print(&mut std::io::stdout().lock(), &path, &explanation, arguments.top)?;
    Ok(Outcome::Done)
}

/// Who voted in a stage, and why it was enough or not.
fn stage(step: &Step, was_last: bool) -> String {
    let best = step.best.as_ref().map_or("nothing", |genre| genre.as_str());
    let said = format!("{}: {best} {:.2}", step.voters.join(" + "), step.confidence);
    match step.stop {
        Some(stop) if step.confidence >= stop => format!("{said}, sure enough (from {stop:.2}): stopped here"),
        Some(_) if was_last => format!("{said}, and no music: stopped here"),
        Some(stop) => format!("{said}, below {stop:.2}: went on"),
        None => format!("{said}, the last stage"),
    }
}

fn print(out: &mut impl Write, path: &std::path::Path, explanation: &Explanation, top: usize) -> std::io::Result<()> {
    let verdict = explanation.verdict.named_ranking();
    let analysis = &explanation.analysis;
    let rankings = analysis.opinions.iter().map(|opinion| &opinion.ranking).chain([&verdict]);
    let labels = rankings.flat_map(|ranking| ranking.iter().take(top));
    let width = labels.map(|(label, _)| console::measure_text_width(label)).max().unwrap_or(0);
    writeln!(out, "{}", style(display_from_here(path)).bold())?;
    let all: f32 = analysis.opinions.iter().map(|opinion| opinion.weight).sum();
    for opinion in &analysis.opinions {
        match opinion.weight {
            0.0 => writeln!(out, "\n  {} (no vote)", opinion.model)?,
            weight => writeln!(out, "\n  {} (weight {:.2})", opinion.model, weight / all)?,
        }
        write!(out, "{}", chart(&opinion.ranking, top, width))?;
    }
    let vote = match &analysis.album {
        Some(album) => format!("the vote of the album's {} tracks", album.tracks),
        None => "the vote".to_owned(),
    };
    writeln!(out, "\n  {}", style(vote).bold())?;
    write!(out, "{}", chart(&verdict, top, width))?;
    writeln!(out)?;
    for (i, step) in analysis.steps.iter().enumerate().filter(|_| analysis.steps.len() + analysis.not_asked.len() > 1) {
        writeln!(out, "  stage {}      {}", i + 1, stage(step, i + 1 == analysis.steps.len()))?;
    }
    if !analysis.not_asked.is_empty() {
        writeln!(out, "  not asked    {}", analysis.not_asked.join(", "))?;
    }
    if let Some(doubt @ Doubt::NotMusic(not_music)) = &explanation.verdict.doubt {
        writeln!(out, "  the sound    {doubt} ({:.0} % music)", not_music.music * 100.0)?;
    }
    writeln!(out, "  confidence   {:.2}", explanation.verdict.confidence)?;
    match &explanation.tags {
        Ok(state) if state.genres.is_empty() => writeln!(out, "  in the file  no genre")?,
        Ok(state) => writeln!(out, "  in the file  {}", state.genres.join(", "))?,
        Err(_) => {}
    }
    writeln!(out, "  a scan       {}", explanation.decision)
}
