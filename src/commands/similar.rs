//! `reclassd similar FILE...`: the tracks of the library that sound most like some files. What is compared is the
//! library's (`likeness`); here are arguments, files that the database does not know, and how the answer is shown.

use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use reclassd::audio;
use reclassd::config::Config;
use reclassd::descriptors::{Descriptors, Key};
use reclassd::likeness::{Asked, Atlas, Measure, Neighbour, Wanted, neighbours};
use reclassd::pipeline::{Line, Settings};
use reclassd::store::{ListedTrack, Store};
use reclassd::tagging::FileStamp;
use serde_json::{Value, json};

use super::output::{JsonPath, display_from_here, display_path, round};
use super::setup::{self, Common};
use super::{Outcome, WrongUse};
use crate::commands::lists;

#[derive(Args)]
pub struct Arguments {
    /// The files to find others for; of several, what lies between them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// At most N tracks
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Only tracks of this genre or a kind of it, by any of its names; give it again for several
    #[arg(long, value_name = "NAME")]
    genre: Vec<String>,
    /// Only tracks at this pace: `80..110`, or `120` for what is within 4 % of it
    #[arg(long, value_name = "RANGE", value_parser = parse_bpm)]
    bpm: Option<Pace>,
    /// Only tracks in this key: "A minor", Am, 8A or 1m; give it again for several
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    key: Vec<usize>,
    /// List copies of a recording too: in another encoding, or under another name
    #[arg(long)]
    duplicates: bool,
    /// Write the list into this playlist, with paths from its folder
    #[arg(long, value_name = "OUT")]
    m3u8: Option<PathBuf>,
    /// Write over a playlist that reclassd did not write
    #[arg(long, requires = "m3u8")]
    force: bool,
    /// Print one JSON object a track
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// From here to there, in beats a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    low: f32,
    high: f32,
}

impl From<Pace> for RangeInclusive<f32> {
    fn from(pace: Pace) -> Self {
        pace.low..=pace.high
    }
}

fn parse_bpm(text: &str) -> Result<Pace, String> {
    let number = |text: &str, open: f32| match text.trim() {
        "" => Some(open),
        text => text.parse::<f32>().ok().filter(|bpm| *bpm > 0.0 && bpm.is_finite()),
    };
    let pace = match text.split_once("..") {
        Some((low, high)) => number(low, 0.0).zip(number(high, f32::INFINITY)).map(|(low, high)| Pace { low, high }),
        None if text.trim().is_empty() => None,
        None => number(text, 0.0).map(|bpm| Pace { low: bpm * 0.96, high: bpm * 1.04 }),
    };
    pace.filter(|pace| pace.low <= pace.high).ok_or_else(|| "a pace is `120`, `80..110`, `80..` or `..110`".to_owned())
}

fn parse_key(text: &str) -> Result<usize, String> {
    Key::number_of(text).ok_or_else(|| "a key is \"A minor\", Am, 8A or 1m".to_owned())
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    setup::require_paths(&arguments.files)?;
    let config = arguments.common.load()?;
    let store = arguments.common.open_reading_store(&config)?;
    let atlas = Atlas::open(&store, &config)?;
    let mut asked = Vec::new();
    for file in &arguments.files {
        asked.push(ask(&setup::canonical(file)?, &config, &store, atlas.measure())?);
    }
    let wanted = Wanted {
        limit: arguments.limit as usize,
        genres: arguments.genre.clone(),
        bpm: arguments.bpm.map(Into::into),
        keys: arguments.key.clone(),
        duplicates: arguments.duplicates,
    };
    let found = neighbours(&store, &atlas, &asked, &wanted)?;
    if let Some(path) = &arguments.m3u8 {
        let names: Vec<String> = asked.iter().map(|asked| display_path(&asked.path)).collect();
        let by = format!("similar to {}", names.join(", "));
        lists::save(path, found.iter().map(|neighbour| &neighbour.track), &by, arguments.force)?;
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for neighbour in &found {
        if arguments.json {
            writeln!(out, "{}", object(neighbour))?;
        } else {
            writeln!(out, "{}", line(neighbour))?;
        }
    }
    out.flush()?;
    if found.is_empty() {
        eprintln!("{}", nothing(&wanted, &atlas));
    }
    Ok(Outcome::Done)
}

/// How a file sounds: from the database, or else it is listened to, and nothing of that is kept.
fn ask(path: &Path, config: &Config, store: &Store, measure: &Measure) -> anyhow::Result<Asked> {
    let stamp = FileStamp::of(path).ok();
    let known = stamp.map(|stamp| store.audio_of(path, &stamp)).transpose()?.flatten();
    let known = match known {
        Some(audio) => Some(audio),
        None => store.find_audio(audio::identify(path)?)?,
    };
    let path = path.to_owned();
    if let Some(audio) = known
        && let Some(sound) = measure.sound(store, audio)?
    {
        return Ok(Asked { path, audio: Some(audio), sound });
    }
    tracing::warn!(
        "{}: not in the database as the models hear it now; it is listened to, and that is not kept",
        display_path(&path)
    );
    let scratch = Arc::new(Store::in_memory()?);
    let line = Line::new(config, Settings::new(config)?, scratch.clone())?;
    line.analyse(&path)?;
    let heard = scratch.audio(audio::identify(&path)?)?;
    let sound = measure.sound(&scratch, heard)?;
    let sound = sound.ok_or_else(|| {
        WrongUse(format!("{}: is no sound that `{}` could describe", display_path(&path), measure.model()))
    })?;
    Ok(Asked { path, audio: known, sound })
}

fn nothing(wanted: &Wanted, atlas: &Atlas) -> String {
    if wanted.bpm.is_some() || !wanted.keys.is_empty() {
        return "nothing is like that, of the tracks that were scanned with [analysis] descriptors = true".to_owned();
    }
    match atlas.len() {
        1 => "nothing to compare with: the database knows one recording".to_owned(),
        n => format!("none of {n} recordings is like that and there"),
    }
}

fn line(neighbour: &Neighbour) -> String {
    let ListedTrack { path, genre, described, .. } = &neighbour.track;
    let described = described.as_deref().and_then(Descriptors::from_row);
    let bpm = described.as_ref().and_then(|d| d.tempo.ok()).map_or_else(|| "-".to_owned(), |t| format!("{:.0}", t.bpm));
    let key = described.as_ref().and_then(|d| d.key.ok()).map_or_else(|| "-".to_owned(), |key| key.camelot());
    let genre = display_path(Path::new(genre.as_deref().unwrap_or("-")));
    let copy = if neighbour.is_duplicate { "  (a copy)" } else { "" };
    format!("{:.2}  {genre:<16}  {bpm:>3}  {key:>3}  {}{copy}", neighbour.likeness, display_from_here(path))
}

fn object(neighbour: &Neighbour) -> Value {
    let track = &neighbour.track;
    let mut object = json!(JsonPath::from(track.path.as_path()));
    object["likeness"] = json!(round(neighbour.likeness));
    object["is_duplicate"] = json!(neighbour.is_duplicate);
    lists::describe(&mut object, track);
    object
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_number_or_a_range() {
        assert_eq!(parse_bpm("80..110"), Ok(Pace { low: 80.0, high: 110.0 }));
        assert_eq!(parse_bpm("100").unwrap(), Pace { low: 96.0, high: 104.0 });
        assert_eq!(parse_bpm("80..").unwrap().high, f32::INFINITY);
        for wrong in ["", "fast", "110..80", "-3", "nan", "0"] {
            assert!(parse_bpm(wrong).is_err(), "{wrong}");
        }
    }
}
