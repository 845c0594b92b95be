//! `reclassd evaluate`: how good the program is on files whose genre is known. It writes no tag; the figures are the
//! library's (`evaluation`), here are arguments, the progress bar and where the results go.

mod json;
mod matrix;
mod report;

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reclassd::config::Config;
use reclassd::evaluation::{
    Candidate, Collection, Figures, LabelList, LabelListError, LeftOut, MemberFigures, SetFigures, Truth, album_of,
    listen, plot,
};
use reclassd::genre::Taxonomy;
use reclassd::pipeline::{Cancel, Found, Line, Selection, Settings};

use super::output::{display_path, write_whole};
use super::setup::{self, Common};
use super::{Outcome, WrongUse, interrupt};

#[derive(Args)]
#[command(group = ArgGroup::new("truth").required(true).args(["labels", "from_tags"]))]
pub struct Arguments {
    /// With --labels: the folder that the paths in the list start from [default: the list's own];
    /// with --from-tags: folders and files [default: the configured roots]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Take the genres from this CSV file: columns `path`, `labels` or `genre`, and optionally `artist`, `split`
    #[arg(long, value_name = "FILE.csv")]
    labels: Option<PathBuf>,
    /// Take the genres from the files' own tags; those that reclassd wrote do not count
    #[arg(long)]
    from_tags: bool,
    /// Only the lines of the list that belong to this split
    #[arg(long, value_name = "NAME", conflicts_with = "from_tags")]
    split: Option<String>,
    /// Show each model's own figures beside the vote's
    #[arg(long)]
    per_member: bool,
    /// Write everything to this file as JSON, each file's labels and verdict included
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw a picture of the figures into this file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Files worked on at the same time [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    #[command(flatten)]
    common: Common,
}

/// What is compared with, in words: for the report and the JSON.
pub struct Source {
    /// "labels of clips.csv, split valid"
    what: String,
    /// "artist" or "album": what a group of the bootstrap is.
    group: &'static str,
    /// How groups were found, where that needs a word.
    group_note: Option<String>,
    /// Lines of other splits.
    other_splits: usize,
}

/// Everything that was found, ready to be shown.
pub struct Results<'a> {
    source: &'a Source,
    collection: &'a Collection,
    figures: &'a Figures,
    /// Each model's figures; empty unless asked for.
    members: &'a [MemberFigures],
    /// The figures of each collection of the list, the worst first; empty where it names none.
    sets: &'a [SetFigures],
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut config = arguments.common.load()?;
    setup::use_cores(&mut config, arguments.jobs);
    let taxonomy = Taxonomy::builtin()?;
    for file in arguments.json.iter().chain(&arguments.png) {
        require_place_for(file)?;
    }
    let mut collection = Collection::default();
    let (source, candidates) = match &arguments.labels {
        Some(list) => from_labels(list, arguments, &taxonomy, &mut collection)?,
        None => from_tags(&arguments.paths, &config, &mut collection)?,
    };
    let line = Line::new(&config, Settings::new(&config)?, arguments.common.open_store(&config)?)?;
    let total = candidates.len();
    if let Heard::Stopped(done) = hear_all(&line, &taxonomy, candidates, &mut collection)? {
        eprintln!(
            "reclassd: stopped after {done} of {total} files; what was analysed is remembered: run it again to go on"
        );
        return Ok(Outcome::Interrupted);
    }
    collection.sort();
    let Some(figures) = Figures::of(&collection, &taxonomy, config.tags.min_confidence) else {
        write!(std::io::stdout().lock(), "{}", report::left_out(&collection, &source))?;
        bail!("{}: no file is left to compare with", source.what);
    };
    let members = if arguments.per_member { MemberFigures::of_all(&collection, &taxonomy) } else { Vec::new() };
    let sets = SetFigures::of_all(&collection, &taxonomy, config.tags.min_confidence);
    let results =
        Results { source: &source, collection: &collection, figures: &figures, members: &members, sets: &sets };
    write!(std::io::stdout().lock(), "{}", report::text(&results))?;
    if let Some(path) = &arguments.json {
        let judged = collection.judge_vote(&collection.judge(&taxonomy));
        write_whole(path, (serde_json::to_string_pretty(&json::value(&results, &judged))? + "\n").as_bytes())?;
    }
    if let Some(path) = &arguments.png {
        write_whole(path, &plot::png(&figures, &format!("reclassd against the {}", source.what))?)?;
    }
    let failed = collection.left_out().iter().any(|(_, reason)| reason.is_failure());
    Ok(if failed { Outcome::SomeFailed } else { Outcome::Done })
}

