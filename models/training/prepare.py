"""Clips to features, by the program's own extractor: `reclassd features`, once for the 518 values and once for the log-mel spectrograms."""

import argparse
import csv
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--clips", type=Path, required=True, help="the list of clips: set,path,artist_group,genres_as_given,labels,split")
parser.add_argument("--audio", type=Path, required=True, help="the folder that holds SET/PATH of every line of the list")
parser.add_argument("--out", type=Path, required=True, help="where SET.fma518.npy and SET.logmel.npz go")
parser.add_argument("--reclassd", default="reclassd", help="the program (default: the one on the PATH)")
parser.add_argument("--rate", type=int, default=22050)
args = parser.parse_args()

files = defaultdict(list)
for row in csv.DictReader(args.clips.open(newline="", encoding="utf-8")):
    if row["labels"].strip():
        files[row["set"]].append(args.audio / row["set"] / row["path"])
missing = [f for group in files.values() for f in group if not f.is_file()]
if missing:
    sys.exit(f"{len(missing)} clips are not under {args.audio}, the first is {missing[0]}")

args.out.mkdir(parents=True, exist_ok=True)
for name, group in sorted(files.items()):
    for kind, target in (("fma518", f"{name}.fma518.npy"), ("log-mel", f"{name}.logmel.npz")):
        print(f"{name}: {kind} of {len(group)} clips", flush=True)
        command = [args.reclassd, "features", "--kind", kind, "--rate", str(args.rate), "-o", str(args.out / target)]
        subprocess.run(command + [str(f) for f in group], check=True)
