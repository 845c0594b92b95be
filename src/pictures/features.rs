//! Features of several tracks: how one is distributed, all of them as a heat map with tracks as rows, and the mean of
//! each. The three pictures that notebooks of the field begin with.

use crate::drawing::axes::Axes;
use crate::drawing::{Anchor, BLUE, Canvas, DrawError, INK, MUTED, ORANGE, Text, blend};

const WIDTH: u32 = 1600;
/// Bars of a distribution.
const BARS: usize = 24;
/// Rows that still have room for a name.
const NAMED: usize = 60;

/// A feature: its name, and its value for each track; none where it could not be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// What it is called.
    pub name: String,
    /// A value a track.
    pub values: Vec<Option<f64>>,
}

impl Feature {
    fn known(&self) -> impl Iterator<Item = f64> {
        self.values.iter().flatten().copied().filter(|value| value.is_finite())
    }

    /// Mean, standard deviation, lowest and highest; none where nothing is known.
    fn figures(&self) -> Option<(f64, f64, f64, f64)> {
        let number = self.known().count();
        let mean = self.known().sum::<f64>() / number as f64;
        let spread = (self.known().map(|value| (value - mean).powi(2)).sum::<f64>() / number as f64).sqrt();
        let (low, high) =
            self.known().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        (number > 0).then_some((mean, spread, low, high))
    }
}

fn title(canvas: &mut Canvas, text: &str, below: &str) {
    canvas.text(text, (60.0, 46.0), &Text { size: 32.0, bold: true, ..Text::of(INK) });
    canvas.text(below, (60.0, 88.0), &Text { size: 20.0, ..Text::of(MUTED) });
}

