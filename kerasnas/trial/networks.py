"""The networks of trials: a file each, and the way from a network to the exported model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerasnas import artifact
from kerasnas.clock import Stopwatch
from kerasnas.errors import ArtifactError
from kerasnas.history import TrialRecord
from kerasnas.problem.view import as_it_is
from kerasnas.trial.rebuilt import Rebuild, compiled_like, rebuilt, write_weights

Assemble = Callable[[keras.Model], keras.Model]
"""From a network to the exported model, which takes raw data."""

_ENDING = ".network.keras"
_MOST_BYTES = 256 * 2**20  # of networks in memory, by the sizes of their files


def hyperparameters(trial: TrialRecord) -> keras_tuner.HyperParameters:
    """The values of a trial as hypermodels take them."""
    hp = keras_tuner.HyperParameters()
    hp.values = dict(trial.values)
    return hp


def network_path(folder: Path, trial_id: str) -> Path:
    """Where the file of a trial is, or would be."""
    return folder / f"{trial_id}{_ENDING}"


def write_network(network: keras.Model, path: Path, *, buildable: bool) -> None:
    """Writes a fitted network.

    Args:
        network: The network.
        path: The file.
        buildable: Whether it can be built anew: then its weights are enough where no file can hold
            all of it.

    Raises:
        ArtifactError: If no file can hold it.
    """
    try:
        artifact.write(network, path)
    except ArtifactError:
        if not buildable:
            raise
        write_weights(network, path)


class Networks:
    """Keeps the network of each trial, and puts exported models together when they are asked for.

    A trial writes its network only. The front end is the same for all trials of one form of the
    data: to trace and to write it with each of them took longer than many trainings.

    Args:
        folder: Where the files are.
        assembler: From hyperparameters to what makes the exported model of a network, for trials
            that an earlier process has run. Without it nothing stands in front of the networks.
        rebuild: Builds a network anew, where no file can hold it; `None` where a file holds all.
    """

    def __init__(
        self,
        folder: Path,
        assembler: Callable[[Any], Assemble] | None = None,
        rebuild: Rebuild | None = None,
    ) -> None:
        self.folder = folder
        self._rebuild = rebuild
        self._assembler_for = assembler
        self._held: dict[str, keras.Model] = {}
        self._assemblers: dict[str, Assemble] = {}
        self._models: dict[str, keras.Model] = {}
        self._keeps_models = True
        self._seconds: dict[int, float] = {}  # that assembling has taken, by assembler

    def path(self, trial_id: str) -> Path:
        """Where the file of a trial is, or would be."""
        return network_path(self.folder, trial_id)

    def there(self, trial_id: str) -> bool:
        """Whether the network of a trial is kept."""
        return self.path(trial_id).is_file()

    def keep(
        self,
        trial_id: str,
        network: keras.Model,
        assemble: Assemble = as_it_is,
        held: bool = False,
    ) -> None:
        """Writes the network of a trial.

        Args:
            trial_id: The trial.
            network: Its fitted network.
            assemble: Puts the exported model together; it must not hold on to the data.
            held: Whether the network stays in memory, too, as far as there is room.
        """
        write_network(network, self.path(trial_id), buildable=self._rebuild is not None)
        self.written(trial_id, assemble, network if held else None)

    def written(self, trial_id: str, assemble: Assemble, network: keras.Model | None) -> None:
        """Takes note that the file of a trial has been written.

        Args:
            trial_id: The trial.
            assemble: As in `keep`.
            network: Its network, to be kept in memory as far as there is room; `None` where the
                file is enough.
        """
        self._assemblers[trial_id] = assemble
        self._models.pop(trial_id, None)
        self._held.pop(trial_id, None)
        if network is not None:
            # A model around the same layers, without the optimiser and its state.
            self._held[trial_id] = keras.Model(network.input, network.output, name=network.name)

    def seconds_of_assembling(self, trial: TrialRecord) -> float:
        """How long it takes to put the exported model of a trial together.

        It is measured once for each form of the data.
        """
        assemble = self._assemblers[trial.trial_id]
        if id(assemble) not in self._seconds:
            watch = Stopwatch()
            self._models[trial.trial_id] = assemble(self.network(trial))
            self._seconds[id(assemble)] = watch.seconds
        return self._seconds[id(assemble)]

    def network(self, trial: TrialRecord) -> keras.Model:
        """The network of a trial, with the weights that were scored.

        Raises:
            ArtifactError: If its file is missing or damaged.
        """
        if trial.trial_id in self._held:
            return self._held[trial.trial_id]
        path = self.path(trial.trial_id)
        try:
            return artifact.load_written(path)
        except ArtifactError:
            # A model of the user's own, which Keras cannot make of a file: `build` can.
            if self._rebuild is None or not path.is_file():
                raise
            return rebuilt(self._rebuild.network(hyperparameters(trial), trial.number), path)

    def model(self, trial: TrialRecord) -> keras.Model:
        """The exported model of a trial: the one that was scored, behind the front end.

        Raises:
            ArtifactError: If the file of its network is missing or damaged.
        """
        if trial.trial_id in self._models:
            return self._models[trial.trial_id]
        model = self._assembler(trial)(self.network(trial))
        if self._keeps_models:
            self._models[trial.trial_id] = model
        return model

    def compiled(self, trial: TrialRecord) -> keras.Model:
        """As `model`, and compiled as the user's `build` compiles it, so that it can `evaluate`.

        Where `build` gives another network now, the model of the file answers, uncompiled. The
        models of kerasnas are uncompiled, too.

        Raises:
            ArtifactError: As in `model`.
        """
        model = self.model(trial)
        if self._rebuild is None or model.compiled:
            return model
        return compiled_like(model, self._rebuild, hyperparameters(trial), trial.number)

    def tidy(self) -> None:
        """Lets go of trials without a file, and of the oldest networks that find no room."""
        for store in (self._held, self._assemblers, self._models):
            for trial_id in [k for k in store if not self.there(k)]:
                del store[trial_id]
        known = {id(assemble) for assemble in self._assemblers.values()}
        self._seconds = {k: v for k, v in self._seconds.items() if k in known}
        room = _MOST_BYTES
        for trial_id in reversed([*self._held]):
            room -= self.path(trial_id).stat().st_size
            if room < 0:
                del self._held[trial_id]

    @property
    def held(self) -> frozenset[str]:
        """The trials whose networks are in memory."""
        return frozenset(self._held)

    def release(self) -> None:
        """Lets go of everything in memory when a search has ended: files are enough from here on.

        Whoever asks for a model from now on gets one of their own. The data go as well, unless
        trials of an earlier process need them for their front ends.
        """
        self._keeps_models = False
        self._held.clear()
        self._models.clear()
        kept = [p.name.removesuffix(_ENDING) for p in self.folder.glob(f"*{_ENDING}")]
        if all(trial_id in self._assemblers for trial_id in kept):
            self._assembler_for = None

    def _assembler(self, trial: TrialRecord) -> Assemble:
        if trial.trial_id not in self._assemblers:
            ask = self._assembler_for
            found = as_it_is if ask is None else ask(hyperparameters(trial))
            self._assemblers[trial.trial_id] = found
        return self._assemblers[trial.trial_id]
