"""The search space of texts as a keras-tuner hypermodel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers

from kerasnas.clock import Deadline, Purpose
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.texts.forms import Terms, Tokens
from kerasnas.preprocessing.texts.pieces import Pieces, Pooled
from kerasnas.spaces.backbones import Backbone
from kerasnas.spaces.backbones.family import (
    FROZEN,
    TUNED,
    backbone_form,
    backbone_recipe,
    fine_tuned,
    front_sizes,
    frozen_head,
    rows_at_once,
    solve_head,
)
from kerasnas.spaces.heads import classification_head, multilabel_head, regression_head
from kerasnas.spaces.method import Method, Solution, Solve, Steps
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.text import text_optimizer, text_recipe
from kerasnas.spaces.space import Space
from kerasnas.spaces.text_linear import linear_head, solve_terms
from kerasnas.spaces.text_readers import BAGS, READERS, OneShape, TextShape, bag, read

FAMILIES = ("linear", *BAGS, *READERS)
"""Families that learn from the texts alone; `backbone` joins them where there is a preset."""

TextForm = Terms | Tokens | Pieces | Pooled

_OF_TERMS = ("linear", *BAGS)
_RUNS = ["none", "1-3", "1-4", "2-4", "3-5", "2-6"]

# Known-good configurations, tried first. What they do not name takes the default of the space.
_PORTFOLIO: tuple[dict[str, Any], ...] = (
    {"family": "linear"},
    {"family": "linear", "linear_strength": 30.0},
    {"family": "linear", "linear_scaling": 1.0, "linear_strength": 1.0},
    {"family": "conv", "learning_rate": 3e-3},
    {"family": "linear", "characters": "none", "linear_strength": 30.0},
    {"family": "average", "learning_rate": 1e-2},
    {"family": "linear", "linear_strength": 2.0, "linear_scaling": 0.0},
    {"family": "recurrent", "learning_rate": 5e-3},
    {"family": "deep", "learning_rate": 5e-3},
    {"family": "linear", "fold_case": False},
    {"family": "conv", "token_level": "characters", "learning_rate": 3e-3},
    {"family": "transformer"},
)
_ON_BACKBONE: tuple[dict[str, Any], ...] = (
    {"family": "backbone", "backbone_pooling": "layers"},
    {"family": "backbone", "backbone_tuned": "all"},
    {"family": "backbone"},
)


class TextHyperModel(Space):
    """Networks over terms or tokens of texts, with their recipes.

    Args:
        shape: From the form of the texts to its sizes.
        classes: Number of classes or labels; `None` for regression.
        multilabel: Whether a text may have any number of labels.
        rows: Training rows, which set defaults; `None` when unknown.
        families: Which of `FAMILIES` to search.
        runs: Lengths of runs of characters to begin with, such as "3-5".
        vectors: Whether there are word vectors.
        level: Tokens to begin with, `words` or `characters`.
        backbone: A pretrained backbone, for the family `backbone`.
        piece_lengths: Most pieces of a text for the backbone, the first one to begin with.

    Raises:
        SearchSpaceError: If a family is unknown, or `backbone` is one and there is none.
    """

    def __init__(
        self,
        shape: Callable[[TextForm], TextShape],
        classes: int | None = None,
        *,
        multilabel: bool = False,
        rows: int | None = None,
        families: Sequence[str] = FAMILIES,
        runs: str = "3-5",
        vectors: bool = False,
        level: str = "words",
        backbone: Backbone | None = None,
        piece_lengths: Sequence[int] = (128,),
    ) -> None:
        super().__init__(name="text")
        known = [*FAMILIES, "backbone"]
        unknown = [f for f in families if f not in known]
        if unknown or not families:
            raise SearchSpaceError(
                f"`space` names {unknown or 'no family'}; expected some of {known}, "
                f'such as space=("linear", "conv").'
            )
        if "backbone" in families and backbone is None:
            raise SearchSpaceError(
                "The family 'backbone' needs a KerasHub preset in a local folder. Pass "
                '`backbone="path/to/preset"`, or leave the family out.'
            )
        self.shape = shape
        self.classes = classes
        self.multilabel = multilabel
        self.rows = rows
        self.families = tuple(families)
        self.runs = runs
        self.vectors = vectors
        self.level = level
        self.backbone = backbone
        self.piece_lengths = tuple(piece_lengths)
        self._alone: dict[TextForm, TextHyperModel] = {}

    def on_its_own(self, hp: keras_tuner.HyperParameters) -> Space:
        """The space with the shape of the one form in the place of all texts."""
        form = self.form(hp)
        if form not in self._alone:
            self._alone[form] = TextHyperModel(
                OneShape(self.shape(form)),
                self.classes,
                multilabel=self.multilabel,
                rows=self.rows,
                families=self.families,
                runs=self.runs,
                vectors=self.vectors,
                level=self.level,
                backbone=self.backbone,
                piece_lengths=self.piece_lengths,
            )
        return self._alone[form]

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first."""
        found = [dict(c) for c in _PORTFOLIO if c["family"] in self.families]
        found = [c for c in found if c.get("token_level") != self.level]
        if "backbone" not in self.families:
            return found
        first = 1 if found and found[0]["family"] == "linear" else 0
        return [*found[:first], *(dict(c) for c in _ON_BACKBONE), *found[first:]]

    def family(self, hp: keras_tuner.HyperParameters) -> str:
        """The family of these hyperparameters."""
        return str(hp.Choice("family", list(self.families), default=self.families[0]))

    def form(self, hp: keras_tuner.HyperParameters) -> TextForm:
        """The form of the texts that the network of these hyperparameters takes."""
        family = self.family(hp)
        if family == "backbone":
            with hp.conditional_scope("family", ["backbone"]):
                return backbone_form(hp, self.piece_lengths)
        of_terms = [f for f in self.families if f in _OF_TERMS]
        if family in of_terms:
            with hp.conditional_scope("family", of_terms):
                runs = hp.Choice("characters", _RUNS, default=self.runs)
                low, high = (0, 0) if runs == "none" else (int(n) for n in runs.split("-"))
                return Terms(
                    fold_case=hp.Boolean("fold_case", default=True),
                    words=hp.Int("words", 1, 3, default=2),
                    characters=tuple(range(low, high + 1)) if high else (),
                    vocabulary=int(
                        hp.Choice("terms", [20_000, 50_000, 100_000, 200_000], default=100_000)
                    ),
                )
        with hp.conditional_scope("family", [f for f in self.families if f in READERS]):
            level = hp.Choice("token_level", ["words", "characters"], default=self.level)
            return Tokens(
                fold_case=hp.Boolean("token_fold_case", default=True),
                level=level,
                vocabulary=int(
                    hp.Choice("tokens", [5_000, 10_000, 20_000, 50_000], default=20_000)
                ),
                share=float(hp.Choice("token_share", [0.8, 0.9, 0.95, 0.99], default=0.95)),
            )

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from one form of texts to probabilities or to one value."""
        return self._built(hp, self.shape(self.form(hp)))

    def sketch(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """As `build`, but over texts of no particular form: vocabularies take time to learn."""
        form = self.form(hp)
        if isinstance(form, Pieces | Pooled) and self.backbone is not None:
            length = 8 if isinstance(form, Pieces) else 0
            return self._on_backbone(hp, self.backbone.sketch(), TextShape(8, 1, 1, length))
        terms = isinstance(form, Terms)
        vectors = np.zeros((8, 8), "float32") if self.vectors and not terms else None
        return self._built(hp, TextShape(8, 1, 1, 0 if terms else 8, vectors))

    def _built(self, hp: keras_tuner.HyperParameters, shape: TextShape) -> keras.Model:
        family = self.family(hp)
        if family == "backbone" and self.backbone is not None:
            return self._on_backbone(hp, self.backbone, shape)
        self._announce(hp)
        if family == "linear":
            return linear_head(hp, shape.size, shape.style, self.classes, self.multilabel)
        if family in BAGS:
            inputs, x = bag(hp, family, shape)
        else:
            readers = [f for f in self.families if f in READERS]
            inputs, x = read(hp, family, shape, readers, self.vectors)
        if shape.style:
            x = layers.Concatenate()([x, inputs["style"]])
        with self._trained(hp):
            if self.classes is None:
                answer, loss = regression_head(hp, x)
            elif self.multilabel:
                answer, loss = multilabel_head(x, self.classes)
            else:
                answer, loss = classification_head(hp, x, self.classes)
            optimizer = text_optimizer(hp)
            text_recipe(hp, self.rows)
        model = keras.Model(inputs if shape.style else inputs["tokens"], answer)
        metrics = ["accuracy"] if self.classes is not None else []
        model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
        return model

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        if self.family(hp) == "linear":
            return Recipe(batch_size=128, schedule="cosine", patience=4, lengths=(4, 6, 10))
        if self.family(hp) == "backbone":
            self.form(hp)
            with self._tuned(hp):
                return backbone_recipe(hp, self.rows)
        with self._trained(hp):
            return text_recipe(hp, self.rows)

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """A solver for linear models, while there is time for it; gradient steps otherwise."""
        steps = Steps(self.recipe(hp))
        if self.family(hp) == "linear" or isinstance(self.form(hp), Pooled):
            # The held-out rows choose the penalty of a head on a backbone.
            unique = self.family(hp) == "linear"
            return Solve(partial(self.solve, hp), otherwise=steps, unique=unique)
        return steps

    def rows_at_once(self, hp: keras_tuner.HyperParameters) -> int | None:
        """A backbone that is trained holds much of each text."""
        form = self.form(hp)
        if not isinstance(form, Pieces) or self.backbone is None:
            return None
        return rows_at_once(self.backbone, self.shape(form).columns * form.length)

    def solve(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, deadline: Deadline
    ) -> Solution | None:
        """The solved linear model, of terms or on a backbone as it is.

        `None` where there is no time for it.

        Args:
            hp: Hyperparameters.
            view: A `problem.View` with weighted terms, or with vectors.
            seed: Not used: the problem has one solution.
            deadline: When the search ends.
        """
        family = self.family(hp)
        if family == "backbone" and isinstance(self.form(hp), Pooled):
            model = self.build(hp)
            solved = solve_head(hp, model, view, self.classes, deadline.allot(Purpose.SOLVE_TEXTS))
            return Solution(model) if solved else None
        model = self.build(hp)
        solved = solve_terms(hp, model, view, self.classes, deadline.allot(Purpose.SOLVE_TEXTS))
        return Solution(model) if solved else None

    def front_sizes(self, hp: keras_tuner.HyperParameters) -> dict[str, float]:
        """What a backbone that stays as it is adds to the counts of the network behind it."""
        form = self.form(hp)
        if not isinstance(form, Pooled) or self.backbone is None:
            return {}
        return front_sizes(self.backbone, self.shape(form).columns, form.length)

    def _announce(self, hp: keras_tuner.HyperParameters) -> None:
        """Names the scope of every family: keras-tuner then explores it."""
        for name in self.families:
            with hp.conditional_scope("family", [name]):
                pass

    def _trained(self, hp: keras_tuner.HyperParameters) -> Any:
        """The scope of what all families trained by steps have in common."""
        others = [f for f in self.families if f not in ("linear", "backbone")]
        return hp.conditional_scope("family", others)

    @contextmanager
    def _tuned(self, hp: keras_tuner.HyperParameters) -> Iterator[None]:
        """The scope of a backbone as it is, or of one that is trained."""
        chosen = [v for v in TUNED if (v == FROZEN) == (hp.get("backbone_tuned") == FROZEN)]
        with (
            hp.conditional_scope("family", ["backbone"]),
            hp.conditional_scope("backbone_tuned", chosen),
        ):
            yield

    def _on_backbone(
        self, hp: keras_tuner.HyperParameters, backbone: Backbone, shape: TextShape
    ) -> keras.Model:
        self._announce(hp)
        form = self.form(hp)
        kind = (self.classes, self.multilabel)
        with hp.conditional_scope("family", ["backbone"]):
            for values in ([FROZEN], [v for v in TUNED if v != FROZEN]):
                with hp.conditional_scope("backbone_tuned", values):
                    pass
        with self._tuned(hp):
            if isinstance(form, Pooled):
                model = frozen_head(hp, shape.size, shape.style, *kind)
            else:
                model = fine_tuned(hp, backbone, shape.columns, shape.length, shape.style, *kind)
            backbone_recipe(hp, self.rows)
        return model


def text(
    input_shape: tuple[int] | int,
    classes: int | None = None,
    *,
    vocabulary: int = 20_000,
    multilabel: bool = False,
    rows: int | None = None,
    families: Sequence[str] = tuple(READERS),
) -> TextHyperModel:
    """The search space of texts that are sequences of tokens, for any keras-tuner `Tuner`.

    Inputs are integers `(batch, length)` below `vocabulary`, 0 for padding, as
    `keras.layers.TextVectorization` gives them. `TextClassifier` searches raw texts.

    Args:
        input_shape: Tokens of a text, as an integer or a shape without the batch axis.
        classes: Number of classes, labels being integers; `None` for regression.
        vocabulary: Numbers that a token can have.
        multilabel: Whether targets are a 0/1 matrix with `classes` columns.
        rows: Training rows, which set the default batch size.
        families: Which of `conv`, `recurrent`, `transformer` to search.
    """
    length = input_shape[0] if isinstance(input_shape, Sequence) else input_shape
    unknown = [f for f in families if f not in READERS]
    if unknown:
        raise SearchSpaceError(
            f"`families` names {unknown}, which take no tokens; expected some of {list(READERS)}."
        )
    shape = TextShape(size=int(vocabulary), length=int(length))
    return TextHyperModel(
        OneShape(shape), classes, multilabel=multilabel, rows=rows, families=families
    )
