//! Whether there was enough to hear: a model names a genre for silence too, and often a confident one.

use super::Doubt;

/// How loud and how long the sound was that the models heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoundCheck {
    /// Root mean square of the mono signal; full scale is 1.
    pub rms: f32,
    /// Length in seconds.
    pub seconds: f32,
}

impl SoundCheck {
    /// Below this (-60 dB full scale) there is hiss, hum or nothing: the quietest classical recordings average about -45 dB.
    pub const MIN_RMS: f32 = 0.001;
    /// Shorter than this is an effect or a jingle: the models learned from 30 s, and the spectrogram would repeat ten times.
    pub const MIN_SECONDS: f32 = 3.0;

    /// Measures samples of a mono signal at `sample_rate` Hz.
    pub fn of_samples(samples: &[f32], sample_rate: u32) -> Self {
        let energy: f64 = samples.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let rms = (energy / samples.len().max(1) as f64).sqrt() as f32;
        Self { rms, seconds: samples.len() as f32 / sample_rate.max(1) as f32 }
    }

    /// The same from the mean of the FMA feature `rmse`, for a file that is not decoded again.
    ///
    /// That feature is the root of the mean power of the 1025 bins of a 2048-point spectrum under a Hann window. By Parseval
    /// the mean power is the energy of a windowed frame, 2048 * 3/8 times that of a sample.
    pub fn of_rmse(mean_rmse: f32, seconds: f32) -> Self {
        Self { rms: mean_rmse / 768f32.sqrt(), seconds }
    }

    /// Why no genre should be believed, if so.
    pub fn doubt(&self) -> Option<Doubt> {
        // NaN is in no range: a doubt.
        if !(Self::MIN_SECONDS..).contains(&self.seconds) {
            Some(Doubt::TooShort)
        } else if !(Self::MIN_RMS..).contains(&self.rms) {
            Some(Doubt::TooQuiet)
        } else {
            None
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn silence_hiss_and_snippets_are_doubted_and_quiet_music_is_not() {
        let tone = |level: f32, seconds: usize| {
            let samples: Vec<f32> = (0..seconds * 8000).map(|i| level * (i as f32 * 0.35).sin()).collect();
            SoundCheck::of_samples(&samples, 8000).doubt()
        };
        assert_eq!(tone(0.0, 10), Some(Doubt::TooQuiet));
        assert_eq!(tone(0.0005, 10), Some(Doubt::TooQuiet));
        assert_eq!(tone(0.01, 10), None);
        assert_eq!(tone(0.5, 2), Some(Doubt::TooShort));
        assert_eq!(tone(0.5, 3), None);
        assert_eq!(SoundCheck::of_samples(&[], 0).doubt(), Some(Doubt::TooShort));
        assert_eq!(SoundCheck { rms: f32::NAN, seconds: 30.0 }.doubt(), Some(Doubt::TooQuiet));
    }

    #[test]
    fn both_measures_of_loudness_agree() {
        // White noise of deviation s has |S|^2 = 768 s^2 in every bin on average, so `rmse` is s * sqrt(768).
        let check = SoundCheck::of_rmse(0.1 * 768f32.sqrt(), 30.0);
        assert!((check.rms - 0.1).abs() < 1e-6);
    }
}
