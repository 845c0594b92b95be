//! The containers whose sound can be found. What a file is, [crate::formats] tells; what no decoder is built in for is
//! refused here by name.

use std::fmt;
use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;
use crate::formats::{Class, Kind, Sighting, recognise};

/// The containers whose sound can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// Bare MPEG audio frames, layers I to III, with or without tags around them.
    Mpeg,
    /// Bare AAC frames with ADTS headers.
    Adts,
    /// Native FLAC.
    Flac,
    /// Ogg, whatever is in it.
    Ogg,
    /// MP4, M4A, M4B, MOV.
    Mp4,
    /// RIFF/WAVE, RF64, BW64.
    Wave,
    /// AIFF and AIFF-C.
    Aiff,
    /// Apple's Core Audio Format.
    Caf,
    /// Matroska and WebM.
    Matroska,
}

impl Container {
    /// A short fixed name; it is part of every [AudioId](crate::audio::AudioId).
    pub fn name(self) -> &'static str {
        match self {
            Self::Mpeg => "MPEG audio",
            Self::Adts => "ADTS",
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::Mp4 => "MP4",
            Self::Wave => "WAV",
            Self::Aiff => "AIFF",
            Self::Caf => "CAF",
            Self::Matroska => "Matroska",
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A container and where it begins, behind any tag that was put in front of it.
pub(crate) enum Found {
    /// From the first frame to the trailing tags.
    Mpeg(Range<u64>),
    /// From the first frame to the trailing tags.
    Adts(Range<u64>),
    Flac(u64),
    Ogg(u64),
    Mp4(u64),
    Riff(u64),
    Aiff(u64),
    Caf(u64),
    Matroska(u64),
}

impl Found {
    pub(crate) fn container(&self) -> Container {
        match self {
            Self::Mpeg(_) => Container::Mpeg,
            Self::Adts(_) => Container::Adts,
            Self::Flac(_) => Container::Flac,
            Self::Ogg(_) => Container::Ogg,
            Self::Mp4(_) => Container::Mp4,
            Self::Riff(_) => Container::Wave,
            Self::Aiff(_) => Container::Aiff,
            Self::Caf(_) => Container::Caf,
            Self::Matroska(_) => Container::Matroska,
        }
    }
}

/// Tells the container, or why there is none.
pub(crate) fn find(source: &mut Source) -> Result<Found, Fault> {
    let Sighting { kind, start, end } = recognise(source)?;
    Ok(match kind {
        Kind::Mpeg => Found::Mpeg(start..end),
        Kind::Adts => Found::Adts(start..end),
        Kind::Flac => Found::Flac(start),
        Kind::Ogg => Found::Ogg(start),
        Kind::Mp4 | Kind::QuickTime => Found::Mp4(start),
        Kind::Wave => Found::Riff(start),
        Kind::Aiff => Found::Aiff(start),
        Kind::Caf => Found::Caf(start),
        Kind::Matroska => Found::Matroska(start),
        other if other.class() == Class::NoSound => return Err(Fault::NotAudio(other.name())),
        other => return Err(Fault::unsupported(other.name())),
    })
}
