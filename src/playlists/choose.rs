//! The tracks that a query means, in order.

use std::path::Path;
use std::str::FromStr;

use super::fact::{Facts, Field, Value};
use super::query::compare;
use super::{PlaylistError, Query, QueryError};
use crate::descriptors::Descriptors;
use crate::genre::Taxonomy;
use crate::store::{ListedTrack, Store};

/// Fields to order by, the first one first; `-bpm` the other way round. Equal ones are ordered by their path, and what
/// is not known of a track comes last, so that the order is always the same.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Order(Vec<(&'static Field, bool)>);

impl FromStr for Order {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let mut fields = Vec::new();
        let mut at = 0;
        for part in text.split(',') {
            let name = part.trim();
            let (name, reversed) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
            if !name.is_empty() {
                let field = Field::named(name).map_err(|near| {
                    let near = near.map_or_else(String::new, |near| format!("; did you mean `{}`?", near.name));
                    let at = at + part.len() - part.trim_start().len() + usize::from(reversed);
                    QueryError {
                        text: text.to_owned(),
                        at,
                        what: format!("there is no field `{name}` to order by{near}"),
                    }
                })?;
                fields.push((field, reversed));
            }
            at += part.len() + 1;
        }
        Ok(Self(fields))
    }
}

/// Which tracks, in which order, and how many at the most.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Which.
    pub query: Query,
    /// In which order.
    pub order: Order,
    /// The first so many of them.
    pub limit: Option<usize>,
}

