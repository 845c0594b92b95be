//! A layer of a spectrogram network as one operator of the engine: a convolution of 3 x 3 taps, of which the loudest of
//! two by two answers may be kept, a norm or a bias, a way around it, a rectifier. In ONNX these are four nodes, each
//! of which writes all of the picture for the next one to read. Nothing here knows where such nodes are found (that is
//! [shorten](super::shorten)'s) or how the sums are done.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::direct::Direct;
use super::operator::{Layer, Operator, constants, folded, rules_of_pictures};
use crate::simd::{LANES, Lanes};

/// The operator's name in the shortened graph. Its inputs are the picture and the kernel, then a bias, or the last four
/// inputs of `BatchNormalization` where there are four.
pub(super) const NAME: &str = "ReclassdConvBlock";

/// Its attributes: places from one answer to the next, whether the loudest of two by two is kept, whether the picture
/// itself is added, and the norm's epsilon.
pub(super) const STEP: &str = "step";
pub(super) const POOLED: &str = "pooled";
pub(super) const AROUND: &str = "around";
pub(super) const EPSILON: &str = "epsilon";

/// Makes the operator of a node with [`NAME`], for the engine's register.
pub(super) fn read(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let shape = Shape {
        step: node.get_attr::<i64>(STEP)? as usize,
        pooled: node.get_attr::<i64>(POOLED)? != 0,
        around: node.get_attr::<i64>(AROUND)? != 0,
    };
    Ok((expand(Unread { inputs: node.input.len(), shape, epsilon: node.get_attr(EPSILON)? }), vec![]))
}

/// What a layer does beside its weights.
#[derive(Debug, Clone, Copy)]
struct Shape {
    step: usize,
    pooled: bool,
    around: bool,
}

impl Shape {
    /// One side of the picture behind the layer.
    fn behind<D: DimLike>(self, side: &D) -> D {
        let answers = (side.clone() + (self.step - 1)) / self.step;
        if self.pooled { answers / 2 } else { answers }
    }
}

/// The operator before its weights are known.
#[derive(Debug, Clone)]
struct Unread {
    inputs: usize,
    shape: Shape,
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
        rules_of_pictures(s, inputs, outputs, self.inputs)?;
        s.equals(&outputs[0].rank, 4)?;
        for side in [2, 3] {
            s.given(&inputs[0].shape[side], move |s, length| {
                s.equals(&outputs[0].shape[side], self.shape.behind(&length))
            })?;
        }
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let numbers = constants(model, inputs, 1..inputs.len())?;
        let dims = model.outlet_fact(inputs[1])?.shape.as_concrete().map(<[usize]>::to_vec);
        let Some([filters, channels, 3, 3]) = dims.as_deref() else { bail!("{NAME} has a strange kernel") };
        let (kernel, scale, shift) = match numbers.as_slice() {
            [kernel] => (kernel, vec![1.0; *filters], vec![0.0; *filters]),
            [kernel, bias] => (kernel, vec![1.0; *filters], bias.clone()),
            [kernel, scale, shift, mean, variance] => {
                let (scale, shift) = folded([scale, shift, mean, variance], self.epsilon);
                (kernel, scale, shift)
            }
            _ => bail!("{NAME} has {} inputs", inputs.len()),
        };
        if scale.len() != *filters || shift.len() != *filters {
            bail!("{NAME} has weights for another number of filters");
        }
        let sums = Direct::new(kernel, *channels, self.shape.step, self.shape.pooled);
        let mut finish = vec![[Lanes::ZERO; 2]; filters.div_ceil(LANES)];
        for (filter, (scale, shift)) in scale.into_iter().zip(shift).enumerate() {
            let [scales, shifts] = &mut finish[filter / LANES];
            (scales.0[filter % LANES], shifts.0[filter % LANES]) = (scale, shift);
        }
        let layer = ConvBlock { sums, finish, filters: *filters, channels: *channels, shape: self.shape };
        model.wire_node(prefix, Operator::new(layer), &inputs[..1])
    }
}

#[derive(Debug)]
struct ConvBlock {
    sums: Direct,
    /// By block of filters: a factor and a summand for each.
    finish: Vec<[Lanes; 2]>,
    filters: usize,
    channels: usize,
    shape: Shape,
}

impl Layer for ConvBlock {
    const NAME: &'static str = NAME;

    fn check(&self, picture: &[usize]) -> TractResult<()> {
        match picture {
            [channels, _, _] if *channels == self.channels => Ok(()),
            _ => bail!("{NAME} has a picture of {picture:?}, not of {} channels", self.channels),
        }
    }

    fn behind<D: DimLike>(&self, picture: &[D]) -> TVec<D> {
        let sides = picture.iter().skip(1).map(|side| self.shape.behind(side));
        std::iter::once(D::from(self.filters)).chain(sides).collect()
    }

    fn run(&self, picture: &[f32], shape: &[usize], out: &mut [f32]) {
        if let &[_, rows, columns] = shape {
            let (size, behind) = ([rows, columns], [rows, columns].map(|side| self.shape.behind(&side)));
            self.sums.run(picture, size, behind, &self.finish, self.shape.around, out);
        }
    }
}
