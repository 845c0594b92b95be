//! The library in figures: genres, how sure the program was, moods, tempi, and how often the models agreed; as a PNG or
//! an SVG.

use crate::drawing::axes::Axes;
use crate::drawing::{Anchor, BLUE, Canvas, Colour, DrawError, FAINT, INK, MUTED, ORANGE, Text, blend};
use crate::store::{Agreement, Figures};

const SIZE: (u32, u32) = (1600, 1130);
/// Genres that are drawn.
const GENRES: usize = 16;

/// What kind of file a picture becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Pixels.
    Png,
    /// Elements, in any size.
    Svg,
}

/// What is drawn of a library.
pub struct LibraryFigures<'a> {
    /// Genres and confidence.
    pub figures: &'a Figures,
    /// How often the models named the same.
    pub agreement: &'a Agreement,
    /// Tracks by mood.
    pub moods: &'a [(String, u64)],
    /// Tracks by tempo: the lowest of each step in beats a minute, and how many.
    pub tempi: &'a [(u32, u64)],
}

/// Draws the figures of a library.
///
/// # Errors
/// [`DrawError`] when there is no memory.
pub fn library(of: &LibraryFigures<'_>, form: Form) -> Result<Vec<u8>, DrawError> {
    let mut canvas = match form {
        Form::Png => Canvas::new(SIZE.0, SIZE.1)?,
        Form::Svg => Canvas::vector(SIZE.0, SIZE.1)?,
    };
    let statuses = of.figures.statuses;
    let files = statuses.all();
    canvas.text("The library", (60.0, 46.0), &Text { size: 32.0, bold: true, ..Text::of(INK) });
    let said = format!(
        "{files} files: {} tagged, {} kept, {} unsure, {} skipped, {} failed",
        statuses.tagged, statuses.kept, statuses.unsure, statuses.skipped, statuses.failed
    );
    canvas.text(&said, (60.0, 90.0), &Text { size: 22.0, ..Text::of(MUTED) });
    genres(&mut canvas, of.figures);
    confidence(&mut canvas, of.figures);
    moods(&mut canvas, of.moods);
    tempi(&mut canvas, of.tempi);
    agreement(&mut canvas, of.agreement);
    canvas.encoded()
}

fn heading(canvas: &mut Canvas, text: &str, (x, y): (f32, f32)) {
    canvas.text(text, (x, y), &Text { size: 24.0, bold: true, ..Text::of(INK) });
}

fn nothing(canvas: &mut Canvas, (x, y): (f32, f32)) {
    canvas.text("nothing is known yet", (x, y), &Text { size: 20.0, ..Text::of(MUTED) });
}

/// A bar to the right with a name before it and a number behind it.
fn bar(canvas: &mut Canvas, name: &str, (x, y): (f32, f32), parts: &[(f32, Colour)], number: &str) {
    canvas.text(name, (x - 14.0, y), &Text { size: 19.0, anchor: Anchor::End, ..Text::of(INK) });
    let mut at = x;
    for (width, colour) in parts {
        canvas.rect((at, y - 13.0), (*width, 26.0), *colour);
        at += width;
    }
    canvas.text(number, (at + 10.0, y), &Text { size: 18.0, ..Text::of(MUTED) });
}

fn genres(canvas: &mut Canvas, figures: &Figures) {
    heading(canvas, "The first guess: tagged, unsure, others", (60.0, 150.0));
    if figures.genres.is_empty() {
        nothing(canvas, (60.0, 200.0));
    }
    let most = figures.genres.iter().map(|genre| genre.tracks).max().unwrap_or(1).max(1) as f32;
    for (row, genre) in figures.genres.iter().take(GENRES).enumerate() {
        let width = |tracks: u64| 430.0 * tracks as f32 / most;
        let others = genre.tracks.saturating_sub(genre.tagged + genre.unsure);
        let parts =
            [(width(genre.tagged), BLUE), (width(genre.unsure), ORANGE), (width(others), blend(FAINT, MUTED, 0.3))];
        bar(canvas, &genre.genre, (240.0, 200.0 + 38.0 * row as f32), &parts, &genre.tracks.to_string());
    }
}

fn confidence(canvas: &mut Canvas, figures: &Figures) {
    heading(canvas, "How sure: files by confidence, tagged in blue", (880.0, 150.0));
    let most = figures.confidence.iter().map(|bin| bin.tracks).max().unwrap_or(0).max(1) as f32;
    let axes = Axes { area: (930.0, 185.0, 600.0, 240.0), x: (0.0, 1.0), y: (0.0, most * 1.05) };
    axes.grid(canvas, &[], &[most], |tick| format!("{tick:.0}"));
    for bin in &figures.confidence {
        for (tracks, colour) in [(bin.tracks, blend(FAINT, MUTED, 0.3)), (bin.tagged, BLUE)] {
            let ((x, y), (right, bottom)) = (axes.at(bin.from, tracks as f32), axes.at(bin.to, 0.0));
            canvas.rect((x + 1.5, y), (right - x - 3.0, bottom - y), colour);
        }
    }
    axes.x_labels(canvas, &[0.0, 0.25, 0.5, 0.75, 1.0]);
}

