//! Whether there was anything to hear: a model names a genre for silence too, and often a confident one.

/// Below this root mean square (-60 dB full scale) there is hiss, hum or nothing: the quietest classical recordings
/// average about -45 dB.
const MIN_RMS: f64 = 0.001;

/// Whether a mono signal (full scale is 1) is silence or so near to it that no genre should be believed. No samples are
/// silence.
pub fn is_silent(samples: &[f32]) -> bool {
    let energy: f64 = samples.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let mean_square = energy / samples.len().max(1) as f64;
    mean_square.is_nan() || mean_square < MIN_RMS * MIN_RMS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_hiss_are_silent_and_quiet_music_is_not() {
        let tone = |level: f32| (0..8000).map(|i| level * (i as f32 * 0.35).sin()).collect::<Vec<f32>>();
        assert!(is_silent(&tone(0.0)));
        assert!(is_silent(&tone(0.0005)));
        assert!(!is_silent(&tone(0.01)));
        assert!(is_silent(&[]));
        assert!(is_silent(&[f32::NAN; 10]));
    }
}
