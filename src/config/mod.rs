//! The configuration: what the TOML file may say, its defaults, and errors that name file, line and the nearest valid
//! key.
//!
//! It is a plain value that the commands hand to the stages; it reads no environment but to find its file, and it opens
//! nothing else. `config.example.toml` in the repository shows every key with its default, and a test keeps the two
//! equal.

mod folders;
mod heard;
mod hours;
mod learn;
mod left_out;
mod locate;
mod log;
mod metrics;
mod mistake;
mod playlists;
mod serve;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use folders::{FolderTags, innermost};
pub use heard::WriteHeard;
pub use hours::ActiveHours;
pub use learn::Learn;
pub use left_out::{IGNORE_FILES, LEFT_OUT};
pub use locate::{default_database, default_models_folder, default_runtime_folder, find, user_file};
pub use log::{Level, Log, LogFormat};
pub use metrics::{Listen, Metrics};
pub use playlists::{Playlist, Playlists};
pub use serve::{Place, Serve};
pub use watch::{Poll, Priority, Span, Watch};

/// What can be wrong with a configuration file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot read the configuration: {source}; check the path and its permissions", path = path.display())]
    Read {
        /// The configuration file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not a valid configuration.
    #[error("{path}:{line}: {what}", path = path.display())]
    Invalid {
        /// The configuration file.
        path: PathBuf,
        /// Line of the offending key or value, from 1.
        line: usize,
        /// What is wrong there, and what would be right.
        what: String,
    },
    /// There is neither a home folder nor another place for the database.
    #[error(
        "no place for the database: set $HOME, $XDG_STATE_HOME or $STATE_DIRECTORY, [database] path, or --database FILE"
    )]
    NoStateFolder,
}

/// The whole configuration; [`Config::default`] is what holds without a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where the music is.
    pub library: Library,
    /// How the service works.
    pub watch: Watch,
    /// What is listened to.
    pub analysis: Analysis,
    /// Who listens.
    pub models: Models,
    /// What runs the models.
    pub runtime: Runtime,
    /// How opinions become one.
    pub ensemble: Ensemble,
    /// What may be written.
    pub tags: Tags,
    /// What is learned from the owner.
    pub learn: Learn,
    /// How unsure files are listed.
    pub review: Review,
    /// Where results are kept.
    pub database: Database,
    /// What is logged.
    pub log: Log,
    /// Who may read the service's figures.
    pub metrics: Metrics,
    /// The page and the interface for programs.
    pub serve: Serve,
    /// Lists of tracks that the service keeps up to date.
    pub playlists: Playlists,
}

/// `[library]`: where the music is and which files count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Library {
    /// Folders that a scan takes when none is named.
    pub roots: Vec<PathBuf>,
    /// Glob patterns of paths and names to leave out.
    pub exclude: Vec<String>,
    /// Glob patterns of bare names, in any case, of what storage systems and sync tools put beside music; see
    /// [`LEFT_OUT`].
    pub exclude_defaults: Vec<String>,
    /// Names of files whose folder is left out, or what they list of it.
    pub ignore_files: Vec<String>,
    /// File name endings, without the dot, that make a file a candidate.
    pub extensions: Vec<String>,
    /// Whether folders that are symbolic links are walked.
    pub follow_symlinks: bool,
    /// A file that was changed less than this many seconds ago is not written: it may still be being copied.
    pub settle_seconds: u32,
}

impl Default for Library {
    fn default() -> Self {
        const EXTENSIONS: [&str; 26] = [
            "mp3", "flac", "ogg", "oga", "opus", "m4a", "m4b", "mp4", "wav", "wave", "aif", "aiff", "aifc", "aac",
            "mka", "webm", "weba", "wv", "ape", "mpc", "wma", "tta", "dsf", "dff", "tak", "ofr",
        ];
        Self {
            roots: Vec::new(),
            exclude: Vec::new(),
            exclude_defaults: LEFT_OUT.iter().map(|(pattern, _)| pattern.to_string()).collect(),
            ignore_files: IGNORE_FILES.iter().map(|name| name.to_string()).collect(),
            extensions: EXTENSIONS.iter().map(|e| e.to_string()).collect(),
            follow_symlinks: true,
            settle_seconds: 5,
        }
    }
}

