//! Ogg with Vorbis, Opus, FLAC or Speex in it (RFC 3533, RFC 7845, the Vorbis I specification, the Ogg FLAC mapping):
//! the comment packet replaced, its pages laid out anew, and nothing else touched but page numbers where they have to
//! follow.
//!
//! The headers keep the number of their pages wherever that is possible, so that no later page changes. Where a page
//! more is needed, the later pages of the stream get other numbers and checksums while they are copied
//! ([`Renumbering`]). Of a chain, the first link speaks for the file; further links, and other streams beside ours, are
//! copied as they are.

mod headers;
mod page;
mod stream;

#[cfg(test)]
mod tests;

use std::io;

pub(crate) use stream::Renumbering;

use super::container::Container;
use super::editor::{EditOptions, Edited, Editor, Fact, Holding, Layout, Patch, Piece, Scope, Splice};
use super::error::{Problem, Refusal};
use super::home::Home;
use super::id3v2::Insertion;
use super::journal::{Room, Space};
use super::mp3::OuterTags;
use super::plan::Wish;
use super::source::Source;
use super::vorbis::VorbisComments;
use headers::Headers;

const WHAT: &str = "comment header";
/// The levels of the room that the journal keeps: the padding of the comments, and the sizes of the header pages in
/// segments.
const PADDING: u8 = 0;
const PAGES: u8 = 1;
/// Type of a FLAC metadata block that holds comments.
const VORBIS_COMMENT: u8 = 4;

/// The container of the Ogg file whose first page stands at `start`; none where no stream is of a known kind.
pub(crate) fn container(source: &dyn Source, start: u64) -> io::Result<Option<Container>> {
    Ok(match headers::first_stream(source, start..source.len())? {
        Some((codec, _)) => Some(codec),
        None => headers::cut_stream(source, start)?,
    })
}

/// An Ogg file, taken apart.
#[derive(Debug)]
pub(crate) struct OggFile {
    outer: OuterTags,
    headers: Headers,
    /// Which of the header packets holds the comments.
    place: usize,
    /// What stands in front of the comments in their packet.
    magic: Vec<u8>,
    comments: VorbisComments,
    /// What stands behind them: the framing bit of Vorbis, binary data of Opus.
    behind: Vec<u8>,
    /// Zeros behind that, which readers step over.
    padding: usize,
}

