//! The wire format of Protocol Buffers: fields out of bytes, and bytes out of fields. What a field means is its
//! reader's business.

/// The value of a field as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::inference) enum Value<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    /// Text, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The number, of a field that is one.
    pub(in crate::inference) fn number(self) -> Result<u64, String> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err("a field is no number".into()),
        }
    }

    /// The bytes, of a field that has some.
    pub(in crate::inference) fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("a field is no message".into()),
        }
    }
}

/// Takes a variable-length number off the front; none when the bytes end in it or it has more than 64 bits.
pub(in crate::inference) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Takes `n` bytes off the front.
pub(in crate::inference) fn take<'a>(bytes: &mut &'a [u8], n: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(n).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// The fields of a message, in the order in which they lie there, with their numbers. Ends after the first error.
pub(in crate::inference) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = take_varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Value::Varint(take_varint(&mut self.0)?),
            1 => Value::Fixed64(take(&mut self.0, 8)?.try_into().ok()?),
            2 => {
                let length = take_varint(&mut self.0)?;
                Value::Bytes(take(&mut self.0, length)?)
            }
            5 => Value::Fixed32(take(&mut self.0, 4)?.try_into().ok()?),
            // Groups are long gone, and the rest was never used.
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| "a message ends in the middle of a field".into()))
    }
}

/// A message in the making.
#[derive(Debug, Default)]
pub(in crate::inference) struct Message(Vec<u8>);

impl Message {
    pub(in crate::inference) fn varint(&mut self, field: u64, value: u64) -> &mut Self {
        self.tag(field, 0);
        self.push_varint(value);
        self
    }

    pub(in crate::inference) fn float(&mut self, field: u64, value: f32) -> &mut Self {
        self.tag(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(in crate::inference) fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.tag(field, 2);
        self.push_varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(in crate::inference) fn text(&mut self, field: u64, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    pub(in crate::inference) fn message(&mut self, field: u64, message: &Message) -> &mut Self {
        self.bytes(field, &message.0)
    }

    /// A field as it was read elsewhere.
    pub(in crate::inference) fn value(&mut self, field: u64, value: Value<'_>) -> &mut Self {
        match value {
            Value::Varint(number) => return self.varint(field, number),
            Value::Bytes(bytes) => return self.bytes(field, bytes),
            Value::Fixed32(bytes) => {
                self.tag(field, 5);
                self.0.extend(bytes);
            }
            Value::Fixed64(bytes) => {
                self.tag(field, 1);
                self.0.extend(bytes);
            }
        }
        self
    }

    /// The fields of another message, after those that are here.
    pub(in crate::inference) fn append(&mut self, other: &Message) -> &mut Self {
        self.0.extend(&other.0);
        self
    }

    pub(in crate::inference) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn tag(&mut self, field: u64, wire_type: u64) {
        self.push_varint(field << 3 | wire_type);
    }

    fn push_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut inner = Message::default();
        inner.varint(1, 7);
        let mut message = Message::default();
        message.varint(1, 300).varint(2, u64::MAX).float(6, 1.5).text(15, "ab").message(16, &inner);
        let fields: Vec<_> = Fields(message.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(
            fields,
            [
                (1, Value::Varint(300)),
                (2, Value::Varint(u64::MAX)),
                (6, Value::Fixed32(1.5_f32.to_le_bytes())),
                (15, Value::Bytes(b"ab")),
                (16, Value::Bytes(&[8, 7])),
            ]
        );
        assert_eq!(&message.as_bytes()[..3], [0x08, 0xac, 0x02]);
    }

    #[test]
    fn a_message_that_was_cut_off_is_an_error_wherever_the_cut_is() {
        let mut message = Message::default();
        message.varint(1, 300).float(6, 1.5).text(15, "ab");
        // Between two fields a cut cannot be seen.
        for cut in (1..message.as_bytes().len()).filter(|cut| ![3, 8].contains(cut)) {
            assert!(Fields(&message.as_bytes()[..cut]).any(|field| field.is_err()), "{cut}");
        }
    }

    #[test]
    fn numbers_and_lengths_that_cannot_be_are_refused() {
        for bytes in [
            &[0xff; 11][..],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x0b],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            assert!(Fields(bytes).any(|field| field.is_err()), "{bytes:?}");
        }
    }
}
