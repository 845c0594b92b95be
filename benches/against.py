"""Whole files through reclassd and through what one would run instead, in turns in one run, so that the ratios hold on a noisy machine.

    python benches/against.py --reclassd target/release/reclassd [--config LABEL=FILE]... [--bliss PROGRAM] [--slow-every K] FOLDER

Beside reclassd, each where it is at hand:

- bliss-audio, its numbers for whole files: `cargo build --release --manifest-path benches/bliss/Cargo.toml --target-dir target/bliss`
  makes target/bliss/release/bliss;
- librosa's work for FMA's 518 features: the middle 30 s, the same features and statistics, nothing else;
- Essentia's MusicExtractor, which hears whole files (`pip install librosa essentia` into the Python that runs this).

All are given --jobs: threads of a program, processes of a library, and if that is less than the cores, no more cores than that. MP3 and
FLAC files are measured apart, shuffled and in chunks, and every program takes its turn at a chunk before the next one comes. A program is
started anew for each chunk and its start counts, for reclassd the loading of the models and a fresh database too; a library has been loaded
and warmed up before. reclassd scans in dry run with the configuration of --config: several of them are several rows, and where one sets
neither [runtime] library nor [models] folder, what is installed on this machine decides.

A warm page cache is one that the files were read into before each turn, a cold one is emptied before each: all of it where the rights suffice,
else of these files alone. Beneath a virtual machine its host may still remember them. Your files are only read. Takes Linux."""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

FORMATS = ("mp3", "flac")

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"


# What is measured


@dataclasses.dataclass
class Cost:
    """What some files took of the clock and of all cores together, in seconds, and of memory at the most."""

    files: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    peak_mib: float = 0.0

    def add(self, other):
        self.files += other.files
        self.wall += other.wall
        self.cpu += other.cpu
        self.peak_mib = max(self.peak_mib, other.peak_mib)


class Program:
    """Started anew for every chunk. `command` is given a folder to keep things in, and answers all words but the files."""

    every = 1

    def __init__(self, command):
        self.command = command

    def run(self, files):
        with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as errors:
            command = list(map(str, [*self.command(Path(scratch)), *files]))
            started = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                sys.exit(f"{command[0]}: exit status {process.returncode}\n{errors.read().decode(errors='replace')[-2000:]}")
        return Cost(len(files), wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


class Library:
    """Processes that live from the first chunk to the last. `make` imports what it needs and answers a function that analyses one file. It
    is called in them and not here: a program that is started here inherits our own peak of memory."""

    def __init__(self, make, jobs, every, sample):
        self.every = every
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(jobs, context, warm_up, (make, sample, context.Barrier(jobs)))
        # A process for each, since none is idle before all have come to the barrier.
        for future in [self.pool.submit(os.getpid) for _ in range(jobs)]:
            future.result()

    def run(self, files):
        started = time.monotonic()
        cost, peaks = Cost(len(files)), {}
        for process, cpu, peak in self.pool.map(one, files):
            cost.cpu += cpu
            peaks[process] = max(peak, peaks.get(process, 0))
        cost.wall, cost.peak_mib = time.monotonic() - started, sum(peaks.values())
        return cost


def warm_up(make, sample, all_ready):
    global analyse
    analyse = make()
    analyse(sample)  # what is compiled or loaded once
    all_ready.wait()


def one(file):
    started = time.process_time()
    analyse(file)
    return os.getpid(), time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reclassd(program, config, jobs):
    def command(scratch):
        return [program, "scan", "--dry-run", "--jobs", jobs, "--config", config, "--database", scratch / "db"]

    return Program(command)


def bliss(program, jobs):
    return Program(lambda _: [program, "--jobs", jobs])


def librosa_features():
    import librosa
    import numpy as np

    def statistics(values):
        mean, deviation = values.mean(1), values.std(1)
        z = (values - mean[:, None]) / np.maximum(deviation, 1e-9)[:, None]
        return [mean, deviation, (z**3).mean(1), (z**4).mean(1), np.median(values, 1), values.min(1), values.max(1)]

    def analyse(file):
        seconds = librosa.get_duration(path=file)
        x, rate = librosa.load(file, sr=44100, mono=True, offset=max(0, seconds / 2 - 15), duration=30)
        out = [statistics(librosa.feature.zero_crossing_rate(x, frame_length=2048, hop_length=512))]
        cqt = np.abs(librosa.cqt(x, sr=rate, hop_length=512, bins_per_octave=12, n_bins=84, tuning=None))
        chroma = librosa.feature.chroma_cqt(C=cqt, n_chroma=12, n_octaves=7)
        cens = librosa.feature.chroma_cens(C=cqt, n_chroma=12, n_octaves=7)
        out += [statistics(f) for f in (chroma, cens, librosa.feature.tonnetz(chroma=cens))]
        stft = np.abs(librosa.stft(x, n_fft=2048, hop_length=512))
        mel = librosa.feature.melspectrogram(S=stft**2, sr=rate)
        feature = librosa.feature
        for f in (
            feature.chroma_stft(S=stft**2, n_chroma=12), feature.rms(S=stft), feature.spectral_centroid(S=stft), feature.spectral_bandwidth(S=stft),
            feature.spectral_contrast(S=stft, n_bands=6), feature.spectral_rolloff(S=stft), feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20),
        ):  # fmt: skip
            out.append(statistics(f))

    return analyse