impl OggFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let damaged = |why| Refusal::Damaged { what: WHAT, why };
        let outer = OuterTags::parse(source)?;
        let headers = Headers::parse(source, outer.inner.clone())?;
        let place = match headers.codec {
            Container::OggFlac => place_of_comments(&headers)?,
            _ => 1,
        };
        let packet = headers.packets.get(place).ok_or(Refusal::Truncated { what: WHAT })?;
        let magic: &[u8] = match headers.codec {
            Container::OggVorbis => b"\x03vorbis",
            Container::Opus => b"OpusTags",
            Container::OggFlac => {
                let head: &[u8; 4] = packet.first_chunk().ok_or(Refusal::Truncated { what: WHAT })?;
                if block_header(head[0], packet.len() - 4)? != *head {
                    return Err(damaged("the length of its metadata block is not that of its packet").into());
                }
                head
            }
            _ => b"",
        };
        if !packet.starts_with(magic) {
            return Err(damaged("the second packet does not hold the comments").into());
        }
        let mut comments = VorbisComments::parse(packet[magic.len()..].to_vec())?;
        let mut behind = comments.split_off_rest();
        // A Vorbis packet ends with a bit that is set; an all-zero rest behind that or in Opus is padding.
        let kept = usize::from(headers.codec == Container::OggVorbis);
        if kept == 1 && behind.first().is_none_or(|byte| byte & 1 == 0) {
            return Err(damaged("its framing bit is missing").into());
        }
        let mut padding = 0;
        if headers.codec != Container::OggFlac && behind[kept..].iter().all(|&byte| byte == 0) {
            padding = behind.len() - kept;
            behind.truncate(kept);
        }
        let magic = magic.to_vec();
        Ok(Self { outer, headers, place, magic, comments, behind, padding })
    }

    /// The comment packet with other comments and that much padding. None: its padding takes up the difference, as far
    /// as there is any.
    fn packet(&self, comments: &[u8], padding: Option<usize>) -> Result<Vec<u8>, Refusal> {
        let mut packet = match self.headers.codec {
            Container::OggFlac => block_header(self.magic[0], comments.len() + self.behind.len())?.to_vec(),
            _ => self.magic.clone(),
        };
        packet.extend_from_slice(comments);
        packet.extend_from_slice(&self.behind);
        match padding {
            Some(padding) => packet.resize(packet.len() + padding, 0),
            None if self.padding > 0 => packet.resize(packet.len().max(self.headers.packets[self.place].len()), 0),
            None => {}
        }
        Ok(packet)
    }

    /// Where the last header page ends.
    fn headers_end(&self) -> u64 {
        self.headers.pages.last().map_or(self.outer.inner.start, |page| page.end)
    }

    /// All packets behind the first one, with another one for the comments.
    fn packets<'p>(&'p self, comments: &'p [u8]) -> Vec<&'p [u8]> {
        let mut packets = self.headers.further();
        packets[self.place - 1] = comments;
        packets
    }

    /// Puts new header pages in the place of the old ones.
    fn rewrite(&self, source: &dyn Source, new: Vec<Vec<u8>>, patch: &mut Patch) -> Result<(), Problem> {
        let old = &self.headers.pages;
        if new.len() == old.len() {
            for (range, bytes) in old.iter().zip(new) {
                if source.bytes(range.clone(), bytes.len().max(1 << 16) as u64, WHAT)? != bytes {
                    patch.splices.push(Splice { range: range.clone(), bytes });
                }
            }
            return Ok(());
        }
        let shift = (new.len() as u32).wrapping_sub(old.len() as u32);
        // Other streams' pages may lie between ours: those stay behind all of the headers.
        let mut bytes = new.concat();
        patch
            .splices
            .extend(old.iter().map(|range| Splice { range: range.clone(), bytes: std::mem::take(&mut bytes) }));
        let range = self.headers_end()..self.outer.inner.end;
        patch.renumbering = Some(Renumbering { range, serial: self.headers.serial, shift });
        Ok(())
    }

    /// The padding and the sizes of the header pages, which the journal keeps; none where pages made anew would not be
    /// the same.
    fn room(&self, source: &dyn Source) -> Result<Option<Room>, Problem> {
        let Some(sizes) = self.headers.regular_sizes(source)? else { return Ok(None) };
        let padding = Space::new(PADDING, 0, self.padding as u64);
        let pages = (0..).zip(sizes).map(|(place, size)| Space::new(PAGES, place, size as u64));
        Ok(Some(Room { spaces: std::iter::once(padding).chain(pages).collect(), ..Room::default() }))
    }

    /// The header pages with other comments and the padding and sizes that there were, so that the file has the length
    /// that it had. None where that cannot be: others have been at the file since. `lengths` are those of the file, now
    /// and then.
    fn pages_as_before(
        &self,
        comments: &[u8],
        room: &Room,
        lengths: (u64, u64),
    ) -> Result<Option<Vec<Vec<u8>>>, Refusal> {
        let padding = room.spaces.iter().find(|space| space.level == PADDING).map_or(0, |space| space.length);
        let pages = room.spaces.iter().filter(|space| space.level == PAGES);
        let sizes: Vec<usize> = pages.map(|space| space.length.min(1 << 16) as usize).collect();
        let (now, then) = lengths;
        // Padding that would make the file longer than it was is not that of this file.
        if padding > then || self.behind_is_foreign() && padding > 0 {
            return Ok(None);
        }
        let packet = self.packet(comments, Some(padding as usize))?;
        let packets = self.packets(&packet);
        if sizes.iter().any(|&size| size > page::MAX_SEGMENTS)
            || sizes.iter().sum::<usize>() != headers::segments(&packets)
        {
            return Ok(None);
        }
        let pages = self.headers.paginate(&packets, &sizes);
        let new_len: u64 = pages.iter().map(|page| page.len() as u64).sum();
        let old_len: u64 = self.headers.pages.iter().map(|page| page.end - page.start).sum();
        Ok((now + new_len == then + old_len).then_some(pages))
    }

    /// Whether what stands behind the comments is no padding.
    fn behind_is_foreign(&self) -> bool {
        self.behind.len() > usize::from(self.headers.codec == Container::OggVorbis)
    }
}

