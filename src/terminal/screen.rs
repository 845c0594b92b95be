//! The terminal taken and given back: raw input and the other screen, which are left when this is dropped, and before a
//! panic of the thread that draws is told.

use std::io::{self, Stdout, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};
use ratatui_crossterm::CrosstermBackend;

/// Whether the terminal is ours at this moment.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, taken.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn enter() -> io::Result<Self> {
        give_back_at_a_panic();
        IS_TAKEN.store(true, Ordering::SeqCst);
        let taken = || -> io::Result<Self> {
            enable_raw_mode()?;
            // `Terminal::clear` would ask the terminal where its cursor is, and fail where the answer is slow or never
            // comes.
            execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide)?;
            Ok(Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))? })
        };
        taken().inspect_err(|_| give_back())
    }

    pub(super) fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(|_| ())
    }
}

/// Waits for a key, no longer than `limit`, and tells whether the terminal is gone: a window that was closed, a line
/// that broke. Reading keys from it would find its end again and again, and never return.
#[allow(unsafe_code)] // no safe wrapper of poll is among what is built already
pub(super) fn is_gone_after(limit: Duration) -> bool {
    let mut line = libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: it is one structure, which lives throughout the call. An interrupted call has set nothing in it.
    let found = unsafe { libc::poll(&mut line, 1, milliseconds) };
    found > 0 && line.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it is taken: for whoever has to end the process at once. What fails here cannot be
/// helped.
pub fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Has a panic of this thread give the terminal back before it is told: on the other screen nobody would read it.
fn give_back_at_a_panic() {
    let drawing = std::thread::current().id();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == drawing {
            give_back();
        }
        tell(panic);
    }));
}

#[cfg(test)]
#[path = "../../tests/common/pty.rs"]
mod pty;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    /// Runs on a terminal, as the test below starts it; anywhere else it does nothing.
    #[test]
    fn a_panic_while_the_terminal_is_taken() {
        if std::env::var_os("RECLASSD_TEST_PANIC").is_none() {
            return;
        }
        let mut screen = Screen::enter().unwrap();
        screen.draw(|frame| frame.render_widget("drawn", frame.area())).unwrap();
        panic!("something is wrong");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_is_read_on_it() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let test = "terminal::screen::tests::a_panic_while_the_terminal_is_taken";
        command.args(["--exact", test, "--nocapture", "--test-threads", "1"]).env("RECLASSD_TEST_PANIC", "1");
        // A backtrace would push the message out of the screen.
        command.env("RUST_BACKTRACE", "0");
        let mut pty = pty::Pty::start(&mut command, 24, 80);
        assert_eq!(pty.end().code(), Some(101));
        assert!(pty.is_cooked());
        pty.wait_for("something is wrong");
        pty.with_screen(|screen| assert!(!screen.alternate_screen() && !screen.hide_cursor()));
        assert!(String::from_utf8_lossy(&pty.bytes()).contains("drawn"), "it was taken");
    }
}
