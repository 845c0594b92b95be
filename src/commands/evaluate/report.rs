//! The results as text: a summary, then a table each for genres, thresholds, calibration and confusion, then what was
//! left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use console::style;
use reclassd::evaluation::bootstrap::{DRAWS, Interval};
use reclassd::evaluation::metrics::{AtThreshold, BINS};
use reclassd::evaluation::{Collection, Figures, LeftOut, MemberFigures, SetFigures};

use super::{Results, Source, matrix};
use crate::commands::bars::bar;
use crate::commands::output::display_from_here;

/// Files that are named with their reason; the JSON names them all.
const NAMED_FILES: usize = 10;
/// Unknown labels that are named.
const NAMED_LABELS: usize = 20;

/// With fewer artists or albums than this, a bootstrap interval is known to be too narrow.
const FEW_GROUPS: usize = 20;

/// All of it. What goes into a String here cannot fail to be written.
pub fn text(results: &Results<'_>) -> String {
    let Results { source, collection, figures, members, sets } = results;
    let mut text = first_lines(source, figures);
    if !sets.is_empty() {
        text += &each_set(sets, figures.at_configured.threshold);
        text += &heading("All collections together");
    }
    text += &summary(source, figures);
    if !members.is_empty() {
        text += &each_model(members, figures);
    }
    text += &genres(figures);
    text += &heading("Named (columns) for what it is (rows)");
    text += &matrix::text(&figures.confusion);
    text += matrix::note(&figures.confusion);
    text += &calibration(figures);
    text += &thresholds(figures);
    text += &left_out(collection, source);
    text
}

fn heading(text: &str) -> String {
    format!("\n{}\n", style(text).bold())
}

