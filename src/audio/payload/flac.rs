//! Native FLAC: the stream's description, the frames behind the metadata blocks, and whether the last frame is where
//! the description says it should be.

use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

use super::tags;

/// The most metadata blocks that are believed.
const MOST_BLOCKS: usize = 10_000;

/// How far from the end the last frame is searched: the longest frame that libFLAC writes is far shorter.
const TAIL: u64 = 256 * 1024;

/// Type of a metadata block that holds a picture.
const PICTURE: u8 = 6;

/// No header of a frame is longer.
const LONGEST_HEADER: usize = 16;

/// The longest frame behind which another is looked for.
const LONGEST_FRAME: u64 = 256 * 1024;

/// How far behind the description of the sound the first frame is searched, where nothing tells its place.
const FARTHEST: u64 = 64 << 20;

/// Headers, counted from the end, whose frames are checked.
const CHECKED: usize = 4;

/// A FLAC file without its metadata.
pub(crate) struct Layout {
    /// The 34 bytes of STREAMINFO.
    pub stream_info: [u8; 34],
    /// The frames.
    pub frames: Range<u64>,
    /// Samples a channel, as declared; the last frame's own count where none are.
    pub total: Option<u64>,
}

/// What tells the length of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Its header, which has 24 bits for it.
    Headers,
    /// In a picture its own lengths, where they are larger: some programs have cut the header's.
    Contents,
}

impl Layout {
    /// Reads the layout of the file whose mark stands at `start`.
    pub(crate) fn read(source: &mut Source, start: u64) -> Result<Self, Fault> {
        let blocks = Blocks::walk(source, start + 4, Trust::Headers)?;
        let too_short = || Fault::truncated("it stops before the sound begins");
        let Some(stream_info) = blocks.stream_info else {
            return Err(blocks.end.map_or_else(too_short, |_| Fault::damaged("nothing in it describes the sound")));
        };
        // Players search the first frame where the lengths of the blocks lead nowhere, and so does this.
        let mut first = blocks.end;
        if !is_frame(source, first, &stream_info)? {
            let by_contents = Blocks::walk(source, start + 4, Trust::Contents)?.end;
            let found = if is_frame(source, by_contents, &stream_info)? {
                by_contents
            } else {
                search(source, start + 42, &stream_info)?
            };
            first = found.or(first);
        }
        Self::check(source, stream_info, first.ok_or_else(too_short)?)
    }

    fn check(source: &mut Source, stream_info: [u8; 34], first: u64) -> Result<Self, Fault> {
        if first >= source.len() {
            return Err(Fault::truncated("it stops before the sound begins"));
        }
        let end = tags::trailing(source, first)?;
        let frames = first..end;
        let declared = declared_samples(&stream_info);
        // Chance makes a frame header out of one in some hundred thousand bytes of sound: any header that confirms the
        // declared length does.
        let ends = frame_ends(source, &frames, &stream_info)?;
        let whole = |end: u64| end <= declared && u128::from(end) * 20 >= u128::from(declared) * 19;
        let total = match declared {
            0 => ends.first().copied(),
            _ if ends.iter().any(|&end| whole(end)) => Some(declared),
            _ => {
                return Err(Fault::truncated(match ends.iter().filter(|&&end| end <= declared).max() {
                    Some(&end) => {
                        let percent = u128::from(end) * 100 / u128::from(declared);
                        format!("its last frame is at {percent} % of the length that it declares")
                    }
                    None => "its end holds no sound".into(),
                }));
            }
        };
        Ok(Self { stream_info, frames, total })
    }
}

/// What a walk over the metadata blocks finds.
struct Blocks {
    /// STREAMINFO, if it is among them.
    stream_info: Option<[u8; 34]>,
    /// Where the last one ends; none where the file ends before, or they do not end.
    end: Option<u64>,
}

impl Blocks {
    /// Follows the blocks from `position` on.
    fn walk(source: &mut Source, mut position: u64, trust: Trust) -> Result<Self, Fault> {
        let mut blocks = Self { stream_info: None, end: None };
        for _ in 0..MOST_BLOCKS {
            let Some(header) = source.array::<4>(position)? else { break };
            let (kind, is_last) = (header[0] & 0x7f, header[0] & 0x80 != 0);
            let mut length = u64::from(u32::from_be_bytes([0, header[1], header[2], header[3]]));
            if kind == 0 && blocks.stream_info.is_none() {
                blocks.stream_info = source.array::<34>(position + 4)?;
            }
            if kind == PICTURE && trust == Trust::Contents {
                length = length.max(picture_length(source, position + 4)?.unwrap_or(0));
            }
            position += 4 + length;
            if is_last {
                blocks.end = Some(position);
                break;
            }
        }
        Ok(blocks)
    }
}

/// The length of a picture block by the lengths in it: of two texts and of the picture, between numbers.
fn picture_length(source: &mut Source, start: u64) -> Result<Option<u64>, Fault> {
    let mut length = 4;
    for then in [0, 16, 0] {
        let Some(part) = source.array::<4>(start + length)? else { return Ok(None) };
        length += 4 + u64::from(u32::from_be_bytes(part)) + then;
    }
    Ok(Some(length).filter(|length| start + length <= source.len()))
}

/// Whether a frame starts at `position`.
fn is_frame(source: &mut Source, position: Option<u64>, info: &[u8; 34]) -> Result<bool, Fault> {
    let Some(position) = position else { return Ok(false) };
    let fixed_block = u64::from(u16::from_be_bytes([info[0], info[1]]));
    let head = source.peek(position, LONGEST_HEADER)?;
    let starts = matches!(head, [0xff, 0xf8 | 0xf9, ..]);
    Ok(starts && frame_samples(head, fixed_block).is_some())
}

