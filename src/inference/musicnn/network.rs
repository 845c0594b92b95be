//! How musicnn's weights are wired: the graph that a checkpoint's tensors belong to.
//!
//! After Pons et al., "End-to-end learning for music audio tagging at scale" (2018), in the form that the package
//! `musicnn` trained: time runs along the second axis of the input, 187 frames of 96 mel bands.
//!
//! ```text
//! mel (N, 187, 96) ─ norm ─┬─ timbral:  7 frames x 38 bands, 204 filters ─┐
//!                          ├─ timbral:  7 frames x 67 bands, 204 filters  │ each: ReLU, norm,
//!                          ├─ temporal: 128 frames x 1 band, 51 filters   ├ maximum over the bands
//!                          ├─ temporal:  64 frames x 1 band, 51 filters   │
//!                          └─ temporal:  32 frames x 1 band, 51 filters ──┘
//!                                              │ 561 channels
//!   three convolutions of 7 frames, 64 filters, ReLU, norm; the second and third add what they were fed with
//!                                              │ 561 + 3 x 64 = 753 channels
//!   maximum and mean over time, channel by channel ─ norm ─ 200 units, ReLU, norm (penultimate) ─ 50 units, sigmoid (tags)
//! ```
//!
//! The norms are batch norms with the statistics of the training. They follow the ReLU, so they cannot be folded into
//! the convolution before them, and the first one precedes a padding with zeros, so it cannot be folded into those
//! after it.

use super::checkpoint::Checkpoint;
use crate::inference::onnx::{Attribute, Graph};

/// Frames of a patch.
const N_FRAMES: usize = 187;
/// Mel bands.
const N_MELS: usize = 96;
/// What is added to the variance in every norm.
const EPSILON: f32 = 1e-3;
/// Channels of the mid-end's convolutions, and their length in frames.
const MID_CHANNELS: usize = 64;
const MID_FRAMES: usize = 7;
const PENULTIMATE: usize = 200;
const TAGS: usize = 50;

/// A convolution of the front end: its number in the checkpoint, and its size.
struct Front {
    number: usize,
    n_frames: usize,
    n_bands: usize,
    channels: usize,
}

const FRONT: [Front; 5] = [
    Front { number: 0, n_frames: 7, n_bands: 38, channels: 204 },
    Front { number: 1, n_frames: 7, n_bands: 67, channels: 204 },
    Front { number: 2, n_frames: 128, n_bands: 1, channels: 51 },
    Front { number: 3, n_frames: 64, n_bands: 1, channels: 51 },
    Front { number: 4, n_frames: 32, n_bands: 1, channels: 51 },
];
const FRONT_CHANNELS: usize = 2 * 204 + 3 * 51;
const ALL_CHANNELS: usize = FRONT_CHANNELS + 3 * MID_CHANNELS;

/// The ONNX file: input `mel`, outputs `tags` and `penultimate`. An error names the tensor that is not as it should be.
pub(super) fn build(checkpoint: &Checkpoint<'_>) -> Result<Vec<u8>, String> {
    let mut network = Network { graph: Graph::default(), checkpoint };
    network.graph.input("mel", &[N_FRAMES, N_MELS]);
    network.graph.integers("channel_axis", &[1]);
    // As one image of one channel: (N, 1, time, bands).
    network.graph.node("Unsqueeze", &["mel", "channel_axis"], "image", &[]);
    network.norm("image", 0, 1, "normed")?;

    let front: Vec<String> = FRONT.iter().map(|front| network.front("normed", front)).collect::<Result<_, _>>()?;
    let front: Vec<&str> = front.iter().map(String::as_str).collect();
    network.graph.node("Concat", &front, "front", &[("axis", Attribute::Int(1))]);

    network.mid("front", FRONT_CHANNELS, 5, "mid_1")?;
    network.mid("mid_1", MID_CHANNELS, 6, "mid_2_alone")?;
    network.graph.node("Add", &["mid_2_alone", "mid_1"], "mid_2", &[]);
    network.mid("mid_2", MID_CHANNELS, 7, "mid_3_alone")?;
    network.graph.node("Add", &["mid_3_alone", "mid_2"], "mid_3", &[]);

    let axis = |axis| ("axis", Attribute::Int(axis));
    network.graph.node("Concat", &["front", "mid_1", "mid_2", "mid_3"], "channels", &[axis(1)]);
    let over_time = [("axes", Attribute::Ints(&[2])), ("keepdims", Attribute::Int(1))];
    network.graph.node("ReduceMax", &["channels"], "maxima", &over_time);
    network.graph.node("ReduceMean", &["channels"], "means", &over_time);
    // Side by side and then flattened, they take turns: the maximum and the mean of channel 0, of channel 1, ...
    network.graph.node("Concat", &["maxima", "means"], "pooled", &[axis(2)]);
    network.graph.node("Flatten", &["pooled"], "flat", &[axis(1)]);
    network.norm("flat", 9, 2 * ALL_CHANNELS, "flat_normed")?;

    network.dense("flat_normed", "dense", [2 * ALL_CHANNELS, PENULTIMATE], "units")?;
    network.graph.node("Relu", &["units"], "units_relu", &[]);
    network.norm("units_relu", 10, PENULTIMATE, "penultimate")?;
    network.dense("penultimate", "dense_1", [PENULTIMATE, TAGS], "logits")?;
    network.graph.node("Sigmoid", &["logits"], "tags", &[]);
    network.graph.output("tags", &[TAGS]);
    network.graph.output("penultimate", &[PENULTIMATE]);
    Ok(network.graph.finish("musicnn"))
}

