//! Bare MPEG audio (MP3 and its older layers) and ADTS: finding the first true frame, what the Xing, Info or VBRI frame declares,
//! and where the n-th frame is. Nothing is decoded.
//!
//! Frames have no numbers, so positions are found in one of two exact ways. When every frame has the same bitrate, frame `k` begins at
//! `k * bytes per frame`, give or take the padding slot; that is believed only after a frame header of that bitrate was found at
//! just these places near the middle and the end. Otherwise headers are walked, one after the other, up to the frame that is wanted:
//! a millisecond for five minutes of music.

use std::io;
use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

use super::riff::check_whole;

/// How far behind the tags the first frame is searched: past padding and debris, not through a film.
const SEARCH: u64 = 1 << 20;

/// Frame headers in a row that make a stream.
const CHAIN: usize = 4;

/// The shortest frame in bytes.
const SHORTEST_FRAME: u64 = 24;

/// One in this many frame positions is remembered while headers are walked.
const INDEX_STEP: u64 = 64;

/// A frame header, as ISO 11172-3 and 13818-3 (and the MPEG 2.5 extension) define it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// 1, 2, or 3 for MPEG 2.5.
    version: u8,
    /// I, II or III.
    pub layer: u8,
    /// In bit/s.
    bitrate: u32,
    /// In Hz.
    pub sample_rate: u32,
    padded: bool,
    pub channels: u16,
    protected: bool,
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
    fn slot(&self) -> u64 {
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
    fn side_information(&self) -> u64 {
        match (self.version, self.channels) {
            (1, 1) => 17,
            (1, _) => 32,
            (_, 1) => 9,
            _ => 17,
        }
    }
}

/// The frame header at `position`, if there is one.
pub(crate) fn header_at(source: &mut Source, position: u64) -> io::Result<Option<Header>> {
    Ok(source.array::<4>(position)?.and_then(Header::parse))
}

/// Searches the first frame: one that begins a chain of frames of one stream, or the last complete ones of the range.
pub(crate) fn first_frame(source: &mut Source, range: Range<u64>) -> io::Result<Option<u64>> {
    let limit = range.end.min(range.start + SEARCH);
    search(source, range.start..limit, |source, at| {
        let Some(first) = header_at(source, at)? else { return Ok(false) };
        chain(source, at, first, range.end)
    })
}

/// Searches the next frame of a stream, behind damage: two frames in a row, or one that ends with the range.
pub(crate) fn next_frame(source: &mut Source, range: Range<u64>, like: &Header) -> io::Result<Option<u64>> {
    let like = *like;
    search(source, range.clone(), |source, at| {
        let Some(found) = header_at(source, at)?.filter(|found| like.continues(found)) else { return Ok(false) };
        let next = at + found.length();
        Ok(next == range.end || header_at(source, next)?.is_some_and(|next| like.continues(&next)))
    })
}

/// The first position of the range that begins with eleven set bits and that `accept` takes.
fn search(
    source: &mut Source,
    range: Range<u64>,
    mut accept: impl FnMut(&mut Source, u64) -> io::Result<bool>,
) -> io::Result<Option<u64>> {
    const STEP: u64 = 4096;
    let mut position = range.start;
    while position < range.end {
        let count = (range.end - position).min(STEP);
        let bytes = source.peek(position, count as usize + 1)?;
        let marks = bytes.windows(2).enumerate().filter(|(_, pair)| pair[0] == 0xff && pair[1] >= 0xe0);
        let marks: Vec<u64> = marks.map(|(offset, _)| position + offset as u64).collect();
        for at in marks {
            if accept(source, at)? {
                return Ok(Some(at));
            }
        }
        position += count;
    }
    Ok(None)
}

/// Whether frames of one stream follow each other from `at` on. At the end of the file a shorter chain is believed if it fits exactly,
/// or if two frames were found before the file stops.
fn chain(source: &mut Source, at: u64, first: Header, end: u64) -> io::Result<bool> {
    let (mut position, mut header) = (at, first);
    for found in 1..CHAIN {
        position += header.length();
        if position == end {
            return Ok(true);
        }
        match header_at(source, position)? {
            Some(next) if position < end && first.continues(&next) => header = next,
            // What follows the last frame may be a tag of a kind that is not known here.
            _ => return Ok(position > end && found > 2),
        }
    }
    Ok(true)
}

