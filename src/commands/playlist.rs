//! `reclassd playlist`: tracks by what is known of them, printed or as a playlist. What a question means is the library's (`playlists`).

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use reclassd::pipeline::StoredAnswers;
use reclassd::playlists::{FIELDS, Order, Query, Request, choose};
use serde_json::json;

use super::output::{JsonPath, display_from_here};
use super::setup::Common;
use super::{Outcome, WrongUse, lists};

const EXAMPLES: &str = "\
Examples:
  reclassd playlist --where 'genre = Jazz and energy < 0.4 and bpm 80..110' -o calm.m3u8
  reclassd playlist --where 'mood = happy and not genre = \"Hip-Hop\"' --order -energy,artist
  reclassd playlist --where 'key = 8A or key = 9A' --order bpm --limit 30
  reclassd playlist --where 'age < 30' --order added -o ~/Music/new.m3u8

Conditions are `field = value`, !=, <, <=, >, >=, ~ (holds), `field 80..110`, `field known` and
`field unknown`, joined by and, or, not and parentheses. What is not known of a track fits no
condition but `unknown`.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Which tracks [default: all]
    #[arg(long = "where", value_name = "QUESTION", default_value = "", hide_default_value = true)]
    question: String,
    /// By these fields, `-field` the other way round, a comma between several; then by path
    #[arg(long, value_name = "FIELDS", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    order: String,
    /// The first N tracks
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write this playlist, with paths from its folder, if it changed [default: print the tracks]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is no playlist of reclassd's
    #[arg(long, requires = "output")]
    force: bool,
    /// List the fields
    #[arg(long, conflicts_with_all = ["question", "order", "limit", "output", "json"])]
    fields: bool,
    /// Print one JSON object a track
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if arguments.fields {
        for field in FIELDS {
            let note = if field.needs_descriptors() { "  (with [analysis] descriptors)" } else { "" };
            writeln!(out, "{:<14}  {}{note}", field.name, field.about)?;
        }
        out.flush()?;
        return Ok(Outcome::Done);
    }
    let wrong = |error: reclassd::playlists::QueryError| WrongUse(error.to_string());
    let query = Query::parse(&arguments.question).map_err(wrong)?;
    let order: Order = arguments.order.parse().map_err(wrong)?;
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let stored = StoredAnswers::new(&config)?;
    let (kind, window) = stored.descriptors_kept_as();
    let request = Request { query, order, limit: arguments.limit };
    let tracks = choose(&store, &request, (&kind, window), Timestamp::now().as_second())?;
    if tracks.is_empty() && request.query.needs_descriptors() {
        eprintln!("no track is like that, of those that were scanned with [analysis] descriptors = true");
    }
    if let Some(path) = &arguments.output {
        lists::save(path, &tracks, request.query.text(), arguments.force)?;
        if !arguments.json {
            return Ok(Outcome::Done);
        }
    }
    for track in &tracks {
        if arguments.json {
            let mut object = json!(JsonPath::from(track.path.as_path()));
            lists::describe(&mut object, track);
            writeln!(out, "{object}")?;
        } else {
            writeln!(out, "{}", display_from_here(&track.path))?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}
