"""Cross-validate settings of one network on the training split, to choose training.SETTINGS. The validation split has no part in it.

Each --try changes some settings: `select_settings.py ... fma518-mlp --try epochs=30 --try epochs=100,dropout=0.6`. The settings with the least log loss are
the ones to keep."""

import argparse
import ast
from pathlib import Path

import numpy as np
import torch

import dataset
import metrics
import training

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("network", choices=sorted(training.SETTINGS))
parser.add_argument("--clips", type=Path, required=True)
parser.add_argument("--features", type=Path, required=True)
parser.add_argument("--try", dest="changes", action="append", default=[], metavar="KEY=VALUE,...")
parser.add_argument("--seed", type=int, default=20)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
torch.set_num_threads(args.threads)

everything = dataset.load(args.clips, args.features)
data = everything.subset(np.array([clip.split == "train" for clip in everything.clips]))
folds = dataset.folds_by_artist(data.clips)
for change in ["", *args.changes]:
    pairs = [pair.split("=") for pair in change.split(",") if pair]
    settings = training.SETTINGS[args.network] | {key: ast.literal_eval(value) for key, value in pairs}
    figures = metrics.report(training.cross_validate(args.network, data, settings, folds, args.seed), data, 0.7)
    print(*(f"{key} {figures[key]:.3f}" for key in ("log_loss", "top1", "macro_f1", "ece")), "with", change or "the present settings", flush=True)
