//! What a track can be chosen and ordered by.

use crate::descriptors::{Descriptors, Key, Mode, Quadrant};
use crate::store::ListedTrack;

/// A field's name, what it holds, and how it is listed.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in a query.
    pub name: &'static str,
    /// What it is, with its unit.
    pub about: &'static str,
    pub(super) of: Of,
}

/// A field is known by its name.
impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    /// A genre: its kinds are meant too.
    Genre,
    /// A text.
    Text(fn(&Facts<'_>) -> Option<String>),
    /// One of these words.
    Word(&'static [&'static str], fn(&Facts<'_>) -> Option<String>),
    /// A key, by number.
    Key,
    /// A number.
    Number(fn(&Facts<'_>) -> Option<f64>),
    /// A length of time, in seconds.
    Seconds(fn(&Facts<'_>) -> Option<f64>),
    /// A moment, in seconds since 1970.
    Moment(fn(&Facts<'_>) -> Option<f64>),
}

/// A track with what its sound is like.
pub(super) struct Facts<'t> {
    pub(super) track: &'t ListedTrack,
    pub(super) described: Option<Descriptors>,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// A value to order by: what is not known comes last.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
}

const DAY: f64 = 86_400.0;

fn described<T>(facts: &Facts<'_>, of: impl Fn(&Descriptors) -> Option<T>) -> Option<T> {
    facts.described.as_ref().and_then(of)
}

/// All fields, as they are listed.
pub const FIELDS: &[Field] = &[
    Field { name: "genre", about: "as written or chosen; kinds count: Rock is also Metal", of: Of::Genre },
    Field { name: "artist", about: "as the tags say", of: Of::Text(|f| f.track.credits.artist.clone()) },
    Field { name: "album", about: "as the tags say", of: Of::Text(|f| f.track.credits.album.clone()) },
    Field { name: "title", about: "as the tags say", of: Of::Text(|f| f.track.credits.title.clone()) },
    Field {
        name: "path",
        about: "of the file, from the root",
        of: Of::Text(|f| Some(f.track.path.to_string_lossy().into_owned())),
    },
    Field {
        name: "bpm",
        about: "tempo in beats a minute",
        of: Of::Number(|f| described(f, |d| d.tempo.ok().map(|tempo| tempo.bpm))),
    },
    Field { name: "key", about: "`A minor`, `Am`, `8A` or `1m`", of: Of::Key },
    Field {
        name: "mode",
        about: "major or minor",
        of: Of::Word(&["major", "minor"], |f| {
            let word = |key: Key| if key.mode == Mode::Major { "major" } else { "minor" };
            described(f, |d| d.key.ok().map(|key| word(key).to_owned()))
        }),
    },
    Field { name: "energy", about: "0 to 1", of: Of::Number(|f| described(f, |d| d.energy.ok())) },
    Field { name: "danceability", about: "about 0.5 to 3", of: Of::Number(|f| described(f, |d| d.danceability.ok())) },
    Field { name: "beat_strength", about: "0 to 1", of: Of::Number(|f| described(f, |d| d.beat_strength.ok())) },
    Field { name: "loudness", about: "LUFS, about -40 to -5", of: Of::Number(|f| described(f, |d| d.loudness.ok())) },
    Field {
        name: "mood",
        about: "happy, tense, sad or calm",
        of: Of::Word(&["happy", "tense", "sad", "calm"], |f| {
            let word = |quadrant: Quadrant| quadrant.to_string();
            described(f, |d| d.mood.ok().map(|mood| word(mood.quadrant)))
        }),
    },
    Field {
        name: "valence",
        about: "0 to 1: how likely it is pleasant",
        of: Of::Number(|f| described(f, |d| d.mood.ok().map(|mood| mood.valence))),
    },
    Field {
        name: "arousal",
        about: "0 to 1: how likely it is lively",
        of: Of::Number(|f| described(f, |d| d.mood.ok().map(|mood| mood.arousal))),
    },
    Field { name: "confidence", about: "of the genre, 0 to 1", of: Of::Number(|f| f.track.confidence.map(f64::from)) },
    Field {
        name: "duration",
        about: "in seconds, or as 3:30",
        of: Of::Seconds(|f| f.track.duration.map(|d| d.as_secs_f64())),
    },
    Field {
        name: "added",
        about: "when it was first seen: a day, 2026-11-29",
        of: Of::Moment(|f| Some(f.track.added_at as f64)),
    },
    Field {
        name: "age",
        about: "days since it was first seen",
        of: Of::Number(|f| Some((f.now - f.track.added_at).max(0) as f64 / DAY)),
    },
];

impl Field {
    /// The field of this name; `Err` is the one that was probably meant.
    pub(super) fn named(name: &str) -> Result<&'static Self, Option<&'static Self>> {
        if let Some(field) = FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name)) {
            return Ok(field);
        }
        let name = name.to_lowercase();
        let near = |field: &&'static Field| strsim::damerau_levenshtein(&name, field.name);
        Err(FIELDS.iter().min_by_key(near).filter(|field| near(field) <= 1 + name.len() / 4))
    }

    /// What a track has of it.
    pub(super) fn value(&self, facts: &Facts<'_>) -> Option<Value> {
        match self.of {
            Of::Genre => facts.track.genre.clone().map(Value::Text),
            Of::Text(of) | Of::Word(_, of) => of(facts).map(Value::Text),
            Of::Key => described(facts, |d| d.key.ok()).map(|key| Value::Number(key.number() as f64)),
            Of::Number(of) | Of::Seconds(of) | Of::Moment(of) => of(facts).map(Value::Number),
        }
    }

    /// Whether it is not known where scans do not find out what a sound is like.
    pub fn needs_descriptors(&self) -> bool {
        const NEEDED: [&str; 10] =
            ["bpm", "key", "mode", "energy", "danceability", "beat_strength", "loudness", "mood", "valence", "arousal"];
        NEEDED.contains(&self.name)
    }
}
