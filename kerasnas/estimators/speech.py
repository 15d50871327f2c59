"""`SpeechRecognizer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kerasnas.clock import Clock
from kerasnas.data import check_same_length
from kerasnas.data.named_columns import Taken
from kerasnas.data.sound_reader import SoundReader
from kerasnas.data.sounds import split_sounds, unpack_sounds
from kerasnas.data.transcripts import DECODERS, Transcripts, read_texts
from kerasnas.errors import KerasNASError, SchemaError
from kerasnas.estimators.arguments import settle_families
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.objective_names import MEASURED
from kerasnas.estimators.speech_task import prepare_speech
from kerasnas.estimators.task import Task
from kerasnas.objectives import parse_objectives
from kerasnas.problem.decoding import WordPrefixes, beam, error_rates, greedy
from kerasnas.problem.given import Given
from kerasnas.problem.rows import check_weights
from kerasnas.problem.transcripts import SPEECH
from kerasnas.results.fitted import Fitted
from kerasnas.spaces.speech import FAMILIES

_COMPARED = 400  # validation rows that decoders are compared on


@dataclass(kw_only=True, eq=False, repr=False)
class SpeechRecognizer(Estimator):
    """Finds a recogniser of short utterances within a time budget: recordings in, texts out.

    Characters are learnt from the texts, in any script; no dictionary of sounds is needed. `X` may
    be a list of arrays, of pairs `(array, sample rate)` or of paths, an array `(rows, samples)`, a
    folder, or a DataFrame with a column of paths; `y` is one text each.

    Args:
        sample_rate: Samples a second to train at, and those of arrays. `None` takes the rate that
            most files have.
        decoder: How texts are read from the probabilities of characters: `greedy`, `beam`, or
            `vocabulary`, which spells only words of the training texts. `"auto"` takes the one with
            the fewest wrong words on validation rows.
        beam_width: Beginnings of a text that are followed.
        objective: `val_wer` (word error rate, the default), `val_cer` (of characters),
            `val_text_accuracy`, a measure, an `Objective`, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        refit: Train the best configuration once more, on all rows, and use that model.
        space: `"auto"`, or the names of the families to search: `recurrent`, `conv`, `conformer`.
        initial: Configurations to try first, as dicts of hyperparameters.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.

    Attributes:
        schema_: Sample rate of the recordings and length of the longest one.
        characters_: The characters; number `i` in the model's answers is `characters_[i - 1]`, 0 is
            the blank.
        decoder_: How texts are read unless `predict` is told otherwise.
        decoder_scores_: Word error rate of every decoder on validation rows; only after `fit`.
        broken_: Names of the files that `fit` left out because they cannot be read.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model: waveforms to log probabilities `(batch, frames, 1 +
            characters)`.

    Examples:
        >>> asr = SpeechRecognizer(sample_rate=16000, budget="30min")  # doctest: +SKIP
        >>> asr.fit(clips, texts, groups=speakers).predict(["new.wav"])  # doctest: +SKIP
    """

    _keeps_rows = True  # until a decoder is chosen
    reader_class = SoundReader
    target_classes = (Transcripts,)

    sample_rate: int | None = None
    decoder: str = "auto"
    beam_width: int = 16
    # Networks that thin out time differently have no frames in common to average over.
    ensemble: bool = field(default=False, init=False)
    folds: bool = field(default=False, init=False)
    intervals: None = field(default=None, init=False)

    def fit(self, X: Any, y: Any = None, **settings: Any) -> Self:
        """Searches for the best model within the budget, then chooses a decoder.

        Args:
            X: Recordings.
            y: Texts, or the name of a column of `X`.
            **settings: As in the `fit` of all estimators, such as `groups` and `validation_data`.
        """
        if self.decoder not in ("auto", *DECODERS):
            raise KerasNASError(
                f"`decoder` must be 'auto' or one of {list(DECODERS)}, received {self.decoder!r}."
            )
        super().fit(X, y, **settings)
        self._choose_decoder()
        return self

    def predict(
        self, X: Any, decoder: str | None = None, *, model: str | None = None
    ) -> np.ndarray:
        """The texts of recordings, `(rows,)` of strings.

        Args:
            X: Recordings, as in `fit`.
            decoder: `greedy`, `beam` or `vocabulary`; `None` for `decoder_`.
            model: A row of the leaderboard that answers instead, by its `trial_id`.
        """
        fitted = self._answering(model)
        answers = _by_recording(fitted, fitted.reader.read(X, fitted.kind))
        return np.array(self._texts(answers, decoder), dtype=object)

    def evaluate(
        self, X: Any, y: Any = None, sample_weight: Any = None, decoder: str | None = None
    ) -> dict[str, float]:
        """Error rates of words (`wer`) and characters (`cer`), and the share of right texts."""
        check_is_fitted(self)
        return self._scoring(X, y, sample_weight, decoder)(self.fitted_)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """One minus the word error rate."""
        return 1.0 - self.evaluate(X, y, sample_weight)["wer"]

    def _scoring(
        self, x: Any, y: Any, sample_weight: Any, decoder: str | None = None
    ) -> Callable[[Fitted], dict[str, float]]:
        """What scores a model by the texts that it reads from these recordings."""
        rows = self._rows_of(x, y, sample_weight)
        truths = read_texts(rows.y)
        raw = self.fitted_.reader.read(rows.x, self.fitted_.kind)

        def score(fitted: Fitted) -> dict[str, float]:
            answers = self._texts(_by_recording(fitted, raw), decoder)
            check_same_length(answers, truths)
            return error_rates(
                truths, answers, check_weights(rows.weights, len(answers), "sample_weight")
            )

        return score

    def _prepare(self, given: Given, clock: Clock) -> Task:
        return prepare_speech(
            given,
            clock,
            sample_rate=self.sample_rate,
            families=settle_families(self.space, list(FAMILIES)),
        )

    def _unpacked(self, x: Any) -> Taken:
        return unpack_sounds(x)

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        return split_sounds(x, y)

    def _score_names(self) -> list[str]:
        return [f"val_{name}" for name in SPEECH]

    def _objectives(self) -> tuple[Any, ...]:
        known = [*self._score_names(), *MEASURED]
        given: Any = self.objective
        if given is None or given == "val_loss":
            given = "val_wer"
        return parse_objectives(given, known)

    @property
    def schema_(self) -> SoundReader:
        """Sample rate of the recordings and length of the longest one."""
        reader: Any = self.fitted_.reader
        return reader

    @property
    def characters_(self) -> list[str]:
        """The characters; number `i` in the model's answers is `characters_[i - 1]`."""
        return list(self.fitted_.target.characters)

    @property
    def decoder_(self) -> str:
        """How texts are read unless `predict` is told otherwise."""
        decoder: str = self.fitted_.target.decoder
        return decoder

    def _texts(self, answers: Sequence[np.ndarray], decoder: str | None = None) -> list[str]:
        target = self.fitted_.target
        decoder = self.decoder_ if decoder is None else decoder
        if decoder not in DECODERS:
            raise SchemaError(f"`decoder` must be one of {list(DECODERS)}, received {decoder!r}.")
        if decoder == "greedy":
            codes = [greedy(one[None])[0] for one in answers]
        else:
            words = self._vocabulary() if decoder == "vocabulary" else None
            codes = [beam(one, self.beam_width, words) for one in answers]
        return [" ".join(target.decode(c).split()) for c in codes]

    def _vocabulary(self) -> WordPrefixes:
        target = self.fitted_.target
        if not target.words:
            raise SchemaError(
                "The training texts have too many different words for the decoder 'vocabulary'. "
                "Use 'beam'."
            )
        number = {c: i + 1 for i, c in enumerate(target.characters)}
        return WordPrefixes([[number[c] for c in word] for word in target.words], number.get(" "))

    def _choose_decoder(self) -> None:
        """Sets `decoder_`: as asked for, or the one that is best on validation rows."""
        target = self.fitted_.target
        origin = self.fitted_.origin
        assert origin is not None, "only `fit` chooses a decoder"
        some = origin.rows.valid[:_COMPARED]
        truths = [target.decode(row) for row in origin.rows.targets[some]]
        answers = _by_recording(self.fitted_, self.fitted_.reader.take(origin.raw, some))
        kinds = [kind for kind in DECODERS if kind != "vocabulary" or target.words]
        self.decoder_scores_ = {
            kind: error_rates(truths, self._texts(answers, kind))["wer"] for kind in kinds
        }
        chosen = self.decoder
        if chosen == "auto":
            # Ties go to the simpler one, which stands first.
            chosen = min(kinds, key=lambda kind: self.decoder_scores_[kind])
        self.fitted_ = replace(
            self.fitted_,
            target=replace(target, decoder=chosen),
            origin=replace(origin, raw=None, rows=None, scorer=None),
        )


def _by_recording(fitted: Fitted, raw: Any) -> list[np.ndarray]:
    """Answers of the exported graph, `(frames, 1 + characters)` for each recording."""
    found: dict[int, np.ndarray] = {}
    for index, answers in fitted.batches(raw):
        found.update(zip(index.tolist(), answers, strict=True))
    return [found[i] for i in range(len(found))]
