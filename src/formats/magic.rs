//! The marks at the start of files. What is on this list is never searched for MPEG frames: many of these hold some, or
//! bytes that look like it (an MP3 in Core Audio, the sound of a film, a WAV header in WavPack), and an ID3v2 tag in
//! front of them would only do harm.

use std::io;

use super::{Bytes, Kind};

/// Bytes that are looked at.
pub(super) const HEAD: usize = 40;

/// The kind that the first bytes behind the tags announce, if they do.
pub(super) fn kind(bytes: &mut dyn Bytes, start: u64, head: &[u8; HEAD]) -> io::Result<Option<Kind>> {
    if let Some(kind) = by_mark(head) {
        return Ok(Some(kind));
    }
    Ok(is_transport_stream(bytes, start)?.then_some(Kind::MpegTransport))
}

fn by_mark(head: &[u8; HEAD]) -> Option<Kind> {
    const ASF: [u8; 8] = [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11];
    Some(match head {
        [b'f', b'L', b'a', b'C', ..] => Kind::Flac,
        [b'O', b'g', b'g', b'S', ..] => Kind::Ogg,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Kind::Mp4,
        // A QuickTime file may begin without a type box.
        [_, _, _, _, b'm', b'o', b'o', b'v', ..] | [_, _, _, _, b'm', b'd', b'a', b't', ..] => Kind::QuickTime,
        [0, _, _, _, b'w', b'i', b'd', b'e', ..] | [0, _, _, _, b'f', b'r', b'e', b'e', ..] => Kind::QuickTime,
        [0, _, _, _, b's', b'k', b'i', b'p', ..] | [0, _, _, _, b'p', b'n', b'o', b't', ..] => Kind::QuickTime,
        [b'R', b'I', b'F', b'F', ..] => riff(&head[8..12]),
        [b'R' | b'B', b'F' | b'W', b'6', b'4', ..] if &head[8..12] == b"WAVE" => Kind::Wave,
        [b'R', b'I', b'F', b'X', ..] if &head[8..12] == b"WAVE" => Kind::BigEndianWave,
        [b'R', b'I', b'F', b'X', ..] => Kind::RiffOther,
        [b'F', b'O', b'R', b'M', ..] => form(&head[8..12]),
        [b'c', b'a', b'f', b'f', ..] => Kind::Caf,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Kind::Matroska,
        [b'w', b'v', b'p', b'k', ..] => Kind::WavPack,
        [b'M', b'A', b'C', b' ', ..] => Kind::MonkeysAudio,
        [b'M', b'A', b'C', b'F', ..] => Kind::FloatMonkeysAudio,
        [b'M', b'P', b'C', b'K', ..] | [b'M', b'P', b'+', ..] => Kind::Musepack,
        [b'A', b'D', b'I', b'F', ..] => Kind::Adif,
        [b'T', b'T', b'A', b'1' | b'2', ..] => Kind::TrueAudio,
        [b'D', b'S', b'D', b' ', ..] => Kind::Dsf,
        [b'F', b'R', b'M', b'8', ..] => Kind::Dsdiff,
        [b'O', b'F', b'R', b' ', ..] => Kind::OptimFrog,
        [b't', b'B', b'a', b'K', ..] => Kind::Tak,
        [b'L', b'A', b'0', b'2' | b'3' | b'4', ..] => Kind::LosslessAudio,
        [b'a', b'j', b'k', b'g', ..] => Kind::Shorten,
        [b'.', b'R', b'M', b'F', ..] | [b'.', b'r', b'a', 0xfd, ..] => Kind::RealAudio,
        [b'#', b'!', b'A', b'M', b'R', ..] => Kind::Amr,
        [b'.', b's', b'n', b'd', ..] | [b'd', b'n', b's', b'.', ..] => Kind::SunAudio,
        [b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, ..] => Kind::Wave64,
        [b'M', b'T', b'h', b'd', ..] => Kind::Midi,
        [0x7f, 0xfe, 0x80, 0x01, ..] | [0xfe, 0x7f, 0x01, 0x80, ..] => Kind::Dts,
        [0x1f, 0xff, 0xe8, 0x00, ..] | [0xff, 0x1f, 0x00, 0xe8, ..] => Kind::Dts,
        [0, 0, 1, 0xba, ..] => Kind::MpegProgram,
        [0, 0, 1, 0xb0..=0xbf, ..] | [0, 0, 1, 0xe0..=0xef, ..] => Kind::MpegVideo,
        [b'F', b'L', b'V', 1, ..] => Kind::FlashVideo,
        [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] | [b'G', b'I', b'F', b'8', ..] => Kind::Picture,
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] | [b'8', b'B', b'P', b'S', ..] => Kind::Picture,
        [0x7f, b'E', b'L', b'F', ..] => Kind::Program,
        [b'P', b'K', 3, 4, ..] | [b'R', b'a', b'r', b'!', ..] | [b'7', b'z', 0xbc, 0xaf, ..] => Kind::Archive,
        [b'%', b'P', b'D', b'F', ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => Kind::Document,
        [b'#', b'E', b'X', b'T', b'M', b'3', b'U', ..] => Kind::Playlist,
        _ if head.starts_with(&ASF) => Kind::WindowsMedia,
        _ if head.starts_with(b"Creative Voice File") => Kind::CreativeVoice,
        _ => return None,
    })
}

fn riff(form: &[u8]) -> Kind {
    match form {
        b"WAVE" => Kind::Wave,
        b"AVI " => Kind::Avi,
        b"WEBP" => Kind::Picture,
        b"RMID" => Kind::Midi,
        b"sfbk" => Kind::SoundFont,
        _ => Kind::RiffOther,
    }
}

fn form(form: &[u8]) -> Kind {
    match form {
        b"AIFF" | b"AIFC" => Kind::Aiff,
        b"8SVX" | b"16SV" | b"MAUD" | b"TWIN" | b"SAMP" => Kind::IffSound,
        b"XDIR" => Kind::Midi,
        _ => Kind::IffOther,
    }
}

/// Packets of 188 bytes, each with its mark, from the start on or, as on a disc, four bytes later and 192 bytes apart.
fn is_transport_stream(bytes: &mut dyn Bytes, start: u64) -> io::Result<bool> {
    const PACKETS: u64 = 5;
    for (first, distance) in [(0, 188), (4, 192)] {
        let mut found = 0;
        for packet in 0..PACKETS {
            found += u64::from(bytes.peek(start + first + packet * distance, 1)? == b"G");
        }
        if found == PACKETS {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a file without a mark, and without MPEG frames, looks like.
pub(super) fn describe(head: &[u8; HEAD], start: u64) -> Kind {
    let text = head.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0));
    match head {
        _ if start > 0 => Kind::BehindTag,
        [b'M', b'Z', ..] => Kind::Program,
        [0x1f, 0x8b, ..] => Kind::Archive,
        _ if head.iter().all(|&byte| byte == 0) => Kind::Zeros,
        _ if text => Kind::Text,
        // Two bytes are too few to be believed before MPEG frames are.
        [0x0b, 0x77, ..] => Kind::Ac3,
        _ if is_old_musepack(head) => Kind::OldMusepack,
        _ => Kind::Unknown,
    }
}

/// Streams of before Musepack's mark begin with a word of 32 bits: bitrate, two flags, the version in ten bits, the
/// highest band in five, and the length of a block in six.
fn is_old_musepack(head: &[u8; HEAD]) -> bool {
    let word = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let (intensity, version, block) = (word >> 22 & 1, word >> 11 & 0x3ff, word & 0x3f);
    (4..=6).contains(&version) && intensity == 0 && block == 1
}
