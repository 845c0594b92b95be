//! A track's log-mel spectrogram as a PNG: time in seconds to the right, frequency in Hz upwards as the ear spaces it,
//! loudness by a colour map whose steps look equal.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::parameters::{Kind as Is, Parameter, Parameters};
use super::problem::{Kind, Problem};
use crate::audio::Clip;
use crate::drawing::{Anchor, Canvas, Colour, FAINT, MUTED, Text, WHITE, magma};
use crate::features::{Extractor, LogMelParameters};
use crate::pictures::{mel_of, shrunk};

/// What a picture may be like.
pub const LIKE: &[Parameter] = &[
    Parameter::new("width", Is::Integer(200, 1600), "Pixels; 900 without it."),
    Parameter::new("height", Is::Integer(120, 800), "Pixels; 260 without it."),
    Parameter::new("axes", Is::Flag, "`false`: the picture alone."),
    Parameter::new("theme", Is::Choice(&["light", "dark"]), "The sheet around it; `light` without it."),
];

/// How a picture is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Like {
    width: u32,
    height: u32,
    axes: bool,
    dark: bool,
}

impl Like {
    /// What the parameters say.
    pub fn of(parameters: &Parameters) -> Self {
        let number = |name, default| parameters.integer(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        Self {
            width: number("width", 900),
            height: number("height", 260),
            axes: parameters.text("axes") != Some("false"),
            dark: parameters.text("theme") == Some("dark"),
        }
    }

    /// A word for it.
    pub fn word(&self) -> String {
        let Self { width, height, axes, dark } = self;
        format!("-{width}x{height}{}{}", if *axes { "a" } else { "" }, if *dark { "d" } else { "" })
    }
}

/// Pictures that were drawn, the last one at the end.
pub struct Pictures {
    drawn: Mutex<VecDeque<(String, Arc<Vec<u8>>)>>,
    /// Decoding and drawing take a core: not all of them are for pictures.
    pub turns: Arc<Semaphore>,
}

/// Pictures that are kept.
const KEPT: usize = 60;

impl Default for Pictures {
    fn default() -> Self {
        Self { drawn: Mutex::default(), turns: Arc::new(Semaphore::new(2)) }
    }
}

impl Pictures {
    /// The picture of a name, if it is kept.
    pub fn find(&self, name: &str) -> Option<Arc<Vec<u8>>> {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.iter().find(|(known, _)| known == name).map(|(_, picture)| Arc::clone(picture))
    }

    /// Keeps a picture.
    pub fn keep(&self, name: String, picture: Arc<Vec<u8>>) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.len() >= KEPT {
            drawn.pop_front();
        }
        drawn.push_back((name, picture));
    }
}

/// The rate at which pictures are made, in Hz: all that is heard of most music lies below half of it.
const RATE: u32 = 22_050;
/// The highest frequency, in Hz.
const TOP: f64 = 11_025.0;
/// The range of loudness, in dB.
const RANGE: f32 = 80.0;
/// Room for the axes, in pixels: to the left, above, to the right and below.
const MARGINS: (u32, u32, u32, u32) = (58, 10, 14, 38);
/// The sheet in the dark.
const NIGHT: Colour = (0x16, 0x18, 0x1c);
/// Draws a clip that begins at a second of its recording.
///
/// # Errors
/// [`Problem`] where there is too little sound, or no memory.
pub fn draw(clip: &Clip, start: f64, like: Like) -> Result<Vec<u8>, Problem> {
    let failed = |error: String| Problem::new(Kind::Unfit, error);
    let clip = clip.resampled(RATE).map_err(|error| failed(error.reason()))?;
    let parameters = LogMelParameters { top_db: RANGE, fmax: TOP, ..LogMelParameters::default() };
    let mel =
        Extractor::new().log_mel(&clip.samples, clip.sample_rate, &parameters).map_err(|e| failed(e.to_string()))?;
    let seconds = clip.samples.len() as f64 / f64::from(RATE);
    let sheet = if like.dark { NIGHT } else { WHITE };
    let failed = |error: crate::drawing::DrawError| Problem::new(Kind::Internal, error.to_string());
    let mut canvas = Canvas::coloured(like.width, like.height, sheet).map_err(failed)?;
    let (left, top, right, below) = if like.axes { MARGINS } else { (0, 0, 0, 0) };
    let area = (left, top, like.width - left - right, like.height - top - below);
    let picture = shrunk(&mel, RANGE, area.2, area.3);
    canvas.picture(area, |x, y| magma(picture[(y * area.2 + x) as usize]));
    if like.axes {
        axes(&mut canvas, area, start, seconds, if like.dark { FAINT } else { MUTED });
    }
    canvas.png().map_err(failed)
}

