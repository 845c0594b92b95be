//! Sounds that are no music get no confident genre: silence, noise, tones, speech, and clips too short to judge.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::process::Command;

use common::Library;
use common::sound::wav;

const RATE: u32 = 22_050;

/// Reproducible noise between -1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

fn sound(seconds: f64, mut at: impl FnMut(f64) -> f64) -> Vec<u8> {
    let n = (seconds * f64::from(RATE)) as usize;
    let samples: Vec<i16> =
        (0..n).map(|i| (at(i as f64 / f64::from(RATE)).clamp(-1.0, 1.0) * 30_000.0) as i16).collect();
    wav(&samples, RATE)
}

fn made() -> Vec<(&'static str, Vec<u8>)> {
    let tau = std::f64::consts::TAU;
    let (mut white, mut brown, mut crackle, mut rain) = (Noise(1), Noise(2), Noise(3), Noise(4));
    let (mut level, mut drop) = (0.0, 0.0);
    let hum = move |t: f64| (1..8).map(|k| (tau * 50.0 * f64::from(k) * t).sin() / f64::from(k)).sum::<f64>() * 0.2;
    vec![
        ("silence", sound(12.0, |_| 0.0)),
        ("hiss", sound(12.0, |_| white.next() * 0.2)),
        (
            "rumble",
            sound(12.0, move |_| {
                level = level * 0.995 + brown.next() * 0.05;
                level
            }),
        ),
        ("hum", sound(12.0, hum)),
        ("crackle", sound(12.0, move |_| if crackle.next() > 0.999 { crackle.next() } else { 0.0 })),
        (
            "rain",
            sound(12.0, move |_| {
                drop = if rain.next() > 0.99 { 0.5 } else { drop * 0.9 };
                (drop + 0.05) * rain.next()
            }),
        ),
        ("tone", sound(12.0, move |t| (tau * 440.0 * t).sin() * 0.4)),
        ("short", sound(1.5, move |t| (tau * 440.0 * t).sin() * 0.4)),
    ]
}

/// Text that a program reads aloud.
fn speech(library: &Library, name: &str, voice: &str, text: &str) -> bool {
    let path = library.music().join(name);
    let read = Command::new("espeak-ng").args(["-v", voice, "-w"]).arg(&path).arg(text).status();
    read.is_ok_and(|status| status.success())
}

#[test]
fn what_is_no_music_gets_no_confident_genre() {
    let test = "what_is_no_music_gets_no_confident_genre";
    let library = Library::with_config("[ensemble]\nmusic_only = true\n");
    for (name, bytes) in made() {
        library.put(format!("{name}.wav"), &bytes);
    }
    let readings = [
        ("en.wav", "en-gb", "It was a bright cold day in April, and the clocks were striking thirteen. ".repeat(4)),
        ("de.wav", "de", "Wer reitet so spät durch Nacht und Wind? Es ist der Vater mit seinem Kind. ".repeat(4)),
        ("fr.wav", "fr", "Longtemps, je me suis couché de bonne heure, sans bougie et sans livre. ".repeat(4)),
    ];
    let read: Vec<&str> =
        readings.iter().filter(|(name, voice, text)| speech(&library, name, voice, text)).map(|r| r.0).collect();
    if read.len() < readings.len() {
        common::skipped(test, "espeak-ng is not there: no speech was tried");
    }
    let run = library.scan(&["--dry-run"]).expect_code(0);
    let said: Vec<String> = run
        .objects()
        .iter()
        .filter(|report| !["unsure", "skipped"].contains(&report["status"].as_str().unwrap()))
        .map(|report| report.to_string())
        .collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let reason = |name: &str| run.object(name)["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason("silence.wav").contains("silent"));
    assert!(reason("short.wav").contains("1.5 s long"));
    assert!(reason("hiss.wav").contains("sounds like noise, not music"), "{}", reason("hiss.wav"));
    for name in read {
        assert!(reason(name).contains("sounds like speech, not music"), "{name}: {}", reason(name));
    }
}

#[test]
fn a_sound_that_is_no_music_has_no_genre_and_explain_says_so() {
    let library = Library::with_config("[ensemble]\nmusic_only = true\n");
    let mut noise = Noise(1);
    let path = library.put("hiss.wav", &sound(12.0, |_| noise.next() * 0.2));
    let report = library.scan(&["--dry-run"]).expect_code(0).object("hiss.wav");
    assert_eq!((&report["genre"], report["confidence"].as_f64()), (&serde_json::Value::Null, Some(0.0)), "{report}");
    assert_eq!(report["top"].as_array().map(Vec::len), Some(0), "{report}");
    let said = library.run("explain", &[path.to_str().unwrap()]).expect_code(0).stdout;
    assert!(said.contains("none: it is no music") && said.contains("not music, which it would be from"), "{said}");
    assert!(!said.contains("confidence "), "{said}");
    let json = library.run("explain", &["--json", path.to_str().unwrap()]).expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["genre"], &json["confidence"]), (&serde_json::Value::Null, &serde_json::Value::Null), "{json}");
    assert_eq!(json["sound"]["is_music"], false);
}
