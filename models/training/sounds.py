"""Sounds that are no music, for `not_music.py`: speech, synthesised noise, and recorded noise joined from short clips.

Everything is cut or strung together to 6 to 30 s, and most of it compressed as MP3 at some rate, so that the file's format tells nothing. Recorded clips of one
kind and one part of their set become one sound: a library rarely holds clips of five seconds by themselves."""

import subprocess
import tempfile
import wave
from collections import defaultdict
from pathlib import Path

import numpy as np

RATE = 44100
US8K = ("air-conditioner", "car-horn", "children", "dog", "drilling", "engine", "gun-shot", "jackhammer", "siren", "street-music")
JUDGED = ("2", "10")  # folds of UrbanSound8K that nothing is trained or chosen on
VOICES = (
    "en-us en-gb de fr-fr es it pt nl pl ru sv da fi cs hu ro tr el uk ar hi fa vi id cmn ja ko he ta sw af eo lt hr"
).split()  # fmt: skip
VARIANTS = ("", "+m3", "+m7", "+f2", "+f4", "+croak", "+whisper", "+m1", "+f5")
TEXT = (
    "The north wind and the sun were disputing which was the stronger, when a traveller came along wrapped in a warm cloak. ",
    "Good evening. Here is the news at eight o'clock. The council met this morning, and nothing was decided. ",
    "Chapter four. It was late when he came home; the house was dark, and nobody answered when he called her name. ",
    "So what I would like to talk about today is how we can measure that, and why, you know, it matters at all. ",
    "Seventeen, forty-two, three hundred and six. Please hold the line, the next free operator will answer you. ",
)


def read_sound(file):
    """A file's samples, mono, at RATE; none where it cannot be read."""
    command = ["ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True).stdout, np.float32).copy()


def coloured(rng, n, power):
    """Noise whose spectrum falls with frequency to this power: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    k = np.maximum(np.arange(len(spectrum)), 20 * n / RATE)
    return np.fft.irfft(spectrum * k ** (-power / 2), n)


def in_room(rng, x, seconds):
    """With a room's reverberation: exponentially fading noise, after the direct sound."""
    n = int(RATE * seconds)
    room = rng.normal(size=n) * np.exp(-6.9 * np.arange(n) / n) * 0.05
    room[0] = 1
    size = 1 << (len(x) + n - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(room, size), size)[: len(x)]


def band(rng, x, low, high):
    spectrum = np.fft.rfft(x)
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    return np.fft.irfft(spectrum / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 4), len(x))


def as_heard(rng, x, noisy=0.5):
    """A recording of it: perhaps in a room, perhaps over noise, perhaps through a telephone."""
    if rng.random() < 0.5:
        x = in_room(rng, x, rng.uniform(0.15, 0.8))
    if rng.random() < 0.2:
        x = band(rng, x, rng.uniform(80, 350), rng.uniform(2800, 7000))
    if rng.random() < noisy:
        floor = coloured(rng, len(x), rng.uniform(0, 2))
        x = x / max(x.std(), 1e-9) + floor / floor.std() * 10 ** (-rng.uniform(8, 40) / 20)
    return x


def synthetic_noise(rng, i):
    """One of eight kinds, by turns, 6 to 30 s."""
    n = int(RATE * rng.uniform(6, 30))
    t = np.arange(n) / RATE
    slow = np.interp(t, np.arange(0, 32, 2), rng.uniform(0.3, 1, 16))
    kind = ("hiss", "coloured", "hum", "tone", "rain", "clicks", "engine", "gusts")[i % 8]
    if kind == "hiss":
        x = coloured(rng, n, rng.uniform(-0.5, 0.3))
    elif kind == "coloured":
        x = coloured(rng, n, rng.uniform(0.5, 2.5))
    elif kind == "hum":
        f = rng.choice([50, 60, 100, 120]) * rng.uniform(0.98, 1.02)
        x = sum(np.sin(2 * np.pi * f * k * t + rng.uniform(0, 6)) * rng.random() / k for k in range(1, 20)) + coloured(rng, n, 1) * rng.uniform(0.01, 0.3)
    elif kind == "tone":
        f = np.exp(rng.uniform(np.log(80), np.log(8000)))
        sweep = rng.choice([0, 0, rng.uniform(-0.05, 0.2)])
        x = np.sin(2 * np.pi * f * (t + sweep * t**2 / 2)) + coloured(rng, n, 0) * rng.uniform(0, 0.05)
        x *= (np.sin(2 * np.pi * rng.uniform(0.2, 3) * t) > 0) if rng.random() < 0.3 else 1
    elif kind == "rain":
        drops = (rng.random(n) < rng.uniform(50, 2000) / RATE) * rng.exponential(1, n)
        x = coloured(rng, n, 0.5) * slow * rng.uniform(0.1, 1) + band(rng, drops, 500, 9000) * 3
    elif kind == "clicks":
        gaps = np.cumsum(rng.exponential(1, 2000) if rng.random() < 0.5 else rng.normal(1, 0.02, 2000)) / rng.uniform(0.8, 12)
        at = (gaps[gaps < n / RATE] * RATE).astype(int)
        hit = rng.normal(size=2000) * np.exp(-np.arange(2000) / rng.uniform(20, 400))
        x = np.zeros(n)
        for start in at[at < n - 2000]:
            x[start : start + 2000] += hit * rng.uniform(0.5, 1)
        x += coloured(rng, n, 1) * rng.uniform(0.001, 0.05)
    elif kind == "engine":
        speed = np.cumsum(rng.uniform(20, 120) * (0.7 + 0.6 * np.interp(t, np.arange(0, 32, 4), rng.random(8)))) / RATE
        x = sum(np.sin(2 * np.pi * k * speed + rng.uniform(0, 6)) * rng.random() / k**0.5 for k in range(1, 30)) + coloured(rng, n, 1.5) * rng.uniform(0.5, 4)
    else:
        x = band(rng, coloured(rng, n, 1.2), 40, rng.uniform(400, 4000)) * slow**3
    return as_heard(rng, x, 0.3), kind


