"""The two networks, with everything that stands between the extractor's numbers and the first weight inside them."""

import torch
from torch import nn

CLIP_AT = 3.0  # standard deviations beyond which a feature tells no more: the higher moments have long tails


class Fma518Mlp(nn.Module):
    """(batch, 518) features as the extractor gives them -> (batch, K) logits. 518-256-128-K."""

    def __init__(self, classes, dropout=0.5):
        super().__init__()
        self.register_buffer("center", torch.zeros(518))
        self.register_buffer("scale", torch.ones(518))
        self.body = nn.Sequential(
            nn.Linear(518, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(256, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(128, classes),
        )  # fmt: skip

    def fit_normalisation(self, features):
        """Mean and deviation of the training clips, each column winsorised to its central 98 % first."""
        x = torch.as_tensor(features, dtype=torch.float64)
        low, high = torch.quantile(x, torch.tensor([0.01, 0.99], dtype=torch.float64), dim=0)
        x = torch.minimum(torch.maximum(x, low), high)
        self.center.copy_(x.mean(0))
        self.scale.copy_(1 / x.std(0).clamp_min(1e-6))

    def normalise(self, x):
        return ((x - self.center) * self.scale).clamp(-CLIP_AT, CLIP_AT)

    def forward(self, x):
        return self.body(self.normalise(x))


class LogMelCnn(nn.Module):
    """(batch, 1, 128, frames) log-mel in dB -> (batch, K) logits and the (batch, 128) embedding under them.

    Four convolution blocks of 16, 32, 64 and 128 channels. The first one takes every second band
    and frame, which halves the time of a run and costs no accuracy; pooling before batch norm and ReLU leaves these a quarter of the work.
    The last block is averaged over bands and frames, so training can use shorter stretches than the program does."""

    def __init__(self, classes, dropout=0.3, strides=(2, 1, 1, 1)):
        super().__init__()
        self.register_buffer("center", torch.zeros(1, 1, 128, 1))  # one per band
        self.register_buffer("scale", torch.ones(1, 1, 1, 1))
        blocks, before = [], 1
        for channels, stride in zip((16, 32, 64, 128), strides, strict=True):
            blocks += [nn.Conv2d(before, channels, 3, stride, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(128, classes)

    def fit_normalisation(self, spectrograms):
        """The mean of each band and one deviation for all, over the training clips."""
        bands = torch.stack([torch.as_tensor(s).mean(1) for s in spectrograms])
        self.center.copy_(bands.mean(0).reshape(1, 1, 128, 1))
        spread = torch.stack([(torch.as_tensor(s) - self.center[0, 0]).square().mean() for s in spectrograms]).mean()
        self.scale.copy_(1 / spread.sqrt().reshape(1, 1, 1, 1))

    def forward(self, x):
        embedding = self.pool(self.blocks((x - self.center) * self.scale)).flatten(1)
        return self.head(self.dropout(embedding)), embedding