/// `[analysis]`: what of a file is listened to, and with how many hands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Analysis {
    /// Length of a window in seconds, at least 1.
    pub window_seconds: f64,
    /// Number of windows a file, 1 to 16.
    pub windows: u32,
    /// Shorter files are skipped; seconds.
    pub min_seconds: f64,
    /// Cores to decode and compute with; 0 means all.
    pub jobs: usize,
    /// Files of one disk that are read at the same time; 0 means as many as help the kind of disk.
    pub readers: usize,
    /// Whether a scan also says what a track sounds like: tempo, key, loudness, mood.
    pub descriptors: bool,
}

impl Default for Analysis {
    fn default() -> Self {
        Self { window_seconds: 30.0, windows: 1, min_seconds: 3.0, jobs: 0, readers: 0, descriptors: false }
    }
}

impl Analysis {
    /// How many cores to use: as configured, else all that this process may use.
    pub fn cores(&self) -> usize {
        if self.jobs > 0 { self.jobs } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// `[models]`: which models take part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Models {
    /// The folder of what was learned from the library, beside the database; empty: nothing was. No key of the file: it
    /// follows from where the database is.
    #[serde(skip)]
    pub learned: PathBuf,
    /// Names of built-in and installed models; empty means those that were fitted to vote together, as far as they are
    /// installed.
    pub enabled: Vec<String>,
    /// The folder of installed models; empty means the default place, see [`default_models_folder`].
    pub folder: PathBuf,
}

/// `[runtime]`: what runs the models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Runtime {
    /// The library of ONNX Runtime; empty means to look for one, `none` to use what is compiled in.
    pub library: PathBuf,
    /// Where the models run.
    pub device: crate::inference::Device,
    /// Windows that ONNX Runtime is asked about at once; 0 means what `reclassd doctor` found best, else what suits the
    /// device.
    pub batch: usize,
    /// How long a window waits for others of its batch, in milliseconds, where `batch` says how many.
    pub batch_wait_ms: u32,
}

impl Default for Runtime {
    fn default() -> Self {
        Self { library: PathBuf::new(), device: crate::inference::Device::default(), batch: 0, batch_wait_ms: 5 }
    }
}

/// How several models' opinions become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The weighted mean of the probabilities of all.
    #[default]
    Vote,
    /// The same of a few at first, and of more only while that is not sure.
    Progressive,
}

/// A stage of a progressive vote: one of `[[ensemble.stages]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Who votes in it, by name, and how much that counts.
    pub weights: BTreeMap<String, f32>,
    /// The temperature of its vote; the fitted one of the ensemble unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// The confidence from which nobody else is asked; a stage without one is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<f32>,
}

/// `[ensemble]`: the vote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ensemble {
    /// How opinions become one.
    pub strategy: Strategy,
    /// Weights by model name, in place of the fitted ones.
    pub weights: BTreeMap<String, f32>,
    /// The stages of a progressive vote, in place of the fitted ones.
    pub stages: Vec<Stage>,
    /// Whether the tracks of an album get one genre.
    pub album: bool,
    /// Whether what sounds like speech or noise gets no genre.
    pub music_only: bool,
    /// When a kind is named in place of its family.
    pub kinds: crate::genre::KindsPolicy,
}

impl Default for Ensemble {
    fn default() -> Self {
        Self {
            strategy: Strategy::Vote,
            weights: BTreeMap::new(),
            stages: Vec::new(),
            album: false,
            music_only: true,
            kinds: crate::genre::KindsPolicy::WhenSure,
        }
    }
}

