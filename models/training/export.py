"""Networks to ONNX, each into its folder under models/, and proof that the file computes what PyTorch does.

The graphs take a batch of one in a fixed shape and hold their normalisation. Beside model.onnx goes model.toml, and the reference outputs that the
program's tests compare with (of a synthetic input that the tests can make themselves)."""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

import training
from nets import FRAMES, FeatureMlp, Patterns

VERSION = "2"
OPSET = 17
LICENCE = "MIT OR Apache-2.0"
MODELS = Path(__file__).resolve().parent.parent

INPUT = {
    "fma518-mlp": """# The 518 FMA features of the mono signal at this rate.
[input.fma518]
sample_rate = 22050
""",
    "logmel-cnn": f"""# A log-mel spectrogram in dB below its own maximum: shape (n_mels, frames), time along the second axis.
[input.log-mel]
sample_rate = 22050
n_fft = 2048
hop_length = 512
n_mels = 128
fmin = 0.0
fmax = 11025.0
top_db = 80.0
# The graph takes exactly this many frames. A longer spectrogram gives its middle; a shorter one is repeated from its start.
frames = {FRAMES}
padding = "repeat"
""",
}
# What the fusion needs: two tensors under the names of the graph's inputs. The program reads one input a model, so this one is not in the vote.
FUSION = "two-branch-fusion"
INPUT[FUSION] = (
    INPUT["fma518-mlp"].replace("[input.fma518]", '[inputs.fma518]\nname = "features"')
    + "\n"
    + INPUT["logmel-cnn"].replace("[input.log-mel]", '[inputs.log-mel]\nname = "log_mel"')
)
GRAPH_INPUTS = {"fma518-mlp": ["features"], "logmel-cnn": ["log_mel"], FUSION: ["log_mel", "features"]}
OUTPUT = {
    "fma518-mlp": '[output]\nname = "logits"\nkind = "logits"\n',
    "logmel-cnn": '[output]\nname = "logits"\nkind = "logits"\nembedding = "embedding"\n',
}
OUTPUT[FUSION] = OUTPUT["logmel-cnn"]
ABOUT = {
    "fma518-mlp": "four perceptrons 518-256-128-K on the FMA features, their logits averaged",
    "logmel-cnn": "four convolution blocks on the log-mel spectrogram, the last two with a residual convolution",
    FUSION: "the convolutions on the log-mel spectrogram and a perceptron on the FMA features under one head",
}


class Adjusted(nn.Module):
    """The perceptrons on the 518 features, each genre's logit shifted as settle.py says."""

    def __init__(self, net, adjust):
        super().__init__()
        self.net = net
        self.register_buffer("adjust", adjust)

    def forward(self, features):
        return self.net(features) - self.adjust


class Spectrogram(nn.Module):
    """Convolutions and perceptrons on patterns, each with its share of the logits; the embedding is the first convolutions'."""

    def __init__(self, cnns, perceptrons, share, adjust):
        super().__init__()
        self.cnns, self.share = nn.ModuleList(cnns), share
        if share < 1:
            self.patterns, self.perceptrons = Patterns(), perceptrons
        self.register_buffer("adjust", adjust)

    def forward(self, log_mel):
        heard = [cnn(log_mel) for cnn in self.cnns]
        logits = self.share / len(heard) * sum(logits for logits, _ in heard) - self.adjust
        if self.share < 1:
            logits = logits + (1 - self.share) * self.perceptrons(self.patterns(log_mel))
        return logits, heard[0][1]


class Fusion(nn.Module):
    """Both branches under the head that was trained on them; the embedding is the convolutions'."""

    def __init__(self, cnn, adjust):
        super().__init__()
        self.cnn = cnn
        self.register_buffer("adjust", adjust)

    def forward(self, log_mel, features):
        _, embedding = self.cnn(log_mel)
        return self.cnn.fused(embedding, self.cnn.scaler.normalise(features)) - self.adjust, embedding


def synthetic(name):
    """An input that the program's tests make as well: exact in float32, and nothing like music."""
    if name == "features":
        return ((np.arange(518) * 37 % 101 - 50) / np.float32(10)).astype(np.float32)[None]
    band, frame = np.arange(128)[:, None], np.arange(FRAMES)[None]
    return (-((band * 7 + frame * 3 + band * frame % 11) % 81)).astype(np.float32)[None, None]


