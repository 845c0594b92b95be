//! A small bar chart for the terminal: a label, a bar in eighths of a cell, a percentage.

use std::fmt::Write as _;

/// Cells of a bar that stands for 1.
const WIDTH: usize = 30;
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// The `limit` best rows of a ranking as lines of a chart; shares are 0 to 1. Labels are padded to `label_width` cells.
pub fn chart(ranking: &[(String, f32)], limit: usize, label_width: usize) -> String {
    let mut lines = String::new();
    for (label, share) in ranking.iter().take(limit) {
        let share = share.clamp(0.0, 1.0);
        let padding = " ".repeat(label_width.saturating_sub(console::measure_text_width(label)));
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "    {label}{padding}  {}  {:5.1} %", bar(share), share * 100.0);
    }
    lines
}

/// A bar for a share of 0 to 1, padded to the width of a whole one.
pub fn bar(share: f32) -> String {
    let eighths = (share * (WIDTH * 8) as f32).round() as usize;
    let mut cells = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        cells.push(EIGHTHS[eighths % 8]);
    }
    let used = cells.chars().count();
    cells + &" ".repeat(WIDTH.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_shares_and_line_up() {
        let ranking = [("Jazz".to_owned(), 0.5), ("Hip-Hop".to_owned(), 1.0), ("Folk".to_owned(), 0.004)];
        let chart = chart(&ranking, 2, 8);
        let lines: Vec<&str> = chart.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], format!("    Jazz      {}{}   50.0 %", "█".repeat(15), " ".repeat(15)));
        assert_eq!(lines[1], format!("    Hip-Hop   {}  100.0 %", "█".repeat(30)));
        assert_eq!(bar(0.004).trim_end(), "▏");
    }
}
