//! Names that somebody may have meant: completions that a shell offers, and what an unknown name was near to. Nothing
//! here refuses a name: a genre may be called anything.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::{PossibleValue, TypedValueParser};
use reclassd::genre::Taxonomy;
use reclassd::inference::{self, MUSICNN};

/// Names suggested at the most.
const SUGGESTIONS: usize = 5;

/// Whether names with a blank are left out of what a shell is told.
static WITHOUT_BLANKS: AtomicBool = AtomicBool::new(false);

/// From now on, no name with a blank is completed.
pub fn leave_out_blanks() {
    WITHOUT_BLANKS.store(true, Ordering::Relaxed);
}

/// A parser of names that a shell can complete and that takes any other as well.
#[derive(Clone)]
pub struct Named(fn() -> &'static [String]);

impl Named {
    /// Names of genres.
    pub fn genre() -> Self {
        Self(genres)
    }

    /// Names of models: those of the program and those that it can install.
    pub fn model() -> Self {
        Self(models)
    }
}

fn genres() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let genres = Taxonomy::builtin().map(|taxonomy| taxonomy.genres().to_vec()).unwrap_or_default();
        genres.iter().map(ToString::to_string).collect()
    });
    &NAMES
}

fn models() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let builtin = inference::builtin_models().unwrap_or_default();
        let builtin = builtin.iter().map(|model| model.manifest().name.clone());
        builtin.chain(MUSICNN.models().map(str::to_owned)).collect()
    });
    &NAMES
}

impl TypedValueParser for Named {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = !WITHOUT_BLANKS.load(Ordering::Relaxed);
        Some(Box::new(
            self.0()
                .iter()
                .filter(move |name| all || !name.contains(' '))
                .map(|name| PossibleValue::new(name.as_str())),
        ))
    }
}

/// Genres, by any of their names, that somebody may have meant by a name that is not known: those that contain it, then
/// those that are spelt nearly so.
pub fn near(name: &str, taxonomy: &Taxonomy) -> Vec<String> {
    let wanted = Taxonomy::folded(name);
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    for genre in taxonomy.genres() {
        let names = std::iter::once(genre.as_str()).chain(taxonomy.aliases(genre).iter().map(String::as_str));
        for known in names {
            let spelt = Taxonomy::folded(known);
            let distance = strsim::damerau_levenshtein(&spelt, &wanted);
            let is_part = wanted.chars().count() > 2 && spelt.contains(&wanted);
            if is_part || distance <= wanted.chars().count() / 4 {
                let shown = if known == genre.as_str() { known.to_owned() } else { format!("{known} ({genre})") };
                // What only contains the name is farther than what is spelt nearly so.
                found.push((distance, shown));
            }
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.1 == b.1);
    found.into_iter().map(|(_, shown)| shown).take(SUGGESTIONS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_name_and_a_slip_of_a_finger_find_it() {
        let taxonomy = Taxonomy::builtin().unwrap();
        assert!(near("Bossa", &taxonomy).iter().any(|name| name.to_lowercase().contains("bossa nova")));
        assert_eq!(near("Jaz", &taxonomy).first().map(String::as_str), Some("Jazz"));
        assert_eq!(near("qqqqqq", &taxonomy), Vec::<String>::new());
        assert_eq!(near("--", &taxonomy), Vec::<String>::new());
    }
}
