//! The card of a generation: what it was learned from and how good it is, for whoever opens its folder.

use std::fmt::Write;

use super::report::Report;
use crate::inference::LearnedVote;

/// The text of `CARD.md`.
pub(super) fn card(number: u32, report: &Report, vote: &LearnedVote) -> String {
    let mut card = format!("# learned, generation {number}\n\n");
    let found = &report.found;
    // Writing into a string does not fail.
    let _ = writeln!(
        card,
        "A softmax regression on {}, learned from {} tracks of this library by {} artists: {} that its owner named, {} by their own \
         tags, {} of other music. It is of no use to any other library.\n",
        report.parts.join(", "),
        report.examples,
        report.artists,
        found.chosen,
        found.tagged,
        report.background
    );
    if let Some(c) = &report.comparison {
        let _ = writeln!(
            card,
            "Five-fold cross-validation, no artist in two folds; weight, calibration and threshold of a fold's tracks come from the other \
             folds. {} tracks:\n\n| vote | top-1 | macro-F1 | ECE | right of what is written | written |\n|---|---|---|---|---|---|",
            c.tracks
        );
        for (name, f) in [("without it", &c.before), ("with it", &c.after)] {
            let _ = writeln!(
                card,
                "| {name} | {:.1} % | {:.3} | {:.3} | {:.1} % | {:.1} % |",
                100.0 * f.top1,
                f.macro_f1,
                f.ece,
                100.0 * f.precision,
                100.0 * f.coverage
            );
        }
        let _ = writeln!(
            card,
            "\nAlways naming the commonest genre is right in {:.1} %. Weight {} beside all others together; a genre is written from {:.3} \
             on, for a promise of {:.0} % right.\n",
            100.0 * c.majority,
            vote.weight,
            vote.threshold,
            100.0 * c.promised
        );
    }
    card += "| genre | in the vote | tracks | artists | F1 without it | F1 with it |\n|---|---|---|---|---|---|\n";
    for genre in &report.genres {
        let class = &genre.class;
        let _ = writeln!(
            card,
            "| {} | {} | {} | {} | {:.2} | {:.2} |",
            class.name, class.genre, class.tracks, class.artists, genre.before.f1, genre.after.f1
        );
    }
    for (what, names) in [
        ("Too rare to be learned", report.rare.iter().map(|rare| rare.name.clone()).collect::<Vec<_>>()),
        ("Not told by the sound", report.untold.clone()),
    ] {
        if !names.is_empty() {
            let _ = writeln!(card, "\n{what}: {}.", names.join(", "));
        }
    }
    card
}
