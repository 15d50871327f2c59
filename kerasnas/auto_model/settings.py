"""Arguments of blocks: a value, a hyperparameter of the user's own, or left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras_tuner

from kerasnas.data.names import did_you_mean
from kerasnas.errors import SearchSpaceError


class Settings:
    """What the user says of the hyperparameters of one part.

    A setting is a value (`units=64`), a list of values to choose from (`units=[32, 64]`), a
    keras-tuner hyperparameter object, or a function of `hp` that declares one
    (`lambda hp: hp.Int("units", 16, 256)`).

    Args:
        owner: Name of the part.
        given: Settings by name of the hyperparameter.
    """

    def __init__(self, owner: str, given: Mapping[str, Any]) -> None:
        self.owner = owner
        self.given = dict(given)
        self._asked: dict[str, None] = {}

    @property
    def open(self) -> bool:
        """Whether a setting has not been asked for yet."""
        return any(name not in self._asked for name in self.given)

    def check(self) -> None:
        """Says which settings no hyperparameter of the part has asked for.

        Raises:
            SearchSpaceError: If there are any; to be called once all branches have been built.
        """
        unknown = [name for name in self.given if name not in self._asked]
        if unknown:
            hint = did_you_mean(unknown[0], list(self._asked))
            raise SearchSpaceError(
                f"`{self.owner}` has no hyperparameter `{unknown[0]}`{hint}; it has "
                f"{', '.join(sorted(self._asked)) or 'none'}."
            )

    def on(self, hp: keras_tuner.HyperParameters) -> Any:
        """The same hyperparameters, with the user's settings in place of the part's own ranges."""
        return _Settled(hp, self)

    def settle(self, hp: keras_tuner.HyperParameters, name: str, open_: Callable[[], Any]) -> Any:
        """The value of one hyperparameter."""
        self._asked[name] = None
        if name not in self.given:
            return open_()
        given = self.given[name]
        if callable(given) and not isinstance(given, type):
            return given(hp)
        if isinstance(given, keras_tuner.engine.hyperparameters.HyperParameter):
            config = given.get_config()
            kept = {k: v for k, v in config.items() if k not in ("name", "conditions")}
            return getattr(hp, type(given).__name__)(name, **kept)
        if isinstance(given, Sequence) and not isinstance(given, str):
            return hp.Choice(name, list(given))
        return hp.Fixed(name, given)


class _Settled:
    """Hands everything on to keras-tuner's hyperparameters but what the user has settled."""

    def __init__(self, hp: keras_tuner.HyperParameters, settings: Settings) -> None:
        self._hp = hp
        self._settings = settings

    def Choice(self, name: str, values: Sequence[Any], **rest: Any) -> Any:
        return self._settings.settle(self._hp, name, lambda: self._hp.Choice(name, values, **rest))

    def Int(self, name: str, *bounds: Any, **rest: Any) -> Any:
        return self._settings.settle(self._hp, name, lambda: self._hp.Int(name, *bounds, **rest))

    def Float(self, name: str, *bounds: Any, **rest: Any) -> Any:
        return self._settings.settle(self._hp, name, lambda: self._hp.Float(name, *bounds, **rest))

    def Boolean(self, name: str, **rest: Any) -> Any:
        return self._settings.settle(self._hp, name, lambda: self._hp.Boolean(name, **rest))

    def Fixed(self, name: str, value: Any, **rest: Any) -> Any:
        return self._settings.settle(self._hp, name, lambda: self._hp.Fixed(name, value, **rest))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hp, name)
