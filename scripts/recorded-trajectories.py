#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes tests/frontend/recorded-trajectories.json: what optimizers, schedules and losses must compute. Needs numpy.

Everything here is written by hand from PyTorch's documented formulas, in double precision, with gradients derived
on paper: nothing of Rondo's is used, and nothing of PyTorch's. Tests compare what Rondo computes with the numbers.
"""
import json
import math
import pathlib

import numpy as np

STEPS = 25
RECORDED = [1, 2, 3, 10, 25]

# The data of the regression, in multiples of 1/64: exact in f32 too.
random = np.random.Generator(np.random.Philox(7))


def sixtyfourths(*shape):
    return random.integers(-96, 97, shape) / 64.0


BATCHES = [(sixtyfourths(5, 3), sixtyfourths(5, 2)) for _ in range(3)]
W0, B0 = sixtyfourths(3, 2), sixtyfourths(2)


def gradients(parameters, batch):
    """Of mean((x W + b - y)^2) with respect to W and b."""
    (W, b), (x, y) = parameters, batch
    slope = 2 * (x @ W + b - y) / y.size
    return [x.T @ slope, slope.sum(0)]


# Optimizers: each is a function (parameters, gradients, k) -> new parameters, which keeps what it must in itself; k
# counts updates from 0.


def sgd(rate, momentum=0.0, nesterov=False, weight_decay=0.0):
    velocity = {}

    def update(parameters, grads, k):
        new = []
        for i, (x, g) in enumerate(zip(parameters, grads)):
            g = g + weight_decay * x
            if momentum:
                velocity[i] = momentum * velocity[i] + g if i in velocity else g
                g = g + momentum * velocity[i] if nesterov else velocity[i]
            new.append(x - rate(k) * g)
        return new

    return update


def adam(rate, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0, decoupled=False):
    m, v = [0.0, 0.0], [0.0, 0.0]

    def update(parameters, grads, k):
        new, t = [], k + 1
        for i, (x, g) in enumerate(zip(parameters, grads)):
            if decoupled:
                x = x - rate(k) * weight_decay * x
            else:
                g = g + weight_decay * x
            m[i] = beta1 * m[i] + (1 - beta1) * g
            v[i] = beta2 * v[i] + (1 - beta2) * g**2
            m_hat, v_hat = m[i] / (1 - beta1**t), v[i] / (1 - beta2**t)
            new.append(x - rate(k) * m_hat / (np.sqrt(v_hat) + epsilon))
        return new

    return update


def rmsprop(rate, decay=0.99, epsilon=1e-8, momentum=0.0, centered=False, keras=False, weight_decay=0.0):
    s, a, v = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]

    def update(parameters, grads, k):
        new = []
        for i, (x, g) in enumerate(zip(parameters, grads)):
            g = g + weight_decay * x
            s[i] = decay * s[i] + (1 - decay) * g**2
            a[i] = decay * a[i] + (1 - decay) * g
            square = s[i] - a[i] ** 2 if centered else s[i]
            if keras:
                v[i] = momentum * v[i] + rate(k) * g / np.sqrt(square + epsilon)
                new.append(x - v[i])
            else:
                v[i] = momentum * v[i] + g / (np.sqrt(square) + epsilon)
                new.append(x - rate(k) * v[i])
        return new

    return update


def adagrad(rate, initial=0.0, epsilon=1e-10, weight_decay=0.0):
    s = [initial, initial]

    def update(parameters, grads, k):
        new = []
        for i, (x, g) in enumerate(zip(parameters, grads)):
            g = g + weight_decay * x
            s[i] = s[i] + g**2
            new.append(x - rate(k) * g / (np.sqrt(s[i]) + epsilon))
        return new

    return update


def clipped_by_value(limit, then):
    return lambda parameters, grads, k: then(parameters, [np.clip(g, -limit, limit) for g in grads], k)


def clipped_by_global_norm(max_norm, then):
    def update(parameters, grads, k):
        norm = math.sqrt(sum((g**2).sum() for g in grads))
        return then(parameters, [g * min(1.0, max_norm / (norm + 1e-6)) for g in grads], k)

    return update


def accumulated(batches, then):
    sums = [0.0, 0.0]

    def update(parameters, grads, call):
        for i, g in enumerate(grads):
            sums[i] = sums[i] + g
        if (call + 1) % batches:
            return parameters
        mean = [s / batches for s in sums]
        sums[:] = [0.0, 0.0]
        return then(parameters, mean, call // batches)

    return update


# Schedules: functions of the number of updates before.


def constant(rate):
    return lambda k: rate


def step_decay(rate, every, factor):
    return lambda k: rate * factor ** (k // every)


def exponential_decay(rate, every, factor):
    return lambda k: rate * factor ** (k / every)


def cosine_decay(rate, updates, last):
    return lambda k: last + (rate - last) * (1 + math.cos(math.pi * min(k / updates, 1))) / 2


def linear_warmup(updates, then, start=0.0):
    return lambda k: then(max(k - updates, 0)) * (start + (1 - start) * min(k / updates, 1))


SCHEDULES = {
    "constant": constant(0.25),
    "step": step_decay(0.5, 4, 0.5),
    "exponential": exponential_decay(0.5, 1, 0.9),
    "exponential every 5": exponential_decay(0.5, 5, 0.5),
    "cosine": cosine_decay(0.1, 20, 0.01),
    "warm-up": linear_warmup(10, constant(0.1)),
    "warm-up, cosine": linear_warmup(5, cosine_decay(0.1, 20, 0.0), 0.25),
    "warm-up, step": linear_warmup(3, step_decay(0.5, 4, 0.5)),
}

OPTIMIZERS = {
    "sgd": sgd(constant(0.1)),
    "sgd, momentum": sgd(constant(0.1), 0.75),
    "sgd, nesterov": sgd(constant(0.1), 0.75, nesterov=True),
    "sgd, weight decay": sgd(constant(0.1), 0.75, weight_decay=0.125),
    "sgd, all": sgd(constant(0.1), 0.75, nesterov=True, weight_decay=0.125),
    "sgd, scheduled": sgd(SCHEDULES["warm-up, cosine"], 0.75),
    "adam": adam(constant(0.05)),
    "adam, options": adam(constant(0.05), 0.8, 0.95, 0.125),
    "adam, weight decay": adam(constant(0.05), weight_decay=0.125),
    "adam, scheduled": adam(SCHEDULES["warm-up, step"]),
    "adamw": adam(constant(0.05), weight_decay=0.01, decoupled=True),
    "adamw, scheduled": adam(SCHEDULES["warm-up, step"], weight_decay=0.25, decoupled=True),
    "rmsprop": rmsprop(constant(0.02)),
    "rmsprop, options": rmsprop(constant(0.02), 0.9, 0.125, weight_decay=0.125),
    "rmsprop, momentum": rmsprop(constant(0.02), 0.9, momentum=0.5),
    "rmsprop, centered": rmsprop(constant(0.02), 0.9, 0.125, centered=True),
    "rmsprop, all": rmsprop(SCHEDULES["warm-up, step"], 0.9, 0.125, 0.5, True),
    "rmsprop, keras": rmsprop(constant(0.02), 0.9, 0.125, keras=True),
    "rmsprop, keras, momentum": rmsprop(SCHEDULES["warm-up, step"], 0.9, 1e-7, 0.5, keras=True),
    "rmsprop, keras, all": rmsprop(SCHEDULES["warm-up, step"], 0.9, 0.125, 0.5, True, True),
    "adagrad": adagrad(constant(0.1)),
    "adagrad, options": adagrad(constant(0.1), 0.5, 0.125, 0.125),
    "clipped by value": clipped_by_value(0.25, sgd(constant(0.1), 0.75)),
    "clipped by norm": clipped_by_global_norm(0.5, adam(constant(0.05))),
    "accumulated": accumulated(4, sgd(SCHEDULES["step"], 0.75)),
    "accumulated, clipped": accumulated(3, clipped_by_global_norm(0.5, adam(constant(0.05), weight_decay=0.125))),
}


def trajectory(update):
    """W and b, flat, after each recorded call."""
    parameters, seen = [W0, B0], []
    for step in range(STEPS):
        parameters = update(parameters, gradients(parameters, BATCHES[step % 3]), step)
        if step + 1 in RECORDED:
            seen.append(np.concatenate([p.ravel() for p in parameters]).tolist())
    return seen


# Losses: each gives its value and its gradient with respect to the first argument.

LOGITS = sixtyfourths(5, 4) * 2
LABELS = np.array([2, 0, 3, 3, 1])
CLASS_WEIGHTS = np.array([0.5, 1.25, 2.0, 0.75])
PREDICTION, TARGET = sixtyfourths(3, 4) * 2, sixtyfourths(3, 4)
TRUTH = np.array([[0, 1, 1, 0], [1, 0, 0.25, 1], [1, 1, 0, 0.5]])
POSITIVE_WEIGHTS = np.array([2.0, 0.5, 1.0, 3.0])


def cross_entropy(weights=np.ones(4), smoothing=0.0, ignored=None):
    """Each row costs sum_c share[c] * -log p[c]; p is the softmax of the row, and its slope p * sum(share) - share."""
    classes = LOGITS.shape[1]
    share = np.zeros_like(LOGITS)
    for i, label in enumerate(LABELS):
        if label != ignored:
            share[i] = smoothing / classes * weights
            share[i, label] += (1 - smoothing) * weights[label]
    share /= sum(weights[label] for label in LABELS if label != ignored)
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    return (share * -np.log(p)).sum(), p * share.sum(1, keepdims=True) - share


def l1():
    d = PREDICTION - TARGET
    return np.abs(d).mean(), np.sign(d) / d.size


def huber(delta):
    d = PREDICTION - TARGET
    inner = np.abs(d) <= delta
    value = np.where(inner, d**2 / 2, delta * (np.abs(d) - delta / 2))
    return value.mean(), np.where(inner, d, delta * np.sign(d)) / d.size


def smooth_l1(beta):
    value, slope = huber(beta)
    return value / beta, slope / beta


def mse():
    d = PREDICTION - TARGET
    return (d**2).mean(), 2 * d / d.size


def bce_with_logits(positive_weight=1.0):
    p = 1 / (1 + np.exp(-PREDICTION))
    value = -(positive_weight * TRUTH * np.log(p) + (1 - TRUTH) * np.log(1 - p))
    return value.mean(), ((1 - TRUTH) * p - positive_weight * TRUTH * (1 - p)) / p.size


LOSSES = {
    "cross_entropy": cross_entropy(),
    "cross_entropy, weights": cross_entropy(CLASS_WEIGHTS),
    "cross_entropy, smoothing": cross_entropy(smoothing=0.125),
    "cross_entropy, ignored": cross_entropy(ignored=3),
    "cross_entropy, weights, smoothing": cross_entropy(CLASS_WEIGHTS, 0.125),
    "cross_entropy, all": cross_entropy(CLASS_WEIGHTS, 0.125, 3),
    "mse": mse(),
    "l1": l1(),
    "huber": huber(1.0),
    "huber, narrow": huber(0.25),
    "smooth_l1": smooth_l1(1.0),
    "smooth_l1, narrow": smooth_l1(0.25),
    "smooth_l1, of 0": l1(),
    "bce_with_logits": bce_with_logits(),
    "bce_with_logits, weights": bce_with_logits(POSITIVE_WEIGHTS),
}


def lines(table):
    """An object with an entry a line."""
    rows = [f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in table.items()]
    return "{\n" + ",\n".join(rows) + "\n  }"


def main():
    def flat(array):
        return np.asarray(array, float).ravel().tolist()

    parts = {
        "regression": {"x": [flat(x) for x, _ in BATCHES], "y": [flat(y) for _, y in BATCHES],
                       "W": flat(W0), "b": flat(B0), "recorded": RECORDED},
        "optimizers": {name: trajectory(update) for name, update in OPTIMIZERS.items()},
        "schedules": {name: [rate(k) for k in range(30)] for name, rate in SCHEDULES.items()},
        "loss inputs": {"logits": flat(LOGITS), "labels": LABELS.tolist(), "class_weights": flat(CLASS_WEIGHTS),
                        "prediction": flat(PREDICTION), "target": flat(TARGET), "truth": flat(TRUTH),
                        "positive_weights": flat(POSITIVE_WEIGHTS)},
        "losses": {name: {"value": float(value), "gradient": flat(slope)} for name, (value, slope) in LOSSES.items()},
    }
    path = pathlib.Path(__file__).parent.parent / "tests/frontend/recorded-trajectories.json"
    path.write_text("{\n" + ",\n".join(f'  "{name}": {lines(part)}' for name, part in parts.items()) + "\n}\n")


if __name__ == "__main__":
    main()
