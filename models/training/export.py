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

import dataset
import training
from nets import FRAMES, FeatureMlp
from settle import BUILTIN, KIND, lift_of_tags

VERSION = {"fma518-mlp": "3", "logmel-cnn": "4", "spectrum-fusion": "2", "musicnn-fusion": "2", "musicnn-tags": "2"}  # the others are new
ENSEMBLE_VERSION = {"builtin": "5", "musicnn": "6"}
# Everybody who can be asked in a vote: who has no weight votes in an earlier stage, or where the owner gives it some.
MEMBERS = {"builtin": BUILTIN, "musicnn": [*BUILTIN, "musicnn-msd", "musicnn-head", "musicnn-fusion", "musicnn-tags"]}
OPSET = 17
LICENCE = "MIT OR Apache-2.0"
MODELS = Path(__file__).resolve().parent.parent

# What is joined into the row that a model is fed, and how many numbers each part has.
SAID = {"cnn": ("logmel-cnn", "embedding", 128), "numbers": ("musicnn-msd", "embedding", 200), "tags": ("musicnn-msd", "scores", 50)}
JOINED = {
    "spectrum-fusion": ("cnn", "fma518"), "musicnn-head": ("numbers", "tags"), "musicnn-fusion": ("numbers", "tags", "fma518"), "musicnn-tags": ("tags",),
}  # fmt: skip


def parts_of(name):
    lines = []
    for part in JOINED[name]:
        if part == "fma518":
            lines.append('    { features = "fma518", sample_rate = 22050 },')
        else:
            model, output, size = SAID[part]
            lines.append(f'    {{ model = "{model}", output = "{output}", size = {size} }},')
    return "# What other models said of the same sound, and features, one after the other in one row.\n[input.joined]\nparts = [\n" + "\n".join(lines) + "\n]\n"


def width_of(name):
    return sum(518 if part == "fma518" else SAID[part][2] for part in JOINED[name])


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
} | {name: parts_of(name) for name in JOINED}
OUTPUT = '[output]\nname = "logits"\nkind = "logits"\n'
ABOUT = {
    "fma518-mlp": "four perceptrons 518-256-128-K on the FMA features, their logits averaged",
    "logmel-cnn": "four convolution blocks on the log-mel spectrogram, the last two with a residual convolution",
    "spectrum-fusion": "one head over logmel-cnn's embedding and a branch 518-128-64 for the FMA features, trained along with the convolutions",
    "musicnn-head": "four perceptrons 250-128-K on musicnn's embedding and tags, their logits averaged",
    "musicnn-fusion": "four perceptrons 768-128-K on musicnn's embedding and tags and the FMA features, their logits averaged",
    "musicnn-tags": "four perceptrons 50-64-K on musicnn's tags, their logits averaged; tells Pop, Rock, Metal and Disco apart",
}


class Adjusted(nn.Module):
    """Perceptrons, each genre's logit shifted as settle.py says."""

    def __init__(self, net, adjust):
        super().__init__()
        self.net = net
        self.register_buffer("adjust", adjust)

    def forward(self, row):
        return self.net(row) - self.adjust


class Spectrogram(nn.Module):
    """The convolutions and their head; the embedding is what lies between."""

    def __init__(self, cnn, adjust):
        super().__init__()
        self.cnn = cnn
        self.register_buffer("adjust", adjust)

    def forward(self, log_mel):
        logits, embedding = self.cnn(log_mel)
        return logits - self.adjust, embedding


class Fusion(nn.Module):
    """Both branches under the head that was trained on them, without the convolutions: their embedding comes from the model that has them."""

    def __init__(self, cnn, adjust):
        super().__init__()
        self.branch, self.joined, self.scaler = cnn.features, cnn.joined, cnn.scaler
        self.register_buffer("adjust", adjust)

    def forward(self, row):
        embedding, features = row[:, :128], row[:, 128:]
        return self.joined(torch.cat([embedding, self.branch(self.scaler.normalise(features))], 1)) - self.adjust


def synthetic(name):
    """An input that the program's tests make as well: exact in float32, and nothing like music."""
    if name == "logmel-cnn":
        band, frame = np.arange(128)[:, None], np.arange(FRAMES)[None]
        return (-((band * 7 + frame * 3 + band * frame % 11) % 81)).astype(np.float32)[None, None]
    width = width_of(name) if name in JOINED else 518
    return ((np.arange(width) * 37 % 101 - 50) / np.float32(10)).astype(np.float32)[None]


