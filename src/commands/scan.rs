//! `reclassd scan`: the line over folders, with a progress bar on a terminal, plain lines or JSON elsewhere.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use reclassd::pipeline::{
    Action, Cancel, Line, Report, Scan, ScanRequest, Selection, Settings, Summary, count_reports,
};
use reclassd::store::TrackStatus;
use serde::Serialize;
use serde_json::Value;

use super::Outcome;
use super::interrupt::{exit_on_second_signal, stop_signal};
use super::output::{JsonPath, display_duration, display_from_here, ranking_json, round, telling};
use super::setup::{self, Common};

/// Genres of a ranking in `--json`.
const TOP: usize = 5;

#[derive(Args)]
pub struct Arguments {
    /// Folders and files; without any, [library] roots of the configuration
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write no file; analyse, remember, and say what would be written
    #[arg(long)]
    dry_run: bool,
    /// Analyse again what is already known; changes no policy
    #[arg(long)]
    force: bool,
    /// Write also into files from which a genre of ours was taken back or out; changes no policy and no choice of the owner
    #[arg(long)]
    force_write: bool,
    /// Cores to decode and compute with [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut config = arguments.common.load()?;
    setup::use_cores(&mut config, arguments.jobs);
    let roots = if arguments.paths.is_empty() {
        setup::present_roots(&config)?
    } else {
        setup::require_paths(&arguments.paths)?;
        arguments.paths.iter().map(|path| setup::canonical(path)).collect::<Result<_, _>>()?
    };
    let roots = setup::outermost(roots);
    let store = arguments.common.open_store(&config)?;
    if !arguments.json {
        super::offer::offer_musicnn(&config, &store)?;
    }
    let settings = Settings::new(&config)?.dry_run(arguments.dry_run).force(arguments.force);
    let settings = settings.force_write(arguments.force_write);
    let line = Arc::new(Line::new(&config, settings, store)?);
    if !arguments.dry_run {
        line.recover()?;
    }
    let request = ScanRequest { roots, selection: Selection::new(&config.library)? };
    // The workers, the walk and the count for the progress bar each block a thread of their own.
    let blocking = line.workers() + 8;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(blocking)
        .enable_all()
        .build()?;
    runtime.block_on(scan(line, request, arguments))
}

async fn scan(line: Arc<Line>, request: ScanRequest, arguments: &Arguments) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let cancel = Cancel::default();
    let view = View::new(arguments, &request, &cancel);
    let mut scan = Scan::start(line, request, cancel.clone());
    let mut summary = Summary::default();
    let mut failure = None;
    let mut stop = std::pin::pin!(stop_signal());
    loop {
        tokio::select! {
            signal = &mut stop, if !cancel.is_requested() => {
                signal?;
                cancel.request();
                view.note("stopping: finishing the writes in flight");
                exit_on_second_signal();
            }
            report = scan.next() => match report {
                None => break,
                // The reports in flight are counted and shown before the scan ends with this error.
                Some(Err(error)) => failure = Some(anyhow::Error::from(error)),
                Some(Ok(report)) => {
                    summary.add(&report);
                    if let Err(error) = view.show(&report) {
                        cancel.request();
                        failure = Some(error.into());
                    }
                }
            },
        }
    }
    view.finish();
    if let Some(error) = failure {
        return Err(error);
    }
    let interrupted = cancel.is_requested();
    view.summarise(&summary, started.elapsed(), interrupted)?;
    Ok(match summary.failed {
        _ if interrupted => Outcome::Interrupted,
        0 => Outcome::Done,
        _ => Outcome::SomeFailed,
    })
}

/// What the user sees while a scan runs.
struct View {
    json: bool,
    dry_run: bool,
    bar: ProgressBar,
}

impl View {
    fn new(arguments: &Arguments, request: &ScanRequest, cancel: &Cancel) -> Self {
        let bar = if std::io::stderr().is_terminal() { progress_bar(request, cancel) } else { ProgressBar::hidden() };
        Self { json: arguments.json, dry_run: arguments.dry_run, bar }
    }

    fn show(&self, report: &Report) -> std::io::Result<()> {
        self.bar.inc(1);
        if self.json {
            let line = serde_json::to_string(&JsonReport::from(report))?;
            return self.print(&line);
        }
        // A second scan of a large library should show what is new, not all that is known.
        if report.action == Action::Unchanged { Ok(()) } else { self.print(&report_line(report)) }
    }