fn percent(share: impl Into<Option<f64>>) -> String {
    share.into().map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn first_lines(source: &Source, figures: &Figures) -> String {
    let Figures { clips, groups, .. } = figures;
    let (file, group) = (plural(*clips, "file"), plural(*groups, source.group));
    let mut text = format!("{} by {}, against the {}\n", style(file).bold(), group, source.what);
    if let Some(note) = &source.group_note {
        let _ = writeln!(text, "{}s: {note}", source.group);
    }
    text
}

/// The collections of the list, the worst first: what a library may get, before the mean that hides it.
fn each_set(sets: &[SetFigures], threshold: f32) -> String {
    let mut text = heading("Collection by collection, the worst first");
    let name = |of: &SetFigures| if of.set.is_empty() { "(none named)".to_owned() } else { plain(&of.set) };
    let width = sets.iter().map(|of| console::measure_text_width(&name(of))).max().unwrap_or(0);
    let _ = writeln!(text, "  {:width$}  files    top-1  written at {threshold:.2}    right     ECE", "");
    for of in sets {
        let (written, right) = (percent(of.at_configured.coverage), percent(of.at_configured.precision));
        let (name, clips, top1, ece) = (name(of), of.clips, percent(of.top1), of.ece);
        let _ = writeln!(text, "  {name:width$}  {clips:>5}  {top1:>7}  {written:>15}  {right:>7}  {ece:>6.3}");
    }
    text
}

fn summary(source: &Source, figures: &Figures) -> String {
    let groups = &figures.groups;
    let mut text = String::new();
    let few = if *groups < FEW_GROUPS { "; so few make it too narrow" } else { "" };
    let interval = match figures.top1_interval {
        Some(interval) => format!("95 %: {}, {DRAWS} draws of {}s{few}", range(interval), source.group),
        None => format!("no interval: there is but one {}", source.group),
    };
    let _ = writeln!(text, "\n  top-1     {:>7}   {interval}", percent(figures.top1));
    let majority = &figures.majority;
    let _ = writeln!(text, "  majority  {:>7}   always naming {}", percent(majority.top1), majority.genre);
    let mut scope = format!("over the {} genres that occur", figures.genres_that_occur);
    if let (Some(f1), true) = (figures.macro_f1_sayable, figures.genres_sayable < figures.genres_that_occur) {
        let _ = write!(scope, "; {f1:.3} over the {} that the models can say", figures.genres_sayable);
    }
    let _ = writeln!(text, "  macro-F1  {:>7.3}   {scope}", figures.macro_f1);
    let _ = writeln!(text, "  ECE       {:>7.3}   {BINS} bins of equal width", figures.ece);
    let at = &figures.at_configured;
    let (right, written) = (percent(at.precision), percent(at.coverage));
    let _ = writeln!(
        text,
        "  written   {written:>7}   at the configured threshold of {:.2}; {right} of that is right",
        at.threshold
    );
    if !figures.counted_as.is_empty() {
        let pairs = figures.counted_as.iter().map(|(label, genre)| format!("{label} as {genre}"));
        let _ = writeln!(text, "\n  Labels that the models do not tell apart: {}", joined(pairs));
    }
    if !figures.unsayable.is_empty() {
        let labels = figures.unsayable.iter().map(ToString::to_string);
        let _ = writeln!(text, "\n  Labels that the models cannot say, always wrong: {}", joined(labels));
    }
    text
}

fn each_model(members: &[MemberFigures], figures: &Figures) -> String {
    let mut text = heading("Each model alone");
    let width = members.iter().map(|m| m.model.len()).max().unwrap_or(0).max("the vote".len());
    let _ = writeln!(text, "  {:width$}  weight    top-1        95 %  macro-F1", "");
    let mut row = |name: &str, weight: String, top1: f64, interval: Option<Interval>, f1: f64| {
        let interval = interval.map_or_else(|| "-".to_owned(), range);
        let _ = writeln!(text, "  {name:width$}  {weight:>6}  {:>7}  {interval:>10}  {f1:>8.3}", percent(top1));
    };
    for m in members {
        row(&m.model, format!("{:.2}", m.weight), m.top1, m.top1_interval, m.macro_f1);
    }
    row("the vote", String::new(), figures.top1, figures.top1_interval, figures.macro_f1);
    text
}

fn genres(figures: &Figures) -> String {
    let mut text = heading("Genre by genre");
    let width = figures.genres.iter().map(|g| console::measure_text_width(g.genre.as_str())).max().unwrap_or(0);
    let _ = writeln!(text, "  {:width$}  files  named  precision   recall     F1", "");
    for g in &figures.genres {
        let (precision, recall) = (percent(g.precision), percent(g.recall));
        let _ = writeln!(
            text,
            "  {:width$}  {:>5}  {:>5}  {precision:>9}  {recall:>7}  {:>5.2}",
            g.genre, g.clips, g.named, g.f1
        );
    }
    text
}

fn calibration(figures: &Figures) -> String {
    let title = format!("Right, by confidence: calibration error {:.3}, {BINS} bins of equal width", figures.ece);
    let mut text = heading(&title);
    let _ = writeln!(text, "  confidence  files   said    right   the bar should end at the mark");
    for bin in &figures.reliability {
        let (low, high, clips) = (bin.low, bin.high, bin.clips);
        let _ = write!(text, "  {low:.1} to {high:.1}  {clips:>5}");
        match (bin.confidence, bin.accuracy) {
            (Some(said), Some(right)) => {
                let _ = writeln!(text, "   {said:.2}  {:>7}  {}", percent(right), marked(&bar(right as f32), said));
            }
            _ => text.push('\n'),
        }
    }
    text
}

/// A bar with a mark at another share, which may lie in it or behind it.
fn marked(bar: &str, share: f64) -> String {
    let cells = bar.chars().count();
    let place = ((share * cells as f64) as usize).min(cells.saturating_sub(1));
    let marked: String = bar.chars().enumerate().map(|(i, cell)| if i == place { '┃' } else { cell }).collect();
    marked.trim_end().to_owned()
}

fn thresholds(figures: &Figures) -> String {
    let mut text = heading("If only what is sure enough is written");
    let _ = writeln!(text, "  threshold  written    right");
    let configured = &figures.at_configured;
    let is_configured = |at: &AtThreshold| at.threshold == configured.threshold;
    let mut rows: Vec<&AtThreshold> = figures.thresholds.iter().filter(|at| !is_configured(at)).collect();
    rows.push(configured);
    rows.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
    for at in rows {
        let (written, right) = (percent(at.coverage), percent(at.precision));
        let note = if is_configured(at) { "  as configured" } else { "" };
        let _ = writeln!(text, "  {:>9.2}  {written:>7}  {right:>7}{note}", at.threshold);
    }
    text
}

/// What does not count, by reason, and the files where something is the matter.
pub fn left_out(collection: &Collection, source: &Source) -> String {
    let mut text = String::new();
    let left_out = collection.left_out();
    if source.other_splits > 0 {
        let lines = plural(source.other_splits, "line");
        let _ = writeln!(text, "\n{lines} of other splits passed over");
    }
    if !left_out.is_empty() {
        text += &heading(&format!("Left out: {}", plural(left_out.len(), "file")));
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, reason) in left_out {
            *kinds.entry(reason.kind()).or_default() += 1;
        }
        for (kind, count) in kinds {
            let _ = writeln!(text, "  {count:>5}  {kind}");
        }
        let remarkable = |reason: &LeftOut| {
            matches!(reason, LeftOut::Tags(_) | LeftOut::NotAnalysed(_) | LeftOut::Unreadable(_) | LeftOut::Repeated)
        };
        let named: Vec<_> = left_out.iter().filter(|(_, reason)| remarkable(reason)).collect();
        for (path, reason) in named.iter().take(NAMED_FILES) {
            let _ = writeln!(text, "  {}: {reason}", display_from_here(path));
        }
        if named.len() > NAMED_FILES {
            let _ = writeln!(text, "  and {} more; --json names them all", named.len() - NAMED_FILES);
        }
    }
    text + &unknown_labels(collection)
}

fn unknown_labels(collection: &Collection) -> String {
    let mut labels: Vec<(&String, &usize)> = collection.unknown().iter().collect();
    if labels.is_empty() {
        return String::new();
    }
    // The most frequent first: these are worth an alias.
    labels.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let named = joined(labels.iter().take(NAMED_LABELS).map(|(label, count)| format!("{} ({count})", plain(label))));
    let more = match labels.len().saturating_sub(NAMED_LABELS) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}  {named}{more}\n", heading("Labels that the taxonomy does not know, with their files"))
}

/// A label from a file on one line, whatever it holds.
fn plain(label: &str) -> String {
    label.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn range(interval: Interval) -> String {
    format!("{:.0} to {:.0}", interval.low * 100.0, interval.high * 100.0)
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}
