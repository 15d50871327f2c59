"""One step of several networks of equal structure, as one program.

Their variables have a leading axis of members. A step draws a batch for each member from its own
rows, and takes the gradients of all at once; an optimiser that moves every element by itself then
moves the whole stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.spaces.method import Training
from kerasnas.spaces.recipes import GroupedAdamW

_BY_ELEMENT = (
    keras.optimizers.SGD,
    keras.optimizers.Adam,
    keras.optimizers.AdamW,
    GroupedAdamW,
)
_NOT_HERE = ("use_ema", "clipnorm", "clipvalue", "gradient_accumulation_steps", "amsgrad")
_AT_ONCE = 1024  # rows of each member that are predicted in one call
_OWN = ("learning_rate", "global_clipnorm", "factors", "name")


class CannotStackError(Exception):
    """Some networks cannot be trained in one program; says why."""


class StackedStep:
    """The variables of all members, and the step that moves them.

    Args:
        trainings: Compiled models of one structure, with variables; the graph is that of the first.
        data: Inputs, targets and perhaps weights, with leading axes of members and of rows.
        rows: Rows of each member, shape `(members,)`; what follows them in `data` is not used.
        batch: Rows in a step.
        whole: Steps of an epoch in which all members have that many.
        network: What answers of the first model: itself, or another one with its variables.
        xla: Whether the whole steps are compiled with XLA.

    Raises:
        CannotStackError: If something about the networks or their optimisers does not allow it.
    """

    def __init__(
        self,
        trainings: Sequence[Training],
        data: Any,
        rows: np.ndarray,
        batch: int,
        whole: int,
        network: keras.Model,
        xla: bool = False,
    ) -> None:
        models = [training.model for training in trainings]
        _check(models)
        self._form, self._models = models[0], models
        self._data, self._rows = data, tf.constant(rows, "int32")
        self._batch, self._whole = batch, whole
        form = self._form
        own = [[np.array(v.numpy()) for v in model.variables] for model in models]
        self._first = [np.stack(parts) for parts in zip(*own, strict=True)]
        trained = {id(v) for v in form.trainable_variables}
        self._variables = [
            keras.Variable(value, dtype=v.dtype, name=f"stacked_{i}")
            if id(v) in trained
            else tf.Variable(value)
            for i, (v, value) in enumerate(zip(form.variables, self._first, strict=True))
        ]
        by_own = {id(v): s for v, s in zip(form.variables, self._variables, strict=True)}
        self._trained = [by_own[id(v)] for v in form.trainable_variables]
        self._states = [by_own[id(v)] for v in form.non_trainable_variables]
        self._optimizer = _stacked_optimizer(form, self._trained)
        self._slots = [np.array(v.numpy()) for v in self._optimizer.variables]
        self._clip = [m.optimizer.global_clipnorm for m in models]
        self._moved: list[int] = []
        self._loss = tf.Variable(np.zeros(len(models), "float32"))
        self._turned = [self._place(by_own, v) for v, _ in trainings[0].pacing.courses]
        self._run_whole = self._traced(self._at_once, xla)
        self._run_rest = self._traced(self._in_turn, False)
        self._shared = [(v, by_own[id(v)]) for v in network.variables if id(v) in by_own]
        self._answer = self._answering(network)

    def run(self, order: Any, start: Any, stop: Any, rates: Any, done: Any) -> None:
        """Runs steps of an epoch.

        Args:
            order: Rows in the order of the epoch, int32 of shape `(members, rows)`.
            start: The first step.
            stop: The step after the last one.
            rates: Learning rate and courses, of shape `(steps, 1 + courses, members)`.
            done: Steps before those of this epoch.
        """
        tensors = tf.nest.flatten(self._data)
        whole = min(int(stop), self._whole)
        if start < whole:
            self._run_whole(order, start, tf.constant(whole), rates, done, *tensors)
        if stop > whole:
            self._run_rest(order, tf.constant(max(int(start), whole)), stop, rates, done, *tensors)

    def answers(self, x: Any) -> Any:
        """What each member answers with its present weights.

        Args:
            x: Inputs with leading axes of members and of rows.
        """
        tensors = tf.nest.flatten(x)
        parts = []
        for start in range(0, int(tensors[0].shape[1]), _AT_ONCE):
            part = tf.nest.map_structure(lambda a, s=start: a[:, s : s + _AT_ONCE], x)
            parts.append(self._answer(part))
        return tf.nest.map_structure(lambda *a: np.concatenate(a, axis=1), *parts)

    def losses(self) -> np.ndarray:
        """Sum over rows of the loss of each member since this was last asked."""
        value = self._loss.numpy()
        self._loss.assign(np.zeros_like(value))
        return np.array(value)

    def values(self) -> list[np.ndarray]:
        """Values of the models' variables, with a leading axis of members."""
        return [np.array(v.numpy()) for v in self._variables]

    def reset(self) -> None:
        """Goes back to before the first step."""
        for variable, value in zip(self._variables, self._first, strict=True):
            variable.assign(value)
        for variable, value in zip(self._optimizer.variables, self._slots, strict=True):
            variable.assign(value)
        self.losses()

    def _place(self, by_own: dict[int, Any], variable: Any) -> Any:
        """What stands for a variable that is turned from step to step."""
        if id(variable) in by_own:
            return by_own[id(variable)]
        own = self._form.optimizer
        if isinstance(own, GroupedAdamW) and variable is own.decay_share:
            return self._optimizer.decay_share
        raise CannotStackError("something that is turned in training belongs to no network")

    def _traced(self, gradients: Callable[..., Any], xla: bool) -> Callable[..., None]:
        members, form = len(self._models), self._data
        whole = tf.TensorSpec((), "int32")
        signature = [
            tf.TensorSpec((members, None), "int32"),
            whole,
            whole,
            tf.TensorSpec((None, 1 + len(self._turned), members), keras.config.floatx()),
            whole,
            *(tf.TensorSpec((members, None, *a.shape[2:]), a.dtype) for a in tf.nest.flatten(form)),
        ]
        form = tf.nest.map_structure(lambda _: 0, form)

        @tf.function(input_signature=signature, autograph=False, jit_compile=xla)
        def run_steps(
            order: Any, start: Any, stop: Any, rates: Any, done: Any, *tensors: Any
        ) -> None:
            data = tf.nest.pack_sequence_as(form, tensors)

            def one_step(step: Any) -> Any:
                turned = tf.gather(rates, done + step)  # XLA compiles anew for each slice
                for i, variable in enumerate(self._turned):
                    value = tf.cast(turned[1 + i], variable.dtype)
                    # One optimiser moves all: its courses are the same for every member.
                    variable.assign(value if len(variable.shape) else value[0])
                self._move(turned[0], *gradients(order, step, data))
                return step + 1

            tf.while_loop(lambda step: step < stop, one_step, [start], parallel_iterations=1)

        return run_steps

    def _answering(self, network: keras.Model) -> Callable[[Any], Any]:
        own = [variable for variable, _ in self._shared]

        def one(given: tuple[Any, Any]) -> Any:
            values, x = given
            with keras.StatelessScope(state_mapping=list(zip(own, values, strict=True))):
                return network(x, training=False)

        @tf.function(autograph=False, reduce_retracing=True)
        def answer(x: Any) -> Any:
            values = [tf.convert_to_tensor(stacked) for _, stacked in self._shared]
            return tf.vectorized_map(one, (values, x), warn=False)

        return answer

    def _at_once(self, order: Any, step: Any, data: Any) -> tuple[Any, Any, Any, Any]:
        """Gradients, states and losses of all members in one go, each of a whole batch."""
        members, batch = len(self._models), self._batch
        rows = tf.slice(order, [0, step * batch], [members, batch])
        trained = [tf.convert_to_tensor(v) for v in self._trained]
        states = [tf.convert_to_tensor(v) for v in self._states]
        # Random masks are drawn in a loop over members, of which TensorFlow would warn.
        of_all = tf.vectorized_map(
            lambda given: self._gradients(*given), (trained, states, rows, data), warn=False
        )
        return *of_all, tf.fill([members], batch)

    def _in_turn(self, order: Any, step: Any, data: Any) -> tuple[Any, Any, Any, Any]:
        """The same, one member after the other: their last batches differ in size."""
        start = step * self._batch
        stops = tf.minimum(self._rows, start + self._batch)

        def one(member: Any) -> Any:
            rows = order[member, start : stops[member]]
            trained = [tf.convert_to_tensor(v)[member] for v in self._trained]
            states = [tf.convert_to_tensor(v)[member] for v in self._states]
            own = tf.nest.map_structure(lambda a: a[member], data)
            return self._gradients(trained, states, rows, own)

        def form_of(variable: Any) -> tf.TensorSpec:
            return tf.TensorSpec(variable.shape[1:], variable.dtype)

        form = (
            [form_of(self._trained[i]) for i in self._moved],
            [form_of(v) for v in self._states],
            tf.TensorSpec((), self._trained[0].dtype),
        )
        members = tf.range(len(self._models))
        return *tf.map_fn(one, members, form, parallel_iterations=1), stops - start

    def _gradients(self, trained: Any, states: Any, rows: Any, data: Any) -> tuple[Any, Any, Any]:
        """Gradients of one member, the states after its step, and its loss."""
        model = self._form
        x, y, *rest = tf.nest.map_structure(lambda a: tf.gather(a, rows), data)
        weight = rest[0] if rest else None
        mapping = list(zip(model.trainable_variables, trained, strict=True))
        with tf.GradientTape() as tape:
            tape.watch(trained)
            answer, states = model.stateless_call(trained, states, x, training=True)
            with keras.StatelessScope(state_mapping=mapping):
                loss = model.compute_loss(x, y, answer, weight, training=True)
        gradients = tape.gradient(loss, trained)
        if any(isinstance(g, tf.IndexedSlices) for g in gradients):
            # Keras's optimisers square what comes of each row of a batch, not the sum over rows.
            raise CannotStackError("gradients of embeddings are sparse")
        if any(_misplaced(op) for op in tf.compat.v1.get_default_graph().get_operations()):
            raise CannotStackError("a bias along an inner axis, which TensorFlow would misplace")
        self._moved = [i for i, g in enumerate(gradients) if g is not None]
        return [gradients[i] for i in self._moved], states, loss

    def _move(self, rate: Any, gradients: Any, states: Any, losses: Any, sizes: Any) -> None:
        """Moves all variables by one step, as `keras.optimizers.Optimizer.apply` moves one's."""
        optimizer, model = self._optimizer, self._form
        for variable, state in zip(self._states, states, strict=True):
            variable.assign(state)
        gradients = _clipped(gradients, self._clip)
        decay = optimizer.weight_decay
        own = [model.trainable_variables[i] for i in self._moved]
        stacked = [self._trained[i] for i in self._moved]
        for variable, theirs, gradient in zip(stacked, own, gradients, strict=True):
            each = _beside(tf.cast(rate, variable.dtype), variable)
            if decay is not None and model.optimizer._use_weight_decay(theirs):
                share = tf.cast(decay, variable.dtype)
                variable.assign(variable - variable * share * each)
            optimizer.update_step(gradient, variable, each)
        optimizer.iterations.assign_add(1)
        self._loss.assign_add(tf.cast(losses, "float32") * tf.cast(sizes, "float32"))


