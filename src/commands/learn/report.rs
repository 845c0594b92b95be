//! The report of `reclassd learn` as text.

use std::fmt::Write;

use reclassd::learning::{Comparison, Outcome, Report};

/// Rare genres that are listed.
const RARE: usize = 10;

pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    let found = &report.found;
    // Writing into a string does not fail.
    let _ = match found.tagged {
        0 => writeln!(out, "{} of {} analysed tracks have a genre that you gave them", found.chosen, found.analysed),
        tagged => writeln!(
            out,
            "of {} analysed tracks {} have a genre that you gave them, and {tagged} one in their tags",
            found.analysed, found.chosen
        ),
    };
    for (n, what) in [
        (found.copies, "are copies of others"),
        (found.contradicting, "of these were given different genres, and count as all of them"),
        (
            found.not_asked,
            "were analysed by other models or an older version, and do not count: `reclassd scan` them again",
        ),
        (
            found.left_over,
            "are more than can be learned from at once; what was taken is spread evenly over genres and artists",
        ),
    ] {
        if n > 0 {
            let _ = writeln!(out, "{n} {what}");
        }
    }
    if report.background > 0 {
        let _ = writeln!(
            out,
            "{} tracks of other music, by the word of a sure vote, show what is none of them",
            report.background
        );
    }
    if !report.genres.is_empty() {
        let width = report.genres.iter().map(|genre| genre.class.name.chars().count()).max().unwrap_or(0).max(5);
        let _ = writeln!(out, "\n{:width$}  tracks  artists    F1 now    F1 then", "genre");
        for genre in &report.genres {
            let class = &genre.class;
            let (name, tracks, artists) = (&class.name, class.tracks, class.artists);
            let _ = writeln!(
                out,
                "{name:width$}  {tracks:>6}  {artists:>7}  {:>8.2}  {:>9.2}",
                genre.before.f1, genre.after.f1
            );
        }
    }
    if !report.untold.is_empty() {
        let _ = writeln!(out, "\nnot told by the sound: {}", report.untold.join(", "));
    }
    if !report.rare.is_empty() {
        let rare: Vec<String> =
            report.rare.iter().take(RARE).map(|rare| format!("{} ({})", rare.name, rare.tracks)).collect();
        let more = report.rare.len().saturating_sub(RARE);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "\ntoo rare: {}{more}", rare.join(", "));
    }
    if let Some(comparison) = &report.comparison {
        compared(&mut out, comparison);
    }
    let _ = match &report.outcome {
        Outcome::Adopted { generation } => {
            writeln!(
                out,
                "\nadopted as generation {generation}; the next scan judges all known tracks anew, from memory"
            )
        }
        Outcome::WouldBeAdopted => writeln!(out, "\nit would be adopted"),
        Outcome::NotAdopted { why } => writeln!(out, "\nnot adopted: {why}"),
    };
    if !report.is_good() && !report.advice.is_empty() {
        let _ = writeln!(out, "what would help: {}", report.advice.join("; "));
    }
    out
}

fn compared(out: &mut String, comparison: &Comparison) {
    let percent = |share: f64| 100.0 * share;
    let _ = writeln!(out, "\n{} tracks, by artists that were not learned from:", comparison.tracks);
    let _ = writeln!(out, "                 right  macro-F1    ECE   written, of these right");
    for (name, f) in [("the vote now", &comparison.before), ("with it", &comparison.after)] {
        let _ = writeln!(
            out,
            "  {name:12}  {:>5.1} %     {:.3}  {:.3}   {:>5.1} %   {:>5.1} %",
            percent(f.top1),
            f.macro_f1,
            f.ece,
            percent(f.coverage),
            percent(f.precision)
        );
    }
    let _ = writeln!(
        out,
        "  always the commonest genre: {:.1} %; the gain is {:+.1} points, and more than {:+.1} in 95 of 100 draws of other artists",
        percent(comparison.majority),
        percent(comparison.gain.mean),
        percent(comparison.gain.low.max(-1.0))
    );
    let _ = match comparison.threshold {
        threshold if threshold < 1.0 => writeln!(
            out,
            "  a genre is written from {threshold:.2} on, so that {:.0} % of them are right",
            percent(comparison.promised)
        ),
        _ => writeln!(
            out,
            "  no confidence keeps the promise of {:.0} %: nothing would be written",
            percent(comparison.promised)
        ),
    };
}
