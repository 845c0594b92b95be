//! Fragments (ISO/IEC 14496-12, 8.8): sound whose places are told beside it, all over the file. What counts from the
//! start of the file follows when `moov` grows: the base offsets of `tfhd`, and `mfra`, which tells where the
//! fragments lie. All else counts from the fragment itself, or from the index that stands behind `moov` as it does.

use std::ops::Range;

use super::super::editor::Splice;
use super::super::error::{Problem, Refusal};
use super::super::source::Source;
use super::atoms::{self, Atom, WHAT};
use super::places;

/// Largest atom of a fragment, beside its sound, in bytes.
const LIMIT: u64 = 16 << 20;
/// More places than this are refused.
const MAX_PLACES: usize = 1 << 20;
/// The flag of a `tfhd` that has a base offset.
const HAS_BASE: u8 = 1;

/// All fragments of a file.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// Where places are told, in their order.
    places: Vec<Place>,
    /// How many there are.
    pub(super) count: usize,
    /// Where the first atom of them stands.
    pub(super) start: Option<u64>,
}

/// A place in the file that some atom tells.
#[derive(Debug)]
struct Place {
    /// Where it is told.
    at: Range<u64>,
    value: u64,
}

impl Fragments {
    /// Whether the kind of an atom at the top of a file belongs to fragments.
    pub(super) fn is_one(kind: &[u8; 4]) -> bool {
        matches!(kind, b"moof" | b"styp" | b"sidx" | b"ssix" | b"mfra" | b"emsg" | b"prft")
    }

    /// Takes in the next atom of one. Answers what in it may tell places as well.
    pub(super) fn add(&mut self, source: &dyn Source, atom: &Atom<u64>) -> Result<Option<String>, Problem> {
        self.start = self.start.or(Some(atom.range.start));
        if !matches!(&atom.kind, b"moof" | b"mfra") {
            return Ok(None);
        }
        let raw = source.bytes(atom.range.clone(), LIMIT, "fragment")?;
        let body = (atom.body - atom.range.start) as usize;
        let (children, _) = atoms::walk(&raw, body..raw.len())?;
        let mut stranger = places::stranger(&atom.kind, &children, |child| atoms::long_name(&raw, child));
        let start = atom.range.start;
        if atom.kind == *b"mfra" {
            for table in children.iter().filter(|child| child.kind == *b"tfra") {
                self.add_table(&raw, table, start)?;
            }
        } else {
            self.count += 1;
            for track in children.iter().filter(|child| child.kind == *b"traf") {
                let (parts, _) = atoms::walk(&raw, track.body..track.range.end)?;
                stranger = stranger.or(places::stranger(b"traf", &parts, |child| atoms::long_name(&raw, child)));
                if parts.iter().any(|part| matches!(&part.kind, b"saio" | b"senc")) {
                    return Err(Refusal::Unsupported { what: "MP4", why: ENCRYPTED }.into());
                }
                for header in parts.iter().filter(|part| part.kind == *b"tfhd") {
                    if raw[..header.range.end].get(header.body + 3).is_some_and(|flags| flags & HAS_BASE != 0) {
                        self.push(&raw, header.body + 8..header.body + 16, header, start)?;
                    }
                }
            }
        }
        Ok(stranger)
    }

    /// The places of a table of fragments.
    fn add_table(&mut self, raw: &[u8], table: &Atom<usize>, start: u64) -> Result<(), Refusal> {
        let cut = Refusal::Damaged { what: WHAT, why: "a table of fragments is cut off" };
        let head = raw[..table.range.end].get(table.body..table.body + 16).ok_or(cut)?;
        let width = if head[0] == 0 { 4 } else { 8 };
        let numbers: usize = [4, 2, 0].map(|shift| usize::from(head[11] >> shift & 3) + 1).iter().sum();
        let count = u32::from_be_bytes([head[12], head[13], head[14], head[15]]) as usize;
        let mut at = table.body + 16;
        for _ in 0..count {
            self.push(raw, at + width..at + 2 * width, table, start)?;
            at += 2 * width + numbers;
        }
        Ok(())
    }

    /// A place that is told at `at` in an atom that begins at `start`.
    fn push(&mut self, raw: &[u8], at: Range<usize>, holder: &Atom<usize>, start: u64) -> Result<(), Refusal> {
        if self.places.len() == MAX_PLACES {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are too many fragments" });
        }
        let cut = Refusal::Damaged { what: WHAT, why: "a part of a fragment is cut off" };
        let bytes = raw[..holder.range.end].get(at.clone()).ok_or(cut)?;
        let value = bytes.iter().fold(0, |value: u64, &byte| value << 8 | u64::from(byte));
        self.places.push(Place { at: start + at.start as u64..start + at.end as u64, value });
        Ok(())
    }

    /// Whether some place is in front of the end of `moov`: it counts from the start of the file, and what is told with
    /// it would not follow.
    pub(super) fn count_from_the_start(&self, moov_end: u64) -> bool {
        self.places.iter().any(|place| place.value < moov_end)
    }

    /// Whether a place that is told lies there.
    pub(super) fn name_one_in(&self, range: &Range<u64>) -> bool {
        self.places.iter().any(|place| range.contains(&place.value))
    }

    fn within(&self, range: &Range<u64>) -> &[Place] {
        let first = |at: u64| self.places.partition_point(|place| place.at.start < at);
        &self.places[first(range.start)..first(range.end)]
    }

    /// The hash of an atom of fragments in which every place stands as `position` tells it.
    pub(super) fn digest(
        &self,
        source: &dyn Source,
        range: &Range<u64>,
        position: impl Fn(u64) -> (u64, u64),
    ) -> Result<blake3::Hash, Problem> {
        let mut hasher = blake3::Hasher::new();
        let mut from = range.start;
        for place in self.within(range) {
            hasher.update(source.digest(std::slice::from_ref(&(from..place.at.start)))?.as_bytes());
            let (atom, behind) = position(place.value);
            hasher.update(&atom.to_be_bytes()).update(&behind.to_be_bytes());
            from = place.at.end;
        }
        hasher.update(source.digest(std::slice::from_ref(&(from..range.end)))?.as_bytes());
        Ok(hasher.finalize())
    }

    /// The changes that let every place follow what moves by `shift` from `from` on.
    pub(super) fn follow(&self, from: u64, shift: i64) -> Result<Vec<Splice>, Refusal> {
        let moving = self.places.iter().filter(|place| shift != 0 && place.value >= from);
        let moved = moving.map(|place| {
            let width = (place.at.end - place.at.start) as usize;
            let limit = if width == 8 { u64::MAX } else { u64::from(u32::MAX) };
            let value = place.value.checked_add_signed(shift).filter(|&value| value <= limit);
            let value = value.ok_or(Refusal::TooLarge { what: "place of a fragment", limit })?.to_be_bytes();
            Ok(Splice { range: place.at.clone(), bytes: value[8 - width..].to_vec() })
        });
        moved.collect()
    }
}

pub(super) const ENCRYPTED: &str = "its sound is encrypted, and fragmented";
