//! A query's text in words, numbers, quoted texts and signs, each with its place.

use super::QueryError;

/// One piece of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, or a text without quotes.
    Word(String),
    /// A text in quotes.
    Text(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `~`, `..`, `(`, `)`.
    Sign(&'static str),
}

/// A piece and where it begins, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

const SIGNS: [&str; 10] = ["!=", "<=", ">=", "..", "=", "<", ">", "~", "(", ")"];

/// The pieces of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, QueryError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if first == '"' || first == '\'' {
            let (token, length) = quoted(rest, first).ok_or_else(|| QueryError {
                text: text.to_owned(),
                at,
                what: format!("this text has no end: a {first} is missing"),
            })?;
            found.push(Placed { token, at });
            at += length;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Placed { token: Token::Sign(sign), at });
            at += sign.len();
        } else {
            let length = word_length(rest);
            found.push(Placed { token: Token::Word(rest[..length].to_owned()), at });
            at += length;
        }
    }
    Ok(found)
}

/// A text in quotes, in which a backslash stands before a quote or a backslash that is meant, and its length.
fn quoted(rest: &str, quote: char) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((i, letter)) = letters.next() {
        match letter {
            '\\' => text.push(letters.next()?.1),
            letter if letter == quote => return Some((Token::Text(text), i + letter.len_utf8())),
            letter => text.push(letter),
        }
    }
    None
}

/// A word goes to the next space, quote or sign; a dot in a number belongs to it, two dots are a range.
fn word_length(rest: &str) -> usize {
    let ends =
        |i: usize, c: char| c.is_whitespace() || c == '"' || SIGNS.iter().any(|sign| rest[i..].starts_with(sign));
    rest.char_indices().skip(1).find(|(i, c)| ends(*i, *c)).map_or(rest.len(), |(i, _)| i)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_signs_need_no_spaces_between_them() {
        let pieces = |text: &str| -> Vec<String> {
            let shown = |token| match token {
                Token::Word(word) => word,
                Token::Text(text) => format!("'{text}'"),
                Token::Sign(sign) => sign.to_owned(),
            };
            tokens(text).unwrap().into_iter().map(|placed| shown(placed.token)).collect()
        };
        assert_eq!(pieces("bpm>=80.5 and(energy<0.4)"), ["bpm", ">=", "80.5", "and", "(", "energy", "<", "0.4", ")"]);
        assert_eq!(pieces("bpm 80..110.5"), ["bpm", "80", "..", "110.5"]);
        assert_eq!(
            pieces(r#"artist="Sigur R\"ós" or key = F#"#),
            ["artist", "=", "'Sigur R\"ós'", "or", "key", "=", "F#"]
        );
        assert_eq!(pieces("loudness > -14"), ["loudness", ">", "-14"]);
        let error = tokens("genre = 'Jazz").unwrap_err();
        assert_eq!(error.at, 8);
    }
}
