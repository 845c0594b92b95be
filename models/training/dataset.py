"""The clips, their labels and their features as arrays.

A clip may carry several genres, so its target is a distribution: mass 1 spread evenly over the genres that the networks can say. `Pop`, `Rock` and
`Pop|Rock` are one genre here, `Pop Rock`, because the labels at hand do not tell them apart. Clips are kept apart by artist: `train` and `valid` share
none (checked on every load), and the folds of the cross-validation share none either.
"""

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

import training

POP_ROCK = "Pop Rock"
MIN_CLIPS, MIN_ARTISTS = 25, 20  # what a genre needs among the training clips before a network may say it
FOLDS = 5


@dataclass(frozen=True)
class Clip:
    """One line of the list: where its sound is, who plays, and every genre it carries."""

    set: str
    path: str
    artist: str
    genres: frozenset
    split: str

    @property
    def key(self):
        return f"{self.set}/{self.path}"


@dataclass
class Data:
    """Clips with their features; row i of every array is `clips[i]`."""

    clips: list
    labels: list
    fma518: np.ndarray  # (N, 518) float32
    log_mel: torch.Tensor  # (N, 128, FRAMES) float16, dB in [-80, 0], time along the last axis
    patterns: np.ndarray  # (N, P) float32, nets.Patterns of the spectrograms
    target: np.ndarray = field(init=False)  # (N, K), each row sums to 1, or to 0 where no label can be said
    right: np.ndarray = field(init=False)  # (N, K) bool: naming this genre is right

    def __post_init__(self):
        self.right = np.array([[label in clip.genres for label in self.labels] for clip in self.clips])
        mass = self.right.sum(1, keepdims=True)
        self.target = (self.right / np.maximum(mass, 1)).astype(np.float32)

    def __len__(self):
        return len(self.clips)

    def subset(self, rows):
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        return Data([self.clips[i] for i in rows], self.labels, self.fma518[rows], self.log_mel[torch.as_tensor(rows)], self.patterns[rows])

    def sayable(self):
        """Rows that carry at least one genre which the networks can say: those worth training on."""
        return self.target.sum(1) > 0


def pool(label):
    return POP_ROCK if label in ("Pop", "Rock", "Pop|Rock") else label


def read_clips(path):
    """The labelled clips of `clips.csv`, in its order."""
    clips = []
    for row in csv.DictReader(open(path, newline="", encoding="utf-8")):
        genres = frozenset(pool(g.strip()) for g in row["labels"].split(";") if g.strip())
        if genres:
            clips.append(Clip(row["set"], row["path"], row["artist_group"], genres, row["split"]))
    split_of = {}
    for clip in clips:
        if split_of.setdefault(clip.artist, clip.split) != clip.split:
            raise SystemExit(f"{path}: artist {clip.artist!r} is in both splits")
    return clips


def supported_labels(clips):
    """The genres with enough clips by enough artists in the training split, most frequent first."""
    count, artists = defaultdict(int), defaultdict(set)
    for clip in clips:
        if clip.split == "train":
            for genre in clip.genres:
                count[genre] += 1
                artists[genre].add(clip.artist)
    kept = [g for g in count if count[g] >= MIN_CLIPS and len(artists[g]) >= MIN_ARTISTS]
    return sorted(kept, key=lambda g: (-count[g], g))


def folds_by_artist(clips, folds=FOLDS, seed=0):
    """A fold number for each clip; all clips of an artist share it.

    Artists are dealt one by one, those with most clips first, to the fold where their genres are scarcest, so that rare genres reach every fold."""
    rng = np.random.default_rng(seed)
    by_artist = defaultdict(list)
    for i, clip in enumerate(clips):
        by_artist[clip.artist].append(i)
    names = sorted(by_artist)
    rng.shuffle(names)
    names.sort(key=lambda name: -len(by_artist[name]))
    genres = sorted({g for clip in clips for g in clip.genres})
    total = {g: sum(g in clip.genres for clip in clips) for g in genres}
    have = np.zeros((folds, len(genres) + 1))
    fold = np.empty(len(clips), int)
    for name in names:
        need = np.zeros(len(genres) + 1)
        for i in by_artist[name]:
            for g in clips[i].genres:
                need[genres.index(g)] += 1 / total[g]
            need[-1] += 1 / len(clips)
        best = int(np.argmin(((have + need) ** 2).sum(1) - (have**2).sum(1)))
        have[best] += need
        fold[by_artist[name]] = best
    return fold


def load(clips_csv, features, labels=None):
    """Everything, with rows in the order of `clips_csv`. A clip whose features are missing is an error."""
    clips = read_clips(clips_csv)
    vectors, spectrograms = {}, {}
    for name in sorted({clip.set for clip in clips}):
        keys = {clip.path: clip.key for clip in clips if clip.set == name}
        files = json.loads((Path(features) / f"{name}.fma518.json").read_text())["files"]
        matrix = np.load(Path(features) / f"{name}.fma518.npy")
        if matrix.shape != (len(files), 518):
            raise SystemExit(f"{name}.fma518.npy: expected ({len(files)}, 518), found {matrix.shape}")
        for file, row in zip(files, matrix, strict=True):
            vectors[clip_of(file, keys)] = row
        archive = np.load(Path(features) / f"{name}.logmel.npz")
        for member in archive.files:
            if clip_of(member, keys):
                spectrograms[clip_of(member, keys)] = torch.as_tensor(training.to_frames(archive[member])).half()
    missing = [c.key for c in clips if c.key not in vectors or c.key not in spectrograms]
    if missing:
        raise SystemExit(f"{len(missing)} clips have no features, the first is {missing[0]}: run prepare.py again")
    log_mel = torch.stack([spectrograms[c.key] for c in clips])
    labels = labels or supported_labels(clips)
    return Data(clips, labels, np.stack([vectors[c.key] for c in clips]), log_mel, training.patterns_of(log_mel).numpy())


def clip_of(file, keys):
    """The clip that `file` is, whatever folder the extractor read it from: the one whose path inside its set ends the file's path."""
    parts = Path(file).parts
    for start in range(len(parts)):
        key = keys.get("/".join(parts[start:]))
        if key:
            return key
    return None
