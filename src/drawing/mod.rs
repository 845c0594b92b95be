//! A sheet with rectangles, lines, dots, pictures and text on it, as a PNG or an SVG. It knows pixels, and nothing of
//! what they show.
//!
//! Everything that it takes is compiled in: no font of the system, no library but Rust's. plotters, the crate for it,
//! would bring fonts of the system or none, and axes that are not ours to choose; what is here is a page a part.

pub(crate) mod axes;
mod magma;
mod vector;

pub(crate) use magma::magma;
use vector::Vector;

use tiny_skia::{
    Color, ColorU8, FillRule, LineCap, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// There is no memory for it.
    #[error("no memory for a picture of {0} x {1} pixels; do without it")]
    Memory(u32, u32),
    /// The font that is compiled in cannot be read, which a test rules out.
    #[error("the built-in font cannot be read: {0}")]
    Font(String),
    /// The sound that is to be drawn cannot be.
    #[error("{0}")]
    Sound(String),
    /// The picture cannot be encoded.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
}

/// Red, green and blue, 0 to 255.
pub(crate) type Colour = (u8, u8, u8);

/// Text and axes.
pub(crate) const INK: Colour = (0x26, 0x28, 0x2c);
/// What matters less.
pub(crate) const MUTED: Colour = (0x6a, 0x70, 0x78);
/// Grids.
pub(crate) const FAINT: Colour = (0xe2, 0xe5, 0xe9);
/// What is right.
pub(crate) const BLUE: Colour = (0x2b, 0x6c, 0xb0);
/// What is wrong, or the other of two things.
pub(crate) const ORANGE: Colour = (0xd4, 0x6a, 0x1e);
/// The sheet.
pub(crate) const WHITE: Colour = (0xff, 0xff, 0xff);

/// A sheet to draw on: x to the right, y down, in pixels.
pub(crate) struct Canvas {
    sheet: Sheet,
    face: Face<'static>,
}

enum Sheet {
    Pixels(Pixmap),
    Vector(Vector),
}

/// Where the given point is in a text.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    /// Pixels an em.
    pub(crate) size: f32,
    pub(crate) bold: bool,
    pub(crate) colour: Colour,
    pub(crate) anchor: Anchor,
    /// Degrees, against the clock.
    pub(crate) turned: f32,
}

impl Text {
    /// Level text of the usual size that starts at its point.
    pub(crate) fn of(colour: Colour) -> Self {
        Self { size: 20.0, bold: false, colour, anchor: Anchor::Start, turned: 0.0 }
    }
}

