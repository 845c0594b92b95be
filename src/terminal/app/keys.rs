//! What the keys mean, in the list, while a filter is typed, while a genre is chosen, and while the keys are explained.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::chooser::Chooser;
use super::super::worker::Job;
use super::{App, Mode, Scope};
use crate::desk::Correction;
use crate::store::{QueueFilter, QueueOrder, QueueSet, QueueView, StoreError};

impl App {
    /// Does what a key means.
    pub(in crate::terminal) fn press(&mut self, key: KeyEvent) -> Result<(), StoreError> {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            self.leave();
            return Ok(());
        }
        match &mut self.mode {
            Mode::List => self.press_in_list(key),
            Mode::Filter(_) => self.press_in_filter(key),
            Mode::Choose(_) => self.press_in_choice(key),
            Mode::Help(line) => {
                match key.code {
                    KeyCode::Down | KeyCode::Char('j' | ' ') | KeyCode::PageDown => *line += 1,
                    KeyCode::Up | KeyCode::Char('k') | KeyCode::PageUp => *line = line.saturating_sub(1),
                    _ => self.mode = Mode::List,
                }
                Ok(())
            }
        }
    }

    fn press_in_list(&mut self, key: KeyEvent) -> Result<(), StoreError> {
        let page = self.height.saturating_sub(1).max(1) as isize;
        let was_scoped = self.scope != Scope::Track;
        self.message = None;
        match key.code {
            KeyCode::Char('q') => self.leave(),
            KeyCode::Char('?') | KeyCode::F(1) => self.mode = Mode::Help(0),
            KeyCode::Down | KeyCode::Char('j') => self.list.step(&self.desk, 1)?,
            KeyCode::Up | KeyCode::Char('k') => self.list.step(&self.desk, -1)?,
            KeyCode::PageDown => self.list.step(&self.desk, page)?,
            KeyCode::PageUp => self.list.step(&self.desk, -page)?,
            KeyCode::Home => self.list.go_to_start(&self.desk)?,
            KeyCode::End | KeyCode::Char('G') => self.list.go_to_end(&self.desk)?,
            KeyCode::Char('b') => self.toggle_scope(Scope::Album),
            KeyCode::Char('f') => self.toggle_scope(Scope::Folder),
            KeyCode::Char('m') => {
                if self.marks.is_empty() {
                    self.say("nothing is marked: Space marks a row".to_owned());
                } else {
                    self.toggle_scope(Scope::Marked);
                }
            }
            KeyCode::Char(' ') => {
                if let Some(entry) = self.list.current() {
                    let id = entry.track.id;
                    if !self.marks.remove(&id) {
                        self.marks.insert(id);
                    }
                    self.list.step(&self.desk, 1)?;
                }
            }
            KeyCode::Enter | KeyCode::Char('a') => self.correct(Correction::Accept)?,
            KeyCode::Char(digit @ '1'..='3') => self.take_guess(digit as usize - '1' as usize)?,
            KeyCode::Char('s' | 'g') => self.begin_choice(),
            KeyCode::Char('x') => self.correct(Correction::LeaveAlone)?,
            KeyCode::Char('u') => {
                self.jobs += 1;
                self.workers.ask(Job::Undo);
            }
            KeyCode::Char('p') => self.play(),
            KeyCode::Char('/') => self.mode = Mode::Filter(self.list.view.filter.text.clone()),
            KeyCode::Char('o') => self.next_order()?,
            KeyCode::Char('v') => self.next_set()?,
            KeyCode::Char('r') => self.reopen(self.list.view.clone())?,
            KeyCode::Esc if !was_scoped && !self.marks.is_empty() => self.marks.clear(),
            KeyCode::Esc if !was_scoped && !self.list.view.filter.text.is_empty() => self.filter(String::new())?,
            _ => {}
        }
        // A reach is for the next decision alone.
        let keeps_scope = matches!(key.code, KeyCode::Char('b' | 'f' | 'm'));
        if was_scoped && !keeps_scope && !matches!(self.mode, Mode::Choose(_)) {
            self.scope = Scope::Track;
        }
        Ok(())
    }

    fn toggle_scope(&mut self, scope: Scope) {
        self.scope = if self.scope == scope { Scope::Track } else { scope };
    }

    /// The guess of a number, as it would be written.
    fn take_guess(&mut self, number: usize) -> Result<(), StoreError> {
        let Some(entry) = self.list.current() else { return Ok(()) };
        let Some((name, _)) = entry.track.ranking.get(number) else { return Ok(()) };
        let word = self.desk.word_in(&entry.track.path, name);
        self.correct(Correction::Set(vec![word]))
    }

    fn begin_choice(&mut self) {
        let Some(entry) = self.list.current() else { return };
        let path = &entry.track.path;
        let guesses = entry.track.ranking.iter().map(|(name, _)| self.desk.word_in(path, name)).collect();
        self.mode = Mode::Choose(Box::new(Chooser::new(self.desk.genres(), guesses)));
    }

    fn press_in_choice(&mut self, key: KeyEvent) -> Result<(), StoreError> {
        let Mode::Choose(chooser) = &mut self.mode else { return Ok(()) };
        let names = self.desk.genres();
        match key.code {
            KeyCode::Esc => {
                self.mode = Mode::List;
                self.scope = Scope::Track;
            }
            KeyCode::Down => chooser.step(1),
            KeyCode::Up => chooser.step(-1),
            KeyCode::PageDown => chooser.step(10),
            KeyCode::PageUp => chooser.step(-10),
            KeyCode::Tab => chooser.pick(names),
            KeyCode::Backspace => chooser.pop(names),
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => chooser.push(c, names),
            KeyCode::Enter => {
                let chosen = chooser.chosen();
                if !chosen.is_empty() {
                    self.mode = Mode::List;
                    self.correct(Correction::Set(chosen))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn press_in_filter(&mut self, key: KeyEvent) -> Result<(), StoreError> {
        let Mode::Filter(text) = &mut self.mode else { return Ok(()) };
        match key.code {
            KeyCode::Esc => {
                self.mode = Mode::List;
                return self.filter(String::new());
            }
            KeyCode::Enter => {
                self.mode = Mode::List;
                return Ok(());
            }
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => text.clear(),
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => text.push(c),
            _ => return Ok(()),
        }
        let text = text.clone();
        self.filter(text)
    }

    fn filter(&mut self, text: String) -> Result<(), StoreError> {
        let mut view = self.list.view.clone();
        view.filter.text = text;
        self.reopen(view)
    }

    fn next_order(&mut self) -> Result<(), StoreError> {
        use QueueOrder::{Added, Confidence, Path, Worth};
        let mut view = self.list.view.clone();
        view.order = match view.order {
            Worth => Confidence,
            Confidence => Path,
            Path => Added,
            Added => Worth,
        };
        view.reversed = false;
        self.reopen(view)
    }

    fn next_set(&mut self) -> Result<(), StoreError> {
        use QueueSet::{Analysed, Library, NotMusic, Tagged, TakenOut, Unsure};
        let set = match self.list.view.filter.set {
            Unsure => Tagged,
            Tagged => NotMusic,
            NotMusic => TakenOut,
            TakenOut => Analysed,
            Analysed | Library => Unsure,
        };
        let filter = QueueFilter { set, ..self.list.view.filter.clone() };
        self.reopen(QueueView { filter, ..self.list.view.clone() })
    }

    fn play(&mut self) {
        if self.player.is_playing() {
            self.player.stop();
            return self.say("stopped".to_owned());
        }
        let Some(entry) = self.list.current() else { return };
        let (start, length) = self.desk.listened_to(&entry.track);
        match self.player.play(&entry.track.path, start, length) {
            Ok(()) => self.say(format!("playing {length:.0} s from {start:.0} s on; p stops it")),
            Err(why) => self.say_bad(why),
        }
    }
}
