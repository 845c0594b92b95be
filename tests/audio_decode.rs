//! Every kind of file that is decoded sounds like what was encoded, in the right place, however it is cut into windows.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audio_support;
mod common;

use audio_support::*;
use reclassd::audio::{AnalysisWindow, Clip, Codec, decode};

/// File, codec, rate, seconds, channels, least signal-to-noise ratio in dB against the source.
const LOSSY: &[(&str, Codec, u32, f64, u32, f64)] = &[
    ("cbr.mp3", Codec::Mp3, 44_100, 4.0, 2, 15.0),
    ("vbr.mp3", Codec::Mp3, 44_100, 4.0, 2, 15.0),
    ("mono48.mp3", Codec::Mp3, 48_000, 4.0, 1, 15.0),
    ("mpeg2.mp3", Codec::Mp3, 22_050, 4.0, 1, 15.0),
    ("vorbis.ogg", Codec::Vorbis, 44_100, 4.0, 2, 10.0),
    ("mono8.ogg", Codec::Vorbis, 8_000, 4.0, 1, 8.0),
    ("celt.opus", Codec::Opus, 48_000, 4.0, 2, 10.0),
    ("celt-mono.opus", Codec::Opus, 48_000, 4.0, 1, 10.0),
    ("silk.opus", Codec::Opus, 48_000, 4.0, 1, 4.0),
    ("hybrid.opus", Codec::Opus, 48_000, 4.0, 2, 2.0),
    ("surround.opus", Codec::Opus, 48_000, 2.0, 6, 2.0),
    ("opus.webm", Codec::Opus, 48_000, 4.0, 2, 10.0),
    ("opus.mp4", Codec::Opus, 48_000, 4.0, 2, 10.0),
    ("vorbis.mka", Codec::Vorbis, 44_100, 4.0, 2, 10.0),
    ("aac.m4a", Codec::Aac, 44_100, 4.0, 2, 15.0),
    ("long.ogg", Codec::Vorbis, 8_000, 40.0, 1, 8.0),
    ("long.m4a", Codec::Aac, 8_000, 40.0, 1, 8.0),
    ("long-vbr.mp3", Codec::Mp3, 8_000, 40.0, 1, 4.0),
];

/// The same of files without loss.
const LOSSLESS: &[(&str, Codec, u32, f64, u32)] = &[
    ("stereo.flac", Codec::Flac, 16_000, 1.2, 2),
    ("deep96.flac", Codec::Flac, 96_000, 0.3, 1),
    ("mono192.flac", Codec::Flac, 192_000, 0.2, 1),
    ("flac.ogg", Codec::Flac, 16_000, 1.2, 1),
    ("alac.m4a", Codec::Alac, 16_000, 1.2, 2),
    ("plain.aiff", Codec::Pcm, 16_000, 1.2, 1),
    ("plain.caf", Codec::Pcm, 16_000, 1.2, 1),
];

/// Fixtures of at least 20 s, for windows.
const LONG: &[&str] =
    &["long-cbr.mp3", "long-vbr.mp3", "long.flac", "long.ogg", "long.opus", "long.m4a", "long-alac.m4a"];

fn differing(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) * 32_768.0
}

#[test]
fn opus_in_mp4_is_heard_from_its_first_sample_to_its_last() {
    let (alone, within) = (whole(&fixture("celt.opus")), whole(&fixture("opus.mp4")));
    assert_eq!(alone.duration, within.duration);
    assert!(alone.clips == within.clips, "the same packets sound different");
}

#[test]
fn lossy_files_sound_like_their_source_and_start_where_it_does() {
    for &(name, codec, rate, seconds, channels, least) in LOSSY {
        let recording = whole(&fixture(name));
        assert_eq!((recording.codec, recording.source_rate), (codec, rate), "{name}");
        assert_eq!(u32::from(recording.channels), channels, "{name}");
        let clip = &recording.clips[0];
        let expected = signal(rate, seconds, channels);
        let ratio = snr(&expected, &clip.samples);
        let shift = shift(&expected, &clip.samples, 1500);
        // The speech mode of Opus itself comes two samples early.
        let exact = if name == "silk.opus" || name == "hybrid.opus" { 2 } else { 0 };
        assert!(ratio > least && shift.abs() <= exact, "{name}: {ratio:.1} dB, {shift} samples off");
        // Matroska knows times to the millisecond.
        let slack = if recording.container.name() == "Matroska" { rate as usize / 100 } else { 0 };
        assert!(clip.samples.len().abs_diff(expected.len()) <= slack, "{name}: {} samples", clip.samples.len());
    }
}

#[test]
fn lossless_files_give_back_every_sample() {
    for &(name, codec, rate, seconds, channels) in LOSSLESS {
        let recording = whole(&fixture(name));
        assert_eq!((recording.codec, recording.source_rate), (codec, rate), "{name}");
        assert_eq!(recording.clips[0].samples, signal(rate, seconds, channels), "{name}");
    }
}