struct Network<'a> {
    graph: Graph,
    checkpoint: &'a Checkpoint<'a>,
}

impl Network<'_> {
    /// Filters over the spectrogram, the loudest band of each: (N, 1, time, bands) to (N, channels, time).
    fn front(&mut self, input: &str, front: &Front) -> Result<String, String> {
        let Front { number, n_frames, n_bands, channels } = *front;
        let layer = numbered("conv2d", number);
        let kernel = self.checkpoint.tensor(&format!("{layer}/kernel"), &[n_frames, n_bands, 1, channels])?;
        let kernel = outermost_last(&kernel, channels);
        self.constant_kernel(&layer, &[channels, 1, n_frames, n_bands], &kernel)?;
        // As long as before; of an even number of frames, the odd one pads the end.
        let (before, after) = ((n_frames as i64 - 1) / 2, n_frames as i64 / 2);
        self.convolution(input, &layer, &[before, 0, after, 0]);
        self.norm(&format!("{layer}_relu"), number + 1, channels, &format!("{layer}_normed"))?;
        let output = format!("{layer}_loudest");
        let over_bands = [("axes", Attribute::Ints(&[3])), ("keepdims", Attribute::Int(0))];
        self.graph.node("ReduceMax", &[&format!("{layer}_normed")], &output, &over_bands);
        Ok(output)
    }

    /// Filters over time: (N, `input_channels`, time) to (N, 64, time).
    fn mid(&mut self, input: &str, input_channels: usize, number: usize, output: &str) -> Result<(), String> {
        let layer = numbered("conv2d", number);
        // TensorFlow saw the channels as the width of an image of one channel.
        let kernel =
            self.checkpoint.tensor(&format!("{layer}/kernel"), &[MID_FRAMES, input_channels, 1, MID_CHANNELS])?;
        let mut turned = Vec::with_capacity(kernel.len());
        for channel in 0..MID_CHANNELS {
            for input_channel in 0..input_channels {
                let frame = |frame| kernel[(frame * input_channels + input_channel) * MID_CHANNELS + channel];
                turned.extend((0..MID_FRAMES).map(frame));
            }
        }
        self.constant_kernel(&layer, &[MID_CHANNELS, input_channels, MID_FRAMES], &turned)?;
        self.convolution(input, &layer, &[3, 3]);
        self.norm(&format!("{layer}_relu"), number + 1, MID_CHANNELS, output)
    }

    /// The weights of a convolution, as ONNX wants them, and its biases.
    fn constant_kernel(&mut self, layer: &str, shape: &[usize], kernel: &[f32]) -> Result<(), String> {
        self.graph.constant(&format!("{layer}/kernel"), shape, kernel);
        let bias = format!("{layer}/bias");
        self.graph.constant(&bias, &shape[..1], &self.checkpoint.tensor(&bias, &shape[..1])?);
        Ok(())
    }

    fn convolution(&mut self, input: &str, layer: &str, pads: &[i64]) {
        let (kernel, bias, relu) = (format!("{layer}/kernel"), format!("{layer}/bias"), format!("{layer}_relu"));
        self.graph.node("Conv", &[input, &kernel, &bias], layer, &[("pads", Attribute::Ints(pads))]);
        self.graph.node("Relu", &[layer], &relu, &[]);
    }

    fn norm(&mut self, input: &str, number: usize, channels: usize, output: &str) -> Result<(), String> {
        let layer = numbered("batch_normalization", number);
        let parts = ["gamma", "beta", "moving_mean", "moving_variance"].map(|part| format!("{layer}/{part}"));
        for part in &parts {
            self.graph.constant(part, &[channels], &self.checkpoint.tensor(part, &[channels])?);
        }
        let [gamma, beta, mean, variance] = parts.each_ref().map(String::as_str);
        let epsilon = [("epsilon", Attribute::Float(EPSILON))];
        self.graph.node("BatchNormalization", &[input, gamma, beta, mean, variance], output, &epsilon);
        Ok(())
    }

    fn dense(&mut self, input: &str, layer: &str, shape: [usize; 2], output: &str) -> Result<(), String> {
        let (kernel, bias) = (format!("{layer}/kernel"), format!("{layer}/bias"));
        self.graph.constant(&kernel, &shape, &self.checkpoint.tensor(&kernel, &shape)?);
        self.graph.constant(&bias, &shape[1..], &self.checkpoint.tensor(&bias, &shape[1..])?);
        self.graph.node("Gemm", &[input, &kernel, &bias], output, &[]);
        Ok(())
    }
}

