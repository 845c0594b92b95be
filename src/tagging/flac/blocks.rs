//! Finds the metadata blocks of a FLAC file and the frames behind them (RFC 9639, 8 and 9).
//!
//! The length field of a block has 24 bits. Programs have written pictures that are longer, or that another length is
//! told of, and players find the frames all the same. Where the lengths lead nowhere, the picture's own lengths are
//! asked, and are believed if they lead to a frame. Nothing is edited here.

use std::ops::Range;

use super::super::error::{Problem, Refusal};
use super::super::source::Source;
use super::super::vorbis::VorbisComments;

const WHAT: &str = "FLAC metadata";
/// Length of a block header: a flag for the last block, 7 bits of type, 24 bits of length.
pub(super) const HEADER: u64 = 4;
pub(super) const MAX_BLOCK: u64 = (1 << 24) - 1;
/// More blocks than this are refused; files with a few hundred pictures exist.
const MAX_BLOCKS: usize = 1 << 16;
/// More comments than this are not counted through for the length of their block.
const MAX_COMMENTS: u32 = 1 << 16;
pub(super) const LAST: u8 = 0x80;

const STREAMINFO: u8 = 0;
pub(super) const PADDING: u8 = 1;
pub(super) const VORBIS_COMMENT: u8 = 4;
const PICTURE: u8 = 6;
const FORBIDDEN: u8 = 127;

/// A metadata block: its kind and the place of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: u8,
    pub(super) body: Range<u64>,
    /// The length that its header tells, which is that of the body but for a picture that is larger.
    pub(super) declared: u64,
}

impl Block {
    pub(super) fn len(&self) -> u64 {
        self.body.end - self.body.start
    }
}

/// The metadata of a file, and where its frames are.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    pub(super) comments: Option<VorbisComments>,
    pub(super) frames: Range<u64>,
}

/// What tells the length of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Headers,
    Contents,
}

impl Blocks {
    /// Looks through `range`, which starts behind the mark of the file.
    pub(super) fn find(source: &dyn Source, range: Range<u64>) -> Result<Self, Problem> {
        let refusal = match Self::walk(source, range.clone(), Trust::Headers) {
            Err(Problem::Refused(refusal)) => refusal,
            other => return other,
        };
        let trusting = Self::walk(source, range.clone(), Trust::Contents);
        let larger = |blocks: &[Block]| blocks.iter().any(|block| block.len() > block.declared);
        match trusting {
            Ok(found) if larger(&found.blocks) && is_frame(source, found.frames.clone())? => Ok(found),
            Err(Problem::Io(error)) => Err(error.into()),
            // Nothing is wrong with the sound.
            _ if has_larger_block(source, range)? => {
                let why = "a block is larger than its length field says, and where it ends is not certain";
                Err(Refusal::Unsupported { what: WHAT, why }.into())
            }
            _ => Err(refusal.into()),
        }
    }

    fn walk(source: &dyn Source, range: Range<u64>, trust: Trust) -> Result<Self, Problem> {
        let damaged = |why| Problem::from(Refusal::Damaged { what: WHAT, why });
        let mut blocks: Vec<Block> = Vec::new();
        let mut comments = None;
        let mut at = range.start;
        loop {
            let Some((block, is_last)) = block(source, at, range.end, trust)? else {
                return Err(Refusal::Truncated { what: WHAT }.into());
            };
            if block.kind == FORBIDDEN || blocks.len() == MAX_BLOCKS {
                return Err(damaged("the last block is not marked as the last one"));
            }
            at = block.body.end;
            if at > range.end {
                return Err(Refusal::Truncated { what: WHAT }.into());
            }
            if (blocks.is_empty()) != (block.kind == STREAMINFO) || block.kind == STREAMINFO && block.declared != 34 {
                return Err(damaged("it has to start with one STREAMINFO block of 34 bytes"));
            }
            if block.kind == VORBIS_COMMENT {
                if comments.is_some() {
                    return Err(damaged(
                        "it has several blocks of Vorbis comments, and readers differ on which counts",
                    ));
                }
                if block.len() > block.declared {
                    // What readers take for the comments is not certain either.
                    let why = "the block of comments is larger than its length field says";
                    return Err(Refusal::Unsupported { what: WHAT, why }.into());
                }
                comments = Some(VorbisComments::parse(source.bytes(block.body.clone(), MAX_BLOCK, WHAT)?)?);
            }
            blocks.push(block);
            if is_last {
                break;
            }
        }
        let frames = at..range.end;
        if !has_sync(source, &frames)? {
            return Err(damaged("no audio frame follows it"));
        }
        Ok(Self { blocks, comments, frames })
    }
}

