//! How long it takes until the middle 30 s of a five-minute file are in memory, what resampling them costs, and what an
//! identity costs.
//!
//! The files are encoded by ffmpeg from noise and tones that are synthesised here; without ffmpeg only the WAV file is
//! measured.

use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use divan::Bencher;
use reclassd::audio::{AnalysisWindow, Clip, decode, identify, open_at};

const RATE: u32 = 44_100;
const SECONDS: usize = 300;

/// Name and the arguments of ffmpeg that make it.
const KINDS: &[(&str, &[&str])] = &[
    ("cbr.mp3", &["-c:a", "libmp3lame", "-b:a", "192k"]),
    ("vbr.mp3", &["-c:a", "libmp3lame", "-q:a", "2"]),
    ("no-xing.mp3", &["-c:a", "libmp3lame", "-b:a", "192k", "-write_xing", "0"]),
    ("vbr-no-xing.mp3", &["-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0"]),
    ("flac.flac", &["-c:a", "flac"]),
    ("vorbis.ogg", &["-c:a", "libvorbis", "-q:a", "5"]),
    ("opus.opus", &["-c:a", "libopus", "-b:a", "128k"]),
    ("aac.m4a", &["-c:a", "aac", "-b:a", "192k"]),
    ("alac.m4a", &["-c:a", "alac"]),
    ("aiff.aiff", &[]),
];

struct Library {
    _folder: tempfile::TempDir,
    files: Vec<PathBuf>,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the files to measure");
    let wav = folder.path().join("pcm.wav");
    std::fs::write(&wav, synthesise()).expect("room for the files to measure");
    let mut files = vec![wav.clone()];
    for (name, arguments) in KINDS {
        let path = folder.path().join(name);
        let done = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&wav).args(*arguments).arg(&path).status();
        match done {
            Ok(status) if status.success() => files.push(path),
            _ => eprintln!("skipped: ffmpeg does not make {name} here"),
        }
    }
    Library { _folder: folder, files }
});

/// A stereo WAV file of tones over noise, loud and dense as music is.
fn synthesise() -> Vec<u8> {
    let frames = RATE as usize * SECONDS;
    let mut file = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 4).to_le_bytes());
    file.extend(*b"\x04\0\x10\0data\xff\xff\xff\xff");
    let (mut seed, mut noise) = (1u32, [0.0f32; 2]);
    for n in 0..frames {
        let t = n as f32 / RATE as f32;
        let beat = (-(t % 0.5) * 6.0).exp();
        let chord: f32 = [220.0, 277.2, 329.6].iter().map(|pitch| (TAU * (pitch * t).fract()).sin()).sum();
        for (channel, low) in noise.iter_mut().enumerate() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let white = (seed >> 8) as f32 / 8_388_608.0 - 1.0;
            *low += 0.2 * (white - *low);
            let sample = 0.15 * chord * (0.7 + 0.3 * channel as f32) + beat * (0.4 * *low + 0.1 * white);
            file.extend(((sample * 20_000.0) as i16).to_le_bytes());
        }
    }
    file
}

fn named(name: &&PathBuf) -> String {
    name.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The files by name, so that the table of results shows names.
fn names() -> Vec<String> {
    LIBRARY.files.iter().map(|path| named(&path)).collect()
}

fn path(name: &str) -> &'static Path {
    LIBRARY.files.iter().find(|path| path.ends_with(name)).expect("the name comes from the same list")
}

#[divan::bench(args = names(), sample_count = 20, sample_size = 1)]
fn middle_30_s(bencher: Bencher<'_, '_>, name: &str) {
    let path = path(name);
    let window = AnalysisWindow::default();
    bencher.bench(|| decode(path, &window).map(|recording| recording.clips[0].samples.len()));
}

/// The same for those who hear no more than 22,050 Hz, at that rate.
#[divan::bench(args = names(), sample_count = 20, sample_size = 1)]
fn middle_30_s_at_22_050(bencher: Bencher<'_, '_>, name: &str) {
    let path = path(name);
    let window = AnalysisWindow::default();
    bencher.bench(|| {
        let recording = open_at(path, &window, 22_050).and_then(|opened| opened.decode())?;
        recording.clips[0].resampled(22_050).map(|clip| clip.samples.len())
    });
}

#[divan::bench(args = names())]
fn identity(bencher: Bencher<'_, '_>, name: &str) {
    let path = path(name);
    bencher.bench(|| identify(path));
}

#[divan::bench(args = [44_100, 48_000, 96_000])]
fn resample_30_s_to_22_050(bencher: Bencher<'_, '_>, rate: u32) {
    let samples = (0..rate as usize * 30).map(|n| (TAU * (n as f32 * 0.01).fract()).sin() * 0.5).collect();
    let clip = Clip { samples, sample_rate: rate };
    bencher.bench(|| clip.resampled(22_050).map(|clip| clip.samples.len()));
}

fn main() {
    divan::main();
}
