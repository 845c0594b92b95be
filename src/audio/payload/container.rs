//! Which kind of file this is, told by its first bytes and never by its name. What no decoder is built in for is recognised too, so that
//! its owner learns what it is; otherwise a search for sound inside it might find some (a WavPack file holds a whole WAV header).

use std::fmt;
use std::ops::Range;

use crate::audio::error::{CONVERT, Fault};
use crate::audio::source::Source;

use super::{mpeg, tags};

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
    let start = tags::leading(source)?;
    let mut magic = [0; 40];
    let head = source.peek(start, magic.len())?;
    magic[..head.len()].copy_from_slice(head);
    if let Some(fault) = undecodable(&magic) {
        return Err(fault);
    }
    match &magic {
        [b'f', b'L', b'a', b'C', ..] => return Ok(Found::Flac(start)),
        [b'O', b'g', b'g', b'S', ..] => return Ok(Found::Ogg(start)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => return Ok(Found::Mp4(start)),
        [b'R', b'I', b'F', b'F', ..] | [b'R' | b'B', b'F' | b'W', b'6', b'4', ..] if &magic[8..12] == b"WAVE" => {
            return Ok(Found::Riff(start));
        }
        [b'F', b'O', b'R', b'M', ..] if &magic[8..11] == b"AIF" => return Ok(Found::Aiff(start)),
        [b'c', b'a', b'f', b'f', ..] => return Ok(Found::Caf(start)),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => return Ok(Found::Matroska(start)),
        // A QuickTime file may begin without a type box.
        [_, _, _, _, b'm', b'o', b'o', b'v', ..] => return Ok(Found::Mp4(start)),
        _ => {}
    }
    let end = tags::trailing(source, start)?;
    if start >= end {
        return Err(Fault::Empty("there are tags in it, but no sound"));
    }
    if let Some(first) = mpeg::adts_start(source, start..end)? {
        return Ok(Found::Adts(first..end));
    }
    if let Some(first) = mpeg::first_frame(source, start..end)? {
        return Ok(Found::Mpeg(first..end));
    }
    Err(describe(&magic, start))
}

/// Sound that no decoder is built in for.
fn undecodable(magic: &[u8; 40]) -> Option<Fault> {
    const ASF: [u8; 8] = [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11];
    let what = match magic {
        [b'w', b'v', b'p', b'k', ..] => "WavPack",
        [b'M', b'A', b'C', b' ' | b'F', ..] => "Monkey's Audio",
        [b'M', b'P', b'C', b'K', ..] | [b'M', b'P', b'+', ..] => "Musepack",
        [b'T', b'T', b'A', b'1' | b'2', ..] => "True Audio (TTA)",
        [b'D', b'S', b'D', b' ', ..] | [b'F', b'R', b'M', b'8', ..] => "DSD",
        [b'O', b'F', b'R', b' ', ..] => "OptimFROG",
        [b't', b'B', b'a', b'K', ..] => "TAK",
        [b'L', b'A', b'0', b'2' | b'3' | b'4', ..] => "Lossless Audio (LA)",
        [b'a', b'j', b'k', b'g', ..] => "Shorten",
        [b'.', b'R', b'M', b'F', ..] | [b'.', b'r', b'a', 0xfd, ..] => "RealAudio",
        [b'#', b'!', b'A', b'M', b'R', ..] => "AMR",
        [b'M', b'T', b'h', b'd', ..] => "MIDI (notes, not sound)",
        [b'F', b'L', b'V', 1, ..] => "Flash video",
        [b'.', b's', b'n', b'd', ..] => "Sun audio (AU)",
        [b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, ..] => "Wave64",
        _ if magic.starts_with(&ASF) => "Windows Media Audio (WMA)",
        _ => return None,
    };
    Some(Fault::Unsupported { what: what.into(), advice: CONVERT })
}

/// What a file without sound looks like.
fn describe(magic: &[u8; 40], start: u64) -> Fault {
    let text = magic.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0));
    let found = match magic {
        _ if start > 0 => "it begins with a tag, but no known kind of sound follows",
        [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] | [b'G', b'I', b'F', b'8', ..] => "it is a picture",
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => "it is a program",
        [b'P', b'K', 3, 4, ..] | [b'R', b'a', b'r', b'!', ..] | [0x1f, 0x8b, ..] | [b'7', b'z', 0xbc, 0xaf, ..] => {
            "it is an archive"
        }
        [b'%', b'P', b'D', b'F', ..] => "it is a document",
        [b'#', b'E', b'X', b'T', b'M', b'3', b'U', ..] => "it is a playlist",
        _ if magic.iter().all(|&byte| byte == 0) => "it begins with zeros, as a download that has not arrived does",
        _ if text => "it is text",
        _ => "its contents are no known kind of sound",
    };
    Fault::NotAudio(found)
}
