//! The header packets of an Ogg stream: found on their pages, and laid out on pages again.

use std::io;
use std::ops::Range;

use super::super::container::Container;
use super::super::error::{Problem, Refusal};
use super::super::source::Source;
use super::page::{self, CONTINUED, FIRST, LAST, MAX_SEGMENTS, Pages};

const WHAT: &str = "Ogg headers";
/// Largest sum of header packets, in bytes: they are held in memory.
const LIMIT: usize = 32 << 20;
/// More pages than this, other streams' included, are not looked through for the headers.
const MAX_PAGES: usize = 1 << 17;
/// More streams than this side by side are no music.
const MAX_STREAMS: usize = 16;

/// The codec and serial number of the first stream that starts at `range.start` and is one that we know.
pub(super) fn first_stream(source: &dyn Source, range: Range<u64>) -> io::Result<Option<(Container, u32)>> {
    let mut pages = Pages::new(source, range);
    for _ in 0..MAX_STREAMS {
        let Some(page) = pages.next()?.and_then(|unit| unit.page()) else { break };
        if page.flags() & FIRST == 0 {
            break;
        }
        if let Some(codec) = codec(page.body()) {
            return Ok(Some((codec, page.serial())));
        }
    }
    Ok(None)
}

/// Whether the file ends in the first page of a stream that we know: its packet starts behind one lacing value.
pub(super) fn cut_stream(source: &dyn Source, start: u64) -> io::Result<Option<Container>> {
    let head = source.window(start, page::HEADER + 1 + 8)?;
    Ok(head.get(page::HEADER + 1..).filter(|_| head.starts_with(b"OggS")).and_then(codec))
}

/// The codec whose identification header `packet` is.
fn codec(packet: &[u8]) -> Option<Container> {
    let known: [(&[u8], Container); 4] = [
        (b"OpusHead", Container::Opus),
        (b"\x01vorbis", Container::OggVorbis),
        (b"\x7fFLAC", Container::OggFlac),
        (b"Speex   ", Container::Speex),
    ];
    known.into_iter().find(|(magic, _)| packet.starts_with(magic)).map(|(_, codec)| codec)
}

/// The headers of a stream as its pages hold them.
#[derive(Debug)]
pub(super) struct Headers {
    pub(super) codec: Container,
    pub(super) serial: u32,
    /// The number of the first page, which holds the identification header alone.
    pub(super) first_sequence: u32,
    /// The identification header, the comments, and what else there is.
    pub(super) packets: Vec<Vec<u8>>,
    /// The pages behind the first one, in file order.
    pub(super) pages: Vec<Range<u64>>,
    /// The stream ends with its headers.
    is_last: bool,
}

impl Headers {
    pub(super) fn parse(source: &dyn Source, range: Range<u64>) -> Result<Self, Problem> {
        let damaged = |why| Problem::from(Refusal::Damaged { what: WHAT, why });
        let known = first_stream(source, range.clone())?;
        let Some((codec, serial)) = known else {
            return Err(match cut_stream(source, range.start)? {
                Some(_) => Refusal::Truncated { what: WHAT }.into(),
                None => damaged("no stream of a known codec starts the file"),
            });
        };
        let mut headers =
            Self { codec, serial, first_sequence: 0, packets: Vec::new(), pages: Vec::new(), is_last: false };
        let end = range.end;
        let mut walk = Pages::new(source, range);
        let (mut open, mut size) = (None, 0);
        for _ in 0..MAX_PAGES {
            let Some(unit) = walk.next()? else {
                // A stream of FLAC that ends with its headers, of which none is marked as the last one.
                let is_whole = codec == Container::OggFlac && headers.packets.len() > 1 && open.is_none();
                return if is_whole { Ok(headers) } else { Err(Refusal::Truncated { what: WHAT }.into()) };
            };
            let place = unit.range.clone();
            let Some(page) = unit.page() else {
                return Err(if place.end == end {
                    Refusal::Truncated { what: WHAT }.into()
                } else {
                    damaged("bytes that are no page stand between them")
                });
            };
            if page.serial() != serial {
                continue;
            }
            if !page.checksum_holds() {
                return Err(damaged("the checksum of a page is wrong"));
            }
            let is_first = headers.packets.is_empty();
            if is_first {
                headers.first_sequence = page.sequence();
            } else {
                headers.pages.push(place);
            }
            if (page.flags() & FIRST != 0) != is_first
                || page.sequence() != headers.first_sequence.wrapping_add(headers.pages.len() as u32)
            {
                return Err(damaged("a page is missing or out of its order"));
            }
            if (page.flags() & CONTINUED != 0) != open.is_some() && !page.lacing().is_empty() {
                return Err(damaged("a page continues a packet that is not there"));
            }
            size += page.body().len();
            if size > LIMIT {
                return Err(Refusal::TooLarge { what: WHAT, limit: LIMIT as u64 }.into());
            }
            let mut body = page.body();
            let (mut is_start, mut is_sound) = (true, false);
            for &lace in page.lacing() {
                // A frame of FLAC: no metadata block starts like that. Not every encoder marks the last of them.
                let may_be_frame = codec == Container::OggFlac && !is_first && open.is_none();
                let is_frame = may_be_frame && lace > 0 && body.first() == Some(&0xff);
                is_sound = is_frame && is_start;
                if is_sound {
                    break;
                }
                is_start = false;
                if is_frame || headers.are_complete() {
                    return Err(damaged("the audio starts on a page of theirs"));
                }
                let (segment, rest) = body.split_at(usize::from(lace));
                body = rest;
                let packet: &mut Vec<u8> = open.get_or_insert_default();
                packet.extend_from_slice(segment);
                if lace < 255 {
                    headers.packets.extend(open.take());
                }
            }
            if is_sound {
                headers.pages.pop();
                return Ok(headers);
            }
            if is_first && headers.packets.len() != 1 {
                return Err(damaged("the first page has to hold the first of them and nothing else"));
            }
            headers.is_last = page.flags() & LAST != 0;
            if headers.are_complete() {
                return Ok(headers);
            }
        }
        Err(Refusal::Unsupported { what: WHAT, why: "they are spread over too many pages" }.into())
    }

