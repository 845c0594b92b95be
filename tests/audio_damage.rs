//! A campaign of damage over every fixture: whatever is done to a file, it is decoded or refused, without a panic,
//! without delay. `RECLASSD_DAMAGE=n` multiplies the number of damaged files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audio_support;

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use audio_support::*;
use reclassd::audio::{AnalysisWindow, decode, identify, payload, probe};

/// Far above what the slowest of these files takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn damage(file: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut file = file.to_vec();
    match dice.roll(8) {
        // Bits flipped anywhere, or where the headers are.
        0 | 1 => {
            for _ in 0..=dice.roll(40) {
                let at = dice.roll(file.len());
                file[at] ^= 1 << dice.roll(8);
            }
        }
        2 | 3 => {
            for _ in 0..=dice.roll(6) {
                let at = dice.roll(file.len().min(700));
                file[at] = [0, 0xff, 0x7f, 0x80, dice.roll(256) as u8][dice.roll(5)];
            }
        }
        4 => file.truncate(dice.roll(file.len())),
        // A hole, a stretch of another file, the two joined.
        5 => {
            let at = dice.roll(file.len());
            let end = (at + dice.roll(9000)).min(file.len());
            file.drain(at..end);
        }
        6 => {
            let at = dice.roll(file.len());
            let from = dice.roll(other.len());
            let length = dice.roll(5000).min(file.len() - at).min(other.len() - from);
            file[at..at + length].copy_from_slice(&other[from..from + length]);
        }
        _ => {
            file.truncate(dice.roll(file.len()));
            file.extend(&other[dice.roll(other.len())..]);
        }
    }
    file
}

#[test]
fn damaged_files_are_decoded_or_refused() {
    let times = std::env::var("RECLASSD_DAMAGE").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let scratch = Scratch::new();
    let files: Vec<(String, Vec<u8>)> = fixtures()
        .iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    let mut dice = Dice(0x5eed);
    let window = AnalysisWindow { seconds: 2.0, count: 2 };
    let (mut decoded, mut refused) = (0, 0);
    for round in 0..12 * times {
        for (name, file) in &files {
            let other = &files[dice.roll(files.len())].1;
            let hurt = damage(file, other, &mut dice);
            let path = scratch.write("hurt", &hurt);
            let start = Instant::now();
            let outcome = catch_unwind(|| {
                let others = [identify(&path).err(), probe(&path).err(), payload(&path).err()];
                let gave_up = others.into_iter().flatten().find(|error| error.to_string().contains("gave up"));
                gave_up.map_or_else(|| decode(&path, &window), Err)
            });
            let keep = || std::fs::copy(&path, std::env::temp_dir().join(format!("reclassd-damage-{round}-{name}")));
            match outcome {
                Ok(Ok(recording)) => {
                    decoded += 1;
                    for clip in recording.clips {
                        assert!(clip.samples.iter().all(|sample| sample.abs() <= 1.0), "{name} {round}: {:?}", keep());
                    }
                }
                Ok(Err(error)) => {
                    refused += 1;
                    // A panic inside is caught, but would be a fault to mend.
                    assert!(!error.to_string().contains("gave up"), "{name} {round}: {error} {:?}", keep());
                }
                Err(_) => panic!("{name} {round} panicked: {:?}", keep()),
            }
            assert!(start.elapsed() < PATIENCE, "{name} {round} took {:?}: {:?}", start.elapsed(), keep());
        }
    }
    assert!(decoded > 20 && refused > 20, "{decoded} decoded, {refused} refused");
}
