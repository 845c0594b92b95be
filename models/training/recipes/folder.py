"""A committee of perceptrons as a folder that `[models] folder` takes: model.onnx with normalisation and temperature inside, model.toml,
CARD.md, and reference.json for whoever wants to check that a program computes the same."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from perceptron import LIMIT

OPSET = 17
FEATURES = 518


def prepare(out):
    """Refuses, before hours of work, a folder that cannot become a model."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", out.name):
        raise SystemExit(f"{out}: a model is named like its folder: 1 to 64 letters, digits, `-`, `_` or `.`")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SystemExit(f"{out}: is there already; remove it or name another folder")


def example(scaler):
    """Features that anyone can compute a model's answer of: within a deviation of the mean, each column in its own way."""
    pattern = (np.arange(FEATURES) * 37 % 101 - 50) / np.float32(50)
    deviation = np.where(scaler.scale > 0, 1 / np.maximum(scaler.scale, 1e-30), 0)
    return (scaler.mean + pattern * deviation).astype(np.float32)[None]


def graph(committee):
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    x = node("Sub", ["features", constant("mean", committee.scaler.mean[None])], "centred")
    x = node("Mul", [x, constant("scale", committee.scaler.scale[None])], "scaled")
    scaled = node("Clip", [x, constant("lowest", -LIMIT), constant("highest", LIMIT)], "standardised")
    total = None
    for n, net in enumerate(committee.nets):
        x = scaled
        for i, (weights, bias) in enumerate(net.layers):
            names = [constant(f"weights.{n}.{i}", weights), constant(f"bias.{n}.{i}", bias)]
            x = node("Gemm", [x, *names], f"layer.{n}.{i}")
            if i + 1 < len(net.layers):
                x = node("Relu", [x], f"hidden.{n}.{i}")
        total = x if total is None else node("Add", [total, x], f"sum.{n}")
    share = 1 / (len(committee.nets) * committee.temperature)
    node("Mul", [total, constant("share", share)], "logits")

    classes = committee.nets[0].layers[-1][1].size
    made = helper.make_graph(
        nodes,
        "perceptrons",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, classes])],
        constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write(out, committee, labels, *, sample_rate, licence, about, card):
    """Writes the folder; fails where the graph computes something else than the committee."""
    model = graph(committee)
    features = example(committee.scaler)
    expected = committee.logits(features)
    got = ReferenceEvaluator(model).run(None, {"features": features})[0]
    worst = float(np.max(np.abs(got - expected) / np.maximum(1, np.abs(expected))))
    if worst > 1e-4:
        raise SystemExit(f"the graph is {worst:.1e} away from what was trained: nothing was written")
    out.mkdir(parents=True, exist_ok=True)
    serialised = model.SerializeToString()
    (out / "model.onnx").write_bytes(serialised)
    quoted = "".join(f'    "{label}",\n' for label in labels)
    (out / "model.toml").write_text(
        f"# {out.name}: {about}.\n# CARD.md says how good it is.\n"
        f'name = "{out.name}"\nversion = "1"\nlicence = "{licence}"\nsha256 = "{hashlib.sha256(serialised).hexdigest()}"\n'
        f"# Canonical genres of taxonomy.toml, in the order of the graph's output.\nlabels = [\n{quoted}]\n\n"
        f"# The 518 FMA features of the mono signal at this rate.\n[input.fma518]\nsample_rate = {sample_rate}\n\n"
        f'[output]\nname = "logits"\nkind = "logits"\n'
    )
    (out / "CARD.md").write_text(card, encoding="utf-8")
    (out / "reference.json").write_text(json.dumps({"features": features[0].tolist(), "logits": [round(float(v), 6) for v in expected[0]]}) + "\n")
    print(f"written: {out}")
    print(f"to let it vote, put the folder into [models] folder and its name into [models] enabled: {out.name}")
