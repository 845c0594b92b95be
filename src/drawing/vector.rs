//! A sheet as an SVG: the same rectangles, lines, dots and texts, as elements.

use std::fmt::Write;

use super::{Anchor, Colour, Text};

/// Pixels a side of the blocks in which a picture is drawn: one element a pixel would be too many.
const BLOCK: u32 = 4;

pub(super) struct Vector {
    text: String,
}

fn hex((red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control()).collect::<String>();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Vector {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        Self { text: head }
    }

    // Writing to a String cannot fail.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(element);
        self.text.push('\n');
    }

    pub(super) fn rect(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), colour: Colour) {
        let fill = hex(colour);
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
        ));
    }

    pub(super) fn picture(
        &mut self,
        (left, top, width, height): (u32, u32, u32, u32),
        colour: impl Fn(u32, u32) -> Colour,
    ) {
        for y in (0..height).step_by(BLOCK as usize) {
            for x in (0..width).step_by(BLOCK as usize) {
                let size = (BLOCK.min(width - x) as f32, BLOCK.min(height - y) as f32);
                self.rect(((left + x) as f32, (top + y) as f32), size, colour(x, y));
            }
        }
    }

    pub(super) fn line(&mut self, points: &[(f32, f32)], width: f32, colour: Colour, dashed: bool) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let dash = if dashed { " stroke-dasharray=\"9 7\"" } else { "" };
        let (points, stroke) = (points.join(" "), hex(colour));
        self.put(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\"{dash}/>"
        ));
    }

    pub(super) fn dot(&mut self, (x, y): (f32, f32), radius: f32, colour: Colour) {
        let fill = hex(colour);
        self.put(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\" stroke=\"#ffffff\" stroke-width=\"2\"/>"
        ));
    }

    pub(super) fn text(&mut self, text: &str, (x, y): (f32, f32), style: &Text) {
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
        let turn = if style.turned == 0.0 {
            String::new()
        } else {
            format!(" transform=\"rotate({} {x} {y})\"", -style.turned)
        };
        let (fill, size, text) = (hex(style.colour), style.size, escaped(text));
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{fill}\" text-anchor=\"{anchor}\" \
             dominant-baseline=\"central\"{weight}{turn}>{text}</text>"
        ));
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}
