//! Bare MPEG frames, fed to the decoder one by one. Frames have no positions of their own: they are counted.

use std::ops::Range;

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};

use crate::audio::error::Fault;
use crate::audio::payload::mpeg::Layout;
use crate::audio::source::Source;
use crate::formats::mpeg::Header;

use super::decoder::{Decoded, Decoder};
use super::{Codec, Format, Track};

/// Frames decoded and dropped before the wanted one: a frame may lean on the bits of up to nine frames before it (511
/// bytes, at the lowest bitrates), and its sound overlaps with theirs.
const RUN_IN: u64 = 16;

pub(super) struct MpegTrack {
    source: Source,
    layout: Layout,
    format: Format,
    decoder: Decoder,
    /// Channels that the decoder was made for.
    channels: u16,
    /// Number and position of the next frame.
    frame: u64,
    position: u64,
}

impl MpegTrack {
    /// Opens the frames of `range`, the first of which is at its start.
    pub(super) fn open(mut source: Source, range: Range<u64>) -> Result<Self, Fault> {
        let layout = Layout::read(&mut source, range)?;
        let header = layout.header;
        let format = Format {
            codec: codec(&header),
            sample_rate: header.sample_rate,
            channels: header.channels,
            total: layout.total,
        }
        .checked()?;
        let position = layout.frames.start;
        Ok(Self { source, layout, format, decoder: decoder(&header)?, channels: header.channels, frame: 0, position })
    }
}

/// What frames like this one are called.
pub(super) fn codec(header: &Header) -> Codec {
    if header.layer == 3 { Codec::Mp3 } else { Codec::Mp2 }
}

/// The decoder of frames like this one.
pub(super) fn decoder(header: &Header) -> Result<Decoder, Fault> {
    // Not in the standard of MPEG-1, and refused by the decoder in all versions; some encoders write them, and players
    // play them.
    let (kilobits, channels) = (header.bitrate / 1000, header.channels);
    let unusual: &[u32] = if channels == 1 { &[224, 256, 320, 384] } else { &[32, 48, 56, 80] };
    if header.layer == 2 && unusual.contains(&kilobits) {
        let channels = if channels == 1 { "mono" } else { "stereo" };
        return Err(Fault::unsupported(format!("MPEG layer II of {kilobits} kbit/s in {channels}")));
    }
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec([CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3][usize::from(header.layer - 1)]);
    Ok(Decoder::symphonia(&parameters)?)
}

impl Track for MpegTrack {
    fn format(&self) -> &Format {
        &self.format
    }

    fn walks(&self) -> bool {
        !self.layout.is_constant()
    }

    fn cannot(&self) -> Option<&'static str> {
        self.decoder.cannot()
    }

    fn seek(&mut self, frame: u64) -> Result<(), Fault> {
        let wanted = ((frame + self.layout.delay) / self.layout.header.samples()).saturating_sub(RUN_IN);
        (self.frame, self.position) = self.layout.locate(&mut self.source, wanted)?;
        self.decoder.reset();
        Ok(())
    }

    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault> {
        let Some(found) = self.layout.frame_from(&mut self.source, self.position)? else { return Ok(None) };
        let header = found.header;
        self.frame += found.lost;
        self.position = found.at;
        if header.channels != self.channels {
            self.decoder = decoder(&header)?;
            self.channels = header.channels;
        }
        let length = header.length();
        let bytes = self.source.peek(self.position, length as usize)?;
        // The decoder wants whole frames; the last one may be cut.
        if (bytes.len() as u64) < length {
            return Ok(None);
        }
        let (Decoded::Sound(_) | Decoded::Bad) = self.decoder.decode(bytes, header.samples(), mono)? else {
            return Ok(None);
        };
        let start = (self.frame * header.samples()) as i64 - self.layout.delay as i64;
        self.frame += 1;
        self.position += length;
        Ok(Some(start))
    }
}
