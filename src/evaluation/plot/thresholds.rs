//! Precision and coverage by threshold: what would be right of what would be written, and how much would be written.

use super::canvas::{BLUE, Canvas, INK, MUTED, ORANGE, Text};
use crate::drawing::axes::{Area, Axes};
use crate::evaluation::Figures;
use crate::evaluation::metrics::AtThreshold;

const X_TICKS: [f32; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
const Y_TICKS: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];

/// Draws into an area; names of axes lie outside of it.
pub(super) fn draw(canvas: &mut Canvas, figures: &Figures, area: Area) {
    let axes = Axes { area, x: (0.48, 0.97), y: (0.0, 1.0) };
    axes.draw(canvas, "If only what is sure enough is written", "threshold", &X_TICKS, &Y_TICKS);
    let configured = figures.at_configured.threshold;
    let (low, high) = axes.x;
    if (low..=high).contains(&configured) {
        canvas.line(&[axes.at(configured, 0.0), axes.at(configured, 1.0)], 2.0, MUTED, true);
    }
    draw_curve(canvas, &axes, figures, BLUE, |at| at.precision);
    draw_curve(canvas, &axes, figures, ORANGE, |at| at.coverage);
    draw_legend(canvas, &axes, configured);
}

fn draw_curve(
    canvas: &mut Canvas,
    axes: &Axes,
    figures: &Figures,
    colour: (u8, u8, u8),
    value: impl Fn(&AtThreshold) -> Option<f64>,
) {
    let point = |at: &AtThreshold| Some(axes.at(at.threshold, value(at)? as f32));
    // Precision is unknown where nothing is written: the curve ends there.
    let points: Vec<(f32, f32)> = figures.thresholds.iter().map_while(point).collect();
    canvas.line(&points, 3.5, colour, false);
    for point in points {
        canvas.dot(point, 5.0, colour);
    }
}

/// Under the axis, where no curve can come.
fn draw_legend(canvas: &mut Canvas, axes: &Axes, configured: f32) {
    let (left, top, _, height) = axes.area;
    let y = top + height + 92.0;
    let mut x = left - 60.0;
    let style = Text { size: 18.0, ..Text::of(INK) };
    for (name, colour, dashed) in [
        ("precision: right of what is written".to_owned(), BLUE, false),
        ("coverage: written of all".to_owned(), ORANGE, false),
        (format!("configured: {configured:.2}"), MUTED, true),
    ] {
        canvas.line(&[(x, y), (x + 30.0, y)], 3.5, colour, dashed);
        canvas.text(&name, (x + 40.0, y), &style);
        x += 40.0 + canvas.text_width(&name, 18.0) + 28.0;
    }
}
