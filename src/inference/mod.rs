//! Features become scores: trained networks, described by a manifest and run on the CPU.
//!
//! A model is a folder of two files: `model.onnx`, the graph with its normalisation inside, and `model.toml`, its
//! [`Manifest`], which says what the graph wants to be fed and what its numbers mean. [`Ensemble::builtin`] holds those that
//! are compiled into the program; [`Model::open`] reads one from a folder, and a [`ModelsFolder`] holds those that were installed.
//!
//! This module does not make features (it is handed slices), and it does not decide anything: [`Scores`] are what one model
//! thinks, and `genre` makes a verdict of several of them. Nothing outside this module sees the inference engine.

mod ensemble;
mod error;
mod fit;
mod graph;
mod install;
mod manifest;
mod model;
mod musicnn;
mod tag_map;

pub use ensemble::{Ensemble, Member};
pub use error::InferenceError;
pub use install::{InstallError, Installed, MUSICNN, ModelsFolder, Package, Verified};
pub use manifest::{LogMelInput, Manifest, ModelInput, MusicnnMelInput, Output, OutputKind, Padding};
pub use model::{Model, ModelFeatures, Scores};
pub use tag_map::{TagMap, TaggedGenre};