#[test]
fn mp3s_without_a_xing_header_are_counted_frame_by_frame() {
    // What ffmpeg decodes of them: nothing tells how much to trim.
    for (name, samples) in
        [("bare.mp3", 178_560), ("bare-vbr.mp3", 178_560), ("layer2.mp2", 88_704), ("long-cbr.mp3", 321_408)]
    {
        assert_eq!(whole(&fixture(name)).clips[0].samples.len(), samples, "{name}");
    }
}

#[test]
fn a_window_equals_the_same_stretch_of_the_whole_file() {
    for name in LONG {
        let path = fixture(name);
        let whole = whole(&path);
        let rate = whole.source_rate;
        let all = &whole.clips[0].samples;
        for (seconds, count) in [(5.0, 1), (3.0, 4), (0.1, 7)] {
            let window = AnalysisWindow { seconds, count };
            let clips = decode(&path, &window).unwrap().clips;
            assert_eq!(clips.len(), count as usize);
            for (index, clip) in clips.iter().enumerate() {
                let length = (seconds * f64::from(rate)) as usize;
                assert_eq!(clip.samples.len(), length, "{name}");
                let middle = (all.len() as u64 * (2 * index as u64 + 1) / (2 * u64::from(count))) as usize;
                let expected = &all[middle - length / 2..][..length];
                let (off, ratio) = (differing(expected, &clip.samples), snr(expected, &clip.samples));
                // Lossless and MPEG decoders have no memory that the run-in does not restore; Opus (prediction) and AAC
                // (noise substitution) have some.
                let limit =
                    if name.ends_with("opus") || name.ends_with("long.m4a") { ratio > 25.0 } else { off <= 1.0 };
                assert!(limit, "{name}, clip {index} of {count}: {off} LSB, {ratio:.1} dB");
            }
        }
    }
}

#[test]
fn wav_files_of_every_sample_type_are_read() {
    let scratch = Scratch::new();
    let expected = signal(8000, 0.5, 1);
    let whole_numbers = |scale: f64| expected.iter().map(move |&x| (f64::from(x) * scale).round()).collect::<Vec<_>>();
    let cases: Vec<(&str, u16, u16, Vec<u8>, f32)> = vec![
        ("u8", 1, 8, whole_numbers(128.0).iter().map(|&x| (x + 128.0) as u8).collect(), 129.0),
        ("s16", 1, 16, whole_numbers(32_768.0).iter().flat_map(|&x| (x as i16).to_le_bytes()).collect(), 0.0),
        (
            "s24",
            1,
            24,
            whole_numbers(8_388_608.0).iter().flat_map(|&x| (x as i32).to_le_bytes()[..3].to_vec()).collect(),
            0.0,
        ),
        ("s32", 1, 32, whole_numbers(2_147_483_648.0).iter().flat_map(|&x| (x as i32).to_le_bytes()).collect(), 0.0),
        ("f32", 3, 32, expected.iter().flat_map(|x| x.to_le_bytes()).collect(), 0.0),
        ("f64", 3, 64, expected.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect(), 0.0),
    ];
    for (name, kind, bits, data, slack) in cases {
        let file = riff(&[format(kind, 1, 8000, bits), chunk(b"data", &data, u32::to_le_bytes)]);
        let heard = whole(&scratch.write(name, &file));
        assert!(differing(&heard.clips[0].samples, &expected) <= slack, "{name}");
        assert_eq!(heard.clips[0].samples.len(), expected.len(), "{name}");
    }
}

#[test]
fn wav_lengths_that_a_pipe_or_rf64_leaves_open_are_found() {
    let scratch = Scratch::new();
    let samples: Vec<i16> = (0..4000).map(|n| (n * 7 % 1000) as i16).collect();
    let plain = wav16(&samples, 2, 8000);
    let expected = whole(&scratch.write("plain.wav", &plain)).clips;
    let data = plain.windows(4).position(|mark| mark == b"data").unwrap();

    let mut piped = plain.clone();
    piped[4..8].fill(0xff);
    piped[data + 4..data + 8].fill(0xff);
    assert_eq!(whole(&scratch.write("piped.wav", &piped)).clips, expected);

    let mut long = b"RF64\xff\xff\xff\xffWAVE".to_vec();
    let mut sizes = ((plain.len() + 36 - 8) as u64).to_le_bytes().to_vec();
    sizes.extend(8000u64.to_le_bytes());
    sizes.extend([0; 12]);
    long.extend(chunk(b"ds64", &sizes, u32::to_le_bytes));
    long.extend(&piped[12..]);
    long.extend(b"LIST\x04\x00\x00\x00INFO");
    assert_eq!(whole(&scratch.write("long.wav", &long)).clips, expected);
}

