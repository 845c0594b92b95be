"""Fits what the descriptors of src/descriptors/ learn from labels: the tempo's choice among candidates, the templates of keys, and the
quadrants of mood. Writes src/descriptors/fitted.json and prints what cross-validation says.

    reclassd features --kind log-mel -o gtzan.npz GTZAN/*.wav
    reclassd features --kind fma518 --rate 22050 -o taffc4q.npy TAFFC/*/*.mp3
    python descriptors.py --tempo-key tempo_key.csv --clips more_clips.csv --log-mel gtzan.npz [--log-mel MORE.npz] \
        --moods taffc4q.npy --artists clips.csv --out ../../src/descriptors/fitted.json

Needs numpy and scipy; the key also reads the sound itself, 22,050 Hz wav files of the names in the log-mel archives. Clips whose
`gtzan_split` is `test` are never fitted on: they are predicted by a fit on all others. The others are predicted by ten-fold
cross-validation. The moods are cross-validated over groups of artists.
"""

import argparse
import csv
import json
import pathlib

import numpy as np
from scipy.io import wavfile
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.optimize import minimize

# As src/descriptors/ has them: a change here is a change there.
RATE, HOP = 22_050, 512
FRAMES = RATE / HOP
COMPRESSION = 0.15
LOW_BANDS = 20
LONGEST_LAG = 14.0
SHORTEST_LAG = 4
SPECTRUM = 1 << 14
LAGS = [1, 2, 3, 4, 6, 8, 1 / 2, 1 / 3, 1 / 4, 3 / 2, 2 / 3]
RATES = [1, 2, 3, 4, 6, 8, 1 / 2, 1 / 3, 3 / 2, 2 / 3]
GRID = np.exp(np.log(30) + 0.02 * np.arange(109))
PRIOR = np.linspace(np.log2(35), np.log2(240), 9)
NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


def novelty(decibels):
    """Two curves of what begins: over all bands, and over the lowest."""
    power = 10.0 ** (decibels / 10 * COMPRESSION)
    rise = np.zeros_like(power)
    rise[:, 1:] = np.maximum(0, power[:, 1:] - power[:, :-1])
    return rise.mean(0), rise[:LOW_BANDS].mean(0)


def level(curve):
    return curve - uniform_filter1d(curve, int(FRAMES * 2), mode="nearest")