def essentia_extractor():
    import essentia

    essentia.log.infoActive = essentia.log.warningActive = False
    import essentia.standard as standard

    def analyse(file):
        standard.MusicExtractor(lowlevelStats=["mean", "stdev"], rhythmStats=["mean"], tonalStats=["mean"])(str(file))

    return analyse


LIBRARIES = {
    "librosa": ("the 518 of the middle 30 s", librosa_features),
    "essentia": ("MusicExtractor, whole files", essentia_extractor),
}


# The page cache


def warm(files):
    for file in files:
        with open(file, "rb", buffering=0) as opened:
            while opened.read(1 << 20):
                pass


def empty_cache(_files):
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def forget(files):
    os.sync()
    for file in files:
        with open(file, "rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def caches(wanted):
    """What is done before a turn, by how it is called."""
    if os.access("/proc/sys/vm/drop_caches", os.W_OK):
        cold = {"cold page cache (all of it dropped)": empty_cache}
    else:
        cold = {"cold page cache (these files forgotten by posix_fadvise)": forget}
    return {"warm": {"warm page cache": warm}, "cold": cold, "both": {"warm page cache": warm, **cold}}[wanted]


# The run


def music(folder, most):
    """By format, in an order that leaves no pattern for a chunk, or for every k-th file, to fall in with."""
    files = {suffix: sorted(f for f in folder.rglob("*") if f.suffix.lower() == f".{suffix}") for suffix in FORMATS}
    for found in files.values():
        random.Random(1).shuffle(found)
    return {suffix: found[:most] for suffix, found in files.items() if found}


def chunks(files, size):
    """Of about equal length, none shorter than `size` if there are as many."""
    count = max(1, len(files) // size)
    return [files[len(files) * k // count : len(files) * (k + 1) // count] for k in range(count)]


def rounds(programs, files, size, cache, prepare):
    """Every program's cost of every chunk. Each round begins with another program."""
    number = 0
    for suffix, of_format in files.items():
        parts = chunks(of_format, size)
        for part, chunk in enumerate(parts):
            print(f"{cache}: {suffix}, chunk {part + 1} of {len(parts)}", file=sys.stderr)
            names = list(programs)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                given = chunk[:: programs[name].every]
                prepare(given)
                yield {"cache": cache, "format": suffix, "chunk": part, "program": name, **vars(programs[name].run(given))}
            number += 1


def totals(turns):
    """By cache, program and format."""
    sums = {}
    for turn in turns:
        cost = Cost(*(turn[field.name] for field in dataclasses.fields(Cost)))
        sums.setdefault(turn["cache"], {}).setdefault(turn["program"], {}).setdefault(turn["format"], Cost()).add(cost)
    return sums


def table(costs):
    """Markdown; the first program is what the others are compared with."""
    base = next(iter(costs.values()))
    columns = [
        ("files/s", lambda cost, _: f"{cost.files / cost.wall:.{1 if cost.files > cost.wall else 2}f}"),
        ("CPU ms a file", lambda cost, _: f"{1000 * cost.cpu / cost.files:.0f}"),
        ("times the first row's time a file", lambda cost, first: f"{cost.wall / cost.files * first.files / first.wall:.1f}"),
    ]
    head = [f"{title}, {suffix.upper()}" for title, _ in columns for suffix in base]
    lines = ["", *head, "peak MiB"], ["---"] * (len(head) + 2)
    rows = [
        [name, *(cell(cost[suffix], base[suffix]) for _, cell in columns for suffix in base), f"{max(c.peak_mib for c in cost.values()):.0f}"]
        for name, cost in costs.items()
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (*lines, *rows))


def processor():
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as lines:
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor()


def competitors(args, sample, pools):
    """By the name of the row, reclassd first."""
    programs = {f"reclassd {label}".strip(): reclassd(args.reclassd, config, args.jobs) for label, config in args.config}
    if args.bliss:
        programs["bliss-audio, whole files"] = bliss(args.bliss, args.jobs)
    for name, (work, make) in LIBRARIES.items():
        if importlib.util.find_spec(name) is None:
            print(f"not installed: {name}", file=sys.stderr)
        elif name not in args.without:
            library = Library(make, args.jobs, args.slow_every, sample)
            pools.enter_context(library.pool)
            programs[f"{name} {importlib.metadata.version(name)}, {work}"] = library
    return programs


def program(text):
    if shutil.which(text) is None:
        raise argparse.ArgumentTypeError(f"{text}: no such program")
    return text


def labelled(text):
    label, _, file = text.partition("=")
    if file and not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"{file}: no such file")
    return label, file or os.devnull


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reclassd", required=True, type=program, metavar="PROGRAM")
    parser.add_argument("--config", action="append", type=labelled, metavar="LABEL=FILE",
                        help="a row of reclassd with this configuration; LABEL alone is one with the defaults")  # fmt: skip
    parser.add_argument("--bliss", type=program, metavar="PROGRAM")
    parser.add_argument("--without", action="append", default=[], choices=LIBRARIES, help="leave out a library that is installed")
    parser.add_argument("--files", type=int, metavar="N", help="at most so many of each format")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="default: one a core")
    parser.add_argument("--chunk", type=int, default=50, metavar="N", help="files that a program is started for, at least (%(default)s)")
    parser.add_argument("--slow-every", type=int, default=1, metavar="K",
                        help="give the libraries every K-th file only; of a chunk should be left several times --jobs")  # fmt: skip
    parser.add_argument("--cache", choices=("warm", "cold", "both"), default="warm", help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured here, after every turn")
    args = parser.parse_args()
    for name in ("files", "jobs", "chunk", "slow_every"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: at least 1")
    args.config = args.config or [("", os.devnull)]
    if len(dict(args.config)) < len(args.config):
        parser.error("--config: the same label twice")
    return args


def main():
    args = parsed()
    files = music(args.folder, args.files)
    if not files:
        sys.exit(f"{args.folder}: no MP3 or FLAC")
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[: args.jobs])
    record = {
        "machine": f"{processor()}, {min(args.jobs, len(cores))} of {len(cores)} cores",
        "jobs": args.jobs,
        "slow_every": args.slow_every,
        "files": {suffix: len(found) for suffix, found in files.items()},
        "bytes": {suffix: sum(file.stat().st_size for file in found) for suffix, found in files.items()},
        "turns": [],
    }
    with contextlib.ExitStack() as pools:
        programs = competitors(args, next(iter(files.values()))[0], pools)
        for cache, prepare in caches(args.cache).items():
            for turn in rounds(programs, files, args.chunk, cache, prepare):
                record["turns"].append(turn)
                if args.json:
                    args.json.write_text(json.dumps(record, indent=1) + "\n")
    counts = " and ".join(f"{count} {suffix.upper()}" for suffix, count in record["files"].items())
    print(f"{counts} files, --jobs {args.jobs}, {record['machine']}")
    if args.slow_every > 1:
        print(f"librosa and Essentia: one of {args.slow_every} of these files, their rates from those")
    print("Peak memory of a library: of its processes together")
    for cache, costs in totals(record["turns"]).items():
        print(f"\n{cache}\n\n{table(costs)}")


if __name__ == "__main__":
    main()
