//! Files of every kind and files that only look like one: what each is taken for, by both sides.

#![allow(clippy::unwrap_used)] // a test may panic

use super::*;

/// Frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
fn frames(count: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0xc4];
    frame.resize(417, 0x55);
    frame.repeat(count)
}

/// Frames of the free format, every third one byte longer.
fn free_frames(count: usize, length: usize) -> Vec<u8> {
    let frame = |number: usize| {
        let padding = u8::from(number % 3 == 2);
        let mut frame = vec![0xff, 0xfb, padding << 1, 0xc4 | (number as u8 & 3) << 4];
        frame.resize(length + usize::from(padding), 0x55);
        frame
    };
    (0..count).flat_map(frame).collect()
}

fn id3v2(length: usize) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (length >> shift & 0x7f) as u8);
    [&b"ID3\x03\0\0"[..], &size, &vec![0; length]].concat()
}

fn ape_footer() -> Vec<u8> {
    [&b"APETAGEX\xd0\x07\0\0\x20\0\0\0"[..], &[0; 16]].concat()
}

/// An APEv2 tag of so many bytes, header and footer among them.
fn ape_tag(length: usize) -> Vec<u8> {
    let item = [&[(length - 80) as u8, 0, 0, 0, 0, 0, 0, 0][..], b"Comment\0", &vec![b'x'; length - 80]].concat();
    let mark = |flags: u8| {
        [b"APETAGEX\xd0\x07\0\0", &[(length - 32) as u8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, flags][..], &[0; 8]].concat()
    };
    [mark(0xa0), item, mark(0x80)].concat()
}

fn see(file: &[u8]) -> Sighting {
    recognise(&mut file.to_vec()).unwrap()
}

#[track_caller]
fn assert_kind(file: &[u8], kind: Kind) {
    assert_eq!(see(file).kind, kind);
}

/// A file that begins with `mark` and holds MPEG frames in the midst of other bytes.
fn holding_frames(mark: &[u8]) -> Vec<u8> {
    [mark, &[7; 30], &frames(40), &[9; 50]].concat()
}

