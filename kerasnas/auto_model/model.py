"""`AutoModel`: a composed graph, fitted within a budget and saved as one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
from sklearn.utils.validation import check_is_fitted

from kerasnas.auto_model.blocks import settled_networks
from kerasnas.auto_model.inputs import InputNode
from kerasnas.auto_model.nodes import Node, check_graph
from kerasnas.auto_model.readers import InputsReader, by_name
from kerasnas.auto_model.space import ComposedHyperModel
from kerasnas.auto_model.task import composed_task
from kerasnas.clock import Clock
from kerasnas.data.dataset_parts import dataset_parts
from kerasnas.data.named_columns import Taken
from kerasnas.data.names import quoted
from kerasnas.errors import ObjectiveError, SchemaError, SearchSpaceError
from kerasnas.estimators.arguments import settle_calibration
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.objective_names import MEASURED
from kerasnas.estimators.task import Task
from kerasnas.objectives import parse_objectives
from kerasnas.problem.given import Given, Validation, parse_validation
from kerasnas.problem.heads import ClassHead, LabelsHead, OwnLossHead, ValueHead
from kerasnas.problem.heads.targets import HeadTargets
from kerasnas.problem.heads_scorer import LOSS
from kerasnas.problem.inputs import RawRows
from kerasnas.problem.rows import split_rows
from kerasnas.results.conformal import interval_of, labels_of


@dataclass(kw_only=True, eq=False, repr=False)
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
        ensemble: `"auto"` fuses the best trials into one graph, every output by itself, and uses it
            where it answers better than the best of them on rows that it was not chosen on; a
            number of members; the longest latency of one row, such as `"5ms"`; `False` uses the
            best trial.
        refit: Whether the best configuration is trained once more, on all rows, and answers. There
            is no ensemble then.
        folds: Number of parts of the rows, a splitter such as `TimeSeriesSplit(5)`, or pairs of
            indices. Each part is held out once, and a network is trained on
            the others. `"auto"` makes folds where the budget has time for that; `False` holds out
            `validation_split` once.
        intervals: Probability such as 0.9: rows are set apart, `predict_interval` or `predict_set`
            gives what holds the truth that often, for each `RegressionHead` and
            `ClassificationHead`, and the exported graph answers with it.
        initial: Configurations to try first, as dicts of hyperparameters.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: As in `kerasnas.search`.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes.

    Attributes:
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model: one flat dict of raw inputs in (`photo`, and `facts.age`
            for a column of a table), answers out, by name where there are several heads.

    Raises:
        SearchSpaceError: If the graph does not hold together, when it is composed.

    Examples:
        >>> facts, extra = TabularInput(name="facts"), TensorInput(name="extra")
        >>> z = Merge()([TabularBlock()(facts), DenseBlock()(extra)])
        >>> auto = AutoModel([facts, extra], {"price": RegressionHead()(z)}, budget="20min")
    """

    reader_class = InputsReader
    target_classes = (HeadTargets,)
    _fold_pace = 5.0  # a network of several inputs takes some times as long as one of a table

    inputs: InputNode | Sequence[InputNode] = field(default=(), kw_only=False)
    outputs: Node | Mapping[str, Node] | None = field(default=None, kw_only=False)
    folds: Any = "auto"
    space: str = field(default="auto", init=False)

    def __post_init__(self) -> None:
        if self.outputs is not None:
            check_graph(self._sources, self._heads)

    @property
    def _sources(self) -> list[InputNode]:
        if isinstance(self.inputs, InputNode):
            return [self.inputs]
        given = self.inputs.values() if isinstance(self.inputs, Mapping) else self.inputs
        return list(given)

    @property
    def _heads(self) -> dict[str, Node]:
        if isinstance(self.outputs, Mapping):
            return dict(self.outputs)
        if isinstance(self.outputs, list | tuple):
            raise SearchSpaceError(
                "`outputs` is a list of heads, whose answers would have no names. Write "
                '`outputs={"price": RegressionHead()(z), "kind": ClassificationHead()(z)}`.'
            )
        return {"answer": self.outputs}  # type: ignore[dict-item]

    def fit(  # type: ignore[override]  # Keras-shaped: what `keras.Model.fit` returns
        self, x: Any, y: Any = None, **arguments: Any
    ) -> keras.callbacks.History:
        """Searches for the best network within the budget.

        Args:
            x: Raw data by name of the input; a list in the order of `inputs`; the data itself where
                there is one input; data that come batch by batch, such as a `tf.data.Dataset`,
                which may hold targets and weights, and so may `validation_data`.
            y: Targets by name of the output, likewise.
            **arguments: As in `TabularClassifier.fit`; `class_weight` of
                several outputs is a dict by output, such as `{"kind": "balanced"}`.

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

    def predict(self, X: Any, *, model: str | None = None) -> Any:
        """Answers in the form of the targets: labels, numbers, quantiles; by output if several.

        Args:
            X: Inputs as in `fit`.
            model: Another row of the leaderboard to answer, such as `"0003"`.
        """
        fitted = self._answering(model)
        return fitted.decide(fitted.answer(X))

    def predict_interval(self, X: Any) -> Any:
        """Lower and upper ends, `(rows, 2)`, of what holds the true number as `intervals` says.

        Returns:
            An array; of several outputs one for each `RegressionHead` by output.

        Raises:
            SearchSpaceError: If `intervals` was not set, or no output answers with numbers.
        """
        return self._around(X, ValueHead, lambda outputs, name, head: interval_of(outputs, name))

    def predict_set(self, X: Any) -> Any:
        """The labels of each row among which the true one is, as often as `intervals` says.

        Returns:
            A list of arrays; of several outputs one for each `ClassificationHead` by output.

        Raises:
            SearchSpaceError: If `intervals` was not set, or no output answers with classes.
        """
        return self._around(
            X, ClassHead, lambda outputs, name, head: labels_of(outputs, head.target.classes_, name)
        )

    def predict_proba(self, X: Any, *, model: str | None = None) -> Any:
        """Probabilities of the classification heads, by output if several.

        Args:
            X: Inputs as in `fit`.
            model: Another row of the leaderboard to answer, such as `"0003"`.

        Raises:
            SchemaError: If no head answers with classes.
        """
        check_is_fitted(self)
        heads = self.fitted_.heads
        found = [name for name, h in heads.items() if isinstance(h, ClassHead | LabelsHead)]
        if not found:
            raise SchemaError("No output of this AutoModel answers with probabilities.")
        answers = self._answering(model).answer(X)
        return answers if len(heads) == 1 else {name: answers[name] for name in found}

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Scores of every head on other rows: `output_score`, without a prefix if there is one.

        A head with a loss of your own is scored only during `fit`.
        """
        return self._scores(X, y, sample_weight)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The objective on other rows, as `evaluate` counts it; takes what `evaluate` takes.

        Errors and losses are as they are: less is better. Of `val_loss` it is the sum of the
        losses of all heads, and with one head its first score, such as the RMSE.

        Raises:
            SearchSpaceError: If the objective is no score of rows that this model can give.
        """
        scores = self.evaluate(X, y, sample_weight)
        names = [one.name.removeprefix("val_") for one in self.fitted_.ranked_by]
        for name in names:
            if name in scores:
                return scores[name]
            if name == LOSS:
                return self._combined(scores)
        raise SearchSpaceError(
            f"No objective ({quoted(names)}) is a score of other rows. `evaluate` gives "
            f"{quoted(scores)}."
        )

    def _combined(self, scores: Mapping[str, float]) -> float:
        """The sum of the losses of all heads; of one head its first score."""
        origin, heads = self.fitted_.origin, list(self.fitted_.heads.values())
        if len(heads) == 1 and heads[0].scores[0] in scores:
            return scores[heads[0].scores[0]]
        if origin is None or origin.scorer is None:
            raise SearchSpaceError(
                "The objective is `val_loss`, a sum of losses free of the units of the targets, "
                "which no file keeps. `evaluate` gives the scores of every output."
            )
        return float(origin.scorer.combined(scores))

    def _unpacked(self, x: Any) -> Taken:
        """Inputs, targets and weights of data that come batch by batch."""
        return dataset_parts(x)

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Inputs as they are, and targets by output."""
        heads = self.fitted_.heads
        if isinstance(y, Mapping) and len(heads) > 1:
            # What is not scored need not be given.
            own = [name for name, head in heads.items() if isinstance(head, OwnLossHead)]
            y = {**dict.fromkeys(own, ()), **y}
        return x, by_name(y, list(heads), "AutoModel", "output")

    def _around(self, x: Any, kind: type, read: Callable[[Any, str, Any], Any]) -> Any:
        """Intervals or sets of the heads of a kind: `read` of all outputs, an output and a head."""
        outputs, heads = self._outputs(x), self.fitted_.heads
        found = {n: h for n, h in heads.items() if isinstance(h, kind) and h.calibrates}
        if not found:
            wanted = "RegressionHead" if kind is ValueHead else "ClassificationHead"
            raise SearchSpaceError(f"No output of this AutoModel is a `{wanted}`.")
        if len(heads) == 1:
            return read(outputs, "", next(iter(found.values())))
        return {name: read(outputs, name, head) for name, head in found.items()}

    def _sent(self) -> dict[str, Any]:
        """The graph, too: settings of blocks may be functions of the user."""
        return {**super()._sent(), "outputs": self.outputs}

    def _objectives(self) -> tuple[Any, ...]:
        known = [*self._score_names(), *MEASURED]
        found = parse_objectives("val_loss" if self.objective is None else self.objective, known)
        if any(one.metric is not None for one in found):
            raise ObjectiveError(
                "A metric of one's own is for estimators. The outputs of an AutoModel have the "
                f"scores {quoted(self._score_names())}; name one of these."
            )
        return found

    def _calibration(self, level: float | None) -> Callable[[int], int] | None:
        """Rows for the head that needs the most: an interval has two ends, a set has one."""
        if level is None:
            return None
        kinds = {node.part.around for node in self._heads.values()} - {""}
        if not kinds:
            raise SearchSpaceError(
                "`intervals` are for a `RegressionHead` or a `ClassificationHead`, and this "
                "AutoModel has neither. Pass `intervals=None`."
            )
        return settle_calibration(level, kinds == {"set"})

    def _score_names(self) -> list[str]:
        several = len(self._heads) > 1
        known = ["val_loss"]
        for output, node in self._heads.items():
            prefix = f"val_{output}_" if several else "val_"
            known += [f"{prefix}{name}" for name in node.part.scores]
        return known

    def _prepare(self, given: Given, clock: Clock) -> Task:
        sources, outputs = self._sources, self._heads
        names = [source.name for source in sources]
        data = by_name(given.x, names, "AutoModel")
        targets = by_name(given.y, list(outputs), "AutoModel", "output")
        validation = parse_validation(given.validation_data)
        further: Mapping[str, Any] = {}
        if validation is not None:
            further = by_name(validation.x, names, "AutoModel")
            apart = by_name(validation.y, list(outputs), "AutoModel", "output")
            validation = Validation(further, apart, validation.weights)
        if isinstance(given.sample_weight, Mapping):
            raise SchemaError(
                "`sample_weight` is one weight a row for all outputs together, received a dict "
                f"with {quoted(map(str, given.sample_weight))}. Pass one array; `loss_weight` of a "
                "head weighs its output."
            )
        only = list(outputs) if len(outputs) == 1 else None
        by_output: Any = given.class_weight
        if isinstance(by_output, Mapping) and list(by_output) == only:
            given = replace(given, class_weight=next(iter(by_output.values())))
        heads = {name: node.part.fit(targets[name]) for name, node in outputs.items()}
        read: dict[str, RawRows] = {}
        for source in sources:  # a comprehension is a frame more, and warnings count frames
            read[source.name] = source.read(data[source.name], further.get(source.name))
        count = len(next(iter(targets.values())))
        rows = split_rows(heads, replace(given, y=targets), count, validation)
        total = len(next(iter(rows.encoded.values())))
        for name, part in read.items():
            if part.total != total:
                raise SchemaError(
                    f"Input `{name}` has {part.total} rows, the targets have {total}."
                )
        asked = settled_networks(list(outputs.values()))
        inputs = {
            s.name: s.fit(read[s.name], rows.train, clock, asked.get(s.name)) for s in sources
        }
        by_class = {
            name: own / own[rows.encoded[name][rows.train]].mean()
            for name, own in rows.class_weights.items()
        }
        space = ComposedHyperModel(outputs, inputs, rows.heads, len(rows.train), by_class)
        space.check_settings()
        weights = {name: node.part.given_weight for name, node in outputs.items()}
        return composed_task(inputs, rows, space, weights)
