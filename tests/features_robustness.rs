//! Sound that nobody would call music gives values or a clean error, never a panic.

#![allow(clippy::unwrap_used)]

use reclassd::features::{Extractor, FeatureError, Fma518, LogMelParameters};

fn wave(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * i) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn assert_finite(vector: &Fma518, what: &str) {
    assert!(vector.as_slice().iter().all(|x| x.is_finite()), "{what}");
}

#[test]
fn an_empty_clip_is_an_error() {
    let mut extractor = Extractor::new();
    assert_eq!(extractor.fma518(&[], 44_100).unwrap_err(), FeatureError::Empty);
    assert_eq!(extractor.log_mel(&[], 22_050, &LogMelParameters::default()).unwrap_err(), FeatureError::Empty);
}

#[test]
fn every_length_gives_values_or_says_how_much_is_missing() {
    let mut extractor = Extractor::new();
    for rate in [9_000, 16_000, 22_050, 44_100, 96_000, 192_000] {
        for n in (1..600).chain([1000, 1023, 1024, 1025, 2047, 2048, 2049, 8191, 8192, 8193]) {
            match extractor.fma518(&wave(n), rate) {
                Ok(vector) => assert_finite(&vector, &format!("{n} samples at {rate} Hz")),
                Err(FeatureError::TooShort { samples, needed }) => assert!(samples == n && needed > n && needed <= 257),
                Err(error) => panic!("{n} samples at {rate} Hz: {error}"),
            }
        }
    }
}

#[test]
fn every_length_has_a_log_mel() {
    let parameters = LogMelParameters::default();
    let mut extractor = Extractor::new();
    for n in (1..600).chain([1000, 1023, 1024, 1025, 2047, 2048, 2049, 8191, 8192, 8193]) {
        let log_mel = extractor.log_mel(&wave(n), 22_050, &parameters).unwrap();
        assert_eq!((log_mel.n_mels, log_mel.n_frames), (128, 1 + n / 512));
        assert_eq!(log_mel.data.len(), 128 * log_mel.n_frames);
        assert!(log_mel.data.iter().all(|db| (-80.0..=0.0).contains(db)));
        assert_eq!(log_mel.band(127).len(), log_mel.n_frames);
    }
}

#[test]
fn silence_dc_and_extreme_levels_have_finite_features() {
    let mut extractor = Extractor::new();
    for rate in [16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
        for level in [0.0, 1e-38, 1e-20, 1e-10, 0.5, 1.0, 1e5, 1e9] {
            let dc = extractor.fma518(&vec![level; 30_001], rate).unwrap();
            assert_finite(&dc, &format!("DC of {level} at {rate} Hz"));
            let scaled: Vec<f32> = wave(30_001).iter().map(|x| x * level).collect();
            let sound = extractor.fma518(&scaled, rate).unwrap();
            assert_finite(&sound, &format!("sound of {level} at {rate} Hz"));
        }
    }
}

#[test]
fn digital_silence_is_the_loudest_thing_in_its_own_log_mel() {
    let log_mel = Extractor::new().log_mel(&[0.0; 5000], 22_050, &LogMelParameters::default()).unwrap();
    assert!(log_mel.data.iter().all(|&db| db == 0.0));
}

#[test]
fn a_sample_that_is_no_number_is_found() {
    let parameters = LogMelParameters::default();
    let mut extractor = Extractor::new();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.1e9, f32::MIN] {
        let mut samples = wave(5000);
        samples[4321] = bad;
        for error in [
            extractor.fma518(&samples, 22_050).unwrap_err(),
            extractor.log_mel(&samples, 22_050, &parameters).unwrap_err(),
            extractor.fma518_and_log_mel(&samples, 22_050, &parameters).unwrap_err(),
        ] {
            assert!(matches!(error, FeatureError::InvalidSample { index: 4321, .. }), "{error}");
        }
    }
}

#[test]
fn rates_out_of_range_are_refused() {
    let mut extractor = Extractor::new();
    let samples = wave(10_000);
    for sample_rate in [0, 1, 4000, 8000] {
        assert_eq!(extractor.fma518(&samples, sample_rate).unwrap_err(), FeatureError::RateTooLow { sample_rate });
    }
    assert!(matches!(extractor.fma518(&samples, u32::MAX).unwrap_err(), FeatureError::RateTooHigh { .. }));
    for sample_rate in [8_100, 8_500, 9_711, 9_712, 11_025, 37_800, 384_000, 768_000] {
        match extractor.fma518(&samples, sample_rate) {
            Ok(vector) => assert_finite(&vector, &format!("{sample_rate} Hz")),
            Err(error) => assert!(sample_rate < 8_500, "{error}"),
        }
    }
}

#[test]
fn a_log_mel_wants_the_rate_of_its_parameters() {
    let error = Extractor::new().log_mel(&wave(1000), 44_100, &LogMelParameters::default()).unwrap_err();
    assert_eq!(error, FeatureError::RateMismatch { found: 44_100, wanted: 22_050 });
}

#[test]
fn parameters_that_ask_for_gigabytes_are_refused() {
    let parameters = LogMelParameters { hop_length: 1, n_mels: 1024, ..Default::default() };
    let error = Extractor::new().log_mel(&vec![0.0; 100_000], 22_050, &parameters).unwrap_err();
    assert!(matches!(error, FeatureError::TooLong { .. }));
    let error = Extractor::new().fma518(&vec![0.0; (1 << 25) + 1], 22_050).unwrap_err();
    assert!(matches!(error, FeatureError::TooLong { .. }));
}

#[test]
fn an_extractor_forgets_the_clip_before() {
    let mut used = Extractor::new();
    let mut results = Vec::new();
    for (n, rate) in [(100_001, 48_000), (1000, 44_100), (40_000, 22_050), (300, 44_100), (70_000, 192_000)] {
        let _ = used.fma518(&[f32::NAN], 44_100);
        results.push(used.fma518(&wave(n), rate).unwrap());
        assert_eq!(results.last(), Extractor::new().fma518(&wave(n), rate).ok().as_ref());
    }
}

#[test]
fn an_extractor_can_move_to_a_worker() {
    let mut extractor = Extractor::new();
    let vector = std::thread::spawn(move || extractor.fma518(&wave(10_000), 44_100)).join().unwrap().unwrap();
    assert_finite(&vector, "on another thread");
}
