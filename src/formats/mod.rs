//! Which kinds of files there are, how each is told by its first bytes and never by its name, and what is done with it.
//!
//! The side that decodes and the side that tags both ask here, so they cannot take one file for two things: what one of
//! them refuses as foreign the other does not edit. Nothing is decoded here, and tags are stepped over, never read.

mod around;
mod codecs;
mod kind;
mod magic;
pub(crate) mod mpeg;
mod recognise;
mod table;
#[cfg(test)]
mod tests;

use std::io;

pub(crate) use around::trailing;
pub(crate) use codecs::{Codec, Mark, Support, codec};
pub use kind::{Class, Kind, Tagging};
pub(crate) use recognise::{Sighting, recognise};
pub use table::table;

/// Bytes at positions: a file, however it is read.
pub(crate) trait Bytes {
    /// How many there are.
    fn len(&self) -> u64;

    /// Up to `count` bytes at `position`: fewer at the end, none behind it.
    fn peek(&mut self, position: u64, count: usize) -> io::Result<&[u8]>;
}

impl dyn Bytes + '_ {
    /// Exactly `N` bytes at `position`, or `None` where the file ends before.
    pub(crate) fn array<const N: usize>(&mut self, position: u64) -> io::Result<Option<[u8; N]>> {
        Ok(self.peek(position, N)?.try_into().ok())
    }
}

#[cfg(test)]
impl Bytes for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn peek(&mut self, position: u64, count: usize) -> io::Result<&[u8]> {
        let start = (position as usize).min(self.as_slice().len());
        Ok(&self[start..(start + count).min(self.as_slice().len())])
    }
}
