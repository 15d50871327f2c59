"""A composed graph as a search space."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import keras_tuner
import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.auto_model.backbones import OWN, PRETRAINED
from kerasnas.auto_model.blocks import BackboneBlock, Merge
from kerasnas.auto_model.heads import Head
from kerasnas.auto_model.nodes import Node, walk
from kerasnas.auto_model.placed import InputShape
from kerasnas.data.stored import StoredRows
from kerasnas.problem import Form
from kerasnas.problem.heads import FittedHead
from kerasnas.spaces.recipes import Recipe, tabular_optimizer, tabular_recipe
from kerasnas.spaces.space import Space

_MOST_BUILDS = 100


class ComposedHyperModel(Space):
    """Builds the network of a graph: features of every input in, answers of every head out.

    Args:
        outputs: Heads by name of their answer.
        inputs: Fitted inputs by name.
        answers: Fitted heads by name of their answer.
        rows: Training rows, which set the default batch size.
        class_weights: Weight of each class by output, of mean 1 over the training rows, for some
            of several heads.
    """

    def __init__(
        self,
        outputs: Mapping[str, Node],
        inputs: Mapping[str, InputShape],
        answers: Mapping[str, FittedHead],
        rows: int,
        class_weights: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__()
        self.outputs = dict(outputs)
        self.inputs = dict(inputs)
        self.answers = dict(answers)
        self.rows = rows
        self.class_weights = dict(class_weights or {})
        self._alone: ComposedHyperModel | None = None

    def on_its_own(self, hp: keras_tuner.HyperParameters) -> Space:
        """The space with one row of every input."""
        if self._alone is None:
            inputs = {name: one.without_rows() for name, one in self.inputs.items()}
            self._alone = ComposedHyperModel(
                self.outputs, inputs, self.answers, self.rows, self.class_weights
            )
        return self._alone

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """The defaults; no pretrained networks; more dropout before the heads, gated merges."""
        known = self._defaults
        parts = {node.part for node in walk(list(self.outputs.values()))}
        dropped = _settled(known, [p.name for p in parts if isinstance(p, Head)], "dropout", 0.5)
        gated = _settled(
            known, [p.name for p in parts if isinstance(p, Merge)], "operation", "gated"
        )
        own = {
            name: value
            for part in parts
            if isinstance(part, BackboneBlock)
            for name, value in _settled(known, [part.name], "family", part.first).items()
        }
        found = [dict(known.values)]
        seen: list[dict[str, Any]] = []
        for given in (own, dropped, gated, {**dropped, **gated}):
            if given in seen or all(known.values.get(n) == value for n, value in given.items()):
                continue  # its build would find the same values again
            seen.append(given)
            hp = keras_tuner.HyperParameters()
            hp.values.update(given)
            self.build(hp)
            if dict(hp.values) not in found:
                found.append(dict(hp.values))
        return found

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model over features."""
        forms = dict(self.form(hp))
        sources = {n: _seen(n, one, forms[n]) for n, one in self.inputs.items()}
        tensors: dict[int, Any] = {}
        for node in walk(list(self.outputs.values())):
            if not node.parents:
                tensors[id(node)] = sources[node.part.name]
            elif node.kind != "answer":
                given = [tensors[id(p)] for p in node.parents]
                tensors[id(node)] = self._block(hp, node, given, forms)
        answers, losses, weights = {}, {}, {}
        for name, node in self.outputs.items():
            head: Head = node.part
            with hp.name_scope(head.name):
                settled = head.settings.on(hp)
                x = tensors[id(node.parents[0])]
                answer, losses[name] = head.build(settled, x, self.answers[name].width)
                weights[name] = head.weight(settled)
            if name in self.class_weights:
                losses[name] = _by_class(self.class_weights[name])
            answers[name] = keras.layers.Identity(name=name)(answer)
        optimizer = tabular_optimizer(hp)
        self.recipe(hp)
        if len(answers) == 1:
            (answer,), (loss,) = answers.values(), losses.values()
            model = keras.Model(sources, answer)
            model.compile(optimizer=optimizer, loss=loss)
        else:
            model = keras.Model(sources, answers)
            model.compile(optimizer=optimizer, loss=losses, loss_weights=weights)
        return model

    def form(self, hp: keras_tuner.HyperParameters) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """By input the forms that blocks take: `OWN`, `PRETRAINED` or both."""
        found: dict[str, set[str]] = {name: set() for name in self.inputs}
        for node in walk(list(self.outputs.values())):
            for source in (parent for parent in node.parents if not parent.parents):
                with hp.name_scope(node.part.name):
                    found[source.part.name].add(self._taken(node.part.settings.on(hp), node))
        return tuple((name, tuple(sorted(forms))) for name, forms in found.items())

    def front_sizes(self, hp: keras_tuner.HyperParameters) -> dict[str, float]:
        """What pretrained networks in front of the blocks add to the counts of the network."""
        used = [self.inputs[name].sizes for name, forms in self.form(hp) if PRETRAINED in forms]
        names = {name for sizes in used for name in sizes}
        return {name: sum(sizes.get(name, 0.0) for sizes in used) for name in names}

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        return tabular_recipe(hp, self.rows)

    def check_settings(self) -> None:
        """Says which settings of the user's no part has asked for.

        Raises:
            SearchSpaceError: If there are any, once every branch has been built.
        """
        parts = [n.part for n in walk(list(self.outputs.values())) if n.parents]
        hp = copy.deepcopy(self._defaults)
        for _ in range(_MOST_BUILDS):
            if not any(part.settings.open for part in parts):
                return
            asleep = [scope for scope in hp.inactive_scopes if scope not in hp.active_scopes]
            if not asleep:
                break
            for condition in asleep[0]:
                hp.values[condition.name] = condition.values[0]
            hp.active_scopes = []
            hp.inactive_scopes = asleep[1:]
            self.build(hp)
        for part in parts:
            part.settings.check()

    @cached_property
    def _defaults(self) -> keras_tuner.HyperParameters:
        """What a build declares where nothing is chosen yet."""
        hp = keras_tuner.HyperParameters()
        self.build(hp)
        return hp

    def _taken(self, settled: Any, node: Node) -> str:
        """The form that a block behind an input takes."""
        facts = self.inputs[node.parents[0].part.name].facts
        form: str = node.part.form(settled, bool(facts.get(PRETRAINED)))
        return form

    def _block(
        self,
        hp: Any,
        node: Node,
        parents: Sequence[Any],
        forms: Mapping[str, Sequence[str]],
    ) -> Any:
        with hp.name_scope(node.part.name):
            settled = node.part.settings.on(hp)
            if isinstance(node.part, Merge):
                return node.part.build(settled, parents)
            source, x = node.parents[0], parents[0]
            if source.parents:
                return node.part.build(settled, x, {})
            name = source.part.name
            x = x[self._taken(settled, node)] if len(forms[name]) > 1 else x
            return node.part.build(settled, x, self.inputs[name].facts)


