//! `reclassd genres` as a user meets it, and the promise behind it: every genre name of the well-known lists is a genre
//! here or is listed as none.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::Library;
use reclassd::genre::Taxonomy;

/// Lists of other people's genre names: the title, how many there must be, and the names.
fn lists() -> Vec<(&'static str, usize, Vec<&'static str>)> {
    let text = include_str!("genre_lists.txt");
    let lists = text.split("\n== ").skip(1).map(|list| {
        let mut lines = list.lines().filter(|line| !line.is_empty());
        let (title, number) = lines.next().unwrap().rsplit_once(": ").unwrap();
        (title, number.parse().unwrap(), lines.collect())
    });
    lists.collect()
}

/// The names of the list of this title.
fn list(title: &str) -> Vec<&'static str> {
    lists().into_iter().find(|list| list.0 == title).unwrap().2
}

#[test]
fn every_name_of_the_well_known_lists_is_a_genre_or_listed_as_none() {
    let taxonomy = Taxonomy::builtin().unwrap();
    let lists = lists();
    assert_eq!(lists.len(), 10);
    for (title, number, names) in lists {
        assert_eq!(names.len(), number, "{title}");
        let lost: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| taxonomy.canonical(name).is_none() && taxonomy.why_no_genre(name).is_none())
            .collect();
        assert!(lost.is_empty(), "{title}: {lost:?}");
    }
}

#[test]
fn genres_of_the_sets_that_people_train_on_are_told_apart() {
    let taxonomy = Taxonomy::builtin().unwrap();
    for (title, genres) in [("fma", 16), ("gtzan", 10)] {
        let named: BTreeSet<_> = list(title).iter().map(|name| taxonomy.canonical(name).unwrap()).collect();
        assert_eq!(named.len(), genres, "{title}: {named:?}");
    }
}

#[test]
fn names_mean_what_a_listener_would_say() {
    let taxonomy = Taxonomy::builtin().unwrap();
    for (name, genre) in [
        ("Old-Time / Historic", "Old-Time"),
        ("hiphop", "Hip-Hop"),
        ("Funk / Soul", "Soul-RnB"),
        ("Metal_Death", "Metal"),
        ("Pop_Latin", "Latin"),
        ("Folk_International", "International"),
        ("Avant_Garde", "Experimental"),
        ("Drum 'n' Bass", "Electronic"),
        ("Dance Hall", "Reggae"),
        ("Christian Gangsta Rap", "Hip-Hop"),
        ("Audio Theatre", "Spoken"),
        ("Polka", "International"),
        ("Blues Rock", "Rock"),
        ("Latin Jazz", "Jazz"),
        ("Folk Metal", "Metal"),
        ("BritPop", "Rock"),
        ("J-Pop", "Pop"),
    ] {
        assert_eq!(taxonomy.canonical(name).map(ToString::to_string).as_deref(), Some(genre), "{name}");
    }
}

#[test]
fn the_list_shows_families_and_who_can_say_what() {
    let library = Library::new();
    let run = library.run("genres", &[]).expect_code(0);
    let line = |start: &str| run.stdout.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let models = words(line(" "));
    assert_eq!(models[..2], ["fma518-mlp", "logmel-cnn"]);
    let said = |start: &str, model: &str| {
        let at = models.iter().position(|name| name == model).unwrap();
        words(line(start))[1 + at].clone()
    };
    assert_eq!((said("Jazz", "fma518-mlp").as_str(), said("Jazz", "musicnn-tags").as_str()), ("yes", "yes"));
    assert_eq!(
        (said("    Metal", "logmel-cnn").as_str(), said("    Metal", "musicnn-tags").as_str()),
        ("wider", "yes")
    );
    assert_eq!(said("Spoken", "fma518-mlp"), "-");
    assert!(!run.stdout.contains("Bebop"));
    let run = library.run("genres", &["--aliases"]).expect_code(0);
    assert!(
        run.stdout.contains("Bebop") && run.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        run.stdout
    );

    let objects = library.run("genres", &["--json"]).expect_code(0).objects();
    assert_eq!(objects.len(), Taxonomy::builtin().unwrap().genres().len());
    let metal = objects.iter().find(|object| object["genre"] == "Metal").unwrap();
    assert_eq!((&metal["parent"], &metal["family"]), (&"Rock".into(), &"Pop Rock".into()));
    assert_eq!(metal["models"]["fma518-mlp"], "Pop Rock");
    assert!(metal["aliases"].as_array().unwrap().contains(&"Death Metal".into()));
    let spoken = objects.iter().find(|object| object["genre"] == "Spoken").unwrap();
    assert!(spoken["models"]["logmel-cnn"].is_null());
}

