//! Where the owner's genres stand in the vote: what others have a word for is voted on together, kinds that others fold
//! into a family are divided by who learned them, and what nobody else can say stands for itself.

use std::collections::BTreeSet;

use super::names::Class;
use crate::genre::{Genre, Taxonomy};

/// Finds the place of every class, given the words of each of the other voters.
pub(super) fn place(classes: &mut [Class], taxonomy: &Taxonomy, voters: &[BTreeSet<Genre>]) {
    let families: Vec<Option<Genre>> = classes.iter().map(|class| family(class, taxonomy, voters)).collect();
    for (i, class) in classes.iter_mut().enumerate() {
        let of_family = |family: &Genre| families.iter().filter(|other| other.as_ref() == Some(family)).count();
        let known_as = class.known_as.clone();
        let is_said = |genre: &Genre| voters.iter().any(|words| words.contains(genre));
        let own = Genre::new(&class.name).ok();
        (class.genre, class.parent, class.is_own, class.is_detached) = match (&families[i], known_as, own) {
            // Several of a family tell its kinds apart; one alone would be no word for or against the family.
            (Some(family), Some(genre), own) if of_family(family) > 1 => match own.filter(|_| class.is_alias) {
                Some(own) => (own, Some(genre), false, false),
                None => (genre, None, false, false),
            },
            // The owner's only word for what others say.
            (Some(family), Some(genre), _) if *family == genre => (genre, None, false, false),
            (Some(_), _, Some(own)) if class.is_alias => (own, None, true, true),
            (Some(_), Some(genre), _) => (genre, None, true, true),
            (None, Some(genre), _) => {
                let is_own = !is_said(&genre);
                (genre, None, is_own, false)
            }
            (_, _, Some(own)) => (own, None, true, true),
            // Its name was a genre's when it was read.
            (_, None, None) => continue,
        };
    }
    // Two words for what nobody else can say are two genres.
    for i in 0..classes.len() {
        let same = classes.iter().filter(|other| other.genre == classes[i].genre).count();
        if let Some(own) = Genre::new(&classes[i].name).ok().filter(|_| same > 1 && classes[i].is_alias) {
            (classes[i].genre, classes[i].is_own, classes[i].is_detached) = (own, true, true);
        }
    }
}

/// The widest word for a class that some voter uses and that is not the class's own; none where every voter who speaks
/// of it names it.
fn family(class: &Class, taxonomy: &Taxonomy, voters: &[BTreeSet<Genre>]) -> Option<Genre> {
    let known_as = class.known_as.as_ref()?;
    let mut wide: Vec<&Genre> = taxonomy.ancestors(known_as).collect();
    if class.is_alias {
        wide.insert(0, known_as);
    }
    let without =
        |wide: &Genre| voters.iter().any(|words| words.contains(wide) && (class.is_alias || !words.contains(known_as)));
    let found = wide.into_iter().rev().find(|wide| without(wide)).cloned();
    // The family's own word belongs to it.
    found.or_else(|| Some(known_as.clone()).filter(|known_as| voters.iter().any(|words| words.contains(known_as))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn placed(names: &[&str]) -> Vec<(String, Option<String>, bool)> {
        let taxonomy = Taxonomy::builtin().unwrap();
        let class = |name: &&str| {
            let exact = taxonomy.canonical_exact(name).cloned();
            Class::new(
                (*name).to_owned(),
                exact.clone().or(taxonomy.canonical(name).cloned()),
                exact.is_none(),
                (20, 5),
            )
        };
        let mut classes: Vec<Class> = names.iter().filter_map(class).collect();
        let words = ["Pop Rock", "Electronic", "Hip-Hop", "Jazz"].map(|genre| Genre::new(genre).unwrap());
        place(&mut classes, &taxonomy, &[words.into_iter().collect()]);
        classes.into_iter().map(|c| (c.genre.to_string(), c.parent.map(|p| p.to_string()), c.is_own)).collect()
    }

    fn is(genre: &str, parent: Option<&str>, is_own: bool) -> (String, Option<String>, bool) {
        (genre.to_owned(), parent.map(str::to_owned), is_own)
    }

    #[test]
    fn what_others_say_is_voted_on_together_and_what_nobody_says_stands_for_itself() {
        assert_eq!(placed(&["Jazz", "Zeuhl"]), [is("Jazz", None, false), is("Zeuhl", None, true)]);
        assert_eq!(placed(&["Techno"]), [is("Electronic", None, false)], "the owner's only word for it");
        assert_eq!(placed(&["Schlager"]), [is("Schlager", None, true)], "it is not all of Pop Rock");
        assert_eq!(placed(&["Metal"]), [is("Metal", None, true)]);
    }

    #[test]
    fn several_of_a_family_are_its_kinds() {
        assert_eq!(placed(&["Techno", "House"])[0], is("Techno", Some("Electronic"), false));
        assert_eq!(
            placed(&["Techno", "Electronic"]),
            [is("Techno", Some("Electronic"), false), is("Electronic", None, false)]
        );
        assert_eq!(placed(&["Pop", "Rock"]), [is("Pop", None, false), is("Rock", None, false)]);
    }
}