/// The candidates of a list of labels.
fn from_labels(
    list: &Path,
    arguments: &Arguments,
    taxonomy: &Taxonomy,
    collection: &mut Collection,
) -> anyhow::Result<(Source, Vec<Candidate>)> {
    let folder = match arguments.paths.as_slice() {
        [] => list.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        [folder] if folder.is_dir() => folder,
        [other] => return Err(WrongUse(format!("{}: is no folder", display_path(other))).into()),
        _ => return Err(WrongUse("with --labels, name one folder at the most".to_owned()).into()),
    };
    let split = arguments.split.as_deref();
    let read = LabelList::read(list, &setup::canonical(folder)?, split, taxonomy).map_err(|error| match error {
        LabelListError::Io { .. } => anyhow::Error::from(WrongUse(error.to_string())),
        error => WrongUse(error.to_string()).into(),
    })?;
    for (path, reason) in read.left_out {
        collection.leave_out(path, reason);
    }
    collection.add_unknown(&read.unknown);
    let (group, group_note) = match &read.group_column {
        Some(column) if read.grouped_by_album == 0 => ("artist", Some(format!("column `{column}`"))),
        Some(column) => {
            let count = read.grouped_by_album;
            ("artist", Some(format!("column `{column}`; {count} files without one are grouped by their album folder")))
        }
        None => {
            let note = "the list has no column `artist`: the files of one folder count as one album";
            ("album", Some(note.to_owned()))
        }
    };
    let name = list.file_name().map(|name| display_path(Path::new(name))).unwrap_or_default();
    let split = split.map(|split| format!(", split {split}")).unwrap_or_default();
    let source =
        Source { what: format!("labels of {name}{split}"), group, group_note, other_splits: read.other_splits };
    Ok((source, read.candidates))
}

/// The candidates of an owner's tagged library. The figures hold a clip of each file in the end, so that the list of
/// paths does not decide how much memory this takes.
fn from_tags(
    paths: &[PathBuf],
    config: &Config,
    collection: &mut Collection,
) -> anyhow::Result<(Source, Vec<Candidate>)> {
    if paths.is_empty() && config.library.roots.is_empty() {
        let what = "no folder to evaluate: name one (`reclassd evaluate --from-tags ~/Music`), or set [library] roots in the configuration";
        return Err(WrongUse(what.to_owned()).into());
    }
    let roots = if paths.is_empty() {
        setup::present_roots(config)?
    } else {
        setup::require_paths(paths)?;
        paths.iter().map(|path| setup::canonical(path)).collect::<Result<_, _>>()?
    };
    let selection = Selection::new(&config.library)?;
    let (mut candidates, mut seen) = (Vec::new(), BTreeSet::new());
    for found in setup::outermost(roots).iter().flat_map(|root| selection.walk(root)) {
        match found {
            // A file is one file, by whatever names the walk came to it.
            Found::Candidate(path) => {
                if std::fs::canonicalize(&path).is_ok_and(|target| !seen.insert(target)) {
                    continue;
                }
                candidates.push(Candidate { group: album_of(&path), set: String::new(), path, truth: Truth::InTags });
            }
            Found::Obstacle { path, obstacle } => collection.leave_out(path, LeftOut::Unreadable(obstacle.to_string())),
        }
    }
    let group_note = Some("the files of one folder count as one album".to_owned());
    let what = "genres in the files' tags".to_owned();
    Ok((Source { what, group: "album", group_note, other_splits: 0 }, candidates))
}

/// How far the candidates were heard.
enum Heard {
    All,
    /// The user stopped it after so many.
    Stopped(usize),
}

/// Asks the line about every candidate, with a progress bar on a terminal.
fn hear_all(
    line: &Line,
    taxonomy: &Taxonomy,
    candidates: Vec<Candidate>,
    collection: &mut Collection,
) -> anyhow::Result<Heard> {
    let cancel = Cancel::default();
    let bar = progress_bar(candidates.len())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (asked, shown) = (cancel.clone(), bar.clone());
    runtime.spawn(async move {
        if interrupt::stop_signal().await.is_ok() {
            asked.request();
            shown.suspend(|| eprintln!("reclassd: stopping: finishing the files in flight"));
            interrupt::exit_on_second_signal();
        }
    });
    let mut done = 0;
    let heard = listen(line, taxonomy, candidates.into_iter(), &cancel, |finding| {
        done += 1;
        bar.inc(1);
        collection.add(finding);
    });
    bar.finish_and_clear();
    runtime.shutdown_background();
    heard?;
    Ok(if cancel.is_requested() { Heard::Stopped(done) } else { Heard::All })
}

fn progress_bar(total: usize) -> anyhow::Result<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr_with_hz(8));
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} files  {eta} left")?;
    bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    bar.enable_steady_tick(Duration::from_millis(250));
    Ok(bar)
}

/// A result that cannot be written should be noticed before the work is done.
fn require_place_for(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(WrongUse(format!("{}: there is no such folder", display_path(folder))).into());
    }
    if file.is_dir() {
        return Err(WrongUse(format!("{}: is a folder; name a file", display_path(file))).into());
    }
    Ok(())
}
