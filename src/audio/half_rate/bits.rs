//! Bits of a frame's main data, the highest of a byte first.

/// Bytes behind the data that may be looked at: the data is followed by as many zeros.
pub(super) const PADDING: usize = 8;

/// A place in some bytes, in bits. Behind their end are zeros.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits from the start.
    pub(super) at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit of `bytes` on, the last [`PADDING`] of which are no data.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next 32 bits, which are not passed.
    #[inline]
    pub(super) fn peek(&self) -> u32 {
        let byte = self.at / 8;
        match self.bytes.get(byte..byte + 8) {
            Some(eight) => {
                let mut word = [0; 8];
                word.copy_from_slice(eight);
                ((u64::from_be_bytes(word) << (self.at % 8)) >> 32) as u32
            }
            None => 0,
        }
    }

    /// The next `number` bits, at most 32.
    #[inline]
    pub(super) fn read(&mut self, number: u32) -> u32 {
        let bits = self.peek().checked_shr(32 - number).unwrap_or(0);
        self.at += number as usize;
        bits
    }

    /// The next bit.
    #[inline]
    pub(super) fn flag(&mut self) -> bool {
        self.read(1) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_one_after_the_other_and_zeros_behind_them() {
        let mut bytes = vec![0b1010_0001, 0b1100_0000, 0xff];
        bytes.extend([0; PADDING]);
        let mut bits = Bits::new(&bytes);
        assert_eq!((bits.flag(), bits.read(0), bits.read(2), bits.read(6)), (true, 0, 0b01, 0b000011));
        assert_eq!((bits.at, bits.read(15), bits.read(32)), (9, 0b100_0000_1111_1111, 0));
        assert_eq!(Bits { bytes: &bytes, at: 1 << 20 }.read(32), 0);
    }
}
