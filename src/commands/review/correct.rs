//! `review accept`, `review set` and `review reject`: decisions for scripts, one line or JSON object a file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use console::style;
use reclassd::desk::{Corrected, Correction, Desk, DeskError, Reach};
use reclassd::pipeline::HandError;
use reclassd::store::{GoId, QueueFilter, Surface};
use serde_json::json;

use super::filters::Filters;
use crate::commands::by_hand::{self, Tally, shown};
use crate::commands::hints::Named;
use crate::commands::interrupt::cancel_on_signal;
use crate::commands::output::{JsonPath, display_from_here};
use crate::commands::setup::{self, Common};
use crate::commands::{Outcome, WrongUse, fold, global_options};

#[derive(Args)]
pub struct Accept {
    /// Files; of a folder, those that wait in review
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
pub struct Set {
    /// Genres, several of which are written together; then `--` and the files
    #[arg(value_name = "GENRE", required = true, num_args = 1.., value_parser = Named::genre(), hide_possible_values = true)]
    genres: Vec<String>,
    /// Files; of a folder, those that wait in review
    #[arg(value_name = "PATH", last = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
pub struct Reject {
    /// Files; of a folder, those that wait in review
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// What the three share. The filters narrow down what is meant by a folder; without a path they choose from the whole review.
#[derive(Args)]
struct How {
    #[command(flatten)]
    filters: Filters,
    /// Write nothing; say what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// What is said of a file.
struct Words {
    done: &'static str,
    would: &'static str,
    would_be: &'static str,
}

impl Accept {
    pub fn run(&self) -> anyhow::Result<Outcome> {
        let words = Words { done: "accepted", would: "would accept", would_be: "would be accepted" };
        self.how.run(&self.paths, &Correction::Accept, &words)
    }
}

impl Set {
    pub fn run(&self) -> anyhow::Result<Outcome> {
        if let Some(name) = self.genres.iter().find(|name| name.trim().is_empty() || name.contains('\0')) {
            return Err(WrongUse(format!("\"{}\" is no genre's name", name.escape_default())).into());
        }
        let words = Words { done: "set", would: "would set", would_be: "would be set" };
        self.how.run(&self.paths, &Correction::Set(self.genres.clone()), &words)
    }
}

impl Reject {
    pub fn run(&self) -> anyhow::Result<Outcome> {
        let words = Words { done: "left alone", would: "would leave", would_be: "would be left alone" };
        self.how.run(&self.paths, &Correction::LeaveAlone, &words)
    }
}

impl How {
    fn run(&self, paths: &[PathBuf], correction: &Correction, words: &Words) -> anyhow::Result<Outcome> {
        if paths.is_empty() && !self.filters.are_given() {
            let what = "which files? name some, or a filter such as --above 0.6 (`reclassd review --help` lists them)";
            return Err(WrongUse(what.to_owned()).into());
        }
        setup::require_paths(paths)?;
        let config = self.common.load()?;
        let cancel = cancel_on_signal()?;
        let store = self.common.open_store(&config)?;
        let desk = Desk::new(&config, store, Surface::Command, self.dry_run)?;
        desk.recover()?;
        let filter = self.filters.filter(&desk)?;
        let (mut tally, mut go) = (Tally::default(), None);
        for path in meant(&desk, paths, &filter)? {
            if cancel.is_requested() {
                tally.interrupted = true;
                break;
            }
            match desk.correct(&path, correction, go) {
                // The database concerns every file.
                Err(DeskError::Store(error)) => return Err(error.into()),
                Err(DeskError::Hand(HandError::Store(error))) => return Err(error.into()),
                answer => self.tell(words, &path, &answer, &mut tally, &mut go)?,
            }
        }
        tally.say(self.json, (words.done, words.would_be), self.dry_run)?;
        Ok(tally.outcome())
    }

    fn tell(
        &self,
        words: &Words,
        path: &Path,
        answer: &Result<Corrected, DeskError>,
        tally: &mut Tally,
        go: &mut Option<GoId>,
    ) -> anyhow::Result<()> {
        let mut out = fold::stdout();
        let corrected = match answer {
            Ok(corrected) => corrected,
            Err(error) => {
                tally.failed += 1;
                let reason = reason(error, path);
                if self.json {
                    let mut object = serde_json::to_value(JsonPath::from(by_hand::as_json_names_it(path).as_path()))?;
                    object["action"] = json!("failed");
                    object["reason"] = json!(reason);
                    writeln!(out, "{object}")?;
                } else {
                    let word = style("failed").red().bold();
                    writeln!(out, "{word:<12}  {}: {reason}", display_from_here(path))?;
                }
                return Ok(());
            }
        };
        // Also where nothing had to be written: it is decided all the same.
        tally.done += 1;
        *go = go.or(corrected.go);
        let report = &corrected.report;
        if self.json {
            let mut object = serde_json::to_value(JsonPath::from(report.path.as_path()))?;
            object["action"] = json!(report.action.as_str());
            object["genre_before"] = json!(report.before);
            object["genre"] = json!(report.after);
            writeln!(out, "{object}")?;
            return Ok(());
        }
        if global_options::quiet() {
            return Ok(());
        }
        let word = if self.dry_run { style(words.would).cyan() } else { style(words.done).green() };
        let change = match report.before == report.after {
            true => shown(&report.after),
            false => format!("{} → {}", shown(&report.before), shown(&report.after)),
        };
        writeln!(out, "{word:<12}  {change:<32}  {}", display_from_here(&report.path))?;
        Ok(())
    }
}

/// The files that paths and filters mean: a file that is named is meant whatever the filters say.
fn meant(desk: &Desk, paths: &[PathBuf], filter: &QueueFilter) -> anyhow::Result<Vec<PathBuf>> {
    let waiting = |filter: &QueueFilter| -> anyhow::Result<Vec<PathBuf>> {
        Ok(desk.reach(&Reach::All, filter)?.into_iter().map(|track| track.path).collect())
    };
    if paths.is_empty() {
        return waiting(filter);
    }
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(waiting(&QueueFilter { path: Some(setup::canonical(path)?), ..filter.clone() })?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Why nothing was done, for a line that names the file already.
fn reason(error: &DeskError, path: &Path) -> String {
    let text = match error {
        DeskError::Hand(error) => return by_hand::reason(error),
        error => error.to_string(),
    };
    text.strip_prefix(&format!("{}: ", path.display())).map(str::to_owned).unwrap_or(text)
}
