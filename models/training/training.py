"""Fitting one network to some clips, and asking a fitted one about others."""

import math

import numpy as np
import torch

import dataset
from nets import BANDS, FRAMES, FeatureMlp, LogMelCnn

FLOOR = -80.0
HALF = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # twice as fast where the processor can

# Chosen by select_settings.py: cross-validation grouped by artist inside the training split. The validation split has no part in it.
SETTINGS = {
    "features": dict(epochs=60, rate=1e-3, decay=0.05, batch=32, dropout=0.6, mixup=0.4, noise=0.5, hidden=(256, 128), members=4, balance=0.0),
    "head": dict(epochs=60, rate=1e-3, decay=0.05, batch=32, dropout=0.5, mixup=0.4, noise=0.5, hidden=(128,), members=4, balance=0.0),
    "joined": dict(epochs=60, rate=1e-3, decay=0.05, batch=32, dropout=0.6, mixup=0.4, noise=0.5, hidden=(128,), members=4, balance=0.0),
    "tags": dict(epochs=60, rate=1e-3, decay=0.05, batch=32, dropout=0.3, mixup=0.4, noise=0.3, hidden=(64,), members=4, balance=0.0),
    "cnn": dict(
        epochs=40, rate=3e-3, decay=0.02, batch=32, dropout=0.3, mixup=0.2, noise=0.5, frames=256, residual=2, fusion=0.5, balance=0.0,
        speed=0.0, eq=2.0, gain=2.0, low_pass=0.25, masks=1, taught=1.0,
    ),
}  # fmt: skip
SETTINGS["open"] = SETTINGS["cnn"] | dict(low_pass=0.0)  # the same without the low-pass, to see what that one does
CONVOLUTIONS = ("cnn", "open")
CUT_OFF = (5000, 6500, 8000)  # Hz: held-out clips are heard once more without what lies above


def mixed(xs, y, alpha, rng):
    """mixup: each example blended with another one, its target with it (Zhang et al. 2018). `xs` are inputs of the same examples."""
    share = torch.as_tensor(rng.beta(alpha, alpha, len(y)), dtype=torch.float32)
    share = torch.maximum(share, 1 - share)
    other = torch.as_tensor(rng.permutation(len(y)))

    def blend(x):
        over = share.reshape(-1, *[1] * (x.ndim - 1))
        return over * x + (1 - over) * x[other]

    return [blend(x) for x in xs], blend(y)


