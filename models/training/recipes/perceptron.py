"""A perceptron on standardised features, in NumPy alone: fitting with early stopping, the temperature, and the forward pass that the
exported graph is compared with. It knows nothing of data sets or files."""

import numpy as np

# Far-out values of skewness and kurtosis would drown everything else: standardised features end here.
LIMIT = 10.0
HIDDEN = (256, 128)
DROPOUT = 0.3
DECAY = 1e-4


def log_softmax(logits):
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def log_loss(logits, classes):
    return float(-log_softmax(logits)[np.arange(len(classes)), classes].mean())


class Scaler:
    """Mean and deviation of each column over the training rows; a column that never changes is left at 0."""

    def __init__(self, x):
        self.mean = x.mean(0, dtype=np.float64).astype(np.float32)
        deviation = x.std(0, dtype=np.float64)
        self.scale = np.where(deviation > 1e-12, 1 / np.maximum(deviation, 1e-12), 0).astype(np.float32)

    def __call__(self, x):
        return np.clip((x - self.mean) * self.scale, -LIMIT, LIMIT)


class Perceptron:
    """Two hidden layers with ReLU; `layers` is a list of (weights, bias), inputs along the first axis of the weights."""

    def __init__(self, inputs, classes, seed):
        rng = np.random.default_rng(seed)
        sizes = [inputs, *HIDDEN, classes]
        self.layers = [
            (rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in zip(sizes, sizes[1:])
        ]

    def logits(self, x):
        for weights, bias in self.layers[:-1]:
            x = np.maximum(x @ weights + bias, 0)
        weights, bias = self.layers[-1]
        return x @ weights + bias

    def gradients(self, x, classes, rng):
        """The gradients of the mean log loss of a batch, with dropout on the hidden layers."""
        inputs, masks = [x], []
        for weights, bias in self.layers[:-1]:
            hidden = inputs[-1] @ weights + bias
            mask = (hidden > 0) * (rng.random(hidden.shape, dtype=np.float32) >= DROPOUT) / np.float32(1 - DROPOUT)
            masks.append(mask.astype(np.float32))
            inputs.append(hidden * masks[-1])
        weights, bias = self.layers[-1]
        error = np.exp(log_softmax(inputs[-1] @ weights + bias))
        error[np.arange(len(classes)), classes] -= 1
        error /= len(classes)
        gradients = []
        for i in reversed(range(len(self.layers))):
            gradients.append((inputs[i].T @ error, error.sum(0)))
            if i > 0:
                error = (error @ self.layers[i][0].T) * masks[i - 1]
        return gradients[::-1]


class Adam:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    def __init__(self, layers, rate):
        self.rate, self.step = rate, 0
        self.moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in layer] for layer in layers]

    def update(self, layers, gradients):
        self.step += 1
        correct = np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        for layer, gradient, moments in zip(layers, gradients, self.moments):
            for p, g, (first, second) in zip(layer, gradient, moments):
                first += 0.1 * (g - first)
                second += 0.001 * (g * g - second)
                if p.ndim == 2:
                    p *= 1 - self.rate * DECAY
                p -= np.float32(self.rate * correct) * first / (np.sqrt(second) + np.float32(1e-8))


def fit(net, x, classes, valid, valid_classes, *, rate, epochs, seed, batch=128, patience=10):
    """Fits in place and returns the epoch that was kept: the one with the least log loss on the validation rows. No other rows decide."""
    rng, adam = np.random.default_rng(seed), Adam(net.layers, rate)
    best, kept, layers = log_loss(net.logits(valid), valid_classes), 0, [(w.copy(), b.copy()) for w, b in net.layers]
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(x))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            adam.update(net.layers, net.gradients(x[rows], classes[rows], rng))
        loss = log_loss(net.logits(valid), valid_classes)
        if loss < best:
            best, kept, layers = loss, epoch, [(w.copy(), b.copy()) for w, b in net.layers]
        elif epoch - kept >= patience:
            break
    net.layers = layers
    return kept


class Committee:
    """Several perceptrons behind one scaler: their mean logits, divided by a temperature."""

    def __init__(self, scaler, nets):
        self.scaler, self.nets, self.temperature = scaler, nets, 1.0

    def logits(self, x):
        x = self.scaler(x)
        return sum(net.logits(x) for net in self.nets) / (len(self.nets) * self.temperature)

    def settle(self, x, classes):
        """The temperature with the least log loss on the validation rows, to a hundredth."""
        self.temperature = 1.0
        logits = self.logits(x)
        candidates = np.round(np.geomspace(0.2, 5.0, 162), 2)
        self.temperature = float(min(candidates, key=lambda t: log_loss(logits / t, classes)))


def softmax(logits):
    return np.exp(log_softmax(logits))