#[test]
fn channels_are_averaged_whatever_their_number() {
    let scratch = Scratch::new();
    let frames: Vec<[i16; 6]> = (0..3000).map(|n| [n, -n, 3 * n, 5, 7, 0]).collect();
    let path = scratch.write("six.wav", &wav16(&frames.concat(), 6, 48_000));
    let recording = whole(&path);
    assert_eq!(recording.channels, 6);
    for (frame, &heard) in frames.iter().zip(&recording.clips[0].samples) {
        let sum: i32 = frame.iter().map(|&sample| i32::from(sample)).sum();
        assert_eq!(heard, sum as f32 / (6.0 * 32_768.0));
    }
}

#[test]
fn aiff_c_of_either_byte_order_is_read() {
    let scratch = Scratch::new();
    let expected = signal(8000, 0.5, 1);
    let words: Vec<i16> = expected.iter().map(|&x| (x * 32_768.0) as i16).collect();
    for (compression, data) in [
        (b"sowt", words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()),
        (b"NONE", words.iter().flat_map(|word| word.to_be_bytes()).collect()),
    ] {
        let mut common = 1u16.to_be_bytes().to_vec();
        common.extend((words.len() as u32).to_be_bytes());
        common.extend(16u16.to_be_bytes());
        // 8000 as an 80-bit float.
        common.extend([0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]);
        common.extend(compression);
        common.extend([0, 0]);
        let mut sound = vec![0; 8];
        sound.extend(data);
        let mut body = b"AIFC".to_vec();
        body.extend(chunk(b"FVER", &[0xa2, 0x80, 0x51, 0x40], u32::to_be_bytes));
        body.extend(chunk(b"SSND", &sound, u32::to_be_bytes));
        body.extend(chunk(b"COMM", &common, u32::to_be_bytes));
        let path = scratch.write("c.aiff", &chunk(b"FORM", &body, u32::to_be_bytes));
        assert_eq!(whole(&path).clips[0].samples, expected, "{compression:?}");
    }
}

#[test]
fn chained_ogg_files_are_one_stretch_of_sound() {
    let scratch = Scratch::new();
    let path = scratch.write("chained.ogg", &[bytes("mono8.ogg"), bytes("long.ogg")].concat());
    let recording = whole(&path);
    let parts = [whole(&fixture("mono8.ogg")), whole(&fixture("long.ogg"))];
    let expected: Vec<f32> = parts.iter().flat_map(|part| part.clips[0].samples.clone()).collect();
    assert_eq!(recording.clips[0].samples, expected);
    assert_eq!(recording.duration.as_secs(), 44);
    let window = decode(&path, &AnalysisWindow { seconds: 10.0, count: 1 }).unwrap();
    assert!(differing(&window.clips[0].samples, &expected[17 * 8000..27 * 8000]) <= 1.0);
}

#[test]
fn windows_of_long_ogg_files_are_found_by_bisection() {
    let scratch = Scratch::new();
    for (name, skip) in [("long.ogg", 0), ("long.opus", 312), ("vorbis.ogg", 0), ("celt.opus", 312)] {
        let path = scratch.write(name, &tile_ogg(&bytes(name), 24, skip));
        let all = whole(&path);
        let rate = all.source_rate;
        let all = &all.clips[0].samples;
        for (seconds, count) in [(1.0, 1), (0.5, 40)] {
            let clips = decode(&path, &AnalysisWindow { seconds, count }).unwrap().clips;
            assert_eq!(clips.len(), count as usize);
            for (index, clip) in clips.iter().enumerate() {
                let length = (seconds * f64::from(rate)) as usize;
                let middle = (all.len() as u64 * (2 * index as u64 + 1) / (2 * u64::from(count))) as usize;
                let ratio = snr(&all[middle - length / 2..][..length], &clip.samples);
                assert!(ratio > 25.0, "{name}, clip {index} of {count}: {ratio:.1} dB");
            }
        }
    }
}

#[test]
fn tags_and_junk_around_the_sound_do_not_matter() {
    let scratch = Scratch::new();
    for name in ["cbr.mp3", "bare-vbr.mp3", "stereo.flac", "bare.aac"] {
        let plain = whole(&fixture(name)).clips;
        let mut file = [id3v2(5000), id3v2(17), bytes(name)].concat();
        let mut footer = b"APETAGEX\xd0\x07\x00\x00".to_vec();
        footer.extend(32u32.to_le_bytes());
        footer.extend([0; 16]);
        file.extend(footer);
        let mut id3v1 = b"TAG".to_vec();
        id3v1.resize(128, b' ');
        file.extend(id3v1);
        assert_eq!(whole(&scratch.write("tagged", &file)).clips, plain, "{name}");
    }
    let padded = [id3v2(100), vec![0; 30_000], bytes("cbr.mp3"), vec![0; 700]].concat();
    assert_eq!(whole(&scratch.write("padded", &padded)).clips, whole(&fixture("cbr.mp3")).clips);
    let wrapped = riff(&[format(0x55, 2, 44_100, 16), chunk(b"data", &bytes("cbr.mp3"), u32::to_le_bytes)]);
    assert_eq!(whole(&scratch.write("mp3.wav", &wrapped)).clips, whole(&fixture("cbr.mp3")).clips);
}