def heard_anew(spectrograms, rows, settings, rng):
    """One random stretch of each clip, as another recording, another master or another player might have sounded.

    Played up to 12 % slower or faster; louder or softer by a smooth random curve over the bands; half of them cut off above a random band, so that
    the low-pass of a source tells nothing; two bands and two moments hidden (SpecAugment)."""
    n, frames = len(rows), settings["frames"]
    speed = rng.uniform(1 - settings["speed"], 1 + settings["speed"], n)
    start = rng.uniform(0, 1, n) * np.maximum(FRAMES - 1 - frames * speed, 0)
    when = np.minimum(start[:, None] + speed[:, None] * np.arange(frames), FRAMES - 1).astype(np.int64)
    x = torch.stack([spectrograms[row][:, torch.as_tensor(at)] for row, at in zip(rows, when)]).float()
    knots = rng.normal(0, settings["eq"], (n, 6))
    curve = np.stack([np.interp(np.linspace(0, 5, BANDS), np.arange(6), k) for k in knots]) + rng.normal(0, settings["gain"], (n, 1))
    x = (x + torch.as_tensor(curve, dtype=torch.float32)[:, :, None]).clamp(FLOOR, 10)
    hidden = x.mean((1, 2))
    for i in range(n):
        if rng.random() < settings["low_pass"]:
            x[i, rng.integers(76, BANDS) :] = FLOOR
        for _ in range(settings["masks"]):
            band, width = rng.integers(0, BANDS), rng.integers(0, 13)
            x[i, band : band + width] = hidden[i]
            moment, length = rng.integers(0, frames), rng.integers(0, frames // 10)
            x[i, :, moment : moment + length] = hidden[i]
    return x[:, None]


def log_probabilities(logits, says):
    """Of each word, or where words are gathered into sets (`says`: words x sets) of each set."""
    return torch.log_softmax(logits, 1) if says is None else (torch.softmax(logits, 1) @ says).clamp_min(1e-9).log()


def genre_weights(target, strength):
    """How much a clip counts, by its genres: rarer ones more, (1 / share) ** strength; the mean over clips is 1."""
    if strength <= 0:
        return torch.ones(len(target))
    share = target.mean(0)
    weight = (target * (1 / share.clamp_min(1e-3)) ** strength).sum(1) / target.sum(1).clamp_min(1e-6)
    return weight / weight[target.sum(1) > 0].mean()


def inputs_of(kind, data):
    """What a network that is no convolution is fed, a row a clip; the convolutions' second branch hears the 518."""
    if kind == "head":
        return data.musicnn
    if kind == "joined":
        return np.hstack([data.musicnn, data.fma518])
    return data.musicnn[:, 200:] if kind == "tags" else data.fma518


def taught_by(kind, data, settings):
    """(N, 250) what musicnn says of each clip, tags as log-odds, standardised: a network that hears it not learns to foretell it beside the genres.

    Nothing where the settings want none of it, or nobody asked musicnn. Only training sees it: what learns it is cut off after the fit."""
    if not settings.get("taught") or not data.musicnn.shape[1]:
        return torch.zeros((len(data), 0))
    numbers, tags = data.musicnn[:, :200], data.musicnn[:, 200:].clip(1e-4, 1 - 1e-4)
    said = np.hstack([numbers, np.log(tags / (1 - tags))])
    return torch.as_tensor(((said - said.mean(0)) / said.std(0).clip(1e-6)).clip(-4, 4).astype(np.float32))


def make(kind, classes, settings, inputs=518):
    if kind in CONVOLUTIONS:
        return LogMelCnn(classes, settings["dropout"], settings["residual"])
    return FeatureMlp(inputs, classes, settings["hidden"], settings["members"], settings["dropout"])


class Abreast:
    """The perceptrons of a `FeatureMlp` as one stack of weights, so that a step of all costs little more than a step of one."""

    def __init__(self, net):
        self.net, self.momentum, self.eps = net, 0.1, 1e-5
        self.dropout = next(layer.p for layer in net.members[0] if isinstance(layer, torch.nn.Dropout))
        self.layers, self.norms = [], []
        for parts in zip(*net.members, strict=True):
            if isinstance(parts[0], torch.nn.Linear):
                self.layers.append([self.stack(parts, "weight").transpose(1, 2).contiguous().requires_grad_(), self.stack(parts, "bias")[:, None].clone().requires_grad_()])
            elif isinstance(parts[0], torch.nn.BatchNorm1d):
                learned = [self.stack(parts, name)[:, None].clone().requires_grad_() for name in ("weight", "bias")]
                self.norms.append([*learned, torch.zeros_like(learned[0]), torch.ones_like(learned[0])])

    @staticmethod
    def stack(parts, name):
        return torch.stack([getattr(part, name).detach() for part in parts])

    def parameters(self):
        return [p for layer in self.layers for p in layer] + [p for norm in self.norms for p in norm[:2]]

    def __call__(self, x):
        """(members, batch, inputs) -> (members, batch, K), in training."""
        for (weight, bias), (scale, shift, mean, variance) in zip(self.layers[:-1], self.norms, strict=True):
            x = torch.baddbmm(bias, x, weight)
            now, spread = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
            n = x.shape[1]
            mean.lerp_(now.detach(), self.momentum)
            variance.lerp_(spread.detach() * n / (n - 1), self.momentum)
            x = torch.relu((x - now) * torch.rsqrt(spread + self.eps) * scale + shift)
            x = torch.nn.functional.dropout(x, self.dropout)
        return torch.baddbmm(self.layers[-1][1], x, self.layers[-1][0])

    def hand_back(self):
        """The weights, back into the network."""
        with torch.no_grad():
            for i, member in enumerate(self.net.members):
                linear = [layer for layer in member if isinstance(layer, torch.nn.Linear)]
                norms = [layer for layer in member if isinstance(layer, torch.nn.BatchNorm1d)]
                for layer, (weight, bias) in zip(linear, self.layers, strict=True):
                    layer.weight.copy_(weight[i].T)
                    layer.bias.copy_(bias[i, 0])
                for layer, (scale, shift, mean, variance) in zip(norms, self.norms, strict=True):
                    for mine, stacked in ((layer.weight, scale), (layer.bias, shift), (layer.running_mean, mean), (layer.running_var, variance)):
                        mine.copy_(stacked[i, 0])


def fit(kind, data, settings, seed, say=lambda line: None):
    """One network trained on every row of `data` that carries a genre which it can say. Nothing is held out: the epochs are a setting."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    inputs, target, says = inputs_of(kind, data), data.target, None
    if kind == "tags":
        columns, says = dataset.tag_sets(data.labels)
        says = torch.as_tensor(says)
        target = dataset.tag_targets(data)
        if data.taggrams:
            inputs = np.vstack([inputs, data.taggrams.tags])
            target = np.vstack([target, [[column == genre for column in columns] for genre in data.taggrams.genres]])
    inputs, target = [torch.as_tensor(np.asarray(a, np.float32)) for a in (inputs, target)]
    rows = np.flatnonzero(target.sum(1) > 0)
    weight = torch.zeros(len(target))
    weight[rows] = genre_weights(target[rows], settings["balance"])
    taught = taught_by(kind, data, settings)
    net = make(kind, len(data.labels) if says is None else len(says), settings, inputs.shape[1])
    step = fit_convolutions if kind in CONVOLUTIONS else fit_perceptrons
    step(net, data, inputs, target, weight, rows, says, taught, settings, rng, say)
    return net.eval()


def schedule_of(parameters, settings, per_epoch):
    optimiser = torch.optim.AdamW(parameters, settings["rate"], weight_decay=settings["decay"])
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, settings["rate"], total_steps=settings["epochs"] * per_epoch, pct_start=0.2)


def fit_perceptrons(net, data, inputs, target, weight, rows, says, taught, settings, rng, say):
    net.fit_normalisation(inputs[rows])
    words = net.members[0][-1].out_features
    net.widen(words + taught.shape[1])
    features, batch, members = net.normalise(inputs), settings["batch"], settings["members"]
    abreast, per_epoch = Abreast(net), len(rows) // batch
    optimiser, schedule = schedule_of(abreast.parameters(), settings, per_epoch)
    for epoch in range(settings["epochs"]):
        losses, orders = [], np.stack([rng.permutation(rows) for _ in range(members)])
        for b in range(per_epoch):  # the odd ones at the end wait for the next shuffle
            pick = torch.as_tensor(orders[:, b * batch : (b + 1) * batch])
            y, x, told = target[pick] * weight[pick][:, :, None], features[pick], taught[pick]
            x = x + settings["noise"] * torch.randn_like(x)
            if settings["mixup"] > 0:
                share = torch.as_tensor(rng.beta(settings["mixup"], settings["mixup"], (members, batch, 1)), dtype=torch.float32)
                share, other = torch.maximum(share, 1 - share), torch.as_tensor(rng.permutation(batch))
                x, y, told = [share * a + (1 - share) * a[:, other] for a in (x, y, told)]
            out = abreast(x).flatten(0, 1)
            # Each perceptron learns by itself: the sum of their losses, each the mean over its batch.
            loss = -(y.flatten(0, 1) * log_probabilities(out[:, :words], says)).sum() / batch
            if told.shape[2]:
                loss = loss + settings["taught"] * members * (out[:, words:] - told.flatten(0, 1)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item() / members)
        say(f"epoch {epoch + 1:3d}: loss {math.fsum(losses) / len(losses):.4f}")
    abreast.hand_back()
    net.widen(words)


def fit_convolutions(net, data, inputs, target, weight, rows, says, taught, settings, rng, say):
    net.fit_normalisation(data.log_mel[rows[:: max(1, len(rows) // 200)]])
    net.to(memory_format=torch.channels_last)
    net.scaler = FeatureMlp(518, 2)
    net.scaler.fit_normalisation(inputs[rows])
    features, batch = net.scaler.normalise(inputs), settings["batch"]
    net.teller = torch.nn.Linear(128, taught.shape[1]) if taught.shape[1] else torch.nn.Identity()
    per_epoch = len(rows) // batch
    optimiser, schedule = schedule_of(net.parameters(), settings, per_epoch)
    net.train()
    for epoch in range(settings["epochs"]):
        losses, order = [], rng.permutation(rows)
        for b in range(per_epoch):
            pick = order[b * batch : (b + 1) * batch]
            y = target[pick] * weight[pick][:, None]
            vectors = features[pick] + settings["noise"] * torch.randn(len(pick), features.shape[1])
            x = heard_anew(data.log_mel, pick, settings, rng)
            (x, vectors, told), y = mixed([x, vectors, taught[pick]], y, settings["mixup"], rng)
            with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
                logits, embedding = net(x.contiguous(memory_format=torch.channels_last))
                fused = net.fused(embedding, vectors)
                heard = net.teller(embedding)
            loss = -settings["fusion"] * (y * torch.log_softmax(fused.float(), 1)).sum(1).mean()
            loss = loss - (y * log_probabilities(logits.float(), says)).sum(1).mean()
            if told.shape[1]:
                loss = loss + settings["taught"] * (heard.float() - told).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        say(f"epoch {epoch + 1:3d}: loss {math.fsum(losses) / len(losses):.4f}")
    del net.teller


@torch.no_grad()
def logits_of(kind, net, data, batch=16):
    """(N, K) logits of a fitted network for every row of `data`, by the name of what gives them."""
    if kind not in CONVOLUTIONS:
        return {kind: net(torch.as_tensor(inputs_of(kind, data))).numpy()}
    out = {}
    for cut in (None, *CUT_OFF):
        before = "" if cut is None else f"low{cut}-"
        for start in range(0, len(data), batch):
            x = data.log_mel[start : start + batch].float()[:, None]
            if cut:
                x[:, :, band_of(cut) :] = FLOOR
            logits, embedding = net(x.contiguous(memory_format=torch.channels_last))
            fused = net.fused(embedding, net.scaler.normalise(torch.as_tensor(data.fma518[start : start + batch])))
            out.setdefault(before + kind, []).append(logits.numpy())
            if cut is None:
                out.setdefault("fusion" if kind == "cnn" else f"fusion-{kind}", []).append(fused.numpy())
    return {name: np.concatenate(parts) for name, parts in out.items()}


def band_of(hz, top=11025.0):
    """The first of the 128 bands of the spectrogram that lies above a frequency (Slaney's mel scale; 1000 Hz or more)."""
    mel = [15 + math.log(f / 1000) / (math.log(6.4) / 27) for f in (hz, top)]
    return math.ceil(mel[0] / mel[1] * (BANDS + 1))


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
