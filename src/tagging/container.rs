//! Which container a file is, told by its first bytes and never by its name.
//!
//! A leading ID3v2 tag says nothing about what follows it (FLAC, WavPack and others are found behind one), so it is stepped over.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Refusal, Step, TagError};
use super::id3v2;
use super::mpeg;
use super::ogg;
use super::source::{FileSource, Source};

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
    /// AAC as a bare ADTS or ADIF stream.
    Aac,
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
    /// None of these.
    Unknown,
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
            Self::Aac | Self::Asf | Self::Matroska | Self::Dsf | Self::Dsdiff | Self::TrueAudio | Self::Unknown => {
                false
            }
        }
    }

    pub(crate) fn of(source: &dyn Source) -> io::Result<Self> {
        let start = id3v2::end_of_leading_tags(source)?;
        let head = source.window(start, 36)?;
        let has = |offset: usize, magic: &[u8]| head.get(offset..offset + magic.len()) == Some(magic);
        let container = if has(0, b"fLaC") {
            Self::Flac
        } else if has(0, b"OggS") {
            ogg::container(source, start)?
        } else if (has(0, b"RIFF") || has(0, b"RF64") || has(0, b"BW64")) && has(8, b"WAVE") {
            Self::Wav
        } else if has(0, b"FORM") && (has(8, b"AIFF") || has(8, b"AIFC")) {
            Self::Aiff
        } else if has(4, b"ftyp") {
            Self::Mp4
        } else if has(0, b"wvpk") {
            Self::WavPack
        } else if has(0, b"MAC ") {
            Self::MonkeysAudio
        } else if has(0, b"MPCK") || has(0, b"MP+") {
            Self::Musepack
        } else if has(0, b"ADIF") || (has(0, b"\xff") && head.get(1).is_some_and(|byte| byte & 0xf6 == 0xf0)) {
            Self::Aac
        } else if has(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11") {
            Self::Asf
        } else if has(0, b"\x1a\x45\xdf\xa3") {
            Self::Matroska
        } else if has(0, b"DSD ") {
            Self::Dsf
        } else if has(0, b"FRM8") {
            Self::Dsdiff
        } else if has(0, b"TTA1") {
            Self::TrueAudio
        } else if mpeg::first_frame(source, start)?.is_some() {
            Self::Mp3
        } else {
            Self::Unknown
        };
        Ok(container)
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
            Self::Unknown => "unknown",
        })
    }
}
