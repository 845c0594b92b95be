//! Sound that is compressed sample by sample, and MPEG audio in containers where it is seldom met: heard as ffmpeg
//! plays it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audio_support;
mod common;

use std::path::Path;
use std::process::Command;

use audio_support::*;
use reclassd::audio::{AnalysisWindow, Codec, decode};

/// File, codec, rate, channels, least signal-to-noise ratio in dB against the source.
const KINDS: [(&str, Codec, u32, u16, f64); 7] = [
    ("adpcm-ms.wav", Codec::Adpcm, 8000, 2, 15.0),
    ("adpcm-ima.wav", Codec::Adpcm, 8000, 2, 15.0),
    ("adpcm-ima.caf", Codec::Adpcm, 8000, 2, 15.0),
    ("adpcm-ima.aifc", Codec::Adpcm, 8000, 2, 15.0),
    ("mp3.mp4", Codec::Mp3, 44_100, 2, 15.0),
    ("mp3.caf", Codec::Mp3, 48_000, 1, 15.0),
    ("mp3.mka", Codec::Mp3, 22_050, 1, 15.0),
];

/// What ffmpeg plays, mixed down.
fn played(path: &Path, channels: u16) -> Option<Vec<f32>> {
    let output =
        Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(path).args(["-f", "f32le", "-"]).output().ok()?;
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let samples: Vec<f32> =
        output.stdout.chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().unwrap())).collect();
    let frames = samples.chunks_exact(usize::from(channels));
    Some(frames.map(|frame| frame.iter().sum::<f32>() / f32::from(channels)).collect())
}

fn differing(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) * 32_768.0
}

#[test]
fn adpcm_and_mp3_in_other_containers_sound_like_their_source() {
    for (name, codec, rate, channels, least) in KINDS {
        let recording = whole(&fixture(name));
        assert_eq!((recording.codec, recording.source_rate, recording.channels), (codec, rate, channels), "{name}");
        let heard = &recording.clips[0].samples;
        let seconds = if codec == Codec::Adpcm { 2.0 } else { 4.0 };
        let expected = signal(rate, seconds, channels.into());
        // Core Audio and Matroska files that ffmpeg makes of an MP3 do not say how much of the start is the encoder's.
        let shift = shift(&expected, heard, 2500);
        assert!(shift == 0 || codec == Codec::Mp3 && (0..=2257).contains(&shift), "{name}: {shift} samples off");
        let ratio = snr(&expected, &heard[shift as usize..]);
        assert!(ratio > least, "{name}: {ratio:.1} dB");
        // The last block of ADPCM, and the last frame of an MP3, are full.
        assert!(heard.len() >= expected.len() && heard.len() < expected.len() + 4608, "{name}: {}", heard.len());
    }
}

#[test]
fn adpcm_and_mp3_in_other_containers_are_what_ffmpeg_plays() {
    const TEST: &str = "adpcm_and_mp3_in_other_containers_are_what_ffmpeg_plays";
    for (name, codec, _, channels, _) in KINDS {
        let path = fixture(name);
        let Some(expected) = played(&path, channels) else {
            common::skipped(TEST, "ffmpeg is not installed");
            return;
        };
        let heard = whole(&path).clips.remove(0).samples;
        let shift = if codec == Codec::Mp3 { shift(&expected, &heard, 2500) } else { 0 };
        let (theirs, ours) = if shift < 0 { (-shift as usize, 0) } else { (0, shift as usize) };
        let off = differing(&expected[theirs..], &heard[ours..]);
        // Apple's packets begin with nine bits of the sample before them; ffmpeg goes on with the other seven as it
        // knows them.
        let exact = if name.contains("ima.caf") || name.contains("ima.aifc") { 160.0 } else { 1.0 };
        assert!(off <= exact, "{name}: {off} of 32768, {shift} samples apart");
        let length = expected.len().abs_diff(heard.len());
        assert!(length <= if codec == Codec::Mp3 { 2400 } else { 0 }, "{name}: {length} samples more or less");
    }
}

#[test]
fn windows_of_adpcm_and_of_mp3_in_other_containers_lie_where_they_should() {
    for (name, codec, rate, ..) in KINDS {
        let all = whole(&fixture(name)).clips.remove(0).samples;
        let clips = decode(&fixture(name), &AnalysisWindow { seconds: 0.5, count: 3 }).unwrap().clips;
        for (index, clip) in clips.iter().enumerate() {
            let length = rate as usize / 2;
            assert_eq!(clip.samples.len(), length, "{name}");
            let middle = all.len() * (2 * index + 1) / 6;
            let expected = &all[middle - length / 2..][..length];
            let (off, ratio) = (differing(expected, &clip.samples), snr(expected, &clip.samples));
            // Matroska counts milliseconds.
            let near = name.ends_with(".mka") && shift(expected, &clip.samples, 40).abs() <= 23;
            assert!(off <= 1.0 || near, "{name}, clip {index}: {off} of 32768, {ratio:.1} dB, {codec}");
        }
    }
}

#[test]
fn steps_of_adpcm_that_run_away_make_a_gap_and_no_crash() {
    let scratch = Scratch::new();
    let mut file = bytes("adpcm-ms.wav");
    let data = file.windows(4).position(|mark| mark == b"data").unwrap() + 8;
    let block = usize::from(u16::from_le_bytes([file[32], file[33]]));
    let hurt = data + 3 * block;
    file[hurt + 2..hurt + 6].copy_from_slice(&[0xff, 0x7f, 0xff, 0x7f]);
    file[hurt + 14..hurt + block].fill(0x88);
    let plain = whole(&fixture("adpcm-ms.wav")).clips.remove(0).samples;
    let heard = whole(&scratch.write("hurt.wav", &file)).clips.remove(0).samples;
    assert_eq!(heard.len(), plain.len());
    let frames = (block - 14) + 2;
    assert_eq!(heard[..3 * frames], plain[..3 * frames]);
    assert!(heard[3 * frames..4 * frames].iter().all(|&sample| sample == 0.0));
    assert_eq!(heard[4 * frames..], plain[4 * frames..]);
}

#[test]
fn a_wav_is_read_whatever_its_writer_appended_to_the_description() {
    let scratch = Scratch::new();
    let samples: Vec<i16> = (0..4000).map(|n| (n * 13 % 2000) as i16).collect();
    let plain = wav16(&samples, 1, 8000);
    let expected = whole(&scratch.write("plain.wav", &plain)).clips;
    for behind in [&[0u8, 0][..], &[0; 4], &[4, 0, 1, 2, 3, 4], &[0; 24]] {
        let description = [&plain[20..36], behind].concat();
        let file = riff(&[chunk(b"fmt ", &description, u32::to_le_bytes), plain[36..].to_vec()]);
        assert_eq!(whole(&scratch.write("longer.wav", &file)).clips, expected, "{behind:?}");
    }
    // A-law without the two bytes that ought to follow.
    let data: Vec<u8> = (0..4000u32).map(|n| (n * 7 % 256) as u8).collect();
    let short = riff(&[format(6, 1, 8000, 8), chunk(b"data", &data, u32::to_le_bytes)]);
    assert_eq!(whole(&scratch.write("alaw.wav", &short)).clips[0].samples.len(), 4000);
}
