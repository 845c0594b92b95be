"""The clips, their labels and their features as arrays.

A clip may carry several genres, so its target is a distribution: mass 1 spread evenly over the genres that the networks can say. Kinds count as their
family here (`Pop`, `Rock`, `Metal` as `Pop Rock`), because most of the labels at hand do not tell them apart; where labels do, the clip remembers which kinds it
carries. Clips are kept apart by artist: the parts of the list share none (checked on every load), and the folds of the cross-validation share none either.
Clips of the part `test` are asked about and never learned from.
"""

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from nets import FRAMES

POP_ROCK = "Pop Rock"
# Kinds of a genre that only the head on musicnn's tags can say: GTZAN tells them apart, the clips do not.
KINDS = {POP_ROCK: ("Pop", "Rock", "Metal"), "Soul-RnB": ("Soul-RnB", "Disco")}
GTZAN = dict(
    blues="Blues", classical="Classical", country="Country", disco="Disco", hiphop="Hip-Hop", jazz="Jazz", metal="Metal", pop="Pop", reggae="Reggae",
    rock="Rock",
)  # fmt: skip
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
    kinds: frozenset = frozenset()  # of the genres, those that a label told apart within a family

    @property
    def key(self):
        return f"{self.set}/{self.path}"

    @property
    def collection(self):
        """Copies of one collection may come from several places."""
        return self.set.split("_")[0]


@dataclass
class Taggrams:
    """Tracks of which nothing is known but musicnn's tags, the mean over patches, and one genre each."""

    tags: np.ndarray  # (M, 50) float32
    genres: list


@dataclass
class Data:
    """Clips with their features; row i of every array is `clips[i]`."""

    clips: list
    labels: list
    fma518: np.ndarray  # (N, 518) float32
    log_mel: torch.Tensor  # (N, 128, FRAMES) float16, dB in [-80, 0], time along the last axis
    musicnn: np.ndarray  # (N, 250) float32: what musicnn-msd says, its 200 numbers and its 50 tags; (N, 0) where it was not asked
    taggrams: Taggrams | None = None  # what the head on tags hears besides the clips
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
        return Data([self.clips[i] for i in rows], self.labels, self.fma518[rows], self.log_mel[torch.as_tensor(rows)], self.musicnn[rows], self.taggrams)

    def sayable(self):
        """Rows that carry at least one genre which the networks can say: those worth training on."""
        return self.target.sum(1) > 0


TAGGRAMS_OF = "gtzan"  # the collection that the taggrams are of
FAMILY = {kind: family for family, kinds in KINDS.items() for kind in kinds} | {"Pop|Rock": POP_ROCK}


def read_clips(*paths):
    """The labelled clips of the lists, in their order."""
    clips = []
    for path in paths:
        for row in csv.DictReader(open(path, newline="", encoding="utf-8")):
            labels = [g.strip() for g in row["labels"].split(";") if g.strip()]
            genres, kinds = frozenset(FAMILY.get(g, g) for g in labels), frozenset(g for g in labels if FAMILY.get(g, g) != g and "|" not in g)
            # A clip that is labelled Pop and Rock tells nothing of the two.
            kinds = kinds if len(kinds) == 1 and genres == {FAMILY[k] for k in kinds} else frozenset()
            if genres:
                clips.append(Clip(row["set"], row["path"], row["artist_group"], genres, row["split"], kinds))
    split_of = {}
    for clip in clips:
        if split_of.setdefault(clip.artist, clip.split) != clip.split:
            raise SystemExit(f"artist {clip.artist!r} is in two parts of the lists")
    return clips


def supported_labels(clips, split="train"):
    """The genres with enough clips by enough artists in the training split (or in all of the clips), most frequent first."""
    count, artists = defaultdict(int), defaultdict(set)
    for clip in clips:
        if split in (None, clip.split):
            for genre in clip.genres:
                count[genre] += 1
                artists[genre].add(clip.artist)
    kept = [g for g in count if count[g] >= MIN_CLIPS and len(artists[g]) >= MIN_ARTISTS]
    return sorted(kept, key=lambda g: (-count[g], g))


def learnable(clips):
    """Which clips may be learned from."""
    return np.array([clip.split != "test" for clip in clips])


def folds_by_artist(clips, folds=FOLDS, seed=0):
    """A fold number for each clip; all clips of an artist share it. Every collection is dealt by itself, so that each reaches every fold."""
    fold, first = np.empty(len(clips), int), dict.fromkeys(clip.collection for clip in clips)
    # The first two collections have been dealt together since version 1.
    groups = [list(first)[:2], *[[name] for name in list(first)[2:]]]
    for group in groups:
        rows = [i for i, clip in enumerate(clips) if clip.collection in group]
        fold[rows] = deal([clips[i] for i in rows], folds, seed)
    return fold


