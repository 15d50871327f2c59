"""The forms of texts that trials ask for, those of a pretrained backbone among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.clock import Clock, Purpose
from kerasnas.estimators.feature_cache import FeatureCache, last_few, with_latency
from kerasnas.preprocessing.texts.forms import Front, Terms, Tokens
from kerasnas.preprocessing.texts.pieces import Pieces, Pooled, fit_pieces
from kerasnas.problem.inputs import FittedDocuments, Form
from kerasnas.spaces.backbones import Backbone
from kerasnas.spaces.backbones.features import Frozen, pooled_front, side_by_side
from kerasnas.spaces.text import TextForm
from kerasnas.spaces.text_readers import TextShape

_KEPT_GRAPHS = 3


@dataclass(eq=False)
class TextForms:
    """Texts in the forms of their input, and in those that a backbone takes.

    Attributes:
        fitted: All texts.
        clock: The clock of the fit.
        backbone: A pretrained backbone. Networks are not known to a problem, so its forms are made
            here.
    """

    fitted: FittedDocuments
    clock: Clock
    backbone: Backbone | None = None
    _frozen: Frozen | None = field(init=False)
    _cache: FeatureCache = field(init=False)
    _fronts: dict[Pieces | Pooled, Front] = field(default_factory=dict)
    _pieces: dict[Pieces, dict[str, np.ndarray]] = field(default_factory=dict)
    _pooled: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._frozen = None if self.backbone is None else Frozen(self.backbone)
        self._cache = FeatureCache(self._made, self.clock, "texts")

    def shape(self, key: TextForm) -> TextShape:
        """What a network has to know of a form."""
        front = self.front(key)
        return TextShape(front.size, front.style, front.columns, front.length, front.vectors)

    def front(self, key: TextForm) -> Front:
        """The graph, fitted on the training rows; the last few are kept."""
        if isinstance(key, Terms | Tokens):
            return self.fitted.front(key)
        return last_few(self._fronts, key, self._of_backbone, _KEPT_GRAPHS)

    def form(self, key: TextForm) -> Form:
        """All rows in a form, and the graph from raw texts to it.

        Raises:
            OutOfTime: If there is no time to make one more form and to train on it.
        """
        if isinstance(key, Pieces) and self._frozen is not None:
            # Training a backbone takes so long that it must not begin where there is no time.
            tokens = self._tokens(key)["tokens"].reshape(-1, key.length)
            self._frozen.check_training(tokens, self.clock.allot(Purpose.FORM))
        # What a backbone makes of texts keeps its own time.
        return self._cache(key, timed=not isinstance(key, Pooled))

    def _made(self, key: TextForm) -> Form:
        if isinstance(key, Terms | Tokens):
            return with_latency(self.fitted.form(key), self.fitted.reader)
        data = self._vectors(key) if isinstance(key, Pooled) else self._tokens(key)
        return with_latency(Form(data, FrontGraph.of(self.front(key).model)), self.fitted.reader)

    def _of_backbone(self, key: Any) -> Front:
        assert self.backbone and self._frozen, "forms of pieces belong to a backbone"
        if isinstance(key, Pieces):
            longest = self.fitted.reader.longest
            return fit_pieces(key, self.fitted.learnt, longest, self.backbone.rules)
        network = self._frozen.network
        return pooled_front(self.front(key.pieces), self.backbone, network, key.pooling)

    def _tokens(self, key: Pieces) -> dict[str, np.ndarray]:
        """All rows in pieces."""
        if key not in self._pieces:
            self._pieces = {key: self.front(key).transform(self.fitted.raw.columns)}
        return self._pieces[key]

    def _vectors(self, key: Pooled) -> dict[str, np.ndarray]:
        """What the backbone makes of all rows: computed once for each length, for all trials."""
        assert self._frozen is not None, "forms of pieces belong to a backbone"
        found = self._tokens(key.pieces)
        if key.length not in self._pooled:
            tokens = found["tokens"].reshape(-1, key.length)
            until = self.clock.allot(Purpose.VECTORS)
            self._pooled = {key.length: self._frozen.vectors(tokens, until)}
        columns = len(self.fitted.raw.columns)
        vectors = side_by_side(self._pooled[key.length][key.pooling], columns)
        return {"vectors": vectors, "style": found["style"]}
