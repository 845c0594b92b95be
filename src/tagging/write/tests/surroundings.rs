//! What is around the bytes of a file: names, links, owner, mode, attributes, times, holes.

use super::*;

#[test]
fn mode_and_attributes_go_with_the_file_and_inherited_ones_do_not_come() {
    let scene = Scene::mp3();
    fs::set_permissions(&scene.path, Permissions::from_mode(0o640)).unwrap();
    let file = fs::File::open(&scene.path).unwrap();
    let folder = fs::File::open(scene.folder.path()).unwrap();
    let set = rustix::fs::fsetxattr(&file, "user.comment", b"keep me", rustix::fs::XattrFlags::empty());
    // An ACL: owner rw, user 1234 r, group r, mask rw, other none.
    let entry = |tag: u16, permission: u16, id: u32| {
        [&tag.to_le_bytes()[..], &permission.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let acl = [
        2u32.to_le_bytes().to_vec(),
        entry(1, 6, none),
        entry(2, 4, 1234),
        entry(4, 4, none),
        entry(16, 6, none),
        entry(32, 0, none),
    ]
    .concat();
    let acl_set = rustix::fs::fsetxattr(&file, "system.posix_acl_access", &acl, rustix::fs::XattrFlags::empty());
    // The folder hands an ACL to files that are created in it; a file without one must not come by it.
    let plain = Scene { path: scene.folder.path().join("plain.mp3"), ..Scene::mp3() };
    fs::copy(&scene.path, &plain.path).unwrap();
    let default_set = rustix::fs::fsetxattr(&folder, "system.posix_acl_default", &acl, rustix::fs::XattrFlags::empty());
    let mode = scene.path.metadata().unwrap().mode();
    scene.change();
    if default_set.is_ok() {
        plain.change();
        let file = fs::File::open(&plain.path).unwrap();
        let inherited = rustix::fs::fgetxattr(&file, "system.posix_acl_access", &mut [0u8; 256][..]);
        assert_eq!(inherited, Err(rustix::io::Errno::NODATA));
    }
    let file = fs::File::open(&scene.path).unwrap();
    assert_eq!(file.metadata().unwrap().mode(), mode);
    let value = |name: &str| {
        let mut value = [0u8; 256];
        rustix::fs::fgetxattr(&file, name, &mut value[..]).map(|length| value[..length].to_vec())
    };
    match set {
        Ok(()) => assert_eq!(value("user.comment").unwrap(), b"keep me"),
        Err(_) => println!("skipped: user attributes: the file system has none"),
    }
    match acl_set {
        Ok(()) => assert_eq!(value("system.posix_acl_access").unwrap(), acl),
        Err(_) => println!("skipped: ACLs: the file system has none"),
    }
}

#[test]
fn the_owner_goes_with_the_file() {
    let scene = Scene::mp3();
    if std::os::unix::fs::chown(&scene.path, Some(1234), Some(4321)).is_err() {
        println!("skipped: the_owner_goes_with_the_file: only root may give files away");
        return;
    }
    fs::set_permissions(&scene.path, Permissions::from_mode(0o644)).unwrap();
    scene.change();
    let metadata = scene.path.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
}

#[test]
fn the_modification_time_advances_unless_it_is_to_be_kept() {
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for preserve_mtime in [false, true] {
        let scene = Scene::mp3();
        fs::File::options().write(true).open(&scene.path).unwrap().set_modified(old).unwrap();
        scene.write(&WriteOptions { preserve_mtime, ..WriteOptions::default() }).unwrap();
        assert_eq!(scene.path.metadata().unwrap().modified().unwrap() == old, preserve_mtime);
    }
}

#[test]
fn a_hard_linked_file_is_skipped_unless_the_owner_allows_it() {
    let scene = Scene::mp3();
    let other = scene.folder.path().join("seeded.mp3");
    fs::hard_link(&scene.path, &other).unwrap();
    assert_eq!(scene.refusal(), Refusal::HardLinked { links: 2 });
    let before = fs::read(&other).unwrap();
    scene.write(&WriteOptions { hard_links: HardLinks::Break, ..WriteOptions::default() }).unwrap();
    assert_eq!(scene.genres(), ["Jazz"]);
    assert_eq!(fs::read(&other).unwrap(), before, "the other name keeps the old file");
}

#[test]
fn a_file_with_several_names_is_overwritten_where_the_owner_wants_all_of_them_tagged() {
    for (name, bytes) in files() {
        let scene = Scene::new(name, &bytes);
        let other = scene.folder.path().join("other name");
        fs::hard_link(&scene.path, &other).unwrap();
        let inode = scene.path.metadata().unwrap().ino();
        let Ok(Written::Changed(change)) = scene.write(&IN_PLACE) else { panic!("{name} is written") };
        assert_eq!(change.after, FileStamp::of(&other).unwrap(), "one file, by both names");
        assert_eq!((change.after.inode, scene.genres()), (inode, vec!["Jazz".to_owned()]));
        assert_eq!(scene.journal.states(), ["committed"]);
        assert_eq!(names(scene.folder.path()).len(), 2);
        // The same file by a rename, for comparison.
        let renamed = Scene::new(name, &bytes);
        renamed.change();
        assert_eq!(fs::read(&other).unwrap(), fs::read(&renamed.path).unwrap());
    }
}

#[test]
fn holes_stay_holes() {
    let scene = Scene::mp3();
    let frames = mpeg_frames(40);
    let bytes = [id3v2(4, 0, &text(4, "TIT2", "Title"), 0), frames.clone()].concat();
    fs::write(&scene.path, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&scene.path).unwrap();
    let length = 300 << 20;
    std::os::unix::fs::FileExt::write_all_at(&file, &frames, length).unwrap();
    // And a hole at the end.
    file.set_len(2 * length).unwrap();
    let used = |path: &Path| path.metadata().unwrap().blocks() * 512;
    if used(&scene.path) > 1 << 20 {
        println!("skipped: holes_stay_holes: the file system has none");
        return;
    }
    scene.change();
    assert_eq!(scene.genres(), ["Jazz"]);
    assert_eq!(scene.path.metadata().unwrap().len(), 2 * length + 4096, "the tag grew by a block");
    assert!(used(&scene.path) < 1 << 20, "{} bytes are used", used(&scene.path));
}

#[test]
fn a_symbolic_link_is_refused_where_none_is_to_be_followed() {
    let scene = Scene::mp3();
    let link = scene.folder.path().join("link.mp3");
    symlink(&scene.path, &link).unwrap();
    let options = WriteOptions { symbolic_links: SymbolicLinks::Skip, ..WriteOptions::default() };
    let outcome = write(&link, &plan(&read(&link).unwrap()), &options, &scene.journal);
    assert!(matches!(outcome, Err(TagError::Refused { reason: Refusal::SymbolicLink, .. })));
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_written() {
    let scene = Scene::mp3();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.mp3");
    symlink(&scene.path, &link).unwrap();
    let state = read(&link).unwrap();
    let Ok(Written::Changed(change)) = write(&link, &plan(&state), &WriteOptions::default(), &scene.journal) else {
        panic!("the target is written")
    };
    assert_eq!(change.path, scene.path.canonicalize().unwrap());
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(scene.genres(), ["Jazz"]);
    assert_eq!(names(elsewhere.path()), ["link.mp3"]);
    let dangling = elsewhere.path().join("dangling.mp3");
    symlink("nowhere", &dangling).unwrap();
    assert!(matches!(read(&dangling), Err(TagError::Io { .. })));
}

#[test]
fn read_only_files_and_folders_are_refused_even_for_root() {
    let scene = Scene::mp3();
    fs::set_permissions(&scene.path, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(scene.refusal(), Refusal::ReadOnlyFile);
    fs::set_permissions(&scene.path, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(scene.folder.path(), Permissions::from_mode(0o555)).unwrap();
    assert_eq!(scene.refusal(), Refusal::ReadOnlyFolder);
    fs::set_permissions(scene.folder.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(scene.journal.states().is_empty());
}

#[test]
fn names_of_any_bytes_and_of_full_length_are_written() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (_, bytes) = files().swap_remove(0);
    let long = [&[b'x'; 251][..], b".mp3"].concat();
    for name in [&b"\xff\xfe.mp3"[..], b"line\nbreak.mp3", &long, b"-rf.mp3"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(name));
        fs::write(&path, &bytes).unwrap();
        let journal = Memory::default();
        write(&path, &plan(&read(&path).unwrap()), &WriteOptions::default(), &journal).unwrap();
        assert_eq!(read(&path).unwrap().genres, ["Jazz"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn what_is_no_audio_file_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 5] = [
        ("empty.mp3", b"", "not a sound file: it has no bytes"),
        ("text.mp3", b"only words, no music\n", "not a sound file: it is text"),
        (
            "renamed.mp3",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead",
            "truncated: the file ends inside its Ogg headers",
        ),
        ("renamed.flac", b"caff\0\x01\0\0", "Core Audio (CAF) tags are not written yet"),
        ("cut.flac", b"fLaC\0\0\0\x22", "truncated"),
    ];
    for (name, bytes, words) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let line = read(&path).unwrap_err().to_string();
        assert!(line.contains(words) && line.contains(name), "{line}");
    }
    assert!(read(folder.path()).unwrap_err().to_string().contains("not a regular file"));
    let awkward = folder.path().join("line\nbreak.mp3");
    fs::write(&awkward, b"").unwrap();
    assert!(!read(&awkward).unwrap_err().to_string().contains('\n'), "one error is one line");
}
