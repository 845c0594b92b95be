//! A container and its codec as one thing: a track that can be positioned and that yields mono sound, packet by packet. One file a way of
//! reading: bare MPEG frames, Ogg pages, and everything that symphonia's demuxers read.

mod decoder;
mod demuxed;
mod mpeg;
mod ogg;

use std::fmt;

use super::error::Fault;
use super::payload::{self, Container, Found, flac, mp4, riff};
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
    /// In Hz.
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
pub(crate) trait Track {
    fn format(&self) -> &Format;

    /// Goes to a place at or before `frame`, early enough for the decoder to have settled when it gets there.
    fn seek(&mut self, frame: u64) -> Result<(), Fault>;

    /// Decodes the next packet: appends its mono sound to `mono` and gives the position of the first frame appended, which is negative
    /// within the encoder's delay. A packet that is broken appends nothing. `None` at the end.
    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault>;
}

/// Opens whatever the file is.
pub(crate) fn open(mut source: Source) -> Result<(Container, Box<dyn Track>), Fault> {
    let found = payload::find(&mut source)?;
    let container = found.container();
    let track: Box<dyn Track> = match found {
        Found::Mpeg(range) => Box::new(mpeg::MpegTrack::open(source, range)?),
        Found::Ogg(start) => Box::new(ogg::OggTrack::open(source, start)?),
        Found::Adts(range) => Box::new(demuxed::adts(&source, range)?),
        Found::Flac(start) => {
            let layout = flac::Layout::read(&mut source, start)?;
            Box::new(demuxed::flac(&source, layout)?)
        }
        Found::Mp4(start) => {
            let layout = mp4::Layout::read(&mut source, start)?;
            Box::new(demuxed::mp4(&source, start, &layout)?)
        }
        Found::Riff(start) => {
            let wave = riff::wave(&mut source, start)?;
            if demuxed::holds_mpeg(&wave) {
                let first = payload::mpeg::first_frame(&mut source, wave.data.clone())?;
                let first = first.ok_or_else(|| Fault::damaged("its sound holds no MPEG frames"))?;
                Box::new(mpeg::MpegTrack::open(source, first..wave.data.end)?)
            } else {
                Box::new(demuxed::wave(&source, wave)?)
            }
        }
        Found::Aiff(start) => {
            let sound = riff::aiff(&mut source, start)?;
            Box::new(demuxed::aiff(&source, sound)?)
        }
        Found::Caf(start) => {
            riff::caf(&mut source, start)?;
            Box::new(demuxed::caf(&source, start)?)
        }
        Found::Matroska(start) => {
            payload::matroska::clusters(&mut source, start)?;
            Box::new(demuxed::matroska(&source, start)?)
        }
    };
    Ok((container, track))
}
