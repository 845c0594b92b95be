//! `reclassd stats`: the library in numbers, counted by the database: genres, how sure the program was, how often the models agreed, and
//! what was written. No file is opened.

use std::io::Write;
use std::path::Path;

use clap::Args;
use reclassd::store::{Agreement, ConfidenceBin, Figures, WritesBelow};
use reclassd::tagging::Cause;
use serde_json::json;

use super::bars::bar;
use super::output::round;
use super::setup::Common;
use super::{Outcome, fold};

/// Narrower than this, no bars are drawn.
const ROOM_FOR_BARS: usize = 72;

#[derive(Args)]
pub struct Arguments {
    /// Print at most N genres; 0: all
    #[arg(long, value_name = "N", default_value_t = 15)]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// All that is shown.
struct Stats {
    figures: Figures,
    agreement: Agreement,
    writes: Vec<WritesBelow>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let stats = Stats {
        figures: store.figures()?,
        agreement: store.agreement()?,
        writes: store.history_below(Path::new("/"), i64::MIN)?,
    };
    let mut out = fold::stdout();
    if arguments.json {
        writeln!(out, "{}", object(&stats))?;
    } else {
        print(&mut out, &stats, arguments.limit)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Scan => "scan",
        Cause::Owner => "tag",
        Cause::Undo => "undo",
        Cause::Describe => "describe",
        _ => "other",
    }
}

fn object(stats: &Stats) -> serde_json::Value {
    let Stats { figures, agreement, writes } = stats;
    let of = figures.statuses;
    let genres = figures.genres.iter();
    let genres =
        genres.map(|of| json!({"genre": of.genre, "files": of.tracks, "tagged": of.tagged, "unsure": of.unsure}));
    let confidence = figures.confidence.iter();
    let confidence = confidence
        .map(|bin| json!({"from": round(bin.from), "to": round(bin.to), "files": bin.tracks, "tagged": bin.tagged}));
    let writes = writes.iter();
    let writes = writes.map(|of| {
        let what = json!({"writes": of.writes, "files": of.files, "taken_back": of.taken_back});
        (word(of.cause).to_owned(), what)
    });
    json!({
        "files": {
            "tagged": of.tagged, "kept": of.kept, "unsure": of.unsure, "skipped": of.skipped, "failed": of.failed, "gone": of.gone,
        },
        "decided_by_owner": figures.decided,
        "genres": genres.collect::<Vec<_>>(),
        "confidence": confidence.collect::<Vec<_>>(),
        "models": {"agree": agreement.agree, "differ": agreement.differ, "unknown": agreement.unknown},
        "written": writes.collect::<serde_json::Map<_, _>>(),
    })
}

fn print(out: &mut impl Write, stats: &Stats, limit: usize) -> std::io::Result<()> {
    let Stats { figures, agreement, writes } = stats;
    let of = figures.statuses;
    let known = of.tagged + of.kept + of.unsure + of.skipped + of.failed;
    if known + of.gone == 0 {
        return writeln!(out, "nothing is known yet: `reclassd scan --dry-run FOLDER` listens and writes nothing");
    }
    writeln!(
        out,
        "files      {known}: {} tagged, {} kept, {} unsure, {} skipped, {} failed; {} gone since",
        of.tagged, of.kept, of.unsure, of.skipped, of.failed, of.gone
    )?;
    writeln!(out, "decided    {} by you", figures.decided)?;
    let heard = agreement.agree + agreement.differ;
    let plural = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
    let unknown = if agreement.unknown > 0 { format!("; not noted for {}", agreement.unknown) } else { String::new() };
    writeln!(
        out,
        "models     agree on {} of {heard} files ({:.0} %){unknown}",
        agreement.agree,
        percent(agreement.agree, heard)
    )?;
    for of in writes {
        let back = if of.taken_back > 0 { format!(", {} taken back since", of.taken_back) } else { String::new() };
        let (times, files) = (plural(of.writes, "time"), plural(of.files, "file"));
        writeln!(out, "written    by {:<4}  {times} into {files}{back}", word(of.cause))?;
    }
    let has_bars = fold::columns().is_none_or(|columns| columns >= ROOM_FOR_BARS);
    let graph = |share: f64| if has_bars { format!("  {}", bar(share as f32)) } else { String::new() };
    if !figures.genres.is_empty() {
        let shown = if limit == 0 { figures.genres.len() } else { limit };
        writeln!(out, "\nthe first guess    files  tagged  unsure")?;
        let most = figures.genres.iter().map(|genre| genre.tracks).max().unwrap_or(1);
        for genre in figures.genres.iter().take(shown) {
            let bar = graph(genre.tracks as f64 / most as f64);
            writeln!(
                out,
                "  {:<15}  {:>6}  {:>6}  {:>6}{}",
                genre.genre,
                genre.tracks,
                genre.tagged,
                genre.unsure,
                bar.trim_end()
            )?;
        }
        if figures.genres.len() > shown {
            writeln!(out, "  {} more; `--limit 0` lists them all", figures.genres.len() - shown)?;
        }
    }
    let filled: Vec<&ConfidenceBin> = figures.confidence.iter().filter(|bin| bin.tracks > 0).collect();
    if !filled.is_empty() {
        writeln!(out, "\nhow sure           files  tagged")?;
        let most = filled.iter().map(|bin| bin.tracks).max().unwrap_or(1);
        for bin in filled {
            let (bar, range) = (graph(bin.tracks as f64 / most as f64), format!("{:.2} to {:.2}", bin.from, bin.to));
            let line = format!("  {range:<15}  {:>6}  {:>6}        {bar}", bin.tracks, bin.tagged);
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    Ok(())
}
