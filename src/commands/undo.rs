//! `reclassd undo`: take back what was written into files, the last write of each, those since a moment, or all.

use std::path::{Path, PathBuf};

use clap::Args;
use reclassd::config::Config;
use reclassd::pipeline::{ByHand, Cancel, HandError};
use reclassd::store::Depth;

use super::by_hand::{self, Tally, Words};
use super::interrupt::cancel_on_signal;
use super::setup::{self, Common};
use super::since;
use super::{Outcome, WrongUse};

/// Files that are asked for from the database at once.
const PAGE: usize = 500;

#[derive(Args)]
pub struct Arguments {
    /// Files and folders; without any, all that --since or --all concern
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Take back every write since this moment: "2h", "3 days", "yesterday", "2026-11-24 18:00"
    #[arg(long, value_name = "TIME", conflicts_with = "all")]
    since: Option<String>,
    /// Take back every write ever, instead of the last one of each file
    #[arg(long)]
    all: bool,
    /// Write nothing; say what would be taken back
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let depth = match &arguments.since {
        Some(text) => Depth::Since(since::seconds(text)?),
        None if arguments.all => Depth::All,
        None if arguments.paths.is_empty() => {
            let what = "which files? name some, or say --since TIME or --all";
            return Err(WrongUse(what.to_owned()).into());
        }
        None => Depth::Last,
    };
    let config = arguments.common.load()?;
    let cancel = cancel_on_signal()?;
    let store = arguments.common.open_store(&config)?;
    let hand = ByHand::new(&config, store, arguments.dry_run)?;
    hand.recover()?;
    let mut run = Run { hand, depth, cancel, words: words(arguments.json), tally: Tally::default() };
    if arguments.paths.is_empty() {
        run.everything_below(Path::new("/"))?;
    }
    for path in &arguments.paths {
        if path.is_dir() {
            run.everything_below(&setup::canonical(path)?)?;
            run.what_came_from_elsewhere(&config, path)?;
        } else if path.symlink_metadata().is_ok() {
            run.one(path)?;
        } else {
            run.one(&by_hand::canonical_or_gone(path)?)?;
        }
    }
    run.tally.interrupted = run.cancel.is_requested();
    run.tally.say(arguments.json, ("undone", "would be undone"), arguments.dry_run)?;
    Ok(run.tally.outcome())
}

fn words(json: bool) -> Words {
    Words { done: "undone", would: "would undo", json }
}

struct Run {
    hand: ByHand,
    depth: Depth,
    cancel: Cancel,
    words: Words,
    tally: Tally,
}

impl Run {
    /// Every file in a folder that the journal knows, whether or not a scan would find it.
    fn everything_below(&mut self, folder: &Path) -> anyhow::Result<()> {
        let mut after: Option<PathBuf> = None;
        loop {
            let files = self.hand.store().files_to_undo(self.depth, folder, after.as_deref(), PAGE)?;
            let Some(last) = files.last().cloned() else { return Ok(()) };
            for path in files {
                if self.cancel.is_requested() {
                    return Ok(());
                }
                self.one(&path)?;
            }
            after = Some(last);
        }
    }

    /// Files that were moved into the folder since they were written. They are known by their sound alone, so this only
    /// looks where some written file is missing.
    fn what_came_from_elsewhere(&mut self, config: &Config, folder: &PathBuf) -> anyhow::Result<()> {
        if !self.misses_a_file()? {
            return Ok(());
        }
        let cancel = self.cancel.clone();
        by_hand::for_each_file(config, std::slice::from_ref(folder), &cancel, |path| {
            let canonical = setup::canonical(path)?;
            // Those that stand where they were written are done.
            if self.hand.store().history(&canonical)?.is_empty() { self.one(path) } else { Ok(()) }
        })
    }

    fn misses_a_file(&self) -> anyhow::Result<bool> {
        let mut after: Option<PathBuf> = None;
        loop {
            let files = self.hand.store().files_to_undo(self.depth, Path::new("/"), after.as_deref(), PAGE)?;
            if files.iter().any(|path| !std::fs::canonicalize(path).is_ok_and(|real| real == *path)) {
                return Ok(true);
            }
            let Some(last) = files.last().cloned() else { return Ok(false) };
            after = Some(last);
        }
    }

    fn one(&mut self, path: &Path) -> anyhow::Result<()> {
        let answer = match self.hand.undo(path, self.depth) {
            Ok(Some(report)) => Ok(report),
            Ok(None) => {
                self.tally.nothing += 1;
                return Ok(());
            }
            // The database concerns every file.
            Err(HandError::Store(error)) => return Err(error.into()),
            Err(error) => Err(error),
        };
        Ok(by_hand::tell(self.words, path, &answer, &mut self.tally)?)
    }
}
