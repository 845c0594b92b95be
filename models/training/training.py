"""Fitting one network to some clips, and asking a fitted one about others."""

import math

import numpy as np
import torch

from nets import Fma518Mlp, LogMelCnn

FRAMES = 1292  # 30 s at 22,050 Hz and a hop of 512: what the exported CNN takes

# Chosen by select_settings.py: cross-validation grouped by artist inside the training split. The validation split has no part in it.
SETTINGS = {
    "fma518-mlp": dict(epochs=60, rate=1e-3, decay=0.05, batch=32, dropout=0.6, mixup=0.4, noise=0.5),
    "logmel-cnn": dict(epochs=40, rate=3e-3, decay=0.02, batch=32, dropout=0.3, mixup=0.2, frames=256),
}


def seed_everything(seed):
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def to_frames(log_mel, frames=FRAMES):
    """The middle `frames` frames; a shorter one is repeated from its start until it is long enough, as the program does."""
    have = log_mel.shape[1]
    if have >= frames:
        start = (have - frames) // 2
        return log_mel[:, start : start + frames]
    return np.tile(log_mel, (1, -(-frames // have)))[:, :frames]


def mixed(x, y, alpha, rng):
    """mixup: each example blended with another one, its target with it (Zhang et al. 2018)."""
    if alpha <= 0:
        return x, y
    share = float(rng.beta(alpha, alpha))
    other = torch.as_tensor(rng.permutation(len(x)))
    return share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]


def cropped(log_mel, frames, rng):
    """A random stretch of a clip, a little louder or softer per band, with one band and one stretch of time hidden (SpecAugment)."""
    log_mel = to_frames(log_mel, max(frames, log_mel.shape[1]))
    start = rng.integers(0, log_mel.shape[1] - frames + 1)
    x = log_mel[:, start : start + frames] + rng.normal(0, 2) + np.interp(np.arange(128), [0, 42, 85, 127], rng.normal(0, 2, 4))[:, None]
    x = x.astype(np.float32)
    floor = x.mean()
    band, width = rng.integers(0, 128), rng.integers(0, 17)
    x[band : band + width] = floor
    moment, length = rng.integers(0, frames), rng.integers(0, frames // 8)
    x[:, moment : moment + length] = floor
    return x


def fit(name, data, settings, seed, say=lambda line: None):
    """One network trained on every row of `data` that carries a genre which it can say. Nothing is held out: the epochs are a setting."""
    rng = seed_everything(seed)
    rows = np.flatnonzero(data.sayable())
    target = torch.as_tensor(data.target)
    if name == "fma518-mlp":
        net = Fma518Mlp(len(data.labels), settings["dropout"])
        net.fit_normalisation(data.fma518[rows])
        features = net.normalise(torch.as_tensor(data.fma518))
    else:
        net = LogMelCnn(len(data.labels), settings["dropout"])
        net.fit_normalisation([data.log_mel[i] for i in rows])
        net = net.to(memory_format=torch.channels_last)
    steps = settings["epochs"] * (len(rows) // settings["batch"])
    optimiser = torch.optim.AdamW(net.parameters(), settings["rate"], weight_decay=settings["decay"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings["rate"], total_steps=steps, pct_start=0.2)
    net.train()
    for epoch in range(settings["epochs"]):
        order, losses = rng.permutation(rows), []
        for b in range(len(rows) // settings["batch"]):  # the odd ones at the end wait for the next shuffle
            pick = order[b * settings["batch"] : (b + 1) * settings["batch"]]
            y = target[pick]
            if name == "fma518-mlp":
                x = features[pick] + settings["noise"] * torch.randn(len(pick), 518)
                x, y = mixed(x, y, settings["mixup"], rng)
                logits = net.body(x)
            else:
                x = torch.as_tensor(np.stack([cropped(data.log_mel[i], settings["frames"], rng) for i in pick]))[:, None]
                x, y = mixed(x, y, settings["mixup"], rng)
                logits, _ = net(x.contiguous(memory_format=torch.channels_last))
            loss = -(y * torch.log_softmax(logits, 1)).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        say(f"epoch {epoch + 1:3d}: loss {math.fsum(losses) / len(losses):.4f}")
    return net.eval()


@torch.no_grad()
def predict(net, data, batch=16):
    """(N, K) probabilities of a fitted network for every row of `data`."""
    out = []
    for start in range(0, len(data), batch):
        if isinstance(net, Fma518Mlp):
            logits = net(torch.as_tensor(data.fma518[start : start + batch]))
        else:
            x = np.stack([to_frames(m) for m in data.log_mel[start : start + batch]])[:, None]
            logits, _ = net(torch.as_tensor(x).contiguous(memory_format=torch.channels_last))
        out.append(torch.softmax(logits, 1).numpy())
    return np.concatenate(out)


def cross_validate(name, data, settings, folds, seed, say=lambda line: None):
    """(N, K) probabilities, each row from a network that heard nothing of that clip's artist."""
    out = np.zeros((len(data), len(data.labels)), np.float32)
    for fold in range(folds.max() + 1):
        net = fit(name, data.subset(folds != fold), settings, seed + fold)
        out[folds == fold] = predict(net, data.subset(folds == fold))
        say(f"{name}: fold {fold + 1} of {folds.max() + 1}")
    return out
