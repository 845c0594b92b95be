//! The list as lines: for eyes, or one JSON object a file. From the database alone; no file is opened.

use std::io::Write;

use reclassd::desk::{Desk, Reach};
use reclassd::store::{QueueFilter, QueuePlace, QueueSet, QueueView, QueuedTrack};
use serde::Serialize;
use serde_json::Value;

use crate::commands::fold;
use crate::commands::output::{JsonPath, display_from_here, ranking_json, round, telling};

/// Genres shown a file.
const TOP: usize = 3;
/// Rows that are read at once.
const PAGE: usize = 500;

/// Prints the first `limit` files of a view (0: all), and how many there are in all.
pub fn print(desk: &Desk, view: &QueueView, limit: usize, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(fold::stdout());
    let (mut printed, mut total, mut after) = (0, 0, None);
    loop {
        let page = desk.page(view, after.as_ref().map_or(QueuePlace::Start, QueuePlace::After), PAGE)?;
        for track in &page.rows {
            if limit == 0 || printed < limit {
                printed += 1;
                if json {
                    writeln!(out, "{}", serde_json::to_string(&JsonItem::from(track))?)?;
                } else {
                    print_line(&mut out, track)?;
                }
            }
        }
        total += page.rows.len();
        after = page.last;
        // Programs count for themselves; people are told how many there are.
        if !page.goes_on || json && limit > 0 && printed >= limit {
            break;
        }
    }
    match (json, total) {
        (true, _) => {}
        (false, 0) => writeln!(out, "nothing to review")?,
        (false, 1) => writeln!(out, "1 file")?,
        (false, _) if printed < total => writeln!(out, "{printed} of {total} files; `--limit 0` lists them all")?,
        (false, _) => writeln!(out, "{total} files")?,
    }
    if !json && view.filter == QueueFilter::default() {
        note_left_alone(&mut out, count(desk, QueueSet::TakenOut)?)?;
    }
    Ok(out.flush()?)
}

/// The files of a set that are there.
fn count(desk: &Desk, set: QueueSet) -> anyhow::Result<usize> {
    Ok(desk.reach(&Reach::All, &QueueFilter { set, ..QueueFilter::default() })?.len())
}

/// What does not wait for anybody, and should not be forgotten either.
fn note_left_alone(out: &mut impl Write, files: usize) -> std::io::Result<()> {
    let (what, them) = match files {
        0 => return Ok(()),
        1 => ("1 file is".to_owned(), "it"),
        _ => (format!("{files} files are"), "them"),
    };
    writeln!(
        out,
        "{what} left alone since a genre of reclassd's was taken out of {them}: `reclassd review --taken-out`"
    )
}

fn print_line(out: &mut impl Write, track: &QueuedTrack) -> std::io::Result<()> {
    let guesses: Vec<String> =
        track.ranking.iter().take(TOP).map(|(genre, share)| format!("{genre} {:.0} %", share * 100.0)).collect();
    let reason = telling(track.reason.as_deref()).map(|reason| format!(": {reason}")).unwrap_or_default();
    let path = display_from_here(&track.path);
    let suggested = match track.suggested.join("; ") {
        nothing if nothing.is_empty() => nothing,
        suggested => format!(", suggested: {suggested}"),
    };
    writeln!(out, "{:.2}  {:<52}  {path}{suggested}{reason}", track.confidence, guesses.join(", "))
}

/// The object that `--json` prints of a file.
#[derive(Serialize)]
struct JsonItem<'a> {
    #[serde(flatten)]
    path: JsonPath<'a>,
    status: &'a str,
    genre: Option<&'a str>,
    confidence: f64,
    top: Value,
    suggested: &'a [String],
    reason: Option<&'a str>,
    not_music: bool,
    models_differ: Option<bool>,
}

impl<'a> From<&'a QueuedTrack> for JsonItem<'a> {
    fn from(track: &'a QueuedTrack) -> Self {
        Self {
            path: track.path.as_path().into(),
            status: track.status.as_str(),
            genre: track.ranking.first().map(|(genre, _)| genre.as_str()),
            confidence: round(track.confidence),
            top: ranking_json(&track.ranking, TOP),
            suggested: &track.suggested,
            reason: track.reason.as_deref(),
            not_music: track.is_not_music,
            models_differ: track.models_differ,
        }
    }
}
