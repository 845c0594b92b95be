//! Processes that are killed in the middle of a write, and what the next start makes of it.

use super::*;

/// The journal of a process that will be killed: a file.
struct OnDisk(PathBuf);

impl OnDisk {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(fs::write(self.0.join(name), bytes)?)
    }

    /// The entry, if one was begun, and whether it was closed as committed.
    fn entry(&self) -> Option<(JournalEntry, bool)> {
        let entry = serde_json::from_slice(&fs::read(self.0.join("begun")).ok()?).unwrap();
        Some((entry, self.0.join("committed").exists()))
    }

    fn was_overwriting(&self) -> bool {
        self.0.join("overwriting").exists()
    }
}

impl Journal for OnDisk {
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>> {
        self.put("begun", &serde_json::to_vec(entry)?)?;
        Ok(EntryId(0))
    }

    fn overwriting(&self, _: EntryId) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.put("overwriting", b"")
    }

    fn commit(&self, _: EntryId, _: &FileStamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.put("committed", b"")
    }

    fn abandon(&self, _: EntryId, _: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.put("abandoned", b"")
    }
}

/// Kills this very process, as a power cut or the kernel would.
struct DieAt(Step, Cell<usize>);

impl Hook for DieAt {
    fn before(&self, step: Step) -> io::Result<()> {
        if step == self.0 {
            if self.1.get() == 0 {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
            self.1.set(self.1.get().wrapping_sub(1));
        }
        Ok(())
    }
}

/// Not a test of its own: the process that the next test starts and lets die.
#[test]
#[ignore = "run by a_process_that_is_killed_leaves_the_old_file_or_the_new_one"]
fn dying_writer() {
    let Some(path) = std::env::var_os("RECLASSD_TEST_DIE_FILE").map(PathBuf::from) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let step = STEPS_TO_DIE_AT[number("RECLASSD_TEST_DIE_STEP")];
    let hook = DieAt(step, Cell::new(number("RECLASSD_TEST_DIE_CALL")));
    let journal = OnDisk(path.parent().unwrap().parent().unwrap().to_owned());
    let options = if path.metadata().unwrap().nlink() > 1 { IN_PLACE } else { WriteOptions::default() };
    write_with(&path, &plan(&read(&path).unwrap()), &options, &journal, &hook).unwrap();
}

/// Starts a process that writes the file and is killed at a call of a step. False: it was never killed.
fn kill_a_writer(path: &Path, step: Step, call: usize) -> bool {
    let number = STEPS_TO_DIE_AT.iter().position(|known| *known == step).unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "tagging::write::tests::killed::dying_writer"])
        .env("RECLASSD_TEST_DIE_FILE", path)
        .env("RECLASSD_TEST_DIE_STEP", number.to_string())
        .env("RECLASSD_TEST_DIE_CALL", call.to_string())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    !status.success()
}

/// Those of a write by rename, and that of overwriting.
const STEPS_TO_DIE_AT: [Step; 14] = {
    let mut steps = [Step::Overwrite; 14];
    let mut number = 0;
    while number < Step::OF_A_WRITE.len() {
        steps[number] = Step::OF_A_WRITE[number];
        number += 1;
    }
    steps
};

#[test]
fn a_process_that_is_killed_while_it_overwrites_a_file_is_made_up_for_by_the_next_start() {
    let (mut killed, mut halfway) = (0, 0);
    for (name, bytes) in files() {
        for step in STEPS_TO_DIE_AT.into_iter().filter(|step| *step != Step::Rename) {
            for call in 0..if matches!(step, Step::Copy | Step::Overwrite) { 3 } else { 1 } {
                let room = tempfile::tempdir().unwrap();
                let folder = room.path().join("music");
                fs::create_dir(&folder).unwrap();
                let (path, other) = (folder.join(name), room.path().join("other name"));
                fs::write(&path, &bytes).unwrap();
                fs::hard_link(&path, &other).unwrap();
                let label = format!("{name}, call {call} of {step:?}");
                if !kill_a_writer(&path, step, call) {
                    assert!(call > 0, "{label} was not reached");
                    continue;
                }
                killed += 1;
                let journal = OnDisk(room.path().to_owned());
                let was_overwriting = journal.was_overwriting();
                halfway += usize::from(was_overwriting);
                match journal.entry() {
                    Some((entry, committed)) => {
                        assert!(!committed, "{label}");
                        let recovered = recover_in_peace(&entry, was_overwriting);
                        assert_eq!(recovered != Recovered::Abandoned, was_overwriting, "{label}");
                    }
                    None => assert!(step <= Step::Journal, "{label}"),
                }
                assert_eq!(names(&folder), [name], "{label}");
                assert_eq!(read(&other).unwrap().has_genre(), was_overwriting, "{label}");
                assert!(was_overwriting || fs::read(&other).unwrap() == bytes, "{label}");
            }
        }
    }
    println!("{killed} processes were killed, {halfway} of them halfway");
    assert!(killed >= 100 && halfway >= 25, "only {killed} processes were killed, {halfway} of them halfway");
}

#[test]
fn a_process_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let (mut killed, exchange) = (0, files_change_places());
    for (name, bytes) in files() {
        for step in Step::OF_A_WRITE.into_iter().filter(|step| exchange || *step != Step::Discard) {
            for call in 0..if step == Step::Copy { 4 } else { 1 } {
                let room = tempfile::tempdir().unwrap();
                let folder = room.path().join("music");
                fs::create_dir(&folder).unwrap();
                let path = folder.join(name);
                fs::write(&path, &bytes).unwrap();
                let label = format!("{name}, call {call} of {step:?}");
                if !kill_a_writer(&path, step, call) {
                    assert!(call > 0, "{label} was not reached");
                    continue;
                }
                killed += 1;
                let renamed = step > Step::Rename;
                let found = fs::read(&path).unwrap();
                assert_eq!(found == bytes, !renamed, "{label}");
                // The next start: the journal tells what was open, the file what happened.
                match OnDisk(room.path().to_owned()).entry() {
                    Some((entry, committed)) => {
                        assert!(!committed && step > Step::Journal, "{label}");
                        let recovered = recover_in_peace(&entry, false);
                        let expected = FileStamp::of(&path).unwrap();
                        let expected = if renamed { Recovered::Committed(expected) } else { Recovered::Abandoned };
                        assert_eq!(recovered, expected, "{label}");
                    }
                    None => assert!(step <= Step::Journal, "{label}"),
                }
                assert_eq!(names(&folder), [name], "{label}");
                assert_eq!(fs::read(&path).unwrap(), found);
                assert_eq!(read(&path).unwrap().has_genre(), renamed, "{label}");
            }
        }
    }
    println!("{killed} processes were killed");
    assert!(killed >= 100, "only {killed} processes were killed");
}
