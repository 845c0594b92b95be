//! Models that are no part of the program: installed into a folder of the user's, listed, checked and removed there.
//!
//! ```text
//! package client ─► wheel (SHA-256) ─► checkpoints ─► ONNX graphs ─► staged, loaded once ─► renamed into place
//! ```
//!
//! A [`Package`] says where such models come from; a [`ModelsFolder`] holds them, each a folder that [`Model::open`]
//! reads. What is inside of a checkpoint is `musicnn`'s business, and who votes the configuration's.
//!
//! [`Model::open`]: super::Model::open

mod client;
mod error;
mod folder;
mod onnxruntime;
mod package;
mod wheel;

pub use error::InstallError;
pub use folder::{ModelsFolder, Verified};
pub use onnxruntime::{RuntimePackage, remove_runtime};
pub use package::{Installed, MUSICNN, Package};
