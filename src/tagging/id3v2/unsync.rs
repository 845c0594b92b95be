//! Unsynchronisation: a zero byte behind each 0xFF that could look like the start of an MPEG frame (ID3v2.4 structure,
//! 6.1).
//!
//! 2.2 and 2.3 apply it to the whole tag behind the header, so that frames are found only by undoing it; 2.4 applies it
//! to single frames and counts the bytes as they lie in the file.

use std::borrow::Cow;

/// Where `count` plain bytes that are stored from `start` on end; none if they run past `end`.
pub(super) fn skip(stored: &[u8], start: usize, end: usize, count: usize) -> Option<usize> {
    let mut position = start;
    for _ in 0..count {
        let byte = *stored[..end].get(position)?;
        position += 1;
        if byte == 0xff && stored[..end].get(position) == Some(&0) {
            position += 1;
        }
    }
    Some(position)
}

/// The plain form of stored bytes.
pub(super) fn undo(stored: &[u8]) -> Cow<'_, [u8]> {
    if !stored.windows(2).any(|pair| pair == [0xff, 0]) {
        return Cow::Borrowed(stored);
    }
    let mut plain = Vec::with_capacity(stored.len());
    let mut bytes = stored.iter().peekable();
    while let Some(&byte) = bytes.next() {
        plain.push(byte);
        if byte == 0xff {
            bytes.next_if(|&&next| next == 0);
        }
    }
    Cow::Owned(plain)
}

/// The stored form of plain bytes. A 0xFF at the end counts as dangerous, whatever follows.
pub(super) fn apply(plain: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(plain.len() + 8);
    for (index, &byte) in plain.iter().enumerate() {
        stored.push(byte);
        if byte == 0xff && plain.get(index + 1).is_none_or(|&next| next == 0 || next >= 0xe0) {
            stored.push(0);
        }
    }
    stored
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn undone_is_as_before(plain in proptest::collection::vec(prop_oneof![Just(0xffu8), Just(0), Just(0xe0), any::<u8>()], 0..64)) {
            let stored = apply(&plain);
            prop_assert_eq!(undo(&stored).into_owned(), plain.clone());
            prop_assert!(!stored.windows(2).any(|pair| pair[0] == 0xff && pair[1] >= 0xe0));
            prop_assert_eq!(skip(&stored, 0, stored.len(), plain.len()), Some(stored.len()));
            prop_assert_eq!(skip(&stored, 0, stored.len(), plain.len() + 1), None);
        }
    }
}
