"""The networks, with everything that stands between the extractor's numbers and the first weight inside them."""

import torch
from torch import nn

CLIP_AT = 3.0  # standard deviations beyond which a feature tells no more: the higher moments have long tails
BANDS = 128
FRAMES = 1292  # 30 s at 22,050 Hz and a hop of 512: what the exported networks take


class FeatureMlp(nn.Module):
    """(batch, D) features as they come -> (batch, K) logits; several small perceptrons side by side, whose logits are averaged.

    They differ in their first weights and in the order of their clips only: together they are steadier than any of them, and better calibrated."""

    def __init__(self, inputs, classes, hidden=(256, 128), members=1, dropout=0.5):
        super().__init__()
        self.register_buffer("center", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.members = nn.ModuleList()
        for _ in range(members):
            layers, before = [], inputs
            for width in hidden:
                layers += [nn.Linear(before, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
                before = width
            self.members.append(nn.Sequential(*layers, nn.Linear(before, classes)))

    def widen(self, outputs):
        """As many outputs: of those there are, the first stay as they are."""
        for member in self.members:
            last = member[-1]
            if last.out_features != outputs:
                member[-1] = nn.Linear(last.in_features, outputs)
                kept = min(outputs, last.out_features)
                with torch.no_grad():
                    member[-1].weight[:kept], member[-1].bias[:kept] = last.weight[:kept], last.bias[:kept]

    def fit_normalisation(self, features):
        """Mean and deviation of the training clips, each column winsorised to its central 98 % first."""
        x = torch.as_tensor(features, dtype=torch.float64)
        low, high = torch.quantile(x, torch.tensor([0.01, 0.99], dtype=torch.float64), dim=0)
        x = torch.minimum(torch.maximum(x, low), high)
        self.center.copy_(x.mean(0))
        self.scale.copy_(1 / x.std(0).clamp_min(1e-6))

    def normalise(self, x):
        return ((x - self.center) * self.scale).clamp(-CLIP_AT, CLIP_AT)

    def body(self, x):
        return torch.stack([member(x) for member in self.members]).mean(0)

    def forward(self, x):
        return self.body(self.normalise(x))


class Residual(nn.Module):
    """A 3 x 3 convolution and a way around it."""

    def __init__(self, channels):
        super().__init__()
        self.around = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return torch.relu(x + self.around(x))


class LogMelCnn(nn.Module):
    """(batch, 1, 128, frames) log-mel in dB -> (batch, K) logits and the (batch, 128) embedding under them.

    Four convolution blocks of 16, 32, 64 and 128 channels, with a residual convolution after the last `residual` of them. The first one takes every second
    band and frame; pooling before batch norm and ReLU leaves these a quarter of the work. The last block is averaged over bands and frames, so training
    can use shorter stretches than the program does.

    `fused` is a second head, on the embedding and a branch for the 518 features: it is trained along, and not part of the exported graph."""

    def __init__(self, classes, dropout=0.3, residual=0):
        super().__init__()
        self.register_buffer("center", torch.zeros(1, 1, BANDS, 1))  # one per band
        self.register_buffer("scale", torch.ones(1, 1, 1, 1))
        blocks, before = [], 1
        for i, channels in enumerate((16, 32, 64, 128)):
            blocks += [nn.Conv2d(before, channels, 3, 1 if i else 2, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(channels), nn.ReLU()]
            if i >= 4 - residual:
                blocks.append(Residual(channels))
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(128, classes)
        self.features = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(518, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.6), nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU()
        )
        self.joined = nn.Sequential(nn.Dropout(dropout), nn.Linear(128 + 64, classes))

    def fit_normalisation(self, spectrograms):
        """The mean of each band and one deviation for all, over the training clips."""
        x = spectrograms.float()
        self.center.copy_(x.mean((0, 2)).reshape(1, 1, BANDS, 1))
        self.scale.copy_(1 / (x - self.center[0]).square().mean().sqrt().reshape(1, 1, 1, 1))

    def forward(self, x):
        embedding = self.pool(self.blocks((x - self.center) * self.scale)).flatten(1)
        return self.head(self.dropout(embedding)), embedding

    def fused(self, embedding, features):
        return self.joined(torch.cat([embedding, self.features(features)], 1))
