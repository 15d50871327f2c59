"""`kerasnas.load`: a saved file as the estimator that wrote it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

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
    member = artifact.read_member(path)
    name = member.get("estimator")
    if name not in _HOLDERS:
        raise ArtifactError(
            f"'{path}' holds a {name!r}, unknown to this kerasnas. Upgrade kerasnas, or use "
            "`keras.models.load_model`."
        )
    cls = getattr(import_module(_HOLDERS[name]), name)
    arguments = member.get("arguments")
    known = cls._get_param_names()
    kept = {k: v for k, v in arguments.items() if k in known} if isinstance(arguments, dict) else {}
    estimator: Estimator = cls(**kept)
    estimator.fitted_ = Fitted.load(path, cls.reader_class, cls.target_classes)
    return estimator
