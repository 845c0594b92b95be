//! The sorted table that a TensorFlow checkpoint keeps its index in: LevelDB's table format, uncompressed.
//!
//! ```text
//! data block* ... index block, footer (48 bytes: where the index block is, magic number)
//! block:  entry*, restart offsets (u32 each), their number (u32);  behind it a byte of compression and a CRC
//! entry:  length shared with the key before, length of the rest, length of the value, the rest, the value
//! ```
//!
//! Every number in the file is doubted, and what comes out is bounded by constants. The CRCs are not looked at: whoever
//! installs a model has compared the SHA-256 of the whole.

use crate::inference::protobuf::{take, take_varint};

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER_LEN: usize = 48;
/// More entries than this are no checkpoint: musicnn's have 151.
const MAX_ENTRIES: usize = 10_000;
/// The longest name of a tensor that is taken for one.
const MAX_KEY_LEN: usize = 1024;

/// An entry: its key, and its value as it lies in the table.
pub(super) type Entry<'a> = (Vec<u8>, &'a [u8]);

/// All entries of a table, in its order. An error says what is wrong with it.
pub(super) fn entries(table: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let footer = table.last_chunk::<FOOTER_LEN>().ok_or("the table is shorter than its footer")?;
    let (mut handles, magic) = footer.split_at(FOOTER_LEN - 8);
    if magic != MAGIC.to_le_bytes() {
        return Err("the file does not end like a table".into());
    }
    // Of the meta index, which nothing here needs.
    take_handle(&mut handles)?;
    let index = block(table, take_handle(&mut handles)?)?;
    let mut entries = Vec::new();
    for (_, mut handle) in block_entries(index)? {
        entries.extend(block_entries(block(table, take_handle(&mut handle)?)?)?);
        if entries.len() > MAX_ENTRIES {
            return Err(format!("the table has more than {MAX_ENTRIES} entries"));
        }
    }
    Ok(entries)
}

/// Where a block is: its offset and length in the file.
fn take_handle(bytes: &mut &[u8]) -> Result<(u64, u64), String> {
    let handle = take_varint(bytes).zip(take_varint(bytes));
    handle.ok_or_else(|| "the place of a block cannot be read".into())
}

/// The contents of a block.
fn block(table: &[u8], (offset, length): (u64, u64)) -> Result<&[u8], String> {
    let contents = || {
        let mut rest = table.get(usize::try_from(offset).ok()?..)?;
        let contents = take(&mut rest, length)?;
        Some((contents, *rest.first()?))
    };
    match contents() {
        Some((contents, 0)) => Ok(contents),
        Some((_, compression)) => Err(format!("a block is compressed (method {compression}), which is not known here")),
        None => Err("a block lies outside of the table".into()),
    }
}

/// The entries of a block, with whole keys.
fn block_entries(block: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let damaged = || "a block of the table is damaged".to_owned();
    let (rest, n_restarts) = block.split_last_chunk::<4>().ok_or_else(damaged)?;
    let restarts_len = u64::from(u32::from_le_bytes(*n_restarts)) * 4;
    let entries_len = (rest.len() as u64).checked_sub(restarts_len).ok_or_else(damaged)?;
    let mut bytes = take(&mut &*rest, entries_len).ok_or_else(damaged)?;
    let (mut entries, mut key) = (Vec::new(), Vec::new());
    while !bytes.is_empty() {
        let mut entry = || {
            let shared = usize::try_from(take_varint(&mut bytes)?).ok().filter(|shared| *shared <= key.len())?;
            let (rest_len, value_len) = (take_varint(&mut bytes)?, take_varint(&mut bytes)?);
            let rest = take(&mut bytes, rest_len)?;
            key.truncate(shared);
            key.extend_from_slice(rest);
            Some((key.clone(), take(&mut bytes, value_len)?)).filter(|(key, _)| key.len() <= MAX_KEY_LEN)
        };
        entries.push(entry().ok_or_else(damaged)?);
        if entries.len() > MAX_ENTRIES {
            return Err(format!("a block of the table has more than {MAX_ENTRIES} entries"));
        }
    }
    Ok(entries)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn push_varint(bytes: &mut Vec<u8>, mut value: usize) {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    /// Appends a block with its trailer; gives its handle.
    fn push_block(table: &mut Vec<u8>, entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let offset = table.len();
        let mut before: &[u8] = &[];
        for (key, value) in entries {
            let shared = key.iter().zip(before).take_while(|(a, b)| a == b).count();
            for length in [shared, key.len() - shared, value.len()] {
                push_varint(table, length);
            }
            table.extend(&key[shared..]);
            table.extend(value);
            before = key;
        }
        // One restart, at the first entry.
        table.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        let mut handle = Vec::new();
        push_varint(&mut handle, offset);
        push_varint(&mut handle, table.len() - offset);
        table.extend([0; 5]);
        handle
    }

    /// A table of sorted entries, `per_block` in each data block.
    pub(in super::super) fn made_up_table(entries: &[(Vec<u8>, Vec<u8>)], per_block: usize) -> Vec<u8> {
        let mut table = Vec::new();
        let blocks = entries.chunks(per_block);
        let index: Vec<_> =
            blocks.map(|block| (block.last().unwrap().0.clone(), push_block(&mut table, block))).collect();
        let mut footer = push_block(&mut table, &[]);
        footer.extend(push_block(&mut table, &index));
        footer.resize(FOOTER_LEN - 8, 0);
        table.extend(footer);
        table.extend(MAGIC.to_le_bytes());
        table
    }

    fn sample() -> Vec<(Vec<u8>, Vec<u8>)> {
        let keys = ["", "conv2d/bias", "conv2d/kernel", "conv2d_1/bias", "dense/bias"];
        keys.iter().enumerate().map(|(i, key)| (key.as_bytes().to_vec(), vec![i as u8; 100 * i])).collect()
    }

    #[test]
    fn keys_that_share_their_beginnings_come_out_whole() {
        for per_block in [1, 2, 100] {
            let table = made_up_table(&sample(), per_block);
            let found: Vec<_> = entries(&table).unwrap().into_iter().map(|(k, v)| (k, v.to_vec())).collect();
            assert_eq!(found, sample());
        }
    }

    #[test]
    fn a_table_that_was_cut_off_is_refused() {
        let table = made_up_table(&sample(), 2);
        for cut in 0..table.len() {
            assert!(entries(&table[..cut]).is_err(), "{cut}");
            // From its front, so that the footer still stands and points nowhere.
            let _ = entries(&table[table.len() - cut..]);
        }
    }

    #[test]
    fn no_flipped_bit_is_a_panic() {
        let table = made_up_table(&sample(), 2);
        for at in 0..table.len() {
            for bit in 0..8 {
                let mut damaged = table.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(entries) = entries(&damaged) {
                    assert!(entries.len() <= MAX_ENTRIES);
                }
            }
        }
    }

    #[test]
    fn a_compressed_table_is_said_to_be_one() {
        let mut table = Vec::new();
        push_block(&mut table, &sample());
        let length = table.len();
        table[length - 5] = 1;
        let handle = (0, length as u64 - 5);
        assert!(block(&table, handle).unwrap_err().contains("compressed"));
    }
}
