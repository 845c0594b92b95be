//! The table of kinds and codecs that the documentation shows, made of the lists that the program obeys.

use std::fmt::Write;

use super::codecs::{self, Support};
use super::{Class, Kind, Tagging};

/// A table in Markdown: a line for each kind of sound file, what in it is analysed, and who may have its tags written;
/// and one line for all those of which nothing is done but to name them.
pub fn table() -> String {
    let mut table =
        "| kind of file | analysed | known by name, and not analysed | its tags |\n|---|---|---|---|\n".to_owned();
    let (only_named, others): (Vec<Kind>, Vec<Kind>) =
        Kind::SOUND.iter().partition(|kind| kind.class() == Class::NotAnalysed && kind.tagging() == Tagging::NotYet);
    for kind in others {
        let decoded = names(kind, |support| support == Support::Decoded);
        let not_yet = names(kind, |support| support != Support::Decoded);
        let decoded = match kind.class() {
            Class::Analysed if kind == Kind::QuickTime => "as MP4".to_owned(),
            Class::Analysed if decoded.is_empty() => "yes".to_owned(),
            Class::Analysed => decoded,
            _ => "no".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {} | {decoded} | {not_yet} | {} |", kind.name(), tags(kind));
    }
    let named = only_named.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    let _ = writeln!(table, "| {named} | no | | {} |", tags(Kind::Wave64));
    table
}

/// The names of the codecs of a kind, each once.
fn names(kind: Kind, wanted: fn(Support) -> bool) -> String {
    let mut names: Vec<&str> = Vec::new();
    for codec in codecs::of(kind).filter(|codec| wanted(codec.support)) {
        if !names.contains(&codec.name) {
            names.push(codec.name);
        }
    }
    names.join(", ")
}

fn tags(kind: Kind) -> &'static str {
    match kind.tagging() {
        Tagging::Written => "written",
        Tagging::ByHand => "written by hand",
        Tagging::NotYet => "not written yet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation's table, between its two comments.
    #[test]
    fn the_documentation_lists_the_kinds_and_codecs_that_the_program_knows() {
        const DOCUMENT: &str = include_str!("../../docs/tags.md");
        let (_, behind) = DOCUMENT.split_once("<!-- kinds of files, from src/formats -->\n").unwrap();
        let (shown, _) = behind.split_once("<!-- end -->").unwrap();
        let table = table();
        assert!(shown == table, "put this between the two comments of docs/tags.md:\n{table}");
    }

    #[test]
    fn every_kind_of_sound_is_in_the_table_and_nothing_else() {
        let analysed = Kind::SOUND.iter().filter(|kind| kind.class() == Class::Analysed).count();
        assert_eq!(analysed, 10);
        for kind in Kind::SOUND {
            assert!(matches!(kind.class(), Class::Analysed | Class::NotAnalysed), "{kind:?}");
        }
        for (index, kind) in Kind::SOUND.iter().enumerate() {
            assert!(!Kind::SOUND[..index].contains(kind), "{kind:?} twice");
        }
    }
}
