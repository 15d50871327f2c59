"""The networks of trials: a file each, and exported models when they are asked for."""

import keras
import numpy as np
import pytest

from kerasnas.errors import ArtifactError
from kerasnas.history import TrialRecord
from kerasnas.trial import networks as module
from kerasnas.trial.networks import Networks

X = np.arange(6, dtype="float32").reshape(3, 2)


def network(weight: float = 1.0) -> keras.Model:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, name="d")(inputs), name="n")
    model.compile("adam", "mse")
    model.set_weights([np.full((2, 1), weight, "float32")])
    return model


class Front:
    """Doubles what goes in, and counts how often it is put in front of a network."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, network: keras.Model) -> keras.Model:
        self.calls += 1
        inputs = keras.Input((2,))
        return keras.Model(inputs, network(keras.layers.Rescaling(2.0)(inputs)))


def trial(number: int) -> TrialRecord:
    return TrialRecord(number, {"a": number})


@pytest.fixture
def front():
    return Front()


@pytest.fixture
def kept(tmp_path, front):
    found = Networks(tmp_path)
    for number in range(3):
        found.keep(f"{number:04d}", network(number + 1.0), front, held=True)
    return found


def test_a_trial_writes_its_network_and_puts_nothing_together(kept, front):
    assert front.calls == 0
    loaded = keras.models.load_model(kept.path("0001"))
    np.testing.assert_allclose(loaded(X), X.sum(axis=1, keepdims=True) * 2)
    assert not loaded.compiled


def test_the_exported_model_is_put_together_once_while_the_search_runs(kept, front):
    model = kept.model(trial(1))
    np.testing.assert_allclose(model(X), X.sum(axis=1, keepdims=True) * 4)
    assert kept.model(trial(1)) is model and front.calls == 1


def test_after_the_search_everybody_gets_a_model_of_their_own(kept, front):
    kept.release()
    assert not kept.held
    first, second = kept.model(trial(1)), kept.model(trial(1))
    assert first is not second
    np.testing.assert_allclose(first(X), second(X))


def test_assembling_is_measured_once_for_each_form_of_the_data(kept, front):
    for trial_id in ("0000", "0001", "0002"):
        assert kept.seconds_of_assembling(trial(int(trial_id))) > 0
    assert front.calls == 1


def test_a_trial_of_an_earlier_process_finds_its_front_end_in_the_data(kept, front, tmp_path):
    asked = []

    def assembler(hp):
        asked.append(hp.values)
        return front

    later = Networks(tmp_path, assembler)
    later.release()  # the data stay: these trials need them
    np.testing.assert_allclose(later.model(trial(2))(X), kept.model(trial(2))(X))
    assert asked == [{"a": 2}]


def test_what_has_no_file_goes(kept):
    kept.path("0001").unlink()
    kept.tidy()
    assert kept.held == {"0000", "0002"} and not kept.there("0001")
    with pytest.raises(ArtifactError, match="There is no file"):
        kept.model(trial(1))


def test_the_oldest_go_where_all_are_too_large(kept, monkeypatch):
    sizes = [kept.path(f"{i:04d}").stat().st_size for i in range(3)]
    monkeypatch.setattr(module, "_MOST_BYTES", sum(sizes[1:]))
    kept.tidy()
    assert kept.held == {"0001", "0002"}
    np.testing.assert_allclose(kept.network(trial(0))(X), X.sum(axis=1, keepdims=True))
