//! A container and its codec as one thing: a track that can be positioned and that yields mono sound, packet by packet.
//! One file a way of reading: bare MPEG frames, Ogg pages, and everything that symphonia's demuxers read.

mod adpcm;
mod chunked;
mod decoder;
mod demuxed;
mod description;
mod mpeg;
mod ogg;

use std::fmt;
use std::ops::Range;

use super::error::Fault;
use super::payload::{self, Container, Found, caf, flac, mp4, riff};
use super::source::Source;

/// How the sound of a file was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// MPEG audio layer III.
    Mp3,
    /// MPEG audio layer I or II.
    Mp2,
    /// Free Lossless Audio Codec.
    Flac,
    /// Vorbis.
    Vorbis,
    /// Opus.
    Opus,
    /// AAC, low complexity.
    Aac,
    /// Apple Lossless.
    Alac,
    /// Uncompressed samples, or samples compressed one by one (A-law, mu-law).
    Pcm,
    /// ADPCM, Microsoft's or IMA's.
    Adpcm,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp3 => "MP3",
            Self::Mp2 => "MP2",
            Self::Flac => "FLAC",
            Self::Vorbis => "Vorbis",
            Self::Opus => "Opus",
            Self::Aac => "AAC",
            Self::Alac => "ALAC",
            Self::Pcm => "PCM",
            Self::Adpcm => "ADPCM",
        })
    }
}

/// What a track is.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    pub codec: Codec,
    /// Of what is decoded, in Hz.
    pub sample_rate: u32,
    pub channels: u16,
    /// Frames (samples a channel) in all, encoder delay and padding left out.
    pub total: u64,
}

/// The highest rate that is believed, in Hz: twice what the fastest converters do.
const FASTEST: u32 = 768_000;

/// The most channels that are believed.
const MOST_CHANNELS: u16 = 64;

impl Format {
    /// Refuses what no sound has, so that a lying header cannot ask for memory.
    fn checked(self) -> Result<Self, Fault> {
        if !(1..=FASTEST).contains(&self.sample_rate) {
            return Err(Fault::damaged(format!("it declares {} samples a second", self.sample_rate)));
        }
        if !(1..=MOST_CHANNELS).contains(&self.channels) {
            return Err(Fault::damaged(format!("it declares {} channels", self.channels)));
        }
        if self.total == 0 {
            return Err(Fault::Empty("its sound has no samples"));
        }
        Ok(self)
    }
}

/// A track: positioned at its start when it is opened.
pub(crate) trait Track: Send {
    fn format(&self) -> &Format;

    /// The rate of the file in Hz, which may be higher than the one that it is decoded at.
    fn source_rate(&self) -> u32 {
        self.format().sample_rate
    }

    /// Whether a place is found by going through all that lies before it.
    fn walks(&self) -> bool {
        false
    }

    /// Why no packet at all could be decoded, if that is because this variety of the codec is not known.
    fn cannot(&self) -> Option<&'static str> {
        None
    }

    /// Goes to a place at or before `frame`, early enough for the decoder to have settled when it gets there.
    fn seek(&mut self, frame: u64) -> Result<(), Fault>;

    /// How much sound on either side of a part of it `finish` takes to do it well, as far as there is any: less than
    /// what is decoded in front of a place that was sought.
    fn margin(&self) -> u64 {
        0
    }

    /// Does what is left to do to a part of `sound`, around which are its margins.
    fn finish(&self, _sound: &mut [f32], _part: Range<usize>) {}

    /// Decodes the next packet: appends its mono sound to `mono` and gives the position of the first frame appended,
    /// which is negative within the encoder's delay. A packet that is broken appends nothing. `None` at the end.
    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault>;
}

/// A file that was opened.
pub(crate) struct Opened {
    pub container: Container,
    pub track: Box<dyn Track>,
    /// Where in the file its sound begins and ends, with nothing but the container's own bytes in between.
    pub sound: Range<u64>,
}

/// Opens whatever the file is. What can be decoded for less at a lower rate is, if that is `enough` Hz at least.
pub(crate) fn open(mut source: Source, enough: u32) -> Result<Opened, Fault> {
    let found = payload::find(&mut source)?;
    let container = found.container();
    let len = source.len();
    let to_the_end = |start: u64| start..len;
    let (track, sound): (Box<dyn Track>, Range<u64>) = match found {
        Found::Mpeg(range) => (Box::new(mpeg::MpegTrack::open(source, range.clone(), enough)?), range),
        Found::Ogg(start) => {
            let sound = to_the_end(start);
            (Box::new(ogg::OggTrack::open(source, start)?), sound)
        }
        Found::Adts(range) => (Box::new(demuxed::adts(&source, range.clone())?), range),
        Found::Flac(start) => {
            let layout = flac::Layout::read(&mut source, start)?;
            let sound = layout.frames.clone();
            (Box::new(demuxed::flac(&source, layout)?), sound)
        }
        Found::Mp4(start) => {
            let layout = mp4::Layout::read(&mut source, start)?;
            let (first, last) = (layout.mdat.first(), layout.mdat.last());
            let sound = first.zip(last).map_or(start..start, |(first, last)| first.start..last.end);
            (Box::new(demuxed::mp4(&source, start, &layout)?), sound)
        }
        Found::Riff(start) => {
            let wave = riff::wave(&mut source, start)?;
            let sound = wave.data.clone();
            (chunked::wave(source, wave)?, sound)
        }
        Found::Aiff(start) => {
            let aiff = riff::aiff(&mut source, start)?;
            let sound = aiff.data.clone();
            (chunked::aiff(source, aiff)?, sound)
        }
        Found::Caf(start) => {
            let layout = caf::Layout::read(&mut source, start)?;
            let sound = layout.data.clone();
            (chunked::caf(source, start, layout)?, sound)
        }
        Found::Matroska(start) => {
            payload::matroska::clusters(&mut source, start)?;
            (Box::new(demuxed::matroska(&source, start)?), to_the_end(start))
        }
    };
    Ok(Opened { container, track, sound })
}
