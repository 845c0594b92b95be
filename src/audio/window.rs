//! Which stretches of a recording are listened to.

use std::ops::Range;

/// The analysis window: how long a clip is and how many are taken from one file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnalysisWindow {
    /// Length of a clip in seconds; a shorter file is used whole.
    pub seconds: f64,
    /// Clips a file, evenly spread; 1 is the middle. A file too short for that many clips side by side gives fewer.
    pub count: u32,
}

impl Default for AnalysisWindow {
    /// The middle 30 s, as the clips of the FMA data set were cut.
    fn default() -> Self {
        Self { seconds: 30.0, count: 1 }
    }
}

/// The longest window in seconds: a bound on memory, not a recommendation.
const LONGEST: f64 = 3600.0;

/// The most clips a file, for the same reason.
const MOST: u32 = 1000;

impl AnalysisWindow {
    /// A clip's length in frames, at least one.
    fn frames(&self, sample_rate: u32) -> u64 {
        let seconds = if self.seconds.is_finite() { self.seconds.clamp(0.0, LONGEST) } else { LONGEST };
        ((seconds * f64::from(sample_rate)).round() as u64).max(1)
    }

    /// The frames to decode of a recording of `total` frames, in order, without overlap. Clip `i` of `n` is centred on
    /// the middle of the `i`-th of `n` equal parts of the recording.
    pub(crate) fn spans(&self, total: u64, sample_rate: u32) -> Vec<Range<u64>> {
        let length = self.frames(sample_rate);
        if total <= length {
            return std::iter::once(0..total).collect();
        }
        let count = u64::from(self.count.clamp(1, MOST)).min(total / length);
        (0..count)
            .map(|index| {
                let middle = (u128::from(total) * u128::from(2 * index + 1) / u128::from(2 * count)) as u64;
                let start = middle.saturating_sub(length / 2).min(total - length);
                start..start + length
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The only span.
    fn single(spans: Vec<Range<u64>>) -> Range<u64> {
        assert_eq!(spans.len(), 1);
        spans[0].clone()
    }

    #[test]
    fn one_window_is_the_middle() {
        let window = AnalysisWindow { seconds: 30.0, count: 1 };
        assert_eq!(single(window.spans(100 * 44_100, 44_100)), 35 * 44_100..65 * 44_100);
    }

    #[test]
    fn a_short_file_is_used_whole() {
        assert_eq!(single(AnalysisWindow::default().spans(1000, 44_100)), 0..1000);
        assert_eq!(single(AnalysisWindow { seconds: 30.0, count: 5 }.spans(1000, 44_100)), 0..1000);
    }

    #[test]
    fn several_windows_are_spread_and_do_not_overlap() {
        let spans = AnalysisWindow { seconds: 2.0, count: 4 }.spans(10 * 100, 100);
        assert_eq!(spans.len(), 4);
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start), "{spans:?}");
        assert!(spans.iter().all(|span| span.end - span.start == 200 && span.end <= 1000));
    }

    #[test]
    fn senseless_windows_are_bounded() {
        for seconds in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            let spans = AnalysisWindow { seconds, count: u32::MAX }.spans(u64::MAX, 768_000);
            assert!(spans.len() <= MOST as usize);
            assert!(spans.iter().all(|span| span.end - span.start <= 3600 * 768_000));
        }
    }
}
