//! What cannot be decoded is refused with a reason that its owner understands, and of the kind that a report counts it
//! under.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audio_support;

use std::path::Path;

use audio_support::*;
use reclassd::audio::{AnalysisWindow, FailureKind, decode, identify, probe};

/// The kind and the words of the refusal.
fn refusal(path: &Path) -> (FailureKind, String) {
    let error = decode(path, &AnalysisWindow::default()).expect_err(&path.display().to_string());
    let message = error.to_string();
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(probe(path).is_err(), "{message}");
    (error.kind(), message)
}

#[track_caller]
fn assert_refused(path: &Path, kind: FailureKind, word: &str) {
    let refusal = refusal(path);
    assert!(refusal.0 == kind && refusal.1.contains(word), "{refusal:?} is not {kind:?} with {word:?}");
}

#[test]
fn formats_without_a_decoder_are_named() {
    use FailureKind::Unsupported;
    for (name, word) in [
        ("refused.wv", "WavPack"),
        ("refused.wma", "Windows Media"),
        ("refused.tta", "TTA"),
        ("refused-surround.m4a", "more than two channels"),
        ("refused-surround.ogg", "more than two channels"),
        ("refused-ac3.mp4", "AC-3"),
        ("refused-speex.ogg", "Speex"),
        ("refused-free.mp3", "free-format MP3"),
    ] {
        assert_refused(&fixture(name), Unsupported, word);
    }
    let scratch = Scratch::new();
    for (magic, word) in [
        (&b"MAC \x96\x0f"[..], "Monkey's Audio"),
        (b"MPCKSH", "Musepack"),
        (b"MP+\x07", "Musepack"),
        (b"DSD \x1c", "DSD"),
        (b"OFR \x0c", "OptimFROG"),
        (b"MThd\0\0", "MIDI"),
    ] {
        let plain = [magic, &[7; 5000]].concat();
        assert_refused(&scratch.write("x.mp3", &plain), Unsupported, word);
        assert_refused(&scratch.write("y.mp3", &[id3v2(50), plain].concat()), Unsupported, word);
    }
}

#[test]
fn he_aac_and_protected_files_are_refused_instead_of_played_wrongly() {
    let scratch = Scratch::new();
    let plain = bytes("aac.m4a");
    // The decoder configuration: AAC-LC, 44.1 kHz, stereo, and an extension that says that there is no band
    // replication.
    let config = plain.windows(5).position(|bytes| bytes == [0x12, 0x10, 0x56, 0xe5, 0x00]).unwrap();
    for other in [[0x12, 0x10, 0x56, 0xe5, 0xa0], [0x2b, 0x92, 0x08, 0x00, 0x00], [0xeb, 0x8a, 0x08, 0x00, 0x00]] {
        let mut file = plain.clone();
        file[config..config + 5].copy_from_slice(&other);
        assert_refused(&scratch.write("he.m4a", &file), FailureKind::Unsupported, "HE-AAC");
    }
    // The core's rate is half of what the container declares.
    let mut half = plain.clone();
    half[config..config + 5].copy_from_slice(&[0x13, 0x90, 0x00, 0x00, 0x00]);
    assert_refused(&scratch.write("half.m4a", &half), FailureKind::Unsupported, "HE-AAC");
    let mut protected = plain.clone();
    let entry = plain.windows(4).position(|bytes| bytes == b"mp4a").unwrap();
    protected[entry..entry + 4].copy_from_slice(b"drms");
    assert_refused(&scratch.write("drm.m4p", &protected), FailureKind::Unsupported, "protected");
}

#[test]
fn what_is_no_sound_is_called_so() {
    let scratch = Scratch::new();
    assert_refused(&scratch.write("empty.mp3", b""), FailureKind::Empty, "no bytes");
    let text = "Dear reader,\r\nthis is not a song.\n".repeat(500);
    assert_refused(&scratch.write("text.mp3", text.as_bytes()), FailureKind::NotAudio, "text");
    assert_refused(&scratch.write("zeros.mp3", &[0; 100_000]), FailureKind::NotAudio, "zeros");
    assert_refused(&scratch.write("one.mp3", b"x"), FailureKind::NotAudio, "not a sound file");
    let mut dice = Dice(1);
    let noise: Vec<u8> = (0..300_000).map(|_| dice.roll(256) as u8).collect();
    assert_refused(&scratch.write("noise.mp3", &noise), FailureKind::NotAudio, "not a sound file");
    assert_refused(&scratch.write("tags.mp3", &id3v2(400)), FailureKind::NotAudio, "not a sound file");
    assert_refused(&scratch.write("cover.mp3", b"\xff\xd8\xff\xe0\0\x10JFIF"), FailureKind::NotAudio, "picture");
    assert_refused(&std::env::current_exe().unwrap(), FailureKind::NotAudio, "program");
    assert_refused(scratch.path(), FailureKind::NotAudio, "folder");
    assert_refused(Path::new("/nowhere/at/all.mp3"), FailureKind::Io, "cannot be read");
    let silent = riff(&[format(1, 1, 8000, 16), chunk(b"LIST", b"INFO", u32::to_le_bytes)]);
    assert_refused(&scratch.write("silent.wav", &silent), FailureKind::Truncated, "incomplete");
}

