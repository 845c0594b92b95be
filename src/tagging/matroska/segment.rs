//! The file from above: the EBML header, one segment, and the elements in it. Of the sound nothing is read but the
//! headers of its clusters, so that a file of many gigabytes costs no more than a small one.

use std::ops::Range;

use super::super::error::{Problem, Refusal};
use super::super::source::{Blocks, Source};
use super::ebml::{self, Element, head_at};
use crate::formats::Bytes;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
const INFO: u32 = 0x1549_a966;
pub(super) const TRACKS: u32 = 0x1654_ae6b;
const CHAPTERS: u32 = 0x1043_a770;
pub(super) const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;
const ATTACHMENTS: u32 = 0x1941_a469;
pub(super) const TAGS: u32 = 0x1254_c367;
/// What ends a cluster whose length nobody knew.
const TOP: [u32; 8] = [SEEK_HEAD, INFO, TRACKS, CHAPTERS, CLUSTER, CUES, ATTACHMENTS, TAGS];

const MAX_ID_LENGTH: u32 = 0x42f2;
const MAX_SIZE_LENGTH: u32 = 0x42f3;
const DOC_TYPE: u32 = 0x4282;

/// Largest description of the tracks, in bytes.
const TRACKS_LIMIT: u64 = 16 << 20;
/// More elements than this in a segment are refused.
const MAX_ELEMENTS: usize = 1 << 20;

const WHAT: &str = "Matroska";

/// The file as a list of elements.
#[derive(Debug)]
pub(super) struct Segment {
    /// The EBML header.
    pub(super) header: Range<u64>,
    /// Where the size of the segment stands.
    pub(super) size_at: Range<u64>,
    /// Where its body begins: what tells places counts from here.
    pub(super) body: u64,
    pub(super) end: u64,
    /// What is in it, in its order.
    pub(super) elements: Vec<Element<u64>>,
    /// A live recording, of which nobody knew how long it would be: nothing may be put behind its end.
    pub(super) is_live: bool,
}

impl Segment {
    pub(super) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let unsupported = |why| Refusal::Unsupported { what: WHAT, why };
        let damaged = |why| Refusal::Damaged { what: WHAT, why };
        let head = head_at(source, 0)?;
        let size = head.size.filter(|_| head.id == EBML).ok_or(damaged("its EBML header is not one"))?;
        let header = 0..head.length as u64 + size.min(source.len());
        check_header(&source.bytes(head.length as u64..header.end, 4096, "EBML header")?)?;

        let head = head_at(source, header.end)?;
        if head.id != SEGMENT {
            return Err(unsupported("no segment follows its EBML header").into());
        }
        let body = header.end + head.length as u64;
        let size_at = body - head.width as u64..body;
        let end = head.size.map_or(Some(source.len()), |size| body.checked_add(size));
        let end = end.filter(|&end| end <= source.len()).ok_or(Refusal::Truncated { what: "segment" })?;
        if end != source.len() {
            return Err(unsupported("something follows its segment").into());
        }
        let mut segment = Self { header, size_at, body, end, elements: Vec::new(), is_live: head.size.is_none() };
        segment.walk(source)?;
        Ok(segment)
    }

    fn walk(&mut self, source: &dyn Source) -> Result<(), Problem> {
        let unsupported = |why| Refusal::Unsupported { what: WHAT, why };
        let mut at = self.body;
        let mut has_open_cluster = false;
        while at < self.end {
            if self.elements.len() == MAX_ELEMENTS {
                return Err(unsupported("there are too many elements in it").into());
            }
            let head = head_at(source, at)?;
            let body = at + head.length as u64;
            let end = match head.size {
                Some(size) => body.checked_add(size).filter(|&end| end <= self.end),
                None if head.id == CLUSTER => {
                    (self.is_live, has_open_cluster) = (true, true);
                    Some(self.end_of_open_cluster(source, body)?)
                }
                None => return Err(unsupported("the length of an element other than a cluster is unknown").into()),
            };
            let end = end.ok_or(Refusal::Truncated { what: "last element" })?;
            match head.id {
                ebml::CRC => return Err(unsupported("a checksum over all of it would have to be made anew").into()),
                SEGMENT | EBML => return Err(unsupported("there are several segments").into()),
                // Whoever takes the rest of the file for sound would find other sound after a write.
                TAGS if has_open_cluster => {
                    return Err(unsupported("tags stand behind sound of unknown length").into());
                }
                _ => {}
            }
            self.elements.push(Element { id: head.id, range: at..end, body, width: head.width });
            at = end;
        }
        Ok(())
    }

    /// Where the next element of the segment begins, behind a cluster that does not tell.
    fn end_of_open_cluster(&self, source: &dyn Source, body: u64) -> Result<u64, Problem> {
        let (mut blocks, mut at) = (Blocks::new(source), body);
        while at < self.end {
            let head = match ebml::head(blocks.peek(at, 12)?) {
                Ok(head) => head,
                // It was switched off in the middle of a header.
                Err(Refusal::Truncated { .. }) => return Ok(self.end),
                Err(error) => return Err(error.into()),
            };
            if TOP.contains(&head.id) {
                return Ok(at);
            }
            let why = "the length of a part of a cluster is unknown";
            let size = head.size.ok_or(Refusal::Unsupported { what: WHAT, why })?;
            at = at.saturating_add(head.length as u64).saturating_add(size);
        }
        Ok(self.end)
    }

    pub(super) fn of(&self, id: u32) -> impl Iterator<Item = (usize, &Element<u64>)> {
        self.elements.iter().enumerate().filter(move |(_, element)| element.id == id)
    }

    /// The place of an element, as the file itself would tell it.
    pub(super) fn position(&self, place: u64) -> u64 {
        place - self.body
    }
}

