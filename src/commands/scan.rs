//! `reclassd scan`: the line over folders, with a progress bar on a terminal, plain lines or JSON elsewhere.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use reclassd::config::Config;
use reclassd::descriptors::Descriptors;
use reclassd::learning;
use reclassd::pipeline::{
    Action, Cancel, Fate, Line, Report, Scan, ScanRequest, Selection, Settings, Summary, WaitsFor, count_reports,
};
use reclassd::store::{Store, TrackStatus};
use serde::Serialize;
use serde_json::{Value, json};

use super::interrupt::{exit_on_second_signal, stop_signal};
use super::output::{JsonPath, display_duration, display_from_here, ranking_json, round, telling};
use super::setup::{self, Common};
use super::{Outcome, fold, global_options, offer};

/// Nobody is made to wait longer than this at the end of a scan; where files have to be still for longer, they are left to the next one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Files that are put off at the most, until they are still; what is beyond that is left for the next scan.
const UNSETTLED: usize = 10_000;
/// Genres of a ranking in `--json`.
const TOP: usize = 5;

#[derive(Args)]
pub struct Arguments {
    /// Folders and files; without any, [library] roots of the configuration
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write no file; analyse, remember, and say what would be written
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Analyse again what is already known; changes no policy
    #[arg(long)]
    force: bool,
    /// Write also into files from which a genre of ours was taken back or out; changes no policy and no choice of the owner
    #[arg(long)]
    force_write: bool,
    /// Give the tracks of an album one genre together, as [ensemble] album does; files that were judged alone are judged again
    #[arg(long)]
    album: bool,
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
    config.ensemble.album |= arguments.album;
    let roots = if arguments.paths.is_empty() {
        setup::present_roots(&config)?
    } else {
        setup::require_paths(&arguments.paths)?;
        arguments.paths.iter().map(|path| setup::canonical(path)).collect::<Result<_, _>>()?
    };
    let roots = setup::outermost(roots);
    let store = Arc::new(arguments.common.open_store(&config)?);
    let hint = if arguments.json { None } else { offer::musicnn(&config, &store)? };
    let settings = Settings::new(&config)?.dry_run(arguments.dry_run).force(arguments.force);
    let settings = settings.force_write(arguments.force_write);
    let line = Arc::new(Line::new(&config, settings, Arc::clone(&store))?);
    if !arguments.dry_run {
        line.recover()?;
    }
    let request = ScanRequest { roots, selection: Selection::new(&config.library)? };
    let settle = Duration::from_secs(config.library.settle_seconds.into());
    // The workers, the walk and the count for the progress bar each block a thread of their own.
    let blocking = line.workers() + 8;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(blocking)
        .enable_all()
        .build()?;
    let (outcome, is_more_unsure) = runtime.block_on(scan(line, request, settle, arguments))?;
    if is_more_unsure && !arguments.dry_run {
        give_turns(&store, &config);
    }
    // After the first result, or another time.
    if let Some(hint) = hint.filter(|_| outcome != Outcome::Interrupted) {
        hint.say(&store)?;
    }
    Ok(outcome)
}

/// Sees to what is asked about first in review. A scan does not fail by it.
fn give_turns(store: &Store, config: &Config) {
    if let Err(error) = learning::give_turns(store, config) {
        tracing::debug!("review keeps its order: {error:#}");
    }
}

async fn scan(
    line: Arc<Line>,
    request: ScanRequest,
    settle: Duration,
    arguments: &Arguments,
) -> anyhow::Result<(Outcome, bool)> {
    let started = Instant::now();
    let cancel = Cancel::default();
    let view = View::new(arguments, &request, &cancel);
    let mut run = Run { view, cancel, summary: Summary::default(), failure: None, unsettled: Vec::new() };
    let mut stop = std::pin::pin!(stop_signal());
    let selection = request.selection.clone();
    let first = Scan::start(Arc::clone(&line), request, run.cancel.clone());
    run.go(first, &mut stop, settle <= LONGEST_WAIT).await?;
    let unsettled = std::mem::take(&mut run.unsettled);
    let waited = Instant::now();
    let wait = if unsettled.is_empty() { Duration::ZERO } else { run.wait(unsettled.len(), settle, &mut stop).await? };
    let waited = waited.elapsed().min(wait);
    if run.cancel.is_requested() {
        unsettled.iter().for_each(|report| run.take(report));
    } else if !unsettled.is_empty() {
        let roots = unsettled.into_iter().map(|report| report.path).collect();
        let again = Scan::start(line, ScanRequest { roots, selection }, run.cancel.clone());
        run.go(again, &mut stop, false).await?;
    }
    let Run { view, cancel, summary, failure, .. } = run;
    view.finish();
    if let Some(error) = failure {
        return Err(error);
    }
    let interrupted = cancel.is_requested();
    view.summarise(&summary, started.elapsed().saturating_sub(waited), interrupted)?;
    let outcome = match summary.count(Fate::Failed) {
        _ if interrupted => Outcome::Interrupted,
        0 => Outcome::Done,
        _ => Outcome::SomeFailed,
    };
    Ok((outcome, !interrupted && summary.count(Fate::Unsure) > 0))
}