/// A short number: 0.53, 12.4, 128.
fn short(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// How each feature is distributed: a panel a feature, of tracks by value.
///
/// # Errors
/// [`DrawError`] when there is no memory.
pub fn distribution(features: &[Feature], tracks: usize) -> Result<Vec<u8>, DrawError> {
    const COLUMNS: usize = 4;
    const PANEL: (f32, f32) = (300.0, 190.0);
    let rows = features.len().div_ceil(COLUMNS).max(1);
    let mut canvas = Canvas::new(WIDTH, 130 + (rows as u32) * 290)?;
    title(&mut canvas, "How the features are distributed", &format!("{tracks} tracks; the line is the mean"));
    for (at, feature) in features.iter().enumerate() {
        let (x, y) = (70.0 + (at % COLUMNS) as f32 * 385.0, 190.0 + (at / COLUMNS) as f32 * 290.0);
        let (known, missing) = (feature.known().count(), tracks - feature.known().count());
        let note = if missing > 0 { format!("{}  ({missing} without)", feature.name) } else { feature.name.clone() };
        canvas.text(&note, (x, y - 22.0), &Text { size: 19.0, bold: true, ..Text::of(INK) });
        let Some((mean, _, low, high)) = feature.figures() else { continue };
        let width = if high > low { high - low } else { 1.0 };
        let mut bars = [0_usize; BARS];
        for value in feature.known() {
            bars[(((value - low) / width * BARS as f64) as usize).min(BARS - 1)] += 1;
        }
        let most = bars.iter().copied().max().unwrap_or(1).max(1);
        let axes = Axes {
            area: (x, y, PANEL.0, PANEL.1),
            x: (low as f32, (low + width) as f32),
            y: (0.0, most as f32 * 1.05),
        };
        axes.grid(&mut canvas, &[], &[most as f32], |tick| format!("{tick:.0}"));
        for (bar, count) in bars.into_iter().enumerate() {
            let from = low + width * bar as f64 / BARS as f64;
            let (left, top) = axes.at(from as f32, count as f32);
            let size = (PANEL.0 / BARS as f32 - 1.5, y + PANEL.1 - top);
            canvas.rect((left, top), size, blend((255, 255, 255), BLUE, 0.7));
        }
        let (at_mean, _) = axes.at(mean as f32, 0.0);
        canvas.line(&[(at_mean, y), (at_mean, y + PANEL.1)], 2.5, ORANGE, false);
        for (value, anchor, x) in [(low, Anchor::Start, x), (high, Anchor::End, x + PANEL.0)] {
            let style = Text { size: 17.0, anchor, ..Text::of(MUTED) };
            canvas.text(&short(value), (x, y + PANEL.1 + 18.0), &style);
        }
        debug_assert!(known <= tracks);
    }
    canvas.encoded()
}

/// All features of all tracks: a row a track, a column a feature, blue below the mean and orange above it, by standard
/// deviations.
///
/// # Errors
/// [`DrawError`] when there is no memory.
pub fn heat_map(features: &[Feature], names: &[String]) -> Result<Vec<u8>, DrawError> {
    let rows = names.len().max(1);
    let has_names = rows <= NAMED;
    let cell = if has_names { 26 } else { (1500 / rows as u32).max(1) };
    let (left, top) = (if has_names { 430_u32 } else { 60 }, 300_u32);
    // More tracks than there are pixels: every so many are drawn.
    let drawn = rows.min(1500);
    let height = if has_names || drawn == rows { cell * rows as u32 } else { drawn as u32 };
    let mut canvas = Canvas::new(WIDTH, top + height + 60)?;
    let below = "a row a track, a column a feature; blue is below the mean, orange above it, full colour from 2 standard deviations on; grey is not known";
    title(&mut canvas, "Features of the tracks", below);
    let columns = features.len().max(1) as u32;
    let wide = ((WIDTH - left - 60) / columns).max(1);
    let figures: Vec<_> = features.iter().map(Feature::figures).collect();
    canvas.picture((left, top, wide * columns, height), |x, y| {
        let (feature, row) = ((x / wide) as usize, (y as usize * rows / height as usize).min(rows - 1));
        let is_gap = wide > 6 && x % wide == 0 || has_names && y % cell == 0;
        let value = features.get(feature).and_then(|of| of.values.get(row).copied().flatten());
        match (value, figures.get(feature).copied().flatten()) {
            _ if is_gap => (255, 255, 255),
            (Some(value), Some((mean, spread, ..))) => {
                let far = if spread > 0.0 { ((value - mean) / spread / 2.0) as f32 } else { 0.0 };
                blend((246, 246, 246), if far < 0.0 { BLUE } else { ORANGE }, far.abs())
            }
            _ => (0xd5, 0xd8, 0xdc),
        }
    });
    for (at, feature) in features.iter().enumerate().filter(|_| wide > 14) {
        let x = left as f32 + (at as f32 + 0.5) * wide as f32;
        let style = Text { size: 17.0, turned: 45.0, ..Text::of(INK) };
        canvas.text(&feature.name, (x, top as f32 - 12.0), &style);
    }
    for (row, name) in names.iter().enumerate().filter(|_| has_names) {
        let y = top as f32 + (row as f32 + 0.5) * cell as f32;
        let mut shown = name.clone();
        while canvas.text_width(&shown, 16.0) > left as f32 - 80.0 && shown.pop().is_some() {}
        canvas.text(&shown, (left as f32 - 12.0, y), &Text { size: 16.0, anchor: Anchor::End, ..Text::of(INK) });
    }
    canvas.encoded()
}

/// The mean of each feature, on its own range from the lowest to the highest track, with one standard deviation to both
/// sides.
///
/// # Errors
/// [`DrawError`] when there is no memory.
pub fn means(features: &[Feature], tracks: usize) -> Result<Vec<u8>, DrawError> {
    let row = 44.0;
    let mut canvas = Canvas::new(WIDTH, 170 + (row * features.len() as f32) as u32)?;
    let below = format!(
        "{tracks} tracks; each line from the lowest to the highest, the bar is one standard deviation to both sides"
    );
    title(&mut canvas, "The mean of each feature", &below);
    for (at, feature) in features.iter().enumerate() {
        let y = 150.0 + row * at as f32;
        let name = Text { size: 18.0, anchor: Anchor::End, ..Text::of(INK) };
        canvas.text(&feature.name, (300.0, y), &name);
        let Some((mean, spread, low, high)) = feature.figures() else {
            canvas.text("not known of any", (330.0, y), &Text { size: 18.0, ..Text::of(MUTED) });
            continue;
        };
        let width = if high > low { high - low } else { 1.0 };
        let x = |value: f64| 420.0 + 880.0 * ((value.clamp(low, high) - low) / width) as f32;
        canvas.line(&[(x(low), y), (x(high), y)], 2.0, MUTED, false);
        let (from, to) = (x(mean - spread), x(mean + spread));
        canvas.rect((from, y - 9.0), (to - from, 18.0), blend((255, 255, 255), BLUE, 0.45));
        canvas.dot((x(mean), y), 7.0, BLUE);
        let style = Text { size: 17.0, ..Text::of(MUTED) };
        canvas.text(&short(low), (405.0, y), &Text { anchor: Anchor::End, ..style });
        canvas.text(&short(high), (1315.0, y), &style);
        canvas.text(&short(mean), (1440.0, y), &Text { size: 19.0, bold: true, ..Text::of(INK) });
    }
    canvas.encoded()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn any_features_make_pictures_absent_ones_and_a_single_track_too() {
        let feature = |name: &str, values: &[Option<f64>]| Feature { name: name.to_owned(), values: values.to_vec() };
        for tracks in [1, 3, 200, 2000] {
            let rising: Vec<Option<f64>> = (0..tracks).map(|i| Some(i as f64)).collect();
            let absent = vec![None; tracks];
            let features =
                [feature("rising", &rising), feature("absent", &absent), feature("same", &vec![Some(2.0); tracks])];
            let names: Vec<String> = (0..tracks).map(|i| format!("a track with a long name, number {i}")).collect();
            for png in [distribution(&features, tracks), heat_map(&features, &names), means(&features, tracks)] {
                let picture = tiny_skia::Pixmap::decode_png(&png.unwrap()).unwrap();
                assert!(picture.width() == WIDTH && picture.height() < 4000);
            }
        }
    }
}