#[test]
fn a_name_is_explained_and_an_unknown_one_is_an_error() {
    let library = Library::new();
    let run = library.run("genres", &["death metal", "rap", "Holiday"]).expect_code(0);
    for part in
        ["death metal: Metal, a kind of Rock, a kind of Pop Rock", "fma518-mlp says Pop Rock instead", "rap: Hip-Hop\n"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(run.stdout.contains("Holiday: no genre here: it says whom or what it is for"), "{}", run.stdout);
    let run = library.run("genres", &["Zeuhl", "Jazz"]).expect_code(1);
    assert!(run.stdout.starts_with("Zeuhl: not known\nJazz: Jazz\n"), "{}", run.stdout);

    let objects = library.run("genres", &["--json", "Rap", "Oldies", "Zeuhl"]).expect_code(1).objects();
    let fields = |i: usize| (objects[i]["name"].as_str().unwrap(), objects[i]["genre"].as_str());
    assert_eq!([fields(0), fields(1), fields(2)], [("Rap", Some("Hip-Hop")), ("Oldies", None), ("Zeuhl", None)]);
    assert!(objects[1]["no_genre"].as_str().unwrap().contains("when it was made") && objects[2]["no_genre"].is_null());
}

/// The genres that a manifest of `models/` names: those of its map, else its labels.
fn said_by(manifest: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let read = |file: &Path| std::fs::read_to_string(file).unwrap().parse::<toml::Table>().unwrap();
    let file = folder.join(manifest);
    let table = read(&file);
    let map = match table.get("tag_map_file") {
        Some(name) => Some(read(&file.with_file_name(name.as_str().unwrap()))),
        None => table.get("tag_map").map(|map| map.as_table().unwrap().clone()),
    };
    let names: Vec<toml::Value> = match map {
        Some(map) => map["genres"].as_array().unwrap().iter().map(|genre| genre["name"].clone()).collect(),
        None => table["labels"].as_array().unwrap().clone(),
    };
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_documented_table_of_who_can_say_what_is_true() {
    let taxonomy = Taxonomy::builtin().unwrap();
    let of_list = |title: &str| -> BTreeSet<String> {
        list(title).iter().map(|name| taxonomy.canonical(name).unwrap().to_string()).collect()
    };
    let columns = [
        said_by("fma518-mlp/model.toml"),
        said_by("musicnn-tags/model.toml"),
        said_by("musicnn/msd.toml"),
        said_by("ready/discogs-effnet/model.toml"),
        said_by("ready/ast-audioset/model.toml"),
        of_list("fma"),
        of_list("gtzan"),
    ];
    for model in ["logmel-cnn", "spectrum-fusion", "musicnn-head", "musicnn-fusion"] {
        assert_eq!(said_by(&format!("{model}/model.toml")), columns[0]);
    }
    assert_eq!(said_by("ready/maest-30s/model.toml"), columns[3]);
    let docs = include_str!("../docs/models.md");
    let section = docs.split("\n## What each model can and cannot say\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let documented: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let mut expected = Vec::new();
    for genre in taxonomy.genres() {
        let cell = |says: &BTreeSet<String>| {
            let mut wider = std::iter::successors(Some(genre), |genre| taxonomy.parent(genre));
            match wider.find(|genre| says.contains(genre.as_str())) {
                Some(said) if said == genre => "yes".to_owned(),
                Some(said) => format!("as {said}"),
                None => String::new(),
            }
        };
        let cells: String = columns.iter().map(|says| format!(" {} |", cell(says)).replace("  ", " ")).collect();
        expected.push(format!("| {genre} |{cells}"));
    }
    assert_eq!(documented, expected);
}
