//! What the tests of the audio folder share: the synthetic signal, files made on the spot, and comparisons.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use reclassd::audio::{AnalysisWindow, Recording, decode};

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// All fixtures but the script that makes them, sorted.
pub fn fixtures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture("")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "py"));
    paths.sort();
    assert!(paths.len() > 30, "the fixtures are missing");
    paths
}

/// A folder that is removed with its files.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub const WHOLE: AnalysisWindow = AnalysisWindow { seconds: 3600.0, count: 1 };

pub fn whole(path: &Path) -> Recording {
    decode(path, &WHOLE).unwrap()
}

/// The mono mean of the test signal, as `make.py` computes it: per channel a rising tone and a beating one.
pub fn signal(rate: u32, seconds: f64, channels: u32) -> Vec<f32> {
    let top = (f64::from(rate) * 0.4).min(3000.0);
    let slope = (top - 200.0) / seconds;
    let sample = |n: usize, c: u32| {
        let t = n as f64 / f64::from(rate);
        let rising = (TAU * ((200.0 + 20.0 * f64::from(c)) * t + slope / 2.0 * t * t)).sin();
        let beating = (TAU * (330.0 + 55.0 * f64::from(c)) * t).sin() * (TAU * 0.7 * t).sin();
        let rounded = ((0.35 * rising + 0.25 * beating) * 32_768.0).round_ties_even();
        rounded / 32_768.0
    };
    let frames = (f64::from(rate) * seconds) as usize;
    (0..frames).map(|n| ((0..channels).map(|c| sample(n, c)).sum::<f64>() / f64::from(channels)) as f32).collect()
}

/// Signal-to-noise ratio in dB of `heard` against `expected`, over what both have.
pub fn snr(expected: &[f32], heard: &[f32]) -> f64 {
    let pairs = expected.iter().zip(heard).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let (signal, noise) = pairs.fold((0.0, 0.0), |(s, n), (a, b)| (s + a * a, n + (a - b) * (a - b)));
    10.0 * (signal / noise.max(1e-20)).log10()
}

/// The shift of `heard` against `expected`, in samples, that fits best, within `reach` either way.
pub fn shift(expected: &[f32], heard: &[f32], reach: i64) -> i64 {
    let at = expected.len() / 3;
    let length = (expected.len() / 3).min(8000);
    let fit = |shift: &i64| {
        let start = (at as i64 + shift).max(0) as usize;
        expected[at..at + length]
            .iter()
            .zip(&heard[start.min(heard.len())..])
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum::<f64>()
    };
    (-reach..=reach).max_by(|a, b| fit(a).total_cmp(&fit(b))).unwrap()
}

/// A chunk of a RIFF or IFF file, padded to an even length.
pub fn chunk(mark: &[u8; 4], body: &[u8], order: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let mut chunk = mark.to_vec();
    chunk.extend(order(body.len() as u32));
    chunk.extend(body);
    chunk.extend(&[0][..body.len() % 2]);
    chunk
}

/// A WAV file of these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    body.extend(chunks.concat());
    chunk(b"RIFF", &body, u32::to_le_bytes)
}

/// The `fmt ` chunk: kind 1 is PCM, 3 floating point.
pub fn format(kind: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut body = kind.to_le_bytes().to_vec();
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    chunk(b"fmt ", &body, u32::to_le_bytes)
}

/// A WAV file of 16-bit samples.
pub fn wav16(samples: &[i16], channels: u16, rate: u32) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    riff(&[format(1, channels, rate, 16), chunk(b"data", &data, u32::to_le_bytes)])
}

/// An ID3v2.4 tag of `length` bytes of padding.
pub fn id3v2(length: usize) -> Vec<u8> {
    let mut tag = b"ID3\x04\x00\x00".to_vec();
    tag.extend([21, 14, 7, 0].map(|shift| (length >> shift & 0x7f) as u8));
    tag.resize(tag.len() + length, 0);
    tag
}

/// Small numbers without a pattern that a decoder could know (xorshift, always the same).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

/// Pages of an Ogg file: header and body.
pub fn pages(file: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pages = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let head = 27 + usize::from(file[at + 26]);
        let body: usize = file[at + 27..at + head].iter().map(|&length| usize::from(length)).sum();
        pages.push((file[at..at + head].to_vec(), file[at + head..at + head + body].to_vec()));
        at += head + body;
    }
    pages
}

/// Writes a page with this number and the checksum that belongs to it.
pub fn put_page(file: &mut Vec<u8>, head: &[u8], body: &[u8], number: u32) {
    let start = file.len();
    file.extend(head);
    file[start + 18..start + 22].copy_from_slice(&number.to_le_bytes());
    file[start + 22..start + 26].fill(0);
    file.extend(body);
    let crc = file[start..].iter().fold(0u32, |crc, &byte| {
        (0..8)
            .fold(crc ^ u32::from(byte) << 24, |crc, _| if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 })
    });
    file[start + 22..start + 26].copy_from_slice(&crc.to_le_bytes());
}

/// The number of pages of headers: those before the first one with a position of its own.
pub fn header_pages(pages: &[(Vec<u8>, Vec<u8>)]) -> usize {
    pages.iter().position(|(head, _)| head[6..14] != [0; 8]).unwrap()
}

/// The same sound `times` over in one stream: pages with new numbers and positions. `skip` is Opus' pre-skip, which
/// positions include.
pub fn tile_ogg(file: &[u8], times: u64, skip: u64) -> Vec<u8> {
    let pages = pages(file);
    let sound = header_pages(&pages);
    let granule = |head: &[u8]| u64::from_le_bytes(head[6..14].try_into().unwrap());
    let length = granule(&pages.last().unwrap().0) - skip;
    let mut out = Vec::new();
    let mut number = 0;
    for (head, body) in &pages[..sound] {
        put_page(&mut out, head, body, number);
        number += 1;
    }
    for copy in 0..times {
        for (head, body) in &pages[sound..] {
            let mut head = head.clone();
            if copy + 1 < times {
                head[5] &= !4;
            }
            if granule(&head) != u64::MAX {
                let position = granule(&head) + copy * length;
                head[6..14].copy_from_slice(&position.to_le_bytes());
            }
            put_page(&mut out, &head, body, number);
            number += 1;
        }
    }
    out
}
