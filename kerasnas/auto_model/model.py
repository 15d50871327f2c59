"""`AutoModel`: a composed graph, fitted within a budget and saved as one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.utils.validation import check_is_fitted

from kerasnas.auto_model.answers import Answer, answer_of, decode
from kerasnas.auto_model.inputs import Input, Read
from kerasnas.auto_model.nodes import Node, check_graph
from kerasnas.auto_model.readers import InputsReader, by_name
from kerasnas.auto_model.space import ComposedHyperModel
from kerasnas.auto_model.task import ComposedTask, HeadRows, HeadTargets
from kerasnas.clock import Budget, Clock
from kerasnas.data import ClassTarget, MultiLabelTarget, check_same_length
from kerasnas.errors import SchemaError, SearchSpaceError
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.wanted import MEASURED
from kerasnas.objectives import Constraint, ObjectiveLike, parse_objectives
from kerasnas.problem import holdout
from kerasnas.problem.rows import (
    Validation,
    check_weights,
    joined_weights,
    parse_validation,
)
from kerasnas.progress import Verbose
from kerasnas.search import fingerprint


class AutoModel(Estimator):
    """Searches a network that you compose: inputs, blocks and heads, called like Keras layers.

    Args:
        inputs: The input, or all of them.
        outputs: The head, or heads by the name of their answer.
        objective: `val_loss` (the heads' losses, each free of its unit, weighed by their
            `loss_weight`), `val_OUTPUT_SCORE` of one head, a measure, or several of them.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        initial: Configurations to try first, as dicts of hyperparameters.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        seed: Seed of everything random; `None` draws one.
        verbose: As in `kerasnas.search`.

    Attributes:
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model: one flat dict of raw inputs in (`photo`, and `facts.age`
            for a column of a table), answers out, by name where there are several heads.

    Raises:
        SearchSpaceError: If the graph does not hold together, when it is composed.

    Example:
        >>> facts, extra = TabularInput(name="facts"), TensorInput(name="extra")
        >>> z = Merge()([TabularBlock()(facts), DenseBlock()(extra)])
        >>> auto = AutoModel([facts, extra], {"price": RegressionHead()(z)}, budget="20min")
    """

    reader_class = InputsReader
    target_classes = (HeadTargets,)

    def __init__(
        self,
        inputs: Input | Sequence[Input] = (),
        outputs: Node | Mapping[str, Node] | None = None,
        *,
        objective: ObjectiveLike | None = None,
        constraints: Sequence[Constraint] = (),
        oracle: Any = "auto",
        budget: Budget | str | float = "5min",
        initial: Sequence[Mapping[str, Any]] = (),
        directory: str | Path | None = None,
        seed: int | None = None,
        verbose: Verbose = "auto",
    ) -> None:
        super().__init__(
            objective=objective,
            constraints=constraints,
            oracle=oracle,
            budget=budget,
            initial=initial,
            directory=directory,
            seed=seed,
            verbose=verbose,
        )
        self.inputs = inputs
        self.outputs = outputs
        if outputs is not None:
            check_graph(self._sources, self._heads)

    @property
    def _sources(self) -> list[Input]:
        return [self.inputs] if isinstance(self.inputs, Input) else list(self.inputs)

    @property
    def _heads(self) -> dict[str, Node]:
        if isinstance(self.outputs, Mapping):
            return dict(self.outputs)
        return {"answer": self.outputs}  # type: ignore[dict-item]

    def fit(  # type: ignore[override]  # Keras-shaped: what `keras.Model.fit` returns
        self, x: Any, y: Any = None, **arguments: Any
    ) -> keras.callbacks.History:
        """Searches for the best network within the budget.

        Args:
            x: Raw data by name of the input; a list in the order of `inputs`; the data itself where
                there is one input.
            y: Targets by name of the output, likewise.
            **arguments: As in `TabularClassifier.fit`, but `class_weight`.

        Returns:
            The epochs of the best trial, as Keras's own `fit` tells them.

        Raises:
            SchemaError: If the data cannot be used; before any training.
            SearchFailedError: If no trial came to a good end.
        """
        if self.outputs is None:
            raise SearchSpaceError("`AutoModel` needs `inputs` and `outputs` to be fitted.")
        super().fit(x, y, **arguments)
        history = keras.callbacks.History()
        history.set_model(self.model_)
        history.on_train_begin()
        for step, metrics in self.result_.best_trial.reports:
            history.on_epoch_end(step, metrics)
        return history

    def predict(self, X: Any) -> Any:
        """Answers in the form of the targets: labels, numbers, quantiles; by output if several."""
        return self._by_output(X, decode)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classification heads, by output if several.

        Raises:
            SchemaError: If no head answers with classes.
        """
        kinds = (ClassTarget, MultiLabelTarget)
        check_is_fitted(self)
        if not any(isinstance(t, kinds) for t in self.fitted_.target.targets.values()):
            raise SchemaError("No output of this AutoModel answers with probabilities.")
        return self._by_output(X, lambda target, a: a if isinstance(target, kinds) else None)

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Scores of every head on other rows: `output_score`, without a prefix if there is one.

        A head with a loss of your own is scored only during `fit`.
        """
        answers = self._answer(X)
        targets = self.fitted_.target.targets
        given = by_name(y, list(targets), "AutoModel", "output")
        result: dict[str, float] = {}
        for name, target in targets.items():
            answer = answer_of(target)
            if answer is None:
                continue
            mine = np.asarray(answers[name] if len(targets) > 1 else answers)
            check_same_length(mine, given[name])
            weights = check_weights(sample_weight, len(mine), "sample_weight")
            scores = answer.scores(target.encode(given[name]), weights, mine)
            prefix = f"{name}_" if len(targets) > 1 else ""
            result.update({f"{prefix}{key}": value for key, value in scores.items()})
        return result

    def _by_output(self, x: Any, read: Callable[[Any, np.ndarray], Any]) -> Any:
        answers = self._answer(x)
        targets = self.fitted_.target.targets
        if len(targets) == 1:
            return read(next(iter(targets.values())), answers)
        found = {name: read(target, answers[name]) for name, target in targets.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _objectives(self) -> tuple[Any, ...]:
        known = [*self._score_names(), *MEASURED]
        return parse_objectives("val_loss" if self.objective is None else self.objective, known)

    def _score_names(self) -> list[str]:
        several = len(self._heads) > 1
        known = ["val_loss"]
        for output, node in self._heads.items():
            prefix = f"val_{output}_" if several else "val_"
            known += [f"{prefix}{name}" for name in node.part.scores]
        return known

    def _prepare(
        self,
        x: Any,
        y: Any,
        *,
        seed: int,
        clock: Clock,
        validation_data: Any,
        validation_split: float,
        sample_weight: Any,
        class_weight: Mapping[Any, float] | None,
        groups: Any,
        **_: Any,  # folds and calibration rows, which composed networks do not have yet
    ) -> Any:
        if class_weight is not None:
            raise SchemaError(
                "`class_weight` is for one output; give the head a `loss_weight`, or the rows a "
                "`sample_weight`."
            )
        sources, heads = self._sources, self._heads
        names = [source.name for source in sources]
        given = by_name(x, names, "AutoModel")
        targets = by_name(y, list(heads), "AutoModel", "output")
        validation = parse_validation(validation_data)
        further = {} if validation is None else by_name(validation.x, names, "AutoModel")
        answers = {name: node.part.fit(targets[name]) for name, node in heads.items()}
        read = {s.name: s.read(given[s.name], further.get(s.name)) for s in sources}
        rows = self._rows_of(
            answers, targets, read, validation, validation_split, sample_weight, groups, seed
        )
        fitted = {name: part.fit(rows.train) for name, part in read.items()}
        space = ComposedHyperModel(heads, fitted, answers, len(rows.train))
        space.check_settings()
        return ComposedTask(
            reader=InputsReader({name: part.reader for name, part in fitted.items()}),
            rows=rows,
            hypermodel=space,
            loss_weights={name: node.part.given_weight for name, node in heads.items()},
            identity={
                "inputs": names,
                "outputs": list(heads),
                "data": fingerprint(
                    {name: part.data for name, part in fitted.items()}, dict(rows.encoded)
                ),
            },
        )

    @staticmethod
    def _rows_of(
        answers: Mapping[str, Answer],
        targets: Mapping[str, Any],
        read: Mapping[str, Read],
        validation: Validation | None,
        share: float,
        sample_weight: Any,
        groups: Any,
        seed: int,
    ) -> HeadRows:
        """Encodes the targets of all heads and splits the rows, by the first head with classes."""
        encoded = {}
        for name, answer in answers.items():
            encoded[name] = answer.target.encode(targets[name])
            check_same_length(range(len(next(iter(encoded.values())))), encoded[name])
        count = len(next(iter(encoded.values())))
        weights = check_weights(sample_weight, count, "sample_weight")
        if validation is None:
            classes = [encoded[n] for n, a in answers.items() if isinstance(a.target, ClassTarget)]
            train, valid = holdout(
                count, share, seed=seed, classes=classes[0] if classes else None, groups=groups
            )
        else:
            extra = by_name(validation.y, list(answers), "AutoModel", "output")
            more = {name: answer.target.encode(extra[name]) for name, answer in answers.items()}
            encoded = {name: np.concatenate([encoded[name], more[name]]) for name in encoded}
            total = len(next(iter(encoded.values())))
            train, valid = np.arange(count), np.arange(count, total)
            weights = joined_weights(
                weights,
                check_weights(validation.weights, total - count, "validation_data[2]"),
                count,
                total - count,
            )
        total = len(train) + len(valid)
        wrong = [name for name, part in read.items() if part.rows != total]
        if wrong:
            raise SchemaError(
                f"Input `{wrong[0]}` has {read[wrong[0]].rows} rows, the targets have {total}."
            )
        return HeadRows(
            HeadTargets({name: answer.target for name, answer in answers.items()}),
            encoded,
            weights,
            train,
            valid,
        )