/// Kinds that hold MPEG frames, or bytes that look like it, and are no MP3.
fn foreign() -> Vec<(Kind, Vec<u8>)> {
    let form = |name: &[u8; 4], form: &[u8; 4]| [&name[..], &[0, 0, 0, 90], form].concat();
    let mut kinds: Vec<(Kind, Vec<u8>)> = [
        (Kind::SunAudio, &b".snd\0\0\0\x18"[..]),
        (Kind::Caf, b"caff\0\x01\0\0"),
        (Kind::MpegProgram, b"\0\0\x01\xba\x44\0"),
        (Kind::MpegVideo, b"\0\0\x01\xb3\x44\0"),
        (Kind::Musepack, b"MP+\x07"),
        (Kind::Musepack, b"MPCKSH"),
        (Kind::WavPack, b"wvpk"),
        (Kind::MonkeysAudio, b"MAC \x96\x0f"),
        (Kind::TrueAudio, b"TTA1"),
        (Kind::Dsf, b"DSD \x1c"),
        (Kind::Dsdiff, b"FRM8"),
        (Kind::OptimFrog, b"OFR \x0c"),
        (Kind::Tak, b"tBaK"),
        (Kind::WindowsMedia, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
        (Kind::Matroska, b"\x1a\x45\xdf\xa3"),
        (Kind::FlashVideo, b"FLV\x01\x05"),
        (Kind::Midi, b"MThd\0\0"),
        (Kind::Mp4, b"\0\0\0\x18ftypM4A "),
        (Kind::QuickTime, b"\0\0\x08\0mdat"),
        (Kind::CreativeVoice, b"Creative Voice File\x1a"),
        (Kind::Archive, b"PK\x03\x04"),
        (Kind::Document, b"%PDF-1.4"),
        (Kind::Picture, b"\x89PNG\r\n"),
        (Kind::Picture, b"\xff\xd8\xff\xe0"),
        (Kind::Program, b"\x7fELF"),
    ]
    .map(|(kind, mark)| (kind, holding_frames(mark)))
    .to_vec();
    kinds.extend(
        [
            (Kind::BigEndianWave, b"RIFX", b"WAVE"),
            (Kind::IffOther, b"FORM", b"ILBM"),
            (Kind::IffSound, b"FORM", b"8SVX"),
            (Kind::Avi, b"RIFF", b"AVI "),
            (Kind::Picture, b"RIFF", b"WEBP"),
            (Kind::RiffOther, b"RIFF", b"RMP3"),
        ]
        .map(|(kind, name, inner)| (kind, holding_frames(&form(name, inner)))),
    );
    let transport: Vec<u8> = (0..20).flat_map(|_| [&b"G\0\x01"[..], &frames(1)[..185]].concat()).collect();
    kinds.push((Kind::MpegTransport, transport));
    kinds
}

#[test]
fn a_foreign_file_that_holds_mpeg_frames_is_not_an_mp3() {
    for (kind, file) in foreign() {
        assert_kind(&file, kind);
        assert_kind(&[id3v2(60), file].concat(), kind);
    }
}

#[test]
fn a_few_headers_somewhere_in_a_file_make_no_mp3_of_it() {
    let mut dice = 1u32;
    let mut noise = || {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (dice >> 24) as u8
    };
    let noise: Vec<u8> = (0..400_000).map(|_| noise()).collect();
    assert_kind(&noise, Kind::Unknown);
    for count in 1..=3 {
        // Not near the end, where a short chain may be the rest of a stream.
        assert_kind(&[&noise[..3000], &frames(count), &noise[..9000]].concat(), Kind::Unknown);
    }
    // Streams of before the mark: 4 is the version, 1 the length of a block.
    let old = [&[0x01, 0x27, 0, 0x28][..], &noise[..500], &frames(2), &noise[500..9000]].concat();
    assert_kind(&old, Kind::OldMusepack);
    let text = b"not music at all, only words\n".repeat(5000);
    assert_kind(&text, Kind::Text);
    let far = [vec![3; 100 << 10], frames(40)].concat();
    assert_kind(&far, Kind::Unknown);
}

#[test]
fn an_mp3_is_found_behind_tags_zeros_and_junk() {
    let song = frames(20);
    for front in [
        Vec::new(),
        id3v2(300),
        [id3v2(10), id3v2(0), id3v2(4000)].concat(),
        vec![0; 700_000],
        [id3v2(10), vec![0; 30_000]].concat(),
        vec![0x41; 1500],
        // The rest of a frame that was cut.
        frames(1)[200..].to_vec(),
        // A tag that is longer than it says.
        [id3v2(10), vec![0x37; 300_000]].concat(),
    ] {
        for behind in [Vec::new(), ape_footer(), [b"TAG".to_vec(), vec![b' '; 125]].concat()] {
            let seen = see(&[&front[..], &song, &behind].concat());
            let (start, end) = (front.len() as u64, (front.len() + song.len()) as u64);
            assert_eq!(seen, Sighting { kind: Kind::Mpeg, start, end });
        }
    }
}

#[test]
fn an_ape_tag_of_any_length_is_no_part_of_the_sound() {
    let song = frames(3);
    let id3v1 = [b"TAG".to_vec(), vec![b' '; 125]].concat();
    // Of 131 bytes, the letters "TAG" of its header stand where an ID3v1 tag begins.
    for length in 120..140 {
        for behind in [Vec::new(), id3v1.clone()] {
            let seen = see(&[&song[..], &ape_tag(length), &behind].concat());
            assert_eq!(seen, Sighting { kind: Kind::Mpeg, start: 0, end: song.len() as u64 }, "{length} bytes");
        }
    }
}

#[test]
fn what_is_left_of_a_short_or_cut_mp3_is_one_still() {
    for length in [4, 40, 416, 417, 500, 900, 1300] {
        let cut = &frames(4)[..length];
        assert_kind(cut, Kind::Mpeg);
        assert_kind(&[cut, &ape_footer()].concat(), Kind::Mpeg);
        assert_kind(&[&id3v2(20), cut].concat(), Kind::Mpeg);
    }
}

#[test]
fn the_free_format_is_known_by_frames_of_one_length() {
    for length in [300, 1044, 1500, 2880] {
        let song = free_frames(9, length);
        assert_eq!(
            see(&[id3v2(20), song.clone()].concat()),
            Sighting { kind: Kind::FreeFormatMpeg, start: 30, end: 30 + song.len() as u64 }
        );
        assert_kind(&free_frames(2, length), Kind::FreeFormatMpeg);
    }
    // One header, and nothing where the next ones would be.
    assert_ne!(see(&[&free_frames(1, 1044)[..], &[1; 20_000]].concat()).kind, Kind::FreeFormatMpeg);
}

#[test]
fn frame_lengths_follow_the_standard() {
    let length = |bytes: [u8; 4]| mpeg::Header::parse(bytes).map(|header| header.length());
    assert_eq!(length([0xff, 0xfb, 0x90, 0x00]), Some(417), "MPEG-1 layer III, 128 kbit/s, 44.1 kHz");
    assert_eq!(length([0xff, 0xfb, 0x92, 0x00]), Some(418), "the same, padded");
    assert_eq!(length([0xff, 0xf3, 0x80, 0x00]), Some(208), "MPEG-2 layer III, 64 kbit/s, 22.05 kHz");
    assert_eq!(length([0xff, 0xfd, 0xa0, 0x00]), Some(626), "MPEG-1 layer II, 192 kbit/s, 44.1 kHz");
    assert_eq!(length([0xff, 0xf1, 0x50, 0x80]), None, "ADTS is not MPEG audio");
    assert_eq!(length([0xff, 0xfb, 0x00, 0x00]), None, "the free format does not tell");
}

#[test]
fn a_file_without_sound_says_what_it_is() {
    for (file, kind) in [
        (Vec::new(), Kind::Empty),
        (vec![0; 90_000], Kind::Zeros),
        (id3v2(400), Kind::OnlyTags),
        ([id3v2(40), ape_footer()].concat(), Kind::OnlyTags),
        ([id3v2(40), vec![3; 500]].concat(), Kind::BehindTag),
        (b"Dear reader".to_vec(), Kind::Text),
        (b"#EXTM3U\n".to_vec(), Kind::Playlist),
    ] {
        assert_kind(&file, kind);
        assert_eq!(kind.class(), Class::NoSound);
    }
}
