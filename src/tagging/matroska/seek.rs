//! The SeekHead: an index that tells where the elements of a segment stand. Entries of Tags are kept true; all others
//! stay byte for byte, since nothing else ever moves.

use std::ops::Range;

use super::super::error::Refusal;
use super::ebml::{self, Element};
use super::segment::{SEEK_HEAD, TAGS};

const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const SEEK_POSITION: u32 = 0x53ac;
/// Largest index that is edited, in bytes.
pub(super) const LIMIT: u64 = 1 << 20;

/// One SeekHead, as verbatim bytes of its body.
#[derive(Debug)]
pub(super) struct SeekHead {
    /// Its place among the elements of the segment.
    pub(super) number: usize,
    width: usize,
    raw: Vec<u8>,
    children: Vec<Element<usize>>,
    entries: Vec<Entry>,
    has_crc: bool,
}

/// One entry of it.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its place among the children.
    child: usize,
    range: Range<usize>,
    pub(super) id: u64,
    pub(super) position: u64,
    /// Where the position stands.
    at: Range<usize>,
}

/// What becomes of the place that an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    To(u64),
    /// There is nothing any more.
    Gone,
}

impl SeekHead {
    pub(super) fn parse(number: usize, width: usize, raw: Vec<u8>) -> Result<Self, Refusal> {
        let children = ebml::walk(&raw, 0..raw.len())?;
        let has_crc = ebml::has_crc(&raw, &children, raw.len())?;
        let mut entries = Vec::new();
        for (child, seek) in children.iter().enumerate().filter(|(_, child)| child.id == SEEK) {
            let parts = ebml::walk(&raw, seek.body..seek.range.end)?;
            if parts.iter().any(|part| part.id == ebml::CRC) {
                return Err(Refusal::Unsupported { what: "SeekHead", why: "an entry of it has a checksum of its own" });
            }
            let part = |id| parts.iter().find(|part| part.id == id).map(|part| part.body..part.range.end);
            if let (Some(id), Some(at)) = (part(SEEK_ID), part(SEEK_POSITION)) {
                let (id, position) = (ebml::number(&raw[id]), ebml::number(&raw[at.clone()]));
                entries.push(Entry { child, range: seek.range.clone(), id, position, at });
            }
        }
        Ok(Self { number, width, raw, children, entries, has_crc })
    }

    /// The entries of Tags.
    pub(super) fn of_tags(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.id == u64::from(TAGS))
    }

    /// What stands in it beside entries that name one of these places of Tags.
    pub(super) fn others(&self, tags: &[u64]) -> Vec<&[u8]> {
        let is_true = |child: usize| self.of_tags().any(|entry| entry.child == child && tags.contains(&entry.position));
        let numbered = self.children.iter().enumerate();
        let others =
            numbered.filter(|(number, child)| !matches!(child.id, ebml::CRC | ebml::VOID) && !is_true(*number));
        others.map(|(_, child)| &self.raw[child.range.clone()]).collect()
    }

    /// The body with entries that name what has moved, and entries for Tags that had none.
    fn body(&self, moved: &[(u64, Moved)], added: &[u64]) -> Vec<u8> {
        let mut body = Vec::new();
        for (number, child) in self.children.iter().enumerate() {
            if child.id == ebml::CRC {
                continue;
            }
            let entry = self.of_tags().find(|entry| entry.child == number);
            let to = entry.and_then(|entry| moved.iter().find(|(from, _)| *from == entry.position));
            match (entry, to) {
                (Some(entry), Some((_, Moved::To(place)))) => body.extend(self.moved(entry, *place)),
                (Some(entry), Some((_, Moved::Gone))) => body.extend(ebml::void(entry.range.len())),
                _ => body.extend_from_slice(&self.raw[child.range.clone()]),
            }
        }
        for &place in added {
            let parts = [
                ebml::render(SEEK_ID, 1, &ebml::id_bytes(TAGS)),
                ebml::render(SEEK_POSITION, 1, &ebml::shortest(place)),
            ];
            body.extend(ebml::render(SEEK, 1, &parts.concat()));
        }
        ebml::with_crc(body, self.has_crc)
    }

    /// An entry with another position, in as many bytes where they are enough.
    fn moved(&self, entry: &Entry, place: u64) -> Vec<u8> {
        let width = entry.at.len();
        let bytes = place.to_be_bytes();
        if width <= 8 && bytes[..8 - width].iter().all(|&byte| byte == 0) {
            let (front, back) =
                (&self.raw[entry.range.start..entry.at.start], &self.raw[entry.at.end..entry.range.end]);
            return [front, &bytes[8 - width..], back].concat();
        }
        let seek = &self.children[entry.child];
        let mut body = Vec::new();
        for part in ebml::walk(&self.raw, seek.body..seek.range.end).unwrap_or_default() {
            if part.body == entry.at.start && part.range.end == entry.at.end {
                body.extend(ebml::render(SEEK_POSITION, part.width, &ebml::shortest(place)));
            } else {
                body.extend_from_slice(&self.raw[part.range]);
            }
        }
        ebml::render(SEEK, seek.width, &body)
    }

    /// The index after a move, in exactly `room` bytes. None where it does not fit.
    pub(super) fn render(&self, moved: &[(u64, Moved)], added: &[u64], room: usize) -> Option<Vec<u8>> {
        ebml::render_into(SEEK_HEAD, self.width, &self.body(moved, added), room)
    }
}
