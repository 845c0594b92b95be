//! Bare MPEG audio (MP3 and its older layers): what the Xing, Info or VBRI frame declares, and where the n-th frame is.
//! Nothing is decoded.
//!
//! Frames have no numbers, so positions are found in one of two exact ways. When every frame has the same bitrate,
//! frame `k` begins at `k * bytes per frame`, give or take the padding slot; that is believed only after a frame header
//! of that bitrate was found at just these places near the middle and the end. Otherwise headers are walked, one after
//! the other, up to the frame that is wanted: a millisecond for five minutes of music.

use std::io;
use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;
use crate::formats::mpeg::{Header, header_at, next_frame};

use super::riff::check_whole;

/// The shortest frame in bytes.
const SHORTEST_FRAME: u64 = 24;

/// One in this many frame positions is remembered while headers are walked.
const INDEX_STEP: u64 = 64;

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

/// Reads a Xing or Info table. The delays are LAME's; the 529 samples that every decoder adds are counted with them, as
/// ffmpeg does.
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
