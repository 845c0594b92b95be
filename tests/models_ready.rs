//! The manifests of `models/ready`, each with a tiny graph of the real one's signature: from the folder to a genre.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::{Path, PathBuf};

use common::Library;
use common::onnx::{Output, graph};
use common::sound::{tune, wav};
use sha2::{Digest, Sha256};

/// What the real model takes and gives, as its authors document it.
struct Ready {
    name: &'static str,
    input: &'static [usize],
    /// The output that is read, its shape behind the batch, and whether it comes after a sigmoid.
    output: (&'static str, &'static [usize], bool),
    /// Another output of this name and size.
    embedding: Option<(&'static str, usize)>,
    /// The file with the labels.
    labels: &'static str,
    /// How many numbers a head takes, where there is one.
    head: Option<usize>,
}

const READY: [Ready; 6] = [
    Ready {
        name: "discogs-effnet",
        input: &[1, 128, 96],
        output: ("activations", &[400], true),
        embedding: Some(("embeddings", 1280)),
        labels: "discogs-effnet-bsdynamic-1.json",
        head: None,
    },
    Ready {
        name: "maest-30s",
        input: &[1, 1876, 96],
        output: ("logits", &[400], false),
        embedding: None,
        labels: "config.json",
        head: None,
    },
    Ready {
        name: "ast-audioset",
        input: &[1, 1024, 128],
        output: ("logits", &[527], false),
        embedding: None,
        labels: "config.json",
        head: None,
    },
    Ready {
        name: "vggish",
        input: &[1, 1, 96, 64],
        output: ("embedding", &[128], false),
        embedding: None,
        labels: "labels.txt",
        head: Some(128),
    },
    Ready {
        name: "mert-95m",
        input: &[1, 120_000],
        output: ("last_hidden_state", &[374, 768], false),
        embedding: None,
        labels: "labels.txt",
        head: Some(768),
    },
    Ready {
        name: "clap-htsat",
        input: &[1, 1, 1001, 64],
        output: ("audio_embeds", &[512], false),
        embedding: None,
        labels: "labels.txt",
        head: Some(512),
    },
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/ready").join(name)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl Ready {
    /// As many labels as the real model has, among them one for each name of the map, and where the one is that is
    /// jazz.
    fn labels(&self) -> (Vec<String>, usize) {
        let Ok(map) = std::fs::read_to_string(source(self.name).join("genres.toml")) else {
            return (["Rock", "Jazz", "Classical"].map(str::to_owned).to_vec(), 1);
        };
        let map: toml::Table = map.parse().unwrap();
        let strings = |value: &toml::Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        let genres = map["genres"].as_array().unwrap();
        let mapped = genres.iter().flat_map(|genre| strings(&genre["tags"]));
        let names: Vec<String> = mapped.chain(strings(&map["left_out"])).collect();
        let mut labels: Vec<String> = names.iter().map(|name| name.replace('*', "of some kind")).collect();
        let rest = names.iter().find_map(|name| name.strip_suffix('*')).unwrap();
        labels.extend((labels.len()..self.output.1[0]).map(|i| format!("{rest}{i}")));
        let jazz = labels.iter().position(|label| label.starts_with("Jazz")).unwrap();
        (labels, jazz)
    }

    /// A folder as a user would have it: the manifest and the map with the digests filled in, labels, graphs.
    fn install(&self, library: &Library) -> PathBuf {
        let folder = library.root().join(".local/share/reclassd/models").join(self.name);
        std::fs::create_dir_all(&folder).unwrap();
        let (labels, jazz) = self.labels();
        let scores: Vec<f32> = (0..labels.len()).map(|i| if i == jazz { 3.0 } else { -3.0 }).collect();
        let (name, shape, sigmoid) = self.output;
        let bias = if self.head.is_some() { vec![0.0; shape.iter().product()] } else { scores.clone() };
        let mut outputs = vec![Output { name, shape, bias, sigmoid }];
        let embedding = self.embedding.map(|(name, size)| (name, [size]));
        if let Some((name, shape)) = &embedding {
            outputs.push(Output { name, shape, bias: vec![0.0; shape[0]], sigmoid: false });
        }
        let model = graph(self.input, &outputs);
        let mut manifest = std::fs::read_to_string(source(self.name).join("model.toml")).unwrap();
        manifest = manifest.replace("{sha256}", &digest(&model));
        if let Some(inputs) = self.head {
            let shape = [scores.len()];
            let head = graph(&[1, inputs], &[Output { name: "logits", shape: &shape, bias: scores, sigmoid: false }]);
            manifest = manifest.replace("{head_sha256}", &digest(&head));
            std::fs::write(folder.join("head.onnx"), head).unwrap();
        }
        std::fs::write(folder.join("model.onnx"), model).unwrap();
        std::fs::write(folder.join("model.toml"), manifest).unwrap();
        if source(self.name).join("genres.toml").exists() {
            std::fs::copy(source(self.name).join("genres.toml"), folder.join("genres.toml")).unwrap();
        }
        let numbered: serde_json::Map<String, serde_json::Value> =
            labels.iter().enumerate().map(|(i, label)| (i.to_string(), label.as_str().into())).collect();
        let text = match self.labels {
            "config.json" => serde_json::json!({ "model_type": "tiny", "id2label": numbered }).to_string(),
            "labels.txt" => labels.join("\n"),
            _ => serde_json::json!({ "name": "tiny", "classes": labels }).to_string(),
        };
        std::fs::write(folder.join(self.labels), text).unwrap();
        folder
    }
}

fn library_with(ready: &Ready) -> (Library, PathBuf) {
    let mut library = Library::new();
    library.put("a.wav", &wav(&tune(1, 22_050, 12.0), 22_050));
    let folder = ready.install(&library);
    library.set_config(&format!("[models]\nenabled = [\"{}\"]\n[tags]\nmin_confidence = 0.0\n", ready.name));
    (library, folder)
}

#[test]
fn a_ready_manifest_needs_only_the_files_that_it_names() {
    for ready in &READY {
        let (library, _) = library_with(ready);
        library.run("models", &["verify", ready.name]).expect_code(0);
        let listed = library.run("models", &["--json"]).expect_code(0).objects();
        let listed = listed.iter().find(|object| object["name"] == ready.name).unwrap();
        assert!(listed["genres"].as_array().unwrap().iter().any(|genre| genre == "Jazz"), "{listed}");
        let run = library.scan(&["--dry-run"]).expect_code(0);
        assert_eq!(run.field("a.wav", "genre"), "Jazz", "{}", ready.name);
    }
}

#[test]
fn every_ready_manifest_is_tried_here() {
    let mut folders: Vec<String> =
        std::fs::read_dir(source("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let mut tried: Vec<&str> = READY.iter().map(|ready| ready.name).collect();
    tried.sort_unstable();
    assert_eq!(folders, tried);
    let map = |name| std::fs::read_to_string(source(name).join("genres.toml")).unwrap();
    assert_eq!(map("discogs-effnet"), map("maest-30s"), "both say the styles of Discogs");
}

#[test]
fn a_file_that_is_missing_or_another_one_is_named() {
    let vggish = READY.iter().find(|ready| ready.name == "vggish").unwrap();
    type Deed = fn(&Path);
    let spoil: [(Deed, &str); 4] = [
        (|folder| std::fs::write(folder.join("head.onnx"), "no graph").unwrap(), "head.onnx"),
        (|folder| std::fs::remove_file(folder.join("head.onnx")).unwrap(), "head.onnx"),
        (|folder| std::fs::remove_file(folder.join("labels.txt")).unwrap(), "labels.txt"),
        (|folder| std::fs::write(folder.join("labels.txt"), "Rock\nJazz\n").unwrap(), "`labels` has 2"),
    ];
    for (spoil, word) in spoil {
        let (library, folder) = library_with(vggish);
        spoil(&folder);
        let run = library.scan(&["--dry-run"]);
        assert_ne!(run.code, Some(0));
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
}
