//! Filling the temporary file: what stays from the original, what is new from the patch. Memory is one buffer.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, copy_file_range, ioctl_ficlone, seek};
use rustix::io::Errno;

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
    let too_short = || io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was copied");
    if to != new_len || original.metadata()?.len() < len {
        return Err(too_short());
    }
    match copy.metadata()?.len() {
        // The file ends with a hole.
        short if short < new_len => copy.set_len(new_len),
        same if same == new_len => Ok(()),
        _ => Err(too_short()),
    }
}

/// Copies a range of the original to `to`, with the pages in it that the patch renumbers, and answers where it ends
/// there.
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

/// Copies a range of the original to `to`, and answers where it ends there. Holes stay holes: the copy is new.
fn keep(original: &File, range: Range<u64>, copy: &File, to: u64, cloned: bool, hook: &dyn Hook) -> io::Result<u64> {
    let end = to + (range.end - range.start);
    if cloned && range.start == to {
        return Ok(end);
    }
    let mut from = range.start;
    while from < range.end {
        let data = next_data(original, from..range.end);
        pass(original, data.clone(), copy, to + (data.start - range.start), hook, Step::Copy)?;
        from = data.end;
    }
    Ok(end)
}

/// The next stretch of a range that holds data; empty, at its end, where the rest is a hole.
fn next_data(file: &File, range: Range<u64>) -> Range<u64> {
    let start = match seek(file, SeekFrom::Data(range.start)) {
        Ok(start) => start.min(range.end),
        Err(Errno::NXIO) => return range.end..range.end,
        // The file system does not tell.
        Err(_) => return range,
    };
    let end = seek(file, SeekFrom::Hole(start)).map_or(range.end, |end| end.min(range.end));
    // A file that shrinks meanwhile must not make this stand still.
    if end > start { start..end } else { start..range.end }
}

/// Copies the first `len` bytes of one file over another.
pub(super) fn all(from: &File, len: u64, to: &File, hook: &dyn Hook, step: Step) -> io::Result<()> {
    pass(from, 0..len, to, 0, hook, step)
}

/// Copies a range to `at`, holes as zeros.
fn pass(from: &File, range: Range<u64>, to: &File, at: u64, hook: &dyn Hook, step: Step) -> io::Result<()> {
    let (mut position, mut at) = (range.start, at);
    // The kernel may share blocks or let a server copy; where it cannot, we copy.
    while position < range.end {
        hook.before(step)?;
        let wanted = (range.end - position).min(PIECE) as usize;
        match copy_file_range(from, Some(&mut position), to, Some(&mut at), wanted) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let mut buffer = vec![0; if position < range.end { CHUNK } else { 0 }];
    while position < range.end {
        hook.before(step)?;
        let piece = &mut buffer[..(range.end - position).min(CHUNK as u64) as usize];
        from.read_exact_at(piece, position)?;
        to.write_all_at(piece, at)?;
        position += piece.len() as u64;
        at += piece.len() as u64;
    }
    Ok(())
}
