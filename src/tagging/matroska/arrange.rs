//! Where changed Tags go: into their old place and the unused space behind it; else to the end of the segment, where
//! the SeekHead tells of them; else into unused space in front of the sound. Nothing else ever moves.

use std::ops::Range;

use super::super::editor::Splice;
use super::super::error::Refusal;
use super::MatroskaFile;
use super::ebml::{self, Element};
use super::seek::Moved;
use super::segment::{CLUSTER, TAGS};

/// What becomes of the Tags elements, by their number; and one that is made.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Bodies; none where the element goes.
    pub(super) bodies: Vec<(usize, Option<Vec<u8>>)>,
    pub(super) created: Option<Vec<u8>>,
}

/// Changes of the index: what has moved, and what it has to tell of for the first time.
#[derive(Clone, Debug, Default)]
struct Places {
    moved: Vec<(u64, Moved)>,
    added: Vec<u64>,
}

/// Tags that cannot stay where they are.
struct Homeless {
    /// The number of the first such element, where it is not a new one.
    from: Option<usize>,
    /// Their bodies, in their order.
    bodies: Vec<Vec<u8>>,
}

impl MatroskaFile {
    fn place(&self, tags: usize) -> &Element<u64> {
        &self.segment.elements[self.places[tags]]
    }

    /// An element and the unused space right behind it.
    fn region(&self, number: usize) -> Range<u64> {
        let element = &self.segment.elements[number];
        let free = self.is_free.get(number + 1).is_some_and(|&free| free);
        element.range.start..if free { self.segment.elements[number + 1].range.end } else { element.range.end }
    }

    /// The changes of the file that bring the Tags into it.
    pub(super) fn arrange(&self, change: &Change) -> Result<Vec<Splice>, Refusal> {
        let mut splices = Vec::new();
        let mut places = Places::default();
        let mut homeless = change.created.clone().map(|body| Homeless { from: None, bodies: vec![body] });
        for (number, body) in &change.bodies {
            let (place, region) = (self.place(*number), self.region(self.places[*number]));
            let room = (region.end - region.start) as usize;
            let Some(body) = body else {
                places.moved.push((self.segment.position(place.range.start), Moved::Gone));
                splices.push(Splice { bytes: ebml::void(room), range: region });
                continue;
            };
            if let Some(bytes) = ebml::render_into(TAGS, place.width, body, room) {
                splices.push(Splice { range: region, bytes });
            } else if region.end == self.segment.end && !self.segment.is_live {
                splices.push(Splice { range: region, bytes: ebml::render(TAGS, place.width, body) });
            } else {
                // Those behind it go along: of several tags the last one counts.
                let body_of = |number: usize| {
                    let changed = change.bodies.iter().find(|(known, _)| *known == number);
                    let raw = || Some(self.tags.elements[number].raw().to_vec());
                    changed.map_or_else(raw, |(_, body)| body.clone())
                };
                let bodies = (*number..self.places.len()).filter_map(body_of).collect();
                homeless = Some(Homeless { from: Some(*number), bodies });
                break;
            }
        }
        let Some(homeless) = homeless else {
            let index = self.index(&places).ok_or(NO_ROOM)?;
            splices.extend(index);
            return self.finish(splices);
        };
        let settled = self.at_the_end(&homeless, &places).or_else(|| self.in_front(&homeless, &places, &splices));
        splices.extend(settled.ok_or(if self.segment.is_live { LIVE } else { NO_ROOM })?);
        self.finish(splices)
    }

    /// Behind all else, with the index telling of it. The old place becomes unused space.
    fn at_the_end(&self, homeless: &Homeless, places: &Places) -> Option<Vec<Splice>> {
        if self.segment.is_live {
            return None;
        }
        let (mut places, mut splices, mut bytes) = (places.clone(), Vec::new(), Vec::new());
        let first = homeless.from.unwrap_or(self.places.len());
        for (number, body) in (first..).zip(&homeless.bodies) {
            let to = self.segment.position(self.segment.end) + bytes.len() as u64;
            bytes.extend(ebml::render(TAGS, 1, body));
            match self.places.get(number) {
                Some(&old) => {
                    let range = self.segment.elements[old].range.clone();
                    places.moved.push((self.segment.position(range.start), Moved::To(to)));
                    splices.push(Splice { bytes: ebml::void((range.end - range.start) as usize), range });
                }
                None => places.added.push(to),
            }
        }
        self.tell_of_all(&mut places);
        splices.extend(self.index(&places)?);
        splices.push(Splice { range: self.segment.end..self.segment.end, bytes });
        Some(splices)
    }