/// The first frame behind `start`, wherever it is: a whole one by its checksum, of which the next one is told by its
/// number.
fn search(source: &mut Source, start: u64, info: &[u8; 34]) -> Result<Option<u64>, Fault> {
    const STEP: u64 = 1 << 20;
    let fixed_block = u64::from(u16::from_be_bytes([info[0], info[1]]));
    let end = source.len().min(start.saturating_add(FARTHEST));
    let sync = |bytes: &[u8]| matches!(bytes, [0xff, 0xf8 | 0xf9, ..]);
    let mut position = start;
    while position < end {
        // What starts in this step may end in the next one.
        let bytes = source.read(position..(position + STEP + LONGEST_FRAME).min(source.len()))?;
        let starts = bytes.windows(2).take(STEP as usize).enumerate().filter(|(_, window)| sync(window));
        for (at, _) in starts {
            let Some(first) = frame_samples(&bytes[at..], fixed_block).filter(|samples| samples.start == 0) else {
                continue;
            };
            let rest = &bytes[at..bytes.len().min(at + LONGEST_FRAME as usize)];
            let follows = |next: &usize| {
                rest[*next..*next + 2] == rest[..2]
                    && frame_samples(&rest[*next..], fixed_block).is_some_and(|samples| samples.start == first.end)
                    && crc16(&rest[..*next]) == 0
            };
            if (2..rest.len().saturating_sub(2)).any(|next| follows(&next)) {
                return Ok(Some(position + at as u64));
            }
        }
        position += STEP;
    }
    Ok(None)
}

/// The number of samples a channel that STREAMINFO declares; 0 is unknown.
fn declared_samples(info: &[u8; 34]) -> u64 {
    u64::from(info[13] & 0x0f) << 32 | u64::from(u32::from_be_bytes([info[14], info[15], info[16], info[17]]))
}

/// How far the sound reaches by the frames near the end of the file, in samples, last one first: told by every header
/// whose checksum is right and whose stream parameters are those of the first frame. The frame of the last header
/// counts if its own checksum shows that it is whole; before every other one there is the sound of the frame before.
fn frame_ends(source: &mut Source, frames: &Range<u64>, info: &[u8; 34]) -> Result<Vec<u64>, Fault> {
    let first = source.array::<4>(frames.start)?.unwrap_or_default();
    let start = frames.end.saturating_sub(TAIL).max(frames.start);
    let tail = source.read(start..frames.end)?;
    let fixed_block = u64::from(u16::from_be_bytes([info[0], info[1]]));
    let alike = |at: &usize| {
        let header = &tail[*at..];
        header[..2] == first[..2] && header[2] & 15 == first[2] & 15 && header[3] & 15 == first[3] & 15
    };
    let candidates = (0..tail.len().saturating_sub(3)).rev().filter(alike);
    let frames = candidates.filter_map(|at| frame_samples(&tail[at..], fixed_block).map(|samples| (at, samples)));
    // Only the frame that reaches the end of the file can be checked; what looks like a header inside it comes first,
    // if at all.
    let reach = |(number, (at, samples)): (usize, (usize, Range<u64>))| {
        if number < CHECKED && crc16(&tail[at..]) == 0 { samples.end } else { samples.start }
    };
    Ok(frames.enumerate().map(reach).collect())
}

/// Parses a frame header: the numbers of the frame's samples. `None` unless it is one, checksum and all.
fn frame_samples(bytes: &[u8], fixed_block: u64) -> Option<Range<u64>> {
    let (blocks, rate, channels, depth) = (bytes.get(2)? >> 4, bytes[2] & 15, bytes.get(3)? >> 4, bytes[3] >> 1 & 7);
    if blocks == 0 || rate == 15 || channels > 10 || depth == 3 || bytes[3] & 1 != 0 {
        return None;
    }
    // The frame's or sample's number, coded as UTF-8 codes characters, up to 36 bits.
    let lead = *bytes.get(4)?;
    let extra = match lead.leading_ones() {
        0 => 0,
        ones @ 2..=7 => ones as usize - 1,
        _ => return None,
    };
    let mut number = if extra == 0 { u64::from(lead) } else { u64::from(lead) & (0x3f >> extra) };
    for &byte in bytes.get(5..5 + extra)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        number = number << 6 | u64::from(byte & 0x3f);
    }
    let mut at = 5 + extra;
    let block = match blocks {
        1 => 192,
        2..=5 => 576 << (blocks - 2),
        6 => {
            at += 1;
            u64::from(*bytes.get(at - 1)?) + 1
        }
        7 => {
            at += 2;
            u64::from(u16::from_be_bytes([*bytes.get(at - 2)?, *bytes.get(at - 1)?])) + 1
        }
        _ => 256 << (blocks - 8),
    };
    at += match rate {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    if crc8(bytes.get(..at)?) != *bytes.get(at)? {
        return None;
    }
    let first = if bytes[1] & 1 != 0 { number } else { number.checked_mul(fixed_block)? };
    Some(first..first.checked_add(block)?)
}

/// The checksum of frame headers: polynomial x^8 + x^2 + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 }))
}

/// The checksum of whole frames: polynomial x^16 + x^15 + x^2 + 1. It is 0 over a frame and its checksum.
fn crc16(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut crc = (index as u16) << 8;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 };
                bit += 1;
            }
            table[index] = crc;
            index += 1;
        }
        table
    };
    bytes.iter().fold(0, |crc, &byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}
