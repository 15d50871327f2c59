"""An exported model and the one function that it is traced to."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas import artifact
from kerasnas.baselines import BaselineModel
from kerasnas.errors import AbsentError
from kerasnas.results.fusion import rows_for
from kerasnas.trial.answers import call
from kerasnas.trial.measure import latency_of


class TracedModel:
    """An exported model with its one traced function.

    Args:
        model: The model: raw data in, answers in the user's units out.
        blocks: The same model behind its concatenations, of a file with many columns. A model in
            memory is not cut there: Keras could not write it to a file afterwards.
    """

    def __init__(
        self,
        model: keras.Model | Callable[[], keras.Model],
        blocks: artifact.BlockModel | None = None,
    ) -> None:
        self._model = model
        self._blocks = blocks

    @classmethod
    def of_file(cls, file: artifact.KerasFile) -> TracedModel:
        """The model in a file; one of many columns is loaded whole when somebody asks for it."""
        blocks = file.blocks()
        return cls(file.model()) if blocks is None else cls(file.model, blocks)

    @cached_property
    def model(self) -> keras.Model:
        """The exported model."""
        return self._model if isinstance(self._model, keras.Model) else self._model()

    @cached_property
    def dtypes(self) -> Any:
        """The dtypes of the model's inputs, in their structure."""
        return artifact.input_dtypes(self.model)

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """Inputs by dtype, where each of them is one column; empty for all other models.

        An input costs 40 microseconds in every call: thirty columns of one row took longer to hand
        over than to answer. Columns of one dtype are handed over as one matrix.
        """
        inputs, groups = self.model.input, dict[str, list[str]]()
        if isinstance(inputs, dict) and all(t.shape == (None, 1) for t in inputs.values()):
            for name, dtype in self.dtypes.items():
                groups.setdefault(dtype, []).append(name)
        return groups

    @cached_property
    def _run(self) -> Callable[..., Any]:
        # The concrete function answers a row in half the time of the function around it, and
        # TensorFlow does not take the tracing of each new model for retracing and warn.
        if self._blocks is not None:
            traced = call(self._blocks.model)
        else:
            traced = self._by_matrix() if self._groups else call(self.model)
        run: Callable[..., Any] = traced.get_concrete_function()
        return run

    def _by_matrix(self) -> Any:
        """The model as a function of one matrix for each dtype of its columns."""
        groups = self._groups
        signature = [tf.TensorSpec((None, len(names)), dtype) for dtype, names in groups.items()]

        @tf.function(input_signature=signature, autograph=False)
        def run(*matrices: Any) -> Any:
            inputs: dict[str, Any] = {}
            for names, matrix in zip(groups.values(), matrices, strict=True):
                inputs.update(zip(names, tf.split(matrix, len(names), axis=1), strict=True))
            return self.model(inputs, training=False)

        return run

    def __call__(self, inputs: Any) -> Any:
        """Answers as arrays, in the structure of the model's output.

        Args:
            inputs: Arrays in the structure of the model's input.
        """
        if self._blocks is not None:
            answers = self._run(self._blocks.matrices(inputs))
        elif self._groups:
            matrices = (
                np.concatenate([np.asarray(inputs[name]).reshape(-1, 1) for name in names], axis=1)
                for names in self._groups.values()
            )
            answers = self._run(*map(tf.constant, matrices, self._groups))
        else:
            answers = self._run(artifact.as_inputs(inputs, self.dtypes))
        return keras.tree.map_structure(lambda answer: answer.numpy(), answers)

    def latency(self, inputs: Any) -> dict[str, float]:
        """Milliseconds of an answer to one row, `latency_ms` and `latency_p95_ms`.

        Args:
            inputs: As in a call, one row or more; the first is answered.
        """
        rows = inputs if self._blocks is not None else rows_for(self.model, inputs)
        row = keras.tree.map_structure(lambda t: t[:1], rows)
        return latency_of(lambda: self(row))


class AnsweringBaseline(TracedModel):
    """A baseline that is called as an exported model is. Its own model is the graph in front of it.

    Args:
        baseline: The fitted baseline.
    """

    def __init__(self, baseline: BaselineModel) -> None:
        super().__init__(baseline.front or _no_graph)
        self._baseline = baseline

    def __call__(self, inputs: Any) -> Any:
        """As `TracedModel`; inputs may hold more than graphs take."""
        data = None
        if self._baseline.front is not None:
            own = {k: inputs[k] for k in self.dtypes} if isinstance(self.dtypes, dict) else inputs
            data = super().__call__(own)
        return self._baseline.answer(inputs, data)


def _no_graph() -> keras.Model:
    raise AbsentError("This baseline has no graph.")