    /// Into unused space in front of the sound, where whoever reads the file from its start meets it. One element
    /// alone, and not in front of another one: of several tags the last one counts.
    fn in_front(&self, homeless: &Homeless, places: &Places, taken: &[Splice]) -> Option<Vec<Splice>> {
        let [body] = &homeless.bodies[..] else { return None };
        let elements = &self.segment.elements;
        let sound = elements.iter().position(|element| element.id == CLUSTER).unwrap_or(elements.len());
        let before = match homeless.from {
            Some(number) => number.checked_sub(1),
            None => self.places.len().checked_sub(1),
        };
        let first = before.map_or(0, |number| self.places[number] + 1);
        for number in (first..sound).filter(|&number| self.is_free[number]) {
            let range = elements[number].range.clone();
            let is_taken = |splice: &Splice| splice.range.start < range.end && range.start < splice.range.end;
            if taken.iter().any(is_taken) {
                continue;
            }
            let Some(bytes) = ebml::render_into(TAGS, 1, body, (range.end - range.start) as usize) else { continue };
            let (mut known, mut splices) = (places.clone(), vec![Splice { range: range.clone(), bytes }]);
            let to = self.segment.position(range.start);
            match homeless.from {
                Some(old) => {
                    let old = self.place(old).range.clone();
                    known.moved.push((self.segment.position(old.start), Moved::To(to)));
                    splices.push(Splice { bytes: ebml::void((old.end - old.start) as usize), range: old });
                }
                None => known.added.push(to),
            }
            let mut told = known.clone();
            self.tell_of_all(&mut told);
            known.added.clear();
            // An index need not tell of what stands in front.
            for index in [self.index(&told), self.index(&known)].into_iter().flatten() {
                if !index.iter().any(is_taken) {
                    splices.extend(index);
                    return Some(splices);
                }
            }
        }
        None
    }

    /// What moves and stands in no index has to be told of.
    fn tell_of_all(&self, places: &mut Places) {
        for (from, to) in &places.moved {
            let is_known = self.seek_heads.iter().any(|seek| seek.of_tags().any(|entry| entry.position == *from));
            if let (Moved::To(to), false) = (to, is_known) {
                places.added.push(*to);
            }
        }
    }

    /// The changes of the index. None where there is no room in it, or none at all.
    fn index(&self, places: &Places) -> Option<Vec<Splice>> {
        let mut left = &places.added[..];
        let mut splices = Vec::new();
        for seek in &self.seek_heads {
            let region = self.region(seek.number);
            let room = (region.end - region.start) as usize;
            let is_named = |from: u64| seek.of_tags().any(|entry| entry.position == from);
            let moves = places.moved.iter().any(|(from, _)| is_named(*from));
            let bytes = match seek.render(&places.moved, left, room) {
                Some(bytes) if moves || !left.is_empty() => {
                    left = &[];
                    bytes
                }
                _ if moves => seek.render(&places.moved, &[], room)?,
                _ => continue,
            };
            splices.push(Splice { range: region, bytes });
        }
        left.is_empty().then_some(splices)
    }

    /// The changes in their order, and the size of the segment.
    fn finish(&self, mut splices: Vec<Splice>) -> Result<Vec<Splice>, Refusal> {
        let old = self.segment.end - self.segment.body;
        let change = |splice: &Splice| splice.bytes.len() as i64 - (splice.range.end - splice.range.start) as i64;
        let growth: i64 = splices.iter().map(change).sum();
        if growth != 0 {
            let range = self.segment.size_at.clone();
            let (size, width) = (old.saturating_add_signed(growth), (range.end - range.start) as usize);
            if !ebml::fits(size, width) {
                return Err(Refusal::TooLarge { what: "segment", limit: (1 << (7 * width)) - 2 });
            }
            splices.push(Splice { range, bytes: ebml::size(size, width) });
        }
        splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        Ok(splices)
    }
}

const NO_ROOM: Refusal = Refusal::Unsupported {
    what: "Matroska",
    why: "there is no room for tags in it, and none in its index (SeekHead), which would have to tell where they are; a copy that ffmpeg or mkvmerge makes can be tagged",
};
const LIVE: Refusal = Refusal::Unsupported {
    what: "Matroska",
    why: "it is a live recording without a length, and there is no room for tags in it; a copy that ffmpeg or mkvmerge makes can be tagged",
};
