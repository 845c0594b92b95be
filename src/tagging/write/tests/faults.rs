//! Every step made to fail, crash or be raced against once.

use super::*;

#[test]
fn whatever_step_fails_the_old_file_stays_and_nothing_is_left_beside_it() {
    let exchange = files_change_places();
    for (name, bytes) in files() {
        for step in Step::OF_A_WRITE.into_iter().filter(|step| exchange || *step != Step::Discard) {
            // The copy is written in pieces: let an early and a late one fail.
            for nth in 0..if step == Step::Copy { 3 } else { 1 } {
                let scene = Scene::new(name, &bytes);
                let hook = FailAt(step, Cell::new(nth), io::ErrorKind::StorageFull);
                let error = match scene.write_with(&WriteOptions::default(), &hook) {
                    Err(error) => error,
                    // There were not that many pieces.
                    Ok(_) if nth > 0 => continue,
                    Ok(_) => panic!("{step:?} of {name} did not fail"),
                };
                let (now, states) = (fs::read(&scene.path).unwrap(), scene.journal.states());
                if step >= Step::Discard {
                    assert!(error.is_written(), "{error}");
                    assert_eq!(scene.genres(), ["Jazz"]);
                    let left = step == Step::Discard;
                    assert_eq!(states, [if left { "open" } else { "committed" }]);
                    // The next start removes the old file, and knows what happened.
                    let entry = scene.journal.entries.borrow()[0].0.clone();
                    let stamp = FileStamp::of(&scene.path).unwrap();
                    assert_eq!(recover_in_peace(&entry, false), Recovered::Committed(stamp));
                } else {
                    assert!(error.to_string().contains(name), "{error}");
                    assert!(!error.is_written());
                    assert_eq!(now, bytes, "{step:?} of {name}");
                    assert!(states.iter().all(|state| state.starts_with("abandoned: ")), "{states:?}");
                    assert_eq!(states.len(), usize::from(step > Step::Journal));
                }
                assert!(scene.alone(), "{step:?} of {name} left {:?}", names(scene.folder.path()));
            }
        }
    }
}

#[test]
fn a_full_disk_is_told_with_what_to_do() {
    let scene = Scene::mp3();
    let hook = FailAt(Step::Copy, Cell::new(1), io::ErrorKind::StorageFull);
    let line = scene.write_with(&WriteOptions::default(), &hook).unwrap_err().to_string();
    assert!(line.contains("writing the temporary copy") && line.contains("free some space"), "{line}");
}