    fn print(&self, line: &str) -> std::io::Result<()> {
        self.bar.suspend(|| writeln!(std::io::stdout().lock(), "{line}"))
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| eprintln!("reclassd: {text}"));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn summarise(&self, summary: &Summary, elapsed: Duration, interrupted: bool) -> std::io::Result<()> {
        let text = summary_text(summary, elapsed, self.dry_run, interrupted);
        // JSON on standard output is for programs: the sum is for the person beside it.
        if self.json {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            writeln!(std::io::stdout().lock(), "{text}")
        }
    }
}

fn progress_bar(request: &ScanRequest, cancel: &Cancel) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A display that cannot be written is no reason to stop a scan.
        let _ = write!(out, "{:.1} files/s", state.per_sec());
    };
    let counting = ProgressStyle::with_template("  {spinner} {pos} files  {rate}  counting the library");
    let counted = ProgressStyle::with_template("  {bar:32} {pos}/{len} files  {rate}  {eta} left");
    if let Ok(counting) = counting {
        bar.set_style(counting.with_key("rate", rate));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    // The walk that counts runs ahead of the scan and opens no file; without it there is no time left to show.
    let (roots, selection, cancel) = (request.roots.clone(), request.selection.clone(), cancel.clone());
    let ahead = bar.clone();
    tokio::task::spawn_blocking(move || {
        let total = count_reports(&roots, &selection, &cancel);
        ahead.set_length(total);
        if let Ok(counted) = counted {
            ahead.set_style(counted.with_key("rate", rate).progress_chars("█▉▊▋▌▍▎▏ "));
        }
    });
    bar
}

fn report_line(report: &Report) -> String {
    let word = match (report.status, report.action) {
        (TrackStatus::Tagged, Action::WouldWrite) => style("would tag").cyan(),
        (TrackStatus::Tagged, _) => style("tagged").green(),
        (TrackStatus::Kept, _) => style("kept").dim(),
        (TrackStatus::Unsure, _) => style("unsure").yellow(),
        (TrackStatus::Skipped, _) => style("skipped").magenta(),
        (TrackStatus::Failed, _) => style("failed").red().bold(),
    };
    let genre = match (&report.genre, report.confidence) {
        (Some(genre), Some(confidence)) => format!("{genre:<14}  {confidence:.2}"),
        _ => String::new(),
    };
    let reason = match report.status {
        TrackStatus::Unsure => telling(report.reason.as_deref()),
        _ => report.reason.as_deref(),
    };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{word:<9}  {genre:<20}  {}{reason}", display_from_here(&report.path))
}

/// The object that `--json` prints of a file.
#[derive(Serialize)]
struct JsonReport<'a> {
    #[serde(flatten)]
    path: JsonPath<'a>,
    status: &'static str,
    genre: Option<&'a str>,
    confidence: Option<f64>,
    top: Value,
    action: &'static str,
    reason: Option<&'a str>,
    elapsed_ms: f64,
}

impl<'a> From<&'a Report> for JsonReport<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            path: report.path.as_path().into(),
            status: report.status.as_str(),
            genre: report.genre.as_deref(),
            confidence: report.confidence.map(round),
            top: ranking_json(&report.ranking, TOP),
            action: report.action.as_str(),
            reason: report.reason.as_deref(),
            elapsed_ms: report.elapsed.as_micros() as f64 / 1000.0,
        }
    }
}

fn summary_text(summary: &Summary, elapsed: Duration, dry_run: bool, interrupted: bool) -> String {
    let total = summary.total();
    let rate = total as f64 / elapsed.as_secs_f64().max(1e-3);
    let stopped = if interrupted { "stopped after " } else { "" };
    let tagged = if dry_run {
        format!("{} to be tagged, {} tagged", summary.written, summary.tagged.saturating_sub(summary.written))
    } else {
        format!("{} tagged", summary.tagged)
    };
    let plural = if total == 1 { "" } else { "s" };
    let mut text = format!(
        "{stopped}{total} file{plural} in {} ({rate:.1} files/s): {tagged}, {} kept, {} unsure, {} skipped, {} failed",
        display_duration(elapsed),
        summary.kept,
        summary.unsure,
        summary.skipped,
        summary.failed,
    );
    let mut notes = Vec::new();
    if dry_run {
        notes.push("dry run: no file was touched".to_owned());
    }
    if summary.unchanged > 0 {
        notes.push(format!("{} unchanged since the last scan", summary.unchanged));
    }
    if summary.unsure > 0 {
        notes.push("`reclassd review` lists the unsure ones".to_owned());
    }
    if !notes.is_empty() {
        text = format!("{text}\n{}", notes.join("; "));
    }
    text
}
