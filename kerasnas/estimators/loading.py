"""`kerasnas.load`: a saved file as the estimator that wrote it."""

from __future__ import annotations

from pathlib import Path

from kerasnas import artifact
from kerasnas.errors import ArtifactError
from kerasnas.estimators.member import restore
from kerasnas.estimators.tabular import TabularClassifier, TabularRegressor

_ESTIMATORS = {cls.__name__: cls for cls in (TabularClassifier, TabularRegressor)}


def load(path: str | Path) -> TabularClassifier | TabularRegressor:
    """Opens a file that an estimator's `save` wrote.

    Args:
        path: A `.keras` file.

    Returns:
        The estimator, ready to predict: labels, schema and leaderboard are those of `fit`.

    Raises:
        ArtifactError: If the file is missing, damaged, foreign, or of a newer format. No code from
            the file is run.
    """
    member = artifact.read_member(path)
    name = member.get("estimator")
    if name not in _ESTIMATORS:
        raise ArtifactError(
            f"'{path}' holds a {name!r}, unknown to this kerasnas. Upgrade kerasnas, or use "
            "`keras.models.load_model`."
        )
    cls = _ESTIMATORS[name]
    arguments = member.get("arguments")
    known = cls._get_param_names()
    kept = {k: v for k, v in arguments.items() if k in known} if isinstance(arguments, dict) else {}
    estimator = cls(**kept)
    restore(estimator, member, artifact.load_model(path))
    return estimator
