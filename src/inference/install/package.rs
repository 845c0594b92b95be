//! Packages that models are installed from, and the steps of it: fetch, check, convert, put in place.

use std::path::Path;

use super::client::{self, Wish};
use super::folder::{Locked, Staged};
use super::wheel::Wheel;
use super::{InstallError, ModelsFolder};
use crate::inference::model::sha256_hex;
use crate::inference::musicnn;

/// What stands in a manifest where the digest of the graph belongs, until the graph is made.
const DIGEST_OF_THE_GRAPH: &str = "{sha256}";

/// A package on the Python index that holds trained checkpoints.
#[derive(Debug)]
pub struct Package {
    /// Its name there, and the name to install and remove its models by.
    pub name: &'static str,
    /// The version that is known.
    pub version: &'static str,
    /// The file of that version.
    wheel: &'static str,
    /// That file's SHA-256.
    sha256: &'static str,
    /// The member that holds the licence.
    licence: &'static str,
    /// The models in it.
    models: &'static [Checkpoint],
}

/// A model in a package.
#[derive(Debug)]
struct Checkpoint {
    /// The name that it is installed under.
    name: &'static str,
    /// The folder in the package.
    folder: &'static str,
    /// Its manifest, with [`DIGEST_OF_THE_GRAPH`].
    manifest: &'static str,
}

/// [musicnn](https://github.com/jordipons/musicnn) 0.1.0, ISC: two taggers of fifty tags each, trained on the Million Song Dataset
/// and on MagnaTagATune.
pub const MUSICNN: Package = Package {
    name: "musicnn",
    version: "0.1.0",
    wheel: "musicnn-0.1.0-py3-none-any.whl",
    sha256: "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
    licence: "musicnn-0.1.0.dist-info/LICENSE.md",
    models: &[
        Checkpoint {
            name: "musicnn-msd",
            folder: "musicnn/MSD_musicnn",
            manifest: include_str!("../../../models/musicnn/msd.toml"),
        },
        Checkpoint {
            name: "musicnn-mtt",
            folder: "musicnn/MTT_musicnn",
            manifest: include_str!("../../../models/musicnn/mtt.toml"),
        },
    ],
};

/// A model that was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Bytes of its graph.
    pub graph_bytes: u64,
}

