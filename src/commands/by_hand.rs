//! What `tag`, `undo` and `history` share: which files are meant, how a line about one reads, and how a run over many ends.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use console::style;
use reclassd::config::Config;
use reclassd::pipeline::{Action, Cancel, Found, HandError, HandReport, Selection};
use reclassd::tagging::Origin;
use serde::Serialize;

use super::output::{JsonPath, display_from_here, display_path};
use super::setup;
use super::{Outcome, fold, global_options};

/// What became of the files so far.
#[derive(Default)]
pub struct Tally {
    /// Files that something was done to, or would be.
    pub done: usize,
    /// Files that were as they were to be.
    pub unchanged: usize,
    /// Files that there was nothing to do for.
    pub nothing: usize,
    pub failed: usize,
    pub interrupted: bool,
}

impl Tally {
    /// What happened in this run, in a sentence and without a dry run's promises: "2 tagged, 1 unchanged, 0 failed".
    pub fn sentence(&self, done: &str, would: &str, dry_run: bool) -> String {
        let stopped = if self.interrupted { "stopped: " } else { "" };
        let (what, note) = if dry_run { (would, "; dry run: no file was touched") } else { (done, "") };
        let nothing = match self.nothing {
            0 => String::new(),
            n => format!(", {n} with nothing to take back"),
        };
        let unchanged = match self.unchanged {
            0 => String::new(),
            n => format!(", {n} unchanged"),
        };
        let Self { done, failed, .. } = self;
        format!("{stopped}{done} {what}{unchanged}{nothing}, {failed} failed{note}")
    }

    /// The same for programs: the word of what was done, what a dry run would do, and the rest.
    pub fn summary(&self, done: &str, dry_run: bool) -> serde_json::Value {
        let (would, really) = if dry_run { (self.done, 0) } else { (0, self.done) };
        let mut summary = serde_json::json!({
            "unchanged": self.unchanged, "nothing_to_do": self.nothing, "failed": self.failed,
            "interrupted": self.interrupted,
        });
        summary[done] = really.into();
        summary[format!("would_be_{done}")] = would.into();
        serde_json::json!({"summary": summary})
    }

    /// Prints either.
    pub fn say(&self, json: bool, (done, would): (&str, &str), dry_run: bool) -> std::io::Result<()> {
        let mut out = fold::stdout();
        match json {
            true => writeln!(out, "{}", self.summary(&done.replace(' ', "_"), dry_run)),
            false if global_options::quiet() => Ok(()),
            false => writeln!(out, "{}", self.sentence(done, would, dry_run)),
        }
    }

    pub fn outcome(&self) -> Outcome {
        match self.failed {
            _ if self.interrupted => Outcome::Interrupted,
            0 => Outcome::Done,
            _ => Outcome::SomeFailed,
        }
    }
}

/// How lines are printed.
#[derive(Clone, Copy)]
pub struct Words {
    /// What was done: `tagged`, `undone`.
    pub done: &'static str,
    /// What a dry run would do.
    pub would: &'static str,
    pub json: bool,
}

/// Prints the answer about one file and counts it.
pub fn tell(
    words: Words,
    path: &Path,
    answer: &Result<HandReport, HandError>,
    tally: &mut Tally,
) -> std::io::Result<()> {
    match answer {
        Ok(report) if report.action == Action::None => tally.unchanged += 1,
        Ok(_) => tally.done += 1,
        Err(error) if is_done(error) => tally.done += 1,
        Err(_) => tally.failed += 1,
    }
    let mut out = fold::stdout();
    if words.json {
        let path = &as_json_names_it(path);
        return writeln!(out, "{}", serde_json::to_string(&JsonHand::of(path, answer))?);
    }
    match answer {
        Ok(_) if global_options::quiet() => Ok(()),
        Ok(report) => writeln!(out, "{}", line(words, report)),
        Err(error) => {
            let word = if is_done(error) { style(words.done).yellow() } else { style("failed").red().bold() };
            writeln!(out, "{word:<10}  {}: {}", display_from_here(path), reason(error))
        }
    }
}

/// Whether the file has what was wanted, in spite of the error.
fn is_done(error: &HandError) -> bool {
    matches!(error, HandError::Tag(error) if error.is_written())
}

fn line(words: Words, report: &HandReport) -> String {
    let word = match report.action {
        Action::Written => style(words.done).green(),
        Action::WouldWrite => style(words.would).cyan(),
        Action::None | Action::Unchanged => style("unchanged").dim(),
    };
    let change = if report.before == report.after {
        shown(&report.after)
    } else {
        format!("{} → {}", shown(&report.before), shown(&report.after))
    };
    let path = display_from_here(&report.path);
    let note = match &report.foreign_genre {
        Some(genres) => {
            format!(
                ": somebody wrote the genre {} since: that stays, and only what is ours is taken back",
                shown(genres)
            )
        }
        None => String::new(),
    };
    format!("{word:<10}  {change:<32}  {path}{note}")
}

