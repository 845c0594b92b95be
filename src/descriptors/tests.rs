//! What an owner would notice: clicks have their tempo, and nothing is said of nothing.
#![allow(clippy::unwrap_used)] // a test may panic

use super::*;

const RATE: u32 = 22_050;

fn of(samples: Vec<f32>, sample_rate: u32) -> Descriptors {
    Descriptors::of(&Clip { samples, sample_rate }, &mut Extractor::new()).unwrap()
}

/// White noise between -1 and 1, the same at every run.
fn noise(n: usize) -> impl Iterator<Item = f32> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..n).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn clicks(bpm: f64, seconds: f64) -> Vec<f32> {
    let mut samples = vec![0.0; (f64::from(RATE) * seconds) as usize];
    let hiss: Vec<f32> = noise(220).collect();
    let mut beat = 0.3;
    while ((beat + 0.02) * f64::from(RATE)) < samples.len() as f64 {
        let start = (beat * f64::from(RATE)).round() as usize;
        for (i, (sample, hiss)) in samples[start..].iter_mut().zip(&hiss).enumerate() {
            *sample = 0.8 * hiss * (-(i as f32) / 60.0).exp();
        }
        beat += 60.0 / bpm;
    }
    samples
}

/// Tones with some harmonics, one chord after the other, each for a second.
fn chords(chords: &[&[i32]], seconds: usize) -> Vec<f32> {
    let tone = |note: i32, t: f64| {
        let hz = 440.0 * (f64::from(note - 69) / 12.0).exp2();
        (1..5).map(|k| (std::f64::consts::TAU * hz * f64::from(k) * t).sin() * 0.5_f64.powi(k)).sum::<f64>()
    };
    (0..seconds * RATE as usize)
        .map(|i| {
            let t = i as f64 / f64::from(RATE);
            let chord = chords[t as usize % chords.len()];
            (0.1 * chord.iter().map(|note| tone(*note, t)).sum::<f64>()) as f32
        })
        .collect()
}

#[test]
fn clicks_have_their_tempo_to_a_thousandth() {
    for bpm in [50.0, 77.7, 120.0, 174.0, 200.0] {
        let tempo = of(clicks(bpm, 30.0), RATE).tempo.unwrap();
        assert!((tempo.bpm / bpm - 1.0).abs() < 1e-3, "{bpm}: {tempo:?}");
    }
}

#[test]
fn nothing_is_said_of_nothing() {
    let n = 10 * RATE as usize;
    for (samples, reason) in [
        (vec![0.0; n], Absent::Silent),
        (vec![0.5; n], Absent::Silent),
        (noise(RATE as usize * 3).collect(), Absent::TooShort),
        (noise(RATE as usize / 3).collect(), Absent::TooShort),
    ] {
        let found = of(samples, RATE);
        assert_eq!((found.tempo, found.key, found.mood), (Err(reason), Err(reason), Err(reason)));
    }
    let mut click = vec![0.0; n];
    click[n / 2] = 1.0;
    for samples in [click, noise(n).collect()] {
        let found = of(samples, RATE);
        assert!(found.tempo.is_err() && found.key.is_err() && found.beat_strength.is_err(), "{found:?}");
    }
}

#[test]
fn a_drone_has_no_beat_and_a_cadence_has_its_key() {
    assert_eq!(of(chords(&[&[57, 60, 64]], 10), RATE).tempo, Err(Absent::NoBeat));
    let major = of(chords(&[&[48, 60, 64, 67], &[41, 57, 60, 65], &[43, 59, 62, 67], &[48, 60, 64, 67]], 20), RATE);
    assert_eq!(major.key.unwrap().to_string(), "C major");
    let minor = of(chords(&[&[45, 57, 60, 64], &[50, 57, 62, 65], &[40, 56, 59, 64], &[45, 57, 60, 64]], 20), RATE);
    assert_eq!(minor.key.unwrap().to_string(), "A minor");
}

#[test]
fn a_tone_is_as_loud_as_ebu_tech_3341_says() {
    // A stereo sine of 1 kHz at -23 dB full scale is -23 LUFS; this is its mono mix.
    let level = 10_f64.powf(-23.0 / 20.0);
    let samples =
        (0..480_000).map(|i| (level * (std::f64::consts::TAU * 1000.0 * f64::from(i) / 48_000.0).sin()) as f32);
    let found = of(samples.collect(), 48_000);
    assert!((found.loudness.unwrap() + 23.0).abs() < 0.1, "{found:?}");
}

#[test]
fn no_cell_is_anything_but_a_finite_number_or_a_word_or_absent() {
    for (samples, rate) in [
        (noise(8_000 * 6).collect::<Vec<_>>(), 44_100),
        (clicks(120.0, 8.0), 8_000),
        (clicks(90.0, 12.0), 192_000),
        (vec![0.0; 100], 44_100),
        (vec![1e8; 60_000], 8_000),
    ] {
        let clip = Clip { samples, sample_rate: rate };
        let Ok(found) = Descriptors::of(&clip, &mut Extractor::new()) else { continue };
        for cell in found.cells() {
            assert!(!matches!(cell.value, Value::Number(number) if !number.is_finite()), "{cell:?}");
        }
        assert!(found.to_json()["duration"].is_number());
    }
}
