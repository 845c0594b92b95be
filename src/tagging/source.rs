//! Bytes to read from: a file, or a slice in tests. Nothing here knows what the bytes mean.
//!
//! Every read is checked against the length first, so that a size field that lies cannot make us allocate.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::error::{Problem, Refusal};
use crate::formats::Bytes;

/// How much is read at once where a long range is only passed through.
pub(crate) const CHUNK: usize = 256 << 10;

/// Random access to a file's bytes.
pub(crate) trait Source {
    /// Length in bytes.
    fn len(&self) -> u64;
    /// Fills `buffer` from `offset` on, or fails.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file, with the length that it had when it was opened.
pub(crate) struct FileSource<'f> {
    file: &'f File,
    len: u64,
}

impl<'f> FileSource<'f> {
    pub(crate) fn new(file: &'f File) -> io::Result<Self> {
        Ok(Self { file, len: file.metadata()?.len() })
    }
}

impl Source for FileSource<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// A source read by pieces, for whoever looks at many places that lie close together.
pub(crate) struct Blocks<'s> {
    source: &'s dyn Source,
    block: Vec<u8>,
    at: u64,
}

impl<'s> Blocks<'s> {
    pub(crate) fn new(source: &'s dyn Source) -> Self {
        Self { source, block: Vec::new(), at: 0 }
    }
}

impl Bytes for Blocks<'_> {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn peek(&mut self, position: u64, count: usize) -> io::Result<&[u8]> {
        const BLOCK: usize = 8 << 10;
        let available = self.source.len().saturating_sub(position);
        let count = available.min(count as u64) as usize;
        let inside = position.checked_sub(self.at).is_some_and(|start| start + count as u64 <= self.block.len() as u64);
        if !inside {
            self.block = self.source.window(position, count.max(BLOCK))?;
            self.at = position;
        }
        let start = (position - self.at) as usize;
        Ok(&self.block[start..start + count])
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset).ok().and_then(|start| self.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl dyn Source + '_ {
    /// The bytes of `range`, which has to lie in the file and be at most `limit` long.
    pub(crate) fn bytes(&self, range: Range<u64>, limit: u64, what: &'static str) -> Result<Vec<u8>, Problem> {
        let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.len());
        let length = length.ok_or(Refusal::Truncated { what })?;
        if length > limit {
            return Err(Refusal::TooLarge { what, limit }.into());
        }
        let mut bytes = vec![0; length as usize];
        self.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// Up to `length` bytes from `offset` on: fewer at the end of the file, none behind it.
    pub(crate) fn window(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let available = self.len().saturating_sub(offset).min(length as u64);
        let mut bytes = vec![0; available as usize];
        if !bytes.is_empty() {
            self.read_exact_at(&mut bytes, offset)?;
        }
        Ok(bytes)
    }

    /// The BLAKE3 hash of `ranges`, one after the other.
    pub(crate) fn digest(&self, ranges: &[Range<u64>]) -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        self.pass(ranges, |bytes| {
            hasher.update(bytes);
            true
        })?;
        Ok(hasher.finalize())
    }

    /// Whether every byte of `range` is zero.
    pub(crate) fn is_zero(&self, range: Range<u64>) -> io::Result<bool> {
        let mut zero = true;
        self.pass(&[range], |bytes| {
            zero = bytes.iter().all(|&byte| byte == 0);
            zero
        })?;
        Ok(zero)
    }

    /// Hands `ranges` on in pieces until `each` returns false.
    fn pass(&self, ranges: &[Range<u64>], mut each: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        for range in ranges {
            let mut position = range.start;
            while position < range.end {
                let piece = &mut buffer[..(range.end - position).min(CHUNK as u64) as usize];
                self.read_exact_at(piece, position)?;
                if !each(piece) {
                    return Ok(());
                }
                position += piece.len() as u64;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_there_is_nothing_to_read_and_that_is_no_error() {
        let source: &dyn Source = &b"abc".to_vec();
        assert_eq!(source.window(1, 9).unwrap(), b"bc");
        assert_eq!(source.window(3, 9).unwrap(), b"");
        assert_eq!(source.window(4, 9).unwrap(), b"");
    }
}
