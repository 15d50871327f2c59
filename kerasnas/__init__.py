"""Raw data and a time budget in, one tuned `.keras` file out.

Nothing heavy is imported before it is needed: `import kerasnas` stays fast, and the first use of a
public name loads the module that holds it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerasnas import errors
from kerasnas.quiet import import_tensorflow
from kerasnas.version import __version__

if TYPE_CHECKING:
    from kerasnas import callbacks, executors, oracles, plots, spaces
    from kerasnas.auto_model import (
        AudioBlock,
        AudioInput,
        AutoModel,
        Block,
        ClassificationHead,
        DenseBlock,
        ImageBlock,
        ImageInput,
        LossHead,
        Merge,
        MultiLabelHead,
        QuantileHead,
        RegressionHead,
        TabularBlock,
        TabularInput,
        TensorInput,
        TextBlock,
        TextInput,
        TimeSeriesBlock,
        TimeSeriesInput,
        block,
    )
    from kerasnas.clock import Budget
    from kerasnas.estimators import (
        AudioClassifier,
        AudioRegressor,
        ImageClassifier,
        ImageRegressor,
        SpeechRecognizer,
        TabularClassifier,
        TabularRegressor,
        TextClassifier,
        TextRegressor,
        TimeSeriesForecaster,
        load,
    )
    from kerasnas.hypermodel_search import search
    from kerasnas.objectives import Constraint, Objective
    from kerasnas.results import SearchResult

__all__ = [
    "AudioBlock",
    "AudioClassifier",
    "AudioInput",
    "AudioRegressor",
    "AutoModel",
    "Block",
    "Budget",
    "ClassificationHead",
    "Constraint",
    "DenseBlock",
    "ImageBlock",
    "ImageClassifier",
    "ImageInput",
    "ImageRegressor",
    "LossHead",
    "Merge",
    "MultiLabelHead",
    "Objective",
    "QuantileHead",
    "RegressionHead",
    "SearchResult",
    "SpeechRecognizer",
    "TabularBlock",
    "TabularClassifier",
    "TabularInput",
    "TabularRegressor",
    "TensorInput",
    "TextBlock",
    "TextClassifier",
    "TextInput",
    "TextRegressor",
    "TimeSeriesBlock",
    "TimeSeriesForecaster",
    "TimeSeriesInput",
    "__version__",
    "block",
    "callbacks",
    "errors",
    "executors",
    "load",
    "oracles",
    "plots",
    "search",
    "spaces",
]

# Public name -> the module that holds it.
_HOLDERS = {
    "AudioBlock": "kerasnas.auto_model",
    "AudioClassifier": "kerasnas.estimators",
    "AudioInput": "kerasnas.auto_model",
    "AudioRegressor": "kerasnas.estimators",
    "AutoModel": "kerasnas.auto_model",
    "Block": "kerasnas.auto_model",
    "Budget": "kerasnas.clock",
    "ClassificationHead": "kerasnas.auto_model",
    "Constraint": "kerasnas.objectives",
    "DenseBlock": "kerasnas.auto_model",
    "ImageBlock": "kerasnas.auto_model",
    "ImageClassifier": "kerasnas.estimators",
    "ImageInput": "kerasnas.auto_model",
    "ImageRegressor": "kerasnas.estimators",
    "LossHead": "kerasnas.auto_model",
    "Merge": "kerasnas.auto_model",
    "MultiLabelHead": "kerasnas.auto_model",
    "Objective": "kerasnas.objectives",
    "QuantileHead": "kerasnas.auto_model",
    "RegressionHead": "kerasnas.auto_model",
    "SearchResult": "kerasnas.results",
    "SpeechRecognizer": "kerasnas.estimators",
    "TabularBlock": "kerasnas.auto_model",
    "TabularClassifier": "kerasnas.estimators",
    "TabularInput": "kerasnas.auto_model",
    "TabularRegressor": "kerasnas.estimators",
    "TensorInput": "kerasnas.auto_model",
    "TextBlock": "kerasnas.auto_model",
    "TextClassifier": "kerasnas.estimators",
    "TextInput": "kerasnas.auto_model",
    "TextRegressor": "kerasnas.estimators",
    "TimeSeriesBlock": "kerasnas.auto_model",
    "TimeSeriesForecaster": "kerasnas.estimators",
    "TimeSeriesInput": "kerasnas.auto_model",
    "block": "kerasnas.auto_model",
    "load": "kerasnas.estimators",
    "search": "kerasnas.hypermodel_search",
}

# Holders that do without TensorFlow.
_LIGHT = frozenset({"kerasnas.clock", "kerasnas.objectives"})

# Public modules, loaded on first use.
_MODULES = frozenset({"callbacks", "executors", "oracles", "plots", "spaces"})


def __getattr__(name: str) -> Any:
    """Load a public name on its first use; later uses find it in the module itself."""
    if name in _HOLDERS:
        if _HOLDERS[name] not in _LIGHT:
            import_tensorflow()
        value = getattr(import_module(_HOLDERS[name]), name)
    elif name in _MODULES:
        import_tensorflow()
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not, and what every module has."""
    return sorted(set(globals()) | set(__all__))
