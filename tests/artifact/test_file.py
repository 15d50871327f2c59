"""One `.keras` file: written whole or not at all, read without running anything in it."""

import contextlib
import json
import resource
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnas import artifact, assembly
from kerasnas.artifact import archive
from kerasnas.artifact.member import FORMAT, MEMBER
from kerasnas.data import MISSING_DATETIME, Column, Schema
from kerasnas.errors import ArtifactError
from kerasnas.preprocessing import fit_preprocessing
from kerasnas.spaces.heads import SmoothedCrossentropy

KINDS = {"age": "numeric", "city": "categorical", "when": "datetime"}
RAW = {
    "age": np.array([1, 2, np.nan, 4], dtype="float32"),
    "city": np.array(["a", "b", "", "a"], dtype=object),
    "when": np.array([0, 86_399, MISSING_DATETIME, -5], dtype="int64"),
}
DTYPES = {"age": "float32", "city": "string", "when": "int64"}


@pytest.fixture(scope="module")
def front():
    columns = tuple(Column(name, kind, "object", "given") for name, kind in KINDS.items())
    return fit_preprocessing(RAW, Schema(columns))


def network(width, units, activation=None, hidden=()):
    keras.utils.set_random_seed(0)
    x = matrix = keras.Input((width,))
    for size in hidden:
        x = keras.layers.Dense(size, activation="relu")(x)
    return keras.Model(matrix, keras.layers.Dense(units, activation=activation)(x))


@pytest.fixture(scope="module")
def model(front):
    return assembly.join(front.front, network(front.width, 3, "softmax"))


@pytest.fixture(scope="module")
def inputs():
    return artifact.as_inputs(RAW, DTYPES)


@pytest.fixture(scope="module")
def whole(model, front, tmp_path_factory):
    """The bytes of a good file with a member."""
    path = tmp_path_factory.mktemp("whole") / "model.keras"
    artifact.write(model, path, {"classes": ["x", "y", "z"]}, dict(front.probe))
    return path.read_bytes()


