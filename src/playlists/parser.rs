//! From a text to a query, with the place of whatever is not understood.
//!
//! ```text
//! query     = any
//! any       = all { "or" all }
//! all       = one { "and" one }
//! one       = "not" one | "(" any ")" | condition
//! condition = field ( "known" | "unknown" | sign value | [ "=" | "!=" ] value ".." value )
//! sign      = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" (holds)
//! ```

use super::QueryError;
use super::fact::{FIELDS, Field, Of};
use super::lexer::{Placed, Token, tokens};
use super::query::{Node, Test};
use crate::descriptors::Key;

/// More parentheses than this in each other are no question of a person's.
const DEEPEST: usize = 64;

pub(super) fn parse(text: &str) -> Result<Option<Node>, QueryError> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    if parser.tokens.is_empty() {
        return Ok(None);
    }
    let root = parser.any()?;
    match parser.tokens.get(parser.next) {
        None => Ok(Some(root)),
        Some(Placed { token: Token::Sign(")"), at }) => Err(parser.error(*at, "this `)` closes nothing")),
        Some(placed) => Err(parser.error(placed.at, "`and` or `or` is missing before this")),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, at: usize, what: impl Into<String>) -> QueryError {
        QueryError { text: self.text.to_owned(), at, what: what.into() }
    }

    /// Where the next piece begins, or the text ends.
    fn here(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.trim_end().len(), |placed| placed.at)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.tokens.get(self.next), Some(Placed { token: Token::Word(w), .. }) if w.eq_ignore_ascii_case(word));
        self.next += usize::from(is_it);
        is_it
    }

    fn take_sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        match self.tokens.get(self.next) {
            Some(Placed { token: Token::Sign(sign), .. }) if signs.contains(sign) => {
                self.next += 1;
                Some(sign)
            }
            _ => None,
        }
    }

    fn any(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.all()?];
        while self.take_word("or") {
            nodes.push(self.all()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Any(nodes) })
    }

    fn all(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.one()?];
        while self.take_word("and") {
            nodes.push(self.one()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn one(&mut self) -> Result<Node, QueryError> {
        let at = self.here();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(at, "too many parentheses or `not` in each other"));
        }
        let node = if self.take_word("not") {
            Node::Not(Box::new(self.one()?))
        } else if self.take_sign(&["("]).is_some() {
            let node = self.any()?;
            if self.take_sign(&[")"]).is_none() {
                return Err(self.error(at, "this `(` is not closed"));
            }
            node
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn condition(&mut self) -> Result<Node, QueryError> {
        let at = self.here();
        let field = match self.tokens.get(self.next).map(|placed| placed.token.clone()) {
            Some(Token::Word(name)) => Field::named(&name).map_err(|near| self.error(at, no_field(&name, near)))?,
            Some(Token::Text(name)) => {
                return Err(self.error(at, format!("a field is missing before this: `title = \"{name}\"`")));
            }
            _ => return Err(self.error(at, "a condition is missing here, as in `genre = Jazz`")),
        };
        self.next += 1;
        for (word, known) in [("known", true), ("unknown", false)] {
            if self.take_word(word) {
                return Ok(Node::Is { field, test: Test::Known(known) });
            }
        }
        let at = self.here();
        let sign = self.take_sign(&["=", "!=", "<", "<=", ">", ">=", "~"]);
        let test = match field.of {
            Of::Genre | Of::Text(_) | Of::Word(..) => self.words(field, sign, at)?,
            Of::Key => {
                let at_value = self.here();
                let (text, same) = (self.text_value(field)?, sign != Some("!="));
                if !matches!(sign, Some("=" | "!=")) {
                    return Err(self.error(at, "a key is asked for with = or !="));
                }
                let number = Key::number_of(&text).ok_or_else(|| {
                    self.error(at_value, format!("`{text}` is no key: `A minor` (in quotes), `Am`, `8A` and `1m` are"))
                })?;
                Test::exactly(number as f64, same)
            }
            Of::Number(_) | Of::Seconds(_) | Of::Moment(_) => self.numbers(field, sign, at)?,
        };
        Ok(Node::Is { field, test })
    }

    fn words(&mut self, field: &Field, sign: Option<&str>, at: usize) -> Result<Test, QueryError> {
        if !matches!(sign, Some("=" | "!=" | "~")) {
            return Err(self.error(at, format!("{} is a text: =, != or ~ (holds) is missing here", field.name)));
        }
        let at_value = self.here();
        let text = self.text_value(field)?;
        if let (Of::Word(words, _), true) = (field.of, sign != Some("~"))
            && !words.iter().any(|word| word.eq_ignore_ascii_case(&text))
        {
            return Err(self.error(at_value, format!("{} is one of {}", field.name, words.join(", "))));
        }
        Ok(if sign == Some("~") { Test::Holds(text) } else { Test::Text { same: sign == Some("="), text } })
    }

    fn text_value(&mut self, field: &Field) -> Result<String, QueryError> {
        let at = self.here();
        let text = match self.tokens.get(self.next) {
            Some(Placed { token: Token::Word(text) | Token::Text(text), .. }) => text.clone(),
            _ => return Err(self.error(at, format!("what {} should be is missing here", field.name))),
        };
        self.next += 1;
        Ok(text)
    }

    fn numbers(&mut self, field: &Field, sign: Option<&'static str>, at: usize) -> Result<Test, QueryError> {
        if sign == Some("~") {
            return Err(self.error(at, format!("{} is no text: ~ says nothing of it", field.name)));
        }
        if sign.is_none()
            && !matches!(
                self.tokens.get(self.next),
                Some(Placed { token: Token::Word(_) | Token::Text(_) | Token::Sign(".."), .. })
            )
        {
            return Err(self.error(at, format!("a sign and a number are missing here, as in `{} < 100`", field.name)));
        }
        let low = if matches!(self.tokens.get(self.next), Some(Placed { token: Token::Sign(".."), .. })) {
            (f64::NEG_INFINITY, f64::NEG_INFINITY)
        } else {
            self.number(field)?
        };
        let at_range = self.here();
        if self.take_sign(&[".."]).is_some() {
            let inside = match sign {
                None | Some("=") => true,
                Some("!=") => false,
                Some(_) => return Err(self.error(at, "a range stands alone or behind = or !=")),
            };
            let open = !matches!(self.tokens.get(self.next), Some(Placed { token: Token::Text(_), .. }))
                && !matches!(self.tokens.get(self.next), Some(Placed { token: Token::Word(w), .. }) if !is_joint(w));
            let high = if open { (f64::INFINITY, f64::INFINITY) } else { self.number(field)? };
            if low.0 > high.1 {
                return Err(self.error(at_range, "this range ends before it begins"));
            }
            return Ok(Test::Between { low: low.0, high: high.1, with_low: true, with_high: true, inside });
        }
        let (from, to) = low;
        let between = |low, with_low, high, with_high| Test::Between { low, high, with_low, with_high, inside: true };
        const NONE: f64 = f64::NEG_INFINITY;
        Ok(match sign {
            Some("=") => Test::Between { low: from, high: to, with_low: true, with_high: true, inside: true },
            Some("!=") => Test::Between { low: from, high: to, with_low: true, with_high: true, inside: false },
            Some("<") => between(NONE, true, from, false),
            Some("<=") => between(NONE, true, to, true),
            Some(">") => between(to, false, f64::INFINITY, true),
            Some(">=") => between(from, true, f64::INFINITY, true),
            _ => {
                return Err(
                    self.error(at, format!("=, <, > or a range is missing here, as in `{} 80..110`", field.name))
                );
            }
        })
    }

    /// A number, from its first to its last moment where it is a day.
    fn number(&mut self, field: &Field) -> Result<(f64, f64), QueryError> {
        let at = self.here();
        let text = self.text_value(field)?;
        let read = match field.of {
            Of::Moment(_) => day(&text),
            Of::Seconds(_) => seconds(&text).map(|x| (x, x)),
            _ => plain(&text).map(|x| (x, x)),
        };
        let example = match field.of {
            Of::Moment(_) => "a day, as 2026-11-29",
            Of::Seconds(_) => "a number of seconds, or minutes and seconds as 3:30",
            _ => "a number",
        };
        read.ok_or_else(|| self.error(at, format!("`{text}` is not {example}; {}: {}", field.name, field.about)))
    }
}

impl Test {
    fn exactly(number: f64, inside: bool) -> Self {
        Self::Between { low: number, high: number, with_low: true, with_high: true, inside }
    }
}

/// Whether a word joins conditions.
fn is_joint(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|joint| joint.eq_ignore_ascii_case(word))
}

fn no_field(name: &str, near: Option<&Field>) -> String {
    if name.eq_ignore_ascii_case("year") {
        return "the year is not kept of a track; `reclassd playlist --fields` lists what is".to_owned();
    }
    match near {
        Some(field) => format!("there is no field `{name}`; did you mean `{}`?", field.name),
        None => {
            let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
            format!("there is no field `{name}`: there are {}", names.join(", "))
        }
    }
}

fn plain(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `210`, `3:30`, `1:00:00`.
fn seconds(text: &str) -> Option<f64> {
    let mut sum = 0.0;
    for part in text.split(':') {
        sum = sum * 60.0 + plain(part).filter(|part| *part >= 0.0)?;
    }
    Some(sum)
}

/// The first and the last second of a day, by the clock of this machine.
fn day(text: &str) -> Option<(f64, f64)> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let start = |day: jiff::civil::Date| {
        Some(day.to_zoned_datetime(jiff::tz::TimeZone::system()).ok()?.timestamp().as_second())
    };
    Some((start(day)? as f64, start(day.tomorrow().ok()?)? as f64 - 1.0))
}
