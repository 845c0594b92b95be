"""Clips to features, by the program's own extractor: `reclassd features`, once for the 518 values, once for the log-mel spectrograms, and once for what
musicnn says, where it is installed."""

import argparse
import csv
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=Path, required=True, nargs="+", help="the list of clips: set,path,artist_group,genres_as_given,labels,split")
parser.add_argument("--audio", type=Path, required=True, help="the folder that holds SET/PATH of every line of the list")
parser.add_argument("--out", type=Path, required=True, help="where SET.fma518.npy, SET.logmel.npz and SET.musicnn-msd.npz go")
parser.add_argument("--reclassd", default="reclassd", help="the program (default: the one on the PATH)")
parser.add_argument("--rate", type=int, default=22050)
parser.add_argument("--no-musicnn", action="store_true", help="without what musicnn says, and so without the models that build on it")
args = parser.parse_args()

files = defaultdict(list)
for row in (row for clips in args.clips for row in csv.DictReader(clips.open(newline="", encoding="utf-8"))):
    if row["labels"].strip():
        files[row["set"]].append(args.audio / row["set"] / row["path"])
missing = [f for group in files.values() for f in group if not f.is_file()]
if missing:
    sys.exit(f"{len(missing)} clips are not under {args.audio}, the first is {missing[0]}")

args.out.mkdir(parents=True, exist_ok=True)
kinds = {"fma518.npy": ["--kind", "fma518", "--rate", args.rate], "logmel.npz": ["--kind", "log-mel", "--rate", args.rate]}
if not args.no_musicnn:
    kinds["musicnn-msd.npz"] = ["--model", "musicnn-msd"]
for name, group in sorted(files.items()):
    for ending, kind in kinds.items():
        target = args.out / f"{name}.{ending}"
        if not target.exists():
            print(f"{target.name}: {len(group)} clips", flush=True)
            subprocess.run([args.reclassd, "features", *map(str, kind), "-o", str(target), *map(str, group)], check=True)
