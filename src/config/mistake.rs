//! Where a mistake in a configuration stands, and which key was probably meant.
//!
//! The valid keys are those of the serialised default configuration, so there is no second list to keep. This is about
//! keys, lines and messages only; what values mean is the parent module's.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;

/// Tables whose keys are the user's own.
const FREE_TABLES: [&str; 3] = ["ensemble.weights", "tags.names", "playlists"];

/// A mistake and the line it stands on.
#[derive(Debug)]
pub(super) struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub what: String,
}

impl Mistake {
    fn at_byte(text: &str, byte: usize, what: String) -> Self {
        let before = &text.as_bytes()[..byte.min(text.len())];
        Self { line: 1 + before.iter().filter(|&&b| b == b'\n').count(), what }
    }

    /// A mistake that the TOML parser or a type found, with the key whose value it is about.
    pub(super) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        let key = DeTable::parse(text).ok().and_then(|root| key_of(root.get_ref(), span.start, ""));
        let what = match key {
            Some(key) => format!("{key}: {message}"),
            None => message,
        };
        Self::at_byte(text, span.start, what)
    }

    /// A mistake in the value of a dotted key.
    pub(super) fn at_key(text: &str, key: &str, what: String) -> Self {
        let byte = DeTable::parse(text).ok().and_then(|root| {
            let (section, name) = key.split_once('.')?;
            let table = root.get_ref().get(section)?.get_ref().as_table()?;
            Some(table.get_key_value(name)?.0.span().start)
        });
        Self::at_byte(text, byte.unwrap_or(0), what)
    }
}

/// Checks that every key of the text is one that the default configuration has.
pub(super) fn check_keys(text: &str) -> Result<(), Mistake> {
    let root = DeTable::parse(text).map_err(|error| Mistake::from_toml(text, &error))?;
    let known = toml::Table::try_from(Config::default())
        .map_err(|error| Mistake { line: 1, what: format!("the defaults cannot be written as TOML: {error}") })?;
    check_table(text, root.get_ref(), &known, "")
}

fn check_table(text: &str, table: &DeTable<'_>, known: &toml::Table, prefix: &str) -> Result<(), Mistake> {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let path = join(prefix, name);
        match (known.get(name), value.get_ref()) {
            (None, _) => return Err(Mistake::at_byte(text, key.span().start, unknown(name, prefix, known))),
            (Some(toml::Value::Table(inner)), DeValue::Table(table)) if !FREE_TABLES.contains(&path.as_str()) => {
                check_table(text, table, inner, &path)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown(name: &str, section: &str, known: &toml::Table) -> String {
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    let kind = if section.is_empty() { "section" } else { "key" };
    let nearest = known.keys().map(|k| (strsim::damerau_levenshtein(name, k), k)).min();
    match nearest {
        Some((distance, key)) if distance <= 1 + name.len() / 3 => {
            format!("unknown {kind} `{name}`{place}: did you mean `{key}`?")
        }
        _ => {
            let valid: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("unknown {kind} `{name}`{place}: valid are {}", valid.join(", "))
        }
    }
}

/// The dotted key whose value covers a byte of the text.
fn key_of(table: &DeTable<'_>, byte: usize, prefix: &str) -> Option<String> {
    let covers = |value: &Spanned<DeValue<'_>>| value.span().contains(&byte);
    table.iter().find_map(|(key, value)| {
        let path = join(prefix, key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => key_of(inner, byte, &path),
            _ if covers(value) => Some(path),
            _ => None,
        }
    })
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
