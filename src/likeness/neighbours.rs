//! Which tracks are most like others: what was asked about is left out, and so are further copies of the same
//! recording.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::atlas::Atlas;
use super::nearest::{Found, nearest};
use super::row::{Head, Packed};
use super::{LikenessError, Sound};
use crate::genre::Taxonomy;
use crate::store::{AudioKey, ListedTrack, Store};

/// Recordings whose lengths differ by more are not the same, in milliseconds: an encoder adds up to a tenth of a
/// second.
const SAME_LENGTH: u32 = 500;
/// Descriptions of the same recording in two encodings agree by more than this, and genres and moods by more than that:
/// measured, 0.995 at the least down to 96 kbit/s.
const SAME_DESCRIPTION: f32 = 0.99;
const SAME_SHARES: f32 = 0.97;

/// What was asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The file, which is not listed.
    pub path: PathBuf,
    /// Its audio, where the database knows it.
    pub audio: Option<AudioKey>,
    /// How it sounds.
    pub sound: Sound,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// How many tracks.
    pub limit: usize,
    /// Only these genres and their kinds, by any name; empty: any.
    pub genres: Vec<String>,
    /// Only at this pace, in beats a minute; where it is not known, not.
    pub bpm: Option<RangeInclusive<f32>>,
    /// Only in one of these keys, by [`crate::descriptors::Key::number`]; empty: any.
    pub keys: Vec<usize>,
    /// Whether copies are listed too: of what was asked about, and of what was listed before.
    pub duplicates: bool,
}

/// A track that sounds alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// The track.
    pub track: ListedTrack,
    /// How alike it is: 1 is the same.
    pub likeness: f32,
    /// Whether it is a copy of a recording that was asked about or listed before.
    pub is_duplicate: bool,
}

/// The tracks of an atlas that are most like all that was asked about, the most alike first. Files that are gone are
/// left out, and so is what was asked about.
///
/// # Errors
/// [`LikenessError`] when the database or the atlas fails.
pub fn neighbours(
    store: &Store,
    atlas: &Atlas,
    asked: &[Asked],
    wanted: &Wanted,
) -> Result<Vec<Neighbour>, LikenessError> {
    let sounds: Vec<Sound> = asked.iter().map(|asked| asked.sound.clone()).collect();
    let Some(sound) = Sound::between(&sounds) else { return Ok(Vec::new()) };
    let of_genre = of_genres(store, &wanted.genres)?;
    let may_be = |head: &Head| {
        wanted.bpm.as_ref().is_none_or(|bpm| head.bpm.is_some_and(|its| bpm.contains(&its)))
            && (wanted.keys.is_empty() || head.key.is_some_and(|key| wanted.keys.contains(&usize::from(key))))
            && of_genre.as_ref().is_none_or(|of| of.contains(&head.audio.number()))
    };
    let originals = originals(atlas, asked)?;
    let mut most = wanted.limit.saturating_mul(2).saturating_add(32);
    loop {
        let found = nearest(atlas, &sound, most, may_be)?;
        let exhausted = found.len() < most;
        let list = listed(store, atlas, asked, &originals, found, wanted)?;
        // Of copies and of what is gone there may be more than was thought of.
        if exhausted || list.len() >= wanted.limit {
            return Ok(list);
        }
        most = most.saturating_mul(4);
    }
}

/// What copies are told by.
struct Original {
    head: Head,
    sound: Packed,
    /// Whether it is one that was asked about.
    is_asked: bool,
}

fn originals(atlas: &Atlas, asked: &[Asked]) -> Result<Vec<Original>, LikenessError> {
    let mut originals = Vec::new();
    for asked in asked {
        let sound = Packed::of(&asked.sound);
        let row = asked.audio.map(|audio| atlas.row_of(audio)).transpose()?.flatten();
        let nobody = AudioKey::from_number(-1);
        let unknown = Head { audio: asked.audio.unwrap_or(nobody), duration: None, bpm: None, key: None, scale: 0.0 };
        let head = row.and_then(|row| Head::read(&row)).unwrap_or(unknown);
        originals.push(Original { head: Head { scale: sound.scale, ..head }, sound, is_asked: true });
    }
    Ok(originals)
}

fn listed(
    store: &Store,
    atlas: &Atlas,
    asked: &[Asked],
    originals: &[Original],
    found: Vec<Found>,
    wanted: &Wanted,
) -> Result<Vec<Neighbour>, LikenessError> {
    let (kind, window) = atlas.measure.described_as();
    let size = atlas.measure.sizes().0;
    let mut heard: Vec<Original> = Vec::new();
    let mut list = Vec::new();
    for found in found {
        let known = || originals.iter().chain(&heard);
        let is_copy = known().any(|original| is_same_recording(original, &found, size));
        if is_copy && !wanted.duplicates {
            continue;
        }
        let tracks = store.tracks_of(found.head.audio, (&kind, window))?.into_iter();
        let tracks = tracks.filter(|track| asked.iter().all(|asked| asked.path != track.path));
        // A file that was deleted since the last look at its folder, or whose disk is away, is no use to who wants to
        // hear it.
        let tracks = tracks.filter(|track| track.path.symlink_metadata().is_ok());
        for (nth, track) in tracks.enumerate() {
            let is_duplicate = is_copy || nth > 0;
            if list.len() < wanted.limit && (wanted.duplicates || !is_duplicate) {
                list.push(Neighbour { track, likeness: found.likeness.clamp(0.0, 1.0), is_duplicate });
            }
        }
        let Found { head, sound, .. } = found;
        heard.push(Original { head, sound, is_asked: false });
        if list.len() >= wanted.limit {
            break;
        }
    }
    Ok(list)
}

/// Whether two rows are the same recording, in whatever encoding: equally long, and described alike in everything.
fn is_same_recording(original: &Original, found: &Found, size: usize) -> bool {
    let (a, b) = (&original.head, &found.head);
    if a.audio == b.audio {
        return true;
    }
    let same_length = match (a.duration, b.duration) {
        (Some(a), Some(b)) => a.abs_diff(b) <= SAME_LENGTH,
        // What the database does not know yet is compared by its sound alone.
        _ => original.is_asked,
    };
    let agree = |of: fn(&Sound) -> &[f32]| -> f32 {
        let (a, b) = (original.sound.unpacked(size), found.sound.unpacked(size));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let (a, b) = (of(&a), of(&b));
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
    };
    same_length && agree(|s| &s.description) >= SAME_DESCRIPTION && agree(|s| &s.shares) >= SAME_SHARES
}

/// All audio of these genres and their kinds; none where none was asked for.
fn of_genres(store: &Store, genres: &[String]) -> Result<Option<HashSet<i64>>, LikenessError> {
    if genres.is_empty() {
        return Ok(None);
    }
    let taxonomy = Taxonomy::builtin()?;
    let words = store.genre_words()?.into_iter();
    let words: Vec<String> =
        words.filter(|word| genres.iter().any(|wanted| taxonomy.is_kind_of(word, wanted))).collect();
    Ok(Some(store.audio_of_genres(&words)?))
}
