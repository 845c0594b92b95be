//! Matroska, WebM and fragmented MP4 files of other programs: a write leaves every stream, chapter and cover what it
//! was, others read the genre, and an undo brings every byte back.

#![allow(clippy::unwrap_used)] // a test may panic

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use reclassd::tagging::{
    EntryId, FileStamp, Journal, JournalEntry, TagError, TagField, TagPlan, Undo, WriteOptions, Written, read, write,
};

mod common;

/// A journal that keeps the last entry.
#[derive(Default)]
struct LastEntry(RefCell<Option<JournalEntry>>);

impl Journal for LastEntry {
    fn begin(&self, entry: &JournalEntry) -> Result<EntryId, Box<dyn Error + Send + Sync>> {
        *self.0.borrow_mut() = Some(entry.clone());
        Ok(EntryId(1))
    }
    fn overwriting(&self, _: EntryId) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
    fn commit(&self, _: EntryId, _: &FileStamp) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
    fn abandon(&self, _: EntryId, _: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

/// Runs a program in a folder: what it prints; none where there is no such program.
fn run(folder: &Path, command: &str, arguments: &[&str]) -> Option<String> {
    let out = Command::new(command).args(arguments).current_dir(folder).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{command} {arguments:?}: {}{}", text(&out.stdout), text(&out.stderr));
    Some(text(&out.stdout))
}

fn tag(path: &Path, genres: &[&str]) -> Result<JournalEntry, TagError> {
    let state = read(path)?;
    let genres: Vec<String> = genres.iter().map(|&genre| genre.to_owned()).collect();
    let plan = TagPlan::new(&state, [(TagField::Genre, genres.clone()), (TagField::OwnGenre, genres)]);
    let journal = LastEntry::default();
    assert!(matches!(write(path, &plan, &WriteOptions::default(), &journal)?, Written::Changed(_)));
    Ok(journal.0.take().unwrap())
}

fn take_back(path: &Path, entry: &JournalEntry) {
    let undo = Undo::new(&read(path).unwrap(), &[entry]);
    let journal = LastEntry::default();
    assert!(matches!(write(path, &undo.plan, &WriteOptions::default(), &journal).unwrap(), Written::Changed(_)));
}

/// Every packet of every stream, as it is before it is decoded, and the chapters, without tags.
fn contents(folder: &Path, name: &str) -> String {
    let entries =
        "stream=index,codec_name,codec_type,channels,extradata_hash:packet=stream_index,pts,dts,size,data_hash";
    let what = ["-show_entries", entries, "-show_chapters", "-show_streams", "-show_packets", "-show_data_hash", "md5"];
    let text = run(folder, "ffprobe", &[&["-v", "error", "-of", "compact"], &what[..], &[name]].concat()).unwrap();
    // Of MP4 the sound may move.
    let is_ours = |field: &&str| field.starts_with("tag:") || field.starts_with("pos=");
    text.lines()
        .map(|line| line.split('|').filter(|field| !is_ours(field)).collect::<Vec<_>>().join("|") + "\n")
        .collect()
}

fn genre_of_ffprobe(folder: &Path, name: &str) -> Option<String> {
    let arguments = ["-v", "error", "-show_entries", "format_tags=GENRE,genre", "-of", "csv=p=0", name];
    Some(run(folder, "ffprobe", &arguments)?.trim().trim_matches('"').to_owned())
}

/// Files as ffmpeg writes them: name, options behind the sound.
const OF_FFMPEG: [(&str, &[&str]); 14] = [
    ("opus.webm", &["-c:a", "libopus"]),
    ("opus.mka", &["-c:a", "libopus", "-metadata", "title=Title", "-metadata", "genre=Old genre"]),
    ("vorbis.mka", &["-c:a", "libvorbis", "-metadata", "artist=Artist"]),
    ("vorbis.webm", &["-c:a", "libvorbis"]),
    ("flac.mka", &["-c:a", "flac"]),
    ("pcm.mka", &["-c:a", "pcm_s16le", "-metadata", "GENRE=Old"]),
    ("aac.mkv", &["-c:a", "aac"]),
    ("clusters.mka", &["-c:a", "libopus", "-cluster_time_limit", "100"]),
    ("index in front.mka", &["-c:a", "libopus", "-reserve_index_space", "1024"]),
    ("tags in front.webm", &["-c:a", "libopus", "-cues_to_front", "1"]),
    ("no checksums.mka", &["-c:a", "libopus", "-write_crc32", "0"]),
    ("two tracks.mka", &["-map", "0", "-map", "0", "-c:a", "flac"]),
    ("stream genre.mka", &["-c:a", "flac", "-metadata:s:a:0", "genre=Old"]),
    ("bitexact.mka", &["-c:a", "libopus", "-fflags", "+bitexact", "-flags", "+bitexact"]),
];

/// A library of such files; none where there is no ffmpeg.
fn of_ffmpeg(folder: &Path) -> Option<Vec<String>> {
    let sine = ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=f=330:d=2:r=48000"];
    for (name, options) in OF_FFMPEG {
        run(folder, "ffmpeg", &[&sine[..], options, &[name]].concat())?;
    }
    let chapters = ";FFMETADATA1\ntitle=Concert\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=1\ntitle=One\n\
                    [CHAPTER]\nTIMEBASE=1/1\nSTART=1\nEND=2\ntitle=Two\n";
    fs::write(folder.join("chapters.txt"), chapters).unwrap();
    run(
        folder,
        "ffmpeg",
        &["-v", "error", "-f", "lavfi", "-i", "color=red:s=64x64:d=1", "-frames:v", "1", "cover.png"],
    );
    let whole = ["-i", "chapters.txt", "-map", "0", "-map_metadata", "1", "-c:a", "libvorbis"];
    let cover = ["-attach", "cover.png", "-metadata:s:t", "mimetype=image/png", "chapters and cover.mka"];
    run(folder, "ffmpeg", &[&sine[..], &whole, &cover].concat());
    let names = OF_FFMPEG.iter().map(|(name, _)| (*name).to_owned());
    Some(names.chain(["chapters and cover.mka".to_owned()]).collect())
}

/// Files as mkvtoolnix writes and edits them; none where it is not there.
fn of_mkvtoolnix(folder: &Path) -> Vec<String> {
    let merged = [("of mkvmerge.mka", "flac.mka"), ("of mkvmerge.webm", "opus.webm")];
    for (name, from) in merged {
        let webm: &[&str] = if name.ends_with("webm") { &["--webm"] } else { &[] };
        if run(folder, "mkvmerge", &[webm, &["-q", "-o", name, "--title", "Title", from]].concat()).is_none() {
            return Vec::new();
        }
    }
    let mut names: Vec<String> = merged.iter().map(|(name, _)| (*name).to_owned()).collect();
    let tag = |level: u8, genre: &str| {
        let field = |name: &str, text: &str| format!("<Simple><Name>{name}</Name><String>{text}</String></Simple>");
        let targets = format!("<Targets><TargetTypeValue>{level}</TargetTypeValue></Targets>");
        format!("<Tag>{targets}{}{}</Tag>", field("TITLE", "T"), field("GENRE", genre))
    };
    let edits = [
        ("album.mka", tag(50, "Album genre")),
        ("track.mka", tag(30, "Track genre")),
        ("both.mka", tag(30, "Track genre") + &tag(50, "Album genre")),
        ("long.mka", tag(50, &"long ".repeat(400))),
    ];
    for (name, tags) in edits {
        fs::copy(folder.join("of mkvmerge.mka"), folder.join(name)).unwrap();
        fs::write(folder.join("tags.xml"), format!("<Tags>{tags}</Tags>")).unwrap();
        run(folder, "mkvpropedit", &["-q", name, "--tags", "global:tags.xml"]);
        names.push(name.to_owned());
    }
    names
}

/// A genre that fits into no room.
const LONG: &str = "Something that is quite a bit longer than what stood there before";

/// Edits a file, twice, looks at it with the tools that are there, and takes both back.
fn round(folder: &Path, name: &str, has_mkvtoolnix: bool) {
    let path = folder.join(name);
    let (original, before) = (fs::read(&path).unwrap(), contents(folder, name));
    let first = tag(&path, &["Zydeco"]).unwrap_or_else(|error| panic!("{error}"));
    let once = fs::read(&path).unwrap();
    let second = tag(&path, &["Blues", LONG]).unwrap();
    assert!(contents(folder, name) == before, "{name}: something else has changed");
    assert_eq!(read(&path).unwrap().genres, ["Blues", LONG], "{name}");
    // ffprobe shows the first genre of MP4, and the last one of Matroska; that of a stream stands with the stream.
    match (name, genre_of_ffprobe(folder, name)) {
        ("stream genre.mka", _) => {}
        (name, genre) if name.contains("m4a") || name.contains("mp4") => assert_eq!(genre.as_deref(), Some("Blues")),
        (name, genre) => assert_eq!(genre.as_deref(), Some(LONG), "{name}"),
    }
    if has_mkvtoolnix {
        run(folder, "mkvmerge", &["-i", name]);
        let told = run(folder, "mkvinfo", &[name]).unwrap();
        assert!(!told.contains("Unknown element") && !told.contains("Warning"), "{name}: {told}");
        // It follows the index.
        let tags = run(folder, "mkvextract", &[name, "tags", "-"]).unwrap();
        assert!(tags.contains(LONG), "{name}: {tags}");
    }
    take_back(&path, &second);
    assert!(fs::read(&path).unwrap() == once, "{name}: the second write is taken back");
    take_back(&path, &first);
    assert!(fs::read(&path).unwrap() == original, "{name}: the first write is taken back");
}

#[test]
fn matroska_files_of_other_programs_keep_all_they_hold_and_every_byte_comes_back() {
    let test = "matroska_files_of_other_programs_keep_all_they_hold_and_every_byte_comes_back";
    let folder = tempfile::tempdir().unwrap();
    let Some(mut names) = of_ffmpeg(folder.path()) else { return common::skipped(test, "there is no ffmpeg") };
    let merged = of_mkvtoolnix(folder.path());
    if merged.is_empty() {
        common::skipped(test, "there is no mkvtoolnix: its own files and its readers are left out");
    }
    let has_mkvtoolnix = !merged.is_empty();
    names.extend(merged);
    for name in names {
        round(folder.path(), &name, has_mkvtoolnix);
    }
}

#[test]
fn a_live_recording_is_written_where_there_is_room_and_else_refused_with_words_and_so_is_a_film() {
    let test = "a_live_recording_is_written_where_there_is_room_and_else_refused_with_words_and_so_is_a_film";
    let folder = tempfile::tempdir().unwrap();
    let sine = ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=2:r=48000"];
    let ffmpeg = |options: &[&str]| run(folder.path(), "ffmpeg", &[&sine[..], options].concat());
    let live = ["-c:a", "libopus", "-f", "matroska", "-live", "1", "live.mka"];
    if ffmpeg(&live).is_none() {
        return common::skipped(test, "there is no ffmpeg");
    }
    let film = ["-f", "lavfi", "-i", "color=s=32x32:d=2", "-c:v", "mjpeg", "-c:a", "libopus", "film.mkv"];
    ffmpeg(&film);
    for (name, word) in [("live.mka", "live recording"), ("film.mkv", "film")] {
        let path = folder.path().join(name);
        let before = fs::read(&path).unwrap();
        let reason = tag(&path, &["Zydeco"]).unwrap_err().to_string();
        assert!(reason.contains(word), "{reason}");
        assert!(fs::read(&path).unwrap() == before);
    }
}

#[test]
fn fragmented_files_keep_their_sound_and_index_and_every_byte_comes_back() {
    let test = "fragmented_files_keep_their_sound_and_index_and_every_byte_comes_back";
    let folder = tempfile::tempdir().unwrap();
    let sine = ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=f=330:d=3:r=44100", "-c:a", "aac", "-movflags"];
    let kinds = [
        ("based on fragments.m4a", "+frag_keyframe+empty_moov+default_base_moof"),
        ("based on the file.m4a", "+frag_keyframe+empty_moov"),
        ("first in front.m4a", "+frag_keyframe"),
        ("dash.m4a", "+dash"),
        ("one index.mp4", "+dash+global_sidx"),
        ("cmaf.mp4", "+cmaf"),
    ];
    for (name, flags) in kinds {
        let options = [flags, "-frag_duration", "500000", "-metadata", "title=Title", name];
        if run(folder.path(), "ffmpeg", &[&sine[..], &options].concat()).is_none() {
            return common::skipped(test, "there is no ffmpeg");
        }
        round(folder.path(), name, false);
    }
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fragmented.m4a")).unwrap();
    fs::write(folder.path().join("fragmented.m4a"), bytes).unwrap();
    round(folder.path(), "fragmented.m4a", false);
}

/// What readers show of two genres that the program wrote, as `docs/tags.md` has it.
#[test]
fn readers_show_the_genre_of_a_matroska_file_as_the_documentation_says() {
    let test = "readers_show_the_genre_of_a_matroska_file_as_the_documentation_says";
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("song.mka");
    let sine = ["-v", "error", "-f", "lavfi", "-i", "sine=d=2:r=48000", "-c:a", "libopus", "song.mka"];
    if run(folder.path(), "ffmpeg", &sine).is_none() {
        return common::skipped(test, "there is no ffmpeg");
    }
    tag(&path, &["Zydeco", "Blues"]).unwrap();
    let mut shown = BTreeMap::new();
    shown.insert("ffprobe", genre_of_ffprobe(folder.path(), "song.mka"));
    let mediainfo = ["--Output=General;%Genre%|%GENRE%", "song.mka"];
    shown.insert("MediaInfo", run(folder.path(), "mediainfo", &mediainfo).map(|text| text.trim().replace('|', "")));
    shown.insert(
        "exiftool",
        run(folder.path(), "exiftool", &["-s3", "-Genre", "song.mka"]).map(|text| text.trim().to_owned()),
    );
    for (reader, expected) in [("ffprobe", "Blues"), ("MediaInfo", "Blues"), ("exiftool", "")] {
        match &shown[reader] {
            Some(genre) => assert_eq!(genre, expected, "{reader}"),
            None => common::skipped(test, &format!("there is no {reader}")),
        }
    }
}