/// Between two colours: 0 is the first.
pub(crate) fn blend(from: Colour, to: Colour, share: f32) -> Colour {
    let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share.clamp(0.0, 1.0)).round() as u8;
    (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, DrawError> {
        Self::coloured(width, height, WHITE)
    }

    /// A sheet of another colour than white.
    pub(crate) fn coloured(width: u32, height: u32, colour: Colour) -> Result<Self, DrawError> {
        let mut pixmap = Pixmap::new(width, height).ok_or(DrawError::Memory(width, height))?;
        pixmap.fill(Color::from_rgba8(colour.0, colour.1, colour.2, 255));
        Self::on(Sheet::Pixels(pixmap))
    }

    /// A white sheet that becomes an SVG.
    pub(crate) fn vector(width: u32, height: u32) -> Result<Self, DrawError> {
        Self::on(Sheet::Vector(Vector::new(width, height)))
    }

    fn on(sheet: Sheet) -> Result<Self, DrawError> {
        let face = Face::parse(epaint_default_fonts::UBUNTU_LIGHT, 0);
        Ok(Self { sheet, face: face.map_err(|error| DrawError::Font(error.to_string()))? })
    }

    /// The file: a PNG, or an SVG of a sheet that was begun as one.
    pub(crate) fn encoded(self) -> Result<Vec<u8>, DrawError> {
        match self.sheet {
            Sheet::Pixels(pixmap) => pixmap.encode_png().map_err(|error| DrawError::Encode(error.to_string())),
            Sheet::Vector(vector) => Ok(vector.finish().into_bytes()),
        }
    }

    pub(crate) fn png(self) -> Result<Vec<u8>, DrawError> {
        self.encoded()
    }

    /// A filled rectangle; one without an area is not drawn.
    pub(crate) fn rect(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), colour: Colour) {
        let Some(rect) = Rect::from_xywh(x, y, width, height).filter(|rect| rect.width() > 0.0) else { return };
        match &mut self.sheet {
            Sheet::Pixels(pixmap) => pixmap.fill_rect(rect, &paint(colour), Transform::identity(), None),
            Sheet::Vector(vector) => vector.rect((x, y), (width, height), colour),
        }
    }

    /// A picture: a colour for each pixel of an area, which is given by its left, top, width and height.
    pub(crate) fn picture(&mut self, area: (u32, u32, u32, u32), colour: impl Fn(u32, u32) -> Colour) {
        let (left, top, width, height) = area;
        let pixmap = match &mut self.sheet {
            Sheet::Pixels(pixmap) => pixmap,
            Sheet::Vector(vector) => return vector.picture(area, colour),
        };
        let sheet = pixmap.width();
        let pixels = pixmap.pixels_mut();
        for y in 0..height {
            for x in 0..width {
                let (red, green, blue) = colour(x, y);
                let at = (top + y) as usize * sheet as usize + (left + x) as usize;
                if left + x < sheet
                    && let Some(pixel) = pixels.get_mut(at)
                {
                    *pixel = ColorU8::from_rgba(red, green, blue, 255).premultiply();
                }
            }
        }
    }

    /// A line through points, `width` pixels wide; dashed if asked for.
    pub(crate) fn line(&mut self, points: &[(f32, f32)], width: f32, colour: Colour, dashed: bool) {
        let pixmap = match &mut self.sheet {
            Sheet::Pixels(pixmap) => pixmap,
            Sheet::Vector(vector) => return vector.line(points, width, colour, dashed),
        };
        let mut path = PathBuilder::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        let dash = if dashed { StrokeDash::new(vec![9.0, 7.0], 0.0) } else { None };
        let stroke = Stroke { width, dash, line_cap: LineCap::Butt, ..Stroke::default() };
        if let Some(path) = path.finish() {
            pixmap.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
        }
    }

    /// A filled dot with a white rim, to stand out from lines and bars.
    pub(crate) fn dot(&mut self, (x, y): (f32, f32), radius: f32, colour: Colour) {
        if let Sheet::Vector(vector) = &mut self.sheet {
            return vector.dot((x, y), radius, colour);
        }
        for (radius, colour) in [(radius + 2.0, WHITE), (radius, colour)] {
            if let Some(path) = PathBuilder::from_circle(x, y, radius) {
                self.fill(&path, colour, Transform::identity());
            }
        }
    }

    /// A text whose capitals are centred on the height of its point. What the font does not have is left out.
    pub(crate) fn text(&mut self, text: &str, (x, y): (f32, f32), style: &Text) {
        if let Sheet::Vector(vector) = &mut self.sheet {
            return vector.text(text, (x, y), style);
        }
        let scale = style.size / f32::from(self.face.units_per_em());
        let capitals = f32::from(self.face.capital_height().unwrap_or(700)) * scale;
        let mut outline = Outline { path: PathBuilder::new(), scale, x: 0.0, y: capitals / 2.0 };
        for glyph in self.glyphs(text) {
            self.face.outline_glyph(glyph, &mut outline);
            outline.x += self.advance(glyph) * scale;
        }
        let before = match style.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => outline.x / 2.0,
            Anchor::End => outline.x,
        };
        let turn = Transform::from_rotate(-style.turned);
        let place = Transform::from_translate(-before, 0.0).post_concat(turn).post_translate(x, y);
        let Some(path) = outline.path.finish() else { return };
        self.fill(&path, style.colour, place);
        // The font is a light one: a rim makes it regular, a wider one bold.
        let width = style.size * if style.bold { 0.055 } else { 0.018 };
        let rim = Stroke { width, ..Stroke::default() };
        if let Sheet::Pixels(pixmap) = &mut self.sheet {
            pixmap.stroke_path(&path, &paint(style.colour), &rim, place, None);
        }
    }

    /// How wide a text of this size is, in pixels.
    pub(crate) fn text_width(&self, text: &str, size: f32) -> f32 {
        let units: f32 = self.glyphs(text).map(|glyph| self.advance(glyph)).sum();
        units * size / f32::from(self.face.units_per_em())
    }

    fn glyphs(&self, text: &str) -> impl Iterator<Item = GlyphId> {
        text.chars().filter_map(|c| self.face.glyph_index(c))
    }

    fn advance(&self, glyph: GlyphId) -> f32 {
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0))
    }

    fn fill(&mut self, path: &Path, colour: Colour, place: Transform) {
        if let Sheet::Pixels(pixmap) = &mut self.sheet {
            pixmap.fill_path(path, &paint(colour), FillRule::Winding, place, None);
        }
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(colour.0, colour.1, colour.2, 255);
    paint
}

/// Glyph outlines, from font units with y up to pixels with y down, one after the other.
struct Outline {
    path: PathBuilder,
    scale: f32,
    x: f32,
    y: f32,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inked(canvas: &Canvas) -> usize {
        let Sheet::Pixels(pixmap) = &canvas.sheet else { return 0 };
        pixmap.pixels().iter().filter(|pixel| pixel.red() < 128).count()
    }

    #[test]
    fn text_is_drawn_with_the_font_that_is_compiled_in() {
        let mut canvas = Canvas::new(200, 60).unwrap();
        assert_eq!(inked(&canvas), 0);
        canvas.text("Soul-RnB 42 %", (10.0, 30.0), &Text::of(INK));
        assert!(inked(&canvas) > 100);
        let (short, long) = (canvas.text_width("Jazz", 20.0), canvas.text_width("Jazz Jazz", 20.0));
        assert!(short > 20.0 && long > 2.0 * short && long < 3.0 * short);
    }

    #[test]
    fn a_vector_sheet_says_what_was_drawn_and_escapes_what_would_be_markup() {
        let mut canvas = Canvas::vector(100, 50).unwrap();
        canvas.rect((1.0, 2.0), (30.0, 4.0), BLUE);
        canvas.rect((1.0, 2.0), (0.0, 4.0), BLUE);
        canvas.line(&[(0.0, 0.0), (9.5, 9.0)], 1.5, INK, true);
        canvas.text("R&B <x>", (5.0, 6.0), &Text::of(INK));
        let svg = String::from_utf8(canvas.encoded().unwrap()).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("R&amp;B &lt;x&gt;") && svg.contains("stroke-dasharray"), "{svg}");
        assert_eq!(svg.matches("#2b6cb0").count(), 1, "a rectangle without an area is none");
    }

    #[test]
    fn colours_are_blended_in_proportion() {
        assert_eq!(blend(WHITE, (0, 0, 0), 0.0), WHITE);
        assert_eq!(blend(WHITE, (0, 100, 0), 1.0), (0, 100, 0));
        assert_eq!(blend((0, 0, 0), (100, 50, 10), 0.5), (50, 25, 5));
    }
}
