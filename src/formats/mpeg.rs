//! Frame headers of MPEG audio (MP3 and its older layers) and of ADTS, and where in a file the first true one is.
//! Nothing is decoded.
//!
//! Eleven set bits are nothing: chance makes a frame header of one in some thousand positions, and many kinds of files
//! hold MPEG frames somewhere inside. So a file is MPEG audio only if frames of one stream follow each other near its
//! start.

use std::io;
use std::ops::Range;

use super::Bytes;

/// How far behind zeros and tags the first frame is searched: junk there is as old as the format.
const JUNK: u64 = 64 << 10;

/// The same behind a tag: some are longer than they say, and what is left over of a cover stands there.
const JUNK_BEHIND_TAG: u64 = 1 << 20;

/// How many zeros are stepped over.
const ZEROS: u64 = 1 << 20;

/// Frame headers in a row that make a stream.
const CHAIN: usize = 4;

/// The longest frame of the free format that is believed: 640 kbit/s at 8 kHz.
const LONGEST_FREE_FRAME: usize = 5760;

/// A frame header, as ISO 11172-3 and 13818-3 (and the MPEG 2.5 extension) define it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// 1, 2, or 3 for MPEG 2.5.
    pub version: u8,
    /// I, II or III.
    pub layer: u8,
    /// In bit/s.
    pub bitrate: u32,
    /// In Hz.
    pub sample_rate: u32,
    padded: bool,
    pub channels: u16,
    pub protected: bool,
}

