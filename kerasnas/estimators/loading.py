"""`kerasnas.load`: a saved file as the estimator that wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from kerasnas import artifact
from kerasnas.errors import ArtifactError
from kerasnas.estimators.estimator import Estimator
from kerasnas.results.fitted import Fitted

# Name in a file -> the module that holds the class; a file never names a module itself.
_HOLDERS = {
    "AudioClassifier": "kerasnas.estimators.audio",
    "AudioRegressor": "kerasnas.estimators.audio",
    "AutoModel": "kerasnas.auto_model",
    "ImageClassifier": "kerasnas.estimators.image",
    "ImageRegressor": "kerasnas.estimators.image",
    "SpeechRecognizer": "kerasnas.estimators.speech",
    "TabularClassifier": "kerasnas.estimators.tabular",
    "TabularRegressor": "kerasnas.estimators.tabular",
    "TextClassifier": "kerasnas.estimators.text",
    "TextRegressor": "kerasnas.estimators.text",
    "TimeSeriesForecaster": "kerasnas.estimators.forecast",
}

# Arguments that are about the machine of `fit`, and would be about that of whoever loads.
_OF_THE_MACHINE = frozenset({"directory", "executor"})


def load(path: str | Path) -> Estimator:
    """Opens a file that an estimator's `save` wrote.

    Args:
        path: A `.keras` file.

    Returns:
        The estimator, ready to predict: labels, reader and leaderboard are those of `fit`.

    Raises:
        ArtifactError: If the file is missing, damaged, foreign, or of a newer format. No code from
            the file is run.
    """
    file = artifact.open_file(path)
    member = file.member()
    name = member.get("estimator")
    if not isinstance(name, str) or name not in _HOLDERS:
        raise ArtifactError(
            f"'{path}' holds a {name!r}, unknown to this kerasnas. Upgrade kerasnas, or use "
            "`keras.models.load_model`."
        )
    cls = getattr(import_module(_HOLDERS[name]), name)
    try:
        estimator: Estimator = cls(**_arguments(member, cls._get_param_names()))
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            f"'{path}' is damaged: its arguments make no {name} ({error})."
        ) from error
    estimator.fitted_ = Fitted.from_file(file, cls.reader_class, cls.target_classes)
    return estimator


def _arguments(member: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Arguments of the constructor that a file may set: none that names a place to write to."""
    given = member.get("arguments")
    return {
        name: value
        for name, value in (given.items() if isinstance(given, dict) else ())
        if name in known and name not in _OF_THE_MACHINE
    }
