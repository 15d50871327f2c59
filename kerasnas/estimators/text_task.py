"""From texts of any kind to the task that trials train on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnas import artifact, assembly
from kerasnas.baselines import Baselines
from kerasnas.baselines.texts import text_baselines
from kerasnas.clock import Clock, Purpose
from kerasnas.data import check_same_length
from kerasnas.data.documents import Documents, split_documents, to_documents
from kerasnas.data.texts import TextReader, fit_text_reader, lengths_of
from kerasnas.data.word_vectors import WordVectors, read_word_vectors
from kerasnas.errors import SchemaError
from kerasnas.estimators.feature_cache import FeatureCache, remembered
from kerasnas.estimators.task import Task
from kerasnas.estimators.text_budget import Room, kept, room_for
from kerasnas.journal import begun_in
from kerasnas.preprocessing.texts.forms import Front, Terms, fit_terms, fit_tokens
from kerasnas.preprocessing.texts.pieces import Pieces, Pooled, fit_pieces, usual_lengths
from kerasnas.preprocessing.texts.script import usual_runs
from kerasnas.problem import Features, Problem
from kerasnas.problem.rows import Rows, Validation, fit_target, parse_validation, settle_rows
from kerasnas.searching import fingerprint
from kerasnas.spaces.backbones import Backbone
from kerasnas.spaces.backbones.family import rows_at_once
from kerasnas.spaces.backbones.features import Frozen, pooled_front, side_by_side
from kerasnas.spaces.text import Form, TextHyperModel
from kerasnas.spaces.text_readers import TextShape
from kerasnas.trial.measure import latency

_KEPT = 3  # graphs that are kept
_LONGEST = (200, 20_000)  # characters of a text to look at, at least and at most
_WORD = re.compile(r"\w+(?:['’]\w+)*")


class TextForms:
    """All texts in the forms that trials ask for, the last few kept.

    Args:
        reader: The columns.
        documents: All texts.
        train: Indices of the training rows.
        vectors: Pretrained vectors of words.
        clock: The clock of the fit.
        backbone: A pretrained backbone.
    """

    def __init__(
        self,
        reader: TextReader,
        documents: Documents,
        train: np.ndarray,
        vectors: WordVectors | None,
        clock: Clock,
        backbone: Backbone | None = None,
    ) -> None:
        self.reader = reader
        self.documents = documents
        self.vectors = vectors
        self.clock = clock
        self.backbone = backbone
        self._frozen = None if backbone is None else Frozen(backbone)
        self._pieces: dict[Pieces, dict[str, np.ndarray]] = {}
        self._pooled: dict[int, dict[str, np.ndarray]] = {}
        self._learnt = {name: texts[train] for name, texts in documents.columns.items()}
        self._fronts: dict[Form, Front] = {}
        self._features = FeatureCache(self._made, clock, "texts")

    def front(self, form: Form) -> Front:
        """The graph, fitted on the training rows."""
        return remembered(self._fronts, form, self._fitted, _KEPT)

    def shape(self, form: Form) -> TextShape:
        """What a network has to know of a form."""
        front = self.front(form)
        return TextShape(front.size, front.style, front.columns, front.length, front.vectors)

    def features(self, form: Form) -> Features:
        """All rows in a form, and the way back to raw texts.

        Raises:
            OutOfTime: If there is no time to make one more form and to train on it.
        """
        if isinstance(form, Pieces) and self._frozen is not None:
            # Training a backbone takes so long that it must not begin where there is no time.
            tokens = self._tokens(form)["tokens"].reshape(-1, form.length)
            self._frozen.check_training(tokens, self.clock.allot(Purpose.FORM))
        # What a backbone makes of texts keeps its own time.
        return self._features(form, timed=not isinstance(form, Pooled))

    def _fitted(self, form: Form) -> Front:
        longest = self.reader.longest
        if isinstance(form, Pieces | Pooled):
            assert self.backbone and self._frozen, "forms of pieces belong to a backbone"
            if isinstance(form, Pieces):
                return fit_pieces(form, self._learnt, longest, self.backbone.rules)
            network = self._frozen.network
            return pooled_front(self.front(form.pieces), self.backbone, network, form.pooling)
        if isinstance(form, Terms):
            return fit_terms(form, self._learnt, longest, rows=len(self.documents))
        return fit_tokens(form, self._learnt, longest, self.vectors)

    def _made(self, form: Form) -> Features:
        front = self.front(form)
        one = keras.tree.map_structure(lambda a: a[:1], self.reader.probe())
        one = artifact.as_inputs(one, artifact.input_dtypes(front.model))

        def assemble(network: keras.Model, units: Any) -> keras.Model:
            with warnings.catch_warnings():
                # A column whose name is no name for a layer: the dict is matched by its keys.
                warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
                return assembly.join(front.model, network, units)

        if isinstance(form, Pooled):
            data = self._vectors(form)
        elif isinstance(form, Pieces):
            data = self._tokens(form)
        else:
            data = front.transform(self.documents.columns)
        return Features(
            data=data,
            assemble=assemble,
            latency_ms=cache(lambda: latency(front.model, one)["latency_ms"]),
        )

    def _tokens(self, form: Pieces) -> dict[str, np.ndarray]:
        """All rows in pieces."""
        if form not in self._pieces:
            self._pieces = {form: self.front(form).transform(self.documents.columns)}
        return self._pieces[form]

    def _vectors(self, form: Pooled) -> dict[str, np.ndarray]:
        """What the backbone makes of all rows: computed once for each length, for all trials."""
        assert self._frozen is not None, "forms of pieces belong to a backbone"
        found = self._tokens(form.pieces)
        if form.length not in self._pooled:
            tokens = found["tokens"].reshape(-1, form.length)
            until = self.clock.allot(Purpose.FORM)
            self._pooled = {form.length: self._frozen.vectors(tokens, until)}
        columns = len(self.documents.columns)
        vectors = side_by_side(self._pooled[form.length][form.pooling], columns)
        return {"vectors": vectors, "style": found["style"]}


def prepare_texts(
    x: Any,
    y: Any,
    *,
    classify: bool,
    seed: int,
    families: Sequence[str],
    clock: Clock,
    directory: str | Path | None = None,
    word_vectors: str | Path | None = None,
    backbone: Backbone | None = None,
    validation_data: Any = None,
    **split: Any,
) -> Task:
    """Checks everything that can be wrong with texts, before any training.

    Args:
        x: Texts of any kind that `data.documents.split_documents` takes.
        y: Targets, the name of a column, or `None` where `x` holds them.
        classify: Whether targets are classes.
        seed: Seed of the split.
        families: Families to search.
        clock: The clock of the fit: of more texts than it has time for some are left out.
        directory: Where a search may have begun, which goes on with the texts that it had time for.
        word_vectors: File of pretrained word vectors.
        backbone: Pretrained backbone, for the family `backbone`.
        validation_data: `(x, y)` or `(x, y, weights)`; without it rows are held out.
        **split: Further arguments of `settle_rows`.
    """
    x, y = split_documents(x, y)
    documents = to_documents(x)
    if y is not None:
        check_same_length(range(len(documents)), y)
    target = fit_target(y, classify=classify, multilabel=True)
    validation = parse_validation(validation_data)
    if validation is not None:
        apart = split_documents(validation.x, validation.y)
        validation = Validation(*apart, validation.weights)
        further = fit_text_reader(documents, _LONGEST[1]).read(validation.x)
        check_same_length(range(len(further)), validation.y, "validation_data[1]")
    rows = settle_rows(y, len(documents), target, seed=seed, validation=validation, **split)
    if validation is not None:
        columns = documents.columns
        documents = Documents(
            {n: np.concatenate([columns[n], further.columns[n]]) for n in columns},
            documents.named,
        )
    _check_content(documents, rows)
    longest = _longest(documents, rows.train)
    begun = begun_in(directory)

    def room(rows: Rows) -> Room:
        return room_for(
            documents, rows, longest, clock, seed, lambda some: _read(some, longest), begun
        )

    found = room(rows)
    if rows.folds and min(len(found.train), len(found.valid)) < len(rows.train):
        # Where there is no time to read all texts there is none to read them several times.
        split["count_folds"] = None
        rows = settle_rows(y, len(documents), target, seed=seed, **split)
        found = room(rows)
    documents, rows = kept(documents, rows, found)
    reader = fit_text_reader(documents, found.longest)
    documents = reader.read(documents)
    vectors = None
    if word_vectors is not None:
        wanted = {w.casefold() for t in _training(documents, rows) for w in _WORD.findall(t)}
        vectors = read_word_vectors(word_vectors, wanted)
    return text_task(reader, documents, rows, families, vectors, clock, backbone)


def text_task(
    reader: TextReader,
    documents: Documents,
    rows: Rows,
    families: Sequence[str],
    vectors: WordVectors | None,
    clock: Clock,
    backbone: Backbone | None = None,
) -> Task:
    """The task of trials over checked texts."""
    forms = TextForms(reader, documents, rows.train, vectors, clock, backbone)
    pretrained: dict[str, Any] = {}
    if backbone is not None:
        texts = _training(documents, rows)
        lengths = usual_lengths(backbone.rules, texts, backbone.length)
        pretrained = {"backbone": backbone, "piece_lengths": lengths}
        most = rows_at_once(backbone, max(lengths)) // len(reader.columns)
        reader = replace(reader, most_rows=max(4, min(reader.most_rows, most)))
    hypermodel = TextHyperModel(
        forms.shape,
        rows.classes,
        multilabel=rows.multilabel,
        rows=len(rows.train),
        families=families,
        runs=usual_runs(_training(documents, rows)),
        vectors=vectors is not None,
        **pretrained,
    )

    def features(hp: Any) -> Features:
        return forms.features(hypermodel.form(hp))

    def baselines(scorer: Any, clock: Clock, seed: int) -> Baselines:
        return text_baselines(documents.columns, rows, scorer, clock)

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            features=features,
            raw=documents,
            identity=lambda: {
                "columns": list(reader.columns),
                "longest": reader.longest,
                "rows": [len(rows.train), len(rows.valid)],
                "folds": len(rows.folds),
                "data": fingerprint(_letters(documents), rows.targets, rows.weights),
                **({"backbone": fingerprint(*backbone.weights.values())} if backbone else {}),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
    )


def _check_content(documents: Documents, rows: Rows) -> None:
    texts = _training(documents, rows)
    if not any(text.strip() for text in texts):
        raise SchemaError(
            f"All {len(texts)} training texts are empty, expected texts with something in them. "
            "Check that `x` is the right column."
        )


def _training(documents: Documents, rows: Rows) -> np.ndarray:
    return np.concatenate([texts[rows.train] for texts in documents.columns.values()])


def _read(documents: Documents, longest: int) -> None:
    """Does with some texts what is done with all of them."""
    fit_terms(Terms(), documents.columns, longest).transform(documents.columns)


def _longest(documents: Documents, train: np.ndarray) -> int:
    """Characters of a text to look at: room for all but the longest hundredth, and half more."""
    lengths = [lengths_of(texts[train]) for texts in documents.columns.values()]
    usual = 1.5 * float(np.quantile(np.concatenate(lengths), 0.99))
    return int(np.clip(usual, *_LONGEST))


def _letters(documents: Documents) -> np.ndarray:
    """All texts as bytes, for a fingerprint."""
    texts: Mapping[str, np.ndarray] = documents.columns
    joined = "\0".join(text for column in texts.values() for text in column)
    return np.frombuffer(joined.encode("utf-8"), dtype=np.uint8)
