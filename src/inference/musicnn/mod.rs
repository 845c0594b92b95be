//! From musicnn's TensorFlow checkpoint to an ONNX graph, without TensorFlow.
//!
//! ```text
//! index ─► sstable ─► checkpoint ─► network ─► model.onnx
//! data  ────────────────┘
//! ```
//!
//! [musicnn] (Pons and Serra, 2019; ISC) tags three seconds of sound with fifty words. A checkpoint holds its weights
//! by name and nothing of how they are wired: the wiring is `network`'s, by the published description. Only bytes come
//! in and go out; where they come from and where they go is `install`'s business.
//!
//! [musicnn]: https://github.com/jordipons/musicnn

mod checkpoint;
mod network;
mod sstable;

pub(super) use checkpoint::Checkpoint;

/// The ONNX graph of a checkpoint: input `mel` (N, 187, 96), outputs `tags` (N, 50) and `penultimate` (N, 200).
/// An error says what is wrong with the checkpoint, on one line.
pub(super) fn convert(index: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    network::build(&Checkpoint::read(index, data)?)
}

#[cfg(test)]
pub(super) use network::tests::made_up_checkpoint;
