//! One picture of an evaluation, as a PNG: a reliability diagram with counts, the confusion matrix, and precision and
//! coverage by threshold. It draws figures that are there; none is computed here.

mod confusion;
mod reliability;
mod thresholds;

use crate::drawing as canvas;
use canvas::{Canvas, INK, MUTED, Text};

use super::Figures;

/// Width and height of the picture, in pixels.
pub const SIZE: (u32, u32) = (2000, 1340);

pub use crate::drawing::DrawError as PlotError;

/// Draws the figures under a title, and encodes them as a PNG of [`SIZE`].
///
/// # Errors
/// [`PlotError`]; with the built-in font, only for want of memory.
pub fn png(figures: &Figures, title: &str) -> Result<Vec<u8>, PlotError> {
    let mut canvas = Canvas::new(SIZE.0, SIZE.1)?;
    canvas.text(title, (60.0, 56.0), &Text { size: 36.0, bold: true, ..Text::of(INK) });
    canvas.text(&summary(figures), (60.0, 106.0), &Text { size: 24.0, ..Text::of(MUTED) });
    reliability::draw(&mut canvas, figures, (150.0, 200.0, 650.0, 560.0));
    thresholds::draw(&mut canvas, figures, (150.0, 920.0, 650.0, 300.0));
    confusion::draw(&mut canvas, figures, (900.0, 200.0, 1050.0, 1050.0));
    canvas.png()
}

fn summary(figures: &Figures) -> String {
    let interval = figures.top1_interval.map(|i| format!(" (95 %: {:.0} to {:.0})", i.low * 100.0, i.high * 100.0));
    format!(
        "top-1 {:.1} %{}    always {} {:.1} %    macro-F1 {:.3}    ECE {:.3}    files: {}    groups: {}",
        figures.top1 * 100.0,
        interval.unwrap_or_default(),
        figures.majority.genre,
        figures.majority.top1 * 100.0,
        figures.macro_f1,
        figures.ece,
        figures.clips,
        figures.groups,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::evaluation::{Collection, Finding, Heard};
    use crate::genre::{Taxonomy, Verdict};

    fn figures(files: usize, threshold: f32) -> Figures {
        let taxonomy = Taxonomy::builtin().unwrap();
        let genres = taxonomy.genres();
        let mut collection = Collection::default();
        for index in 0..files {
            let labels = vec![genres[index % genres.len()].clone()];
            let ranking = vec![(genres[(index * index) % genres.len()].clone(), index as f32 / files as f32)];
            let heard = Heard { labels, verdict: Verdict::new(ranking, threshold), members: vec![] };
            let (path, group, unknown) = (format!("{index}").into(), format!("{}", index / 2), vec![]);
            collection.add(Finding { index, path, group, set: String::new(), unknown, outcome: Ok(heard) });
        }
        Figures::of(&collection, &taxonomy, threshold).unwrap()
    }

    #[test]
    fn any_figures_make_a_picture() {
        // One file and one genre; every genre of the taxonomy; thresholds that lie outside of the diagram.
        for (files, threshold) in [(1, 0.7), (200, 0.0), (3, 1.0)] {
            let png =
                png(&figures(files, threshold), "reclassd against the labels of a-list-with-a-long-name.csv").unwrap();
            let picture = tiny_skia::Pixmap::decode_png(&png).unwrap();
            assert_eq!((picture.width(), picture.height()), SIZE);
            let colours: BTreeSet<_> = picture.pixels().iter().map(|p| (p.red(), p.green(), p.blue())).collect();
            assert!(colours.len() > 20, "{} colours", colours.len());
        }
    }
}