/// Which of the packets holds the comments of a stream of FLAC: the mapping wants the first behind the description of
/// the sound, and readers take any.
fn place_of_comments(headers: &Headers) -> Result<usize, Refusal> {
    if !headers.packets[0].starts_with(b"\x7fFLAC\x01") {
        return Err(Refusal::Unsupported { what: "Ogg FLAC", why: "its mapping is not version 1" });
    }
    let is_comments = |packet: &Vec<u8>| packet.first().is_some_and(|kind| kind & 0x7f == VORBIS_COMMENT);
    let mut found = (1..).zip(&headers.packets[1..]).filter(|(_, packet)| is_comments(packet));
    match (found.next(), found.next()) {
        (Some((place, _)), None) => Ok(place),
        (None, _) => Err(Refusal::Damaged { what: WHAT, why: "no metadata block holds the comments" }),
        _ => Err(Refusal::Damaged { what: WHAT, why: "there are several, and readers differ on which counts" }),
    }
}

/// The header of a FLAC metadata block.
fn block_header(kind: u8, length: usize) -> Result<[u8; 4], Refusal> {
    const LIMIT: u64 = (1 << 24) - 1;
    let length = u32::try_from(length).ok().filter(|&length| u64::from(length) <= LIMIT);
    let [_, a, b, c] =
        length.ok_or(Refusal::TooLarge { what: "block of Vorbis comments", limit: LIMIT })?.to_be_bytes();
    Ok([kind, a, b, c])
}

impl Editor for OggFile {
    fn container(&self) -> Container {
        self.headers.codec
    }

    fn holdings(&self) -> Vec<Holding> {
        let mut holdings = self.comments.holdings();
        holdings.extend(self.outer.holdings());
        holdings
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout::default();
        self.outer.describe(source, &mut layout)?;
        let scope = Scope::VorbisComments;
        self.comments.describe(&mut layout.facts, &mut layout.pieces);
        layout.facts.push(Fact { scope, name: "bytes behind the comments", value: self.behind.clone() });
        let identity = [self.headers.serial, self.headers.first_sequence].map(u32::to_be_bytes).concat();
        layout.facts.push(Fact { scope: Scope::OggHeaders, name: "serial and first page number", value: identity });
        let others = self.headers.packets.iter().enumerate().filter(|(number, _)| *number != self.place);
        layout.pieces.extend(others.map(|(number, packet)| Piece {
            scope: Scope::OggHeaders,
            name: format!("packet {number}"),
            field: None,
            digest: blake3::hash(packet),
        }));
        Ok(layout)
    }

    fn audio_digest(&self, source: &dyn Source, _layout: &Layout) -> io::Result<blake3::Hash> {
        let last_header = self.headers.first_sequence.wrapping_add(self.headers.pages.len() as u32);
        stream::digest(source, self.outer.inner.clone(), &self.headers.pages, self.headers.serial, last_header)
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        let (mut patch, mut outer) = (Patch::default(), Patch::default());
        self.outer.edit(wish, Home::alone(Scope::VorbisComments), options, &mut outer)?;
        if let Some(Edited { bytes, changes, .. }) = self.comments.edit(wish, Insertion::Allowed)? {
            patch.changes.extend(changes);
            patch.room = self.room(source)?;
            let before = match wish.room_before() {
                Some((room, length)) => self.pages_as_before(&bytes, room, (outer.new_len(source.len()), length))?,
                None => None,
            };
            let pages = match before {
                Some(pages) => pages,
                None => {
                    let packet = self.packet(&bytes, None)?;
                    let packets = self.packets(&packet);
                    self.headers.paginate(&packets, &self.headers.sizes(&packets))
                }
            };
            self.rewrite(source, pages, &mut patch)?;
        }
        patch.append(outer);
        patch.splices.sort_by_key(|splice| splice.range.start);
        Ok(patch)
    }
}
