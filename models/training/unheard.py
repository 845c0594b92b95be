"""What the built-in models, as they are exported, say of collections that they never heard: OUT/unheard.npz, which `calibrate.py` takes where no
cross-validation of these models is at hand. It costs a minute, where their cross-validation costs half an hour."""

import argparse
import pickle
from pathlib import Path

import numpy as np
import onnxruntime

import dataset
from export import MODELS
from settle import MAIN


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="where study.py left data.pickle")
    parser.add_argument("--features", type=Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--heard", nargs="*", default=MAIN, help="the collections that the exported models learned from")
    args = parser.parse_args()
    data = pickle.loads((args.runs / "data.pickle").read_bytes())
    rows = np.flatnonzero([clip.collection not in args.heard for clip in data.clips])
    one = onnxruntime.SessionOptions()
    one.intra_op_num_threads = 1
    graphs = {name: onnxruntime.InferenceSession(str(args.models / name / "model.onnx"), one) for name in ("fma518-mlp", "logmel-cnn", "spectrum-fusion")}
    said = {name: np.zeros((len(rows), len(data.labels)), np.float32) for name in graphs}
    for of in sorted({data.clips[row].set for row in rows}):
        spectrograms = np.load(args.features / f"{of}.logmel.npz")
        keys = {data.clips[row].path: i for i, row in enumerate(rows) if data.clips[row].set == of}
        for member in spectrograms.files:
            i = dataset.clip_of(member, keys)
            if i is not None:
                vector = data.fma518[rows[i]][None]
                spectrum, embedding = graphs["logmel-cnn"].run(["logits", "embedding"], {"log_mel": dataset.to_frames(spectrograms[member]).astype(np.float32)[None, None]})
                said["logmel-cnn"][i] = spectrum[0]
                said["spectrum-fusion"][i] = graphs["spectrum-fusion"].run(None, {"joined": np.hstack([embedding, vector])})[0][0]
                said["fma518-mlp"][i] = graphs["fma518-mlp"].run(None, {"features": vector})[0][0]
    np.savez(args.runs / "unheard.npz", rows=rows, **said)
    print(f"asked about {len(rows)} clips")


if __name__ == "__main__":
    main()