def _by_class(class_weights: np.ndarray) -> Any:
    """The loss of a head of classes, each row with the weight of its class."""
    weights = class_weights.astype("float32")

    def weighted_log_loss(y_true: Any, y_pred: Any) -> Any:
        own = keras.ops.take(weights, keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"))
        return own * keras.losses.sparse_categorical_crossentropy(
            keras.ops.reshape(y_true, (-1,)), y_pred
        )

    return weighted_log_loss


def _settled(hp: Any, parts: Sequence[str], setting: str, value: Any) -> dict[str, Any]:
    """That value of a setting, in each part that leaves it open and offers the value."""
    names = {f"{part}/{setting}" for part in parts}
    return {
        p.name: value
        for p in hp.space
        if p.name in names
        and isinstance(p, keras_tuner.engine.hyperparameters.Choice)
        and value in p.values
    }


def _seen(name: str, one: InputShape, forms: Sequence[str]) -> Any:
    """The Keras inputs for the forms of an input that blocks take."""
    shapes = {OWN: one.form, PRETRAINED: Form(one.example, {})}
    if len(forms) == 1:
        return _source(name, shapes[forms[0]])
    return {form: _source(f"{name}_{form}", shapes[form]) for form in forms}


def _source(name: str, form: Form) -> Any:
    """The Keras inputs for one form of an input, in its structure."""

    def source(array: np.ndarray | StoredRows, key: str) -> Any:
        # Pixels are kept as bytes, and cast batch by batch.
        dtype = "float32" if array.dtype == np.uint8 else str(array.dtype)
        shape = array.shape[1:]
        if form.ragged:
            # As many steps as the longest row of a batch has; the front knows which axes these are.
            assert isinstance(form.front, FrontGraph)
            shape = form.front.model.output[key].shape[1:]
        return keras.Input(shape, dtype=dtype, name=f"{name}_{key}" if key else name)

    if isinstance(form.data, Mapping):
        return {key: source(array, key) for key, array in form.data.items()}
    return source(form.data, "")