impl Package {
    /// The names of its models.
    pub fn models(&self) -> impl Iterator<Item = &'static str> {
        self.models.iter().map(|model| model.name)
    }

    /// Fetches the package with the user's package client and installs its models. What the client fetched is removed
    /// again.
    ///
    /// # Errors
    /// When there is no client or it fails; those of [`Package::install`].
    pub fn fetch_and_install(&self, folder: &ModelsFolder) -> Result<Vec<Installed>, InstallError> {
        let folder = folder.locked()?;
        let download = folder.scratch("download")?;
        let wish = Wish { package: self.name, version: self.version, wheel: self.wheel, platform: None };
        let wheel = client::fetch(&wish, download.path())?;
        self.install_locked(&wheel, &folder)
    }

    /// Installs the models of a wheel: all of them or, where something is wrong, none. Models that are there give way.
    ///
    /// # Errors
    /// When the file cannot be read, is not the known one, or does not hold what it should; when a model does not load;
    /// when the folder cannot be written.
    pub fn install(&self, wheel: &Path, folder: &ModelsFolder) -> Result<Vec<Installed>, InstallError> {
        self.install_locked(wheel, &folder.locked()?)
    }

    fn install_locked(&self, wheel: &Path, folder: &Locked<'_>) -> Result<Vec<Installed>, InstallError> {
        let mut wheel = Wheel::open(wheel, self.wheel, self.sha256)?;
        let licence = wheel.member(self.licence)?;
        let (mut staged, mut installed): (Vec<Staged<'_>>, Vec<Installed>) = (Vec::new(), Vec::new());
        for model in self.models {
            let index = wheel.member(&format!("{}/.index", model.folder))?;
            let data = wheel.member(&format!("{}/.data-00000-of-00001", model.folder))?;
            let graph = musicnn::convert(&index, &data).map_err(|reason| wheel.damaged(model.folder, reason))?;
            let manifest = model.manifest.replacen(DIGEST_OF_THE_GRAPH, &sha256_hex(&graph), 1);
            let files: [(&str, &[u8]); 3] =
                [("model.toml", manifest.as_bytes()), ("model.onnx", &graph), ("LICENSE.md", &licence)];
            staged.push(folder.stage(model.name, &files)?);
            installed.push(Installed { name: model.name.into(), graph_bytes: graph.len() as u64 });
        }
        for model in staged {
            model.put_in_place()?;
        }
        Ok(installed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::genre::Taxonomy;
    use crate::inference::musicnn::made_up_checkpoint;
    use crate::inference::{Manifest, ModelFeatures};

    /// A package of a made-up wheel with musicnn's layout, and the wheel, in a temporary folder.
    struct MadeUp {
        home: tempfile::TempDir,
        wheel: PathBuf,
        package: Package,
    }

    impl MadeUp {
        /// `cut` shortens the data of the second model.
        fn new(cut: usize) -> Self {
            let (index, data) = made_up_checkpoint();
            let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let mut add = |name: &str, bytes: &[u8]| {
                archive.start_file(name, SimpleFileOptions::default()).unwrap();
                archive.write_all(bytes).unwrap();
            };
            add(MUSICNN.licence, b"ISC");
            for (model, data) in MUSICNN.models.iter().zip([&data[..], &data[..data.len() - cut]]) {
                add(&format!("{}/.index", model.folder), &index);
                add(&format!("{}/.data-00000-of-00001", model.folder), data);
            }
            let bytes = archive.finish().unwrap().into_inner();
            let home = tempfile::tempdir().unwrap();
            let wheel = home.path().join("made-up.whl");
            std::fs::write(&wheel, &bytes).unwrap();
            let package = Package { sha256: sha256_hex(&bytes).leak(), ..MUSICNN };
            Self { home, wheel, package }
        }

        fn folder(&self) -> ModelsFolder {
            ModelsFolder::new(self.home.path().join("data/models"))
        }

        /// What lies in the folder of models, hidden or not.
        fn entries(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.folder().path()).unwrap();
            let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_made_up_wheel_becomes_models_that_run() {
        let made_up = MadeUp::new(0);
        let folder = made_up.folder();
        assert!(folder.names().unwrap().is_empty());
        let installed = made_up.package.install(&made_up.wheel, &folder).unwrap();
        assert_eq!(made_up.entries(), ["musicnn-msd", "musicnn-mtt"]);
        for model in installed {
            let opened = folder.open(&model.name).unwrap();
            assert_eq!(opened.graph_bytes().unwrap(), model.graph_bytes);
            let scores = opened.run(&ModelFeatures::MusicnnMel(&[0.5; 400 * 96])).unwrap();
            assert_eq!((scores.probabilities.len(), scores.embedding.unwrap().len()), (50, 200));
            assert_eq!(std::fs::read(folder.path().join(&model.name).join("LICENSE.md")).unwrap(), b"ISC");
            assert_eq!(folder.verify(&model.name).unwrap().files, ["model.toml", "model.onnx", "LICENSE.md"]);
        }
    }

    #[test]
    fn installing_again_replaces_what_was_damaged_and_what_a_crash_left() {
        let made_up = MadeUp::new(0);
        let folder = made_up.folder();
        made_up.package.install(&made_up.wheel, &folder).unwrap();
        let graph = folder.path().join("musicnn-msd/model.onnx");
        let mut bytes = std::fs::read(&graph).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&graph, bytes).unwrap();
        let error = folder.verify("musicnn-msd").unwrap_err();
        assert!(matches!(&error, InstallError::Changed { path, .. } if *path == graph), "{error}");
        folder.verify("musicnn-mtt").unwrap();

        std::fs::create_dir(folder.path().join(".musicnn-mtt-scratch.reclassd-unfinished")).unwrap();
        made_up.package.install(&made_up.wheel, &folder).unwrap();
        folder.verify("musicnn-msd").unwrap();
        assert_eq!(made_up.entries(), ["musicnn-msd", "musicnn-mtt"]);
    }

    #[test]
    fn a_wheel_of_another_content_installs_nothing() {
        let made_up = MadeUp::new(0);
        let error = MUSICNN.install(&made_up.wheel, &made_up.folder()).unwrap_err();
        assert!(matches!(error, InstallError::WrongFile { .. }), "{error}");
        assert!(error.to_string().contains("made-up.whl") && error.to_string().contains(MUSICNN.sha256), "{error}");
        assert!(made_up.entries().is_empty());
    }

    #[test]
    fn a_wheel_with_one_bad_checkpoint_installs_neither_model() {
        let made_up = MadeUp::new(1000);
        let error = made_up.package.install(&made_up.wheel, &made_up.folder()).unwrap_err();
        assert!(matches!(error, InstallError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("MTT_musicnn"), "{error}");
        assert!(made_up.entries().is_empty());
    }

    #[test]
    fn a_wheel_that_was_cut_off_or_lacks_a_file_installs_nothing() {
        let made_up = MadeUp::new(0);
        let bytes = std::fs::read(&made_up.wheel).unwrap();
        for length in [0, 100, bytes.len() / 2, bytes.len() - 1] {
            let cut = &bytes[..length];
            std::fs::write(&made_up.wheel, cut).unwrap();
            // As if its digest were the known one.
            let package = Package { sha256: sha256_hex(cut).leak(), ..MUSICNN };
            let error = package.install(&made_up.wheel, &made_up.folder()).unwrap_err();
            assert!(matches!(error, InstallError::Damaged { .. }), "{length}: {error}");
        }
        std::fs::write(&made_up.wheel, bytes).unwrap();
        let package = Package { licence: "elsewhere/LICENSE", ..made_up.package };
        let error = package.install(&made_up.wheel, &ModelsFolder::new(made_up.home.path().join("m"))).unwrap_err();
        assert!(error.to_string().contains("elsewhere/LICENSE"), "{error}");
    }

    #[test]
    fn every_tag_of_musicnn_is_mapped_to_a_genre_or_left_out_on_purpose() {
        let taxonomy = Taxonomy::builtin().unwrap();
        for model in MUSICNN.models {
            // Reading it checks that each tag is mapped once or left out.
            let text = model.manifest.replace(DIGEST_OF_THE_GRAPH, &"0".repeat(64));
            let manifest = Manifest::parse(&text, model.name).unwrap();
            assert_eq!((manifest.name.as_str(), manifest.labels.len()), (model.name, 50));
            assert_eq!(manifest.package.as_deref(), Some(MUSICNN.name));
            let genres = taxonomy.canonical_all(&manifest.genres()).unwrap();
            assert!(genres.iter().map(|genre| genre.as_str()).eq(manifest.genres()));
            let Some(map) = &manifest.tag_map else { continue };
            // A tag that names a genre, or a kind of one, speaks for that genre or for the family that it is in; what
            // is left out names none, but where the tag means less than the genre of that name.
            for (genre, tag) in map.genres.iter().flat_map(|genre| genre.tags.iter().map(move |tag| (genre, tag))) {
                let named = taxonomy.canonical(tag);
                let family = ["Pop", "Rock"].contains(&named.map_or("", |genre| genre.as_str()));
                assert!(named.is_none_or(|named| named.as_str() == genre.name || family), "{tag} for {}", genre.name);
            }
            let named: Vec<&String> = map.left_out.iter().filter(|tag| taxonomy.canonical(tag).is_some()).collect();
            assert_eq!(named, ["instrumental"]);
        }
    }
}
