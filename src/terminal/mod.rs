//! The owner's desk in a terminal: a list of what waits, and a key for every decision. It draws what the desk says and
//! hands keys on as corrections; which files wait, and what a correction does, is the desk's.
//!
//! ```text
//! keys ─► app (what is shown, what was asked for) ─► worker (corrections, one after the other; tags of the rows in sight)
//!          │                                             │
//!          └── draw ◄── list (rows, page by page)  ◄─────┘ what became of it
//! ```
//!
//! The screen is given back whatever happens: at the end, at an error, at a panic and at a signal.

mod app;
mod chooser;
mod draw;
mod help;
mod list;
mod player;
mod screen;
mod style;
mod text;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind};

use crate::desk::Desk;
use crate::pipeline::Cancel;
use crate::store::{QueueView, StoreError};
use app::App;
use screen::Screen;
pub use screen::give_back;
use style::Style;

/// Why the list cannot be shown, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The terminal cannot be read or drawn to.
    #[error("the terminal cannot be used: {0}; `reclassd review --plain` prints the list")]
    Terminal(#[from] std::io::Error),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was done while the list was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Corrections that were made and not taken back.
    pub corrected: usize,
    /// Files that could not be corrected.
    pub failed: usize,
}

/// How often what workers say is looked for, and the wish to stop.
const TICK: Duration = Duration::from_millis(60);

/// Shows the list until the owner leaves it or `cancel` is requested. `player` is the configured one; empty for one
/// that is found.
///
/// Corrections that were asked for are made before this returns.
///
/// # Errors
/// [`TerminalError`]; the terminal is then as it was.
pub fn review(desk: &Arc<Desk>, view: QueueView, player: &[String], cancel: &Cancel) -> Result<Tally, TerminalError> {
    let style = Style::of_environment(|name| std::env::var(name).ok());
    let mut app = App::new(Arc::clone(desk), view, player, style)?;
    let mut screen = Screen::enter()?;
    let mut is_stale = true;
    while !app.is_over() {
        if cancel.is_requested() {
            app.leave();
        }
        is_stale |= app.hear()?;
        if is_stale {
            let size = screen.size()?;
            app.fit(size)?;
            screen.draw(|frame| draw::draw(frame, &app))?;
            is_stale = false;
        }
        if screen::is_gone_after(TICK) {
            break;
        }
        if event::poll(Duration::ZERO)? {
            // All that waits: a held key moves on as fast as it repeats.
            loop {
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => app.press(key)?,
                    _ => {}
                }
                is_stale = true;
                if app.is_over() || !event::poll(Duration::ZERO)? {
                    break;
                }
            }
        }
    }
    drop(screen);
    Ok(app.end(cancel))
}
