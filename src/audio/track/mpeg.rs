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
use crate::audio::half_rate;

/// Frames decoded and dropped before the wanted one: a frame may lean on the bits of up to nine frames before it (511
/// bytes, at the lowest bitrates), and its sound overlaps with theirs.
const RUN_IN: u64 = 16;

pub(super) struct MpegTrack {
    source: Source,
    layout: Layout,
    /// As it is decoded.
    format: Format,
    hearing: Hearing,
    /// Number and position of the next frame.
    frame: u64,
    position: u64,
}

/// How it is decoded.
enum Hearing {
    /// As it is, by a decoder for so many channels.
    Whole(Decoder, u16),
    /// At half the rate.
    Half(Box<half_rate::Decoder>),
}

impl MpegTrack {
    /// Opens the frames of `range`, the first of which is at its start. Where `enough` Hz are enough, they are decoded
    /// at half their rate if that is no less.
    pub(super) fn open(mut source: Source, range: Range<u64>, enough: u32) -> Result<Self, Fault> {
        let layout = Layout::read(&mut source, range)?;
        let header = layout.header;
        let mut format = Format {
            codec: codec(&header),
            sample_rate: header.sample_rate,
            channels: header.channels,
            total: layout.total,
        }
        .checked()?;
        let halves = (header.version, header.layer) == (1, 3) && header.sample_rate / 2 >= enough;
        // The samples that are kept are those which resampling would keep: every second one, from the first behind the
        // encoder's delay on.
        let half = halves.then(|| half_rate::Decoder::new(header.sample_rate, layout.delay as usize % 2)).flatten();
        let hearing = match half {
            Some(half) => {
                format.sample_rate /= 2;
                format.total = format.total.div_ceil(2);
                Hearing::Half(Box::new(half))
            }
            None => Hearing::Whole(decoder(&header)?, header.channels),
        };
        let position = layout.frames.start;
        Ok(Self { source, layout, format, hearing, frame: 0, position })
    }

    /// Samples of the file for each that is decoded.
    fn step(&self) -> u64 {
        match self.hearing {
            Hearing::Whole(..) => 1,
            Hearing::Half(_) => 2,
        }
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

    fn source_rate(&self) -> u32 {
        self.layout.header.sample_rate
    }

    fn cannot(&self) -> Option<&'static str> {
        match &self.hearing {
            Hearing::Whole(decoder, _) => decoder.cannot(),
            Hearing::Half(_) => None,
        }
    }

    fn seek(&mut self, frame: u64) -> Result<(), Fault> {
        let wanted = ((frame * self.step() + self.layout.delay) / self.layout.header.samples()).saturating_sub(RUN_IN);
        (self.frame, self.position) = self.layout.locate(&mut self.source, wanted)?;
        match &mut self.hearing {
            Hearing::Whole(decoder, _) => decoder.reset(),
            Hearing::Half(decoder) => decoder.reset(),
        }
        Ok(())
    }

    fn margin(&self) -> u64 {
        match self.hearing {
            Hearing::Whole(..) => 0,
            Hearing::Half(_) => half_rate::MARGIN,
        }
    }

    fn finish(&self, sound: &mut [f32], part: Range<usize>) {
        if let Hearing::Half(_) = self.hearing {
            half_rate::finish(sound, part, self.format.sample_rate);
        }
    }

    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault> {
        let Some(found) = self.layout.frame_from(&mut self.source, self.position)? else { return Ok(None) };
        let header = found.header;
        self.frame += found.lost;
        self.position = found.at;
        if let Hearing::Whole(old, channels) = &mut self.hearing
            && header.channels != *channels
        {
            (*old, *channels) = (decoder(&header)?, header.channels);
        }
        let length = header.length();
        let bytes = self.source.peek(self.position, length as usize)?;
        // The decoder wants whole frames; the last one may be cut.
        if (bytes.len() as u64) < length {
            return Ok(None);
        }
        match &mut self.hearing {
            Hearing::Whole(decoder, _) => match decoder.decode(bytes, header.samples(), mono)? {
                Decoded::Sound(_) | Decoded::Bad => {}
                Decoded::End => return Ok(None),
            },
            // A bad frame is silent.
            Hearing::Half(decoder) => decoder.decode(bytes, mono).unwrap_or_default(),
        }
        let start = (self.frame * header.samples()) as i64 - self.layout.delay as i64;
        self.frame += 1;
        self.position += length;
        // Even, or else the second of each two samples is kept.
        Ok(Some(start.div_euclid(self.step() as i64) + start.rem_euclid(self.step() as i64)))
    }
}