fn axes(canvas: &mut Canvas, area: (u32, u32, u32, u32), start: f64, seconds: f64, ink: Colour) {
    let (left, top, width, height) = (area.0 as f32, area.1 as f32, area.2 as f32, area.3 as f32);
    let text = |anchor| Text { size: 13.0, anchor, ..Text::of(ink) };
    let enough = height / 18.0;
    let ticks = [500.0, 1000.0, 2000.0, 4000.0, 8000.0];
    for hertz in ticks.into_iter().rev().take(enough as usize) {
        let y = top + height * (1.0 - mel_of(hertz) / mel_of(TOP)) as f32;
        canvas.line(&[(left - 5.0, y), (left, y)], 1.0, ink, false);
        let label = if hertz < 1000.0 { format!("{hertz:.0} Hz") } else { format!("{:.0} kHz", hertz / 1000.0) };
        canvas.text(&label, (left - 8.0, y), &text(Anchor::End));
    }
    // A tick for every so many seconds that the labels do not touch.
    let steps = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0];
    let step = steps.into_iter().find(|step| seconds / step * 60.0 <= f64::from(width)).unwrap_or(1200.0);
    let mut second = (start / step).ceil() * step;
    while second <= start + seconds {
        let x = left + width * ((second - start) / seconds.max(0.001)) as f32;
        canvas.line(&[(x, top + height), (x, top + height + 5.0)], 1.0, ink, false);
        canvas.text(&clock(second, start + seconds), (x, top + height + 16.0), &text(Anchor::Middle));
        second += step;
    }
    let middle = (left + width / 2.0, top + height + 31.0);
    let unit = if is_short(start + seconds) { "seconds of the track" } else { "minutes and seconds of the track" };
    canvas.text(unit, middle, &Text { size: 12.0, ..text(Anchor::Middle) });
}

/// Whether a part of a track that ends there is told in seconds alone.
fn is_short(end: f64) -> bool {
    end < 100.0
}

/// A place on an axis that ends at `end`: all in seconds, or all in minutes and seconds.
fn clock(second: f64, end: f64) -> String {
    let second = second.round() as u64;
    if is_short(end) { format!("{second}") } else { format!("{}:{:02}", second / 60, second % 60) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_a_bright_line_at_its_frequency() {
        let tone = |i: usize| (i as f32 / RATE as f32 * 2000.0 * std::f32::consts::TAU).sin() * 0.5;
        let clip = Clip { samples: (0..RATE as usize * 4).map(tone).collect(), sample_rate: RATE };
        let like = Like { width: 400, height: 200, axes: false, dark: false };
        let png = draw(&clip, 0.0, like).unwrap();
        let picture = tiny_skia::Pixmap::decode_png(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (400, 200));
        let bright = |y: u32| picture.pixel(200, y).map_or(0, |p| u32::from(p.red()) + u32::from(p.green()));
        let brightest = (0..200).max_by_key(|y| bright(*y)).unwrap();
        let expected = 200.0 * (1.0 - mel_of(2000.0) / mel_of(TOP));
        assert!((f64::from(brightest) - expected).abs() < 4.0, "{brightest} {expected}");
        assert!(bright(10) < 60, "and dark elsewhere");
    }

    #[test]
    fn axes_leave_room_for_the_picture_in_every_size_that_can_be_asked_for() {
        let clip = Clip { samples: vec![0.1; RATE as usize / 2], sample_rate: RATE };
        for (width, height) in [(200, 120), (1600, 800)] {
            for dark in [true, false] {
                let png = draw(&clip, 86.7, Like { width, height, axes: true, dark }).unwrap();
                let picture = tiny_skia::Pixmap::decode_png(&png).unwrap();
                assert_eq!((picture.width(), picture.height()), (width, height));
            }
        }
    }

    #[test]
    fn an_axis_counts_in_one_way_from_end_to_end() {
        assert_eq!((clock(8.0, 30.0), clock(86.0, 99.0)), ("8".to_owned(), "86".to_owned()));
        assert_eq!((clock(86.0, 116.0), clock(125.0, 130.0)), ("1:26".to_owned(), "2:05".to_owned()));
    }
}