/// `[tags]`: what may be written into files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tags {
    /// Whose genre may be replaced.
    pub policy: crate::tagging::Policy,
    /// The confidence from which a genre is written, 0 to 1.
    pub min_confidence: f32,
    /// The most genres a file, 1 to 5.
    pub max_genres: usize,
    /// The share from which a further genre is written behind the first, 0 to 1.
    pub min_confidence_further: f32,
    /// The only genres that are written; empty: all.
    pub whitelist: Vec<String>,
    /// The owner's names for our genres.
    pub names: BTreeMap<String, String>,
    /// In which case genres are written that have no name of the owner's own.
    pub casing: crate::genre::Casing,
    /// When the `RECLASSD_*` fields are written.
    pub own_fields: crate::tagging::OwnFieldsPolicy,
    /// Whether a write puts the old modification time back.
    pub preserve_mtime: bool,
    /// What happens to files with several names.
    pub hard_links: crate::tagging::HardLinks,
    /// Version of new ID3v2 tags.
    pub id3_version: crate::tagging::Id3Version,
    /// How several genres stand in a tag of ID3v2.3: one string joined with slashes, or strings of their own.
    pub id3v23_values: crate::tagging::Id3Values,
    /// Whether the copy is checked by the audio side as well, which shares no code with the editors.
    pub verify: bool,
    /// Folders with settings of their own.
    pub folders: Vec<folders::FolderTags>,
    /// How a key is spelt in a tag.
    pub key_notation: crate::descriptors::KeyNotation,
    /// What of the sound is written, beside the genre.
    pub write: WriteHeard,
}

impl Default for Tags {
    fn default() -> Self {
        Self {
            policy: Default::default(),
            min_confidence: 0.7,
            max_genres: 1,
            min_confidence_further: 0.32,
            whitelist: Vec::new(),
            names: BTreeMap::new(),
            casing: Default::default(),
            own_fields: Default::default(),
            preserve_mtime: false,
            hard_links: Default::default(),
            id3_version: Default::default(),
            id3v23_values: Default::default(),
            verify: true,
            folders: Vec::new(),
            key_notation: Default::default(),
            write: WriteHeard::default(),
        }
    }
}

/// `[review]`: the desk at which the owner corrects what the program was unsure of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Review {
    /// Files that the plain list holds at the most; 0 means all.
    pub limit: usize,
    /// The program that plays what was listened to, and its arguments, in which `{path}`, `{start}` and `{length}` (in
    /// seconds) are put in; empty means one that is found.
    pub player: Vec<String>,
}

impl Default for Review {
    fn default() -> Self {
        Self { limit: 50, player: Vec::new() }
    }
}

/// `[database]`: the SQLite file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    /// The file; empty means the default place, see [`default_database`].
    pub path: PathBuf,
    /// How long to wait for another process's lock, in seconds.
    pub busy_timeout_seconds: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { path: PathBuf::new(), busy_timeout_seconds: 10 }
    }
}

