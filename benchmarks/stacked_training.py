"""Networks of folds one after the other, against all of them stacked in one program.

    python benchmarks/stacked_training.py --members 5 --widths 64 128 256

Every member is a multilayer perceptron of three hidden layers with its own rows, learning rate,
dropout, clip norm and last step. Stacked, weights have a leading axis of members; nothing else
differs, and the script first shows that both forms end with the same weights, in float64, where
rounding does not hide it. What is timed, in float32, is what a trial does: many steps inside one
TensorFlow function, batches gathered from data in memory. The seconds until the first step is done,
tracing and compiling, are told apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

FEATURES, ROWS = 30, 4000
BATCHES = {64: 32, 128: 64, 256: 256}
BETAS, EPSILON = (0.9, 0.999), 1e-7


@dataclass(frozen=True)
class Member:
    """What is a member's own, besides its rows and first weights."""

    rate: float
    dropout: float
    clip: float
    last: int
    seed: int


def members_of(count: int, last: int) -> list[Member]:
    """Members that differ in everything that may differ."""
    return [
        Member(1e-3 * (1 + i), 0.05 * (i % 3), 0.5 + i, last - 2 * i if last > 20 else last, i)
        for i in range(count)
    ]


def first_weights(width: int, seed: int) -> list[np.ndarray]:
    """Kernels and biases, in turn."""
    rng = np.random.default_rng(seed)
    sizes = [FEATURES, width, width, width, 1]
    weights = []
    for inputs, outputs in pairwise(sizes):
        weights.append(rng.normal(0, inputs**-0.5, (inputs, outputs)))
        weights.append(np.zeros((1, outputs)))
    return weights


def program(
    members: list[Member], width: int, batch: int, x: Any, y: Any, xla: bool
) -> tuple[Callable[[int], None], Callable[[], list[np.ndarray]]]:
    """Training of some members in one program; of one member the plain form without their axis.

    Args:
        members: Members.
        width: Units of a hidden layer.
        batch: Rows in a step.
        x: Features of all rows.
        y: Targets.
        xla: Whether to compile with XLA.

    Returns:
        What runs so many steps, and what gives the weights.
    """
    alone = len(members) == 1

    def joined(values: list[Any]) -> Any:
        return values[0] if alone else np.stack(values)

    own = [first_weights(width, m.seed) for m in members]
    weights = [tf.Variable(joined(list(parts)), dtype=x.dtype) for parts in zip(*own, strict=True)]
    moments = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in weights]
    done = tf.Variable(0)
    rows = [
        np.random.default_rng([m.seed, 1]).permutation(len(x))[: len(x) * 4 // 5] for m in members
    ]
    order = tf.constant(joined(rows), tf.int32)
    number = order.shape[-1]

    def per_member(values: list[float]) -> Any:
        return tf.constant(values[0] if alone else np.reshape(values, (-1, 1, 1)), x.dtype)

    rate, clip = per_member([m.rate for m in members]), per_member([m.clip for m in members])
    last = per_member([float(m.last) for m in members])

    def dropped(z: Any, step: Any, layer: int) -> Any:
        parts = []
        for i, member in enumerate(members):
            part = z if alone else z[i]
            if member.dropout:
                seed = tf.stack([member.seed * 10 + layer, step])
                kept = tf.random.stateless_uniform(tf.shape(part), seed) >= member.dropout
                part = tf.where(kept, part / (1 - member.dropout), tf.zeros_like(part))
            parts.append(part)
        return parts[0] if alone else tf.stack(parts)

    def one_step(step: Any) -> None:
        at = (tf.range(batch) + step * batch) % number
        picked = tf.gather(order, at, axis=-1)
        with tf.GradientTape() as tape:
            z = tf.gather(x, picked)
            for layer in range(0, len(weights), 2):
                z = tf.matmul(z, weights[layer]) + weights[layer + 1]
                if layer < len(weights) - 2:
                    z = dropped(tf.nn.relu(z), step, layer)
            # The sum over members: no member's gradient depends on another one.
            loss = tf.reduce_sum(tf.reduce_mean((z[..., 0] - tf.gather(y, picked)) ** 2, axis=-1))
        gradients = tape.gradient(loss, weights)
        axes = None if alone else [1, 2]
        squares = [tf.reduce_sum(g * g, axis=axes, keepdims=not alone) for g in gradients]
        norm = tf.sqrt(tf.add_n(squares))
        factor = clip / tf.maximum(norm, clip)  # of each member by itself
        count = tf.cast(step + 1, x.dtype)
        going = tf.cast(count <= last, x.dtype)
        scale = going * rate * tf.sqrt(1 - BETAS[1] ** count) / (1 - BETAS[0] ** count)
        for weight, gradient, (mean, square) in zip(weights, gradients, moments, strict=True):
            gradient = gradient * factor
            mean.assign(mean + (gradient - mean) * (1 - BETAS[0]))
            square.assign(square + (gradient * gradient - square) * (1 - BETAS[1]))
            weight.assign_sub(scale * mean / (tf.sqrt(square) + EPSILON))

    @tf.function(jit_compile=xla, autograph=False)
    def run(steps: Any) -> None:
        def body(step: Any) -> Any:
            one_step(step)
            return step + 1

        start = done.read_value()
        end = tf.while_loop(lambda s: s < start + steps, body, [start], parallel_iterations=1)[0]
        done.assign(end)

    return lambda steps: run(tf.constant(steps)), lambda: [w.numpy() for w in weights]


def together(width: int, count: int, x: Any, y: Any) -> float:
    """The largest difference of a weight between both forms after 40 steps."""
    members = members_of(count, 40)
    x, y = tf.cast(x, tf.float64), tf.cast(y, tf.float64)
    train, weights = program(members, width, 32, x, y, xla=False)
    train(40)
    stacked, gap = weights(), 0.0
    for i, member in enumerate(members):
        alone, own = program([member], width, 32, x, y, xla=False)
        alone(40)
        gap = max(gap, *(np.abs(a - b[i]).max() for a, b in zip(own(), stacked, strict=True)))
    return float(gap)


def timed(programs: list[Callable[[int], None]], steps: int, repeats: int) -> tuple[float, float]:
    """Seconds until every program has run one step, and milliseconds of a step of all of them."""
    begin = time.perf_counter()
    for train in programs:
        train(1)
    first = time.perf_counter() - begin
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for train in programs:
            train(steps)
        times.append((time.perf_counter() - begin) / steps * 1e3)
    return first, float(np.median(times))


def main() -> None:
    """Prints whether both forms agree, and a table of times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(ROWS, FEATURES)), tf.float32)
    y = tf.constant(np.sin(x[:, 0]) + x[:, 1] * x[:, 2], tf.float32)
    gap = together(64, given.members, x, y)
    print(f"largest difference of a weight after 40 steps: {gap:.1e}")
    print("| width, batch | form | first step s | ms per step of all members |")
    print("|---|---|---|---|")
    members = members_of(given.members, 20)
    members = [Member(m.rate, m.dropout, m.clip, 10**6, m.seed) for m in members]
    for width in given.widths:
        batch = BATCHES.get(width, 256)
        for xla in (False, True):
            forms = {
                "one after the other": [[m] for m in members],
                "stacked": [members],
            }
            for name, groups in forms.items():
                programs = [program(g, width, batch, x, y, xla)[0] for g in groups]
                first, pace = timed(programs, given.steps, given.repeats)
                form = f"{name}, XLA" if xla else name
                print(f"| {width}, {batch} | {form} | {first:.1f} | {pace:.2f} |", flush=True)


if __name__ == "__main__":
    main()
