"""What it costs to say what tracks sound like, beside the whole line: processor time a track with and without, in turns on one core.

    python benches/described.py --reclassd target/release/reclassd [--files 60] [--rounds 3] FOLDER

A dry run over the files of FOLDER fills a new database each time; the same once more, unchanged, shows what a second scan costs. Read the ratio:
milliseconds are this machine's. Your files are only read."""

import argparse
import os
import resource
import subprocess
import tempfile
from pathlib import Path

CONFIG = "[analysis]\njobs = 1\nreaders = 1\ndescriptors = {}\n[library]\nsettle_seconds = 0\n[models]\nfolder = \"/nonexistent\"\n"


def processor_time(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reclassd", required=True)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    endings = {".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".aiff"}
    files = sorted(str(path) for path in options.folder.rglob("*") if path.suffix.lower() in endings)
    files = files[:: max(1, len(files) // options.files)][: options.files]
    if not files:
        raise SystemExit(f"{options.folder}: no music in it")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    times = {True: [], False: []}
    again = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for described in times:
            Path(folder, f"{described}.toml").write_text(CONFIG.format(str(described).lower()))
        for turn in range(options.rounds):
            for described in sorted(times, reverse=turn % 2 == 0):
                config, database = Path(folder, f"{described}.toml"), Path(folder, f"{described}-{turn}.db")
                command = [options.reclassd, "scan", "--dry-run", "--config", str(config), "--database", str(database), *files]
                times[described].append(processor_time(command))
                again[described].append(processor_time(command))
    per_track = {kind: {key: min(value) * 1000 / len(files) for key, value in of.items()} for kind, of in (("new", times), ("unchanged", again))}
    print(f"{len(files)} files, the least of {options.rounds} rounds, ms of processor time a track")
    for kind, of in per_track.items():
        print(f"{kind:<10} without {of[False]:8.2f}   with {of[True]:8.2f}   ratio {of[True] / of[False]:.3f}   more {of[True] - of[False]:+.2f}")


main()
