//! Features become scores: trained networks, described by a manifest and run on the CPU.
//!
//! A model is a folder of at least two files: `model.onnx`, the graph with its normalisation inside, and `model.toml`,
//! its [`Manifest`], which says what the graph wants to be fed and what its numbers mean. [`Ensemble::builtin`] holds
//! those that are compiled into the program; [`Model::open`] reads one from a folder, and a [`ModelsFolder`] holds
//! those that were installed.
//!
//! This module does not make features (it is handed slices), and it does not decide anything: [`Scores`] are what one
//! model thinks, and `genre` makes a verdict of several of them. Nothing outside this module sees the inference engine.

mod cut;
mod engine;
mod ensemble;
mod error;
mod fit;
mod input;
mod install;
mod joined;
mod labels;
mod learned;
mod linear;
mod log_mel_input;
mod manifest;
mod model;
mod musicnn;
mod onnx;
mod output;
mod protobuf;
mod reading;
mod resize;
mod tag_map;

pub use cut::{Cut, Layout, Padding};
pub use engine::{Active, Batch, Choice, Device, DeviceError, Place, Runtime, RuntimeSettings, Tried, Wanted};
pub use ensemble::{Ensemble, Gate, Member, Stage, asks, builtin_model, builtin_models, stages_fault};
pub use error::InferenceError;
pub use input::{KaldiFbankInput, KaldiWindow, ModelInput, PatchInput, WaveformInput};
pub use install::{InstallError, Installed, MUSICNN, ModelsFolder, Package, RuntimePackage, Verified, remove_runtime};
pub use joined::{FeaturesName, FeaturesPart, JoinedInput, Part, PartOutput, SaidPart};
pub use learned::{LEARNED, Learned, LearnedVote, VOTE_FILE, current_generation, generation_folder, learned_folder};
pub use linear::Linear;
pub use log_mel_input::{
    LogMelInput, LogName, NormName, PadMode, ReferenceName, ReferenceWord, ScaleName, SlopesName, WindowName,
};
pub use manifest::{Manifest, Says};
pub use model::{Model, ModelFeatures, Question, Scores};
pub use output::{Average, Head, Output, OutputKind};
pub use tag_map::{TagMap, TaggedGenre};