/// The word in `--json` for how a choice came about.
pub fn word_of(origin: Origin) -> &'static str {
    match origin {
        Origin::Chosen => "chosen",
        Origin::TakenBack => "taken-back",
        Origin::TakenOut => "taken-out",
        Origin::HandedBack => "handed-back",
    }
}

/// What a choice means for the file, as a line of its own.
pub fn origin_in_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Chosen => "chosen by the owner",
        Origin::TakenBack => {
            "taken back by the owner: no scan writes it (`reclassd tag --genre NAME` chooses one, `--forget` hands it back to the scans)"
        }
        Origin::TakenOut => {
            "taken out by somebody: no scan writes it (`reclassd tag --genre NAME` chooses one, `--forget` hands it back to the scans)"
        }
        Origin::HandedBack => "handed back to the scans",
    }
}

/// Genres on one line: one as it is, several each in quotation marks, so that they are told from one that has a separator in it.
pub fn shown(genres: &[String]) -> String {
    match genres {
        [] => "(no genre)".to_owned(),
        [one] => display_path(Path::new(one)),
        several => {
            let several = several.iter().map(|genre| format!("\"{}\"", display_path(Path::new(genre))));
            several.collect::<Vec<_>>().join(" + ")
        }
    }
}

/// The reason of an error, for a line that names the file already.
pub(super) fn reason(error: &HandError) -> String {
    match error {
        HandError::Tag(error) => error.reason(),
        HandError::Busy(_) => "another reclassd is working on it; try again when it is done".to_owned(),
        HandError::Gone(_) => {
            "is not there: deleted, moved, or its disk is not mounted; nothing was taken back".to_owned()
        }
        HandError::OtherRecording(_) => {
            "holds other audio than the file that was written; nothing was taken back".to_owned()
        }
        HandError::Store(error) => error.to_string(),
    }
}

/// The object that `--json` prints of a file.
#[derive(Serialize)]
struct JsonHand<'a> {
    #[serde(flatten)]
    path: JsonPath<'a>,
    action: &'static str,
    genre_before: Option<&'a [String]>,
    genre: Option<&'a [String]>,
    writes_undone: Option<usize>,
    genre_is_foreign: bool,
    reason: Option<String>,
}

impl<'a> JsonHand<'a> {
    fn of(path: &'a Path, answer: &'a Result<HandReport, HandError>) -> Self {
        let report = answer.as_ref().ok();
        Self {
            path: report.map_or(path, |report| report.path.as_path()).into(),
            action: report.map_or("failed", |report| report.action.as_str()),
            genre_before: report.map(|report| report.before.as_slice()),
            genre: report.map(|report| report.after.as_slice()),
            writes_undone: report.map(|report| report.undone),
            genre_is_foreign: report.is_some_and(|report| report.foreign_genre.is_some()),
            reason: answer.as_ref().err().map(reason),
        }
    }
}

/// The path that `--json` gives of a file, in every command: absolute, without links and dots, as the database names it.
pub fn as_json_names_it(path: &Path) -> PathBuf {
    canonical_or_gone(path).unwrap_or_else(|_| path.to_owned())
}

/// Calls `work` for every file that paths on a command line mean, until somebody wants to stop: a file itself, of a folder those that
/// a scan would take.
pub fn for_each_file(
    config: &Config,
    paths: &[PathBuf],
    cancel: &Cancel,
    mut work: impl FnMut(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let selection = Selection::new(&config.library)?;
    for found in paths.iter().flat_map(|root| selection.walk(root)) {
        if cancel.is_requested() {
            break;
        }
        match found {
            Found::Candidate(path) => work(&path)?,
            Found::Obstacle { path, obstacle } => tracing::warn!("{}: {obstacle}", path.display()),
        }
    }
    Ok(())
}

/// The one name of a path on the command line, whether or not something is there: of a file that is gone, that of its folder.
pub fn canonical_or_gone(path: &Path) -> anyhow::Result<PathBuf> {
    if path.symlink_metadata().is_ok() {
        return setup::canonical(path);
    }
    let absolute = std::path::absolute(path).with_context(|| display_path(path))?;
    match (absolute.parent().map(std::fs::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => Ok(folder.join(name)),
        _ => Ok(absolute),
    }
}