/// The block at `at`, and whether it is marked as the last one; none where the file ends before.
fn block(source: &dyn Source, at: u64, end: u64, trust: Trust) -> Result<Option<(Block, bool)>, Problem> {
    if at + HEADER > end {
        return Ok(None);
    }
    let head = source.bytes(at..at + HEADER, HEADER, WHAT)?;
    let (kind, is_last) = (head[0] & !LAST, head[0] & LAST != 0);
    let declared = u64::from(u32::from_be_bytes([0, head[1], head[2], head[3]]));
    let contents = match (trust, kind) {
        (Trust::Contents, PICTURE) => picture_length(source, at + HEADER)?,
        (Trust::Contents, VORBIS_COMMENT) => comments_length(source, at + HEADER)?,
        _ => None,
    };
    // What a file cannot hold is no length.
    let contents = contents.filter(|length| at + HEADER + length <= end);
    let length = contents.unwrap_or(0).max(declared);
    Ok(Some((Block { kind, body: at + HEADER..at + HEADER + length, declared }, is_last)))
}

/// Whether some block holds more than its length says, as far as the blocks can be followed.
fn has_larger_block(source: &dyn Source, range: Range<u64>) -> Result<bool, Problem> {
    let mut at = range.start;
    for _ in 0..MAX_BLOCKS {
        let Some((block, is_last)) = block(source, at, range.end, Trust::Contents)? else { return Ok(false) };
        if block.len() > block.declared {
            return Ok(true);
        }
        at = block.body.end;
        if is_last || block.kind == FORBIDDEN {
            break;
        }
    }
    Ok(false)
}

/// The length of the picture in a block, by the lengths in it.
fn picture_length(source: &dyn Source, start: u64) -> Result<Option<u64>, Problem> {
    let number =
        |at: u64| source.window(at, 4).map(|bytes| Some(u64::from(u32::from_be_bytes(bytes.try_into().ok()?))));
    // Its kind, two texts, four numbers, and the picture itself.
    let Some(mime) = number(start + 4)? else { return Ok(None) };
    let Some(description) = number(start + 8 + mime)? else { return Ok(None) };
    let texts = mime + description;
    let picture = number(start + 12 + texts + 16)?;
    Ok(picture.map(|picture| 32 + texts + picture))
}

/// The length of the comments in a block, by the lengths in it.
fn comments_length(source: &dyn Source, start: u64) -> Result<Option<u64>, Problem> {
    let number = |at: u64| source.window(at, 4).map(|bytes| bytes.try_into().ok().map(u32::from_le_bytes));
    let Some(vendor) = number(start)? else { return Ok(None) };
    let mut length = 4 + u64::from(vendor);
    let Some(count) = number(start + length)?.filter(|&count| count <= MAX_COMMENTS) else { return Ok(None) };
    length += 4;
    for _ in 0..count {
        let Some(comment) = number(start + length)? else { return Ok(None) };
        length += 4 + u64::from(comment);
    }
    Ok(Some(length))
}

/// Whether a frame could start the range: 14 bits of sync code, a reserved zero, and the blocking strategy.
fn has_sync(source: &dyn Source, range: &Range<u64>) -> Result<bool, Problem> {
    let sync = source.window(range.start, 2.min((range.end - range.start) as usize))?;
    Ok(matches!(sync[..], [0xff, 0xf8 | 0xf9]))
}

/// Whether the first frame of all starts the range, by the checksum of its header and its number, which is 0.
fn is_frame(source: &dyn Source, range: Range<u64>) -> Result<bool, Problem> {
    let head = source.window(range.start, 16.min((range.end - range.start) as usize))?;
    let [0xff, 0xf8 | 0xf9, sizes, channels, 0, ..] = head[..] else { return Ok(false) };
    // How many bytes behind the number tell the block size, and then the rate.
    let block = match sizes >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate = match sizes & 15 {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    let length = 5 + block + rate;
    let is_possible = sizes >> 4 != 0 && sizes & 15 != 15 && channels >> 4 <= 10 && channels & 1 == 0;
    Ok(is_possible && head.len() > length && crc8(&head[..length]) == head[length])
}

/// The checksum of frame headers: polynomial x^8 + x^2 + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    let step = |crc: u8| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| step(crc)))
}
