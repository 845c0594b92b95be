//! ID3v1 and 1.1: 128 bytes at the end of a file, read and never written.
//!
//! Its texts are said to be Latin-1. Many are UTF-8, though, and where they are that without a fault they are taken for
//! it.

use super::editor::Scope;
use super::genre_text;
use super::readers::{Name, Said, Voice};

/// What an ID3v1 tag says.
#[derive(Debug)]
pub(crate) struct Id3v1 {
    said: Vec<Said>,
    genre: u8,
}

impl Id3v1 {
    /// Takes the 128 bytes of a tag apart.
    pub(crate) fn parse(tag: &[u8]) -> Self {
        let field = |from: usize, to: usize| text(tag.get(from..to).unwrap_or_default());
        let byte = |at: usize| tag.get(at).copied().unwrap_or_default();
        // Version 1.1 has the track in the last byte of the comment, behind a zero.
        let track = Some(byte(126)).filter(|&track| byte(125) == 0 && track != 0);
        let texts = [
            (Name::Title, field(3, 33)),
            (Name::Artist, field(33, 63)),
            (Name::Album, field(63, 93)),
            (Name::Date, field(93, 97)),
            (Name::Comment, field(97, if track.is_some() { 125 } else { 127 })),
            (Name::Track, track.map(|track| track.to_string()).unwrap_or_default()),
            (Name::Genre, genre_text::id3v1_name(byte(127)).unwrap_or_default().to_owned()),
        ];
        let said = texts.into_iter().filter(|(_, value)| !value.is_empty());
        Self { said: said.map(|(name, value)| Said { name, value }).collect(), genre: byte(127) }
    }

    /// The genre that its number stands for.
    pub(crate) fn genre(&self) -> Option<&'static str> {
        genre_text::id3v1_name(self.genre)
    }

    /// The tag as readers take it.
    pub(crate) fn voice(&self) -> Voice {
        let is_empty = self.said.is_empty();
        Voice { scope: Scope::Id3v1, said: self.said.clone(), is_in_place: true, has_text: !is_empty, is_empty }
    }
}

/// The text up to the first zero, without blanks around it.
fn text(field: &[u8]) -> String {
    let text = field.split(|&byte| byte == 0).next().unwrap_or_default();
    let latin1 = || text.iter().map(|&byte| char::from(byte)).collect::<String>();
    let decoded = match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        // A character that the end of the field has cut in two.
        Err(error) if error.error_len().is_none() && !text[..error.valid_up_to()].is_ascii() => {
            String::from_utf8_lossy(&text[..error.valid_up_to()]).into_owned()
        }
        Err(_) => latin1(),
    };
    decoded.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut tag = b"TAG".to_vec();
        tag.resize(127, 0);
        tag.push(255);
        for (at, bytes) in fields {
            tag[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        tag
    }

    fn said(fields: &[(usize, &[u8])]) -> Vec<(Name, String)> {
        Id3v1::parse(&tag(fields)).said.into_iter().map(|said| (said.name, said.value)).collect()
    }

    #[test]
    fn both_versions_are_read() {
        let fields: [(usize, &[u8]); 3] = [(3, b"Title   "), (93, b"1999"), (127, &[17])];
        let expected = [(Name::Title, "Title"), (Name::Date, "1999"), (Name::Genre, "Rock")];
        assert_eq!(said(&fields), expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(said(&[(97, b"c"), (126, &[7])])[1], (Name::Track, "7".to_owned()));
        let comment = [b'c'; 30];
        assert_eq!(said(&[(97, &comment)]), [(Name::Comment, "c".repeat(30))]);
        assert!(said(&[]).is_empty());
    }

    #[test]
    fn latin_1_is_read_and_so_is_the_utf_8_that_others_put_there() {
        let title = |bytes: &[u8]| said(&[(3, bytes)])[0].1.clone();
        assert_eq!(title(b"J\xe4zz"), "Jäzz");
        assert_eq!(title("Jäzz".as_bytes()), "Jäzz");
        let cut = &"Это название длиннее".as_bytes()[..29];
        assert_eq!(title(cut), "Это название дл".chars().take(15).collect::<String>());
    }
}