#[test]
fn the_name_of_a_file_does_not_matter() {
    let scratch = Scratch::new();
    for name in ["cbr.mp3", "stereo.flac", "vorbis.ogg", "celt.opus", "aac.m4a", "plain.aiff"] {
        let path = scratch.write("song.xyz", &bytes(name));
        assert_eq!(whole(&path).clips, whole(&fixture(name)).clips, "{name}");
    }
}

#[test]
fn a_few_bad_frames_leave_the_rest_in_place() {
    let scratch = Scratch::new();
    for name in ["long-cbr.mp3", "long-vbr.mp3", "long.ogg", "long.opus", "long.m4a"] {
        let plain = whole(&fixture(name));
        let mut file = bytes(name);
        let middle = file.len() / 2;
        file[middle..middle + 200].iter_mut().for_each(|byte| *byte ^= 0x5a);
        let hurt = whole(&scratch.write("hurt", &file));
        let (a, b) = (&plain.clips[0].samples, &hurt.clips[0].samples);
        assert!(a.len().abs_diff(b.len()) < a.len() / 50, "{name}: {} of {}", b.len(), a.len());
        // Before the damage nothing changes; long after it the sound is where it was.
        let third = a.len() / 3;
        assert!(differing(&a[..third], &b[..third]) <= 1.0, "{name}");
        let ratio = snr(&a[a.len() - third..], &b[a.len() - third..]);
        assert!(ratio > 20.0, "{name}: {ratio:.1} dB");
    }
}

#[test]
fn a_clip_keeps_its_sound_at_another_rate() {
    let clip = whole(&fixture("mono192.flac")).clips.remove(0);
    assert_eq!(clip.resampled(192_000).unwrap().as_ref(), &clip);
    for from in [8000u32, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000] {
        for to in [16_000u32, 22_050, 44_100] {
            // One tone, well inside either band, in the middle of a second.
            let tone = |rate: u32, n: usize| (std::f64::consts::TAU * 997.0 * n as f64 / f64::from(rate)).sin() * 0.5;
            let clip = Clip { samples: (0..from as usize).map(|n| tone(from, n) as f32).collect(), sample_rate: from };
            let other = clip.resampled(to).unwrap();
            assert_eq!((other.samples.len(), other.sample_rate), (to as usize, to), "{from} to {to}");
            let inside = to as usize / 4..to as usize * 3 / 4;
            let worst = inside.map(|n| (f64::from(other.samples[n]) - tone(to, n)).abs()).fold(0.0, f64::max);
            assert!(worst < 2e-4, "{from} to {to}: {worst}");
        }
    }
    let short = Clip { samples: vec![0.25; 1001], sample_rate: 44_100 };
    assert_eq!(short.resampled(22_050).unwrap().samples.len(), 501);
    assert!(short.resampled(0).is_err());
    assert!(Clip { samples: Vec::new(), sample_rate: 8000 }.resampled(9000).unwrap().samples.is_empty());
}

#[test]
fn reference_mp3s_have_the_lengths_that_ffmpeg_trims_them_to() {
    const TEST: &str = "reference_mp3s_have_the_lengths_that_ffmpeg_trims_them_to";
    let Some(folder) = common::shared(TEST, "reference/mp3") else { return };
    for (name, samples) in
        [("trumpet_44k_st_5s", 233_730), ("brahms_22k_mono_5s", 110_250), ("vibeace_48k_mono_10s", 480_000)]
    {
        let path = folder.join(name).with_extension("mp3");
        let recording = whole(&path);
        assert_eq!(recording.clips[0].samples.len(), samples, "{name}");
        let channels = usize::from(recording.channels);
        let Ok(output) = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(&path)
            .args(["-f", "s16le", "-"])
            .output()
        else {
            common::skipped(TEST, "ffmpeg is not installed");
            return;
        };
        let words: Vec<f32> =
            output.stdout.chunks_exact(2).map(|word| f32::from(i16::from_le_bytes([word[0], word[1]]))).collect();
        let expected: Vec<f32> = words
            .chunks_exact(channels)
            .map(|frame| frame.iter().sum::<f32>() / (channels as f32 * 32_768.0))
            .collect();
        assert!(differing(&expected, &recording.clips[0].samples) <= 1.0, "{name}");
    }
}