impl Config {
    /// Whether a scan finds out what tracks sound like: because that is asked for, or since it is to be written.
    pub fn describes(&self) -> bool {
        self.analysis.descriptors
            || self.tags.write.is_any()
            || self.tags.by_folder().iter().any(|(_, tags)| tags.write.is_any())
    }

    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::Read`] when the file cannot be read, [`ConfigError::Invalid`] with the line of the first mistake.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|mistake| ConfigError::Invalid {
            path: path.to_owned(),
            line: mistake.line,
            what: mistake.what,
        })
    }

    /// Parses and checks the text of a configuration.
    fn parse(text: &str) -> Result<Self, mistake::Mistake> {
        mistake::check_keys(text)?;
        let config: Config = toml::from_str(text).map_err(|error| mistake::Mistake::from_toml(text, &error))?;
        config.check_values().map_err(|(key, what)| mistake::Mistake::at_key(text, key, what))?;
        Ok(config)
    }

    /// Ranges that types do not express; gives the dotted key and what is wrong with its value.
    fn check_values(&self) -> Result<(), (&'static str, String)> {
        let a = &self.analysis;
        require((1.0..=600.0).contains(&a.window_seconds), "analysis.window_seconds", || {
            format!("window_seconds must lie between 1 and 600, not {}", a.window_seconds)
        })?;
        require((1..=16).contains(&a.windows), "analysis.windows", || {
            format!("windows must lie between 1 and 16, not {}", a.windows)
        })?;
        require((0.5..=600.0).contains(&a.min_seconds), "analysis.min_seconds", || {
            format!("min_seconds must lie between 0.5 and 600, not {}", a.min_seconds)
        })?;
        require(a.jobs <= 1024, "analysis.jobs", || format!("jobs must lie between 0 and 1024, not {}", a.jobs))?;
        require(a.readers <= 1024, "analysis.readers", || {
            format!("readers must lie between 0 and 1024, not {}", a.readers)
        })?;
        let r = &self.runtime;
        require(r.batch <= 1024, "runtime.batch", || format!("batch must lie between 0 and 1024, not {}", r.batch))?;
        require(r.batch_wait_ms <= 10_000, "runtime.batch_wait_ms", || {
            format!("batch_wait_ms must lie between 0 and 10000, not {}", r.batch_wait_ms)
        })?;
        self.watch.check()?;
        self.metrics.check()?;
        self.learn.check()?;
        self.serve.check()?;
        playlists::check(&self.playlists)?;
        self.tags.check()?;
        for (folder, resolved) in self.tags.by_folder() {
            let what = |what| format!("{}: {what}", folder.display());
            require(folder.is_absolute(), "tags.folders", || what("must be an absolute path".to_owned()))?;
            resolved.check().map_err(|(_, mistake)| ("tags.folders", what(mistake)))?;
        }
        let wait = self.database.busy_timeout_seconds;
        // The threads of one process wait for each other too.
        require((1..=3600).contains(&wait), "database.busy_timeout_seconds", || {
            format!("busy_timeout_seconds must lie between 1 and 3600, not {wait}")
        })?;
        for (model, weight) in &self.ensemble.weights {
            require(weight.is_finite() && *weight >= 0.0, "ensemble.weights", || {
                format!("the weight of {model} must be 0 or more, not {weight}")
            })?;
        }
        let player = &self.review.player;
        require(player.is_empty() || player.iter().any(|part| part.contains("{path}")), "review.player", || {
            "player has no \"{path}\": it would not know what to play".to_owned()
        })?;
        let (exclude, defaults) = (&self.library.exclude, &self.library.exclude_defaults);
        for (key, patterns) in [("library.exclude", exclude), ("library.exclude_defaults", defaults)] {
            for pattern in patterns {
                require(globset::Glob::new(pattern).is_ok(), key, || {
                    format!("\"{pattern}\" is not a valid glob pattern: check its brackets and braces")
                })?;
            }
        }
        for name in &self.library.ignore_files {
            require(!name.is_empty() && !name.contains('/'), "library.ignore_files", || {
                format!("\"{name}\" is not the bare name of a file, such as \".nomedia\"")
            })?;
        }
        for root in &self.library.roots {
            require(root.is_absolute(), "library.roots", || {
                format!("{} must be an absolute path: a service has no folder of its own to start from", root.display())
            })?;
        }
        Ok(())
    }
}

fn require(ok: bool, key: &'static str, what: impl FnOnce() -> String) -> Result<(), (&'static str, String)> {
    if ok { Ok(()) } else { Err((key, what())) }
}

impl Tags {
    /// How the owner wants genres to be written.
    ///
    /// # Errors
    /// [`GenreError`](crate::genre::GenreError) for a word that means no genre, or that players would split.
    pub fn naming(&self) -> Result<crate::genre::Naming, crate::genre::GenreError> {
        let taxonomy = crate::genre::Taxonomy::builtin()?;
        crate::genre::Naming::new(taxonomy, &self.names, &self.whitelist, self.casing)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        self.write.check()?;
        use crate::tagging::{OwnFieldsPolicy::Never, Policy};
        for (key, name, value) in [
            ("tags.min_confidence", "min_confidence", self.min_confidence),
            ("tags.min_confidence_further", "min_confidence_further", self.min_confidence_further),
        ] {
            require((0.0..=1.0).contains(&value), key, || format!("{name} must lie between 0 and 1, not {value}"))?;
        }
        require((1..=5).contains(&self.max_genres), "tags.max_genres", || {
            format!("max_genres must lie between 1 and 5, not {}", self.max_genres)
        })?;
        let policy = match self.policy {
            Policy::Append => "append",
            Policy::OwnFieldsOnly => "own-fields-only",
            _ => "",
        };
        require(policy.is_empty() || self.own_fields != Never, "tags.own_fields", || {
            format!("policy = \"{policy}\" needs the own fields: own_fields cannot be \"never\" with it")
        })?;
        let names = Self { whitelist: Vec::new(), ..self.clone() }.naming();
        names.map_err(|error| ("tags.names", format!("names: {error}")))?;
        self.naming().map_err(|error| ("tags.whitelist", format!("whitelist: {error}")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> (usize, String) {
        let mistake = Config::parse(text).unwrap_err();
        (mistake.line, mistake.what)
    }

    #[test]
    fn the_example_shows_every_key_with_its_default() {
        let text = include_str!("../../config.example.toml");
        assert_eq!(Config::parse(text).unwrap(), Config::default());
        let keys = |table: &toml::Table| -> Vec<String> {
            let sections = table.iter();
            sections.flat_map(|(s, t)| t.as_table().unwrap().keys().map(move |k| format!("{s}.{k}"))).collect()
        };
        let default = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(keys(&text.parse().unwrap()), keys(&default));
    }

    #[test]
    fn a_misspelt_key_is_answered_with_its_line_and_the_nearest_one() {
        let (line, what) = mistake("[tags]\n# a comment\nmin_confidense = 0.5\n");
        assert_eq!(line, 3);
        assert!(what.contains("min_confidense") && what.contains("did you mean `min_confidence`"), "{what}");
    }

    #[test]
    fn a_misspelt_section_is_answered_with_the_nearest_one() {
        let (line, what) = mistake("\n[tag]\npolicy = \"fill\"\n");
        assert_eq!(line, 2);
        assert!(what.contains("did you mean `tags`"), "{what}");
    }

    #[test]
    fn a_key_like_no_other_gets_the_list_of_valid_ones() {
        let (line, what) = mistake("[review]\nxyzzy = 1\n");
        assert_eq!(line, 2);
        assert!(what.contains("limit"), "{what}");
    }

    #[test]
    fn a_wrong_type_names_the_line_and_the_key() {
        let (line, what) = mistake("[analysis]\nwindows = 1\nwindow_seconds = \"long\"\n");
        assert_eq!(line, 3);
        assert!(what.contains("window_seconds"), "{what}");
    }

    #[test]
    fn a_word_that_is_no_choice_gets_the_choices() {
        let (line, what) = mistake("[tags]\npolicy = \"overwrite\"\n");
        assert_eq!(line, 2);
        assert!(what.contains("fill"), "{what}");
    }

    #[test]
    fn a_value_out_of_range_names_its_line() {
        let (line, what) = mistake("[tags]\npolicy = \"fill\"\nmin_confidence = 1.5\n");
        assert_eq!(line, 3);
        assert!(what.contains("between 0 and 1"), "{what}");
    }

    #[test]
    fn broken_toml_names_its_line() {
        assert_eq!(mistake("[tags]\npolicy = \n").0, 2);
    }

    #[test]
    fn a_broken_exclude_pattern_is_noticed_before_the_scan() {
        assert!(mistake("[library]\nexclude = [\"a[\"]\n").1.contains("a["));
        assert!(mistake("[library]\nexclude_defaults = [\"b[\"]\n").1.contains("b["));
        assert!(mistake("[library]\nignore_files = [\"a/.nomedia\"]\n").1.contains("bare name"));
    }

    #[test]
    fn weights_take_any_model_name() {
        let config = Config::parse("[ensemble]\nweights = { some-model = 2.0 }\n").unwrap();
        assert_eq!(config.ensemble.weights["some-model"], 2.0);
    }
}