@pytest.fixture
def good(whole, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(whole)
    return path


def rewritten(path, **members):
    """The same zip with members replaced (bytes) or left out (None); dots are written as `__`."""
    changed = {name.replace("__", "."): content for name, content in members.items()}
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**kept, **changed}.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def config_with(path, change):
    """The same file with a changed `config.json`."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    change(config)
    return rewritten(path, config__json=json.dumps(config))


def saved(layer, path, shape=(2,)):
    x = keras.Input(shape)
    artifact.write(keras.Model(x, layer(x)), path)
    return path


class TestAssemble:
    def test_probabilities(self, model, inputs):
        answer = np.asarray(model(inputs, training=False))
        assert answer.shape == (4, 3)
        assert np.allclose(answer.sum(axis=1), 1, atol=1e-6)

    def test_inputs_are_a_dict_of_columns(self, model):
        assert {name: (t.shape, t.dtype) for name, t in model.input.items()} == {
            name: ((None, 1), dtype) for name, dtype in DTYPES.items()
        }

    def test_regression_answers_in_units_within_limits(self, front, inputs):
        body = network(front.width, 1)
        plain = np.asarray(body(front.transform(RAW)))
        scaled = assembly.join(front.front, body, assembly.Units(20.0, 1000.0, -1e9, 1e9))
        assert np.allclose(scaled(inputs), plain * 20 + 1000, rtol=1e-5)
        low, high = np.quantile(plain, [0.3, 0.7]) * 20 + 1000
        clipped = assembly.join(front.front, body, assembly.Units(20.0, 1000.0, low, high))
        assert np.allclose(clipped(inputs), np.clip(plain * 20 + 1000, low, high), rtol=1e-5)

    def test_the_network_is_shared_and_left_as_it_was(self, front):
        body = network(front.width, 2)
        body.compile("adam", "mse")
        before = [layer.name for layer in body.layers]
        assembly.join(front.front, body)
        model = assembly.join(front.front, body)  # a second time, for a second file
        assert [layer.name for layer in body.layers] == before
        assert body.compiled
        assert not model.compiled

    def test_export_as_saved_model(self, model, inputs, tmp_path):
        model.export(tmp_path / "saved", verbose=False)
        served = tf.saved_model.load(str(tmp_path / "saved"))
        assert np.allclose(served.serve(inputs), model(inputs, training=False), atol=1e-6)


class TestWrite:
    def test_file_holds_the_model_and_the_member(self, good, model, inputs):
        member = artifact.open_file(good).member()
        assert member["format"] == FORMAT
        assert member["classes"] == ["x", "y", "z"]
        again = artifact.load_model(good)
        assert np.array_equal(again(inputs), model(inputs, training=False))
        assert not again.compiled

    def test_plain_keras_ignores_the_member(self, good, model, inputs):
        assert np.array_equal(keras.models.load_model(good)(inputs), model(inputs))

    def test_saving_a_loaded_model_gives_the_same_model(self, good, inputs, tmp_path):
        first = artifact.load_model(good)
        artifact.write(first, tmp_path / "second.keras")
        second = artifact.load_model(tmp_path / "second.keras")
        assert second.get_config() == first.get_config()
        for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
            assert np.array_equal(a, b)
        assert np.array_equal(first(inputs), second(inputs))

    def test_an_older_file_is_replaced(self, good, front):
        artifact.write(assembly.join(front.front, network(front.width, 5)), good)
        assert artifact.load_model(good).output_shape == (None, 5)
        assert [p.name for p in good.parent.iterdir()] == [good.name]

    def test_permissions_are_those_of_any_new_file(self, good):
        other = good.with_name("other")
        other.touch()
        fresh = good.with_name("fresh.keras")
        artifact.write(artifact.load_model(good), fresh)
        assert fresh.stat().st_mode == other.stat().st_mode

    @pytest.mark.parametrize("step", ["save", "member", "check", "rename"])
    def test_a_failing_save_changes_nothing(self, good, front, monkeypatch, step):
        before = good.read_bytes()
        fresh = assembly.join(front.front, network(front.width, 5))
        member = {"classes": ["x", "y", "z"]}

        def fail(*args, **kwargs):
            raise OSError("no space left on device")

        if step == "save":
            monkeypatch.setattr(keras.saving, "save_model", fail)
        elif step == "member":
            member["odd"] = object()
        elif step == "check":
            monkeypatch.setattr(
                artifact.KerasFile, "model", lambda file: lambda x, training: np.ones(5)
            )
        else:
            monkeypatch.setattr(type(good), "replace", fail)
        with pytest.raises((OSError, TypeError, ArtifactError)):
            artifact.write(fresh, good, member, dict(front.probe))
        assert good.read_bytes() == before
        assert [p.name for p in good.parent.iterdir()] == [good.name]

    def test_a_full_disk_is_one_error(self, good, model):
        before = good.read_bytes()
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limit[1]))
        try:
            with pytest.raises(ArtifactError, match=r"model\.keras' cannot be written"):
                artifact.write(model, good)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert good.read_bytes() == before
        assert [p.name for p in good.parent.iterdir()] == [good.name]

    def test_a_folder_is_no_file(self, model, tmp_path):
        path = tmp_path / "model.keras"
        path.mkdir()
        with pytest.raises(ArtifactError, match="is a folder"):
            artifact.write(model, path)
        assert [p.name for p in tmp_path.iterdir()] == [path.name]

    def test_not_a_number_in_the_answers_is_no_proof(self, front, tmp_path):
        broken = network(front.width, 2)
        broken.set_weights([np.full_like(w, np.nan) for w in broken.get_weights()])
        path = tmp_path / "broken.keras"
        with pytest.raises(ArtifactError, match="answers differently"):
            artifact.write(assembly.join(front.front, broken), path, probe=dict(front.probe))
        assert not path.exists()

    @pytest.mark.parametrize("name", ["model", "model.h5", "model.keras.zip"])
    def test_another_ending(self, model, tmp_path, name):
        with pytest.raises(ArtifactError, match=r"must end in '\.keras'"):
            artifact.write(model, tmp_path / name)

    def test_no_folder(self, model, tmp_path):
        with pytest.raises(ArtifactError, match="does not exist"):
            artifact.write(model, tmp_path / "nowhere" / "model.keras")

    def test_no_optimiser_state(self, front, tmp_path):
        body = network(front.width, 2, hidden=(256, 256))
        body.compile(keras.optimizers.AdamW(), "sparse_categorical_crossentropy")
        body.fit(front.transform(RAW), np.array([0, 1, 0, 1]), verbose=0)
        model = assembly.join(front.front, body)
        path = tmp_path / "model.keras"
        artifact.write(model, path)
        assert path.stat().st_size < 4 * model.count_params() + 120_000
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        assert not config.get("compile_config")

    def test_a_loss_of_our_own_is_not_in_the_file(self, tmp_path):
        x = keras.Input((2,))
        body = keras.Model(x, keras.layers.Dense(3, activation="softmax")(x))
        body.compile("sgd", SmoothedCrossentropy(3, 0.1))
        artifact.write(body, tmp_path / "model.keras")
        assert body.compiled, "the model in memory stays as it was"
        assert not keras.models.load_model(tmp_path / "model.keras").compiled

    def test_nor_is_that_of_a_model_inside(self, tmp_path):
        x, y, z = (keras.Input((2,)) for _ in range(3))
        inner = keras.Model(x, keras.layers.Dense(3, activation="softmax")(x))
        inner.compile("sgd", SmoothedCrossentropy(3, 0.1))
        outer = keras.Model(z, keras.Model(y, inner(y))(z))
        artifact.write(outer, tmp_path / "model.keras")
        with zipfile.ZipFile(tmp_path / "model.keras") as archive:
            assert b"Smoothed" not in archive.read("config.json")
        assert inner.compiled and inner.optimizer is not None


class TestDamage:
    """Whatever is wrong with a file, it is an `ArtifactError` that names the file."""

    def both(self, path, match):
        for read in (lambda path: artifact.open_file(path).member(), artifact.load_model):
            with pytest.raises(ArtifactError, match=match) as caught:
                read(path)
            assert str(path) in str(caught.value)

    def test_no_file(self, tmp_path):
        self.both(tmp_path / "no.keras", "There is no file")
        self.both(tmp_path, "There is no file")

    @pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
    def test_no_zip(self, tmp_path, content):
        path = tmp_path / "model.keras"
        path.write_bytes(content)
        self.both(path, "is not a `.keras` file")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_truncated(self, good, whole, share):
        good.write_bytes(whole[: int(share * len(whole))])
        self.both(good, "is not a `.keras` file, or is damaged")

    def test_no_config(self, good):
        with pytest.raises(ArtifactError, match=r"holds no 'config\.json'"):
            artifact.load_model(rewritten(good, config__json=None))

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", "1", "null", "{}", '{"a": ' * 2000, "[" * 9999]
    )
    def test_odd_config(self, good, content):
        with pytest.raises(ArtifactError, match=r"damaged|cannot be loaded"):
            artifact.load_model(rewritten(good, config__json=content))

    def test_no_weights(self, good):
        with pytest.raises(ArtifactError, match="cannot be loaded"):
            artifact.load_model(rewritten(good, model__weights__h5=None))

    def test_plain_keras_file(self, model, tmp_path):
        path = tmp_path / "plain.keras"
        model.save(path)
        with pytest.raises(ArtifactError, match="plain Keras model"):
            artifact.open_file(path).member()
        artifact.load_model(path)

    @pytest.mark.parametrize(
        "content", ["", "{", "\xff", "[1]", "{}", '{"format": "1"}', "[" * 9999]
    )
    def test_odd_member(self, good, content):
        with pytest.raises(ArtifactError, match="is damaged"):
            artifact.open_file(rewritten(good, kerasnas__json=content.encode("latin-1"))).member()
        artifact.load_model(good)

    def test_newer_format(self, good):
        newer = json.dumps({"format": FORMAT + 1, "probe": {}})
        with pytest.raises(ArtifactError, match="Upgrade kerasnas"):
            artifact.open_file(rewritten(good, kerasnas__json=newer)).member()

    def test_too_large_a_member(self, good, monkeypatch):
        monkeypatch.setattr(archive, "_MOST_JSON_BYTES", 10)
        with pytest.raises(ArtifactError, match="too large"):
            artifact.open_file(good).member()

    def test_any_flipped_byte_of_the_member(self, good, whole):
        with zipfile.ZipFile(good) as archive:
            begin = archive.getinfo(MEMBER).header_offset
        rng = np.random.default_rng(0)
        outcomes = set()
        for place in range(begin, len(whole)):
            data = bytearray(whole)
            data[place] ^= int(rng.integers(1, 256))
            good.write_bytes(data)
            try:
                artifact.open_file(good).member()
                outcomes.add("read")  # a byte of no consequence, such as a date
            except ArtifactError:
                outcomes.add("refused")
        assert outcomes == {"read", "refused"}

    def test_a_flipped_byte_of_the_model(self, good, whole):
        with zipfile.ZipFile(good) as archive:
            members = [archive.getinfo("config.json"), archive.getinfo("model.weights.h5")]
        for member in members:
            for place in np.linspace(100, member.compress_size - 1, 12).astype(int):
                data = bytearray(whole)
                data[member.header_offset + place] ^= 0x55
                good.write_bytes(data)
                with pytest.raises(ArtifactError, match="damaged"):
                    artifact.load_model(good)


class TestCraftedFiles:
    """Loading imports nothing that a file names, and runs nothing that it holds."""

    @pytest.fixture
    def trap(self, tmp_path, monkeypatch):
        flag = tmp_path / "imported"
        code = f"open({str(flag)!r}, 'w').close()\nclass Layer: pass\ndef call(*a): pass\n"
        (tmp_path / "trap_module.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        return flag

    @pytest.mark.parametrize(
        "foreign",
        [
            {"module": "trap_module", "class_name": "Layer", "config": {}},
            {"module": "trap_module", "class_name": "Layer", "config": {}, "registered_name": "x"},
            {"module": "trap_module", "class_name": "function", "config": "call"},
            {
                "module": "trap_module",
                "class_name": "__typespec__",
                "spec_name": "Layer",
                "registered_name": None,
                "config": [],
            },
        ],
    )
    @pytest.mark.parametrize("place", ["model", "layer", "activation", "build"])
    def test_foreign_module(self, tmp_path, trap, foreign, place):
        path = saved(keras.layers.Dense(2, activation="relu"), tmp_path / "model.keras")

        def change(config):
            layers = config["config"]["layers"]
            if place == "model":
                config.update(foreign)
            elif place == "layer":
                layers[1].update(foreign)
            elif place == "activation":
                layers[1]["config"]["activation"] = foreign
            else:
                layers[1]["build_config"] = {"input_shape": foreign}

        with pytest.raises(ArtifactError, match="trap_module"):
            artifact.load_model(config_with(path, change))
        assert not trap.exists()

    def test_foreign_loss_of_a_compiled_model_is_not_looked_at(self, tmp_path, trap):
        path = saved(keras.layers.Dense(2), tmp_path / "model.keras")
        loss = {"module": "trap_module", "class_name": "Layer", "config": {}}
        change = {"compile_config": {"loss": loss, "optimizer": loss}}
        assert not artifact.load_model(config_with(path, lambda c: c.update(change))).compiled
        assert not trap.exists()

    @pytest.mark.parametrize("name", ["eval", "exec", "__import__", "open"])
    def test_builtins_of_python(self, tmp_path, name):
        path = saved(keras.layers.Dense(2, activation="relu"), tmp_path / "model.keras")
        builtin = {"module": "builtins", "class_name": "function", "config": name}

        def change(config):
            config["config"]["layers"][1]["config"]["activation"] = builtin

        with pytest.raises(ArtifactError):
            artifact.load_model(config_with(path, change))

    def test_keras_functions_that_do_things(self, tmp_path):
        path = saved(keras.layers.Dense(2, activation="relu"), tmp_path / "model.keras")
        fetch = {"module": "keras.utils", "class_name": "function", "config": "get_file"}

        def change(config):
            config["config"]["layers"][1]["config"]["activation"] = fetch

        with pytest.raises(ArtifactError):
            artifact.load_model(config_with(path, change))

    def test_lambda_layer(self, tmp_path):
        path = saved(keras.layers.Lambda(lambda x: x + 1), tmp_path / "model.keras")
        with pytest.raises(ArtifactError, match=r"[Ll]ambda"):
            artifact.load_model(path)

    @pytest.mark.parametrize("layer", ["StringLookup", "IntegerLookup", "TextVectorization"])
    def test_vocabulary_from_a_file_of_the_machine(self, tmp_path, layer):
        secret = tmp_path / "secret.txt"
        secret.write_text("1\n2\n")
        words = [1, 2] if layer == "IntegerLookup" else ["a", "b"]
        dtype = "int64" if layer == "IntegerLookup" else "string"
        x = keras.Input((1,), dtype=dtype)
        path = tmp_path / "model.keras"
        y = getattr(keras.layers, layer)(vocabulary=words)(x)
        artifact.write(keras.Model(x, y), path)

        def change(config):
            config["config"]["layers"][1]["config"]["vocabulary"] = str(secret)

        with pytest.raises(ArtifactError, match="vocabulary file"):
            artifact.load_model(config_with(path, change))

    def test_assets_do_not_leave_the_folder(self, good, tmp_path):
        outside = tmp_path.parent / "outside.txt"
        with zipfile.ZipFile(good, "a") as archive:
            archive.writestr("../outside.txt", "x")
            archive.writestr("assets/../../outside.txt", "x")
        with contextlib.suppress(ArtifactError):
            artifact.load_model(good)
        assert not outside.exists()

    def test_registered_objects_of_the_user_are_welcome(self, tmp_path):
        @keras.saving.register_keras_serializable("test_artifact")
        class Shift(keras.layers.Layer):
            def call(self, x):
                return x + 1

        @keras.saving.register_keras_serializable("test_artifact")
        def twice(x):
            return 2 * x

        x = keras.Input((2,))
        body = keras.Model(x, Shift()(keras.layers.Dense(2, activation=twice)(x)))
        artifact.write(body, tmp_path / "own.keras")
        again = artifact.load_model(tmp_path / "own.keras")
        assert np.allclose(again(np.ones((1, 2))), body(np.ones((1, 2))))


def test_as_inputs(inputs):
    assert {n: (t.shape.as_list(), t.dtype.name) for n, t in inputs.items()} == {
        name: ([4, 1], dtype) for name, dtype in DTYPES.items()
    }
    assert inputs["when"].numpy()[2, 0] == MISSING_DATETIME
    assert artifact.as_inputs({"x": [1, 2]}, {"x": "float32"})["x"].shape == (2, 1)
