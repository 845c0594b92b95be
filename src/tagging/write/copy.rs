//! Filling the temporary file: what stays from the original, what is new from the patch. Memory is one buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{copy_file_range, ioctl_ficlone};

use super::super::editor::Patch;
use super::super::error::Step;
use super::super::source::CHUNK;
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
        to = keep(original, from..splice.range.start, copy, to, cloned, hook)?;
        for piece in splice.bytes.chunks(CHUNK) {
            hook.before(Step::Copy)?;
            copy.write_all_at(piece, to)?;
            to += piece.len() as u64;
        }
        from = splice.range.end;
    }
    to = keep(original, from..len, copy, to, cloned, hook)?;
    if to != new_len || copy.metadata()?.len() != new_len {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was copied"));
    }
    Ok(())
}

/// Copies a range of the original to `to`, and answers where it ends there.
fn keep(
    original: &File,
    range: std::ops::Range<u64>,
    copy: &File,
    to: u64,
    cloned: bool,
    hook: &dyn Hook,
) -> io::Result<u64> {
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
