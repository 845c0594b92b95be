//! The formats made of chunks: WAV (with its 64-bit kin RF64 and BW64) and AIFF. Found are the chunk of sound and the
//! chunk that describes it.

use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

/// The most chunks before the sound that are believed.
const MOST_CHUNKS: usize = 10_000;

/// The longest description of a format in bytes (real ones have 16 to 60).
const LONGEST_DESCRIPTION: u64 = 4096;

/// What programs declare in front of sound whose length they do not know yet (lame and SoX; ffmpeg's is the largest
/// number that there is): in a pipe nobody fills it in.
const TO_THE_END: [u64; 2] = [0x7fff_ffff, 0x7fff_f000];

/// The same of SoX in AIFF.
const TO_THE_END_IN_AIFF: u64 = 0x7f00_0008;

/// A WAV or AIFF file: the chunk that describes the sound and the bytes of the sound.
pub(crate) struct Chunked {
    /// The whole `fmt ` or `COMM` chunk without its header.
    pub description: Vec<u8>,
    /// The form: `WAVE`, `AIFF` or `AIFC`.
    pub form: [u8; 4],
    /// The bytes of sound.
    pub data: Range<u64>,
}

const NO_SAMPLES: Fault = Fault::Empty("its sound has no samples");

/// The header of a chunk: its mark, where its contents begin and how many bytes it declares.
struct Chunk {
    mark: [u8; 4],
    start: u64,
    length: u64,
}

/// A WAV file that begins at `start`.
pub(crate) fn wave(source: &mut Source, start: u64) -> Result<Chunked, Fault> {
    let mut description = None;
    let mut long_data = None;
    let mut position = start + 12;
    for _ in 0..MOST_CHUNKS {
        let Some(chunk) = chunk(source, position, u32::from_le_bytes)? else { break };
        match &chunk.mark {
            // RF64 and BW64 keep the true lengths here: of the file, then of the data.
            b"ds64" => {
                long_data = source.array::<16>(chunk.start)?.map(|sizes| le64(&sizes[8..16]));
            }
            b"fmt " => description = Some(describe(source, &chunk)?),
            b"data" => {
                let description =
                    description.ok_or_else(|| Fault::damaged("the sound comes before its description"))?;
                let rest = source.len().saturating_sub(chunk.start);
                let elsewhere = long_data.filter(|_| chunk.length == u64::from(u32::MAX));
                let length = match elsewhere.unwrap_or(chunk.length) {
                    // Empty, if the file goes on as one that is; else its length was never filled in.
                    0 if chunks_follow(source, chunk.start, u32::from_le_bytes)? => 0,
                    0 => rest,
                    0xffff_ffff if elsewhere.is_none() => rest,
                    length if elsewhere.is_none() && TO_THE_END.contains(&length) => length.min(rest),
                    length => length,
                };
                let data = sound(source, chunk.start, length)?;
                return Ok(Chunked { description, form: *b"WAVE", data });
            }
            _ => {}
        }
        position = chunk.start.saturating_add(chunk.length.next_multiple_of(2));
    }
    Err(Fault::truncated("it stops before the sound begins"))
}

/// An AIFF or AIFF-C file that begins at `start`.
pub(crate) fn aiff(source: &mut Source, start: u64) -> Result<Chunked, Fault> {
    let form = source.array::<4>(start + 8)?.unwrap_or_default();
    let (mut description, mut data) = (None, None);
    let mut position = start + 12;
    for _ in 0..MOST_CHUNKS {
        let Some(chunk) = chunk(source, position, u32::from_be_bytes)? else { break };
        match &chunk.mark {
            b"COMM" => description = Some(describe(source, &chunk)?),
            b"SSND" => {
                let unmeasured = match chunk.length {
                    0 => !chunks_follow(source, chunk.start, u32::from_be_bytes)?,
                    length => length == TO_THE_END_IN_AIFF && chunk.start + length > source.len(),
                };
                if unmeasured {
                    let what = "an AIFF file whose sizes were never filled in, as in a pipe, cannot be read".to_owned();
                    return Err(Fault::Unsupported { what, advice: "make it anew, without one" });
                }
                if chunk.length == 0 {
                    return Err(NO_SAMPLES);
                }
                let Some(lead) = source.array::<8>(chunk.start)? else { break };
                let offset = u64::from(u32::from_be_bytes([lead[0], lead[1], lead[2], lead[3]]));
                let length = chunk.length.checked_sub(8 + offset);
                let length = length.ok_or_else(|| Fault::damaged("its sound chunk is shorter than its own header"))?;
                data = Some(sound(source, chunk.start + 8 + offset, length)?);
            }
            _ => {}
        }
        if description.is_some() && data.is_some() {
            break;
        }
        position = chunk.start.saturating_add(chunk.length.next_multiple_of(2));
    }
    match (description, data) {
        // A number of channels, then the number of frames.
        (Some(description), _) if description.get(2..6) == Some(&[0; 4]) => Err(NO_SAMPLES),
        (Some(description), Some(data)) => Ok(Chunked { description, form, data }),
        (Some(_), None) => Err(Fault::truncated("it stops before the sound begins")),
        _ => Err(Fault::damaged("nothing in it describes the sound")),
    }
}

fn chunk(source: &mut Source, position: u64, order: fn([u8; 4]) -> u32) -> Result<Option<Chunk>, Fault> {
    Ok(source.array::<8>(position)?.map(|header| Chunk {
        mark: [header[0], header[1], header[2], header[3]],
        start: position + 8,
        length: u64::from(order([header[4], header[5], header[6], header[7]])),
    }))
}

/// Whether whole chunks and nothing else stand from `position` to the end of the file.
fn chunks_follow(source: &mut Source, mut position: u64, order: fn([u8; 4]) -> u32) -> Result<bool, Fault> {
    for _ in 0..MOST_CHUNKS {
        if position >= source.len() {
            return Ok(true);
        }
        let Some(chunk) = chunk(source, position, order)? else { return Ok(false) };
        let is_name = chunk.mark.iter().all(|byte| (0x20..0x7f).contains(byte));
        if !is_name || chunk.length > source.len() - chunk.start {
            return Ok(false);
        }
        position = chunk.start + chunk.length.next_multiple_of(2);
    }
    Ok(false)
}

fn describe(source: &mut Source, chunk: &Chunk) -> Result<Vec<u8>, Fault> {
    if chunk.length > LONGEST_DESCRIPTION {
        return Err(Fault::damaged("the description of its sound is absurdly long"));
    }
    Ok(source.read(chunk.start..chunk.start + chunk.length)?)
}

/// The bytes of sound that a chunk declares, if enough of them are there.
pub(super) fn sound(source: &Source, start: u64, declared: u64) -> Result<Range<u64>, Fault> {
    let present = source.len().saturating_sub(start);
    check_whole(present, declared)?;
    let data = start..start + declared.min(present);
    if data.is_empty() { Err(NO_SAMPLES) } else { Ok(data) }
}

/// A file of which at least 95 % are there is taken as whole: what is missing then is less than what separates two
/// encoders' ideas of a file's length, and is never inside the analysed window. Anything less is a copy or a download
/// that stopped.
pub(super) fn check_whole(present: u64, declared: u64) -> Result<(), Fault> {
    if u128::from(present) * 20 < u128::from(declared) * 19 {
        let percent = u128::from(present) * 100 / u128::from(declared.max(1));
        return Err(Fault::truncated(format!(
            "only {percent} % of the {declared} bytes of sound that it declares are there"
        )));
    }
    Ok(())
}

fn le64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
