//! ADPCM of any container: blocks of one length, each of which can be decoded by itself, so that a place is found by
//! arithmetic. The demuxers do not find it: that of WAV takes a block for a frame when it seeks.

use std::ops::Range;

use symphonia::core::audio::layouts;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ADPCM_IMA_QT, CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use crate::audio::error::Fault;
use crate::audio::source::Source;

use super::decoder::{Decoded, Decoder};
use super::{Codec, Format, Track};

/// Whose ADPCM it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variety {
    Microsoft,
    /// In blocks of WAV.
    Ima,
    /// In Apple's packets of 34 bytes a channel.
    Apple,
}

/// What a container says about its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    pub variety: Variety,
    /// In Hz.
    pub sample_rate: u32,
    /// One or two.
    pub channels: u16,
    /// Bytes of a block.
    pub bytes: u32,
    /// Frames (samples a channel) of a block.
    pub frames: u32,
}

impl Blocks {
    /// Apple's packets, of 64 frames each.
    pub(super) fn apple(sample_rate: u32, channels: u16) -> Self {
        Self { variety: Variety::Apple, sample_rate, channels, bytes: 34 * u32::from(channels), frames: 64 }
    }
}

pub(super) struct BlockTrack {
    source: Source,
    blocks: Blocks,
    data: Range<u64>,
    format: Format,
    decoder: Decoder,
    /// Number of the next block.
    next: u64,
}

impl BlockTrack {
    /// Opens the blocks in `data`. What is left over at its end is no whole block.
    pub(super) fn open(source: Source, blocks: Blocks, data: Range<u64>) -> Result<Self, Fault> {
        let count = (data.end - data.start) / u64::from(blocks.bytes.max(1));
        let format = Format {
            codec: Codec::Adpcm,
            sample_rate: blocks.sample_rate,
            channels: blocks.channels,
            total: count * u64::from(blocks.frames),
        }
        .checked()?;
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec(blocks.variety))
            .with_sample_rate(blocks.sample_rate)
            .with_channels(match blocks.channels {
                1 => layouts::CHANNEL_LAYOUT_MONO,
                _ => layouts::CHANNEL_LAYOUT_STEREO,
            })
            .with_max_frames_per_packet(blocks.frames.into())
            .with_frames_per_block(blocks.frames.into());
        Ok(Self { source, blocks, data, format, decoder: Decoder::symphonia(&parameters)?, next: 0 })
    }
}

fn codec(variety: Variety) -> AudioCodecId {
    match variety {
        Variety::Microsoft => CODEC_ID_ADPCM_MS,
        Variety::Ima => CODEC_ID_ADPCM_IMA_WAV,
        Variety::Apple => CODEC_ID_ADPCM_IMA_QT,
    }
}

impl Track for BlockTrack {
    fn format(&self) -> &Format {
        &self.format
    }

    fn cannot(&self) -> Option<&'static str> {
        self.decoder.cannot()
    }

    fn seek(&mut self, frame: u64) -> Result<(), Fault> {
        self.next = frame / u64::from(self.blocks.frames.max(1));
        Ok(())
    }

    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault> {
        let (bytes, frames) = (u64::from(self.blocks.bytes), u64::from(self.blocks.frames));
        let at = self.data.start + self.next * bytes;
        if at + bytes > self.data.end {
            return Ok(None);
        }
        let block = self.source.peek(at, bytes as usize)?;
        if (block.len() as u64) < bytes {
            return Ok(None);
        }
        let start = self.next * frames;
        self.next += 1;
        let sane = self.blocks.variety != Variety::Microsoft || is_sane(block, usize::from(self.blocks.channels));
        // A block that makes no sense is a gap.
        if sane && matches!(self.decoder.decode(block, frames, mono)?, Decoded::End) {
            return Ok(None);
        }
        Ok(Some(i64::try_from(start).unwrap_or(i64::MAX)))
    }
}

/// Behind this a step times the largest difference is no number of 32 bits any more. Steps of sound have 16 bits.
const LARGEST_STEP: i64 = 1 << 21;

/// By how much, in parts of 256, each difference changes the step.
const GROWTH: [i64; 16] = [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];

/// The smallest step.
const SMALLEST_STEP: i64 = 16;

/// Whether the steps of a block stay in the range of sound. Their size grows with what the block says, threefold at the
/// most, and the decoder computes with it unchecked.
fn is_sane(block: &[u8], channels: usize) -> bool {
    let Some((head, sound)) = block.split_at_checked(7 * channels) else { return false };
    // A byte a channel tells the coefficients, then two the first step.
    let mut steps =
        head[channels..3 * channels].chunks(2).map(|step| i64::from(i16::from_le_bytes([step[0], step[1]])));
    let mut left = steps.next().unwrap_or(SMALLEST_STEP);
    let mut right = steps.next();
    sound.iter().all(|&byte| {
        let right = right.as_mut();
        let grow = |step: &mut i64, nibble: u8| {
            *step = (GROWTH[usize::from(nibble)] * *step / 256).max(SMALLEST_STEP);
            *step <= LARGEST_STEP
        };
        match right {
            Some(right) => grow(&mut left, byte >> 4) && grow(right, byte & 15),
            None => grow(&mut left, byte >> 4) && grow(&mut left, byte & 15),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with this first step in each channel.
    fn block(step: i16, channels: usize, sound: &[u8]) -> Vec<u8> {
        let mut block = vec![0; channels];
        block.extend(step.to_le_bytes().repeat(channels));
        block.resize(7 * channels, 0);
        block.extend(sound);
        block
    }

    #[test]
    fn steps_that_run_away_are_noticed_before_they_overflow() {
        for channels in [1, 2] {
            for (sound, sane) in [([0x00; 40], true), ([0x33; 40], true), ([0x88; 40], false), ([0x08; 40], false)] {
                assert_eq!(is_sane(&block(32_767, channels, &sound), channels), sane, "{channels} {sound:?}");
            }
            assert!(!is_sane(&[0; 6], channels));
        }
    }
}
