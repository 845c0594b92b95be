//! `reclassd import`: records of elsewhere into the database, after which a scan need not listen to what they are of.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context;
use clap::Args;
use rayon::prelude::*;
use reclassd::records::{Line, Lines, Record};
use reclassd::store::TakenIn;
use serde_json::json;

use super::output::display_path;
use super::setup::Common;
use super::{Outcome, WrongUse};

/// Records that are taken in at once: all of them, or none.
const BATCH: usize = 512;
/// What `analyze` and `export` call their files, whole and unfinished.
const ENDINGS: [&str; 2] = ["jsonl", "part"];

#[derive(Args)]
pub struct Arguments {
    /// Files of records, folders of such files, or `-` for standard input
    #[arg(value_name = "RECORDS", required = true)]
    records: Vec<PathBuf>,
    /// Print the numbers as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Lines of one file that were read, each a record or why it is none.
struct Batch {
    records: Vec<Record>,
    refused: Vec<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let files = files(&arguments.records)?;
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let (batches_in, batches) = sync_channel(2);
    let mut all = TakenIn::default();
    let mut refused = 0;
    // Lines become records while those before them are taken in.
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let reader = scope.spawn(|| read_all(&files, batches_in));
        for Batch { records, refused: lines } in batches {
            let taken = store.take_in(&records)?;
            all.new += taken.new;
            all.known += taken.known;
            all.empty += taken.empty;
            refused += lines.len();
            lines.iter().for_each(|line| eprintln!("reclassd: {line}"));
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    let TakenIn { new, known, empty } = all;
    if arguments.json {
        println!(
            "{}",
            json!({ "summary": { "new": new, "known": known, "without_sound": empty, "refused": refused } })
        );
    } else {
        println!(
            "{new} records taken in, {known} known already, {empty} of files that could not be read, {refused} refused"
        );
    }
    Ok(if refused == 0 { Outcome::Done } else { Outcome::SomeFailed })
}

/// The files that were named, and those in named folders, in the order of their names.
fn files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if path == Path::new("-") || !path.is_dir() {
            if path != Path::new("-") {
                super::setup::require_paths(std::slice::from_ref(path))?;
            }
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| display_path(path))? {
            let entry = entry.with_context(|| display_path(path))?.path();
            match entry.extension().and_then(|ending| ENDINGS.iter().find(|known| ending == **known)) {
                Some(&"jsonl") => found.push(entry),
                Some(_) => eprintln!("{}: is not whole, and is left out", display_path(&entry)),
                None => {}
            }
        }
        if found.is_empty() {
            return Err(WrongUse(format!("{}: there is no file of records in it (.jsonl)", display_path(path))).into());
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// Sends what the files hold; ends where nobody takes it any more.
fn read_all(files: &[PathBuf], batches: SyncSender<Batch>) -> anyhow::Result<()> {
    for path in files {
        let reader: Box<dyn BufRead> = match path == Path::new("-") {
            true => Box::new(std::io::stdin().lock()),
            false => Box::new(BufReader::with_capacity(1 << 20, File::open(path).with_context(|| display_path(path))?)),
        };
        let mut lines = Lines::new(reader);
        loop {
            let some =
                lines.by_ref().take(BATCH).collect::<Result<Vec<Line>, _>>().with_context(|| display_path(path))?;
            if some.is_empty() {
                break;
            }
            let read = |line: Line| {
                let number = line.number;
                line.record().map_err(|error| format!("{}:{number}: {error}", display_path(path)))
            };
            let (records, refused): (Vec<_>, Vec<_>) =
                some.into_par_iter().map(read).collect::<Vec<_>>().into_iter().partition(Result::is_ok);
            let records = records.into_iter().flatten().collect();
            let refused = refused.into_iter().filter_map(Result::err).collect();
            if batches.send(Batch { records, refused }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
