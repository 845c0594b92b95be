//! Why a model could not be loaded or run, said so that whoever installed it knows what to do. No file is opened here.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why a model could not be loaded or run.
///
/// Cheap to clone: a model that failed to load gives the same error to every thread that asks for it.
#[derive(Debug, Clone, Error)]
pub enum InferenceError {
    /// A file of a model's folder cannot be read.
    #[error("cannot read {}: {source}; a model folder holds model.toml and model.onnx", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A description (`model.toml`, `ensemble.toml`) is not valid TOML, lacks a key, or has one that is unknown or of
    /// the wrong type.
    #[error("{origin} is not a valid description: {reason}")]
    Syntax {
        /// The file, or the name of the built-in that it belongs to.
        origin: String,
        /// The parser's message, with line and key.
        reason: String,
    },
    /// A key of a description has a value that cannot be.
    #[error("{origin}: `{key}` {reason}")]
    Value {
        /// The file, or the name of the built-in that it belongs to.
        origin: String,
        /// The key, with its table: `input.frames`.
        key: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// `model.onnx` is not the file that `model.toml` describes.
    #[error(
        "{origin} is not the file that its model.toml describes: SHA-256 is {found}, expected {expected}; install the model again"
    )]
    Checksum {
        /// The file.
        origin: String,
        /// The digest in the manifest.
        expected: String,
        /// The digest of the file.
        found: String,
    },
    /// The graph cannot be loaded: damaged, of another shape than the manifest says, or with operators that are not
    /// known.
    #[error("model {model}: cannot load its graph: {reason}")]
    Graph {
        /// The model's name.
        model: String,
        /// What the engine said.
        reason: String,
    },
    /// The model was handed something else than its manifest asks for.
    #[error("model {model}: wrong input: {reason}")]
    Input {
        /// The model's name.
        model: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The graph ran and failed, or gave numbers that mean nothing.
    #[error("model {model}: failed to run: {reason}")]
    Run {
        /// The model's name.
        model: String,
        /// What happened.
        reason: String,
    },
}
