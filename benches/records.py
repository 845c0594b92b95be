#!/usr/bin/env python3
"""How fast records are taken in and written out: N records with made-up numbers of the usual sizes.

    python3 benches/records.py PROGRAM [N]

Prints seconds and records a second of `import` into a new database, of a second `import` of the same, and of `export`.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

program, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
chance = random.Random(1)


def numbers(n, scale):
    return [float(f"{chance.random() * scale:.8g}") for _ in range(n)]


window = "30 s x 1"
shapes = [
    {
        "record": 1, "program": "0.1.0", "codec": "FLAC", "duration": 200.0,
        "features": [
            {"kind": "embedding:made-up", "window": window, "values": numbers(128, 3)},
            {"kind": "fma518@22050/1", "window": window, "values": numbers(518, 90)},
        ],
        "scores": [{"model": f"made-up-{m}", "window": window, "probabilities": numbers(13, 1)} for m in range(4)],
        "verdict": {"ensemble": "made-up", "confidence": 0.5, "ranking": [["Jazz", 0.5], ["Blues", 0.25]]},
    }
    for _ in range(32)
]
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    records, database = folder / "records.jsonl", folder / "reclassd.db"
    with open(records, "w") as lines:
        for number in range(count):
            record = dict(shapes[number % len(shapes)], audio=f"{number + 1:032x}", path=f"/music/{number}.flac")
            lines.write(json.dumps(record, separators=(",", ":")) + "\n")
    print(f"{count} records, {records.stat().st_size / count / 1000:.1f} kB each")
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    for what, command in [
        ("import", ["import", records]),
        ("import again", ["import", records]),
        ("export", ["export", "-o", folder / "out.jsonl"]),
    ]:
        started = time.monotonic()
        subprocess.run([program, *map(str, command), "--database", str(database)], env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        print(f"{what}: {seconds:.2f} s, {count / seconds:,.0f} records/s")
    print(f"database: {database.stat().st_size / count / 1000:.1f} kB a record")
