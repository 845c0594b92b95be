//! `reclassd status`: how the service stands, from what it left beside the database, and what the database holds of each root.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use reclassd::config::Config;
use reclassd::daemon::{self, Status};
use reclassd::inference::learned_folder;
use reclassd::learning::Generations;
use reclassd::store::StatusCounts;
use reclassd::watch::RootStatus;
use serde::Serialize;

use super::output::{display_duration, display_path};
use super::setup::Common;
use super::{Outcome, fold};

#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// What is printed, and the object of `--json`.
#[derive(Serialize)]
struct Report {
    database: String,
    database_is_there: bool,
    running: bool,
    pid: Option<u32>,
    /// How many folders the kernel lets a user watch, all programs together.
    watch_limit: Option<u64>,
    /// The generation of what was learned from the library that votes.
    learned: Option<u32>,
    service: Option<Status>,
    roots: Vec<RootReport>,
}

#[derive(Serialize)]
struct RootReport {
    #[serde(flatten)]
    status: RootStatus,
    files: StatusCounts,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let database = &arguments.common.database(&config)?;
    let service = Status::read(database)?;
    // The lock may have been deleted under a service that runs.
    let alive = service.as_ref().filter(|service| service.is_of_a_living_service()).map(|service| service.pid);
    let pid = daemon::holder(database).or(alive);
    // Asking is no reason to make a database in the place of one that is gone.
    let store = database.exists().then(|| arguments.common.open_store(&config)).transpose()?;
    let statuses = match &service {
        Some(service) => service.watch.roots.clone(),
        None => configured(&config),
    };
    let roots = statuses.into_iter().map(|status| {
        let files = store.as_ref().map(|store| store.count_below(&status.real)).transpose()?.unwrap_or_default();
        Ok(RootReport { status, files })
    });
    let report = Report {
        database: display_path(database),
        database_is_there: store.is_some(),
        running: pid.is_some(),
        pid,
        watch_limit: watch_limit(),
        learned: Generations::new(learned_folder(database)).current(),
        roots: roots.collect::<anyhow::Result<_>>()?,
        service,
    };
    let mut out = std::io::BufWriter::new(fold::stdout());
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        print(&mut out, &report)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The roots of a service that never ran.
fn configured(config: &Config) -> Vec<RootStatus> {
    let status = |root: &std::path::PathBuf| RootStatus {
        path: root.clone(),
        real: std::fs::canonicalize(root).unwrap_or_else(|_| root.clone()),
        away: (!root.is_dir()).then(|| "is not there: is its disk mounted?".to_owned()),
        polled: None,
        compared_at: None,
    };
    config.library.roots.iter().map(status).collect()
}

fn watch_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?.trim().parse().ok()
}

fn ago(moment: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{} ago", display_duration(Duration::from_secs(now.saturating_sub(moment))))
}

fn print(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    let mut line = |name: &str, value: String| writeln!(out, "{name:<13}{value}");
    let service = report.service.as_ref();
    match (report.pid, service) {
        (Some(pid), Some(service)) => {
            let state = match &service.resting {
                Some(why) => format!("resting: {why}"),
                None => service.state.clone(),
            };
            line("service", format!("{state} (process {pid}, started {})", ago(service.started_at)))?;
            if let Some(trouble) = &service.trouble {
                line("trouble", trouble.clone())?;
            }
        }
        (Some(pid), None) => line("service", format!("starting (process {pid})"))?,
        (None, Some(service)) if service.state == "stopped" => {
            let why = service.trouble.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            line("service", format!("not running, stopped {}{why}", ago(service.written_at)))?;
        }
        (None, Some(service)) => line("service", format!("not running, cut off after {}", ago(service.written_at)))?,
        (None, None) => line("service", "not running, and never did with this database".to_owned())?,
    }
    if let Some(generation) = report.learned {
        line("learned", format!("generation {generation} of what this library taught votes"))?;
    }
    let missing = if report.database_is_there { "" } else { " (not there)" };
    line("database", format!("{}{missing}", report.database))?;
    if let Some(service) = service {
        let counts = &service.counts;
        let when = if report.running { "since start" } else { "in its time" };
        line(
            when,
            format!(
                "{} looked at: {} written, {} unsure, {} skipped, {} failed",
                counts.seen, counts.written, counts.unsure, counts.skipped, counts.failed
            ),
        )?;
    }
    // What is in memory or in work is nothing that a process which has ended could say.
    if let Some(service) = service.filter(|_| report.running) {
        let watch = &service.watch;
        line(
            "queue",
            format!(
                "{} waiting until nobody has written to them for a while, {} ready, {} being worked on; {:.1} files/s over the last minute",
                watch.waiting, service.queued, service.working, service.rate
            ),
        )?;
        let limit = report.watch_limit.map(|limit| format!(" of {limit} that the kernel allows")).unwrap_or_default();
        line("watches", format!("{}{limit}", watch.watches))?;
        line("models", if service.models_loaded { "in memory" } else { "unloaded until needed" }.to_owned())?;
        if let Some(folder) = &watch.comparing {
            line("comparing", display_path(folder))?;
        }
    }
    for root in &report.roots {
        print_root(out, root, report.running)?;
    }
    let gone: u64 = report.roots.iter().map(|root| root.files.gone).sum();
    if gone > 0 {
        writeln!(out, "             gone: deleted or moved out; a file that was only renamed is not among them")?;
    }
    for error in service.map(|service| service.last_errors.as_slice()).unwrap_or_default() {
        writeln!(out, "error        {}: {}: {}", ago(error.at), display_path(Path::new(&error.path)), error.reason)?;
    }
    Ok(())
}

fn print_root(out: &mut impl Write, root: &RootReport, running: bool) -> std::io::Result<()> {
    let RootReport { status, files } = root;
    let was_never_there = status.compared_at.is_none() && *files == StatusCounts::default();
    let how = match (&status.away, &status.polled) {
        (Some(_), _) if was_never_there => "has never been there: is the path right?".to_owned(),
        (Some(why), _) => format!("away: {why}"),
        _ if !running => "not watched now".to_owned(),
        (None, Some(why)) => format!("polled: {why}"),
        (None, None) => "watched".to_owned(),
    };
    let compared = status.compared_at.map(|at| format!(", compared {}", ago(at))).unwrap_or_default();
    writeln!(out, "root         {} ({how}{compared})", display_path(&status.path))?;
    if was_never_there && status.away.is_some() {
        return Ok(());
    }
    writeln!(
        out,
        "             {} tagged, {} kept, {} unsure, {} skipped, {} failed, {} gone",
        files.tagged, files.kept, files.unsure, files.skipped, files.failed, files.gone
    )
}
