//! The reliability diagram: how often a confidence is right, over how many clips have it.

use super::canvas::{Anchor, BLUE, Canvas, INK, MUTED, ORANGE, Text, blend};
use crate::drawing::axes::{Area, Axes};
use crate::evaluation::Figures;

const TICKS: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];

/// Draws into an area; names of axes lie outside of it.
pub(super) fn draw(canvas: &mut Canvas, figures: &Figures, (left, top, width, height): Area) {
    let (upper, counts) = (height * 0.72, height * 0.2);
    let axes = Axes { area: (left, top, width, upper), x: (0.0, 1.0), y: (0.0, 1.0) };
    let heading = format!("Right, by confidence: calibration error {:.3}", figures.ece);
    canvas.text(&heading, (left, top - 34.0), &Text { size: 26.0, bold: true, ..Text::of(INK) });
    axes.grid(canvas, &TICKS, &TICKS, |tick| format!("{:.0} %", tick * 100.0));
    for bin in &figures.reliability {
        let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) else { continue };
        let (accuracy, confidence) = (accuracy as f32, confidence as f32);
        let (x, y) = axes.at(bin.low as f32, accuracy);
        let (right, bottom) = axes.at(bin.high as f32, 0.0);
        canvas.rect((x + 3.0, y), (right - x - 6.0, bottom - y), blend((255, 255, 255), BLUE, 0.45));
        canvas.line(&[axes.at(confidence, accuracy), axes.at(confidence, confidence)], 3.0, ORANGE, false);
    }
    canvas.line(&[axes.at(0.0, 0.0), axes.at(1.0, 1.0)], 2.0, MUTED, true);
    for bin in &figures.reliability {
        if let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) {
            canvas.dot(axes.at(confidence as f32, accuracy as f32), 6.0, BLUE);
        }
    }
    draw_counts(canvas, figures, (left, top + height - counts, width, counts));
}

/// Bars of how many clips each bin holds.
fn draw_counts(canvas: &mut Canvas, figures: &Figures, area: Area) {
    let most = figures.reliability.iter().map(|bin| bin.clips).max().unwrap_or(0).max(1);
    // Room above the highest bar for its number.
    let axes = Axes { area, x: (0.0, 1.0), y: (0.0, most as f32 * 1.25) };
    axes.grid(canvas, &[], &[], |_| String::new());
    for bin in &figures.reliability {
        let (x, y) = axes.at(bin.low as f32, bin.clips as f32);
        let (right, bottom) = axes.at(bin.high as f32, 0.0);
        canvas.rect((x + 3.0, y), (right - x - 6.0, bottom - y), blend((255, 255, 255), MUTED, 0.5));
        let style = Text { anchor: Anchor::Middle, size: 18.0, ..Text::of(MUTED) };
        canvas.text(&bin.clips.to_string(), ((x + right) / 2.0, y - 13.0), &style);
    }
    axes.x_labels(canvas, &TICKS);
    let (left, top, width, height) = area;
    let name = Text { anchor: Anchor::Middle, size: 22.0, ..Text::of(INK) };
    canvas.text("confidence", (left + width / 2.0, top + height + 58.0), &name);
    let name = Text { anchor: Anchor::End, ..Text::of(MUTED) };
    canvas.text("files", (left - 14.0, top + height / 2.0), &name);
}