def deal(clips, folds, seed):
    """The folds of some collections.

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


def tag_labels(labels):
    """What the head on tags says, where the other models say `labels`."""
    return [kind for label in labels for kind in KINDS.get(label, (label,))]


def tag_sets(labels):
    """The columns of that head's targets, and which of its words each stands for: every word for itself, a family for its kinds.

    A clip that is labelled by a family alone puts its mass on the family: how that is divided, those decide whose labels tell kinds apart."""
    words = tag_labels(labels)
    sets = {word: {word} for word in words} | {f"any {family}": set(kinds) for family, kinds in KINDS.items()}
    return list(sets), np.array([[word in members for members in sets.values()] for word in words], np.float32)


def tag_targets(data):
    """(N, columns) the mass of each clip over the columns of `tag_sets`."""
    columns, _ = tag_sets(data.labels)
    target = np.zeros((len(data), len(columns)), np.float32)
    for k, label in enumerate(data.labels):
        for i, clip in enumerate(data.clips):
            kind = next((kind for kind in clip.kinds if FAMILY[kind] == label), None)
            target[i, columns.index(kind or (f"any {label}" if label in KINDS else label))] += data.target[i, k]
    return target


def read_taggrams(file):
    """GTZAN as musicnn's authors published it: an archive of tags a patch (`X`), the genre's number (`Y`) and the track (`IDS`)."""
    archive = np.load(file)
    names = list(GTZAN)
    tracks, index = np.unique(archive["IDS"], return_inverse=True)
    tags = np.stack([archive["X"][index == i].mean(0) for i in range(len(tracks))]).astype(np.float32)
    numbers = [archive["Y"][index == i][0] for i in range(len(tracks))]
    if any(names[number] != track.split("/")[0] for number, track in zip(numbers, tracks, strict=True)):
        raise SystemExit(f"{file}: the genres are not numbered by name")
    return Taggrams(tags, [GTZAN[names[number]] for number in numbers])


def load(lists, features, labels=None, taggrams=None):
    """Everything, with rows in the order of the lists; which genres are learned, the first list decides. A clip whose features are missing is an error."""
    clips = read_clips(*lists)
    vectors, spectrograms, said = {}, {}, {}
    for name in sorted({clip.set for clip in clips}):
        keys = {clip.path: clip.key for clip in clips if clip.set == name}
        files = json.loads((Path(features) / f"{name}.fma518.json").read_text())["files"]
        matrix = np.load(Path(features) / f"{name}.fma518.npy")
        if matrix.shape != (len(files), 518):
            raise SystemExit(f"{name}.fma518.npy: expected ({len(files)}, 518), found {matrix.shape}")
        for file, row in zip(files, matrix, strict=True):
            vectors[clip_of(file, keys)] = row
        said |= {clip_of(file, keys): row for file, row in read_musicnn(Path(features), name)}
        archive = np.load(Path(features) / f"{name}.logmel.npz")
        for member in archive.files:
            if clip_of(member, keys):
                spectrograms[clip_of(member, keys)] = torch.as_tensor(to_frames(archive[member])).half()
    missing = [c.key for c in clips if c.key not in vectors or c.key not in spectrograms]
    if missing:
        raise SystemExit(f"{len(missing)} clips have no features, the first is {missing[0]}: run prepare.py again")
    log_mel = torch.stack([spectrograms[c.key] for c in clips])
    labels = labels or supported_labels(read_clips(lists[0]))
    if said and any(c.key not in said for c in clips):
        raise SystemExit("musicnn was asked about some clips only: run prepare.py again")
    musicnn = np.stack([said[c.key] for c in clips]) if said else np.zeros((len(clips), 0), np.float32)
    return Data(clips, labels, np.stack([vectors[c.key] for c in clips]), log_mel, musicnn, taggrams and read_taggrams(taggrams))


def read_musicnn(features, name):
    """What musicnn-msd said of the clips of a set: for each file its path, and 200 + 50 numbers. Nothing where prepare.py did not ask."""
    file = features / f"{name}.musicnn-msd.npz"
    if not file.exists():
        return []
    archive = np.load(file)
    files = json.loads(file.with_suffix(".json").read_text())["files"]
    return list(zip(files, np.hstack([archive["embedding"], archive["scores"]]), strict=True))


def to_frames(log_mel, frames=FRAMES):
    """The middle `frames` frames; a shorter one is repeated from its start until it is long enough, as the program does."""
    have = log_mel.shape[1]
    if have >= frames:
        start = (have - frames) // 2
        return log_mel[:, start : start + frames]
    return np.tile(log_mel, (1, -(-frames // have)))[:, :frames]


def clip_of(file, keys):
    """The clip that `file` is, whatever folder the extractor read it from: the one whose path inside its set ends the file's path."""
    parts = Path(file).parts
    for start in range(len(parts)):
        key = keys.get("/".join(parts[start:]))
        if key is not None:
            return key
    return None
