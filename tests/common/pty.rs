//! A program on a terminal of its own: keys go in, and what it draws is read back as a screen.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses a part of it; a test may panic
#![allow(unsafe_code)] // a terminal is opened, sized and taken through libc alone

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Pty {
    child: Child,
    keys: File,
    /// Kept open, so that what was drawn last can be read after the program has ended.
    line: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that came, as it came.
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Nobody reads what is drawn any more.
    is_over: Arc<AtomicBool>,
    pub pressed: usize,
}

impl Pty {
    /// Starts a program on a terminal of that size.
    pub fn start(command: &mut Command, rows: u16, columns: u16) -> Self {
        let size = winsize(rows, columns);
        // Closed in every program that is started meanwhile, this one included: while one holds the other end, nothing
        // hangs up.
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: each number that is made an owner of is one that was opened just now and is nobody else's; the size
        // lives throughout.
        let (master, line) = unsafe {
            let master = libc::posix_openpt(flags);
            assert!(master >= 0, "{}", std::io::Error::last_os_error());
            let master = OwnedFd::from_raw_fd(master);
            assert_eq!(libc::grantpt(master.as_raw_fd()), 0);
            assert_eq!(libc::unlockpt(master.as_raw_fd()), 0);
            assert_eq!(libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &size), 0);
            let line = libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags);
            assert!(line >= 0, "{}", std::io::Error::last_os_error());
            (master, OwnedFd::from_raw_fd(line))
        };
        let end = || std::process::Stdio::from(line.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
        if command.get_envs().all(|(name, _)| name != "TERM") {
            command.env("TERM", "xterm");
        }
        // SAFETY: both calls are allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut drawn = File::from(master.try_clone().unwrap());
        let (shown, kept) = (Arc::clone(&screen), Arc::clone(&bytes));
        let is_over = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while !is_closed.load(Ordering::SeqCst) {
                if !is_readable(&drawn) {
                    continue;
                }
                let Ok(read @ 1..) = drawn.read(&mut buffer) else { break };
                shown.lock().unwrap().process(&buffer[..read]);
                kept.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { child, keys: File::from(master), line, screen, bytes, is_over, pressed: 0 }
    }

    /// Presses keys, one for each character.
    pub fn press(&mut self, keys: &str) {
        self.pressed += keys.chars().count();
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Presses a key that is more than one byte.
    pub fn press_special(&mut self, sequence: &str) {
        self.pressed += 1;
        self.keys.write_all(sequence.as_bytes()).unwrap();
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.lock().unwrap().screen())
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// The number of the program.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the screen shows what is expected, and fails with the screen where it never does.
    #[track_caller]
    pub fn wait(&self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let screen = self.screen();
            if is_shown(&screen) {
                return screen;
            }
            assert!(started.elapsed() < PATIENCE, "never shown: {what}\n{screen}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Gives the terminal another size, and says so to the program.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(rows, columns);
        let size = winsize(rows, columns);
        // SAFETY: the size is read, and lives long enough.
        let set = unsafe { libc::ioctl(self.keys.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }

    /// Closes the window: nothing is at the other end any more. Waits for the end of the program.
    #[track_caller]
    pub fn hang_up(&mut self) {
        let nothing = || OwnedFd::from(File::open("/dev/null").unwrap());
        // Reading has a copy of this end, which is given up too: the line counts as broken once none is left.
        self.is_over.store(true, Ordering::SeqCst);
        self.keys = File::from(nothing());
        self.line = nothing();
        let started = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: the program is a child that was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.id() as i32, signal) }, 0);
    }

    /// Whether lines are read whole and echoed, as a shell needs them.
    pub fn is_cooked(&self) -> bool {
        // SAFETY: all zeroes is a valid termios, which the call fills in.
        let flags = unsafe {
            let mut termios: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(self.line.as_raw_fd(), &mut termios), 0);
            termios.c_lflag
        };
        flags & libc::ICANON != 0 && flags & libc::ECHO != 0
    }

    /// Waits for the end of the program, and until what it drew last was read.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // A word of ours behind all that it drew, which no screen shows: when that has come, all has come.
                const LAST: &[u8] = b"\x1b]2;the end\x07";
                File::from(self.line.try_clone().unwrap()).write_all(LAST).unwrap();
                while !self.bytes().ends_with(LAST) {
                    assert!(started.elapsed() < PATIENCE, "what it drew last does not come\n{}", self.screen());
                    std::thread::sleep(Duration::from_millis(5));
                }
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a moment whether there is anything to read.
fn is_readable(file: &File) -> bool {
    let mut line = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: it is one structure, which lives throughout the call.
    unsafe { libc::poll(&mut line, 1, 20) > 0 }
}

fn winsize(rows: u16, columns: u16) -> libc::winsize {
    libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
