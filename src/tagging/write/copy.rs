//! Filling the temporary file: what stays from the original, what is new from the patch. Memory is one buffer.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{copy_file_range, ioctl_ficlone};

use super::super::editor::Patch;
use super::super::error::Step;
use super::super::source::{CHUNK, FileSource};
use super::Hook;

/// How much the kernel is asked to copy at once.
const PIECE: u64 = 8 << 20;

/// Writes the edited form of `original`, which has `len` bytes, to the empty file `copy`.
pub(super) fn fill(original: &File, len: u64, patch: &Patch, copy: &File, hook: &dyn Hook) -> io::Result<()> {
    hook.before(Step::Copy)?;
    let new_len = patch.new_len(len);
    // Where the file system shares blocks between copies and the audio stays in its place, only the tags are written.
    let cloned = new_len == len && ioctl_ficlone(copy, original).is_ok();
    let (mut from, mut to) = (0, 0);
    for splice in &patch.splices {
        to = keep_or_renumber(original, from..splice.range.start, copy, to, cloned, patch, hook)?;
        for piece in splice.bytes.chunks(CHUNK) {
            hook.before(Step::Copy)?;
            copy.write_all_at(piece, to)?;
            to += piece.len() as u64;
        }
        from = splice.range.end;
    }
    to = keep_or_renumber(original, from..len, copy, to, cloned, patch, hook)?;
    if to != new_len || copy.metadata()?.len() != new_len {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was copied"));
    }
    Ok(())
}

/// Copies a range of the original to `to`, with the pages in it that the patch renumbers, and answers where it ends there.
fn keep_or_renumber(
    original: &File,
    range: Range<u64>,
    copy: &File,
    to: u64,
    cloned: bool,
    patch: &Patch,
    hook: &dyn Hook,
) -> io::Result<u64> {
    let within = |part: &Range<u64>| range.start <= part.start && part.end <= range.end;
    let Some(pages) = patch.renumbering.as_ref().filter(|pages| within(&pages.range)) else {
        return keep(original, range, copy, to, cloned, hook);
    };
    let mut to = keep(original, range.start..pages.range.start, copy, to, cloned, hook)?;
    pages.pass(&FileSource::new(original)?, |piece| {
        hook.before(Step::Copy)?;
        copy.write_all_at(piece, to)?;
        to += piece.len() as u64;
        Ok(())
    })?;
    keep(original, pages.range.end..range.end, copy, to, cloned, hook)
}

/// Copies a range of the original to `to`, and answers where it ends there.
fn keep(original: &File, range: Range<u64>, copy: &File, to: u64, cloned: bool, hook: &dyn Hook) -> io::Result<u64> {
    let (mut from, mut at) = (range.start, to);
    let end = to + (range.end - range.start);
    if cloned && from == at {
        return Ok(end);
    }
    // The kernel may share blocks or let a server copy; where it cannot, we copy.
    while from < range.end {
        hook.before(Step::Copy)?;
        let wanted = (range.end - from).min(PIECE) as usize;
        match copy_file_range(original, Some(&mut from), copy, Some(&mut at), wanted) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let mut buffer = vec![0; if from < range.end { CHUNK } else { 0 }];
    while from < range.end {
        hook.before(Step::Copy)?;
        let piece = &mut buffer[..(range.end - from).min(CHUNK as u64) as usize];
        original.read_exact_at(piece, from)?;
        copy.write_all_at(piece, at)?;
        from += piece.len() as u64;
        at += piece.len() as u64;
    }
    Ok(end)
}