def _misplaced(op: Any) -> bool:
    """Whether `tf.vectorized_map` adds a bias along the wrong axis: it takes all for images."""
    inner = op.type == "BiasAdd" and op.get_attr("data_format") == b"NCHW"
    return inner and op.inputs[0].shape.rank != 4


def _check(models: Sequence[keras.Model]) -> None:
    """Raises where stacked networks would not be trained as each is alone."""
    first = models[0].optimizer
    if type(first) not in _BY_ELEMENT:
        raise CannotStackError(f"{type(first).__name__} is not known to move elements one by one")
    config = first.get_config()
    if any(config.get(name) for name in _NOT_HERE):
        raise CannotStackError("something of the optimiser is not kept by member")
    configs = [_shared(model.optimizer) for model in models]
    if any(type(m.optimizer) is not type(first) for m in models) or configs != configs[:1] * len(
        models
    ):
        raise CannotStackError("the optimisers differ in more than learning rate and clip norm")
    if len({m.optimizer.global_clipnorm is None for m in models}) > 1:
        raise CannotStackError("some networks have a clip norm and others do not")
    if any(model.losses for model in models):
        raise CannotStackError("layers add losses of their own")


def _shared(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """What the optimisers of all members must have in common."""
    return {k: v for k, v in optimizer.get_config().items() if k not in _OWN}


def _stacked_optimizer(model: keras.Model, variables: Sequence[Any]) -> Any:
    """An optimiser like that of the model; only `update_step` is called of it."""
    config = model.optimizer.get_config()
    if isinstance(model.optimizer, GroupedAdamW):
        pairs = zip(model.trainable_variables, variables, strict=True)
        factors = model.optimizer.factors
        config["factors"] = {s.path: factors[v.path] for v, s in pairs if v.path in factors}
    optimizer = type(model.optimizer).from_config(config)
    optimizer.build(list(variables))
    return optimizer


def _beside(values: Any, stacked: Any) -> Any:
    """Values of members, to be multiplied with something stacked."""
    return tf.reshape(values, [-1] + [1] * (len(stacked.shape) - 1))


def _clipped(gradients: Sequence[Any], norms: Sequence[float | None]) -> list[Any]:
    """Gradients of each member, cut to its global norm."""
    if norms[0] is None:
        return list(gradients)
    squares = [tf.reduce_sum(tf.square(g), axis=list(range(1, len(g.shape)))) for g in gradients]
    norm = tf.sqrt(tf.add_n(squares))
    most = tf.constant(norms, norm.dtype)
    factor = tf.where(norm > most, most / norm, tf.ones_like(norm))
    return [g * _beside(factor, g) for g in gradients]