def load(name, runs, settled):
    """A model of a vote, with the weights of the final fits."""
    labels, adjust = settled["labels"], np.array(settled["adjust"], np.float32)
    kind = KIND[name]
    if kind in ("cnn", "fusion"):
        [file] = runs.glob("final.cnn*.pt")
        net = training.make("cnn", len(labels), training.SETTINGS["cnn"])
        net.scaler = FeatureMlp(518, 2)
        net.load_state_dict(torch.load(file, weights_only=True))
        net = net.to(memory_format=torch.contiguous_format)
        return (Spectrogram if kind == "cnn" else Fusion)(net, torch.as_tensor(adjust)).eval()
    words = labels
    if kind == "tags":
        words, adjust = dataset.tag_labels(labels), lift_of_tags(adjust, labels)
    net = training.make(kind, len(words), training.SETTINGS[kind], width_of(name) if name in JOINED else 518)
    net.load_state_dict(torch.load(runs / f"final.{kind}.pt", weights_only=True))
    return Adjusted(net, torch.as_tensor(adjust)).eval()


def write_graph(name, net, example, input_name, outputs, folder):
    """model.onnx, compared with PyTorch on one input; the digest of the file, and what it gives."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.onnx"
    torch.onnx.export(net, (torch.as_tensor(example),), file, input_names=[input_name], output_names=outputs, opset_version=OPSET, dynamo=False)
    graph = onnx.load(file)
    onnx.checker.check_model(graph)
    graph.producer_name = graph.producer_version = graph.doc_string = ""
    graph.metadata_props.clear()
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.save(graph, file)

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = net(torch.as_tensor(example))
    expected = [expected] if len(outputs) == 1 else list(expected)
    got = session.run(outputs, {input_name: example})
    worst = max(float(np.max(np.abs(a - b.numpy()) / np.maximum(1, np.abs(b.numpy())))) for a, b in zip(got, expected, strict=True))
    if worst > 2e-5:
        raise SystemExit(f"{name}: ONNX Runtime is {worst:.1e} away from PyTorch")
    reference = {o: [round(float(v), 6) for v in e.numpy().ravel()] for o, e in zip(outputs, expected, strict=True)}
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")
    print(f"{name}: {file.stat().st_size / 1e6:.2f} MB, ONNX Runtime within {worst:.1e} of PyTorch")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_manifest(name, about, version, digest, labels, fed, output, folder, script="export.py", more="# Canonical genres of taxonomy.toml, in"):
    quoted = "".join(f'    "{label}",\n' for label in labels)
    (folder / "model.toml").write_text(
        f"# {name}: {about}.\n# Written by training/{script}; CARD.md says how good it is.\n"
        f'name = "{name}"\nversion = "{version}"\nlicence = "{LICENCE}"\nsha256 = "{digest}"\n'
        f"{more} the order of the graph's output.\nlabels = [\n{quoted}]\n\n{fed}\n{output}"
    )


def export(name, net, labels, folder):
    outputs = ["logits", "embedding"] if name == "logmel-cnn" else ["logits"]
    input_name = "log_mel" if name == "logmel-cnn" else "joined" if name in JOINED else "features"
    digest = write_graph(name, net, synthetic(name), input_name, outputs, folder)
    output = OUTPUT + ('embedding = "embedding"\n' if "embedding" in outputs else "")
    write_manifest(name, ABOUT[name], VERSION.get(name, "1"), digest, labels, INPUT[name], output, folder)


def calibration_line(of):
    return f"calibration = {{ bias = {of['calibration']['bias']:.2f}, top = {of['calibration']['top']:.2f} }}"


def stage_lines(of, stop=None):
    weights = ", ".join(f"{name} = {weight}" for name, weight in zip(of["members"], of["weights"], strict=True) if weight > 0)
    return ["[[stages]]", f"weights = {{ {weights} }}", f"temperature = {of['temperature']}", calibration_line(of), *([f"stop = {stop}"] if stop else []), ""]


def worst_of(left_out, names, threshold):
    """The collection on which the least of what would be written is right, in words."""
    name = min(names, key=lambda n: left_out[n]["at"][threshold]["right"] or 1)
    at = left_out[name]["at"][threshold]
    return f"{name}: {at['right']:.0%} of what would be written is right, {at['written']:.0%} written"


def export_ensemble(vote, calibrated, gate, file, threshold):
    """Who votes, how much each vote counts, in which stages, and how sure the vote must be."""
    of = calibrated["votes"][vote]
    names = [name for name in calibrated["collections"] if name in of["left_out"]]
    what = "built-in models" if vote == "builtin" else "built-in models and musicnn's"
    lines = [
        f"# The ensemble of the {what}: which vote, how much each vote counts, and when its word is good enough to write.",
        "# Weights and temperature come from cross-validated answers (training/settle.py), calibration, kinds and stops from the same, judged on collections left",
        f"# out (training/calibrate.py). The worst, {worst_of(of['left_out'], names, str(threshold))}.",
        f'name = "reclassd-{vote}"',
        f'version = "{ENSEMBLE_VERSION[vote]}"',
        *(['needs = ["musicnn-msd"]'] if vote == "musicnn" else []),
        "# Probabilities become p^(1/temperature), normalised.",
        f"temperature = {of['temperature']}",
        "# A confidence below this is unsure: nothing is written, the file waits for review.",
        f"threshold = {threshold}",
        f"# How likely the first genre is right: log-odds = bias + top * log-odds of its share. The bias is {of['caution']:g} below the fitted one.",
        calibration_line(of),
    ]
    if vote == "musicnn":
        lines += ["# The probability from which a kind is named in place of its family.", f"tell = {calibrated['tell']}"]
    least = of["further"]["least"]
    if least is not None:
        at = of["further"]["table"][str(least)]
        lines += [
            f"# A second genre is named from this probability on: cross-validated, one was named for {at['named']} clips with several genres and right for {at['right']:.0%}.",
            f"further = {least}",
        ]
    else:
        lines += ["# No `further`: no probability was found from which the second genre of a clip with several is right often enough."]
    if vote == "musicnn":
        lines += [
            "",
            "# How likely a file of the family is of a kind: log-odds = bias + share * log-odds of the kind's share of the family, fitted on what a head",
            "# says of collections that it never heard, those whose kinds are hardest to tell. A kind that is not here is never sure.",
            "[kinds]",
            *(f"{kind} = {{ bias = {fit['bias']:.2f}, share = {fit['share']:.2f} }}" for kind, fit in calibrated["kinds"].items()),
        ]
    weights = dict(zip(of["members"], of["weights"], strict=True))
    for name in MEMBERS[vote]:
        lines += ["", "[[members]]", f'model = "{name}"', f"weight = {weights.get(name, 0.0)}"]
    stages = of["stages"]
    left = list(stages["left_out"].values())
    lost, stopped = max(left, key=lambda f: f["whole"] - f["top1"]), [f["stopped"] for f in left]
    lines += [
        "",
        '# strategy = "progressive": who is asked first, and from which confidence on nobody else is. On collections left out, '
        f"{min(stopped):.0%} to {max(stopped):.0%} of the clips stop",
        f"# at the first stage, and top-1 goes from {lost['whole']:.1%} to {lost['top1']:.1%} at worst.",
        *stage_lines(calibrated["votes"][stages["first"]], stages["stop"]),
        *stage_lines(of),
    ]
    if gate:
        lines += ["# What is less likely music than this is speech or noise, and has no genre.", "[gate]", 'model = "sound-kind"', f"music_below = {gate['music_below']}", ""]
    file.write_text("\n".join(lines[:-1] if lines[-1] == "" else lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="what study.py, settle.py, not_music.py and calibrate.py wrote")
    parser.add_argument("--models", type=Path, default=MODELS, help="the folder of NAME/model.onnx (default: this repository's)")
    parser.add_argument("--only", help="names of models, and no ensemble")
    parser.add_argument("--threshold", type=float, default=0.7)
    args = parser.parse_args()
    settled = json.loads((args.runs / "settled.json").read_text())
    names = args.only.split(",") if args.only else [n for vote in MEMBERS.values() for n in vote]
    for name in dict.fromkeys(names):
        # What was not fitted anew stays as it is.
        if any(args.runs.glob(f"final.{'cnn' if KIND[name] == 'fusion' else KIND[name]}*.pt")):
            labels = dataset.tag_labels(settled["labels"]) if name == "musicnn-tags" else settled["labels"]
            export(name, load(name, args.runs, settled), labels, args.models / name)
    if not args.only:
        calibrated = json.loads((args.runs / "calibrated.json").read_text())
        gate = json.loads((args.runs / "sound-kind.json").read_text()) if (args.runs / "sound-kind.json").exists() else None
        for vote in MEMBERS:
            if vote in calibrated["votes"]:
                export_ensemble(vote, calibrated, gate, args.models / ("ensemble.toml" if vote == "builtin" else f"ensemble-{vote}.toml"), args.threshold)


if __name__ == "__main__":
    main()
