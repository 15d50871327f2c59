"""All cells in one network: a supernet whose cells share their weights.

Guo et al. 2020, "Single Path One-Shot Neural Architecture Search with Uniform Sampling": every step
trains one path, drawn uniformly; a cell is then judged with the weights it inherits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
import tensorflow as tf
from keras import layers

from kerasnas.clock import ENDLESS, Deadline, seconds_of
from kerasnas.spaces.architectures import CellHyperModel
from kerasnas.spaces.cell import EDGES, OPERATIONS, Cell
from kerasnas.spaces.recipes import rates

_DENSE = [Cell((name,) * len(EDGES)) for name in ("nor_conv_3x3", "nor_conv_1x1")]
_DECAY = 5e-4
_MOST_EPOCHS = 200
_CALIBRATION = 8  # batches from which a network's batch statistics are taken


class Supernet(keras.Model):
    """One network for all cells of a `CellHyperModel`.

    Batch statistics belong to a path, not to the supernet: judged paths use those of the batch.

    Args:
        hypermodel: The space; its filters and cells a stage must be single numbers.
    """

    def __init__(self, hypermodel: CellHyperModel) -> None:
        super().__init__(name="supernet")
        self.hypermodel = hypermodel
        found: dict[str, Any] = {}
        for cell in _DENSE:
            for layer in built(hypermodel, cell).layers:
                # Layers are named after their place, the same in all networks of the space.
                found.setdefault(layer.name, layer)
        self.network_layers = found
        self.built = True

    def build(self, input_shape: Any) -> None:
        """Nothing: the layers are built already."""

    def call(self, images: Any, path: Any = None, training: bool = True) -> Any:
        """Answers of the path that `path` describes.

        Args:
            images: Shape `(batch, height, width, channels)`.
            path: Place in `OPERATIONS` for each of `EDGES`, int32.
            training: Whether batch statistics are those of this batch.
        """
        at = self.network_layers
        space = self.hypermodel
        x = at["stem_conv"](tf.cast(images, "float32"))
        x = at["stem_norm"](x, training=training)
        for stage in range(space.stages):
            if stage:
                x = self._reduce(x, f"stage{stage}_reduce", training)
            for i in range(space.cells_per_stage[0]):
                x = self._cell(x, f"stage{stage}_cell{i}", path, training)
        x = tf.nn.relu(at["last_norm"](x, training=training))
        return at["probabilities"](at["pool"](x))

    def lend(self, network: keras.Model) -> keras.Model:
        """Gives a network of the space the weights of its path."""
        for layer in network.layers:
            if layer.weights:
                layer.set_weights(self.network_layers[layer.name].get_weights())
        return network

    def _cell(self, x: Any, name: str, path: Any, training: bool) -> Any:
        nodes = [x]
        for node in (1, 2, 3):
            brought = [
                self._edge(nodes[a], f"{name}_{a}_{b}", path[place], training)
                for place, (a, b) in enumerate(EDGES)
                if b == node
            ]
            nodes.append(tf.add_n(brought))
        return nodes[3]

    def _edge(self, x: Any, name: str, operation: Any, training: bool) -> Any:
        branches: dict[str, Callable[[], Any]] = {
            "none": lambda: tf.zeros_like(x),
            "skip_connect": lambda: tf.identity(x),
            "nor_conv_1x1": lambda: self._convolve(x, name, 1, training),
            "nor_conv_3x3": lambda: self._convolve(x, name, 3, training),
            "avg_pool_3x3": lambda: tf.nn.avg_pool2d(x, 3, 1, "SAME"),
        }
        return tf.switch_case(operation, [branches[name] for name in OPERATIONS])

    def _convolve(self, x: Any, name: str, kernel: int, training: bool) -> Any:
        at = self.network_layers
        x = at[f"{name}_conv{kernel}"](tf.nn.relu(x))
        return at[f"{name}_norm{kernel}"](x, training=training)

    def _reduce(self, x: Any, name: str, training: bool) -> Any:
        at = self.network_layers
        path = self._convolve(self._convolve(x, f"{name}_a", 3, training), f"{name}_b", 3, training)
        return path + at[f"{name}_short"](at[f"{name}_pool"](x))


def built(hypermodel: CellHyperModel, cell: Cell) -> keras.Model:
    """The compiled network of one cell."""
    hp = keras_tuner.HyperParameters()
    hp.values.update(cell.values())
    return hypermodel.build(hp)


def path_of(cell: Cell) -> np.ndarray:
    """A cell as places in `OPERATIONS`, int32 of shape `(6,)`."""
    return np.array([OPERATIONS.index(o) for o in cell.operations], "int32")


def drawn_paths(rng: np.random.Generator, steps: int, fair: bool = False) -> np.ndarray:
    """Random paths, int32 of shape `(steps, 6)`; see `PathTraining` for what is fair."""
    if not fair:
        return rng.integers(0, len(OPERATIONS), (steps, len(EDGES))).astype("int32")
    rounds = -(-steps // len(OPERATIONS))
    every = np.tile(np.arange(len(OPERATIONS), dtype="int32")[:, None], (rounds, 1, len(EDGES)))
    return rng.permuted(every, axis=1).reshape(-1, len(EDGES))[:steps]


class PathTraining:
    """Trains paths of a supernet, traced once however often it is used.

    Args:
        supernet: What to train.
        x: Images.
        y: Integer labels.
        batch_size: Images in a step.
        learning_rate: Peak of the learning rate.
        fair: Whether as many steps as there are operations train each operation of each edge once,
            in random order (the sampling of Chu et al. 2021, "FairNAS", with a step for each path);
            else all operations are drawn uniformly.
    """

    def __init__(
        self,
        supernet: Supernet,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 64,
        learning_rate: float = 0.05,
        fair: bool = False,
    ) -> None:
        self._fair = fair
        self._rows, self._rate = len(x), learning_rate
        self._batch = min(batch_size, len(x))
        self._steps = math.ceil(len(x) / self._batch)
        self._optimizer = keras.optimizers.SGD(
            learning_rate, momentum=0.9, nesterov=True, weight_decay=_DECAY, global_clipnorm=5.0
        )
        self._optimizer.build(supernet.trainable_variables)
        self._variables = [*supernet.variables, *self._optimizer.variables]
        self._first = [variable.numpy() for variable in self._variables]
        self._run = self._traced(supernet, tf.constant(x), tf.constant(y.astype("int32")))

    def reset(self) -> None:
        """Gives every weight and the optimiser the values that they had at first."""
        for variable, value in zip(self._variables, self._first, strict=True):
            variable.assign(value)

    def run(
        self,
        epochs: int | None = None,
        deadline: Deadline = ENDLESS,
        seed: int = 0,
        cell: Cell | None = None,
    ) -> int:
        """Trains along one cosine, one path a step.

        Args:
            epochs: Passes over the images; `None` takes as many as there is time for, at most
                200.
            deadline: When the training has to end, the tracing of its function included.
            seed: Seed of paths and of the order of images.
            cell: The path of every step; `None` draws each uniformly.

        Returns:
            Epochs that were run.
        """
        steps = self._steps
        if epochs is None:
            # A few steps for their time alone, at a rate of zero.
            still, probe = np.zeros(steps, "float32"), min(steps, 8)
            self._epoch(0, seed, cell, still, 1)
            took = seconds_of(lambda: self._epoch(0, seed, cell, still, probe))
            epochs = int(np.clip(deadline.left / (took / probe * steps), 1, _MOST_EPOCHS))
            self.reset()
        course = rates("cosine", steps * epochs).reshape(epochs, steps) * self._rate
        for epoch in range(epochs):
            self._epoch(epoch, seed, cell, course[epoch].astype("float32"), steps)
            if deadline.passed:
                return epoch + 1
        return epochs

    def _epoch(
        self, epoch: int, seed: int, cell: Cell | None, course: np.ndarray, stop: int
    ) -> None:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(self._rows).astype("int32")
        paths = drawn_paths(rng, self._steps, self._fair)
        if cell is not None:
            paths[:] = path_of(cell)
        self._run(*map(tf.constant, (order, course, paths)), tf.constant(stop))

    def _traced(self, supernet: Supernet, images: Any, labels: Any) -> Callable[..., None]:
        batch, optimizer = self._batch, self._optimizer
        variables = supernet.trainable_variables

        @tf.function(autograph=False)
        def run(order: Any, course: Any, paths: Any, stop: Any) -> None:
            def one_step(step: Any) -> Any:
                rows = order[step * batch : (step + 1) * batch]
                optimizer.learning_rate.assign(course[step])
                with tf.GradientTape() as tape:
                    answer = supernet(tf.gather(images, rows), path=paths[step])
                    truth = tf.gather(labels, rows)
                    loss = tf.reduce_mean(
                        keras.losses.sparse_categorical_crossentropy(truth, answer)
                    )
                optimizer.apply(tape.gradient(loss, variables), variables)
                return step + 1

            tf.while_loop(lambda s: s < stop, one_step, [tf.constant(0)], parallel_iterations=1)

        return run


def train_supernet(
    supernet: Supernet,
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int | None = None,
    deadline: Deadline = ENDLESS,
    batch_size: int = 64,
    learning_rate: float = 0.05,
    seed: int = 0,
) -> int:
    """Trains one uniformly drawn path a step; arguments as in `PathTraining`."""
    return PathTraining(supernet, x, y, batch_size, learning_rate).run(epochs, deadline, seed)


def path_scores(
    supernet: Supernet, x: np.ndarray, y: np.ndarray, batch_size: int = 512
) -> Callable[[Cell], dict[str, float]]:
    """A traced function from a cell to its `accuracy` and `log_loss` with inherited weights."""
    images, labels = tf.constant(x), np.asarray(y)
    # Batches of one size: the statistics of a small last one would say little.
    parts = np.array_split(np.arange(len(x)), max(1, round(len(x) / batch_size)))

    @tf.function(autograph=False)
    def run(part: Any, path: Any) -> Any:
        return supernet(part, path=path)

    def scores(cell: Cell) -> dict[str, float]:
        path = tf.constant(path_of(cell))
        answers = np.concatenate([run(tf.gather(images, p), path).numpy() for p in parts])
        true = answers[np.arange(len(labels)), labels]
        return {
            "accuracy": float((answers.argmax(axis=1) == labels).mean()),
            "log_loss": float(-np.log(np.maximum(true, 1e-7)).mean()),
        }

    return scores


def path_scorer(
    supernet: Supernet, x: np.ndarray, y: np.ndarray, batch_size: int = 512
) -> Callable[[Cell], float]:
    """A traced function from a cell to its accuracy with inherited weights."""
    scores = path_scores(supernet, x, y, batch_size)
    return lambda cell: scores(cell)["accuracy"]


def calibrate(network: keras.Model, x: np.ndarray, batch_size: int = 128) -> None:
    """Takes the batch statistics of a network from some images: exact means over the batches."""
    norms = [n for n in network.layers if isinstance(n, layers.BatchNormalization)]
    kept = [norm.momentum for norm in norms]
    parts: Sequence[np.ndarray] = [
        x[i : i + batch_size] for i in range(0, min(len(x), _CALIBRATION * batch_size), batch_size)
    ]
    for place, part in enumerate(parts):
        for norm in norms:
            norm.momentum = place / (place + 1)
        network(part, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