/// The first ADTS frame, if the range begins with some: AAC frames carry their length, so a chain of them is unmistakable.
pub(crate) fn adts_start(source: &mut Source, range: Range<u64>) -> io::Result<Option<u64>> {
    let mut position = range.start;
    for _ in 0..CHAIN {
        let Some(bytes) = source.array::<7>(position)? else { return Ok(None) };
        let length = u64::from(bytes[3] & 3) << 11 | u64::from(bytes[4]) << 3 | u64::from(bytes[5] >> 5);
        if bytes[0] != 0xff || bytes[1] & 0xf6 != 0xf0 || length < 7 {
            return Ok(None);
        }
        position += length;
        if position == range.end {
            break;
        }
    }
    Ok((position <= range.end).then_some(range.start))
}

/// A frame that was found.
pub(crate) struct Frame {
    pub header: Header,
    pub at: u64,
    /// How many frames fit into the damage before it.
    pub lost: u64,
}

/// What a Xing, Info or VBRI frame says.
#[derive(Default)]
struct Declared {
    frames: Option<u64>,
    bytes: Option<u64>,
    delay: u64,
    padding: u64,
}

/// An MPEG audio stream: where its frames are and how much of the first and last ones is sound.
pub(crate) struct Layout {
    /// The frames of sound, without the Xing, Info or VBRI frame before them.
    pub frames: Range<u64>,
    /// The header of the first of them.
    pub header: Header,
    /// Samples that encoder and decoder put before the sound.
    pub delay: u64,
    /// Samples a channel, without delay and padding.
    pub total: u64,
    /// Whether every frame has the same bitrate.
    constant: bool,
    /// The position of frame `n * INDEX_STEP`, as far as headers were walked.
    index: Vec<u64>,
}

impl Layout {
    /// Reads the layout of the stream whose first frame is at the start of `range`.
    pub(crate) fn read(source: &mut Source, range: Range<u64>) -> Result<Self, Fault> {
        let missing = || Fault::damaged("its first frame is missing");
        let first = header_at(source, range.start)?.ok_or_else(missing)?;
        let declared = declared(source, range.start, &first)?;
        let start = if declared.is_some() { range.start + first.length() } else { range.start };
        if start >= range.end {
            return Err(Fault::truncated("it stops before the sound begins"));
        }
        let header = match header_at(source, start)?.filter(|header| first.continues(header)) {
            Some(header) => header,
            None => {
                let next = next_frame(source, start..range.end, &first)?.ok_or_else(missing)?;
                header_at(source, next)?.ok_or_else(missing)?
            }
        };
        let mut declared = declared.unwrap_or_default();
        // A number of frames that there is no room for is no number, even if the file was once longer.
        let room = declared.bytes.unwrap_or(0).max(range.end - start) / SHORTEST_FRAME;
        declared.frames = declared.frames.filter(|&frames| frames <= room);
        let mut layout = Self {
            frames: start..range.end,
            header,
            delay: declared.delay,
            total: 0,
            constant: false,
            index: vec![start],
        };
        let frames = layout.measure(source, range.start, &declared)?;
        layout.total = (frames * header.samples()).saturating_sub(declared.delay + declared.padding);
        if layout.total == 0 { Err(Fault::Empty("its sound has no samples")) } else { Ok(layout) }
    }

    /// The number of frames, and whether the file holds as much as it declares. Sets `constant`.
    fn measure(&mut self, source: &mut Source, start: u64, declared: &Declared) -> Result<u64, Fault> {
        let present = self.frames.end - self.frames.start;
        let estimate = present / self.frame_offset(1).max(1);
        // The estimate rounds down, and a last padded frame may be cut by a byte: believe what is declared if it fits.
        let fits = |frames: u64| self.frame_offset(frames).abs_diff(present) <= self.frame_offset(2);
        match (declared.frames, declared.bytes) {
            (Some(frames), Some(bytes)) => {
                check_whole(self.frames.end - start, bytes)?;
                self.constant = fits(frames);
                Ok(frames)
            }
            (Some(frames), None) => {
                self.constant = fits(frames);
                if !self.constant {
                    let walked = self.walk_to(source, u64::MAX)?.0;
                    check_whole(walked, frames)?;
                }
                Ok(frames)
            }
            (None, _) => {
                self.constant = true;
                for part in [estimate / 3, estimate / 2, estimate.saturating_sub(3)] {
                    self.constant &= self.arithmetic(source, part)?.is_some();
                }
                if self.constant { Ok(estimate.max(1)) } else { Ok(self.walk_to(source, u64::MAX)?.0) }
            }
        }
    }

    /// Bytes before frame `frame` when every frame has the bitrate of the first.
    fn frame_offset(&self, frame: u64) -> u64 {
        let bits = u128::from(frame) * u128::from(self.header.samples() / 8) * u128::from(self.header.bitrate);
        (bits / u128::from(self.header.sample_rate)) as u64
    }

