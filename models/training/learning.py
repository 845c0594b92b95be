"""How good learning from an owner is: the labelled clips as if they were a library, and `reclassd learn` as its owner runs it.

A library is a database that the program made itself by analysing one file; the clips become rows beside it, with the features and the answers of
musicnn that `prepare.py` wrote, and with what the trained networks say of artists that they had not heard (`study.py`): what the shipped networks say of
clips that they learned from would be too good. A part of the clips gets its genre as the owner's choice, the rest is judged by what was learned: by
the files of the generation, in the arithmetic of the program's vote. Prints one JSON object a run.

    learning.py --reclassd PROGRAM --clips clips.csv --features FEATURES --runs RUNS --worlds shares,random,renamed,owners,order --out figures.jsonl
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
import wave
from pathlib import Path

import numpy as np

import dataset

SETS = ("taffc4q", "emotify")


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Clips:
    """The clips that may be learned from, what was measured of each, and what networks say that have not heard its artist."""

    def __init__(self, lists, features, runs, how):
        self.clips = [c for c in dataset.read_clips(*lists) if c.split != "test"]
        every = self.clips
        vectors, said = {}, {}
        for name in sorted({c.set for c in every}):
            keys = {c.path: c.key for c in every if c.set == name}
            files = json.loads((features / f"{name}.fma518.json").read_text())["files"]
            matrix = np.load(features / f"{name}.fma518.npy")
            vectors |= {dataset.clip_of(f, keys): row for f, row in zip(files, matrix, strict=True)}
            said |= {dataset.clip_of(f, keys): row for f, row in dataset.read_musicnn(features, name)}
        kept = [i for i, c in enumerate(every) if c.set in SETS]
        self.logits = {}
        for kind in ("features", "cnn1", "fusion1", "joined", "tags"):
            rows = {}
            for run in how:
                file = runs / f"{run}.{kind}.npz"
                if file.exists():
                    archive = np.load(file)
                    rows |= dict(zip(archive["rows"].tolist(), archive["logits"], strict=True))
            if all(i in rows for i in kept):
                self.logits[kind] = np.stack([rows[i] for i in kept])
        self.clips = [every[i] for i in kept]
        self.fma518 = np.stack([vectors[c.key] for c in self.clips]).astype("<f4")
        self.musicnn = np.stack([said[c.key] for c in self.clips]).astype("<f4")
        self.artists = np.array([c.artist for c in self.clips])

    def only(self, rows):
        other = object.__new__(Clips)
        other.clips = [self.clips[i] for i in rows]
        other.fma518, other.musicnn, other.artists = self.fma518[rows], self.musicnn[rows], self.artists[rows]
        other.logits = {k: v[rows] for k, v in self.logits.items()}
        return other


class Library:
    """A database with clips for tracks, and the program that learns from it."""

    KINDS = {"fma518-mlp": "features", "logmel-cnn": "cnn1", "spectrum-fusion": "fusion1", "musicnn-fusion": "joined", "musicnn-tags": "tags"}

    def __init__(self, program, with_musicnn, wheel=None):
        self.program, self.root = program, Path(tempfile.mkdtemp(prefix="reclassd-learning-"))
        (self.root / "music").mkdir()
        self.database = self.root / "state.db"
        models = self.root / "models"
        config = f"[models]\nfolder = {json.dumps(str(models))}\n[library]\nsettle_seconds = 0\n[ensemble]\nmusic_only = false\n"
        (self.root / "config.toml").write_text(config)
        if with_musicnn:
            self.run("models", "install", "musicnn", "--from", wheel, database=False)
        noise = (np.random.default_rng(0).normal(0, 3000, 22050 * 6)).astype("<i2")
        with wave.open(str(self.root / "music/one.wav"), "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050), file.writeframes(noise.tobytes())
        self.run("scan", "--dry-run", self.root / "music")

    def run(self, command, *arguments, database=True):
        where = ["--database", self.database] if database else []
        whole = [self.program, command, *map(str, arguments), "--config", self.root / "config.toml", *where]
        done = subprocess.run(list(map(str, whole)), capture_output=True, text=True, env=os.environ | {"RECLASSD_LOG": "error"})
        if done.returncode not in (0, 1):
            sys.exit(f"{whole}: {done.stderr}")
        return done.stdout

    def fill(self, clips, choices):
        """Tracks for clips, and the owner's choices: a list of genres a clip, empty for none."""
        base = sqlite3.connect(self.database)
        features = base.execute("SELECT kind, window, length(value) FROM feature WHERE audio = 1").fetchall()
        scores = base.execute("SELECT model, window, length(probabilities) FROM score WHERE audio = 1").fetchall()
        base.execute("DELETE FROM track")
        base.execute("DELETE FROM owner_choice")
        base.execute("DELETE FROM audio WHERE id > 1")
        for i, (clip, genres) in enumerate(zip(clips.clips, choices, strict=True)):
            audio = i + 2
            base.execute("INSERT INTO audio (id, audio_id) VALUES (?, ?)", (audio, audio.to_bytes(16, "little")))
            for kind, window, size in features:
                value = self.feature(clips, i, kind)
                if value is not None and len(value) * 4 == size:
                    base.execute("INSERT INTO feature VALUES (?, ?, ?, ?)", (audio, kind, window, np.asarray(value, "<f4").tobytes()))
            for model, window, size in scores:
                value = self.said(clips, i, model.split("/")[0], size // 4)
                if value is not None:
                    base.execute("INSERT INTO score VALUES (?, ?, ?, ?)", (audio, model, window, np.asarray(value, "<f4").tobytes()))
            path = f"/nowhere/{clip.artist}/{clip.key}".encode()
            base.execute(
                "INSERT INTO track (path, audio, size, mtime_seconds, mtime_nanos, inode, device, status, genre, confidence, ranking, seen_at, added_at)"
                " VALUES (?, ?, 1, 1, 1, 1, 1, 'unsure', NULL, NULL, '[]', 1, 1)",
                (path, audio),
            )
            if genres:
                base.execute("INSERT INTO owner_choice VALUES (?, ?, 1, ?, 'chosen', 1)", (path, audio, json.dumps(list(genres))))
        base.commit()
        base.close()

    def feature(self, clips, i, kind):
        if kind.startswith("fma518@22050"):
            return clips.fma518[i]
        return clips.musicnn[i, :200] if kind.startswith("embedding:musicnn-msd") else None

    def said(self, clips, i, model, size):
        if model == "musicnn-msd":
            return clips.musicnn[i, 200:]
        kind = self.KINDS.get(model)
        if kind not in clips.logits or clips.logits[kind].shape[1] != size:
            return None
        return softmax(clips.logits[kind][i : i + 1])[0]

    def learn(self, *arguments):
        return json.loads(self.run("learn", "--json", *arguments))

    def judged(self, clips):
        """What the vote says of every clip, by the program itself: genre, confidence and ranking, with what was learned where it was."""
        lines = self.run("learn", "--judge", "--json").splitlines()
        found = {row["path"]: row for row in map(json.loads, lines)}
        return [found[f"/nowhere/{clip.artist}/{clip.key}"] for clip in clips.clips]

    def forget(self):
        shutil.rmtree(f"{self.database}.learned", ignore_errors=True)

    def close(self):
        shutil.rmtree(self.root)