fn moods(canvas: &mut Canvas, moods: &[(String, u64)]) {
    heading(canvas, "Moods", (60.0, 870.0));
    let all: u64 = moods.iter().map(|(_, tracks)| tracks).sum();
    if all == 0 {
        return canvas.text(
            "not known: scan with [analysis] descriptors = true",
            (60.0, 920.0),
            &Text { size: 20.0, ..Text::of(MUTED) },
        );
    }
    let most = moods.iter().map(|(_, tracks)| *tracks).max().unwrap_or(1).max(1) as f32;
    for (row, (mood, tracks)) in moods.iter().enumerate() {
        let number = format!("{tracks} ({:.0} %)", 100.0 * *tracks as f64 / all as f64);
        let parts = [(430.0 * *tracks as f32 / most, BLUE)];
        bar(canvas, mood, (240.0, 920.0 + 44.0 * row as f32), &parts, &number);
    }
}

fn tempi(canvas: &mut Canvas, tempi: &[(u32, u64)]) {
    heading(canvas, "Tempi: tracks by beats a minute", (880.0, 510.0));
    let (Some((low, _)), Some((high, _))) = (tempi.first(), tempi.last()) else {
        return nothing(canvas, (930.0, 560.0));
    };
    let step = tempi.windows(2).map(|pair| pair[1].0 - pair[0].0).min().unwrap_or(10);
    let most = tempi.iter().map(|(_, tracks)| *tracks).max().unwrap_or(1).max(1) as f32;
    let axes =
        Axes { area: (930.0, 545.0, 600.0, 240.0), x: (*low as f32, (high + step) as f32), y: (0.0, most * 1.05) };
    axes.grid(canvas, &[], &[most], |tick| format!("{tick:.0}"));
    for (bpm, tracks) in tempi {
        let ((x, y), (right, bottom)) = (axes.at(*bpm as f32, *tracks as f32), axes.at((bpm + step) as f32, 0.0));
        canvas.rect((x + 1.5, y), (right - x - 3.0, bottom - y), blend((255, 255, 255), BLUE, 0.7));
    }
    for bpm in (low / 20 * 20 + 20..=*high).step_by(20) {
        let (x, y) = axes.at(bpm as f32, 0.0);
        canvas.text(&bpm.to_string(), (x, y + 22.0), &Text { size: 18.0, anchor: Anchor::Middle, ..Text::of(MUTED) });
    }
}

fn agreement(canvas: &mut Canvas, agreement: &Agreement) {
    heading(canvas, "Whether the models name the same genre", (880.0, 870.0));
    let all = agreement.agree + agreement.differ;
    if all == 0 {
        return nothing(canvas, (930.0, 920.0));
    }
    for (row, (name, files, colour)) in
        [("agree", agreement.agree, BLUE), ("differ", agreement.differ, ORANGE)].into_iter().enumerate()
    {
        let number = format!("{files} ({:.0} %)", 100.0 * files as f64 / all as f64);
        let parts = [(400.0 * files as f32 / all as f32, colour)];
        bar(canvas, name, (1000.0, 920.0 + 44.0 * row as f32), &parts, &number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::store::GenreCounts;

    #[test]
    fn a_library_is_drawn_whether_or_not_anything_is_known_of_it() {
        let genre = |name: &str| GenreCounts { genre: name.to_owned(), tracks: 9, tagged: 4, unsure: 2 };
        let full = Figures { genres: vec![genre("Jazz"), genre("R&B")], ..Figures::default() };
        let moods = [("calm".to_owned(), 3), ("tense".to_owned(), 0)];
        let agreement = Agreement { agree: 5, differ: 1, unknown: 0 };
        for (figures, moods, tempi) in
            [(&Figures::default(), &[][..], &[][..]), (&full, &moods[..], &[(80, 2), (90, 0), (100, 7)][..])]
        {
            let of = LibraryFigures { figures, agreement: &agreement, moods, tempi };
            let png = library(&of, Form::Png).unwrap();
            let picture = tiny_skia::Pixmap::decode_png(&png).unwrap();
            assert_eq!((picture.width(), picture.height()), SIZE);
            let svg = String::from_utf8(library(&of, Form::Svg).unwrap()).unwrap();
            assert!(svg.contains("The library") && !svg.contains("NaN") && !svg.contains("R&B"), "{svg}");
        }
    }
}
