//! What runs a graph: ONNX Runtime where a library of it is found, else tract, which is compiled in and needs nothing.
//!
//! A process has one [`Runtime`], since the library has one interface a process. It is started before the first graph is loaded; a graph
//! that the library cannot load or run goes to the engine that is left, and that is said once.

mod device;
mod library;
mod onnxruntime;
mod runtime;
mod tract;

use std::borrow::Cow;

pub use device::{Device, DeviceError};
pub use runtime::{Active, Place, Runtime, RuntimeSettings, Tried};

use onnxruntime::OnnxGraph;
pub(super) use tract::TractGraph;

/// A loaded graph. Shared by threads.
#[derive(Debug)]
pub(super) struct Graph {
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Tract(TractGraph),
    Onnx(OnnxGraph),
}

/// Which engine a graph is wanted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever [`Runtime`] found.
    Active,
    /// The one that is compiled in.
    Embedded,
}

impl Graph {
    /// Loads a graph of one float32 input of the given shape, and the outputs of these names, in this order.
    /// An error is what the engine says, on one line.
    pub fn load(onnx: Cow<'static, [u8]>, shape: &[usize], outputs: &[&str], wanted: Wanted) -> Result<Self, String> {
        if wanted == Wanted::Active
            && let Some(runtime) = Runtime::started().and_then(Runtime::onnx)
        {
            match OnnxGraph::load(runtime, onnx.clone(), shape, outputs) {
                Ok(graph) => return Ok(Self { engine: Engine::Onnx(graph) }),
                // tract says what is wrong with a graph that is wrong.
                Err(reason) => tracing::debug!("ONNX Runtime does not load this graph: {reason}"),
            }
        }
        Ok(Self { engine: Engine::Tract(TractGraph::load(&onnx, shape, outputs)?) })
    }

    /// How many numbers each output has.
    pub fn output_lens(&self) -> Result<Vec<usize>, String> {
        match &self.engine {
            Engine::Tract(graph) => graph.output_lens(),
            Engine::Onnx(graph) => Ok(graph.output_lens().to_vec()),
        }
    }

    /// The outputs, each flattened, for an input in row-major order of the shape that the graph was loaded with.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        match &self.engine {
            Engine::Tract(graph) => graph.run(input),
            Engine::Onnx(graph) => graph.run(input),
        }
    }
}
