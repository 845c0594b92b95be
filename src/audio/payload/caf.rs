//! Apple's Core Audio Format: the chunk of sound and what the first chunk says about it.

use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

use super::riff::sound;

/// The most chunks before the sound that are believed.
const MOST_CHUNKS: usize = 10_000;

/// A CAF file.
pub(crate) struct Layout {
    /// The description of the sound.
    pub description: Description,
    /// The bytes of sound.
    pub data: Range<u64>,
}

/// The contents of the chunk `desc`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Description {
    /// The four characters that name the codec.
    pub codec: [u8; 4],
    /// Bytes of a packet; 0 where they differ.
    pub packet_bytes: u32,
    /// Frames (samples a channel) of a packet; 0 where they differ.
    pub packet_frames: u32,
    pub channels: u32,
    /// Bits of a sample; 0 of compressed sound.
    pub bits: u32,
}

impl Layout {
    /// Reads the layout of the file that begins at `start`.
    pub(crate) fn read(source: &mut Source, start: u64) -> Result<Self, Fault> {
        let mut position = start + 8;
        let mut description = None;
        for _ in 0..MOST_CHUNKS {
            let Some(header) = source.array::<12>(position)? else { break };
            let [a, b, c, d, length @ ..] = header;
            let length = i64::from_be_bytes(length);
            let begin = position + 12;
            match &[a, b, c, d] {
                b"data" => {
                    // -1: to the end of the file. The sound follows a count of edits.
                    let length = if length < 0 { source.len() - begin } else { length as u64 };
                    let description =
                        description.ok_or_else(|| Fault::damaged("the sound comes before its description"))?;
                    let data = sound(source, begin + 4, length.saturating_sub(4))?;
                    return Ok(Self { description, data });
                }
                b"desc" => description = Some(Description::read(source, begin)?),
                _ => {}
            }
            let length = u64::try_from(length).map_err(|_| Fault::damaged("a chunk has a negative length"))?;
            position = begin.saturating_add(length);
        }
        Err(Fault::truncated("it stops before the sound begins"))
    }
}

impl Description {
    fn read(source: &mut Source, at: u64) -> Result<Self, Fault> {
        let cut = || Fault::truncated("the description of its sound is cut short");
        let fields = source.array::<32>(at)?.ok_or_else(cut)?;
        let field = |at: usize| u32::from_be_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
        let this = Self {
            codec: [fields[8], fields[9], fields[10], fields[11]],
            packet_bytes: field(16),
            packet_frames: field(20),
            channels: field(24),
            bits: field(28),
        };
        // The demuxer computes with them unchecked.
        if this.packet_bytes > 1 << 20 || this.packet_frames > 1 << 16 || !(1..=64).contains(&this.channels) {
            return Err(Fault::damaged("the description of its sound is impossible"));
        }
        Ok(this)
    }
}
