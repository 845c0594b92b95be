//! A pair of axes: from values to pixels, with a frame, a grid, ticks and names. What is drawn between them is the
//! panels'.

use super::{Anchor, Canvas, FAINT, INK, MUTED, Text};

/// Left, top, width and height, in pixels.
pub(crate) type Area = (f32, f32, f32, f32);

/// Axes that run evenly over their range.
pub(crate) struct Axes {
    pub(crate) area: Area,
    pub(crate) x: (f32, f32),
    pub(crate) y: (f32, f32),
}

impl Axes {
    /// The pixel of a point.
    pub(crate) fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (left, top, width, height) = self.area;
        let across = (x - self.x.0) / (self.x.1 - self.x.0);
        let up = (y - self.y.0) / (self.y.1 - self.y.0);
        (left + across * width, top + (1.0 - up) * height)
    }

    /// A heading, a grid with ticks, a frame, and the name of the x axis.
    pub(crate) fn draw(&self, canvas: &mut Canvas, heading: &str, x_name: &str, x_ticks: &[f32], y_ticks: &[f32]) {
        let (left, top, width, height) = self.area;
        canvas.text(heading, (left, top - 34.0), &Text { size: 26.0, bold: true, ..Text::of(INK) });
        self.grid(canvas, x_ticks, y_ticks, |tick| format!("{:.0} %", tick * 100.0));
        self.x_labels(canvas, x_ticks);
        let name = Text { anchor: Anchor::Middle, size: 22.0, ..Text::of(INK) };
        canvas.text(x_name, (left + width / 2.0, top + height + 58.0), &name);
    }

    /// Lines at the ticks, labels of the y axis, and the frame.
    pub(crate) fn grid(&self, canvas: &mut Canvas, x_ticks: &[f32], y_ticks: &[f32], label: impl Fn(f32) -> String) {
        let (left, top, width, height) = self.area;
        for &tick in y_ticks {
            let (_, y) = self.at(self.x.0, tick);
            canvas.line(&[(left, y), (left + width, y)], 1.5, FAINT, false);
            canvas.text(&label(tick), (left - 14.0, y), &Text { anchor: Anchor::End, ..Text::of(MUTED) });
        }
        for &tick in x_ticks {
            let (x, _) = self.at(tick, self.y.0);
            canvas.line(&[(x, top), (x, top + height)], 1.5, FAINT, false);
        }
        canvas.line(&[(left, top), (left, top + height), (left + width, top + height)], 2.0, MUTED, false);
    }

    /// The values under the x axis.
    pub(crate) fn x_labels(&self, canvas: &mut Canvas, ticks: &[f32]) {
        for &tick in ticks {
            let (x, y) = self.at(tick, self.y.0);
            canvas.text(&trimmed(tick), (x, y + 24.0), &Text { anchor: Anchor::Middle, ..Text::of(MUTED) });
        }
    }
}

/// 0.5 and 0.55, not 0.50.
fn trimmed(tick: f32) -> String {
    let text = format!("{tick:.2}");
    text.strip_suffix('0').map_or(text.clone(), str::to_owned)
}
