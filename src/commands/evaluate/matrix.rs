//! The confusion matrix for a terminal: numbered columns, a dot where nothing is, right answers in green, the rest in red.

use std::fmt::Write as _;

use console::{StyledObject, style};
use reclassd::evaluation::metrics::{Confusion, show_count};

/// Rows are what files are, columns what they were named.
pub fn text(matrix: &Confusion) -> String {
    let cells: Vec<Vec<String>> =
        matrix.counts.iter().map(|row| row.iter().map(|&c| show_count(c)).collect()).collect();
    let widest = cells.iter().flatten().map(String::len).max().unwrap_or(1);
    let width = widest.max(2) + 1;
    let names = matrix.genres.iter().map(|genre| console::measure_text_width(genre.as_str())).max().unwrap_or(0);
    let mut text = " ".repeat(names + 7);
    // Writing to a String cannot fail.
    for number in 1..=matrix.genres.len() {
        let _ = write!(text, "{}", style(format!("{number:>width$}")).dim());
    }
    text.push('\n');
    for (i, (genre, row)) in matrix.genres.iter().zip(&cells).enumerate() {
        let _ = write!(text, "  {genre:>names$} {}  ", style(format!("{:>2}", i + 1)).dim());
        for (j, cell) in row.iter().enumerate() {
            let _ = write!(text, "{}", shown(cell, width, i == j));
        }
        text.push('\n');
    }
    text
}

fn shown(cell: &str, width: usize, right: bool) -> StyledObject<String> {
    if cell == "0" {
        return style(format!("{:>width$}", "·")).dim();
    }
    let cell = style(format!("{cell:>width$}"));
    if right { cell.green().bold() } else { cell.red() }
}

#[cfg(test)]
mod tests {
    use reclassd::genre::Genre;

    use super::*;

    #[test]
    fn rows_and_columns_line_up_and_zeros_are_dots() {
        let genres = ["Jazz", "Soul-RnB"].map(|name| Genre::new(name).unwrap()).to_vec();
        let text = text(&Confusion { genres, counts: vec![vec![12.0, 0.5], vec![0.0, 3.0]] });
        let plain = console::strip_ansi_codes(&text).into_owned();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "                  1   2");
        assert_eq!(lines[1], "      Jazz  1    12 0.5");
        assert_eq!(lines[2], "  Soul-RnB  2     ·   3");
    }
}
