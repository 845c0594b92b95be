//! Examples: what the store knows of tracks whose genre somebody said, as rows of numbers with their labels.
//!
//! A row is what the models said of the sound: the 518 features, descriptions, and the logarithms of scores. What no model that is in
//! use has said of nearly all examples is left out of every row; an example that lacks the rest is left out itself, and counted.
//! Memory is bounded: of more than [`MAX_EXAMPLES`] tracks a part is taken that spreads evenly over genres and artists.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use rayon::prelude::*;

use super::LearnError;
use super::names::{Class, Enough, Meaning, Names, Rare};
use super::places::place;
use super::softmax::Target;
use crate::genre::{Genre, Naming, Taxonomy};
use crate::inference::{Part, PartOutput, SaidPart};
use crate::pipeline::{AudioAnswers, StoredAnswers};
use crate::store::{AnalysedTrack, AudioKey, Store, TrackStatus};
use crate::tagging::{self, Credits};

/// More tracks than this are not learned from at once: about 200 MB of rows.
pub const MAX_EXAMPLES: usize = 50_000;
/// What is no example of any genre that is learned, at the most.
const MAX_BACKGROUND: usize = 2_000;
/// A vote that is this sure may stand for what its owner did not say.
const SURE: f32 = 0.7;
/// Where this part of some music was named, the names are taken for a fair sample of it.
const FAIR_SHARE: f64 = 0.2;
/// The share of examples that has to have a part for it to be used.
const NEARLY_ALL: f64 = 0.9;
/// Examples by which that is decided.
const PROBED: usize = 500;

/// Who said what a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The owner, by a choice or by accepting a verdict.
    Owner,
    /// The track's own tags.
    Tags,
    /// Nobody: the vote was sure that it is none of the genres that are learned.
    Background,
}

/// What is learned from, besides the rows.
#[derive(Debug, Clone)]
pub struct Example {
    /// The file.
    pub path: PathBuf,
    /// Who said so.
    pub source: Source,
    /// Whose music it is, by a number below [`Examples::groups`].
    pub group: usize,
    /// What the voters said of it.
    pub(super) shares: Option<Vec<Vec<f32>>>,
}

/// All that is learned from.
pub struct Examples {
    /// A row each, as it was remembered: scores are no logarithms yet.
    pub(super) rows: Array2<f32>,
    /// What a row is made of.
    pub(super) parts: Vec<Part>,
    /// Classes of each, the label behind the last class being all other music.
    pub(super) targets: Vec<Target>,
    /// How many of the classes are the owner's; those behind are what else the voters have words for.
    pub(super) named: usize,
    /// The examples.
    pub list: Vec<Example>,
    /// The genres that are learned, then those that are only passed on.
    pub classes: Vec<Class>,
    /// Whether there are examples of other music.
    pub has_other: bool,
    /// Artists, or folders where none is known.
    pub groups: usize,
    /// What is too rare.
    pub rare: Vec<Rare>,
    /// What was found besides.
    pub found: Found,
}

/// How many tracks there were of what kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// Tracks that the database knows the audio of.
    pub analysed: usize,
    /// Tracks that their owner said the genre of.
    pub chosen: usize,
    /// Tracks whose tags say a genre that is not ours.
    pub tagged: usize,
    /// Copies of a recording that counts already.
    pub copies: usize,
    /// Copies of a recording that were given different genres.
    pub contradicting: usize,
    /// Tracks of which the models that are in use have said nothing: analysed by other models or an older version.
    pub not_asked: usize,
    /// Tracks that were left out since there are more than can be learned from at once.
    pub left_over: usize,
}

/// What to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Whether the genres in the library's own tags count.
    pub from_tags: bool,
    /// What a genre has to have.
    pub enough: Enough,
}

/// A track that somebody said the genre of.
struct Labelled {
    path: PathBuf,
    audio: AudioKey,
    artist: Option<String>,
    values: Vec<String>,
    source: Source,
}