impl Header {
    /// Parses four bytes; `None` when they are no header (free-format streams, which declare no bitrate, included).
    pub(crate) fn parse(bytes: [u8; 4]) -> Option<Self> {
        if bytes[0] != 0xff || bytes[1] & 0xe0 != 0xe0 {
            return None;
        }
        let version = match bytes[1] >> 3 & 3 {
            0 => 3,
            2 => 2,
            3 => 1,
            _ => return None,
        };
        let layer = 4 - (bytes[1] >> 1 & 3);
        let (bitrate_index, rate_index) = (usize::from(bytes[2] >> 4), usize::from(bytes[2] >> 2 & 3));
        if layer == 4 || rate_index == 3 || bytes[3] & 3 == 2 {
            return None;
        }
        let kilobits = match (version, layer) {
            (1, 1) => [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0],
            (1, 2) => [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
            (1, _) => [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
            (_, 1) => [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0],
            _ => [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
        }[bitrate_index];
        let halvings = version - 1;
        (kilobits > 0).then(|| Self {
            version,
            layer,
            bitrate: kilobits * 1000,
            sample_rate: [44_100, 48_000, 32_000][rate_index] >> halvings,
            padded: bytes[2] & 2 != 0,
            channels: if bytes[3] >> 6 == 3 { 1 } else { 2 },
            protected: bytes[1] & 1 == 0,
        })
    }

    /// Samples a channel in a frame.
    pub(crate) fn samples(&self) -> u64 {
        match (self.version, self.layer) {
            (_, 1) => 384,
            (1, _) | (_, 2) => 1152,
            _ => 576,
        }
    }

    /// The unit of padding in bytes.
    pub(crate) fn slot(&self) -> u64 {
        if self.layer == 1 { 4 } else { 1 }
    }

    /// Length of the frame in bytes, header included.
    pub(crate) fn length(&self) -> u64 {
        let slots = self.samples() / 8 * u64::from(self.bitrate) / u64::from(self.sample_rate) / self.slot();
        (slots + u64::from(self.padded)) * self.slot()
    }

    /// Whether `other` can be a frame of the same stream: bitrate and channel mode may change, the rest may not.
    pub(crate) fn continues(&self, other: &Self) -> bool {
        (self.version, self.layer, self.sample_rate) == (other.version, other.layer, other.sample_rate)
    }

    /// Bytes of side information behind the header of a layer III frame.
    pub(crate) fn side_information(&self) -> u64 {
        match (self.version, self.channels) {
            (1, 1) => 17,
            (1, _) => 32,
            (_, 1) => 9,
            _ => 17,
        }
    }
}

/// The frame header at `position`, if there is one.
pub(crate) fn header_at(bytes: &mut dyn Bytes, position: u64) -> io::Result<Option<Header>> {
    Ok(bytes.array::<4>(position)?.and_then(Header::parse))
}

/// A stream of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// From this frame on.
    Plain(u64),
    /// The same, of frames whose length no header tells: the free format.
    Free(u64),
}

/// Searches a stream in what lies between the tags of a file: right behind those in front, or behind zeros or a little
/// junk.
pub(super) fn find(bytes: &mut dyn Bytes, range: Range<u64>) -> io::Result<Option<Stream>> {
    let start = range.start + zeros(bytes, &range)?;
    if let Some(first) = first_frame(bytes, start..range.end, range.start > 0)? {
        return Ok(Some(Stream::Plain(first)));
    }
    Ok(is_free_format(bytes, start..range.end)?.then_some(Stream::Free(start)))
}

/// The number of zeros that a range begins with, as far as they are stepped over.
fn zeros(bytes: &mut dyn Bytes, range: &Range<u64>) -> io::Result<u64> {
    const STEP: u64 = 4096;
    let limit = range.end.min(range.start + ZEROS);
    let mut position = range.start;
    while position < limit {
        let count = (limit - position).min(STEP);
        let found = bytes.peek(position, count as usize)?.iter().take_while(|&&byte| byte == 0).count() as u64;
        position += found;
        if found < count {
            break;
        }
    }
    Ok(position - range.start)
}

/// Searches the first frame: one that begins a chain of frames of one stream, or the last ones of the range.
pub(crate) fn first_frame(bytes: &mut dyn Bytes, range: Range<u64>, behind_tag: bool) -> io::Result<Option<u64>> {
    let junk = if behind_tag { JUNK_BEHIND_TAG } else { JUNK };
    let limit = range.end.min(range.start + junk);
    search(bytes, range.start..limit, |bytes, at| {
        let Some(first) = header_at(bytes, at)? else { return Ok(false) };
        chain(bytes, at, first, &range)
    })
}

/// Searches the next frame of a stream, behind damage: two frames in a row, or one that ends with the range.
pub(crate) fn next_frame(bytes: &mut dyn Bytes, range: Range<u64>, like: &Header) -> io::Result<Option<u64>> {
    let like = *like;
    search(bytes, range.clone(), |bytes, at| {
        let Some(found) = header_at(bytes, at)?.filter(|found| like.continues(found)) else { return Ok(false) };
        let next = at + found.length();
        Ok(next == range.end || header_at(bytes, next)?.is_some_and(|next| like.continues(&next)))
    })
}

/// The first position of the range that begins with eleven set bits and that `accept` takes.
fn search(
    bytes: &mut dyn Bytes,
    range: Range<u64>,
    mut accept: impl FnMut(&mut dyn Bytes, u64) -> io::Result<bool>,
) -> io::Result<Option<u64>> {
    const STEP: u64 = 4096;
    let mut position = range.start;
    while position < range.end {
        let count = (range.end - position).min(STEP);
        let piece = bytes.peek(position, count as usize + 1)?;
        let marks = piece.windows(2).enumerate().filter(|(_, pair)| pair[0] == 0xff && pair[1] >= 0xe0);
        let marks: Vec<u64> = marks.map(|(offset, _)| position + offset as u64).collect();
        for at in marks {
            if accept(bytes, at)? {
                return Ok(Some(at));
            }
        }
        position += count;
    }
    Ok(None)
}

/// Whether frames of one stream follow each other from `at` on. At the end of the range fewer are believed: two that
/// fit, two and a part of a third, and whatever there is right at its start.
fn chain(bytes: &mut dyn Bytes, at: u64, first: Header, range: &Range<u64>) -> io::Result<bool> {
    let (mut position, mut header) = (at, first);
    for found in 1..CHAIN {
        position += header.length();
        if position + 4 > range.end {
            let enough = match position {
                _ if at == range.start => 1,
                position if position == range.end => 2,
                _ => 3,
            };
            return Ok(found >= enough);
        }
        match header_at(bytes, position)?.filter(|next| first.continues(next)) {
            Some(next) => header = next,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Whether a range begins with frames of the free format, which share a length that no header tells, give or take the
/// padding.
fn is_free_format(bytes: &mut dyn Bytes, range: Range<u64>) -> io::Result<bool> {
    let Some(first) = bytes.array::<4>(range.start)?.filter(|&header| is_free_header(header)) else { return Ok(false) };
    let slot = if first[1] >> 1 & 3 == 3 { 4 } else { 1 };
    let padding = |header: [u8; 4]| u64::from(header[2] >> 1 & 1) * slot;
    // Padding, and how the channels are joined, differ from frame to frame.
    let alike =
        |header: [u8; 4]| header[..2] == first[..2] && header[2] & !2 == first[2] & !2 && is_free_header(header);
    let window = bytes.peek(range.start, LONGEST_FREE_FRAME + 4)?.to_vec();
    let headers = window.windows(4).enumerate().skip(24);
    let next = headers.filter(|(_, header)| alike([header[0], header[1], header[2], header[3]]));
    for length in next.map(|(length, _)| length as u64).collect::<Vec<_>>() {
        let Some(plain) = length.checked_sub(padding(first)) else { continue };
        let (mut position, mut found) = (range.start + length, 1);
        while found < CHAIN {
            let Some(header) = bytes.array::<4>(position)?.filter(|&header| position < range.end && alike(header))
            else {
                break;
            };
            found += 1;
            position += plain + padding(header);
        }
        if found == CHAIN || found > 1 && position + 4 > range.end {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether four bytes are a frame header of the free format.
fn is_free_header([sync, kind, rates, mode]: [u8; 4]) -> bool {
    // With any bitrate in the place of none it has to be a header like all others.
    rates >> 4 == 0 && Header::parse([sync, kind, rates | 0x10, mode]).is_some()
}

/// The first ADTS frame, if the range begins with some: AAC frames carry their length, so a chain of them is
/// unmistakable.
pub(crate) fn adts_start(bytes: &mut dyn Bytes, range: Range<u64>) -> io::Result<Option<u64>> {
    let mut position = range.start;
    for _ in 0..CHAIN {
        let Some(head) = bytes.array::<7>(position)? else { return Ok(None) };
        let length = u64::from(head[3] & 3) << 11 | u64::from(head[4]) << 3 | u64::from(head[5] >> 5);
        if head[0] != 0xff || head[1] & 0xf6 != 0xf0 || length < 7 {
            return Ok(None);
        }
        position += length;
        if position == range.end {
            break;
        }
    }
    Ok((position <= range.end).then_some(range.start))
}
