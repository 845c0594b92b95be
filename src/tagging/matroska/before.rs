//! What the file's own structures were before a write, for its undo: the bytes of everything that a write may change,
//! put back over the file as it is, if what comes out is a file whose tags are those that the undo wants and in which
//! all else is what it is now.

use std::io;
use std::ops::Range;

use super::super::editor::{Fact, Layout, Piece, Splice};
use super::super::error::Problem;
use super::super::journal::{Part, Room};
use super::super::source::Source;
use super::MatroskaFile;
use super::segment::{SEEK_HEAD, TAGS};

/// Parts that are longer than this, all together, are not remembered.
const LIMIT: u64 = 1 << 20;

/// A file with parts of it as they were, and the length that it had.
struct Overlay<'s> {
    source: &'s dyn Source,
    parts: &'s [Part],
    len: u64,
}

impl Source for Overlay<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.source.read_exact_at(buffer, offset)?;
        for part in self.parts {
            for (at, byte) in (offset..).zip(&mut *buffer) {
                if let Some(place) = at.checked_sub(part.at).filter(|&place| place < part.length()) {
                    *byte = part.bytes.get(place as usize).copied().unwrap_or(0);
                }
            }
        }
        Ok(())
    }
}

impl MatroskaFile {
    /// The elements that a write may change, and unused space.
    fn changeable(&self) -> impl Iterator<Item = (Range<u64>, Option<u64>)> {
        let elements = self.segment.elements.iter().zip(&self.is_free);
        let wanted = elements.filter(|(element, free)| **free || matches!(element.id, SEEK_HEAD | TAGS));
        // Of unused space the header is enough.
        wanted.map(|(element, &free)| (element.range.clone(), free.then_some(element.body - element.range.start)))
    }

    /// All of that as it is, which the journal keeps; none where it is much.
    pub(super) fn room(&self, source: &dyn Source) -> Result<Option<Room>, Problem> {
        let size = self.segment.size_at.clone();
        let (mut parts, mut total) = (Vec::new(), 0);
        for (range, header) in std::iter::once((size, None)).chain(self.changeable()) {
            let kept = header.unwrap_or(range.end - range.start);
            total += kept;
            if total > LIMIT {
                return Ok(None);
            }
            let bytes = source.bytes(range.start..range.start + kept, LIMIT, "part that changes")?;
            parts.push(Part { at: range.start, zeros: range.end - range.start - kept, bytes });
        }
        Ok(Some(Room { parts, ..Room::default() }))
    }

    /// The file as it was, as far as a write changes it. None where that cannot be: others have been at it since.
    /// `wanted` is what its tags are to hold.
    pub(super) fn as_before(
        &self,
        source: &dyn Source,
        room: &Room,
        len: u64,
        wanted: &(Vec<Fact>, Vec<Piece>),
    ) -> Result<Option<Vec<Splice>>, Problem> {
        let mut ours = vec![self.segment.size_at.clone()];
        for (range, _) in self.changeable() {
            match ours.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ours.push(range),
            }
        }
        let is_ours = |range: &Range<u64>| {
            range.is_empty() || ours.iter().any(|part| part.start <= range.start && range.end <= part.end)
        };
        let is_free = |part: &Part| part.end().is_some_and(|end| end <= len && is_ours(&(part.at..end)));
        if room.parts.is_empty()
            || len > source.len()
            || !is_ours(&(len..source.len()))
            || !room.parts.iter().all(is_free)
        {
            return Ok(None);
        }
        let overlay = Overlay { source, parts: &room.parts, len };
        let Ok(before) = Self::parse(&overlay) else { return Ok(None) };
        let (mut now, mut then) = (Layout::default(), Layout::default());
        self.describe_elements(source, &mut now)?;
        before.describe_elements(&overlay, &mut then)?;
        let (mut facts, mut pieces) = (Vec::new(), Vec::new());
        before.tags.describe(&mut facts, &mut pieces);
        if now.pieces != then.pieces || now.facts != then.facts || now.audio != then.audio || (facts, pieces) != *wanted
        {
            return Ok(None);
        }
        let mut splices = Vec::new();
        for part in &room.parts {
            let mut bytes = part.bytes.clone();
            bytes.resize(part.length() as usize, 0);
            splices.push(Splice { range: part.at..part.at + part.length(), bytes });
        }
        splices.push(Splice { range: len..source.len(), bytes: Vec::new() });
        Ok(Some(splices))
    }
}