/// The tracks that are meant. `kept_as` is kind and window of the descriptors
/// ([`crate::pipeline::StoredAnswers::descriptors_kept_as`]), `now` seconds since 1970.
///
/// # Errors
/// [`PlaylistError`] when the database fails.
pub fn choose(
    store: &Store,
    request: &Request,
    kept_as: (&str, &str),
    now: i64,
) -> Result<Vec<ListedTrack>, PlaylistError> {
    let taxonomy = Taxonomy::builtin()?;
    let mut chosen: Vec<(Vec<Option<Value>>, ListedTrack)> = Vec::new();
    store.list_tracks(kept_as, |track| {
        let described = track.described.as_deref().and_then(Descriptors::from_row);
        let facts = Facts { track: &track, described, now };
        if request.query.holds(&facts, &taxonomy) {
            let keys = request.order.0.iter().map(|(field, _)| field.value(&facts)).collect();
            chosen.push((keys, track));
        }
    })?;
    chosen.sort_by(|(a, one), (b, other)| {
        let by_field = request.order.0.iter().zip(a.iter().zip(b));
        let mut orders = by_field.map(|((_, reversed), (a, b))| compare(a.as_ref(), b.as_ref(), *reversed));
        let first = orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal);
        first.then_with(|| bytes(&one.path).cmp(bytes(&other.path)))
    });
    chosen.truncate(request.limit.unwrap_or(usize::MAX));
    Ok(chosen.into_iter().map(|(_, track)| track).collect())
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::descriptors::{Absent, Key, Mode, Mood, Quadrant, Tempo};
    use crate::store::AudioKey;
    use crate::tagging::Credits;

    fn track(genre: &str, bpm: Option<f64>) -> ListedTrack {
        let described = Descriptors {
            duration: 30.0,
            tempo: bpm.map(|bpm| Tempo { bpm, confidence: 0.8, rival: 60.0, rival_share: 0.1 }).ok_or(Absent::NoBeat),
            beat_strength: Ok(0.5),
            key: Ok(Key { tonic: 9, mode: Mode::Minor, confidence: 0.5 }),
            loudness: Ok(-14.0),
            energy: Ok(0.25),
            danceability: Ok(1.0),
            mood: Ok(Mood { quadrant: Quadrant::Calm, confidence: 0.5, valence: 0.75, arousal: 0.25 }),
        };
        ListedTrack {
            path: PathBuf::from("/m/Ana/song.flac"),
            audio: AudioKey::from_number(1),
            genre: Some(genre.to_owned()),
            confidence: Some(0.8),
            credits: Credits { artist: Some("Ana".to_owned()), title: None, album: None },
            duration: Some(Duration::from_secs(210)),
            added_at: 1_795_910_400, // 2026-11-29
            described: Some(described.to_row()),
        }
    }

    fn holds(query: &str, track: &ListedTrack) -> bool {
        let described = track.described.as_deref().and_then(Descriptors::from_row);
        let facts = Facts { track, described, now: track.added_at + 86_400 };
        Query::parse(query).unwrap().holds(&facts, &Taxonomy::builtin().unwrap())
    }

    #[test]
    fn a_question_means_what_it_says() {
        let jazz = track("Jazz", Some(96.0));
        for query in [
            "",
            "genre = Jazz and energy < 0.4 and bpm 80..110",
            "genre=jazz",
            "genre = \"Rock\" or (bpm > 95 and not mood = tense)",
            "bpm = 80..96 and bpm 96.. and bpm ..96",
            "bpm != 100..110",
            "key = Am and key = 8A and key = 'A minor' and mode = minor and key != C",
            "artist ~ an and path ~ '/M/' and title unknown and artist known",
            "duration 3:00..4:00 and duration >= 210",
            "age < 2 and added > 2026-01-01",
            "confidence >= 0.8 and loudness <= -14",
            "valence > 0.5 and arousal <= 0.5 and mood ~ al",
        ] {
            assert!(holds(query, &jazz), "{query}");
        }
        for query in
            ["genre = Rock", "bpm 80..95", "not genre = Jazz", "bpm < 96", "title = x", "not title = x", "age > 2"]
        {
            assert!(!holds(query, &jazz), "{query}");
        }
        assert!(holds("genre = Rock", &track("Metal", None)), "a kind is meant with its family");
        assert!(!holds("genre = Metal", &track("Rock", None)), "and not the other way round");
    }

    #[test]
    fn what_is_not_known_is_neither_so_nor_otherwise() {
        let still = track("Jazz", None);
        for query in ["bpm < 100", "not bpm < 100", "bpm != 100", "bpm 80..110"] {
            assert!(!holds(query, &still), "{query}");
        }
        assert!(holds("bpm unknown", &still) && holds("bpm < 100 or genre = Jazz", &still));
        let undescribed = ListedTrack { described: None, ..still };
        assert!(holds("energy unknown and key unknown and mood unknown", &undescribed));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (query, at, part) in [
            ("gerne = Jazz", 0, "did you mean `genre`"),
            ("genre = Jazz bpm 80..110", 13, "`and` or `or` is missing"),
            ("genre = Jazz and", 16, "a condition is missing"),
            ("bpm 80..fast", 8, "`fast` is not a number"),
            ("bpm 110..80", 7, "ends before it begins"),
            ("bpm", 3, "a sign and a number are missing"),
            ("bpm ~ 3", 4, "is no text"),
            ("(genre = Jazz", 0, "is not closed"),
            ("genre = Jazz)", 12, "closes nothing"),
            ("genre Jazz", 6, "=, != or ~"),
            ("mood = angry", 7, "one of happy, tense, sad, calm"),
            ("key = Q", 6, "is no key"),
            ("year > 1990", 0, "the year is not kept"),
            ("title = 'x", 8, "has no end"),
            ("'Jazz'", 0, "a field is missing"),
            ("added > yesterday", 8, "is not a day"),
        ] {
            let error = Query::parse(query).unwrap_err();
            assert!(error.what.contains(part), "{query}: {error}");
            assert_eq!(error.at, at, "{query}: {error}");
        }
        let error = Query::parse("künstler = x").unwrap_err().to_string();
        assert!(error.contains("(character 1)\n    künstler = x\n    ^"), "{error}");
        let error = Query::parse("artist = Björk nad bpm 3").unwrap_err().to_string();
        assert!(error.ends_with("\n                   ^"), "{error}");
        assert!(Query::parse(&"(".repeat(100_000)).is_err(), "and no stack is used up");
        assert!("bpm,-gerne".parse::<Order>().unwrap_err().what.contains("genre"));
    }
}
