//! `reclassd history PATH`: what was done to a file, when, and whether it was taken back; of a folder, how much of
//! each.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use console::style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reclassd::pipeline::{ByHand, History};
use reclassd::store::{EntryState, PastEntry, Surface, WritesBelow};
use reclassd::tagging::{Cause, OwnersChoice, TagField};
use serde_json::json;

use super::by_hand::{self, canonical_or_gone, shown};
use super::output::{JsonPath, display_from_here, display_path};
use super::setup::Common;
use super::{Outcome, fold, since};

#[derive(Args)]
pub struct Arguments {
    /// Files, also ones that are gone; of a folder, a summary
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Only what was written since this moment: "2h", "3 days", "yesterday", "2026-11-24 18:00"
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Print every field that changed and what it held, not only the genre
    #[arg(long)]
    fields: bool,
    /// Print one JSON object a write
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let since = arguments.since.as_deref().map(since::seconds).transpose()?;
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let hand = ByHand::new(&config, store, true)?;
    let mut out = fold::stdout();
    let mut outcome = Outcome::Done;
    for path in &arguments.paths {
        let path = canonical_or_gone(path)?;
        if path.is_dir() {
            let below = hand.store().history_below(&path, since.unwrap_or(i64::MIN))?;
            summarise(&mut out, &path, &below, arguments.json)?;
            continue;
        }
        let History { mut past, choice, twin, moved_to } = hand.history(&path)?;
        let is_known = !past.is_empty();
        past.retain(|past| since.is_none_or(|since| past.begun_at >= since));
        if !is_known && path.symlink_metadata().is_err() {
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
            let when = if is_known { " since then" } else { "" };
            writeln!(out, "  reclassd wrote nothing into it{when}")?;
        }
        if let Some(twin) = twin {
            let twin = display_from_here(&twin);
            writeln!(out, "  the same recording was written as {twin} (`reclassd history` of that says more)")?;
        }
        for past in &past {
            print(&mut out, past, &path, arguments.fields)?;
        }
        if let Some(choice) = choice {
            writeln!(out, "  {}", by_hand::origin_in_words(choice.origin))?;
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
        EntryState::Undone(_) => style("  (taken back)").dim().to_string(),
        EntryState::Abandoned(reason) => style(format!("  (did not happen: {reason})")).red().to_string(),
    };
    let file = match (past.has_ended, past.written_as != path) {
        (true, _) => style("  (of a file that was deleted since)").dim().to_string(),
        (false, true) => style(format!("  (as {})", display_from_here(&past.written_as))).dim().to_string(),
        (false, false) => String::new(),
    };
    let from =
        past.surface.map(|surface| style(format!("  ({})", place(surface))).dim().to_string()).unwrap_or_default();
    writeln!(out, "  {}  {:<4}  {change}{from}{state}{file}", local(past.begun_at), cause(entry.cause))?;
    if with_fields {
        for field in &entry.fields {
            let name = display_path(Path::new(&field.name));
            let (old, new) = (held(&field.old, field.old_values()), held(&field.new, field.new_values()));
            writeln!(out, "      {}: {name}: {old} → {new}", field.scope)?;
        }
    }
    Ok(())
}

/// What a field held: its values, or how much it was where its bytes alone do not tell.
fn held(bytes: &Option<Vec<u8>>, values: Option<Vec<String>>) -> String {
    match (bytes, values) {
        (None, _) => "nothing".to_owned(),
        (Some(_), Some(values)) => shown(&values),
        (Some(bytes), None) => format!("{} bytes", bytes.len()),
    }
}

/// What was done below a folder, a line for each kind of write.
fn summarise(out: &mut impl Write, folder: &Path, below: &[WritesBelow], json: bool) -> std::io::Result<()> {
    if json {
        let mut object = json!(JsonPath::from(folder));
        let writes = below.iter().map(|of| {
            json!({
                "cause": cause(of.cause), "writes": of.writes, "files": of.files, "taken_back": of.taken_back,
                "first": timestamp(of.first_at), "last": timestamp(of.last_at),
            })
        });
        object["writes"] = json!(writes.collect::<Vec<_>>());
        return writeln!(out, "{object}");
    }
    writeln!(out, "{}", style(display_from_here(folder)).bold())?;
    if below.is_empty() {
        writeln!(out, "  nothing was written into the files in it")?;
    }
    for of in below {
        let plural = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let back = if of.taken_back > 0 { format!(", {} taken back", of.taken_back) } else { String::new() };
        let (first, last) = (local(of.first_at), local(of.last_at));
        let when = if first == last { first } else { format!("{first} to {last}") };
        let (writes, files) = (plural(of.writes, "write"), plural(of.files, "file"));
        writeln!(out, "  {:<4}  {writes} into {files}{back}  {when}", cause(of.cause))?;
    }
    Ok(())
}

fn timestamp(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Scan => "scan",
        Cause::Owner => "tag",
        Cause::Undo => "undo",
        Cause::Describe => "describe",
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
            json!({
                "tag": change.scope.to_string(), "field": change.name, "own": is_own, "before": change.old_values(),
                "after": change.new_values(),
            })
        })
        .collect();
    let mut object = json!(JsonPath::from(path));
    object["id"] = json!(past.id.0);
    object["when"] = json!(timestamp(past.begun_at));
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
