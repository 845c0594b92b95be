//! A file as bytes at positions: opened only when it is a regular file, read without a cursor, so that the parsers of a
//! container and a decoder can look at the same file without disturbing each other.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use symphonia::core::io::MediaSource;

use super::error::Fault;
use crate::formats;

/// Bytes that one read from the disk fetches.
const BLOCK: usize = 32 * 1024;

/// A regular file, read in blocks at any position.
pub(crate) struct Source {
    file: Arc<File>,
    len: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl Source {
    /// Opens a regular file; folders, pipes, sockets and devices are refused without touching them.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        refuse_special(std::fs::metadata(path)?.file_type())?;
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // Were the path swapped for a pipe after the check above, opening it must not wait for a writer.
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        }
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        refuse_special(metadata.file_type())?;
        if metadata.len() == 0 {
            return Err(Fault::Empty("it has no bytes"));
        }
        Ok(Self { file: Arc::new(file), len: metadata.len(), block: Vec::new(), block_at: 0 })
    }

    /// The file's length in bytes when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Up to `count` bytes at `position`: fewer at the end of the file, none beyond it.
    pub(crate) fn peek(&mut self, position: u64, count: usize) -> io::Result<&[u8]> {
        let available = usize::try_from(self.len.saturating_sub(position)).unwrap_or(usize::MAX);
        let count = count.min(available);
        let offset = position.wrapping_sub(self.block_at);
        let cached = position >= self.block_at && offset + count as u64 <= self.block.len() as u64;
        if !cached {
            self.block.resize(count.max(BLOCK.min(available)), 0);
            self.block_at = position;
            let read = read_at(&self.file, &mut self.block, position)?;
            self.block.truncate(read);
        }
        let start = (position - self.block_at) as usize;
        // A file that shrank since it was opened yields less than its length promised.
        let end = (start + count).min(self.block.len());
        Ok(&self.block[start.min(end)..end])
    }

    /// Exactly `N` bytes at `position`, or `None` where the file ends before.
    pub(crate) fn array<const N: usize>(&mut self, position: u64) -> io::Result<Option<[u8; N]>> {
        Ok(self.peek(position, N)?.try_into().ok())
    }

    /// The bytes of a range that has been checked to be small, shorter where the file ends.
    pub(crate) fn read(&mut self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let available = self.len.saturating_sub(range.start).min(range.end.saturating_sub(range.start));
        let mut bytes = vec![0; available as usize];
        let read = read_at(&self.file, &mut bytes, range.start)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The file by itself, for hints about what of it will be read.
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes(Arc::clone(&self.file))
    }

    /// A decoder's view: `head`, then the bytes of `range`, as one seekable stream.
    pub(crate) fn section(&self, head: Vec<u8>, range: Range<u64>) -> Section {
        let end = range.end.min(self.len).max(range.start);
        Section { file: Arc::clone(&self.file), head, body: range.start..end, position: 0 }
    }
}

impl formats::Bytes for Source {
    fn len(&self) -> u64 {
        self.len
    }

    fn peek(&mut self, position: u64, count: usize) -> io::Result<&[u8]> {
        self.peek(position, count)
    }
}

/// An open file, of which the disk is told what will be read.
pub(crate) struct Bytes(Arc<File>);

impl Bytes {
    /// Asks the disk to fetch a range, without waiting for it.
    pub(crate) fn will_need(&self, range: &Range<u64>) {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Advice, fadvise};
            // The kernel takes one hint for no more than a disk's largest transfer, so it gets many.
            const STEP: u64 = 128 * 1024;
            let mut position = range.start;
            while let Some(length) = std::num::NonZeroU64::new(range.end.saturating_sub(position).min(STEP)) {
                // A file system that takes no hints does without.
                if fadvise(&self.0, position, Some(length), Advice::WillNeed).is_err() {
                    return;
                }
                position += length.get();
            }
        }
    }

    /// Reads a range into the system's cache. What cannot be read shows when it is decoded.
    pub(crate) fn fetch(&self, range: &Range<u64>) {
        let mut block = [0; BLOCK];
        let mut position = range.start;
        while position < range.end {
            let count = (range.end - position).min(BLOCK as u64) as usize;
            match read_at(&self.0, &mut block[..count], position) {
                Ok(read) if read == count => position += count as u64,
                Ok(_) | Err(_) => return,
            }
        }
    }
}

fn refuse_special(kind: FileType) -> Result<(), Fault> {
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(Fault::NotAFile("a folder"))
    } else {
        Err(Fault::NotAFile("a pipe, socket or device"))
    }
}

/// Fills `buffer` from `position` on and says how many bytes there were.
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some_at(file, &mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_some_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_some_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

/// Some bytes of our own, then a stretch of a file, presented to symphonia as a whole file. What a demuxer need not see
/// (covers, comments, seek tables, junk) it does not get to see.
#[derive(Clone)]
pub(crate) struct Section {
    file: Arc<File>,
    head: Vec<u8>,
    body: Range<u64>,
    position: u64,
}

impl Section {
    fn total(&self) -> u64 {
        self.head.len() as u64 + (self.body.end - self.body.start)
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.len() as u64;
        let count = if self.position < head {
            let rest = &self.head[self.position as usize..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            count
        } else {
            let at = self.body.start + (self.position - head);
            let left = usize::try_from(self.body.end.saturating_sub(at)).unwrap_or(usize::MAX);
            let count = left.min(buffer.len());
            read_at(&self.file, &mut buffer[..count], at)?
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.total().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target
            .filter(|&target| target <= i64::MAX as u64)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a seek outside the file"))?;
        Ok(self.position)
    }
}

impl MediaSource for Section {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.total())
    }
}