impl Examples {
    /// Gathers them.
    ///
    /// # Errors
    /// [`LearnError`] when the database fails.
    pub fn gather(store: &Store, stored: &StoredAnswers, naming: &Naming, wanted: Wanted) -> Result<Self, LearnError> {
        let taxonomy = stored.taxonomy();
        let mut found = Found::default();
        let (mut labelled, mut background, mut untold) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sure_of_named, mut sure_of_others) =
            (HashMap::<String, usize>::new(), HashMap::<String, usize>::new());
        store.analysed(|track| {
            found.analysed += 1;
            let is_sure = track.confidence.is_some_and(|confidence| confidence >= SURE) && !track.is_not_music;
            let AnalysedTrack { path, audio, artist, .. } = track;
            match track.chosen.filter(|genres| !genres.is_empty()) {
                Some(values) => {
                    found.chosen += 1;
                    track.genre.filter(|_| is_sure).into_iter().for_each(|g| *sure_of_named.entry(g).or_default() += 1);
                    labelled.push(Labelled { path, audio, artist, values, source: Source::Owner });
                }
                None if wanted.from_tags && !track.is_gone => untold.push((path, audio, artist)),
                None => {
                    let stands = matches!(track.status, TrackStatus::Tagged | TrackStatus::Kept);
                    if let Some(genre) = track.genre.filter(|_| is_sure && stands) {
                        *sure_of_others.entry(genre.clone()).or_default() += 1;
                        thin_out(&mut background, (path, audio, artist, genre));
                    }
                }
            }
        })?;
        if wanted.from_tags {
            labelled.extend(from_tags(untold, taxonomy));
            found.tagged = labelled.len() - found.chosen;
        }
        once_each(&mut labelled, &mut found);
        let mut groups = Groups::default();
        let groups_of = artists(store, labelled.iter().map(|l| (l.path.as_path(), l.artist.as_deref())))?;
        let mut names = Names::new(taxonomy, naming);
        let read: Vec<(Vec<usize>, usize)> =
            labelled.iter().zip(&groups_of).map(|(l, group)| (names.read(&l.values), groups.number(group))).collect();
        let (meanings, mut classes, rare) = names.settle(&read, wanted.enough);
        let words = stored.words();
        place(&mut classes, taxonomy, &words);
        let named = classes.len();
        if named > 0 {
            let rest = rest_of(&words, &classes, taxonomy);
            classes.extend(rest);
        }
        let passed_on = |genre: &Genre| {
            let family = taxonomy.family(genre);
            let is = |class: &Class| taxonomy.family(&class.genre) == family;
            classes[named..].iter().position(is).map(|at| (named + at) as u16)
        };
        let other = classes.len() as u16;
        let mut chosen: Vec<(Labelled, usize, Target)> = Vec::new();
        for (labelled, (names, group)) in labelled.into_iter().zip(read) {
            let of = |name: &usize| match &meanings[*name] {
                Meaning::Class(class) => Some(*class as u16),
                Meaning::Other(genre) => genre.as_ref().and_then(passed_on),
                Meaning::Unclear => None,
            };
            let mut target: Target = names.iter().filter_map(of).collect();
            target.sort_unstable();
            target.dedup();
            if target.is_empty()
                && !names.is_empty()
                && names.iter().all(|name| matches!(meanings[*name], Meaning::Other(_)))
            {
                target.push(other);
            }
            if !target.is_empty() {
                chosen.push((labelled, group, target));
            }
        }
        let n = chosen.len();
        chosen = evenly(chosen, MAX_EXAMPLES);
        found.left_over = n - chosen.len();
        if !classes.is_empty() {
            // Where a fair part of what the vote calls so was named, and otherwise, the rest of it is no other music.
            let count = |of: &HashMap<String, usize>, genre: &str| of.get(genre).copied().unwrap_or(0) as f64;
            let is_named = |genre: &str| {
                let named = count(&sure_of_named, genre);
                named >= FAIR_SHARE * (named + count(&sure_of_others, genre))
            };
            background.retain(|(.., genre)| !is_named(genre) && is_unlike(genre, &classes[..named], taxonomy));
            background.truncate(MAX_BACKGROUND.min(chosen.len()));
            let of = artists(store, background.iter().map(|b| (b.0.as_path(), b.2.as_deref())))?;
            for ((path, audio, artist, genre), group) in background.into_iter().zip(of) {
                let label = taxonomy.canonical(&genre).and_then(passed_on).unwrap_or(other);
                let labelled = Labelled { path, audio, artist, values: Vec::new(), source: Source::Background };
                chosen.push((labelled, groups.number(&group), vec![label]));
            }
        }
        let (parts, said) = probe(store, stored, &chosen)?;
        if parts.is_empty() {
            found.not_asked = chosen.len();
            chosen.clear();
        }
        let width: usize = parts.iter().map(|(_, part)| part.size()).sum();
        let (mut numbers, mut list, mut targets) = (Vec::with_capacity(chosen.len() * width), Vec::new(), Vec::new());
        let mut probed = said.into_iter();
        for (labelled, group, target) in chosen {
            let Labelled { path, audio, source, .. } = labelled;
            let said = match probed.next() {
                Some(said) => said,
                None => stored.of(store, audio)?,
            };
            let row: Option<Vec<&[f32]>> = parts.iter().map(|(at, part)| fitting(&said, *at, part.size())).collect();
            let Some(row) = row.filter(|row| row.iter().all(|part| part.iter().all(|x| x.is_finite()))) else {
                found.not_asked += 1;
                continue;
            };
            row.into_iter().for_each(|part| numbers.extend_from_slice(part));
            list.push(Example { path, source, group, shares: said.shares });
            targets.push(target);
        }
        let has_other = targets.iter().flatten().any(|&label| label == other);
        let rows = Array2::from_shape_vec((list.len(), width), numbers).unwrap_or_default();
        let parts = parts.into_iter().map(|(_, part)| part).collect();
        let groups = groups.0.len();
        Ok(Self { rows, parts, targets, list, named, classes, has_other, groups, rare, found })
    }

    /// How many examples are none of the owner's genres.
    pub(super) fn others(&self) -> usize {
        self.targets.iter().filter(|target| target.iter().any(|&label| usize::from(label) >= self.named)).count()
    }

    /// Whether so much of the library was named that what was not is taken to be more of the same.
    pub(super) fn is_fair_share(&self) -> bool {
        (self.found.chosen + self.found.tagged) as f64 >= FAIR_SHARE * self.found.analysed as f64
    }

    /// How many labels there are: the classes, and all other music where there are examples of it.
    pub fn labels(&self) -> usize {
        self.classes.len() + usize::from(self.has_other)
    }

    /// How many numbers of a row are taken as they are; the rest are probabilities.
    pub(super) fn plain(&self) -> usize {
        self.parts.iter().filter(|part| !is_scores(part)).map(Part::size).sum()
    }
}