/// Refuses files that are of another kind than Matroska or WebM, or whose elements have longer names than any.
fn check_header(bytes: &[u8]) -> Result<(), Refusal> {
    let unsupported = |why| Refusal::Unsupported { what: WHAT, why };
    for element in ebml::walk(bytes, 0..bytes.len())? {
        let body = &bytes[element.body..element.range.end];
        match element.id {
            MAX_ID_LENGTH if ebml::number(body) > 4 => return Err(unsupported("its ids are longer than four bytes")),
            MAX_SIZE_LENGTH if ebml::number(body) > 8 => {
                return Err(unsupported("its sizes are longer than eight bytes"));
            }
            DOC_TYPE => {
                let text = body.split(|&byte| byte == 0).next().unwrap_or_default();
                if text != b"matroska" && text != b"webm" {
                    return Err(unsupported("it is of another kind of EBML file"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The tracks of sound, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Sound {
    pub(super) uids: Vec<u64>,
}

impl Sound {
    /// Refuses films, and files without sound.
    pub(super) fn parse(source: &dyn Source, segment: &Segment) -> Result<Self, Problem> {
        const ENTRY: u32 = 0xae;
        const UID: u32 = 0x73c5;
        const TYPE: u32 = 0x83;
        const SOUND: u64 = 2;
        const SUBTITLES: u64 = 0x11;
        let unsupported = |why| Refusal::Unsupported { what: WHAT, why };
        let mut found = segment.of(TRACKS);
        let Some((_, tracks)) = found.next() else {
            return Err(unsupported("its tracks are described nowhere").into());
        };
        let bytes = source.bytes(tracks.body..tracks.range.end, TRACKS_LIMIT, "description of tracks")?;
        let mut sound = Self::default();
        for entry in ebml::walk(&bytes, 0..bytes.len())?.into_iter().filter(|entry| entry.id == ENTRY) {
            let parts = ebml::walk(&bytes, entry.body..entry.range.end)?;
            let number = |id| {
                let part = parts.iter().find(|part| part.id == id)?;
                Some(ebml::number(&bytes[part.body..part.range.end]))
            };
            match number(TYPE) {
                Some(SOUND) => sound.uids.extend(number(UID)),
                Some(SUBTITLES) => {}
                _ => return Err(unsupported("it is a film: not all of its tracks are sound").into()),
            }
        }
        if sound.uids.is_empty() {
            return Err(unsupported("there is no track of sound in it").into());
        }
        Ok(sound)
    }
}