def write_sound(rng, x, folder, name):
    """At some level and rate, most as MP3."""
    x = x / max(np.abs(x).max(), 1e-9) * rng.uniform(0.1, 0.95)
    rate = int(rng.choice([16000, 22050, 32000, 44100]))
    with tempfile.NamedTemporaryFile(suffix=".wav") as raw:
        with wave.open(raw.name, "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            out.writeframes((x * 32767).astype("<i2").tobytes())
        file = folder / (name + (".wav" if rng.random() < 0.25 else ".mp3"))
        coding = ["-b:a", f"{rng.choice([48, 64, 96, 128])}k"] if file.suffix == ".mp3" else []
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", raw.name, "-ar", str(rate), *coding, file], check=True)


def strung(rng, pieces, gaps=(0.1, 0.8)):
    """Pieces one after the other, with pauses, until 6 to 30 s are full; as many as there are."""
    wanted, parts, out = rng.uniform(6, 30) * RATE, [], []
    for piece in pieces:
        parts += [piece, np.zeros(int(RATE * rng.uniform(*gaps)))]
        if sum(map(len, parts)) >= wanted:
            out.append(np.concatenate(parts)[: 30 * RATE])
            wanted, parts = rng.uniform(6, 30) * RATE, []
    return out


def make(folder, sources):
    """Every sound as FOLDER/KIND/SOURCE.GROUP.NUMBER.ext; sounds of one group (a person, a language, a kind of noise) stay on one side of every split."""
    rng = np.random.default_rng(7)
    for kind in ("speech", "noise"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for i in range(160):
        x, kind = synthetic_noise(rng, i)
        write_sound(rng, x, folder / "noise", f"made.{kind}{i}.0")
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(150):
            voice = VOICES[i % len(VOICES)] + VARIANTS[i % len(VARIANTS)]
            raw = Path(scratch) / "said.wav"
            text = "".join(rng.permutation(TEXT)[: rng.integers(1, 5)]) * 2
            said = subprocess.run(["espeak-ng", "-v", voice, "-s", str(rng.integers(110, 220)), "-p", str(rng.integers(20, 80)), "-w", raw, text], capture_output=True)
            if said.returncode == 0:
                x = read_sound(raw)[: 30 * RATE]
                write_sound(rng, as_heard(rng, x), folder / "speech", f"espeak.{voice}{i}.0")
    people = defaultdict(list)
    for file in sorted((sources / "librispeech").rglob("*.flac")):
        people["librispeech." + file.parent.name].append(file)
    for file in sorted((sources / "digits").rglob("*.wav")):
        people["digits." + file.name.split("_")[1]].append(file)
    for person, files in sorted(people.items()):
        files = [files[k] for k in rng.permutation(len(files))[:120]]
        sounds = [read_sound(file) for file in files]
        for repeat in range(2):
            for j, x in enumerate(strung(rng, sounds)[:6]):
                write_sound(rng, x if repeat == 0 else as_heard(rng, x, 0.8), folder / "speech", f"{person}.{repeat}{j}")
    rng = np.random.default_rng(8)
    for file in sorted((sources / "vad").rglob("*.wav")):
        x = read_sound(file)
        for j in range(min(8, len(x) // (20 * RATE))):
            write_sound(rng, x[j * 20 * RATE : (j + 1) * 20 * RATE], folder / "speech", f"vad.{file.stem}.{j}")


def recorded(sources):
    """Recorded noise by (set, kind, part): ESC-10 by its own five folds (the number before a name's first hyphen), UrbanSound8K by its folds, without
    street music. Clips of one part come from other recordings than those of the others."""
    out = defaultdict(list)
    for file in sorted((sources / "esc10").rglob("*.ogg")):
        out["esc", file.parent.name[6:].lower().replace(" ", "-"), file.name.split("-")[0]].append(file)
    for file in sorted((sources / "us8k").rglob("*.wav")):
        kind = US8K[int(file.name.split("-")[1])]
        if kind != "street-music":
            out["us8k", kind, file.parent.name.removeprefix("fold")].append(file)
    return out


def make_recorded(folder, sources):
    """FOLDER/recorded/SET.KIND.PART.NUMBER.ext: 30 s each as they are (a part's clips in order), the last of a part shorter but for scraps."""
    rng = np.random.default_rng(9)
    (folder / "recorded").mkdir(parents=True, exist_ok=True)
    for (of, kind, part), files in recorded(sources).items():
        sounds = [x for x in map(read_sound, files) if len(x) > RATE // 10]
        long = np.concatenate(sounds)
        for j, start in enumerate(range(0, len(long), 30 * RATE)):
            x = long[start : start + 30 * RATE]
            if len(x) >= 8 * RATE:
                write_sound(rng, x, folder / "recorded", f"{of}.{kind}.{part}.{j}")
