//! Ogg with Vorbis, Opus, FLAC or Speex in it (RFC 3533, RFC 7845, the Vorbis I specification, the Ogg FLAC mapping):
//! the comment packet replaced, its pages laid out anew, and nothing else touched but page numbers where they have to follow.
//!
//! The headers keep the number of their pages wherever that is possible, so that no later page changes. Where a page more
//! is needed, the later pages of the stream get other numbers and checksums while they are copied ([`Renumbering`]).
//! Of a chain, the first link speaks for the file; further links, and other streams beside ours, are copied as they are.

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
use super::mp3::{OuterTags, Speaker};
use super::plan::Wish;
use super::source::Source;
use super::vorbis::VorbisComments;
use headers::Headers;

const WHAT: &str = "comment header";
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
        let packet = headers.packets.get(1).ok_or(Refusal::Truncated { what: WHAT })?;
        let magic: &[u8] = match headers.codec {
            Container::OggVorbis => b"\x03vorbis",
            Container::Opus => b"OpusTags",
            Container::OggFlac => {
                let head: &[u8; 4] = packet.first_chunk().ok_or(Refusal::Truncated { what: WHAT })?;
                if head[0] & 0x7f != VORBIS_COMMENT {
                    return Err(damaged("the first metadata block has to hold the comments").into());
                }
                if block_header(head[0], packet.len() - 4)? != *head {
                    return Err(damaged("the length of its metadata block is not that of its packet").into());
                }
                if !headers.packets[0].starts_with(b"\x7fFLAC\x01") {
                    return Err(Refusal::Unsupported { what: "Ogg FLAC", why: "its mapping is not version 1" }.into());
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
        Ok(Self { outer, headers, magic, comments, behind, padding })
    }

    /// The comment packet with other comments. Its padding takes up the difference, as far as there is any.
    fn packet(&self, comments: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut packet = match self.headers.codec {
            Container::OggFlac => block_header(self.magic[0], comments.len() + self.behind.len())?.to_vec(),
            _ => self.magic.clone(),
        };
        packet.extend_from_slice(comments);
        packet.extend_from_slice(&self.behind);
        if self.padding > 0 {
            packet.resize(packet.len().max(self.headers.packets[1].len()), 0);
        }
        Ok(packet)
    }

    /// Where the last header page ends.
    fn headers_end(&self) -> u64 {
        self.headers.pages.last().map_or(self.outer.inner.start, |page| page.end)
    }

    fn rewrite(&self, source: &dyn Source, comments: &[u8], patch: &mut Patch) -> Result<(), Problem> {
        let packet = self.packet(comments)?;
        let further = self.headers.packets[2..].iter().map(Vec::as_slice);
        let packets: Vec<&[u8]> = std::iter::once(packet.as_slice()).chain(further).collect();
        let (old, new) = (&self.headers.pages, self.headers.paginate(&packets));
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
        let others = self.headers.packets.iter().enumerate().filter(|(number, _)| *number != 1);
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

    fn edit(&self, source: &dyn Source, wish: &Wish, _options: EditOptions) -> Result<Patch, Problem> {
        let mut patch = Patch::default();
        if let Some(Edited { bytes, changes, .. }) = self.comments.edit(wish)? {
            patch.changes.extend(changes);
            self.rewrite(source, &bytes, &mut patch)?;
        }
        self.outer.edit(wish, Speaker::Inside, &mut patch)?;
        patch.splices.sort_by_key(|splice| splice.range.start);
        Ok(patch)
    }
}