#[test]
fn a_journal_that_fails_stops_the_write_before_it_starts() {
    let scene = Scene::mp3();
    let before = fs::read(&scene.path).unwrap();
    scene.journal.fails_to.set("begin");
    assert!(matches!(scene.write(&WriteOptions::default()), Err(TagError::Journal { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), before);
    assert!(scene.alone());
}

#[test]
fn a_journal_that_fails_at_the_end_leaves_an_entry_that_recovers_as_committed() {
    let scene = Scene::mp3();
    scene.journal.fails_to.set("commit");
    let error = scene.write(&WriteOptions::default()).unwrap_err();
    assert!(matches!(error, TagError::NotRecorded { .. }) && error.is_written());
    assert_eq!(scene.genres(), ["Jazz"]);
    let entry = scene.journal.entries.borrow()[0].0.clone();
    assert_eq!(recover_in_peace(&entry, false), Recovered::Committed(FileStamp::of(&scene.path).unwrap()));
}

#[test]
fn an_interrupted_write_recovers_as_abandoned_and_its_copy_is_removed() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        scene.change();
        let entry = scene.journal.entries.borrow()[0].0.clone();
        // As if the process had been killed while it wrote the copy.
        let again = Scene::new(name, &bytes);
        let entry = JournalEntry {
            path: again.path.clone(),
            temporary_path: again.path.with_file_name(entry.temporary_path.file_name().unwrap()),
            before: FileStamp::of(&again.path).unwrap(),
            ..entry
        };
        fs::write(&entry.temporary_path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(recover_in_peace(&entry, false), Recovered::Abandoned);
        assert!(again.alone());
        assert_eq!(fs::read(&again.path).unwrap(), bytes);
        assert_eq!(recover_in_peace(&entry, false), Recovered::Abandoned, "a second time changes nothing");
        // Somebody else's edit is not ours.
        fs::write(&again.path, [bytes.clone(), mpeg_frames(1)].concat()).unwrap();
        assert_eq!(recover_in_peace(&entry, false), Recovered::Abandoned);
        fs::remove_file(&again.path).unwrap();
        assert_eq!(recover_in_peace(&entry, false), Recovered::Missing);
    }
}

#[test]
fn recovery_removes_or_moves_nothing_that_may_be_somebody_elses() {
    let killed = |step| {
        let scene = Scene::mp3();
        let before = fs::read(&scene.path).unwrap();
        // As if the process had died at that step, with its copy half written: a file of its own beside the old one.
        let half = scene.folder.path().join("half");
        fs::write(&half, &before[..before.len() / 2]).unwrap();
        scene.change();
        let mut entry = scene.journal.entries.borrow()[0].0.clone();
        fs::rename(&half, &entry.temporary_path).unwrap();
        entry.before.inode ^= u64::from(step == Step::Overwrite) << 40;
        (scene, entry)
    };
    // Another scan wrote the same fields meanwhile: the file is whole, and the half copy must not take its place.
    let (scene, entry) = killed(Step::Copy);
    let whole = fs::read(&scene.path).unwrap();
    assert_eq!(recover_in_peace(&entry, false), Recovered::Unclear(entry.temporary_path.clone()));
    assert_eq!(fs::read(&scene.path).unwrap(), whole);

    // The owner put a backup in the place of a file that was being overwritten: it is not overwritten once more.
    let (scene, entry) = killed(Step::Overwrite);
    fs::write(scene.folder.path().join("backup"), b"a better rip").unwrap();
    fs::rename(scene.folder.path().join("backup"), &scene.path).unwrap();
    assert_eq!(recover_in_peace(&entry, true), Recovered::Unclear(entry.temporary_path.clone()));
    assert_eq!(fs::read(&scene.path).unwrap(), b"a better rip");
    // Or deleted that name of it: the whole copy is not thrown away.
    fs::remove_file(&scene.path).unwrap();
    assert_eq!(recover_in_peace(&entry, true), Recovered::Unclear(entry.temporary_path.clone()));
    assert!(entry.temporary_path.exists());

    // The disk is not mounted: nothing is known yet.
    let (_scene, mut entry) = killed(Step::Copy);
    entry.path = "/nowhere at all/song.mp3".into();
    entry.temporary_path = "/nowhere at all/.song.mp3.reclassd-1-1.tmp".into();
    assert_eq!(recover_in_peace(&entry, false), Recovered::Later);
}

#[test]
fn the_last_change_of_a_file_is_noticed_even_if_it_keeps_size_and_time() {
    let scene = Scene::mp3();
    let time = scene.path.metadata().unwrap().modified().unwrap();
    let before = fs::read(&scene.path).unwrap();
    let theirs: Vec<u8> = before.iter().map(|byte| byte ^ u8::from(*byte == b'T')).collect();
    let hook = Meddle(Step::Verify, || {
        fs::write(&scene.path, &theirs).unwrap();
        fs::File::options().write(true).open(&scene.path).unwrap().set_modified(time).unwrap();
    });
    assert!(matches!(scene.write_with(&WriteOptions::default(), &hook), Err(TagError::Changed { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), theirs);
}

#[test]
fn recovery_keeps_away_from_a_write_in_progress_and_from_files_that_are_not_ours() {
    let scene = Scene::mp3();
    let seen = RefCell::new(None);
    let hook = Meddle(Step::Verify, || {
        let entry = scene.journal.entries.borrow()[0].0.clone();
        seen.replace(Some(recover(&entry, false).unwrap()));
        assert!(entry.temporary_path.exists());
    });
    scene.write_with(&WriteOptions::default(), &hook).unwrap();
    assert_eq!(seen.take(), Some(Recovered::InProgress));

    let mut entry = scene.journal.entries.borrow()[0].0.clone();
    let foreign = scene.folder.path().join("precious.mp3");
    fs::write(&foreign, b"x").unwrap();
    entry.temporary_path = foreign.clone();
    recover_in_peace(&entry, false);
    assert!(foreign.exists(), "only names of ours are removed");
}

#[test]
fn a_file_that_changes_while_we_work_is_left_to_whoever_changed_it() {
    let scene = Scene::mp3();
    let path = scene.path.clone();
    let hook = Meddle(Step::Verify, || fs::write(&path, b"somebody else's file").unwrap());
    assert!(matches!(scene.write_with(&WriteOptions::default(), &hook), Err(TagError::Changed { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), b"somebody else's file");
    assert!(scene.alone());
    assert!(scene.journal.states()[0].starts_with("abandoned"));
}

#[test]
fn a_plan_for_an_older_state_of_the_file_is_not_carried_out() {
    let scene = Scene::mp3();
    let stale = plan(&read(&scene.path).unwrap());
    let longer = [fs::read(&scene.path).unwrap(), mpeg_frames(1)].concat();
    fs::write(&scene.path, &longer).unwrap();
    let result = write(&scene.path, &stale, &WriteOptions::default(), &scene.journal);
    assert!(matches!(result, Err(TagError::Changed { .. })));
    assert_eq!(fs::read(&scene.path).unwrap(), longer);
}

#[test]
fn the_callers_check_decides_as_well() {
    let scene = Scene::mp3();
    let before = fs::read(&scene.path).unwrap();
    let check = |original: &Path, copy: &Path| {
        assert_ne!(fs::read(original).unwrap(), fs::read(copy).unwrap());
        Err("it does not decode".to_owned())
    };
    let options = WriteOptions { verify: Some(&check), ..WriteOptions::default() };
    let error = scene.write(&options).unwrap_err();
    assert!(error.to_string().contains("it does not decode"));
    assert_eq!(fs::read(&scene.path).unwrap(), before);
    assert!(scene.alone());
}

#[test]
fn a_copy_that_was_spoilt_does_not_pass_the_check() {
    for (name, bytes) in files() {
        for place in [20, bytes.len() - 2000 % bytes.len(), bytes.len() - 5] {
            let scene = Scene::new(name, &bytes);
            let hook = Meddle(Step::Verify, || {
                let copy = scene.journal.entries.borrow()[0].0.temporary_path.clone();
                let mut spoilt = fs::read(&copy).unwrap();
                let from_end = bytes.len() - place;
                let at = if place < 100 { place } else { spoilt.len() - from_end };
                spoilt[at] ^= 0x10;
                fs::write(&copy, spoilt).unwrap();
            });
            let error = scene.write_with(&WriteOptions::default(), &hook).unwrap_err();
            assert!(matches!(error, TagError::VerifyFailed { .. }), "{name} at {place}: {error}");
            assert_eq!(fs::read(&scene.path).unwrap(), bytes);
            assert!(scene.alone());
        }
    }
}

#[test]
fn whoever_writes_in_the_last_moment_wins() {
    if !files_change_places() {
        return;
    }
    // Between the last look and the exchange, where a plain rename would destroy what they wrote.
    type Deed = fn(&Path);
    let deeds: [(&str, Deed); 3] = [
        ("writes", |path| fs::write(path, b"somebody else's bytes").unwrap()),
        ("replaces", |path| {
            fs::write(path.with_extension("new"), b"somebody else's bytes").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("removes", |path| fs::remove_file(path).unwrap()),
    ];
    for (name, deed) in deeds {
        let scene = Scene::mp3();
        let hook = Meddle(Step::Rename, || deed(&scene.path));
        let outcome = scene.write_with(&WriteOptions::default(), &hook);
        assert!(matches!(outcome, Err(TagError::Changed { .. })), "{name}: {outcome:?}");
        if name == "removes" {
            assert!(names(scene.folder.path()).is_empty(), "what was removed stays removed");
        } else {
            assert_eq!(fs::read(&scene.path).unwrap(), b"somebody else's bytes", "{name}");
            assert!(scene.alone(), "{name}");
        }
        assert!(scene.journal.states()[0].starts_with("abandoned"), "{name}");
    }
}

#[test]
fn a_folder_that_is_renamed_in_the_middle_of_a_write_keeps_no_rubbish() {
    let exchange = files_change_places();
    for step in Step::OF_A_WRITE.into_iter().filter(|step| *step > Step::Create && (exchange || *step != Step::Discard))
    {
        let scene = Scene::mp3();
        let before = fs::read(&scene.path).unwrap();
        let folder = scene.folder.path().to_owned();
        let moved = folder.with_extension("moved");
        let hook = Meddle(step, || {
            if folder.exists() {
                fs::rename(&folder, &moved).unwrap();
            }
        });
        let outcome = scene.write_with(&WriteOptions::default(), &hook);
        let song = moved.join(scene.path.file_name().unwrap());
        assert_eq!(names(&moved), [scene.path.file_name().unwrap().to_str().unwrap()], "{step:?}: {outcome:?}");
        let written = fs::read(&song).unwrap() != before;
        // Once the two have changed places, the new tags are there.
        assert_eq!(written, step > Step::Recheck, "{step:?}: {outcome:?}");
        fs::remove_dir_all(&moved).unwrap();
    }
}

#[test]
fn a_crash_right_after_the_exchange_loses_neither_ours_nor_theirs() {
    if !files_change_places() {
        return;
    }
    // As a crash would leave it: the new file in place, beside it what it pushed out.
    for theirs in [false, true] {
        let scene = Scene::mp3();
        let hook = FailAt(Step::Discard, Cell::new(0), io::ErrorKind::Interrupted);
        assert!(matches!(scene.write_with(&WriteOptions::default(), &hook), Err(TagError::LeftBehind { .. })));
        let entry = scene.journal.entries.borrow()[0].0.clone();
        if theirs {
            // Somebody had the old file open and wrote to it in that moment.
            fs::write(&entry.temporary_path, b"somebody else's bytes").unwrap();
        }
        let recovered = recover_in_peace(&entry, false);
        if theirs {
            assert_eq!(recovered, Recovered::Abandoned);
            assert_eq!(fs::read(&scene.path).unwrap(), b"somebody else's bytes");
        } else {
            assert_eq!(recovered, Recovered::Committed(FileStamp::of(&scene.path).unwrap()));
            assert_eq!(scene.genres(), ["Jazz"]);
        }
        assert!(scene.alone());
    }
}

#[test]
fn overwriting_that_is_interrupted_is_finished_by_the_next_start() {
    for (name, bytes) in files() {
        let steps = Step::OF_A_WRITE.into_iter().filter(|step| *step != Step::Rename).chain([Step::Overwrite]);
        for step in steps {
            for nth in 0..if matches!(step, Step::Copy | Step::Overwrite) { 3 } else { 1 } {
                let scene = Scene::new(name, &bytes);
                fs::hard_link(&scene.path, scene.folder.path().join("other name")).unwrap();
                let label = format!("{nth} of {step:?} of {name}");
                let error = match scene.write_with(&IN_PLACE, &FailAt(step, Cell::new(nth), io::ErrorKind::StorageFull))
                {
                    Err(error) => error,
                    Ok(_) if nth > 0 => continue,
                    Ok(_) => panic!("{label} did not fail"),
                };
                let states = scene.journal.states();
                match states.first().map(String::as_str) {
                    Some("overwriting") => {
                        let entry = scene.journal.entries.borrow()[0].0.clone();
                        let halfway = matches!(error, TagError::HalfWritten { .. });
                        assert!(halfway || step == Step::Discard, "{label}: {error}");
                        let recovered = recover_in_peace(&entry, true);
                        assert_eq!(recovered, Recovered::Committed(FileStamp::of(&scene.path).unwrap()), "{label}");
                        assert_eq!(scene.genres(), ["Jazz"], "{label}");
                    }
                    Some("committed") => assert_eq!(step, Step::SyncFolder, "{label}"),
                    _ => assert_eq!(fs::read(&scene.path).unwrap(), bytes, "{label}"),
                }
                assert_eq!(names(scene.folder.path()).len(), 2, "{label}");
            }
        }
    }
}
