//! The confusion matrix: rows are what files are, columns what they were named, the diagonal is right.

use super::canvas::{Anchor, BLUE, Canvas, Colour, FAINT, INK, MUTED, ORANGE, Text, WHITE, blend};
use crate::drawing::axes::Area;
use crate::evaluation::Figures;
use crate::evaluation::metrics::show_count;

/// Room for the names of rows, and above the columns for theirs, in pixels.
const NAMES: (f32, f32) = (205.0, 160.0);
/// A cell is no larger than this, however few there are.
const LARGEST_CELL: f32 = 110.0;

/// Draws into an area, names and legend included.
pub(super) fn draw(canvas: &mut Canvas, figures: &Figures, (left, top, width, height): Area) {
    let heading = "What was named (columns) for what it is (rows)";
    canvas.text(heading, (left, top - 34.0), &Text { size: 26.0, bold: true, ..Text::of(INK) });
    let matrix = &figures.confusion;
    let room = (width - NAMES.0 - 90.0).min(height - NAMES.1 - 90.0);
    let cell = (room / matrix.genres.len().max(1) as f32).min(LARGEST_CELL);
    let (x0, y0) = (left + NAMES.0, top + NAMES.1);
    let side = cell * matrix.genres.len() as f32;
    let size = (cell * 0.42).clamp(11.0, 22.0);
    for (i, (genre, row)) in matrix.genres.iter().zip(&matrix.counts).enumerate() {
        let y = y0 + (i as f32 + 0.5) * cell;
        let name = Text { anchor: Anchor::End, size, ..Text::of(INK) };
        canvas.text(genre.as_str(), (x0 - 12.0, y), &name);
        let above = Text { turned: 45.0, anchor: Anchor::Start, ..name };
        canvas.text(genre.as_str(), (x0 + (i as f32 + 0.45) * cell, y0 - 16.0), &above);
        let clips: f64 = row.iter().sum();
        for (j, &count) in row.iter().enumerate() {
            let corner = (x0 + j as f32 * cell, y0 + i as f32 * cell);
            draw_cell(canvas, corner, cell, size, count, clips, if i == j { BLUE } else { ORANGE });
        }
        canvas.text(&show_count(clips), (x0 + side + 14.0, y), &Text { size, ..Text::of(MUTED) });
    }
    canvas.text("files", (x0 + side + 14.0, y0 - 16.0), &Text { size, ..Text::of(MUTED) });
    for i in 0..=matrix.genres.len() {
        let at = i as f32 * cell;
        canvas.line(&[(x0 + at, y0), (x0 + at, y0 + side)], 1.5, FAINT, false);
        canvas.line(&[(x0, y0 + at), (x0 + side, y0 + at)], 1.5, FAINT, false);
    }
    draw_legend(canvas, (x0, y0 + side + 40.0));
}

/// A cell is the darker the larger its share of the row.
fn draw_cell(canvas: &mut Canvas, (x, y): (f32, f32), cell: f32, size: f32, count: f64, row: f64, colour: Colour) {
    if count <= 0.0 {
        return;
    }
    let share = (count / row) as f32;
    canvas.rect((x, y), (cell, cell), blend(WHITE, colour, 0.12 + 0.88 * share));
    let ink = if share > 0.5 { WHITE } else { INK };
    let style = Text { anchor: Anchor::Middle, size, ..Text::of(ink) };
    canvas.text(&show_count(count), (x + cell / 2.0, y + cell / 2.0), &style);
}

fn draw_legend(canvas: &mut Canvas, (left, y): (f32, f32)) {
    let mut x = left;
    for (name, colour) in [("right", BLUE), ("wrong", ORANGE)] {
        for step in 0..4u8 {
            let shade = blend(WHITE, colour, 0.12 + 0.88 * f32::from(step) / 3.0);
            canvas.rect((x + f32::from(step) * 18.0, y - 9.0), (18.0, 18.0), shade);
        }
        canvas.text(name, (x + 84.0, y), &Text { size: 18.0, ..Text::of(INK) });
        x += 84.0 + canvas.text_width(name, 18.0) + 30.0;
    }
    canvas.text("the darker, the larger the share of the row", (x, y), &Text { size: 18.0, ..Text::of(MUTED) });
    let second = "numbers are files; a wrong answer for a file of several genres is shared among their rows";
    canvas.text(second, (left, y + 34.0), &Text { size: 18.0, ..Text::of(MUTED) });
}
