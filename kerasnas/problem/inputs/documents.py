"""Texts: weighted terms, or tokens in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.data.documents import Documents, to_documents, warn_of_paths
from kerasnas.data.texts import TextReader, fit_text_reader
from kerasnas.data.word_vectors import WordVectors
from kerasnas.preprocessing.texts.forms import Front, Terms, Tokens, fit_terms, fit_tokens
from kerasnas.problem.inputs.input import Form, RawRows

_KEPT_GRAPHS = 3


@dataclass(frozen=True)
class DocumentInput:
    """Texts of any kind that `data.documents.to_documents` takes, of one or several columns.

    Attributes:
        longest: Characters of a text that are looked at.
        vectors: Pretrained vectors of words.
    """

    longest: int
    vectors: WordVectors | None = None

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Checks that all are texts; as `Input.read`."""
        documents = to_documents(x)
        warn_of_paths(documents)
        reader = fit_text_reader(documents, self.longest)
        data, given = reader.read(documents), len(documents)
        if further is not None:
            more = reader.read(further).columns
            columns = {n: np.concatenate([t, more[n]]) for n, t in data.columns.items()}
            data = Documents(columns, data.named)
        return RawRows(reader, data, given, len(data))

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedDocuments:
        """As `Input.fit`; vocabularies are learnt form by form."""
        reader: Any = raw.reader
        return FittedDocuments(reader, raw.data, train, self.vectors)


@dataclass(frozen=True, eq=False)
class FittedDocuments:
    """Texts in the forms that networks ask for.

    Attributes:
        reader: As `FittedInput.reader`.
        raw: All texts.
        train: Indices of the training rows.
        vectors: Pretrained vectors of words.
    """

    reader: TextReader
    raw: Documents
    train: np.ndarray
    vectors: WordVectors | None = None
    _fronts: dict[Terms | Tokens, Front] = field(default_factory=dict, repr=False)

    @property
    def learnt(self) -> dict[str, np.ndarray]:
        """The training texts by column."""
        return {name: texts[self.train] for name, texts in self.raw.columns.items()}

    def front(self, key: Terms | Tokens) -> Front:
        """The graph of a form, fitted on the training rows; the last few are kept."""
        if key not in self._fronts:
            while len(self._fronts) >= _KEPT_GRAPHS:
                self._fronts.pop(next(iter(self._fronts)))
            self._fronts[key] = self._fitted(key)
        else:
            self._fronts[key] = self._fronts.pop(key)
        return self._fronts[key]

    def form(self, key: Terms | Tokens) -> Form:
        """As `FittedInput.form`."""
        front = self.front(key)
        data = front.transform(self.raw.columns)
        facts = {"size": front.size}
        return Form(data, FrontGraph.of(front.model), ragged=isinstance(key, Terms), facts=facts)

    def _fitted(self, key: Terms | Tokens) -> Front:
        longest = self.reader.longest
        if isinstance(key, Terms):
            return fit_terms(key, self.learnt, longest, rows=len(self.raw))
        return fit_tokens(key, self.learnt, longest, self.vectors)
