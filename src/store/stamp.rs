//! A file's stamp as five columns. SQLite's integers are signed, so the unsigned numbers keep their bits and not their
//! order.

use rusqlite::Row;

use crate::tagging::FileStamp;

/// The columns' values: size, seconds, nanoseconds, inode, device.
pub(super) fn columns(stamp: &FileStamp) -> [i64; 5] {
    let FileStamp { size, mtime_seconds, mtime_nanoseconds, inode, device } = *stamp;
    [size as i64, mtime_seconds, mtime_nanoseconds.into(), inode as i64, device as i64]
}

/// The stamp in five columns from `first` on.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<FileStamp> {
    Ok(FileStamp {
        size: row.get::<_, i64>(first)? as u64,
        mtime_seconds: row.get(first + 1)?,
        mtime_nanoseconds: row.get(first + 2)?,
        inode: row.get::<_, i64>(first + 3)? as u64,
        device: row.get::<_, i64>(first + 4)? as u64,
    })
}