/// A run of the scan: what it showed, counted and put off.
struct Run {
    view: View,
    cancel: Cancel,
    summary: Summary,
    failure: Option<anyhow::Error>,
    /// Files that were written to a moment ago: they are looked at once more at the end.
    unsettled: Vec<Report>,
}

impl Run {
    /// Takes the reports of a scan until it ends; those of files that are still being written are put off, if they may be.
    async fn go(
        &mut self,
        mut scan: Scan,
        stop: &mut std::pin::Pin<&mut impl Future<Output = std::io::Result<()>>>,
        puts_off: bool,
    ) -> std::io::Result<()> {
        loop {
            tokio::select! {
                signal = &mut *stop, if !self.cancel.is_requested() => {
                    signal?;
                    self.stop("stopping: finishing the writes in flight");
                }
                report = scan.next() => match report {
                    None => return Ok(()),
                    // The reports in flight are counted and shown before the scan ends with this error.
                    Some(Err(error)) => self.failure = Some(anyhow::Error::from(error)),
                    Some(Ok(report)) if puts_off && self.may_wait(&report) => self.unsettled.push(report),
                    Some(Ok(report)) => self.take(&report),
                },
            }
        }
    }

    fn may_wait(&self, report: &Report) -> bool {
        let waits = report.waits_for == Some(WaitsFor::Stillness) && !self.view.dry_run;
        waits && self.unsettled.len() < UNSETTLED && !self.cancel.is_requested()
    }

    fn take(&mut self, report: &Report) {
        self.summary.add(report);
        if let Err(error) = self.view.show(report) {
            self.cancel.request();
            self.failure = Some(error.into());
        }
    }

    fn stop(&self, what: &str) {
        self.cancel.request();
        self.view.note(what);
        exit_on_second_signal();
    }

    /// Waits until files that changed a moment ago should be still, unless the user has enough of it. Says how long that was to be.
    async fn wait(
        &self,
        files: usize,
        settle: Duration,
        stop: &mut std::pin::Pin<&mut impl Future<Output = std::io::Result<()>>>,
    ) -> std::io::Result<Duration> {
        if self.cancel.is_requested() {
            return Ok(Duration::ZERO);
        }
        let what = if files == 1 { "one file".to_owned() } else { format!("{files} files") };
        let seconds = settle.as_secs();
        self.view.note(&format!("{what} changed a moment ago: waiting {seconds} s for what may still be being copied"));
        tokio::select! {
            signal = &mut *stop => {
                signal?;
                self.stop("stopping: they are left for the next scan");
            }
            // Their times are those of a clock that may be coarser than ours.
            () = tokio::time::sleep(settle + Duration::from_millis(20)) => {}
        }
        Ok(settle)
    }
}

/// What the user sees while a scan runs.
struct View {
    json: bool,
    dry_run: bool,
    bar: ProgressBar,
    /// Disks without room, by device number: one of their files was shown.
    full: HashSet<u64>,
    /// Files that were not, for the same reason.
    without_room: u64,
}

impl View {
    fn new(arguments: &Arguments, request: &ScanRequest, cancel: &Cancel) -> Self {
        let bar = if std::io::stderr().is_terminal() && !global_options::quiet() {
            progress_bar(request, cancel)
        } else {
            ProgressBar::hidden()
        };
        Self { json: arguments.json, dry_run: arguments.dry_run, bar, full: HashSet::new(), without_room: 0 }
    }

    fn show(&mut self, report: &Report) -> std::io::Result<()> {
        self.bar.inc(1);
        if self.json {
            let line = serde_json::to_string(&JsonReport::from(report))?;
            return self.print(&line);
        }
        if let Some(WaitsFor::Room { device, .. }) = report.waits_for
            && !self.full.insert(device)
        {
            // One line says it of all.
            self.without_room += 1;
            return Ok(());
        }
        // A second scan of a large library should show what is new, not all that is known.
        let is_shown = match report.fate() {
            Fate::Failed => report.action != Action::Unchanged || global_options::verbose(),
            Fate::Unchanged => global_options::verbose(),
            _ => !global_options::quiet(),
        };
        if is_shown { self.print(&report_line(report)) } else { Ok(()) }
    }

    fn print(&self, line: &str) -> std::io::Result<()> {
        self.bar.suspend(|| writeln!(fold::stdout(), "{line}"))
    }

