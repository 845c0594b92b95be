//! The house stays as `docs/architecture.md` draws it: what the sources name of each other goes one way, and what one
//! folder hides is seen by no other. Nothing is compiled here; the sources are read.
#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Folders in and below which files still go in circles among themselves. A folder may leave this list, and none may
/// come to it.
const ROOMS_WITH_CIRCLES: [&str; 7] = ["commands", "genre", "inference", "playlists", "serve", "store", "tagging"];
/// A list and what draws it.
const A_LIST_AND_ITS_DRAWING: [&str; 2] = ["terminal/app", "terminal/draw"];

/// A module by its path below `src`.
type Module = Vec<String>;

/// The sources without their tests and comments.
fn sources() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Some(name) = path.strip_prefix(&root).unwrap().to_str().unwrap().strip_suffix(".rs") else { continue };
            let module: Module = name.strip_suffix("/mod").unwrap_or(name).split('/').map(str::to_owned).collect();
            let text = fs::read_to_string(&path).unwrap();
            let lines =
                text.lines().take_while(|line| !line.starts_with("#[cfg(test)]\nmod ") && *line != "mod tests {");
            let code: Vec<&str> = lines.map(|line| line.split("//").next().unwrap_or_default()).collect();
            let is_of_tests = ["tests", "settling_stories", "fixtures", "edit_check", "fuzzing", "lib", "main"];
            if !module.iter().any(|part| is_of_tests.contains(&part.as_str())) {
                found.insert(module, code.join("\n"));
            }
        }
    }
    assert!(found.len() > 200, "the sources are in src");
    found
}

/// The names that a path or a tree of `use` stands for, at the start of `text`: `a::{b, c::D}` is `a::b` and `a::c::D`.
fn names(text: &str) -> (Vec<Vec<&str>>, &str) {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut all = Vec::new();
        loop {
            let (some, left) = names(rest);
            all.extend(some);
            let left = left.trim_start();
            match left.strip_prefix(',') {
                Some(left) => rest = left,
                None => return (all, left.strip_prefix('}').unwrap_or(left)),
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return (Vec::new(), rest);
    }
    match rest.strip_prefix("::") {
        Some(rest) => {
            let (tails, rest) = names(rest);
            let with = |tail: Vec<_>| [vec![name], tail].concat();
            let all: Vec<_> = tails.into_iter().map(with).collect();
            (if all.is_empty() { vec![vec![name]] } else { all }, rest)
        }
        None => (vec![vec![name]], rest),
    }
}

/// Which modules a module names.
fn uses(module: &Module, text: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let mut used = BTreeSet::new();
    for head in ["crate::", "reclassd::", "super::"] {
        for (at, _) in text.match_indices(head) {
            let before = text[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' {
                continue;
            }
            let (mut base, mut rest) = (Module::new(), &text[at + head.len()..]);
            if head == "super::" {
                let mut up = 1;
                while let Some(further) = rest.strip_prefix("super::") {
                    (up, rest) = (up + 1, further);
                }
                base = module[..module.len().saturating_sub(up)].to_vec();
            }
            for path in names(rest).0 {
                let mut target = base.clone();
                for name in path {
                    target.push(name.to_owned());
                    if !all.contains_key(&target) {
                        target.pop();
                        break;
                    }
                }
                // What a folder shows and what it is made of belong together.
                if !target.is_empty() && !module.starts_with(&target) && !target.starts_with(module) {
                    used.insert(target);
                }
            }
        }
    }
    used
}

/// The circles of a graph: sets of nodes of which each leads to each.
fn circles<T: Ord + Clone>(graph: &BTreeMap<T, BTreeSet<T>>) -> Vec<BTreeSet<T>> {
    let reach = |from: &T| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(node) = open.pop() {
            for next in graph.get(&node).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&T, BTreeSet<T>> = graph.keys().map(|node| (node, reach(node))).collect();
    let mut found: Vec<BTreeSet<T>> = Vec::new();
    for (node, seen) in &reached {
        if seen.contains(*node) && !found.iter().any(|circle| circle.contains(*node)) {
            let both = seen.iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(*node)));
            found.push(both.cloned().collect());
        }
    }
    found
}

#[test]
fn folders_use_each_other_in_one_direction() {
    let sources = sources();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in &sources {
        let targets = uses(module, text, &sources).into_iter().map(|target| target[0].clone());
        graph.entry(module[0].clone()).or_default().extend(targets.filter(|target| *target != module[0]));
    }
    assert!(graph["serve"].contains("desk") && graph["pipeline"].contains("store"), "the graph is read: {graph:?}");
    assert_eq!(circles(&graph), Vec::<BTreeSet<String>>::new(), "these folders use each other");
}

#[test]
fn files_of_a_folder_use_each_other_in_one_direction() {
    let sources = sources();
    let graph = sources.iter().map(|(module, text)| (module.clone(), uses(module, text, &sources))).collect();
    for circle in circles(&graph) {
        let files: Vec<String> = circle.iter().map(|module| module.join("/")).collect();
        let is_known = circle.iter().all(|module| {
            let file = module.join("/");
            ROOMS_WITH_CIRCLES.contains(&module[0].as_str()) || A_LIST_AND_ITS_DRAWING.contains(&file.as_str())
        });
        assert!(is_known, "these files use each other; what both need belongs into a file below both: {files:?}");
    }
}

#[test]
fn what_one_folder_hides_is_seen_by_no_other() {
    let sources = sources();
    for (hidden, room) in [
        ("rusqlite", "store"),
        ("ort::", "inference"),
        ("tract_onnx", "inference"),
        ("symphonia", "audio"),
        ("ratatui", "terminal"),
        ("inotify::", "watch daemon"),
    ] {
        let seen: Vec<String> = sources
            .iter()
            .filter(|(module, text)| !room.split(' ').any(|room| module[0] == room) && names_it(text, hidden))
            .map(|(module, _)| module.join("/"))
            .collect();
        assert!(seen.is_empty(), "{hidden} is for src/{room} alone, and is named in {seen:?}");
    }
}

/// Whether a text names a crate: in code, not as a part of another word.
fn names_it(text: &str, hidden: &str) -> bool {
    let lines = text.lines().filter(|line| !line.contains('"'));
    lines.into_iter().any(|line| {
        line.match_indices(hidden).any(|(at, _)| {
            let before = line[..at].chars().next_back().unwrap_or(' ');
            !before.is_alphanumeric() && before != '_' && before != '.'
        })
    })
}