    /// Where frame `frame` begins, by arithmetic: `None` unless a frame of the same bitrate begins there.
    fn arithmetic(&self, source: &mut Source, frame: u64) -> io::Result<Option<u64>> {
        let slack = 2 * self.header.slot();
        let expected = self.frames.start + self.frame_offset(frame);
        for at in expected.saturating_sub(slack).max(self.frames.start)..=expected + slack {
            let Some(header) = header_at(source, at)? else { continue };
            let next = at + header.length();
            let followed = next + self.header.slot() >= self.frames.end
                || header_at(source, next)?.is_some_and(|next| self.header.continues(&next));
            if header.bitrate == self.header.bitrate && self.header.continues(&header) && followed {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether a frame is found by arithmetic, without the headers before it.
    pub(crate) fn is_constant(&self) -> bool {
        self.constant
    }

    /// The frame `frame`, or the last one before it: its number and position.
    pub(crate) fn locate(&mut self, source: &mut Source, frame: u64) -> io::Result<(u64, u64)> {
        if self.constant
            && let Some(position) = self.arithmetic(source, frame)?
        {
            return Ok((frame, position));
        }
        self.walk_to(source, frame)
    }

    /// The first frame at or after `position`, which is where one should be.
    pub(crate) fn frame_from(&self, source: &mut Source, position: u64) -> io::Result<Option<Frame>> {
        if position >= self.frames.end {
            return Ok(None);
        }
        if let Some(header) = header_at(source, position)?.filter(|header| self.header.continues(header)) {
            return Ok(Some(Frame { header, at: position, lost: 0 }));
        }
        let Some(at) = next_frame(source, position + 1..self.frames.end, &self.header)? else { return Ok(None) };
        let Some(header) = header_at(source, at)? else { return Ok(None) };
        let lost = (at - position + header.length() / 2) / header.length();
        Ok(Some(Frame { header, at, lost }))
    }

    /// Walks headers until frame `frame` or the end: the number and position of where it got to.
    fn walk_to(&mut self, source: &mut Source, frame: u64) -> io::Result<(u64, u64)> {
        let known = (frame / INDEX_STEP).min(self.index.len() as u64 - 1);
        let (mut number, mut position) = (known * INDEX_STEP, self.index[known as usize]);
        while number < frame {
            let Some(next) = self.frame_from(source, position)? else { break };
            number += next.lost + 1;
            position = next.at + next.header.length();
            while number >= self.index.len() as u64 * INDEX_STEP {
                // Positions inside a hole are all the end of it.
                self.index.push(position);
            }
        }
        Ok((number, position))
    }
}

/// What the first frame declares, if it is no sound but a table.
fn declared(source: &mut Source, at: u64, header: &Header) -> io::Result<Option<Declared>> {
    if header.layer != 3 {
        return Ok(None);
    }
    let checksum = if header.protected { 2 } else { 0 };
    for lead in [header.side_information(), header.side_information() + checksum] {
        let table = source.peek(at + 4 + lead, 160)?;
        if table.starts_with(b"Xing") || table.starts_with(b"Info") {
            return Ok(Some(xing(table)));
        }
    }
    let table = source.peek(at + 36, 18)?;
    if table.starts_with(b"VBRI") && table.len() == 18 {
        return Ok(Some(Declared {
            bytes: Some(be32(&table[10..14])).filter(|&bytes| bytes > 0),
            frames: Some(be32(&table[14..18])).filter(|&frames| frames > 0),
            ..Declared::default()
        }));
    }
    Ok(None)
}

/// Reads a Xing or Info table. The delays are LAME's; the 529 samples that every decoder adds are counted with them, as ffmpeg does.
fn xing(table: &[u8]) -> Declared {
    const DECODER_DELAY: u64 = 529;
    let mut declared = Declared::default();
    let Some(flags) = table.get(4..8).map(be32) else { return declared };
    let mut at = 8;
    let mut take = |flag: u64, length: usize| {
        let field = (flags & flag != 0).then(|| table.get(at..at + length)).flatten();
        at += if flags & flag != 0 { length } else { 0 };
        field
    };
    declared.frames = take(1, 4).map(be32).filter(|&frames| frames > 0);
    declared.bytes = take(2, 4).map(be32).filter(|&bytes| bytes > 0);
    take(4, 100);
    take(8, 4);
    let lame = table.get(at..at + 24);
    if let Some(lame) = lame.filter(|lame| [b"LAME", b"Lavf", b"Lavc"].iter().any(|mark| lame.starts_with(*mark))) {
        let delays = be32(&lame[21..24]);
        declared.delay = (delays >> 12) + DECODER_DELAY;
        declared.padding = (delays & 0xfff).saturating_sub(DECODER_DELAY);
    }
    declared
}

fn be32(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
