//! The rows of a view, as far as they are in memory: pages are read as the cursor comes near them, and let go when it
//! is far. What was decided stays in the list until then, with what became of it.

use crate::desk::Desk;
use crate::store::{QueueCursor, QueuePage, QueuePlace, QueueView, QueuedTrack, StoreError, TrackId};

/// Rows that are read at once.
const PAGE: usize = 200;
/// Rows ahead of the cursor that are in memory, where there are as many.
const AHEAD: usize = 100;
/// Rows that are in memory at the most.
const MOST: usize = 1000;

/// What is the matter with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for a decision.
    Waiting,
    /// It was decided, and is being worked on by the job of this number.
    Busy(u64),
    /// It was decided: these words say what was done.
    Done(String),
    /// It was to be left alone, and is.
    Left,
    /// It could not be done, and why.
    Failed(String),
}

/// A row.
pub(super) struct Entry {
    pub(super) track: QueuedTrack,
    /// What accepting the guess would write.
    pub(super) suggestion: Vec<String>,
    pub(super) state: State,
}

/// The rows around the cursor.
pub(super) struct List {
    pub(super) view: QueueView,
    pub(super) rows: Vec<Entry>,
    pub(super) cursor: usize,
    /// The first row in sight.
    pub(super) top: usize,
    /// Files that let through, when the view was opened.
    pub(super) total: u64,
    first: Option<QueueCursor>,
    last: Option<QueueCursor>,
    goes_up: bool,
    goes_down: bool,
}

impl List {
    /// The beginning of a view.
    pub(super) fn open(desk: &Desk, view: QueueView) -> Result<Self, StoreError> {
        let total = desk.count(&view.filter)?;
        let mut list = Self {
            view,
            rows: Vec::new(),
            cursor: 0,
            top: 0,
            total,
            first: None,
            last: None,
            goes_up: false,
            goes_down: false,
        };
        list.start(desk)?;
        Ok(list)
    }

    /// The row at the cursor.
    pub(super) fn current(&self) -> Option<&Entry> {
        self.rows.get(self.cursor)
    }

    pub(super) fn find(&mut self, id: TrackId) -> Option<&mut Entry> {
        self.rows.iter_mut().find(|entry| entry.track.id == id)
    }

    fn start(&mut self, desk: &Desk) -> Result<(), StoreError> {
        let page = desk.page(&self.view, QueuePlace::Start, PAGE)?;
        (self.goes_up, self.goes_down) = (false, page.goes_on);
        (self.cursor, self.top) = (0, 0);
        self.replace(desk, page);
        self.settle(desk)
    }

    /// To the first row.
    pub(super) fn go_to_start(&mut self, desk: &Desk) -> Result<(), StoreError> {
        if self.goes_up {
            return self.start(desk);
        }
        self.cursor = 0;
        Ok(())
    }

    /// To the last row.
    pub(super) fn go_to_end(&mut self, desk: &Desk) -> Result<(), StoreError> {
        if self.goes_down {
            let page = desk.page(&self.view, QueuePlace::End, PAGE)?;
            (self.goes_up, self.goes_down) = (page.goes_on, false);
            self.replace(desk, page);
        }
        self.cursor = self.rows.len().saturating_sub(1);
        self.settle(desk)
    }

    /// Moves the cursor by rows, as far as there are any.
    pub(super) fn step(&mut self, desk: &Desk, by: isize) -> Result<(), StoreError> {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.settle(desk)
    }

    /// To the next row that waits: behind the cursor, else before it; else it stays.
    pub(super) fn go_to_next_waiting(&mut self, desk: &Desk) -> Result<(), StoreError> {
        loop {
            let waits = |entry: &Entry| entry.state == State::Waiting;
            if let Some(at) = self.rows.iter().skip(self.cursor).position(waits) {
                self.cursor += at;
                return self.settle(desk);
            }
            if !self.goes_down {
                if let Some(at) = self.rows.iter().rposition(waits) {
                    self.cursor = at;
                }
                return self.settle(desk);
            }
            self.cursor = self.rows.len().saturating_sub(1);
            self.settle(desk)?;
        }
    }

    /// Has rows in memory on both sides of the cursor.
    fn settle(&mut self, desk: &Desk) -> Result<(), StoreError> {
        while self.goes_down && self.cursor + AHEAD >= self.rows.len() {
            let place = self.last.as_ref().map_or(QueuePlace::Start, QueuePlace::After);
            let page = desk.page(&self.view, place, PAGE)?;
            self.goes_down = page.goes_on;
            self.last = page.last.or(self.last.take());
            self.rows.extend(page.rows.into_iter().map(|track| entry(desk, track)));
        }
        while self.goes_up && self.cursor < AHEAD {
            let place = self.first.as_ref().map_or(QueuePlace::Start, QueuePlace::Before);
            let page = desk.page(&self.view, place, PAGE)?;
            self.goes_up = page.goes_on;
            self.first = page.first.or(self.first.take());
            self.cursor += page.rows.len();
            self.top += page.rows.len();
            self.rows.splice(0..0, page.rows.into_iter().map(|track| entry(desk, track)));
        }
        self.let_go();
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        Ok(())
    }

    /// Lets go of rows that are far from the cursor.
    fn let_go(&mut self) {
        let excess = self.rows.len().saturating_sub(MOST);
        if excess == 0 {
            return;
        }
        if self.cursor > self.rows.len() / 2 {
            self.rows.drain(..excess);
            self.cursor -= excess;
            self.top = self.top.saturating_sub(excess);
            self.first = self.rows.first().map(|entry| self.view.cursor_of(&entry.track));
            self.goes_up = true;
        } else {
            self.rows.truncate(MOST);
            self.last = self.rows.last().map(|entry| self.view.cursor_of(&entry.track));
            self.goes_down = true;
        }
    }

    fn replace(&mut self, desk: &Desk, page: QueuePage) {
        self.rows = page.rows.into_iter().map(|track| entry(desk, track)).collect();
        (self.first, self.last) = (page.first, page.last);
    }

    /// Keeps the cursor among the `height` rows in sight.
    pub(super) fn scroll(&mut self, height: usize) {
        let height = height.max(1);
        if self.cursor < self.top {
            self.top = self.cursor;
        }
        if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        // No empty lines below the last row while there are rows above.
        self.top = self.top.min(self.rows.len().saturating_sub(height));
    }
}

fn entry(desk: &Desk, track: QueuedTrack) -> Entry {
    let suggestion = desk.suggestion(&track);
    Entry { track, suggestion, state: State::Waiting }
}