def autocorrelation(curve):
    curve = level(gaussian_filter1d(curve, 1.0, mode="nearest", truncate=4))
    n = len(curve)
    spectrum = np.fft.rfft(curve, 1 << int(np.ceil(np.log2(2 * n))))
    lags = min(int(FRAMES * LONGEST_LAG), 3 * n // 4)
    sums = np.fft.irfft(np.abs(spectrum) ** 2)[:lags] / (n - np.arange(lags))
    return sums / (sums[0] + 1e-12)


def rhythm_spectrum(curve):
    curve = level(curve) * np.hanning(len(curve))
    if len(curve) > SPECTRUM:
        curve = curve[:SPECTRUM]
    magnitude = np.abs(np.fft.rfft(curve, SPECTRUM))
    top = int(SPECTRUM * 12 / FRAMES)
    return magnitude / (np.sqrt((magnitude[:top] ** 2).mean()) + 1e-12)


def tempo_features(decibels):
    columns = []
    for curve in novelty(decibels):
        lags, spectrum = autocorrelation(curve), rhythm_spectrum(curve)
        for factor in LAGS:
            lag = 60 * FRAMES / GRID * factor
            value = np.interp(lag, np.arange(len(lags)), lags)
            columns.append(np.where((lag > len(lags) - 2) | (lag < SHORTEST_LAG), 0, value))
        for factor in RATES:
            at = GRID / 60 * factor * SPECTRUM / FRAMES
            columns.append(0.5 * np.sqrt(np.interp(at, np.arange(len(spectrum)), spectrum)))
    prior = np.exp(-0.5 * ((np.log2(GRID)[:, None] - PRIOR) / 0.35) ** 2)
    return np.concatenate([np.array(columns).T, prior], axis=1)


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def choose(design, right, penalty, start=None, scale=True):
    """Weights of a linear score whose softmax over the candidates puts its mass on the right ones."""
    sd = design.reshape(-1, design.shape[2]).std(0) + 1e-9 if scale else np.ones(design.shape[2])
    start = np.zeros(design.shape[2]) if start is None else start
    scaled = design / sd

    def loss(weights):
        p = softmax(scaled @ weights)
        mass = (p * right).sum(1, keepdims=True) + 1e-12
        gradient = np.einsum("ng,ngk->k", p - p * right / mass, scaled)
        return -np.log(mass).sum() + penalty * ((weights - start) ** 2).sum(), gradient + 2 * penalty * (weights - start)

    return minimize(loss, start.copy(), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x / sd


def held_out(design, right, split, fit, folds=10, seed=0):
    test = split == "test"
    fold = np.full(len(split), folds)
    others = np.flatnonzero(~test)
    fold[others] = np.random.default_rng(seed).permutation(len(others)) % folds
    said = np.zeros(design.shape[:2])
    for k in range(folds + 1):
        train = ~test & (fold != k)
        said[fold == k] = softmax(design[fold == k] @ fit(design[train], right[train]))
    return said


def accuracy(found, truth):
    ratio = found[:, None] / (truth[:, None] * np.array([1, 2, 3, 1 / 2, 1 / 3]))
    hit = np.abs(ratio - 1) <= 0.04
    return 100 * hit[:, 0].mean(), 100 * hit.any(1).mean()


def sure(name, confidence, right):
    for low, high in ((0.0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01)):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            print(f"  {name} given with {low:.1f} to {min(high, 1):.1f}: {inside.sum()}, right {100 * right[inside].mean():.0f} %")


def tempo(archive, rows, splits):
    design = np.array([tempo_features(archive[row["name"]]) for row in rows])
    truth = np.array([float(row["bpm"]) for row in rows])
    right = np.abs(np.log(GRID / truth[:, None])) < 0.035
    fit = lambda d, r: choose(d, r, 3.0)
    said = held_out(design, right, splits, fit)
    mass = np.apply_along_axis(lambda p: np.convolve(p, np.ones(3), "same"), 1, said)
    # The four candidates beside the best count with it: the tolerance is 4 %, their distance 2 %.
    found, confidence = GRID[mass.argmax(1)], mass.max(1)
    print(f"tempo of {len(rows)}: %.1f / %.1f" % accuracy(found, truth))
    genre = np.array([row["track"].split(".")[0] for row in rows])
    for name, part in (("classical", genre == "classical"), ("pop", genre == "pop"), ("test", splits == "test")):
        print(f"  {name} %.1f / %.1f" % accuracy(found[part], truth[part]))
    sure("tempo", confidence, np.abs(found / truth - 1) <= 0.04)
    train = splits != "test"
    return fit(design[train], right[train])


def peaks(path):
    rate, sound = wavfile.read(path)
    assert rate == RATE, path
    sound = sound.astype(float) / 32_768
    if sound.ndim == 2:
        sound = sound.mean(1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 1024), 2048)[::2048]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1))
    middle = magnitude[:, 1:-1]
    is_peak = (middle > magnitude[:, :-2]) & (middle >= magnitude[:, 2:]) & (middle > 1e-4)
    frame, bin_ = np.nonzero(is_peak)
    a, b, c = (np.log(magnitude[frame, bin_ + i] + 1e-12) for i in (0, 1, 2))
    shift = 0.5 * (a - c) / (a - 2 * b + c)
    hz = (bin_ + 1 + shift) * RATE / 2048
    inside = (hz > 40) & (hz < 4000)
    return hz[inside], np.exp(b - 0.25 * (a - c) * shift)[inside]