pub(super) fn is_scores(part: &Part) -> bool {
    matches!(part, Part::Said(SaidPart { output: PartOutput::Scores, .. }))
}

/// A part of what was said, where it is there and as long as it should be.
pub(super) fn fitting(said: &AudioAnswers, at: usize, size: usize) -> Option<&[f32]> {
    said.parts.get(at)?.as_deref().filter(|part| part.len() == size)
}

type Parts = Vec<(usize, Part)>;

/// The parts that nearly all examples have, with their sizes, and what was read to find out.
fn probe(
    store: &Store,
    stored: &StoredAnswers,
    chosen: &[(Labelled, usize, Target)],
) -> Result<(Parts, Vec<AudioAnswers>), LearnError> {
    let said = chosen.iter().take(PROBED).map(|(labelled, ..)| stored.of(store, labelled.audio));
    let said = said.collect::<Result<Vec<AudioAnswers>, _>>()?;
    let mut parts = Vec::new();
    for (at, part) in stored.parts().into_iter().enumerate() {
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        said.iter().filter_map(|said| said.parts[at].as_ref()).for_each(|p| *sizes.entry(p.len()).or_default() += 1);
        let Some((size, n)) = sizes.into_iter().max_by_key(|(_, n)| *n) else { continue };
        if (n as f64) < NEARLY_ALL * said.len() as f64 {
            continue;
        }
        parts.push((
            at,
            match part {
                Part::Said(part) => Part::Said(SaidPart { size, ..part }),
                features => features,
            },
        ));
    }
    Ok((parts, said))
}

/// The voters' words for what the owner has no name for: a model that is learned passes on what they say of it. Kinds count as the widest word.
fn rest_of(words: &[BTreeSet<Genre>], classes: &[Class], taxonomy: &Taxonomy) -> Vec<Class> {
    let all: BTreeSet<&Genre> = words.iter().flatten().collect();
    let is_widest = |genre: &&Genre| !taxonomy.ancestors(genre).any(|wide| all.contains(wide));
    let apart = all.iter().copied().filter(is_widest).filter(|genre| is_unlike(genre.as_str(), classes, taxonomy));
    apart.filter_map(|genre| Class::passed_on(genre.clone())).collect()
}

/// Whether a sure vote for this genre speaks against all classes.
fn is_unlike(genre: &str, classes: &[Class], taxonomy: &Taxonomy) -> bool {
    let folded = Taxonomy::folded(genre);
    let Some(genre) = taxonomy.canonical(genre) else { return false };
    let family = taxonomy.family(genre);
    !classes.iter().any(|class| {
        let of = class.known_as.as_ref();
        Taxonomy::folded(&class.name) == folded || of.is_some_and(|of| taxonomy.family(of) == family)
    })
}

/// Keeps a bounded part of many, always the same one.
fn thin_out<T>(kept: &mut Vec<(PathBuf, AudioKey, Option<String>, T)>, next: (PathBuf, AudioKey, Option<String>, T)) {
    kept.push(next);
    if kept.len() > 8 * MAX_BACKGROUND {
        kept.sort_by_key(|(path, ..)| in_disorder(path));
        kept.truncate(4 * MAX_BACKGROUND);
    }
}

