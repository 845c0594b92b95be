//! The confusion matrix for a terminal: numbered columns, a dot where nothing is, right answers in green, the rest in
//! red.

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

/// A word about fractions, where the matrix has any: a file counts once, however many genres it is labelled with.
pub fn note(matrix: &Confusion) -> &'static str {
    let has_fractions = matrix.counts.iter().flatten().any(|count| count.fract() != 0.0);
    if has_fractions {
        "  a file with two labels that was named as neither counts 0.5 in the row of each\n"
    } else {
        ""
    }
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

    #[test]
    fn half_a_file_is_explained_where_there_is_one() {
        let genres = vec![Genre::new("Jazz").unwrap()];
        let of = |count| note(&Confusion { genres: genres.clone(), counts: vec![vec![count]] });
        assert!(of(0.5).contains("two labels"));
        assert_eq!(of(3.0), "");
    }
}
