//! Which part of a recording was listened to, in seconds, for whoever wants to hear the same.

use std::time::Duration;

use crate::audio::AnalysisWindow;
use crate::config::Config;

/// The window of a configuration.
pub(super) fn of(config: &Config) -> AnalysisWindow {
    AnalysisWindow { seconds: config.analysis.window_seconds, count: config.analysis.windows }
}

/// Start and length of the first clip of a recording, in seconds: its beginning, where it is not known how long it is.
pub(super) fn first_of(window: &AnalysisWindow, duration: Option<Duration>) -> (f64, f64) {
    // Milliseconds are frames enough.
    const RATE: u32 = 1000;
    let Some(duration) = duration else { return (0.0, window.seconds) };
    let total = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let spans = window.spans(total, RATE);
    let seconds = |frames: u64| frames as f64 / f64::from(RATE);
    spans.first().map_or((0.0, window.seconds), |span| (seconds(span.start), seconds(span.end - span.start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_played_is_what_was_listened_to() {
        let window = AnalysisWindow::default();
        assert_eq!(first_of(&window, Some(Duration::from_secs(100))), (35.0, 30.0));
        assert_eq!(first_of(&window, Some(Duration::from_secs(10))), (0.0, 10.0));
        assert_eq!(first_of(&window, None), (0.0, 30.0));
    }
}
