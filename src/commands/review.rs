//! `reclassd review`: what the program was unsure of, and what it leaves alone since its genre was taken out, from the database alone;
//! no file is opened.

use std::io::Write;

use clap::Args;
use reclassd::store::{ReviewItem, ReviewQuery};
use serde::Serialize;
use serde_json::Value;

use super::output::{JsonPath, display_from_here, ranking_json, round, telling};
use super::setup::Common;
use super::{Outcome, WrongUse};

/// Genres shown a file.
const TOP: usize = 3;

#[derive(Args)]
pub struct Arguments {
    /// List every analysed file whose confidence is below X (0 to 1), tagged or not
    #[arg(long, value_name = "X")]
    below: Option<f32>,
    /// List the files that are left alone since a genre of reclassd's was taken back or out of them
    #[arg(long, conflicts_with = "below")]
    taken_out: bool,
    /// List at most N files; 0: all [default: [review] limit, 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let query = match arguments.below {
        Some(below) if !(0.0..=1.0).contains(&below) => {
            return Err(WrongUse(format!("--below {below}: a confidence lies between 0 and 1")).into());
        }
        Some(below) => ReviewQuery::Below(below),
        None if arguments.taken_out => ReviewQuery::TakenOut,
        None => ReviewQuery::Unsure,
    };
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let limit = arguments.limit.unwrap_or(config.review.limit);
    let (items, total) = store.review(query, limit)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if arguments.json {
        for item in &items {
            writeln!(out, "{}", serde_json::to_string(&JsonItem::from(item))?)?;
        }
    } else {
        print(&mut out, &items, total)?;
        if query == ReviewQuery::Unsure {
            let (_, left_alone) = store.review(ReviewQuery::TakenOut, 1)?;
            note_left_alone(&mut out, left_alone)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn print(out: &mut impl Write, items: &[ReviewItem], total: usize) -> std::io::Result<()> {
    if items.is_empty() {
        return writeln!(out, "nothing to review");
    }
    for item in items {
        let guesses: Vec<String> =
            item.ranking.iter().take(TOP).map(|(genre, share)| format!("{genre} {:.0} %", share * 100.0)).collect();
        let reason = telling(item.reason.as_deref()).map(|reason| format!(": {reason}")).unwrap_or_default();
        let path = display_from_here(&item.path);
        writeln!(out, "{:.2}  {:<52}  {path}{reason}", item.confidence, guesses.join(", "))?;
    }
    if items.len() < total {
        writeln!(out, "{} of {total} files; `--limit 0` lists them all", items.len())?;
    } else {
        writeln!(out, "{total} file{}", if total == 1 { "" } else { "s" })?;
    }
    Ok(())
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

/// The object that `--json` prints of a file.
#[derive(Serialize)]
struct JsonItem<'a> {
    #[serde(flatten)]
    path: JsonPath<'a>,
    status: &'a str,
    genre: Option<&'a str>,
    confidence: f64,
    top: Value,
    reason: Option<&'a str>,
}

impl<'a> From<&'a ReviewItem> for JsonItem<'a> {
    fn from(item: &'a ReviewItem) -> Self {
        Self {
            path: item.path.as_path().into(),
            status: &item.status,
            genre: item.ranking.first().map(|(genre, _)| genre.as_str()),
            confidence: round(item.confidence),
            top: ranking_json(&item.ranking, TOP),
            reason: item.reason.as_deref(),
        }
    }
}
