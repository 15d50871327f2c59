"""From texts of any kind to the task that trials train on."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.baselines import Baselines
from kerasnas.baselines.texts import text_baselines
from kerasnas.clock import Clock, Purpose
from kerasnas.data import check_same_length
from kerasnas.data.documents import Documents, split_documents, to_documents
from kerasnas.data.fingerprint import fingerprint
from kerasnas.data.texts import character_counts, warn_of_cuts
from kerasnas.data.word_vectors import read_word_vectors
from kerasnas.errors import SchemaError
from kerasnas.estimators.preparation import read_rows
from kerasnas.estimators.task import Task
from kerasnas.estimators.text_budget import Room, kept, room_for
from kerasnas.estimators.text_forms import TextForms
from kerasnas.journal import begun_in
from kerasnas.preprocessing.texts.forms import Terms, fit_terms
from kerasnas.preprocessing.texts.pieces import usual_lengths
from kerasnas.preprocessing.texts.script import usual_runs
from kerasnas.problem import Problem
from kerasnas.problem.given import Given
from kerasnas.problem.given_folds import GivenFolds
from kerasnas.problem.inputs import DocumentInput, FittedDocuments
from kerasnas.problem.rows import Rows, fit_target
from kerasnas.spaces.backbones import Backbone, SettledEncoder
from kerasnas.spaces.backbones.family import rows_at_once
from kerasnas.spaces.text import TextHyperModel

log = logging.getLogger("kerasnas")

_LONGEST = (200, 20_000)  # characters of a text to look at, at least and at most
_ENGLISH = 0.9  # of the letters of an English text are in ASCII, at least
_LOOKED_AT = 300  # texts, for their language
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def prepare_texts(
    given: Given,
    clock: Clock,
    *,
    classify: bool,
    families: Sequence[str],
    directory: str | Path | None = None,
    word_vectors: str | Path | None = None,
    encoder: SettledEncoder | None = None,
    max_characters: int | None = None,
) -> Task:
    """Checks everything that can be wrong with texts, before any training.

    Args:
        given: What the user gives: texts of any kind that `data.documents.split_documents` takes.
        clock: The clock of the fit: of more texts than it has time for some are left out.
        classify: Whether targets are classes.
        families: Families to search.
        directory: Where a search may have begun, which goes on with the texts that it had time for.
        word_vectors: File of pretrained word vectors.
        encoder: Pretrained encoder, for the family `backbone`.
        max_characters: Characters of a text to look at, at most.
    """
    x, y = split_documents(given.x, given.y)
    documents = to_documents(x)
    if y is not None:
        check_same_length(range(len(documents)), y)
    target = fit_target(y, classify=classify, multilabel=True)
    given = replace(given, x=documents, y=y)
    source = DocumentInput(_settled_characters(max_characters))
    raw, rows = read_rows(source, given, target, split_documents)
    _check_content(raw.data, rows)
    longest = _longest(raw.data, rows.train, max_characters)
    begun = begun_in(directory)

    def room(rows: Rows) -> Room:
        return room_for(
            raw.data, rows, longest, clock, given.seed, lambda some: _read(some, longest), begun
        )

    found = room(rows)
    short = len(found.train) < len(rows.train) or len(found.valid) < len(rows.valid)
    if rows.folds and short:
        # Where there is no time to read all texts there is none to read them several times.
        if isinstance(given.count_folds, GivenFolds):
            log.warning(
                "The budget has no time for the folds that `folds` gives: `validation_split` of "
                "the texts are held out instead. Give it more time, or pass `validation_data`."
            )
        _, rows = read_rows(source, replace(given, count_folds=None), target, split_documents)
        found = room(rows)
    warn_of_cuts([*documents.columns.values()], found.longest)
    some, rows = kept(raw.data, rows, found)
    raw = DocumentInput(found.longest).read(some)
    vectors = None
    if word_vectors is not None:
        wanted = {w.casefold() for t in _training(raw.data, rows) for w in _WORD.findall(t)}
        vectors = read_word_vectors(word_vectors, wanted)
    fitted = DocumentInput(found.longest, vectors).fit(raw, rows.train)
    encoder, families = _suitable(encoder or SettledEncoder(), families, raw.data, rows)
    return text_task(fitted, rows, families, clock, encoder.backbone, encoder.note)


def text_task(
    fitted: FittedDocuments,
    rows: Rows,
    families: Sequence[str],
    clock: Clock,
    backbone: Backbone | None = None,
    note: str = "",
) -> Task:
    """The task of trials over checked texts."""
    reader, documents = fitted.reader, fitted.raw
    forms = TextForms(fitted, clock, backbone)
    pretrained: dict[str, Any] = {}
    if backbone is not None:
        texts = _training(documents, rows)
        lengths = usual_lengths(backbone.rules, texts, backbone.length)
        pretrained = {"backbone": backbone, "piece_lengths": lengths}
        most = rows_at_once(backbone, max(lengths)) // len(reader.columns)
        reader = replace(reader, most_rows=max(4, min(reader.most_rows, most)))
        clock.keep(Purpose.BACKBONE_FILE)
    hypermodel = TextHyperModel(
        forms.shape,
        rows.classes,
        multilabel=rows.multilabel,
        rows=len(rows.train),
        families=families,
        runs=usual_runs(_training(documents, rows)),
        vectors=fitted.vectors is not None,
        **pretrained,
    )

    def baselines(scorer: Any, clock: Clock, seed: int) -> Baselines:
        return text_baselines(documents.columns, rows, scorer, clock)

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            form=lambda hp: forms.form(hypermodel.form(hp)),
            front=lambda hp: FrontGraph.of(forms.front(hypermodel.form(hp)).model),
            raw=documents,
            contents=lambda: {
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
        notes=(note,) if note else (),
    )


def _suitable(
    encoder: SettledEncoder, families: Sequence[str], documents: Documents, rows: Rows
) -> tuple[SettledEncoder, Sequence[str]]:
    """The encoder and the families to search: one that nobody has asked for reads English only."""
    if encoder.backbone is None or encoder.asked or len(families) == 1:
        return encoder, families
    if is_english(_training(documents, rows)):
        return encoder, families
    return SettledEncoder(), [name for name in families if name != "backbone"]


def is_english(texts: Sequence[str] | np.ndarray) -> bool:
    """Whether the letters of texts are English ones.

    Args:
        texts: Training texts, the first of which are looked at.
    """
    letters = [c for c in "".join(texts[:_LOOKED_AT]) if c.isalpha()]
    return bool(letters) and sum(c.isascii() for c in letters) >= _ENGLISH * len(letters)


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


def _settled_characters(most: Any) -> int:
    """Characters of a text to look at, at most.

    Raises:
        SchemaError: If `max_characters` is no positive whole number.
    """
    if most is None:
        return _LONGEST[1]
    whole = isinstance(most, int | np.integer) and not isinstance(most, bool)
    if not whole or most < 1:
        raise SchemaError(
            "`max_characters` must be a positive whole number, such as 50_000, or None, received "
            f"{most!r}."
        )
    return int(most)


def _longest(documents: Documents, train: np.ndarray, most: int | None = None) -> int:
    """Characters of a text to look at: room for all but the longest hundredth, and half more.

    Args:
        documents: All texts.
        train: Indices of the training rows.
        most: As many as there are up to so many, instead.
    """
    lengths = np.concatenate(
        [character_counts(texts[train]) for texts in documents.columns.values()]
    )
    if most is None:
        return int(np.clip(1.5 * float(np.quantile(lengths, 0.99)), *_LONGEST))
    return int(min(most, max(_LONGEST[0], lengths.max())))


def _letters(documents: Documents) -> np.ndarray:
    """All texts as bytes, for a fingerprint."""
    texts: Mapping[str, np.ndarray] = documents.columns
    joined = "\0".join(text for column in texts.values() for text in column)
    return np.frombuffer(joined.encode("utf-8"), dtype=np.uint8)
