//! The service as a process, and what a test waits for: conditions with generous limits, never a moment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Library;

/// How long a condition may take to come true on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a condition gives a value; fails with what it waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A running `reclassd watch`; killed when dropped.
pub struct Service {
    pub child: Child,
    log: PathBuf,
    database: PathBuf,
}

impl Service {
    /// Starts the service on the library's music folder and waits until it says that it works.
    #[track_caller]
    pub fn start(library: &Library) -> Self {
        let music = library.music();
        Self::start_with(library, |command| {
            command.arg(music);
        })
    }

    /// The same with arguments and an environment of the test's own.
    #[track_caller]
    pub fn start_with(library: &Library, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut service = Self::spawn(library, prepare);
        let pid = service.child.id();
        let database = service.database.clone();
        eventually("the service to start", || {
            let ended = service.child.try_wait().unwrap();
            assert!(ended.is_none(), "the service ended at once:\n{}", service.log());
            status(&database).filter(|status| status["pid"] == pid)
        });
        service
    }

    /// Starts the service and does not wait.
    pub fn spawn(library: &Library, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = library.command("watch");
        command.env("RECLASSD_LOG", "reclassd=debug");
        prepare(&mut command);
        Self::of(library, &mut command)
    }

    /// A command that becomes the service.
    pub fn of(library: &Library, command: &mut Command) -> Self {
        let log = library.root().join("service.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log, database: library.database() }
    }

    /// All that services of this library logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Lines of the log that hold a word.
    pub fn logged(&self, word: &str) -> usize {
        self.log().lines().filter(|line| line.contains(word)).count()
    }

    /// What it last said of itself.
    pub fn status(&self) -> Option<Value> {
        status(&self.database).filter(|status| status["pid"] == self.child.id())
    }

    /// Waits until it has nothing to do and a condition holds, for as long as it gets on with its work.
    #[track_caller]
    pub fn settled(&self, what: &str, mut condition: impl FnMut(&Value) -> bool) -> Value {
        let started = Instant::now();
        let mut progress = (Value::Null, started);
        loop {
            let status = self.status();
            if let Some(status) = status.as_ref().filter(|status| status["state"] == "idle" && condition(status)) {
                return status.clone();
            }
            let seen = status.as_ref().map_or(Value::Null, |status| status["counts"]["seen"].clone());
            if seen != progress.0 {
                progress = (seen, Instant::now());
            }
            let late = progress.1.elapsed() > PATIENCE || started.elapsed() > 5 * PATIENCE;
            assert!(!late, "waited in vain for: {what}\nstatus: {status:?}\nlog:\n{}", tail(&self.log()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it as the system would, and gives the exit code and how long that took.
    #[track_caller]
    pub fn stop(mut self) -> (Option<i32>, Duration) {
        let started = Instant::now();
        self.signal("TERM");
        let code = eventually("the service to end", || self.child.try_wait().unwrap());
        (code.code(), started.elapsed())
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        self.kibibytes("VmRSS:")
    }

    /// The most memory that was resident, in KiB.
    pub fn peak(&self) -> u64 {
        self.kibibytes("VmHWM:")
    }

    fn kibibytes(&self, what: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Processor time in ticks (of 10 ms).
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Open files, and folders that the kernel watches.
    pub fn open_and_watched(&self) -> (usize, usize) {
        let process = Path::new("/proc").join(self.child.id().to_string());
        let open = std::fs::read_dir(process.join("fd")).unwrap().count();
        let infos = std::fs::read_dir(process.join("fdinfo")).unwrap().flatten();
        let infos = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
        let watched = infos.map(|info| info.lines().filter(|line| line.starts_with("inotify")).count()).sum();
        (open, watched)
    }
}

/// A library whose service settles, polls and unloads within seconds.
pub fn quick_library(watch: &str) -> Library {
    Library::with_config(&format!(
        "[tags]\nmin_confidence = 0.0\n[analysis]\nmin_seconds = 0.5\n[library]\nsettle_seconds = 1\n\
         [watch]\npriority = \"normal\"\n{watch}\n"
    ))
}

/// How many files of each status the database holds of the library's first root.
#[track_caller]
pub fn files(library: &Library) -> Value {
    let run = library.run("status", &["--json"]).expect_code(0);
    let status: Value = serde_json::from_str(&run.stdout).unwrap();
    status["roots"][0]["files"].clone()
}

impl Drop for Service {
    fn drop(&mut self) {
        // A test that fails must not leave it behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(database: &Path) -> Option<Value> {
    let mut name = database.as_os_str().to_owned();
    name.push(".status");
    serde_json::from_slice(&std::fs::read(name).ok()?).ok()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
