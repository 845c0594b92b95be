//! What features cost for the 30 seconds that a track is judged by, on one thread.

use divan::{Bencher, black_box};
use reclassd::features::{Extractor, LogMelParameters};

fn main() {
    divan::main();
}

/// 30 s of chords, beats and hiss: what matters is only that it is not silence.
fn clip(sample_rate: u32) -> Vec<f32> {
    let mut random = 1_u32;
    (0..30 * sample_rate)
        .map(|i| {
            let t = f64::from(i) / f64::from(sample_rate);
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random >> 8) / f64::from(1 << 23) - 1.0;
            let beat = (-20.0 * (t % 0.5)).exp();
            let chord: f64 = [130.8, 261.6, 329.6, 392.0, 523.2, 1318.5]
                .iter()
                .map(|hz| (hz * t * std::f64::consts::TAU).sin())
                .sum();
            let sample = 0.08 * chord + (0.3 * beat + 0.003) * noise;
            ((sample * 32_768.0).round() / 32_768.0) as f32
        })
        .collect()
}

#[divan::bench(args = [22_050, 44_100, 48_000, 96_000])]
fn fma518_of_30_s(bencher: Bencher, sample_rate: u32) {
    let samples = clip(sample_rate);
    let mut extractor = Extractor::new();
    bencher.bench_local(|| extractor.fma518(black_box(&samples), sample_rate));
}

#[divan::bench]
fn log_mel_of_30_s(bencher: Bencher) {
    let (samples, parameters) = (clip(22_050), LogMelParameters::default());
    let mut extractor = Extractor::new();
    bencher.bench_local(|| extractor.log_mel(black_box(&samples), 22_050, &parameters));
}

#[divan::bench]
fn fma518_and_log_mel_of_30_s(bencher: Bencher) {
    let (samples, parameters) = (clip(22_050), LogMelParameters::default());
    let mut extractor = Extractor::new();
    bencher.bench_local(|| extractor.fma518_and_log_mel(black_box(&samples), 22_050, &parameters));
}

#[divan::bench]
fn new_extractor(bencher: Bencher) {
    bencher.bench_local(Extractor::new);
}
