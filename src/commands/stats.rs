//! `reclassd stats`: the library in numbers, counted by the database: genres, how sure the program was, how often the
//! models agreed, and what was written. No file is opened.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use reclassd::config::Config;
use reclassd::descriptors::{Descriptors, QUADRANTS};
use reclassd::pictures::{Form, LibraryFigures, library};
use reclassd::pipeline::StoredAnswers;
use reclassd::store::{Agreement, ConfidenceBin, Figures, Store, WritesBelow};
use reclassd::tagging::Cause;
use serde_json::json;

use super::bars::bar;
use super::output::{display_path, round, write_whole};
use super::setup::Common;
use super::{Outcome, fold};

/// Narrower than this, no bars are drawn.
const ROOM_FOR_BARS: usize = 72;

#[derive(Args)]
pub struct Arguments {
    /// Print at most N genres; 0: all
    #[arg(long, value_name = "N", default_value_t = 15)]
    limit: usize,
    /// Draw the figures as a PNG
    #[arg(long, value_name = "OUT")]
    png: Option<PathBuf>,
    /// Draw the figures as an SVG
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
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
    sound: SoundFigures,
}

/// How many tracks sound how, of those of which that is known.
#[derive(Default)]
struct SoundFigures {
    /// By mood.
    moods: Vec<(String, u64)>,
    /// By tempo: the lowest of each step of [`TEMPO_STEP`], and how many, the slowest first and without gaps.
    tempi: Vec<(u32, u64)>,
}

/// Beats a minute that are counted together.
const TEMPO_STEP: u32 = 10;

impl SoundFigures {
    /// Every row is read for it, so that it is only asked for where there is something to count.
    fn of(store: &Store, config: &Config) -> anyhow::Result<Self> {
        let stored = StoredAnswers::new(config)?;
        let (kind, window) = stored.descriptors_kept_as();
        let (mut moods, mut tempi) = ([0_u64; QUADRANTS.len()], vec![0_u64; 40]);
        store.list_tracks((&kind, window), |track| {
            let Some(described) = track.described.as_deref().and_then(Descriptors::from_row) else { return };
            let place = |quadrant| QUADRANTS.iter().position(|known| *known == quadrant);
            if let Some(count) = described.mood.ok().and_then(|mood| moods.get_mut(place(mood.quadrant)?)) {
                *count += 1;
            }
            let step = described.tempo.ok().map(|tempo| (tempo.bpm / f64::from(TEMPO_STEP)) as usize);
            if let Some(count) = step.and_then(|step| tempi.get_mut(step)) {
                *count += 1;
            }
        })?;
        let moods = QUADRANTS.iter().map(|mood| mood.to_string()).zip(moods).collect::<Vec<_>>();
        let moods = if moods.iter().any(|(_, tracks)| *tracks > 0) { moods } else { Vec::new() };
        let steps = (0..).step_by(TEMPO_STEP as usize).zip(tempi).collect::<Vec<(u32, u64)>>();
        let known = |(_, tracks): &(u32, u64)| *tracks > 0;
        let (first, last) = (steps.iter().position(known), steps.iter().rposition(known));
        let tempi = first.zip(last).map_or_else(Vec::new, |(first, last)| steps[first..=last].to_vec());
        Ok(Self { moods, tempi })
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let stats = Stats {
        figures: store.figures()?,
        agreement: store.agreement()?,
        writes: store.history_below(Path::new("/"), i64::MIN)?,
        sound: if config.describes() || arguments.png.is_some() || arguments.svg.is_some() {
            SoundFigures::of(&store, &config)?
        } else {
            SoundFigures::default()
        },
    };
    for (path, form) in [(&arguments.png, Form::Png), (&arguments.svg, Form::Svg)] {
        if let Some(path) = path {
            let Stats { figures, agreement, sound, .. } = &stats;
            let of = LibraryFigures { figures, agreement, moods: &sound.moods, tempi: &sound.tempi };
            write_whole(path, &library(&of, form)?)?;
            eprintln!("a picture to {}", display_path(path));
        }
    }
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
    let Stats { figures, agreement, writes, sound } = stats;
    let of = figures.statuses;
    let moods = sound.moods.iter().map(|(mood, tracks)| (mood.clone(), json!(tracks)));
    let tempi = sound.tempi.iter().map(|(bpm, tracks)| json!({"from": bpm, "to": bpm + TEMPO_STEP, "files": tracks}));
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
        "moods": moods.collect::<serde_json::Map<_, _>>(),
        "tempi": tempi.collect::<Vec<_>>(),
        "written": writes.collect::<serde_json::Map<_, _>>(),
    })
}

fn print(out: &mut impl Write, stats: &Stats, limit: usize) -> std::io::Result<()> {
    let Stats { figures, agreement, writes, sound } = stats;
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
    for (heading, rows) in [("mood ", sound.moods.clone()), ("tempo", tempo_rows(sound))] {
        if let Some(most) = rows.iter().map(|(_, tracks)| *tracks).max() {
            writeln!(out, "\n{heading}              files")?;
            for (name, tracks) in rows {
                let bar = graph(tracks as f64 / most.max(1) as f64);
                writeln!(out, "{}", format!("  {name:<15}  {tracks:>6}                {bar}").trim_end())?;
            }
        }
    }
    Ok(())
}

fn tempo_rows(sound: &SoundFigures) -> Vec<(String, u64)> {
    sound.tempi.iter().map(|(bpm, tracks)| (format!("{bpm} to {} BPM", bpm + TEMPO_STEP), *tracks)).collect()
}
