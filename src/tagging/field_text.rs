//! What one journalled field says, for a person to read: its bytes, taken out of the tag that they stood in, as text.
//! No decision hangs on it; what cannot be told apart from its tag (a compressed frame) is said to be so many bytes, by
//! whoever prints it.

use super::editor::Scope;
use super::journal::FieldChange;
use super::{asf, id3v2, matroska, mp4};

impl FieldChange {
    /// The values of the field before; `None` where it was not there, or its bytes alone do not tell.
    pub fn old_values(&self) -> Option<Vec<String>> {
        self.values(self.old.as_deref()?)
    }

    /// The same afterwards.
    pub fn new_values(&self) -> Option<Vec<String>> {
        self.values(self.new.as_deref()?)
    }

    fn values(&self, bytes: &[u8]) -> Option<Vec<String>> {
        match self.scope {
            Scope::VorbisComments => {
                let at = bytes.iter().position(|&byte| byte == b'=')?;
                Some(vec![text(&bytes[at + 1..])])
            }
            // Length and flags, a name up to a zero, values with zeros between them.
            Scope::Apev2(_) => {
                let named = bytes.get(8..)?;
                let value = named.get(named.iter().position(|&byte| byte == 0)? + 1..)?;
                Some(value.split(|&byte| byte == 0).map(text).filter(|value| !value.is_empty()).collect())
            }
            // A name, a length, a text that ends at a zero.
            Scope::RiffInfo(_) => Some(vec![text(bytes.get(8..)?.split(|&byte| byte == 0).next()?)]),
            Scope::Id3v2(_) => id3v2::strings_of_frame(bytes, &self.form),
            Scope::Ilst => mp4::values_of_item(bytes),
            Scope::AsfAttributes => asf::values_of_attribute(bytes),
            Scope::MatroskaTag(_) => matroska::values_of_simple_tag(bytes),
            _ => None,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn says(scope: Scope, form: &str, bytes: &[u8]) -> Option<Vec<String>> {
        let (form, name) = (form.to_owned(), String::new());
        FieldChange { scope, form, name, position: 0, old: None, new: Some(bytes.to_vec()) }.new_values()
    }

    #[test]
    fn a_field_of_every_kind_of_tag_reads_as_what_it_says() {
        let one = |text: &str| Some(vec![text.to_owned()]);
        assert_eq!(says(Scope::VorbisComments, "", "GENRE=Jäzz".as_bytes()), one("Jäzz"));
        assert_eq!(says(Scope::Apev2(1), "APEv2", b"\x09\0\0\0\0\0\0\0Genre\0Jazz\0Folk"), {
            Some(vec!["Jazz".to_owned(), "Folk".to_owned()])
        });
        assert_eq!(says(Scope::RiffInfo(1), "", b"IGNR\x05\0\0\0Jazz\0\0"), one("Jazz"));
        assert_eq!(says(Scope::Id3v2(1), "ID3v2.4", b"TCON\0\0\0\x05\0\0\x03Jazz"), one("Jazz"));
        let own = b"TXXX\0\0\0\x14\0\0\0RECLASSD_GENRE\0Jazz";
        assert_eq!(says(Scope::Id3v2(1), "ID3v2.3", own), one("Jazz"));
        assert_eq!(says(Scope::Id3v2(1), "ID3v2.2", b"TCO\0\0\x05\0Jazz"), one("Jazz"));
        let data = [&24u32.to_be_bytes()[..], b"data", &1u32.to_be_bytes(), &[0; 4], b"Folktale"].concat();
        let item = [&(data.len() as u32 + 8).to_be_bytes()[..], b"\xa9gen", &data].concat();
        assert_eq!(says(Scope::Ilst, "", &item), one("Folktale"));
        let simple = super::super::fixtures::simple_tag("GENRE", "Jäzz");
        assert_eq!(says(Scope::MatroskaTag(1), "", &simple), one("Jäzz"));
    }

    #[test]
    fn what_does_not_read_says_nothing_rather_than_something_wrong() {
        assert_eq!(says(Scope::Id3v2(1), "ID3v2.4", b"TCON\0\0\0\x05\0\x08\x03Jazz"), None, "compressed");
        for scope in [
            Scope::VorbisComments,
            Scope::Apev2(1),
            Scope::RiffInfo(1),
            Scope::Id3v2(1),
            Scope::Ilst,
            Scope::MatroskaTag(1),
        ] {
            assert_eq!(says(scope, "ID3v2.4", b""), None, "{scope}");
            assert_eq!(says(scope, "ID3v2.4", b"\xff\xff"), None, "{scope}");
        }
        assert_eq!(says(Scope::Chunks, "", b"\0\0\0\0"), None);
    }
}