def pitch_classes(hz, magnitude, fmax, harmonics, decay):
    for_tuning = (hz > 80) & (hz < 3000)
    turn = np.exp(2j * np.pi * 12 * np.log2(hz[for_tuning] / 440))
    tuning = np.angle((magnitude[for_tuning] * turn).sum()) / (2 * np.pi)
    below = hz < fmax
    pitch = 12 * np.log2(hz[below] / 440) - tuning
    total = np.zeros(12)
    for i in range(harmonics):
        fundamental = pitch - 12 * np.log2(i + 1)
        nearest = np.round(fundamental)
        weight = magnitude[below] * np.cos(np.pi * (fundamental - nearest)) ** 2 * decay**i
        total += np.bincount((nearest.astype(int) + 9) % 12, weight, 12)
    return total


def standardised(row):
    return (row - row.mean()) / (row.std() + 1e-12)


def key_features(hz, magnitude):
    rows = np.stack([
        standardised(pitch_classes(hz, magnitude, 4000, 6, 0.8)),
        standardised(pitch_classes(hz, magnitude, 260, 1, 1.0)),
    ])
    design = np.zeros((24, 49))
    for tonic in range(12):
        turned = np.roll(rows, -tonic, axis=1).ravel()
        design[tonic, :24] = turned
        design[12 + tonic, 24:48] = turned
        design[12 + tonic, 48] = 1
    return design


# Where the fit starts and what it is drawn to: the profiles of pop and electronic music by Faraldo et al. 2016.
START = [
    [1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30],
    [1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23],
]


def mirex(found, truth):
    if found == truth:
        return 1.0
    (a, a_minor), (b, b_minor) = (found % 12, found > 11), (truth % 12, truth > 11)
    if a_minor == b_minor:
        return 0.5 if (a - b) % 12 in (5, 7) else 0.0
    relative = (b + 3) % 12 if b_minor else (b + 9) % 12
    return 0.3 if a == relative else 0.2 if a == b else 0.0


def key(rows, splits, sounds):
    design = np.array([key_features(*peaks(sounds[row["name"]])) for row in rows])
    truth = np.array([NAMES.index(row["key"].split()[0]) + 12 * row["key"].endswith("minor") for row in rows])
    right = np.eye(24, dtype=bool)[truth]
    major, minor = (standardised(np.array(profile)) for profile in START)
    best = None
    for amount in (0.3, 0.6):
        for penalty in (1.0, 3.0, 10.0, 30.0):
            start = np.concatenate([major, 0.3 * major, minor, 0.3 * minor, [0]]) * amount
            fit = lambda d, r: choose(d, r, penalty, start, scale=False)
            said = held_out(design, right, splits, fit)
            found = said.argmax(1)
            # Chosen by the clips that may be fitted on; the test part only looks on.
            mine = splits != "test"
            likelihood = np.log(said[np.arange(len(rows)), truth])[mine].mean()
            score = 100 * np.mean([mirex(a, b) for a, b in zip(found, truth)])
            print(f"key of {len(rows)}, start {amount}, penalty {penalty}: weighted {score:.1f}, exact {100 * (found == truth).mean():.1f}, log {likelihood:.3f}", flush=True)
            if best is None or likelihood > best[0]:
                best = (likelihood, fit, said)
    _, fit, said = best
    sure("key", said.max(1), said.argmax(1) == truth)
    return fit(design[splits != "test"], right[splits != "test"])