def load(name, runs, settled):
    """A model of the vote, with the weights of the final fits."""
    classes, adjust = len(settled["labels"]), torch.tensor(settled["adjust"], dtype=torch.float32)

    def fitted(kind, inputs=518):
        sort = kind.rstrip("0123456789")
        net = training.make(sort, classes, training.SETTINGS[sort], inputs)
        weights = torch.load(runs / f"final.{kind}.pt", weights_only=True)
        if sort == "cnn":
            net.scaler = FeatureMlp(518, 2)
        net.load_state_dict(weights)
        return net

    if name == "fma518-mlp":
        return Adjusted(fitted("features"), adjust).eval()
    cnns = [fitted(file.name.split(".")[1]).to(memory_format=torch.contiguous_format) for file in sorted(runs.glob("final.cnn*.pt"))]
    if name == FUSION:
        return Fusion(cnns[0], adjust).eval()
    return Spectrogram(cnns, fitted("patterns", Patterns().size), settled["share"], adjust).eval()


def export(name, net, labels, folder):
    inputs = GRAPH_INPUTS[name]
    outputs = ["logits"] if name == "fma518-mlp" else ["logits", "embedding"]
    example = tuple(torch.as_tensor(synthetic(i)) for i in inputs)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.onnx"
    torch.onnx.export(net, example, file, input_names=inputs, output_names=outputs, opset_version=OPSET, dynamo=False)
    graph = onnx.load(file)
    onnx.checker.check_model(graph)
    graph.producer_name = graph.producer_version = graph.doc_string = ""
    graph.metadata_props.clear()
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.save(graph, file)

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = net(*example)
    expected = [expected] if name == "fma518-mlp" else list(expected)
    got = session.run(outputs, {i: x.numpy() for i, x in zip(inputs, example, strict=True)})
    worst = max(float(np.max(np.abs(a - b.numpy()) / np.maximum(1, np.abs(b.numpy())))) for a, b in zip(got, expected, strict=True))
    if worst > 2e-5:
        raise SystemExit(f"{name}: ONNX Runtime is {worst:.1e} away from PyTorch")

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    quoted = "".join(f'    "{label}",\n' for label in labels)
    (folder / "model.toml").write_text(
        f"# {name}: {ABOUT[name]}.\n# Written by training/export.py; CARD.md says how good it is.\n"
        f'name = "{name}"\nversion = "{VERSION if name != FUSION else 1}"\nlicence = "{LICENCE}"\nsha256 = "{digest}"\n'
        f"# Canonical genres of taxonomy.toml, in the order of the graph's output.\nlabels = [\n{quoted}]\n\n{INPUT[name]}\n{OUTPUT[name]}"
    )
    reference = {o: [round(float(v), 6) for v in e.numpy().ravel()] for o, e in zip(outputs, expected, strict=True)}
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")
    print(f"{name}: {file.stat().st_size / 1e6:.2f} MB, {len(labels)} genres, ONNX Runtime within {worst:.1e} of PyTorch")


def export_ensemble(settled, folder, threshold):
    """ensemble.toml: who votes, how much each vote counts, and how sure the vote must be."""
    lines = [
        "# The built-in ensemble: which models vote, how much each vote counts, and when its word is good enough to write.",
        "# Weights and temperature come from cross-validation over the training clips (training/settle.py).",
        'name = "reclassd-builtin"',
        f'version = "{VERSION}"',
        "# Probabilities become p^(1/temperature), normalised: what makes the confidence mean what it says.",
        f"temperature = {settled['temperature']}",
        "# A confidence below this is unsure: nothing is written, the file waits for review.",
        f"threshold = {threshold}",
    ]
    for name, weight in zip(settled["members"], settled["weights"], strict=True):
        lines += ["", "[[members]]", f'model = "{name}"', f"weight = {weight}"]
    (folder / "ensemble.toml").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="what study.py and settle.py wrote")
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of NAME/model.onnx (default: this repository's)")
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--fusion", action="store_true", help="the fusion too, which the program cannot run yet")
    args = parser.parse_args()
    settled = json.loads((args.runs / "settled.json").read_text())
    for name in settled["members"] + [FUSION] * args.fusion:
        export(name, load(name, args.runs, settled), settled["labels"], args.models / name)
    export_ensemble(settled, args.models, args.threshold)


if __name__ == "__main__":
    main()
