//! Which container a file is, as far as its tags are concerned. What its bytes show it to be is told by
//! [`formats`](crate::formats), which the decoding side asks as well.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Refusal, Step, TagError};
use super::ogg;
use super::source::{Blocks, FileSource, Source};
use crate::formats::{self, Kind};

/// A kind of audio file, as its bytes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Container {
    /// MPEG audio, layer I to III, as a bare stream.
    Mp3,
    /// Native FLAC.
    Flac,
    /// Vorbis in Ogg.
    OggVorbis,
    /// Opus in Ogg.
    Opus,
    /// FLAC in Ogg.
    OggFlac,
    /// Speex in Ogg.
    Speex,
    /// MPEG-4: AAC or ALAC.
    Mp4,
    /// RIFF, RF64 or BW64 WAVE.
    Wav,
    /// AIFF or AIFF-C.
    Aiff,
    /// WavPack.
    WavPack,
    /// Monkey's Audio.
    MonkeysAudio,
    /// Musepack SV7 or SV8.
    Musepack,
    /// AAC as a bare ADTS stream.
    Aac,
    /// Tom's lossless Audio Kompressor.
    Tak,
    /// OptimFROG.
    OptimFrog,
    /// ASF: Windows Media Audio.
    Asf,
    /// Matroska or WebM.
    Matroska,
    /// Sony's DSD stream file.
    Dsf,
    /// Philips' DSD interchange file.
    Dsdiff,
    /// True Audio.
    TrueAudio,
    /// Apple's Core Audio Format.
    Caf,
    /// None of these. Nothing is ever written to such a file, so nothing about it is ever stored.
    #[serde(skip)]
    Foreign(Kind),
}

impl Container {
    /// Tells the container of the file at `path`.
    ///
    /// # Errors
    /// [`TagError::Refused`] where it is no regular file, [`TagError::Io`] where it cannot be opened or read.
    pub fn detect(path: &Path) -> Result<Self, TagError> {
        let io_error = |source| TagError::Io { path: path.to_owned(), step: Step::Inspect, source };
        if !path.metadata().map_err(io_error)?.is_file() {
            // Opening a pipe would wait for ever.
            return Err(TagError::Refused { path: path.to_owned(), reason: Refusal::NotAFile });
        }
        let file = File::open(path).map_err(io_error)?;
        let source = FileSource::new(&file).map_err(io_error)?;
        Self::of(&source).map_err(io_error)
    }

    /// Whether [`write`](super::write) knows how to write tags into this container.
    pub fn is_written(self) -> bool {
        match self {
            Self::Mp3 | Self::Flac | Self::OggVorbis | Self::Opus | Self::OggFlac | Self::Speex => true,
            Self::Mp4 | Self::Wav | Self::Aiff | Self::WavPack | Self::MonkeysAudio | Self::Musepack => true,
            Self::Aac | Self::TrueAudio | Self::Tak | Self::OptimFrog | Self::Dsf | Self::Dsdiff => true,
            Self::Asf | Self::Matroska => true,
            Self::Caf | Self::Foreign(_) => false,
        }
    }

    pub(crate) fn of(source: &dyn Source) -> io::Result<Self> {
        Ok(Self::seen(source)?.0)
    }

    /// The container, and where it begins.
    pub(crate) fn seen(source: &dyn Source) -> io::Result<(Self, u64)> {
        let seen = formats::recognise(&mut Blocks::new(source))?;
        let container = match seen.kind {
            // A free format is MP3 to whoever looks at tags.
            Kind::Mpeg | Kind::FreeFormatMpeg => Self::Mp3,
            Kind::Flac => Self::Flac,
            Kind::Ogg => ogg::container(source, seen.start)?.unwrap_or(Self::Foreign(Kind::Ogg)),
            Kind::Wave => Self::Wav,
            Kind::Aiff => Self::Aiff,
            Kind::Mp4 => Self::Mp4,
            Kind::WavPack => Self::WavPack,
            Kind::MonkeysAudio => Self::MonkeysAudio,
            Kind::Musepack => Self::Musepack,
            Kind::Adts => Self::Aac,
            Kind::WindowsMedia => Self::Asf,
            Kind::Matroska => Self::Matroska,
            Kind::Dsf => Self::Dsf,
            Kind::Dsdiff => Self::Dsdiff,
            Kind::TrueAudio => Self::TrueAudio,
            Kind::Caf => Self::Caf,
            Kind::Tak => Self::Tak,
            Kind::OptimFrog => Self::OptimFrog,
            other => Self::Foreign(other),
        };
        Ok((container, seen.start))
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign(kind) => kind.name(),
            Self::Caf => "Core Audio (CAF)",
            Self::Mp3 => "MP3",
            Self::Flac => "FLAC",
            Self::OggVorbis => "Ogg Vorbis",
            Self::Opus => "Opus",
            Self::OggFlac => "Ogg FLAC",
            Self::Speex => "Speex",
            Self::Mp4 => "MP4",
            Self::Wav => "WAV",
            Self::Aiff => "AIFF",
            Self::WavPack => "WavPack",
            Self::MonkeysAudio => "Monkey's Audio",
            Self::Musepack => "Musepack",
            Self::Aac => "AAC (ADTS)",
            Self::Asf => "WMA",
            Self::Matroska => "Matroska",
            Self::Dsf => "DSF",
            Self::Dsdiff => "DSDIFF",
            Self::TrueAudio => "True Audio",
            Self::Tak => "TAK",
            Self::OptimFrog => "OptimFROG",
        })
    }
}