def moods(matrix, artists):
    description = json.loads(pathlib.Path(matrix).with_suffix(".json").read_text())
    groups = {row["path"]: row["artist_group"] for row in csv.DictReader(open(artists))}
    files = ["/".join(pathlib.Path(f).parts[-3:]) for f in description["files"]]
    usable = [i for i, f in enumerate(files) if f in groups]
    design = np.load(matrix)[usable].astype(float)
    quadrant = np.array([int(files[i].split("/")[1][1]) - 1 for i in usable])
    group = np.array([groups[files[i]] for i in usable])
    names = np.unique(group)
    fold_of = dict(zip(names, np.random.default_rng(0).permutation(len(names)) % 10))
    fold = np.array([fold_of[g] for g in group])

    def fit(rows, labels, penalty):
        mean, sd = rows.mean(0), rows.std(0) + 1e-9
        x = np.hstack([np.clip((rows - mean) / sd, -4, 4), np.ones((len(rows), 1))])

        def loss(flat):
            w = flat.reshape(4, -1)
            p = softmax(x @ w.T)
            value = -np.log(p[np.arange(len(labels)), labels] + 1e-12).sum() + penalty * (w[:, :-1] ** 2).sum()
            gradient = (p - np.eye(4)[labels]).T @ x
            gradient[:, :-1] += 2 * penalty * w[:, :-1]
            return value, gradient.ravel()

        w = minimize(loss, np.zeros(4 * x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x.reshape(4, -1)
        return mean, sd, w

    def say(fitted, rows):
        mean, sd, w = fitted
        return softmax(np.clip((rows - mean) / sd, -4, 4) @ w[:, :-1].T + w[:, -1])

    best = None
    for penalty in (100.0, 300.0, 1000.0):
        said = np.zeros((len(quadrant), 4))
        for k in range(10):
            said[fold == k] = say(fit(design[fold != k], quadrant[fold != k], penalty), design[fold == k])
        found = said.argmax(1)
        macro = lambda q, f: np.mean([2 * ((q == c) & (f == c)).sum() / max(1, (q == c).sum() + (f == c).sum()) for c in range(4)])
        draws = np.random.default_rng(1)
        members = {g: np.flatnonzero(group == g) for g in names}
        spread = []
        for _ in range(300):
            picked = np.concatenate([members[g] for g in draws.choice(names, len(names))])
            spread.append(100 * macro(quadrant[picked], found[picked]))
        likelihood = np.log(said[np.arange(len(found)), quadrant]).mean()
        low, high = np.percentile(spread, [2.5, 97.5])
        print(f"mood of {len(found)} clips, {len(names)} artists, penalty {penalty}: macro-F1 {100 * macro(quadrant, found):.1f} ({low:.1f} to {high:.1f}), log {likelihood:.3f}", flush=True)
        if best is None or likelihood > best[0]:
            best = (likelihood, penalty, said)
    sure("mood", best[2].max(1), best[2].argmax(1) == quadrant)
    return fit(design, quadrant, best[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tempo-key", required=True)
    parser.add_argument("--clips", required=True)
    parser.add_argument("--log-mel", action="append", required=True)
    parser.add_argument("--moods", required=True)
    parser.add_argument("--artists", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", choices=["tempo", "key", "mood"], help="leave the rest of OUT as it is")
    given = parser.parse_args()
    archive, sounds = {}, {}
    for path in given.log_mel:
        archive.update({pathlib.Path(name).name: array for name, array in np.load(path).items()})
        files = json.loads(pathlib.Path(path).with_suffix(".json").read_text())["files"]
        sounds.update({pathlib.Path(name).name: name for name in files})
    split_of = {row["path"]: row["gtzan_split"] for row in csv.DictReader(open(given.clips))}
    rows = list(csv.DictReader(open(given.tempo_key)))
    for row in rows:
        row["name"] = pathlib.Path(row["path"]).name
    rows = [row for row in rows if row["name"] in archive]
    splits = np.array([split_of[row["path"]] for row in rows])
    keyed = np.array([bool(row["key"]) for row in rows])
    digits = lambda values: [float(f"{value:.4g}") for value in np.ravel(values)]
    out = pathlib.Path(given.out)
    fitted = json.loads(out.read_text()) if given.only else {}
    fitted["made_by"] = "models/training/descriptors.py"
    fitted["of"] = "GTZAN clips with the tempi of Percival and Tzanetakis 2014 and the keys of gtzan_key; taffc4q's quadrants"
    wants = lambda part: given.only in (None, part)
    if wants("mood"):
        mean, sd, weights = moods(given.moods, given.artists)
        fitted["mood"] = {"mean": digits(mean), "sd": digits(sd), "weights": digits(weights)}
    if wants("key"):
        fitted["key"] = digits(key([row for row in rows if row["key"]], splits[keyed], sounds))
    if wants("tempo"):
        fitted["tempo"] = digits(tempo(archive, rows, splits))
    out.write_text(json.dumps(fitted) + "\n")


if __name__ == "__main__":
    main()
