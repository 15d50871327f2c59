"""What every search space can be asked for, with a default for each question."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import keras_tuner
import tensorflow as tf

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.method import KerasFit, Method, Steps
from kerasnas.spaces.recipes import Recipe, ScheduleCallback

_KERAS_BATCH = 32  # rows in a step where nobody says how many, as in `keras.Model.fit`


class Space(keras_tuner.HyperModel):
    """A keras-tuner hypermodel that also says how its networks are fitted.

    Subclasses give `build`, and override what they know better than the default. Any stock
    `keras_tuner.Tuner` takes a space as it is.
    """

    turns_after: ClassVar[int | None] = None
    """Known-good configurations after which the search also tries steps from the best trials;
    `None` tries all known-good configurations first."""

    zero_cost: ClassVar[bool] = False
    """Whether scores of untrained networks tell its configurations apart."""

    default_epochs: ClassVar[int | None] = None
    """Epochs of a training that no budget limits; `None` lets the trial engine choose."""

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:
        super().__init__(name=name, tunable=tunable)
        if tunable:
            # keras-tuner hides `build` behind a wrapper that is bound to this very object: a copy
            # of the space would build the networks of the original.
            del self.build

    @property
    def portfolio(self) -> Sequence[Mapping[str, Any]]:
        """Known-good configurations, best first; missing hyperparameters take their defaults."""
        return ()

    def like_baseline(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Configurations of the same kind as a baseline, the best one first; none for most."""
        return ()

    def sketch(self, hp: keras_tuner.HyperParameters) -> Any:
        """Declares the hyperparameters as `build` does, where `build` needs slow data as well."""
        return self.build(hp)

    def form(self, hp: keras_tuner.HyperParameters) -> Hashable:
        """The form of the data that the network of these hyperparameters takes."""
        return None

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe | None:
        """Batch size, schedules and patience; `None` leaves them to the compiled model."""
        return Recipe(batch_size=_KERAS_BATCH)

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """How the network of these hyperparameters is fitted."""
        return Steps(self.recipe(hp))

    @property
    def has_own_fit(self) -> bool:
        """Whether a user has written the `fit`."""
        return False

    def solves_again(self) -> bool:
        """Whether some families can be fitted once more on other rows."""
        return False

    def front_sizes(self, hp: keras_tuner.HyperParameters) -> Mapping[str, float]:
        """`params`, `flops` and `peak_memory_bytes` of a large part in front of the network."""
        return {}

    def rows_at_once(self, hp: keras_tuner.HyperParameters) -> int | None:
        """Most rows of one call, for networks that hold much of each row; `None` for no limit."""
        return None

    def for_fold(self, number: int) -> Space:
        """The space for the networks of a fold, where it has learnt something from rows."""
        return self

    def on_its_own(self, hp: keras_tuner.HyperParameters) -> Space:
        """The space as another process builds the network of these hyperparameters: without rows.

        The same object for the same form of the data, so that it is sent once.
        """
        return self

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> Any:
        """Trains with the recipe in a stock keras-tuner search, which calls this method."""
        recipe = self.recipe(hp) or Recipe(batch_size=_KERAS_BATCH)
        if not isinstance(args[0] if args else kwargs.get("x"), tf.data.Dataset):
            kwargs.setdefault("batch_size", recipe.batch_size)
        epochs = kwargs.get("epochs", 1) - kwargs.get("initial_epoch", 0)
        schedule = ScheduleCallback(recipe.schedule, epochs, recipe.weight_decay)
        kwargs["callbacks"] = [*(kwargs.get("callbacks") or []), schedule]
        return model.fit(*args, **kwargs)


class UserSpace(Space):
    """A hypermodel or build function of a user as a space; nothing is guessed from its names.

    Args:
        hypermodel: The hypermodel, or a function from hyperparameters to a compiled model.
    """

    default_epochs = 1  # as in `keras.Model.fit`

    def __init__(
        self,
        hypermodel: keras_tuner.HyperModel | Callable[[keras_tuner.HyperParameters], Any],
    ) -> None:
        super().__init__()
        function = not isinstance(hypermodel, keras_tuner.HyperModel)
        self.hypermodel: keras_tuner.HyperModel = _Function(hypermodel) if function else hypermodel

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """The user's `build`."""
        return self.hypermodel.build(hp)

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> Any:
        """The user's `declare_hyperparameters`."""
        return self.hypermodel.declare_hyperparameters(hp)

    def recipe(self, hp: keras_tuner.HyperParameters) -> None:
        """`None`: only `compile` says how the model is trained."""
        return None

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """The user's own `fit` where there is one; else steps as the model is compiled."""
        return KerasFit() if self.has_own_fit else Steps()

    @property
    def has_own_fit(self) -> bool:
        """Whether the user has written a `fit`."""
        return type(self.hypermodel).fit is not keras_tuner.HyperModel.fit

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> Any:
        """The user's `fit`, or that of keras-tuner's class."""
        return self.hypermodel.fit(hp, model, *args, **kwargs)


class _Function(keras_tuner.HyperModel):
    """A build function as a hypermodel."""

    def __init__(self, build: Callable[[keras_tuner.HyperParameters], Any]) -> None:
        super().__init__()
        self.build = build


def as_space(
    hypermodel: keras_tuner.HyperModel | Callable[[keras_tuner.HyperParameters], Any],
) -> Space:
    """Any keras-tuner hypermodel or build function as a space.

    Args:
        hypermodel: A `Space`, which is returned as it is; another hypermodel; or a function.

    Raises:
        SearchSpaceError: If it is none of these.
    """
    if isinstance(hypermodel, Space):
        return hypermodel
    if isinstance(hypermodel, type) and issubclass(hypermodel, keras_tuner.HyperModel):
        raise SearchSpaceError(
            f"`hypermodel` is the class {hypermodel.__name__}, expected an object of it. Pass "
            f"`{hypermodel.__name__}()`."
        )
    if isinstance(hypermodel, keras.Model) or not (
        isinstance(hypermodel, keras_tuner.HyperModel) or callable(hypermodel)
    ):
        raise SearchSpaceError(
            "`hypermodel` must be a function `build(hp)` or a `keras_tuner.HyperModel`, received "
            f"{type(hypermodel).__name__}."
        )
    return UserSpace(hypermodel)