fn in_disorder(path: &Path) -> u64 {
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes());
    hash.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Tracks whose tags hold a genre that this program did not write.
fn from_tags(tracks: Vec<(PathBuf, AudioKey, Option<String>)>, taxonomy: &Taxonomy) -> Vec<Labelled> {
    let read = |(path, audio, artist): (PathBuf, AudioKey, Option<String>)| {
        let state = tagging::read(&path).ok()?;
        if state.genre_is_ours() || !state.has_genre() {
            return None;
        }
        // What is listed as no genre (`Other`, `Favourites`) is no word about the music.
        let values =
            state.genres.into_iter().filter(|value| taxonomy.why_no_genre(value).is_none()).collect::<Vec<_>>();
        (!values.is_empty()).then_some(Labelled { path, audio, artist, values, source: Source::Tags })
    };
    tracks.into_par_iter().filter_map(read).collect()
}

/// One example a recording: what was said of its copies is said of it.
fn once_each(labelled: &mut Vec<Labelled>, found: &mut Found) {
    let mut first: HashMap<AudioKey, usize> = HashMap::new();
    let mut kept: Vec<Labelled> = Vec::with_capacity(labelled.len());
    for next in labelled.drain(..) {
        let Some(&at) = first.get(&next.audio) else {
            first.insert(next.audio, kept.len());
            kept.push(next);
            continue;
        };
        found.copies += 1;
        let known = &mut kept[at];
        if known.source == Source::Owner && next.source == Source::Tags {
            continue;
        }
        if known.values.iter().any(|value| !next.values.contains(value)) || next.values.len() != known.values.len() {
            found.contradicting += 1;
            known.values.extend(next.values);
        }
    }
    *labelled = kept;
}

/// Whose music each track is: as it was noted, else as its tags say, which is noted then; what lies in one folder and says nothing is one
/// artist's.
fn artists<'p>(
    store: &Store,
    tracks: impl Iterator<Item = (&'p Path, Option<&'p str>)>,
) -> Result<Vec<String>, LearnError> {
    let tracks: Vec<(&Path, Option<&str>)> = tracks.collect();
    let read = |(path, known): &(&Path, Option<&str>)| {
        // A file that is not there may say something another time.
        let is_asked = known.is_none() && path.exists();
        is_asked.then(|| ((*path).to_owned(), tagging::credits_of(path)))
    };
    let read: Vec<Option<(PathBuf, Credits)>> = tracks.par_iter().map(read).collect();
    let group = |(path, known): &(&Path, Option<&str>), read: &Option<(PathBuf, Credits)>| {
        let named = known.or_else(|| read.as_ref().and_then(|(_, credits)| credits.artist.as_deref()));
        let named = named.map(Taxonomy::folded).filter(|name| !name.is_empty());
        named.unwrap_or_else(|| format!("/{}", path.parent().unwrap_or(path).to_string_lossy()))
    };
    let groups = tracks.iter().zip(&read).map(|(track, read)| group(track, read)).collect();
    store.note_all_credits(&read.into_iter().flatten().collect::<Vec<_>>())?;
    Ok(groups)
}

/// Artists by numbers.
#[derive(Default)]
struct Groups(HashMap<String, usize>);

impl Groups {
    fn number(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// At most so many, spread evenly over genres and, within a genre, over artists.
fn evenly(all: Vec<(Labelled, usize, Target)>, most: usize) -> Vec<(Labelled, usize, Target)> {
    if all.len() <= most {
        return all;
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&i| in_disorder(&all[i].0.path));
    let mut of_artist: HashMap<(u16, usize), usize> = HashMap::new();
    let mut turns: Vec<(usize, usize)> = order
        .iter()
        .map(|&i| {
            let turn = of_artist.entry((all[i].2[0], all[i].1)).or_default();
            *turn += 1;
            (*turn, i)
        })
        .collect();
    turns.sort_by_key(|(turn, _)| *turn);
    let mut of_genre: HashMap<u16, usize> = HashMap::new();
    let mut turns: Vec<(usize, usize)> = turns
        .into_iter()
        .map(|(_, i)| {
            let turn = of_genre.entry(all[i].2[0]).or_default();
            *turn += 1;
            (*turn, i)
        })
        .collect();
    turns.sort_by_key(|(turn, _)| *turn);
    let mut taken = vec![false; all.len()];
    turns.iter().take(most).for_each(|(_, i)| taken[*i] = true);
    all.into_iter().zip(taken).filter(|(_, taken)| *taken).map(|(one, _)| one).collect()
}
