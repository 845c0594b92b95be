//! Text of ID3v2 frames: four encodings to read, and the plainest fitting one to write.

use super::Version;

/// The first byte of a text frame (ID3v2.4 structure, 4: 0 and 1 are all that 2.2 and 2.3 know).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Latin1,
    /// With a byte order mark.
    Utf16,
    /// Big-endian, without a mark.
    Utf16Be,
    Utf8,
}

impl Encoding {
    /// Bytes that are no encoding are taken for Latin-1, as every reader does.
    pub(super) fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Utf16,
            2 => Self::Utf16Be,
            3 => Self::Utf8,
            _ => Self::Latin1,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Latin1 => 0,
            Self::Utf16 => 1,
            Self::Utf16Be => 2,
            Self::Utf8 => 3,
        }
    }

    fn unit(self) -> usize {
        if matches!(self, Self::Utf16 | Self::Utf16Be) { 2 } else { 1 }
    }

    /// The strings in `data`, split at terminators; trailing empty ones are dropped, undecodable units replaced.
    pub(super) fn strings(self, data: &[u8]) -> Vec<String> {
        let mut strings = Vec::new();
        // Without a mark most writers mean little-endian; the mark of the first string holds for the next ones too.
        let mut big_endian = self == Self::Utf16Be;
        let mut rest = data;
        loop {
            let (string, behind) = self.split(rest);
            strings.push(self.decode(string, &mut big_endian));
            match behind {
                Some(behind) => rest = behind,
                None => break,
            }
        }
        while strings.last().is_some_and(String::is_empty) {
            strings.pop();
        }
        strings
    }

    /// The bytes before the first terminator, and those behind it.
    pub(super) fn split(self, data: &[u8]) -> (&[u8], Option<&[u8]>) {
        let unit = self.unit();
        match data.chunks_exact(unit).position(|chunk| chunk.iter().all(|&byte| byte == 0)) {
            Some(index) => (&data[..index * unit], Some(&data[(index + 1) * unit..])),
            None => (data, None),
        }
    }

    fn decode(self, data: &[u8], big_endian: &mut bool) -> String {
        match self {
            Self::Latin1 => data.iter().map(|&byte| char::from(byte)).collect(),
            Self::Utf8 => String::from_utf8_lossy(data).trim_start_matches('\u{feff}').to_owned(),
            Self::Utf16 | Self::Utf16Be => {
                let data = match data {
                    [0xff, 0xfe, rest @ ..] => {
                        *big_endian = false;
                        rest
                    }
                    [0xfe, 0xff, rest @ ..] => {
                        *big_endian = true;
                        rest
                    }
                    _ => data,
                };
                let unit = |pair: &[u8]| {
                    let pair = [pair[0], pair[1]];
                    if *big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
                };
                let units: Vec<u16> = data.chunks_exact(2).map(unit).collect();
                String::from_utf16_lossy(&units)
            }
        }
    }

    fn holds(self, text: &str) -> bool {
        self != Self::Latin1 || text.chars().all(|c| u32::from(c) <= 0xff)
    }

    fn encode(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Latin1 => out.extend(text.chars().map(|c| c as u8)),
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Utf16 => {
                out.extend_from_slice(&[0xff, 0xfe]);
                out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Self::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
        }
    }
}

/// An encoding byte and `strings`, with terminators between them.
///
/// `preferred`, the encoding that the frame had, is kept where this version and text allow. Else ASCII is Latin-1, and
/// anything more UTF-8 in 2.4 and UTF-16 before. With `no_ff` the result holds no byte 0xFF, so that unsynchronisation
/// does not touch it (2.4 only).
pub(super) fn encode(strings: &[&str], version: Version, preferred: Option<Encoding>, no_ff: bool) -> Vec<u8> {
    let v24 = version == Version::V24;
    let ascii = strings.iter().all(|text| text.is_ascii());
    let fits = |encoding: &Encoding| {
        let known = v24 || matches!(encoding, Encoding::Latin1 | Encoding::Utf16);
        let without_ff = ascii && encoding.unit() == 1 || *encoding == Encoding::Utf8;
        // Readers disagree on whether each UTF-16 string of a list has a mark of its own.
        let one_string = strings.len() == 1 || *encoding != Encoding::Utf16;
        known && (!no_ff || without_ff) && (!v24 || one_string) && strings.iter().all(|text| encoding.holds(text))
    };
    let plainest = match (ascii, v24) {
        (true, _) => Encoding::Latin1,
        (false, true) => Encoding::Utf8,
        (false, false) => Encoding::Utf16,
    };
    let encoding = preferred.filter(fits).unwrap_or(plainest);
    let mut out = vec![encoding.byte()];
    for (index, text) in strings.iter().enumerate() {
        if index > 0 {
            out.extend(std::iter::repeat_n(0, encoding.unit()));
        }
        encoding.encode(text, &mut out);
    }
    out
}

/// The strings behind an encoding byte.
pub(super) fn decode(content: &[u8]) -> Vec<String> {
    content.split_first().map_or_else(Vec::new, |(&encoding, data)| Encoding::of(encoding).strings(data))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn all_encodings_are_read() {
        assert_eq!(Encoding::of(0).strings(b"R\xf6ck\0"), ["Röck"]);
        assert_eq!(Encoding::of(1).strings(b"\xff\xfeA\0\0\0\xff\xfeB\0\0\0"), ["A", "B"]);
        assert_eq!(Encoding::of(1).strings(b"\xfe\xff\0A\0\0\0B"), ["A", "B"]);
        assert_eq!(Encoding::of(1).strings(b"A\0B\0"), ["AB"], "no mark: little-endian");
        assert_eq!(Encoding::of(2).strings(b"\0A\x26\x03"), ["A☃"]);
        assert_eq!(Encoding::of(3).strings("Rock\0Jäzz".as_bytes()), ["Rock", "Jäzz"]);
        assert_eq!(Encoding::of(1).strings(b""), Vec::<String>::new());
    }

    #[test]
    fn the_plainest_fitting_encoding_is_written() {
        assert_eq!(encode(&["Rock"], Version::V23, None, false), b"\0Rock");
        assert_eq!(encode(&["J\u{e4}"], Version::V23, None, false), b"\x01\xff\xfeJ\0\xe4\0");
        assert_eq!(encode(&["J\u{e4}"], Version::V24, None, false), "\u{3}Jä".as_bytes());
        assert_eq!(encode(&["A", "B"], Version::V24, None, false), b"\0A\0B");
        assert_eq!(encode(&["A"], Version::V23, Some(Encoding::Utf16), false), b"\x01\xff\xfeA\0");
        assert_eq!(encode(&["A"], Version::V23, Some(Encoding::Utf8), false), b"\0A", "2.3 knows no UTF-8");
        assert_eq!(encode(&["A"], Version::V24, Some(Encoding::Utf16), true), b"\0A", "no byte order mark wanted");
        assert_eq!(encode(&["\u{ff}"], Version::V24, Some(Encoding::Latin1), true), "\u{3}\u{ff}".as_bytes());
    }
}
