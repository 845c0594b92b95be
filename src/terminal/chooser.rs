//! Choosing genres by typing: what was typed, what that found, and what was picked so far.

use crate::desk::{GenreNames, Named};

/// The state of the choice.
pub(super) struct Chooser {
    pub(super) typed: String,
    pub(super) found: Vec<Named>,
    pub(super) at: usize,
    /// Genres that were picked, to be written together.
    pub(super) picked: Vec<String>,
    /// The track's own guesses, which come first while nothing is typed.
    guesses: Vec<String>,
}

impl Chooser {
    pub(super) fn new(names: &GenreNames, guesses: Vec<String>) -> Self {
        let mut chooser = Self { typed: String::new(), found: Vec::new(), at: 0, picked: Vec::new(), guesses };
        chooser.search(names);
        chooser
    }

    pub(super) fn push(&mut self, c: char, names: &GenreNames) {
        self.typed.push(c);
        self.search(names);
    }

    /// Takes the last letter away, or the last pick where nothing is typed.
    pub(super) fn pop(&mut self, names: &GenreNames) {
        if self.typed.pop().is_none() {
            self.picked.pop();
        }
        self.search(names);
    }

    pub(super) fn step(&mut self, by: isize) {
        let last = self.found.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Picks the genre at the cursor, or lets it go again, and begins a new search.
    pub(super) fn pick(&mut self, names: &GenreNames) {
        if let Some(word) = self.found.get(self.at).map(|named| named.word.clone()) {
            match self.picked.iter().position(|picked| *picked == word) {
                Some(at) => drop(self.picked.remove(at)),
                None => self.picked.push(word),
            }
        }
        self.typed.clear();
        self.search(names);
    }

    /// What is chosen: what was picked, and the genre at the cursor unless nothing was typed behind a pick.
    pub(super) fn chosen(&self) -> Vec<String> {
        let mut chosen = self.picked.clone();
        if chosen.is_empty() || !self.typed.trim().is_empty() {
            let word = self.found.get(self.at).map(|named| named.word.clone());
            chosen.extend(word.filter(|word| !self.picked.contains(word)));
        }
        chosen
    }

    fn search(&mut self, names: &GenreNames) {
        self.at = 0;
        self.found = names.search(&self.typed);
        if self.typed.trim().is_empty() {
            let rank = |named: &Named| self.guesses.iter().position(|guess| *guess == named.word);
            self.found.sort_by_key(|named| rank(named).unwrap_or(usize::MAX));
        }
    }
}
