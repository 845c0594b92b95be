//! The lines of a file of records, each with its number, none longer than a record can be: a file that is no text at
//! all costs no memory.

use std::io::{self, BufRead, Read};

use super::record::{Record, RecordError};

/// Bytes that a line may have.
pub const LINE_LIMIT: usize = 16 << 20;

/// A line that is not empty.
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Line {
    /// The record that it holds.
    ///
    /// # Errors
    /// [`RecordError`] when it holds none.
    pub fn record(&self) -> Result<Record, RecordError> {
        if !self.is_whole {
            return Err(RecordError::TooLong { limit: LINE_LIMIT });
        }
        Record::parse(&self.bytes)
    }
}

/// The lines of a reader.
pub struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// From the first one on.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let n = self.reader.by_ref().take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut bytes)?;
            if n == 0 {
                return Ok(None);
            }
            self.number += 1;
            let has_end = bytes.last() == Some(&b'\n');
            let is_whole = has_end || n <= LINE_LIMIT;
            if !is_whole {
                bytes = Vec::new();
                self.skip_rest()?;
            }
            if is_whole && bytes.trim_ascii().is_empty() {
                continue;
            }
            return Ok(Some(Line { number: self.number, bytes, is_whole }));
        }
    }

    /// Passes over what is left of a line.
    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let (length, at) = (buffer.len(), buffer.iter().position(|byte| *byte == b'\n'));
            self.reader.consume(at.map_or(length, |at| at + 1));
            if length == 0 || at.is_some() {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_one_refusal_and_the_next_one_is_read() {
        let endless = vec![b'x'; LINE_LIMIT + 10];
        let text = [b"\n{}\n".as_slice(), &endless, b"\n  \n[]"].concat();
        let lines: Vec<Line> = Lines::new(text.as_slice()).map(Result::unwrap).collect();
        let seen: Vec<(u64, bool)> = lines.iter().map(|line| (line.number, line.is_whole)).collect();
        assert_eq!(seen, [(2, true), (3, false), (5, true)]);
        assert!(matches!(lines[1].record(), Err(RecordError::TooLong { .. })));
    }
}
