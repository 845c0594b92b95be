"""Everything, in order: features, the fits, what is settled from them, music or not, ONNX and manifests, the cards.

What a step has left behind is not made again; delete --out to begin anew."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=Path, required=True, nargs="+", help="lists of clips; the first decides which genres are learned")
parser.add_argument("--audio", type=Path, help="the clips' sound; without it the features have to be there")
parser.add_argument("--reclassd", default="reclassd", help="the program, with musicnn installed")
parser.add_argument("--taggrams", type=Path, help="the folder of GTZAN's taggrams; without it the head on tags hears the clips alone")
parser.add_argument("--sources", type=Path, help="recordings of speech and noise, as not_music.py says; without it sound-kind stays as it is")
parser.add_argument("--features", type=Path, default=HERE / "cache/features")
parser.add_argument("--out", type=Path, default=HERE / "cache/runs")
parser.add_argument("--models", type=Path, default=HERE.parent)
parser.add_argument("--workers", type=int, default=2)
args = parser.parse_args()

taggrams = {part: args.taggrams / f"{part}_data_GTZAN_MSDmusicnn_taggram.npz" for part in ("training", "evaluation")} if args.taggrams else {}
heard = ["--taggrams", taggrams["training"]] if taggrams else []
data = ["--clips", *args.clips, "--features", args.features, "--out", args.out, "--workers", args.workers, *heard]
not_music = ["--runs", args.out, "--models", args.models, "--sources", args.sources, "--sounds", args.features / "not_music", "--reclassd", args.reclassd]
steps = [
    ["prepare.py", "--clips", *args.clips, "--audio", args.audio, "--out", args.features, "--reclassd", args.reclassd],
    ["study.py", *data, "--runs", "cv,final,from"],
    ["study.py", *data, "--runs", "curve", "--kinds", "features,joined,cnn1"],
    ["study.py", *data, "--runs", "cv,from", "--kinds", "open1"],
    *([["study.py", *data, "--runs", "without", "--kinds", "joined,tags"]] if len(args.clips) > 1 else []),
    ["settle.py", "--runs", args.out, *(["--gtzan-test", taggrams["evaluation"]] if taggrams else [])],
    ["not_music.py", *not_music],
    ["calibrate.py", "--runs", args.out],
    ["export.py", "--runs", args.out, "--models", args.models],
    ["evaluate.py", "--runs", args.out, "--models", args.models],
]
for step in steps:
    if (step[0] == "prepare.py" and not args.audio) or (step[0] == "not_music.py" and not args.sources):
        continue
    subprocess.run([sys.executable, HERE / step[0], *map(str, step[1:])], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
