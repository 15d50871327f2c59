"""Where pretrained networks of sounds come from, and the family of networks on them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import keras

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.picture_backbones.backbone import multiply_adds_of
from kerasnas.spaces.weights.carried import CARRIED, Carried, of_modality
from kerasnas.spaces.weights.speech_embedding import SpeechTensors, read_speech_tensors


@dataclass(frozen=True, eq=False)
class SettledSpeech:
    """What `pretrained=` comes to for sounds.

    Attributes:
        name: Name of the network.
        tensors: Its tensors; `None` where there is none.
        note: One line for the user, or nothing.
    """

    name: str = ""
    tensors: SpeechTensors | None = None
    note: str = ""


@dataclass(frozen=True)
class FrozenSpeech:
    """What a space has to know of a pretrained network whose vectors are made once.

    Attributes:
        name: Its name.
        width: Width of its vectors.
        params: Number of its weights.
        flops: Floating-point operations of a sound.
    """

    name: str
    width: int
    params: float
    flops: float

    @classmethod
    def of(cls, name: str, network: keras.Model) -> FrozenSpeech:
        """The facts of a network.

        Args:
            name: What it is called.
            network: From waveforms to vectors.
        """
        width, params = int(network.output_shape[-1]), float(network.count_params())
        return cls(name, width, params, 2.0 * multiply_adds_of(network))


def settle_speech(pretrained: Any = "auto") -> SettledSpeech:
    """The pretrained network that the argument asks for; nothing is ever downloaded.

    Args:
        pretrained: `"auto"` for what is installed, `False` for none, or a name.

    Raises:
        SearchSpaceError: If what is asked for is not there, or cannot be used.
    """
    known = of_modality("sounds")
    if pretrained is False or pretrained is None:
        return SettledSpeech()
    if isinstance(pretrained, str) and pretrained == "auto":
        found = [one for one in known if one.located()]
        if found:
            return _read(found[0], f"Pretrained: {_told(found[0])}.")
        return SettledSpeech(
            note=f"No pretrained weights are installed. For speech, run `{known[0].install}` "
            f"({known[0].megabytes} MB, {known[0].licence})."
        )
    if isinstance(pretrained, str) and pretrained in [one.name for one in known]:
        return _read(CARRIED[pretrained])
    raise SearchSpaceError(
        f'`pretrained` must be "auto", False or one of {[one.name for one in known]}, received '
        f'{pretrained!r}. Pass pretrained="{known[0].name}".'
    )


def _read(one: Carried, note: str = "") -> SettledSpeech:
    embedding, spectrogram = (path.read_bytes() for path in one.required())
    return SettledSpeech(one.name, read_speech_tensors(embedding, spectrogram, one.name), note)


def _told(one: Carried) -> str:
    try:
        return f"{one.name} (package {one.package} {version(one.package)}, {one.licence})"
    except PackageNotFoundError:
        return f"{one.name} ({one.licence})"