#[test]
fn files_without_sound_are_empty_whatever_stands_behind_the_empty_chunk() {
    let scratch = Scratch::new();
    let empty = |behind: &[Vec<u8>]| {
        let sound = [format(1, 1, 8000, 16), chunk(b"data", b"", u32::to_le_bytes)];
        riff(&[&sound[..], behind].concat())
    };
    let id3 = chunk(b"ID3 ", &id3v2(1001), u32::to_le_bytes);
    let list = chunk(b"LIST", b"INFOIART\x04\x00\x00\x00Band", u32::to_le_bytes);
    for file in [empty(&[]), empty(&[id3.clone(), list]), [empty(&[]), id3].concat()] {
        assert_refused(&scratch.write("empty.wav", &file), FailureKind::Empty, "no samples");
        assert!(identify(&scratch.write("empty.wav", &file)).is_err());
    }
    let plain = bytes("plain.aiff");
    let place = |mark: &[u8]| plain.windows(4).position(|bytes| bytes == mark).unwrap();
    let (frames, sound) = (place(b"COMM") + 10, place(b"SSND") + 4);
    let with = |at: usize, number: u32| {
        let mut file = plain.clone();
        file[at..at + 4].copy_from_slice(&number.to_be_bytes());
        file
    };
    assert_refused(&scratch.write("none.aiff", &with(frames, 0)), FailureKind::Empty, "no samples");
    for unknown in [0, 0x7f00_0008] {
        let file = scratch.write("piped.aiff", &with(sound, unknown));
        assert_refused(&file, FailureKind::Unsupported, "never filled in");
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_not_opened() {
    let scratch = Scratch::new();
    let pipe = scratch.path().join("pipe.mp3");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_refused(&pipe, FailureKind::NotAudio, "pipe");
    assert!(identify(&pipe).is_err());
    assert_refused(Path::new("/dev/zero"), FailureKind::NotAudio, "device");
}

#[test]
fn half_copied_files_are_incomplete() {
    let scratch = Scratch::new();
    for name in [
        "cbr.mp3",
        "vbr.mp3",
        "long-vbr.mp3",
        "stereo.flac",
        "long.flac",
        "deep96.flac",
        "vorbis.ogg",
        "long.ogg",
        "celt.opus",
        "long.opus",
        "aac.m4a",
        "alac.m4a",
        "plain.aiff",
        "plain.caf",
        "vorbis.mka",
        "fragmented.m4a",
    ] {
        let file = bytes(name);
        for tenths in [3, 5, 8, 9] {
            // An odd length, so that no page or packet ends there by chance.
            let cut = (file.len() * tenths / 10) | 1;
            assert_refused(&scratch.write(name, &file[..cut]), FailureKind::Truncated, "incomplete");
        }
        // A download that reserved its space first.
        if !name.ends_with(".mp3") && !name.ends_with("m4a") && !name.starts_with("plain") && !name.ends_with("mka") {
            let mut reserved = file.clone();
            reserved[file.len() / 2..].fill(0);
            reserved.resize(file.len().max(600_000), 0);
            assert_refused(&scratch.write(name, &reserved), FailureKind::Truncated, "incomplete");
        }
    }
    let wav = wav16(&[5; 20_000], 2, 44_100);
    assert_refused(&scratch.write("half.wav", &wav[..wav.len() / 2]), FailureKind::Truncated, "49 %");
}

#[test]
fn headers_that_lie_do_not_get_memory() {
    let scratch = Scratch::new();
    // 10^12 samples declared by a FLAC file of 35 KB.
    let mut flac = bytes("stereo.flac");
    flac[21] |= 0x0f;
    flac[22..26].fill(0xff);
    assert_refused(&scratch.write("huge.flac", &flac), FailureKind::Truncated, "incomplete");
    // A rate of 4 GHz, 60,000 channels.
    let fast = riff(&[format(1, 1, u32::MAX / 2, 16), chunk(b"data", &[1; 4000], u32::to_le_bytes)]);
    assert_refused(&scratch.write("fast.wav", &fast), FailureKind::Damaged, "samples a second");
    let mut wide = wav16(&[1; 40_000], 1, 44_100);
    wide[22..24].copy_from_slice(&30_000u16.to_le_bytes());
    let (kind, message) = refusal(&scratch.write("wide.wav", &wide));
    assert!(matches!(kind, FailureKind::Damaged | FailureKind::Unsupported), "{message}");
    // 2^32 - 1 frames declared by an MP3 file of 40 KB.
    let mut mp3 = bytes("vbr.mp3");
    let table = mp3.windows(4).position(|mark| mark == b"Xing").unwrap();
    mp3[table + 8..table + 12].fill(0xff);
    let frames = whole(&scratch.write("long.mp3", &mp3)).clips[0].samples.len();
    assert!(frames.abs_diff(176_400) < 3000, "{frames}");
    // A box that claims 2^63 bytes.
    let mut mp4 = bytes("aac.m4a");
    let mdat = mp4.windows(4).position(|mark| mark == b"mdat").unwrap();
    mp4.splice(mdat - 4..mdat + 4, [&1u32.to_be_bytes()[..], b"mdat", &i64::MAX.to_be_bytes()].concat());
    assert_refused(&scratch.write("huge.m4a", &mp4), FailureKind::Truncated, "incomplete");
}