    fn note(&self, text: &str) {
        if global_options::quiet() {
            return;
        }
        self.bar.suspend(|| eprintln!("{}", fold::for_stderr(&format!("reclassd: {text}"))));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn summarise(&self, summary: &Summary, elapsed: Duration, interrupted: bool) -> std::io::Result<()> {
        let mut text = summary_text(summary, elapsed, self.dry_run, interrupted);
        if self.without_room > 0 {
            text =
                format!("{text}\n{} more failed for want of room: free some space and scan again", self.without_room);
        }
        if self.json {
            writeln!(std::io::stdout().lock(), "{}", json!({"summary": summary_json(summary, elapsed, interrupted)}))?;
        }
        match (global_options::quiet(), self.json) {
            (true, _) => Ok(()),
            // JSON on standard output is for programs: the sentence is for the person beside it.
            (_, true) => writeln!(std::io::stderr().lock(), "{text}"),
            (_, false) => writeln!(fold::stdout(), "{text}"),
        }
    }
}

fn progress_bar(request: &ScanRequest, cancel: &Cancel) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A display that cannot be written is no reason to stop a scan.
        let _ = write!(out, "{:.1} files/s", state.per_sec());
    };
    // What stands beside the bar takes up to 50 cells; on a narrow terminal the bar has what is left, and less is said.
    let columns = console::Term::stderr().size_checked().map_or(80, |(_, columns)| columns);
    let (counting, counted) = match columns {
        ..40 => ("  {pos} files", "  {pos}/{len} files"),
        40..84 => ("  {spinner} {pos} files  {rate}", "  {wide_bar} {pos}/{len}  {rate}  {eta} left"),
        _ => (
            "  {spinner} {pos} files  {rate}  counting the library",
            "  {bar:32} {pos}/{len} files  {rate}  {eta} left",
        ),
    };
    let (counting, counted) = (ProgressStyle::with_template(counting), ProgressStyle::with_template(counted));
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
    let gets_genre = report.status == TrackStatus::Tagged;
    let word = match report.fate() {
        Fate::Written if gets_genre => style("tagged").green(),
        Fate::Written => style("marked").green(),
        Fate::WouldWrite if gets_genre => style("would tag").cyan(),
        Fate::WouldWrite => style("would mark").cyan(),
        Fate::HasOurs => style("has ours").dim(),
        Fate::Kept => style("kept").dim(),
        Fate::Unsure => style("unsure").yellow(),
        Fate::Skipped => style("skipped").magenta(),
        Fate::Failed => style("failed").red().bold(),
        Fate::Unchanged => style("unchanged").dim(),
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
    format!("{word:<10}  {genre:<20}  {}{reason}", display_from_here(&report.path))
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
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptors: Option<Value>,
    action: &'static str,
    outcome: &'static str,
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
            descriptors: report.descriptors.as_ref().map(Descriptors::to_json),
            action: report.action.as_str(),
            outcome: report.fate().as_str(),
            reason: report.reason.as_deref(),
            elapsed_ms: report.elapsed.as_micros() as f64 / 1000.0,
        }
    }
}

fn summary_text(summary: &Summary, elapsed: Duration, dry_run: bool, interrupted: bool) -> String {
    let total = summary.total();
    let rate = total as f64 / elapsed.as_secs_f64().max(1e-3);
    let stopped = if interrupted { "stopped after " } else { "" };
    let (what, done) = if dry_run { ("would be written", Fate::WouldWrite) } else { ("written", Fate::Written) };
    let mut counts = vec![format!("{} {what}", summary.count(done))];
    for (fate, word) in [
        (Fate::HasOurs, "had our genre"),
        (Fate::Kept, "kept"),
        (Fate::Unsure, "unsure"),
        (Fate::Skipped, "skipped"),
        (Fate::Failed, "failed"),
        (Fate::Unchanged, "unchanged"),
    ] {
        let count = summary.count(fate);
        if count > 0 || !matches!(fate, Fate::HasOurs | Fate::Unchanged) {
            counts.push(format!("{count} {word}"));
        }
    }
    let plural = if total == 1 { "" } else { "s" };
    let (elapsed, counts) = (display_duration(elapsed), counts.join(", "));
    let mut lines = vec![format!("{stopped}{total} file{plural} in {elapsed} ({rate:.1} files/s): {counts}")];
    if summary.count(Fate::Unchanged) > 0 {
        let known = summary.known;
        let parts = [
            (known.ours, "with our genre"),
            (known.kept, "kept"),
            (known.unsure, "unsure"),
            (known.skipped, "skipped"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        lines.push(format!("unchanged since an earlier scan: {}", parts.collect::<Vec<_>>().join(", ")));
    }
    let mut notes = Vec::new();
    if dry_run {
        notes.push("dry run: no file was touched");
    }
    if summary.count(Fate::Unsure) + summary.known.unsure > 0 {
        notes.push("`reclassd review` lists the unsure ones");
    }
    if !notes.is_empty() {
        lines.push(notes.join("; "));
    }
    lines.join("\n")
}

/// The sum for programs: every count of what the run did, and how the unchanged files stand.
fn summary_json(summary: &Summary, elapsed: Duration, interrupted: bool) -> Value {
    let mut object = json!({"files": summary.total()});
    for fate in Fate::ALL {
        object[fate.as_str().replace('-', "_")] = json!(summary.count(fate));
    }
    let known = summary.known;
    object["unchanged_files"] =
        json!({"has_ours": known.ours, "kept": known.kept, "unsure": known.unsure, "skipped": known.skipped});
    object["elapsed_ms"] = json!(elapsed.as_millis() as u64);
    object["interrupted"] = json!(interrupted);
    object
}