    /// Whether all header packets are there: each codec says in its own way how many there are.
    fn are_complete(&self) -> bool {
        let Some(first) = self.packets.first() else { return false };
        let count = match self.codec {
            Container::OggVorbis => 3,
            Container::Speex => {
                let further = first.get(68..72).map_or(0, |b| b.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b)));
                2 + further
            }
            // The last one of the metadata blocks is marked as such, and the first packet says how many there are,
            // or 0. Either may be wrong: where they differ, the first frame tells.
            Container::OggFlac => {
                let declared = first.get(7..9).map_or(0, |b| u64::from(b[0]) << 8 | u64::from(b[1]));
                let is_last = self.packets[1..].last().is_some_and(|b| b.first().is_none_or(|b| b & 0x80 != 0));
                return is_last && self.packets.len() as u64 > declared;
            }
            _ => 2,
        };
        self.packets.len() as u64 >= count
    }

    /// How many segments each of the pages is to hold that hold `packets`, which are all but the first: on as many
    /// pages as now where that is possible.
    pub(super) fn sizes(&self, packets: &[&[u8]]) -> Vec<usize> {
        let mut left = segments(packets);
        let count = self.pages.len().clamp(left.div_ceil(MAX_SEGMENTS), left);
        (1..=count)
            .map(|number| {
                // As full as can be, but for a segment for each further page.
                let here = (left - (count - number)).min(MAX_SEGMENTS);
                left -= here;
                here
            })
            .collect()
    }

    /// The pages that hold `packets`, which are all but the first. `sizes` are [`MAX_SEGMENTS`] at the most, and
    /// together what the packets take.
    pub(super) fn paginate(&self, packets: &[&[u8]], sizes: &[usize]) -> Vec<Vec<u8>> {
        let lacing: Vec<u8> = packets.iter().flat_map(|packet| lacing(packet.len())).collect();
        let body = packets.concat();
        let (mut lacing, mut body) = (lacing.as_slice(), body.as_slice());
        let mut open = false;
        (1..=sizes.len())
            .zip(sizes)
            .map(|(number, &size)| {
                let (here, behind) = lacing.split_at(size);
                let (content, rest) = body.split_at(here.iter().map(|&lace| usize::from(lace)).sum());
                let flags = if open { CONTINUED } else { 0 } | if self.is_last && behind.is_empty() { LAST } else { 0 };
                // No packet ends on the page: it has no position.
                let granule = if here.iter().any(|&lace| lace < 255) { 0 } else { -1 };
                open = here.last() == Some(&255);
                (lacing, body) = (behind, rest);
                let sequence = self.first_sequence.wrapping_add(number as u32);
                page::render(flags, granule, self.serial, sequence, here, content)
            })
            .collect()
    }

    /// The packets behind the first one.
    pub(super) fn further(&self) -> Vec<&[u8]> {
        self.packets[1..].iter().map(Vec::as_slice).collect()
    }

    /// How many segments each page behind the first one holds, where the pages lie one behind the other and are as
    /// [`Headers::paginate`] would make them.
    pub(super) fn regular_sizes(&self, source: &dyn Source) -> Result<Option<Vec<usize>>, Problem> {
        let (mut sizes, mut bytes) = (Vec::new(), Vec::new());
        for (index, range) in self.pages.iter().enumerate() {
            if index > 0 && self.pages[index - 1].end != range.start {
                return Ok(None);
            }
            let page = source.bytes(range.clone(), 1 << 16, WHAT)?;
            sizes.push(usize::from(page[page::SEGMENTS]));
            bytes.push(page);
        }
        let packets = self.further();
        let is_regular = sizes.iter().sum::<usize>() == segments(&packets) && self.paginate(&packets, &sizes) == bytes;
        Ok(is_regular.then_some(sizes))
    }
}

/// How many segments packets take.
pub(super) fn segments(packets: &[&[u8]]) -> usize {
    packets.iter().map(|packet| packet.len() / 255 + 1).sum()
}

/// The lacing values of a packet.
fn lacing(length: usize) -> impl Iterator<Item = u8> {
    std::iter::repeat_n(255, length / 255).chain([(length % 255) as u8])
}
