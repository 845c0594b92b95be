"""How long `reclassd learn` takes in a large library, how much memory, and how fast all tracks are judged anew: on a made-up database, so that nobody
needs the music. Tracks are rows beside one file that is really analysed; their numbers lean towards one of twenty genres.

    python3 benches/learning.py target/release/reclassd [--tracks 50000] [--wheel musicnn.whl]
"""

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

OWN = ["Schlager", "J-Pop", "Synthwave", "Audiobook", "Dungeon Synth", "Zydeco", "Krautrock"]
OURS = ["Jazz", "Classical", "Hip-Hop", "Country", "Blues", "Reggae", "Latin", "Folk", "Electronic", "Soul-RnB", "Easy Listening", "International", "Pop Rock"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--tracks", default=50_000, type=int)
    parser.add_argument("--wheel", type=Path, help="musicnn's package: with its models, rows and votes are longer")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reclassd-learning-") as folder:
        root = Path(folder)
        (root / "config.toml").write_text(f"[models]\nfolder = {json.dumps(str(root / 'models'))}\n[ensemble]\nmusic_only = false\n[library]\nsettle_seconds = 0\n")
        where = ["--config", root / "config.toml", "--database", root / "state.db"]

        def run(*arguments):
            started = time.monotonic()
            done = subprocess.run([str(a) for a in (args.program, *arguments)], capture_output=True, text=True, check=True, env=os.environ | {"RECLASSD_LOG": "error"})
            return done, time.monotonic() - started

        if args.wheel:
            run("models", "install", "musicnn", "--from", args.wheel, *where[:2])
        (root / "music").mkdir()
        with wave.open(str(root / "music/one.wav"), "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
            file.writeframes(np.random.default_rng(0).normal(0, 3000, 22050 * 6).astype("<i2").tobytes())
        run("scan", "--dry-run", root / "music", *where)
        fill(root / "state.db", args.tracks)
        done, seconds = run("learn", "--json", *where)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        report = json.loads(done.stdout)
        print(f"learned from {report['examples']} tracks, {len(report['genres'])} genres, rows of {', '.join(report['parts'])}")
        print(f"outcome {report['outcome']}: {seconds:.1f} s, at most {memory:.0f} MiB on {os.cpu_count()} cores")
        done, seconds = run("learn", "--judge", "--json", *where)
        print(f"judged anew: {done.stderr.strip()}")


def fill(path, tracks):
    base = sqlite3.connect(path)
    base.execute("PRAGMA synchronous = off")
    features = base.execute("SELECT kind, window, length(value) / 4 FROM feature WHERE audio = 1").fetchall()
    scores = base.execute("SELECT model, window, length(probabilities) / 4 FROM score WHERE audio = 1").fetchall()
    rng = np.random.default_rng(1)
    genres = OWN + OURS
    lean = {kind: rng.normal(0, 0.35, (len(genres), n)) for kind, _, n in features}
    # The words that tracks are found by are of no use here, and Python's SQLite may be too old for them.
    for trigger in ("insert", "update", "delete"):
        base.execute(f"DROP TRIGGER track_words_{trigger}")
    base.execute("DELETE FROM track")
    for i in range(tracks):
        audio, genre, artist = i + 2, i % len(genres), i // 8
        base.execute("INSERT INTO audio (id, audio_id) VALUES (?, ?)", (audio, audio.to_bytes(16, "little")))
        for kind, window, n in features:
            value = (rng.normal(0, 1, n) + lean[kind][genre]).astype("<f4")
            base.execute("INSERT INTO feature VALUES (?, ?, ?, ?)", (audio, kind, window, value.tobytes()))
        for model, window, n in scores:
            value = np.exp(rng.normal(0, 1, n))
            base.execute("INSERT INTO score VALUES (?, ?, ?, ?)", (audio, model, window, (value / value.sum()).astype("<f4").tobytes()))
        name = f"/nowhere/{artist}/{i}.flac".encode()
        base.execute(
            "INSERT INTO track (path, audio, size, mtime_seconds, mtime_nanos, inode, device, status, ranking, seen_at, added_at)"
            " VALUES (?, ?, 1, 1, 1, 1, 1, 'unsure', '[]', 1, 1)",
            (name, audio),
        )
        base.execute("INSERT INTO owner_choice VALUES (?, ?, 1, ?, 'chosen', 1)", (name, audio, json.dumps([genres[genre]])))
    base.commit()
    base.close()


if __name__ == "__main__":
    main()
