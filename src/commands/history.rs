//! `reclassd history FILE`: what was done to a file, when, and whether it was taken back.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use console::style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reclassd::pipeline::{ByHand, History};
use reclassd::store::{EntryState, PastEntry, Surface};
use reclassd::tagging::{Cause, OwnersChoice, TagField};
use serde_json::json;

use super::Outcome;
use super::by_hand::{self, canonical_or_gone, shown};
use super::output::{JsonPath, display_from_here, display_path};
use super::setup::Common;

#[derive(Args)]
pub struct Arguments {
    /// Files, also ones that are gone
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    /// Print every field that changed, not only the genre
    #[arg(long)]
    fields: bool,
    /// Print one JSON object a write
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let hand = ByHand::new(&config, store, true)?;
    let mut out = std::io::stdout().lock();
    let mut outcome = Outcome::Done;
    for path in &arguments.paths {
        let path = canonical_or_gone(path)?;
        let History { past, choice, twin, moved_to } = hand.history(&path)?;
        if past.is_empty() && path.symlink_metadata().is_err() {
            match moved_to.as_slice() {
                [] => {
                    let shown = display_from_here(&path);
                    eprintln!("reclassd: {shown}: is not there, and nothing was ever written into it");
                }
                [new, ..] => {
                    let (shown, new) = (display_from_here(&path), display_from_here(new));
                    eprintln!("reclassd: {shown}: is not there; the file that was written there is {new} now");
                }
            }
            outcome = Outcome::SomeFailed;
            continue;
        }
        if arguments.json {
            past.iter().try_for_each(|past| writeln!(out, "{}", object(&path, past, choice.as_ref())))?;
            continue;
        }
        writeln!(out, "{}", style(display_from_here(&path)).bold())?;
        if past.is_empty() {
            writeln!(out, "  reclassd wrote nothing into it")?;
        }
        if let Some(twin) = twin {
            let twin = display_from_here(&twin);
            writeln!(out, "  the same recording was written as {twin} (`reclassd history` of that says more)")?;
        }
        for past in &past {
            print(&mut out, past, &path, arguments.fields)?;
        }
        if let Some(choice) = choice {
            writeln!(out, "  {}", by_hand::told(choice.origin))?;
        }
    }
    Ok(outcome)
}

fn print(out: &mut impl Write, past: &PastEntry, path: &Path, with_fields: bool) -> std::io::Result<()> {
    let entry = &past.entry;
    let change = if entry.touches_genre() {
        format!("{} → {}", shown(&entry.genre_before), shown(&entry.genre_after))
    } else {
        "its own fields".to_owned()
    };
    let state = match &past.state {
        EntryState::Committed => String::new(),
        EntryState::Open => style("  (not finished)").yellow().to_string(),
        EntryState::Undone(by) if by == &past.id => style("  (found taken back)").dim().to_string(),
        EntryState::Undone(by) => style(format!("  (taken back by {})", by.0)).dim().to_string(),
        EntryState::Abandoned(reason) => style(format!("  (did not happen: {reason})")).red().to_string(),
    };
    let file = match (past.has_ended, past.written_as != path) {
        (true, _) => style("  (of a file that was deleted since)").dim().to_string(),
        (false, true) => style(format!("  (as {})", display_from_here(&past.written_as))).dim().to_string(),
        (false, false) => String::new(),
    };
    let from =
        past.surface.map(|surface| style(format!("  ({})", place(surface))).dim().to_string()).unwrap_or_default();
    let (id, at, cause) = (past.id.0, local(past.begun_at), cause(entry.cause));
    writeln!(out, "  {id:>5}  {at}  {cause:<5}  {change}{from}{state}{file}")?;
    if with_fields {
        for field in &entry.fields {
            let size = |bytes: &Option<Vec<u8>>| match bytes {
                Some(bytes) => format!("{} bytes", bytes.len()),
                None => "nothing".to_owned(),
            };
            let name = display_path(Path::new(&field.name));
            writeln!(out, "           {}: {name}: {} → {}", field.scope, size(&field.old), size(&field.new))?;
        }
    }
    Ok(())
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Scan => "scan",
        Cause::Owner => "tag",
        Cause::Undo => "undo",
        _ => "?",
    }
}

/// Where the owner decided it.
fn place(surface: Surface) -> &'static str {
    match surface {
        Surface::Terminal => "in the terminal",
        Surface::Page => "on the page",
        Surface::Api => "through the API",
        Surface::Command => "by a command",
    }
}

/// A moment in local time, to the second.
fn local(seconds: i64) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn object(path: &Path, past: &PastEntry, choice: Option<&OwnersChoice>) -> serde_json::Value {
    let entry = &past.entry;
    let (state, reason, undone_by) = match &past.state {
        EntryState::Open => ("open", None, None),
        EntryState::Committed => ("written", None, None),
        EntryState::Undone(by) => ("undone", None, Some(by.0)),
        EntryState::Abandoned(reason) => ("abandoned", Some(reason), None),
    };
    let fields: Vec<_> = entry
        .fields
        .iter()
        .map(|change| {
            let is_own = change.field().is_some_and(|field| field != TagField::Genre);
            json!({"tag": change.scope.to_string(), "field": change.name, "own": is_own})
        })
        .collect();
    let mut object = json!(JsonPath::from(path));
    object["id"] = json!(past.id.0);
    object["when"] = json!(Timestamp::from_second(past.begun_at).unwrap_or(Timestamp::UNIX_EPOCH).to_string());
    object["cause"] = json!(cause(entry.cause));
    object["surface"] = json!(past.surface.map(Surface::as_str));
    object["state"] = json!(state);
    object["reason"] = json!(reason);
    object["undone_by"] = json!(undone_by);
    object["genre_before"] = json!(entry.genre_before);
    object["genre_after"] = json!(entry.genre_after);
    object["fields"] = json!(fields);
    object["written_as"] = json!(past.written_as.to_string_lossy());
    object["file_deleted"] = json!(past.has_ended);
    object["choice"] = json!(choice.map(|choice| by_hand::word_of(choice.origin)));
    object
}
