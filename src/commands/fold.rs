//! Standard output as a terminal of any width can show it: a line that is too long for it goes on below, indented, and
//! breaks between columns and words and not within them. What goes to a file or a pipe is left as it is.

use std::io::{StdoutLock, Write};

use console::{AnsiCodeIterator, Term, measure_text_width};

/// Cells by which a line that goes on is indented, where it has no first column that says how far.
const INDENT: usize = 4;
/// A first column of more cells than this is none to indent by.
const WIDEST_LABEL: usize = 16;
/// Narrower than this, nothing is folded: there is no good way.
const NARROWEST: usize = 20;

/// Standard output, folded where it is a terminal.
pub fn stdout() -> Folding<StdoutLock<'static>> {
    Folding { inner: std::io::stdout().lock(), width: width(&Term::stdout()), line: Vec::new() }
}

/// A line for standard error, folded where that is a terminal.
pub fn for_stderr(line: &str) -> String {
    width(&Term::stderr()).map_or_else(|| line.to_owned(), |width| fold(line, width))
}

/// The cells of a line on standard output, if that is a terminal.
pub fn columns() -> Option<usize> {
    width(&Term::stdout())
}

fn width(terminal: &Term) -> Option<usize> {
    let (_, columns) = terminal.is_term().then(|| terminal.size_checked()).flatten()?;
    Some(usize::from(columns)).filter(|columns| *columns >= NARROWEST)
}

/// A writer that folds whole lines.
pub struct Folding<W: Write> {
    inner: W,
    width: Option<usize>,
    line: Vec<u8>,
}

impl<W: Write> Folding<W> {
    fn end_line(&mut self, width: usize) -> std::io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match std::str::from_utf8(&line) {
            // JSON is for programs, on a terminal as well.
            Ok(line) if !line.starts_with('{') => self.inner.write_all(fold(line, width).as_bytes()),
            _ => self.inner.write_all(&line),
        }
    }
}

impl<W: Write> Write for Folding<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(width) = self.width else { return self.inner.write(bytes) };
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line(width)?;
                self.inner.write_all(b"\n")?;
            } else {
                self.line.push(byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if let Some(width) = self.width.filter(|_| !self.line.is_empty()) {
            self.end_line(width)?;
        }
        self.inner.flush()
    }
}

impl<W: Write> Drop for Folding<W> {
    fn drop(&mut self) {
        // Whoever has to know whether it arrived has flushed.
        let _ = self.flush();
    }
}

/// A line in as many as it takes, none wider than `width` cells. Colours cost no cells.
fn fold(line: &str, width: usize) -> String {
    let indent = indent_of(line).min(width / 3);
    let (mut folded, mut rest) = (String::new(), line.trim_end().to_owned());
    // The gap behind a short first column is what the other rows are indented by, and no place to break.
    while measure_text_width(&rest) > width {
        let (row, below) = rest.split_at(break_of(&rest, width, indent));
        folded.push_str(row.trim_end());
        folded.push('\n');
        rest = " ".repeat(indent) + below.trim_start();
    }
    folded + rest.trim_end()
}

/// The byte at which a row that is too wide breaks: where the last column that fits begins, else behind a word, else
/// behind a folder's name, else where the row is full. A column that begins at cell `label` or before it counts as the
/// first.
fn break_of(row: &str, width: usize, label: usize) -> usize {
    let (mut column, mut word, mut folder) = (None, None, None);
    let (mut at, mut cells, mut blanks, mut has_text) = (0, 0, 0, false);
    for (piece, is_code) in AnsiCodeIterator::new(row) {
        if is_code {
            at += piece.len();
            continue;
        }
        for c in piece.chars() {
            if c != ' ' && has_text {
                match blanks {
                    0 => {}
                    1 => word = Some(at),
                    _ if cells > label => column = Some(at),
                    _ => {}
                }
            }
            cells += measure_text_width(c.encode_utf8(&mut [0; 4]));
            if cells > width {
                return column.or(word).or(folder).unwrap_or(at);
            }
            at += c.len_utf8();
            blanks = if c == ' ' { blanks + 1 } else { 0 };
            has_text |= c != ' ';
            if c == '/' && cells > label {
                folder = Some(at);
            }
        }
    }
    column.or(word).or(folder).unwrap_or(at)
}

/// The cells up to the second column, if the first is a short one.
fn indent_of(line: &str) -> usize {
    let plain = console::strip_ansi_codes(line);
    let leading = plain.len() - plain.trim_start().len();
    let Some(gap) = plain[leading..].find("  ") else { return leading + INDENT };
    let label = &plain[..leading + gap];
    let rest = &plain[leading + gap..];
    let column = measure_text_width(label) + rest.len() - rest.trim_start().len();
    if column <= WIDEST_LABEL { column } else { leading + INDENT }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(line: &str, width: usize) -> Vec<String> {
        fold(line, width).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_that_fits_is_left_as_it_is() {
        assert_eq!(
            rows("tagged     Jazz            0.93  Music/a.flac", 60),
            ["tagged     Jazz            0.93  Music/a.flac"]
        );
    }

    #[test]
    fn a_line_breaks_between_columns_then_between_words_then_in_a_path() {
        let line = "tagged     Classical       0.93  Music/Classical/Sugar Plum Fairy.flac";
        assert_eq!(
            rows(line, 60),
            ["tagged     Classical       0.93", "           Music/Classical/Sugar Plum Fairy.flac"]
        );
        let line = "skipped                          Music/x.flac: the file is incomplete: copy or download it again";
        let shown = ["skipped", "    Music/x.flac: the file is incomplete: copy or download", "    it again"];
        assert_eq!(rows(line, 60), shown);
        let path = format!("/{}/{}", "a".repeat(30), "b".repeat(30));
        assert_eq!(rows(&path, 40), [format!("/{}/", "a".repeat(30)), format!("    {}", "b".repeat(30))]);
        assert_eq!(rows(&"x".repeat(50), 30), ["x".repeat(30), format!("    {}", "x".repeat(20))]);
    }

    #[test]
    fn a_line_goes_on_below_its_text_and_not_below_its_label() {
        let line = "files      5: 3 tagged, 1 kept, 0 unsure, 1 skipped, 0 failed; 0 gone since";
        assert_eq!(
            rows(line, 60),
            ["files      5: 3 tagged, 1 kept, 0 unsure, 1 skipped, 0", "           failed; 0 gone since"]
        );
        let line = "one two three four five six seven eight nine ten eleven twelve thirteen";
        assert_eq!(rows(line, 24).len(), 4);
    }

    #[test]
    fn no_row_is_wider_than_the_terminal_whatever_is_in_it() {
        let line = "  root         /disk/Ärzte/東京 事変/a b/c.flac (watched, compared 3 min 20 s ago)  and  more  columns  of  it";
        for width in NARROWEST..90 {
            for row in rows(line, width) {
                assert!(measure_text_width(&row) <= width, "{width}: {row:?}");
            }
        }
    }

    #[test]
    fn colours_take_no_room() {
        let line = format!("\u{1b}[32mtagged\u{1b}[0m     {}", "word ".repeat(9).trim_end());
        assert_eq!(rows(&line, 55), [line.as_str()]);
        assert_eq!(rows(&line, 40).len(), 2);
    }

    #[test]
    fn what_goes_to_no_terminal_is_not_touched() {
        let mut out = Vec::new();
        let long = "word ".repeat(100);
        writeln!(Folding { inner: &mut out, width: None, line: Vec::new() }, "{long}").unwrap();
        assert_eq!(out, format!("{long}\n").into_bytes());
    }
}
