//! DSF (Sony, "DSF File Format Specification", 1.01): three chunks, and an ID3v2 tag to which a pointer in the first one
//! leads. All numbers are little-endian.

use std::ops::Range;

use super::super::container::Container;
use super::super::editor::{EditOptions, Editor, Holding, Layout, Patch, Piece, Scope, Splice};
use super::super::error::{Problem, Refusal};
use super::super::id3v2::{self, Id3v2, Insertion};
use super::super::plan::Wish;
use super::super::source::Source;
use super::{TAG, rework};

const WHAT: &str = "DSF file";
/// Length of the first chunk: name, own length, length of the file, pointer to the tag.
const HEAD: u64 = 28;
/// Where the length of the file stands; the pointer follows.
const LENGTH_OF_FILE: u64 = 12;
/// Length of a chunk's name and length, which its length counts as well.
const CHUNK_HEAD: u64 = 12;

/// A DSF file, taken apart.
#[derive(Debug)]
pub(crate) struct DsfFile {
    len: u64,
    /// The chunks of format and data.
    sound: Range<u64>,
    tag: Option<(Range<u64>, Id3v2)>,
}

/// The place of the chunk `name` at `at`.
fn chunk(source: &dyn Source, at: u64, name: &[u8; 4]) -> Result<Range<u64>, Problem> {
    let head = source.bytes(at..at + CHUNK_HEAD, CHUNK_HEAD, WHAT)?;
    if head[..4] != *name {
        return Err(Refusal::Damaged { what: WHAT, why: "its chunks are not DSD, fmt and data, in this order" }.into());
    }
    let length = number(&head, 4).filter(|&length| length >= CHUNK_HEAD);
    let length = length.ok_or(Refusal::Damaged { what: WHAT, why: "a chunk is shorter than its header" })?;
    let end = at.checked_add(length).filter(|&end| end <= source.len());
    Ok(at..end.ok_or(Refusal::Truncated { what: WHAT })?)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

impl DsfFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let len = source.len();
        let first = chunk(source, 0, b"DSD ")?;
        let head = source.bytes(0..HEAD, HEAD, WHAT)?;
        let (Some(total), Some(pointer)) = (number(&head, 12), number(&head, 20)) else {
            return Err(Refusal::Truncated { what: WHAT }.into());
        };
        if first.end != HEAD {
            return Err(Refusal::Damaged { what: WHAT, why: "its first chunk has an impossible length" }.into());
        }
        if total > len {
            return Err(Refusal::Truncated { what: WHAT }.into());
        }
        if total < len {
            let why = "bytes follow the end that it declares";
            return Err(Refusal::Unsupported { what: WHAT, why }.into());
        }
        let format = chunk(source, HEAD, b"fmt ")?;
        let data = chunk(source, format.end, b"data")?;
        if data.end - data.start == CHUNK_HEAD {
            return Err(Refusal::NoSound.into());
        }
        let tag = if pointer == 0 || pointer == len {
            None
        } else {
            let end = id3v2::length_at(source, pointer)?.and_then(|length| pointer.checked_add(length));
            let place = end.filter(|&end| pointer >= data.end && end <= len).map(|end| pointer..end);
            let why = "its pointer leads to no ID3v2 tag";
            let place = place.ok_or(Refusal::Damaged { what: WHAT, why })?;
            Some((place.clone(), Id3v2::parse(source.bytes(place, id3v2::LIMIT, "ID3v2 tag")?)?))
        };
        Ok(Self { len, sound: HEAD..data.end, tag })
    }
}

impl Editor for DsfFile {
    fn container(&self) -> Container {
        Container::Dsf
    }

    fn holdings(&self) -> Vec<Holding> {
        self.tag.iter().flat_map(|(_, tag)| tag.holdings(TAG)).collect()
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout { audio: vec![self.sound.clone()], ..Layout::default() };
        let place = self.tag.as_ref().map_or(self.len..self.len, |(place, _)| place.clone());
        let mut opaque = |name: &str, range: Range<u64>| {
            let digest = source.digest(std::slice::from_ref(&range))?;
            layout.pieces.push(Piece { scope: Scope::Opaque, name: name.to_owned(), field: None, digest });
            Ok::<_, Problem>(())
        };
        opaque("bytes behind the sound", self.sound.end..place.start)?;
        opaque("bytes behind the tag", place.end..self.len)?;
        if let Some((_, tag)) = &self.tag {
            tag.describe(TAG, &mut layout.facts, &mut layout.pieces);
        }
        Ok(layout)
    }

    fn edit(&self, _source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        let mut patch = Patch::default();
        let tag = self.tag.as_ref().map(|(_, tag)| tag);
        let Some(bytes) = rework(tag, true, wish, Insertion::Allowed, options, &mut patch)? else { return Ok(patch) };
        let range = self.tag.as_ref().map_or(self.len..self.len, |(place, _)| place.clone());
        let pointer = if bytes.is_empty() { 0 } else { range.start };
        patch.splices.push(Splice { range, bytes });
        let numbers = [patch.new_len(self.len), pointer].iter().flat_map(|number| number.to_le_bytes()).collect();
        patch.splices.insert(0, Splice { range: LENGTH_OF_FILE..HEAD, bytes: numbers });
        Ok(patch)
    }
}
