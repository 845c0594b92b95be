//! A convolution of a picture of one channel, its rectifier and its norm, of which only the loudest band of each frame
//! is kept, as one operator of the engine: the four nodes that stand for it in ONNX write and read every band of every
//! filter. Nothing here knows where such nodes are found (that is [shorten](super::shorten)'s) or how the sums are
//! done.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::operator::{Layer, Operator, constants, folded, rules_of_pictures};
use super::temporal::Temporal;
use super::timbral::{BANDS, Timbral};

/// The operator's name in the shortened graph. Its inputs are those of `Conv` with a bias, then those of
/// `BatchNormalization` without the first.
pub(super) const NAME: &str = "ReclassdConvMax";

/// Its attributes: frames of silence in front of the picture, and the norm's epsilon.
pub(super) const BEFORE: &str = "before";
pub(super) const EPSILON: &str = "epsilon";

/// Makes the operator of a node with [`NAME`], for the engine's register.
pub(super) fn read(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let op = Unread { before: node.get_attr::<i64>(BEFORE)? as usize, epsilon: node.get_attr(EPSILON)? };
    Ok((expand(op), vec![]))
}

/// The operator before its weights are known.
#[derive(Debug, Clone)]
struct Unread {
    before: usize,
    epsilon: f32,
}

impl Expansion for Unread {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        rules_of_pictures(s, inputs, outputs, 7)?;
        s.equals(&outputs[0].rank, 3)?;
        s.equals(&outputs[0].shape[2], &inputs[0].shape[2])
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let numbers = constants(model, inputs, 1..inputs.len())?;
        let [kernel, bias, scale, shift, mean, variance] = numbers.as_slice() else {
            bail!("{NAME} has {} inputs", inputs.len())
        };
        let shape = model.outlet_fact(inputs[1])?.shape.as_concrete().map(<[usize]>::to_vec);
        let Some([filters, 1, height, width]) = shape.as_deref() else { bail!("{NAME} has a strange kernel") };
        if [bias, scale, shift, mean, variance].iter().any(|each| each.len() != *filters) {
            bail!("{NAME} has weights for another number of filters");
        }
        let (scale, shift) = folded([scale, shift, mean, variance], self.epsilon);
        let layer = ConvMax::new(kernel.clone(), *height, *width, self.before, bias.clone(), scale, shift);
        model.wire_node(prefix, Operator::new(layer), &inputs[..1])
    }
}

#[derive(Debug)]
enum Filters {
    Timbral(Box<Timbral>),
    Temporal(Temporal),
}

/// What the four nodes say together. Rectifier and norm rise or fall with the answer, so that of all bands only the
/// loudest has to go through them; where a filter's norm turns the order round it is the least loud, which is the
/// loudest of the filter with its sign changed.
#[derive(Debug)]
struct ConvMax {
    filters: Filters,
    before: usize,
    bias: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl ConvMax {
    fn new(
        mut kernel: Vec<f32>,
        height: usize,
        width: usize,
        before: usize,
        bias: Vec<f32>,
        scale: Vec<f32>,
        shift: Vec<f32>,
    ) -> Self {
        for (kernel, &scale) in kernel.chunks_exact_mut(height * width).zip(&scale) {
            if scale < 0.0 {
                kernel.iter_mut().for_each(|tap| *tap = -*tap);
            }
        }
        let filters = match width {
            1 => Filters::Temporal(Temporal::new(&kernel, height)),
            _ => Filters::Timbral(Box::new(Timbral::new(&kernel, height, width))),
        };
        Self { filters, before, bias, scale, shift }
    }
}

impl Layer for ConvMax {
    const NAME: &'static str = NAME;

    fn check(&self, picture: &[usize]) -> TractResult<()> {
        match picture {
            [1, _, BANDS] => Ok(()),
            _ => bail!("{NAME} has a picture of {picture:?}, not of one channel and {BANDS} bands"),
        }
    }

    fn behind<D: DimLike>(&self, picture: &[D]) -> TVec<D> {
        let frames = picture.iter().skip(1).take(1).cloned();
        std::iter::once(D::from(self.bias.len())).chain(frames).collect()
    }

    fn run(&self, picture: &[f32], _: &[usize], out: &mut [f32]) {
        match &self.filters {
            Filters::Timbral(filters) => filters.loudest(picture, self.before, out),
            Filters::Temporal(filters) => filters.loudest(picture, self.before, out),
        }
        let frames = picture.len() / BANDS;
        let weights = self.bias.iter().zip(&self.scale).zip(&self.shift);
        for (out, ((&bias, &scale), &shift)) in out.chunks_exact_mut(frames.max(1)).zip(weights) {
            let sign = if scale < 0.0 { -1.0 } else { 1.0 };
            for value in out {
                *value = (sign * *value + bias).max(0.0) * scale + shift;
            }
        }
    }
}