/// TensorFlow's name of the layer with this number: the first has none.
fn numbered(layer: &str, number: usize) -> String {
    if number == 0 { layer.to_owned() } else { format!("{layer}_{number}") }
}

/// The matrix of `columns` columns, turned: its last axis becomes the first.
fn outermost_last(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns).copied()).collect()
}

#[cfg(test)]
pub(in crate::inference) mod tests {
    use super::*;
    use crate::inference::engine::TractGraph as Engine;
    use crate::inference::musicnn::{checkpoint, convert};

    type Tensor = (String, Vec<usize>, Vec<f32>);

    /// Every tensor of a musicnn: norms that change nothing (but for epsilon), weights and biases by `weight` of the
    /// tensor's name and index.
    fn tensors(weight: impl Fn(&str, usize) -> f32) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        let mut layer = |kind: &str, number: usize, parts: &[(&str, Vec<usize>)]| {
            for (part, shape) in parts {
                let name = format!("{}/{part}", numbered(kind, number));
                let numbers = (0..shape.iter().product()).map(|i| match *part {
                    "gamma" | "moving_variance" => 1.0,
                    "beta" | "moving_mean" => 0.0,
                    _ => weight(&name, i),
                });
                let numbers = numbers.collect();
                tensors.push((name, shape.clone(), numbers));
            }
        };
        for (number, channels) in [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200].into_iter().enumerate() {
            let parts = ["gamma", "beta", "moving_mean", "moving_variance"].map(|part| (part, vec![channels]));
            layer("batch_normalization", number, &parts);
        }
        let mid = [(7, 561, 64), (7, 64, 64), (7, 64, 64)].into_iter();
        let front = FRONT.iter().map(|front| (front.n_frames, front.n_bands, front.channels));
        for (number, (n_frames, width, channels)) in front.chain(mid).enumerate() {
            layer("conv2d", number, &[("kernel", vec![n_frames, width, 1, channels]), ("bias", vec![channels])]);
        }
        layer("dense", 0, &[("kernel", vec![1506, 200]), ("bias", vec![200])]);
        layer("dense", 1, &[("kernel", vec![200, 50]), ("bias", vec![50])]);
        tensors
    }

    /// The index and data of a checkpoint with small pseudo-random weights.
    pub(in crate::inference) fn made_up_checkpoint() -> (Vec<u8>, Vec<u8>) {
        checkpoint::tests::write(&tensors(|name, i| {
            let seed = name.bytes().fold(i as u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
            ((seed.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5) * 0.05
        }))
    }

    fn load(tensors: &[Tensor]) -> Engine {
        let (index, data) = checkpoint::tests::write(tensors);
        let onnx = convert(&index, &data).unwrap();
        Engine::load(&onnx, &[1, N_FRAMES, N_MELS], &["tags", "penultimate", "flat"]).unwrap()
    }

    #[test]
    fn a_made_up_checkpoint_becomes_a_graph_that_runs() {
        let (index, data) = made_up_checkpoint();
        let onnx = convert(&index, &data).unwrap();
        let engine = Engine::load(&onnx, &[1, N_FRAMES, N_MELS], &["tags", "penultimate"]).unwrap();
        assert_eq!(engine.output_lens().unwrap(), [50, 200]);
        let outputs = engine.run(&vec![1.0; N_FRAMES * N_MELS]).unwrap();
        assert!(outputs[0].iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", outputs[0]);
        assert!(outputs[0].iter().any(|p| (p - 0.5).abs() > 1e-3), "{:?}", outputs[0]);
    }

    #[test]
    fn a_checkpoint_that_lacks_a_tensor_says_which() {
        let without: Vec<Tensor> = tensors(|_, _| 0.0).into_iter().filter(|t| t.0 != "conv2d_6/bias").collect();
        let (index, data) = checkpoint::tests::write(&without);
        assert!(convert(&index, &data).unwrap_err().contains("conv2d_6/bias"));
        let (index, data) = made_up_checkpoint();
        assert!(convert(&index, &data[..data.len() / 2]).unwrap_err().contains("incomplete"));
    }

    /// What one weight of 1 in each of some kernels lets through to the pooled channels, of an impulse of 100 in one
    /// cell.
    fn pooled(ones: &[(&str, usize)], frame: usize, band: usize) -> Vec<f32> {
        let tensors = tensors(|name, i| if ones.contains(&(name, i)) { 1.0 } else { 0.0 });
        let mut mel = vec![0.0; N_FRAMES * N_MELS];
        mel[frame * N_MELS + band] = 100.0;
        load(&tensors).run(&mel).unwrap().remove(2)
    }

    #[test]
    fn an_impulse_passes_through_the_filter_that_it_belongs_to() {
        // The weight of frame f, band b, channel c of a kernel of b_n bands and c_n channels lies at (f * b_n + b) *
        // c_n + c.
        let timbral = |frame: usize, band: usize, channel: usize| (frame * 38 + band) * 204 + channel;
        let found = pooled(&[("conv2d/kernel", timbral(2, 5, 17))], 90, 40);
        assert!((found[2 * 17] - 100.0).abs() < 0.2, "{}", found[2 * 17]);
        // Maximum and mean take turns.
        assert!((found[2 * 17 + 1] - 100.0 / 187.0).abs() < 0.01, "{}", found[2 * 17 + 1]);
        assert!(found.iter().enumerate().all(|(i, v)| i / 2 == 17 || v.abs() < 1e-6));

        // Band 95 is under the highest band of the filter at its last place, and under no other band.
        assert!(pooled(&[("conv2d/kernel", timbral(2, 37, 17))], 90, 95)[34] > 99.0);
        // Sums of spectra round: a millionth of the impulse.
        assert!(pooled(&[("conv2d/kernel", timbral(2, 36, 17))], 90, 95)[34].abs() < 1e-4);
    }

    #[test]
    fn a_filter_of_128_frames_reaches_63_back_and_64_ahead() {
        let temporal = |frame: usize| [("conv2d_2/kernel", frame * 51 + 3)];
        let channel = 2 * (2 * 204 + 3);
        // The first weight meets the sound 63 frames before the frame that it is heard in: the last 63 frames reach
        // none.
        assert!(pooled(&temporal(0), 123, 10)[channel] > 99.0);
        assert_eq!(pooled(&temporal(0), 124, 10)[channel], 0.0);
        // And the last weight 64 frames after: the first 64 reach none.
        assert!(pooled(&temporal(127), 64, 10)[channel] > 99.0);
        assert_eq!(pooled(&temporal(127), 63, 10)[channel], 0.0);
    }

    #[test]
    fn the_second_and_third_convolution_add_what_they_were_fed_with() {
        let front = ("conv2d/kernel", 17);
        let mid_1 = ("conv2d_5/kernel", (3 * 561 + 17) * 64 + 5);
        let mid_2 = ("conv2d_6/kernel", (3 * 64 + 5) * 64 + 9);
        let found = pooled(&[front, mid_1, mid_2], 90, 10);
        let at = |mid: usize, channel: usize| found[2 * (561 + 64 * mid + channel)];
        let heard = |mid: usize| (0..64).filter(|&channel| at(mid, channel) > 99.0).collect::<Vec<_>>();
        assert_eq!([heard(0), heard(1), heard(2)], [vec![5], vec![5, 9], vec![5, 9]]);
    }
}
