"""Everything, in order: the fits, what is settled from them, ONNX and manifests, the cards. Features first: prepare.py.

What a step has left behind is not made again; delete --out to begin anew."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=Path, required=True)
parser.add_argument("--features", type=Path, default=HERE / "cache/features")
parser.add_argument("--out", type=Path, default=HERE / "cache/runs")
parser.add_argument("--models", type=Path, default=HERE.parent)
parser.add_argument("--workers", type=int, default=2)
args = parser.parse_args()

data = ["--clips", args.clips, "--features", args.features, "--out", args.out, "--workers", args.workers]
for step in (
    ["study.py", *data, "--runs", "cv,final,from,valid"],
    ["study.py", *data, "--runs", "curve", "--kinds", "features"],
    ["settle.py", "--runs", args.out],
    ["export.py", "--runs", args.out, "--models", args.models],
    ["evaluate.py", "--runs", args.out, "--models", args.models],
):
    subprocess.run([sys.executable, HERE / step[0], *map(str, step[1:])], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
