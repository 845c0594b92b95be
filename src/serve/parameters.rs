//! The parameters of a request's query: declared once, and by that declaration checked as well as described in the
//! OpenAPI document.

use serde_json::{Value, json};

use super::problem::Problem;

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is for.
    pub about: &'static str,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text without a NUL.
    Text,
    /// Several of these, by giving it again.
    Texts,
    /// A whole number between two.
    Integer(i64, i64),
    /// A number between 0 and 1.
    Share,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// The longest text, in characters: the longest path there is.
const LONGEST: usize = 4096;
/// How often a parameter may be given that may be given again.
const AGAIN: usize = 50;

impl Parameter {
    /// A parameter.
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about }
    }

    /// What OpenAPI says of it.
    pub fn described(&self) -> Value {
        let text = json!({"type": "string", "maxLength": LONGEST, "pattern": "^[^\\u0000]*$"});
        let schema = match self.kind {
            Kind::Text => text,
            Kind::Texts => json!({"type": "array", "items": text, "maxItems": AGAIN}),
            Kind::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Choice(words) => json!({"type": "string", "enum": words}),
        };
        json!({"name": self.name, "in": "query", "required": false, "description": self.about, "schema": schema})
    }

    fn check(&self, value: &str) -> Result<(), String> {
        let number = || value.parse::<f32>().ok().filter(|number| (0.0..=1.0).contains(number));
        let is_right = match self.kind {
            Kind::Text | Kind::Texts => value.chars().count() <= LONGEST && !value.contains('\0'),
            Kind::Integer(least, most) => value.parse().is_ok_and(|number: i64| (least..=most).contains(&number)),
            Kind::Share => number().is_some(),
            Kind::Flag => matches!(value, "true" | "false"),
            Kind::Choice(words) => words.contains(&value),
        };
        let wanted = match self.kind {
            Kind::Text | Kind::Texts => format!("a text of at most {LONGEST} characters"),
            Kind::Integer(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Share => "a number from 0 to 1".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
        };
        if is_right { Ok(()) } else { Err(format!("{}: this must be {wanted}", self.name)) }
    }
}

/// The parameters of one request, checked.
#[derive(Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query by the parameters that there are.
    ///
    /// # Errors
    /// [`Problem`] for one that there is not, is given twice, or is nothing that it may be.
    pub fn read(query: Option<&str>, known: &[&[Parameter]]) -> Result<Self, Problem> {
        let query = query.unwrap_or_default();
        // Bytes that are no text would become other ones.
        let is_text = percent_encoding::percent_decode_str(query).decode_utf8().is_ok();
        if !is_text {
            return Err(Problem::bad("the query is not UTF-8"));
        }
        let mut read: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let mut all = known.iter().flat_map(|some| some.iter());
            let parameter = all.find(|parameter| parameter.name == name);
            let parameter =
                parameter.ok_or_else(|| Problem::bad(format!("{name}: there is no such parameter here")))?;
            let (given, most) = (
                read.iter().filter(|(given, _)| *given == name).count(),
                match parameter.kind {
                    Kind::Texts => AGAIN,
                    _ => 1,
                },
            );
            if given >= most {
                return Err(Problem::bad(format!("{name}: is given more than {most} times")));
            }
            parameter.check(&value).map_err(Problem::bad)?;
            read.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(read))
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All texts of a name.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// A number of things, which was declared to be none below zero.
    pub fn count(&self, name: &str, default: usize) -> usize {
        self.integer(name).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    }

    /// A share.
    pub fn share(&self, name: &str) -> Option<f32> {
        self.text(name)?.parse().ok()
    }

    /// Whether a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    const KNOWN: &[Parameter] = &[
        Parameter::new("limit", Kind::Integer(1, 200), ""),
        Parameter::new("below", Kind::Share, ""),
        Parameter::new("genre", Kind::Texts, ""),
        Parameter::new("reverse", Kind::Flag, ""),
        Parameter::new("q", Kind::Text, ""),
    ];

    #[test]
    fn what_is_declared_is_read_and_all_else_is_refused_by_name() {
        let read = Parameters::read(Some("limit=7&genre=a+b&genre=c%26d&reverse=true&below=0.5"), &[KNOWN]).unwrap();
        assert_eq!((read.integer("limit"), read.flag("reverse"), read.share("below")), (Some(7), true, Some(0.5)));
        assert_eq!(read.texts("genre").collect::<Vec<_>>(), ["a b", "c&d"]);
        for wrong in [
            "limit=0",
            "limit=201",
            "limit=x",
            "limit=",
            "limit=1&limit=2",
            "below=NaN",
            "below=1.1",
            "reverse=1",
            "other=1",
            "q=%00",
            "q=%ff",
        ] {
            let refused = Parameters::read(Some(wrong), &[KNOWN]).unwrap_err();
            assert!(refused.detail.contains(wrong.split('=').next().unwrap()) || wrong == "q=%ff", "{refused:?}");
        }
    }
}
