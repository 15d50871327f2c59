"""Files made to harm whoever loads them: an `ArtifactError` each, soon, and nothing happens."""

import io
import json
import struct
import time
import tracemalloc
import zipfile
import zlib

import h5py
import keras
import numpy as np
import pytest

from kerasnas import artifact
from kerasnas.artifact import archive as zips
from kerasnas.artifact import plain_json
from kerasnas.artifact.unfit import Unfit
from kerasnas.errors import ArtifactError

CONFIG, WEIGHTS, MEMBER = "config.json", "model.weights.h5", "kerasnas.json"
MOST_SECONDS = 4.0  # of the processor: 1 on an idle machine; others may use the same one
SLOWED = 5  # while memory is traced
MOST_BYTES = 200 * 2**20


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The members of a small file."""
    x = keras.Input((2,))
    y = keras.layers.Dense(3, activation="relu", name="first")(x)
    path = tmp_path_factory.mktemp("plain") / "model.keras"
    artifact.write(keras.Model(x, keras.layers.Dense(1, name="second")(y)), path, {"a": 1})
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.keras"


def pack(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_config(path, plain, change):
    """A file with a changed configuration, and no digests."""
    config = json.loads(plain[CONFIG])
    change(config)
    members = {name: content for name, content in plain.items() if name != MEMBER}
    return pack(path, {**members, CONFIG: json.dumps(config)})


def read_member(path):
    return artifact.open_file(path).member()


def refused(path, match=".", read=artifact.load_model, memory=False):
    """Reads a file that must be refused, within the limits of time and, if asked, of memory."""
    begin = time.process_time()
    if memory:
        tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match=match) as caught:
            read(path)
        if memory:
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert time.process_time() - begin < (SLOWED if memory else 1) * MOST_SECONDS


def dense(config):
    return config["config"]["layers"][1]


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def lambda_layer(what, **arguments):
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "first", "function": what, "arguments": arguments},
        "registered_name": None,
        "build_config": {"input_shape": [None, 2]},
    }


def called_with(layer):
    """A call of a layer with the answer of another one."""
    history = {"shape": [None, 2], "dtype": "float32", "keras_history": [layer, 0, 0]}
    return {"args": [{"class_name": "__keras_tensor__", "config": history}], "kwargs": {}}


def in_place_of_the_layer(layer):
    return lambda config: dense(config).update(layer)


BYTECODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
FETCH = {"fname": "x", "origin": "file:///etc/hostname", "cache_dir": "/nowhere", "extract": True}


class TestKnownHoles:
    """One test for each public hole of Keras's loading."""

    @pytest.mark.parametrize("place", ["layer", "argument", "call", "shape"])
    def test_cve_2025_1550_any_function_of_any_module(self, path, plain, place, tmp_path):
        shell = function("os", "system")
        command = f"touch {tmp_path / 'acted'}"

        def change(config):
            layer = dense(config)
            if place == "layer":
                layer.update(shell)
                layer["inbound_nodes"][0] = {"args": [command], "kwargs": {}}
            elif place == "argument":
                layer["config"]["activation"] = shell
            elif place == "call":
                layer["inbound_nodes"][0]["kwargs"] = {"mask": shell}
            else:
                layer["build_config"] = {"input_shape": [shell]}

        refused(with_config(path, plain, change), r"uses os\.system")
        assert not (tmp_path / "acted").exists()

    def test_cve_2025_8747_gadgets_inside_keras(self, path, plain):
        layer = lambda_layer(function("keras.utils", "get_file"), **FETCH)
        refused(with_config(path, plain, in_place_of_the_layer(layer)), "Lambda")

    @pytest.mark.parametrize("switch", ["enable_unsafe_deserialization", "set_floatx"])
    def test_cve_2025_9906_settings_of_keras(self, path, plain, switch):
        layer = lambda_layer(function("keras.config", switch))
        refused(with_config(path, plain, in_place_of_the_layer(layer)), "Lambda")
        change = {"activation": function("keras.config", switch)}
        refused(with_config(path, plain, lambda c: dense(c)["config"].update(change)), switch)
        assert keras.config.floatx() == "float32"
        with pytest.raises(ValueError, match="lambda"):
            keras.saving.deserialize_keras_object(BYTECODE)

    @pytest.mark.parametrize("name", ["model.h5", "model.keras"])
    def test_cve_2025_9905_the_older_format(self, tmp_path, name):
        x = keras.Input((2,))
        keras.Model(x, keras.layers.Lambda(lambda x: x + 1)(x)).save(tmp_path / "old.h5")
        (tmp_path / "old.h5").rename(tmp_path / name)
        refused(tmp_path / name, "is not a `.keras` file")

    @pytest.mark.parametrize("layer", ["StringLookup", "IntegerLookup", "TextVectorization"])
    @pytest.mark.parametrize("place", ["/etc/passwd", "https://example.com/x", "gs://bucket/x"])
    def test_cve_2025_12058_vocabularies_from_elsewhere(self, path, plain, layer, place):
        lookup = {
            "module": "keras.layers",
            "class_name": layer,
            "config": {"name": "first", "vocabulary": place},
            "registered_name": None,
        }
        refused(with_config(path, plain, in_place_of_the_layer(lookup)), "vocabulary file")

    @pytest.mark.parametrize("cve", ["CVE-2025-12060", "CVE-2025-12638"])
    def test_archives_that_leave_their_folder(self, path, plain, cve):
        """Both are in `get_file(extract=True)`, that a file must not be able to call at all."""
        fetch = function("keras.utils", "get_file")

        def change(config):
            dense(config)["inbound_nodes"][0]["kwargs"] = {"training": fetch, "arguments": FETCH}

        refused(with_config(path, plain, change), r"keras\.utils\.get_file")

    def test_cve_2026_0897_shapes_without_numbers(self, path, plain):
        refused(pack(path, {**without_digests(plain), WEIGHTS: shape_bomb()}), "more numbers than")

    def test_cve_2026_1462_a_saved_model_of_somebody(self, path, plain):
        layer = {
            "module": "keras.layers",
            "class_name": "TFSMLayer",
            "config": {"name": "first", "filepath": "somewhere/evil", "call_endpoint": "serve"},
            "registered_name": None,
        }
        refused(with_config(path, plain, in_place_of_the_layer(layer)), "TFSMLayer")

    def test_cve_2026_1669_weights_of_another_file(self, path, plain, tmp_path):
        secret = tmp_path / "secret.bin"
        secret.write_bytes(b"x" * 24)
        external = [(str(secret), 0, 24)]
        weights = hdf5(lambda g: g.create_dataset("0", (2, 3), "float32", external=external))
        refused(pack(path, {**without_digests(plain), WEIGHTS: weights}), "other files")

    @pytest.mark.parametrize("name", ["../../outside", "..\\outside", "a/b", "x\0y"])
    def test_cve_2026_12479_names_that_are_paths(self, path, plain, name):
        refused(with_config(path, plain, lambda c: dense(c)["config"].update(name=name)), "named")

    @pytest.mark.parametrize("wrapper", ["TimeDistributed", "Bidirectional"])
    @pytest.mark.parametrize("inner", ["Lambda", "TorchModuleWrapper"])
    def test_cve_2026_12481_layers_inside_layers(self, path, plain, wrapper, inner):
        hidden = {"module": "keras.layers", "class_name": inner, "registered_name": None}
        hidden["config"] = {"function": BYTECODE, "module": "gASVAAAAAA=="}
        layer = {
            "module": "keras.layers",
            "class_name": wrapper,
            "config": {"name": "first", "layer": hidden},
            "registered_name": None,
        }
        refused(with_config(path, plain, in_place_of_the_layer(layer)), inner)

    def test_cve_2024_3660_bytecode(self, path, plain):
        change = {"activation": BYTECODE}
        refused(with_config(path, plain, lambda c: dense(c)["config"].update(change)), "lambda")


def without_digests(plain):
    return {name: content for name, content in plain.items() if name != MEMBER}


def hdf5(change, group="layers/dense/vars"):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        change(file.create_group(group))
    return content.getvalue()


def shape_bomb():
    return hdf5(lambda g: g.create_dataset("0", (10**6, 10**6), "float32", chunks=(1, 1000)))


class TestWeights:
    """Groups and plain datasets, and nothing else that HDF5 can do."""

    def change(self, path, plain, weights, match):
        refused(pack(path, {**without_digests(plain), WEIGHTS: weights}), match, memory=True)

    def test_soft_links(self, path, plain):
        def change(group):
            group["0"] = h5py.SoftLink("/elsewhere")

        self.change(path, plain, hdf5(change), "hold a link")

    def test_links_to_other_files(self, path, plain):
        def change(group):
            group["0"] = h5py.ExternalLink("elsewhere/other.h5", "/x")

        self.change(path, plain, hdf5(change), "hold a link")

    def test_circles(self, path, plain):
        def change(group):
            group["again"] = group.file["/layers"]

        self.change(path, plain, hdf5(change), "two names")

    def test_virtual_datasets(self, path, plain):
        def change(group):
            layout = h5py.VirtualLayout((2, 3), "float32")
            layout[:] = h5py.VirtualSource("elsewhere/other.h5", "x", (2, 3))
            group.create_virtual_dataset("0", layout)

        self.change(path, plain, hdf5(change), "other datasets")

    @pytest.mark.parametrize("kind", ["references", "strings", "names"])
    def test_other_things_than_numbers(self, path, plain, kind):
        def change(group):
            if kind == "references":
                group.create_dataset("0", (1,), h5py.ref_dtype)[0] = group.ref
            elif kind == "strings":
                group.create_dataset("0", data=["a"], dtype=h5py.string_dtype())
            else:
                group["0"] = np.dtype("float32")

        self.change(path, plain, hdf5(change), "than numbers|no dataset")

    def test_numbers_that_are_not_there(self, path, plain):
        def change(group):
            space = h5py.h5s.create_simple((10**9,))
            h5py.h5d.create(group.id, b"0", h5py.h5t.NATIVE_FLOAT, space)

        self.change(path, plain, hdf5(change), "more numbers than")

    def test_packed_numbers(self, path, plain):
        def change(group):
            group.create_dataset("0", data=np.zeros(10**7, "float32"), compression="gzip")

        self.change(path, plain, hdf5(change), "more numbers than")

    def test_a_few_numbers_in_a_large_chunk(self, path, plain):
        def change(group):
            made = group.create_dataset(
                "0", (3,), "float32", maxshape=(None,), chunks=(10**7,), compression="gzip"
            )
            made[:] = 1.0

        self.change(path, plain, hdf5(change), "more numbers than")

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
    def test_a_part_of_them(self, path, plain, share):
        half = plain[WEIGHTS][: int(share * len(plain[WEIGHTS]))]
        self.change(path, plain, half, "cannot be read")

    def test_no_hdf5(self, path, plain):
        self.change(path, plain, b"PK" * 1000, "cannot be read")

    def test_other_shapes_than_the_network_has(self, path, plain):
        content = io.BytesIO(plain[WEIGHTS])
        with h5py.File(content, "r+") as file:
            group = file["layers/dense/vars"]
            del group["0"]
            group["0"] = np.zeros((2, 4), "float32")
        self.change(path, plain, content.getvalue(), "cannot be loaded")


class TestConfiguration:
    """Small files that describe large networks, and names that no list holds."""

    @pytest.mark.parametrize("units", [10**6, 10**9, 10**15, 10**30])
    def test_layers_larger_than_their_weights(self, path, plain, units):
        change = {"units": units}
        match = "more weights than|cannot be loaded|too large"
        refused(with_config(path, plain, lambda c: dense(c)["config"].update(change)), match)

    def test_more_layers_than_the_weights_tell_of(self, path, plain):
        def change(config):
            layers = config["config"]["layers"]
            source = layers[1]
            layers.extend(
                {**source, "name": f"l{i}", "config": {**source["config"], "name": f"l{i}"}}
                for i in range(3000)
            )

        refused(with_config(path, plain, change), "layers")

    def test_models_in_models_in_models(self, path, plain):
        """Each calls the next one ten times: a thousand million calls after nine."""

        def change(config):
            inner = json.loads(json.dumps(config))
            for depth in range(9):
                outer = json.loads(json.dumps(inner))
                outer["config"]["layers"] = [outer["config"]["layers"][0]]
                node = called_with("input_layer")
                layer = {**inner, "name": f"inner{depth}", "inbound_nodes": [node] * 10}
                outer["config"]["layers"].append(layer)
                inner = outer
            config.clear()
            config.update(inner)

        refused(with_config(path, plain, change), "would be called|nested")

    def test_layers_in_no_order(self, path, plain):
        def change(config):
            layers = config["config"]["layers"]
            source = layers[1]
            chain = [
                {
                    **source,
                    "name": f"l{i}",
                    "config": {**source["config"], "name": f"l{i}"},
                    "inbound_nodes": [called_with(f"l{i + 1}")],
                }
                for i in range(2500)
            ]
            layers.extend(chain)

        refused(with_config(path, plain, change), "no order|too many")

    def test_time_steps_one_by_one(self, path, plain):
        layer = {
            "module": "keras.layers",
            "class_name": "GRU",
            "config": {"name": "first", "units": 1, "unroll": True},
            "registered_name": None,
        }
        refused(with_config(path, plain, in_place_of_the_layer(layer)), "unrolled")

    @pytest.mark.parametrize(
        "argument",
        [
            {"activation": "keras.utils.get_file"},
            {"activation": function("keras.activations", "relu")},
            {"activation": function("builtins", "eval")},
            {"kernel_initializer": "get_file"},
            {"kernel_initializer": function("keras.utils", "get_file")},
            {"dtype": "S1000000000"},
            {"dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "O"}}},
            {"bias_constraint": {"class_name": "MaxNorm", "config": {}}},
            {"activation": {"class_name": "__typespec__", "config": [], "module": "tensorflow"}},
            {"activation": "keras_tuner>RandAugment"},
        ],
    )
    def test_names_that_no_list_holds(self, path, plain, argument):
        refused(with_config(path, plain, lambda c: dense(c)["config"].update(argument)))

    def test_arrays_of_odd_types(self, path, plain):
        odd = {"class_name": "__numpy__", "config": {"value": [1], "dtype": "S1000000000"}}

        def change(config):
            dense(config)["inbound_nodes"][0]["kwargs"] = {"mask": odd}

        refused(with_config(path, plain, change), "is of type")

    def test_objects_of_a_library_that_is_loaded(self, path, plain):
        """keras-tuner registers a layer of its own: nobody has asked for it."""
        layer = {
            "module": "keras_tuner.src.applications.augment",
            "class_name": "RandAugment",
            "config": {"name": "first"},
            "registered_name": "keras_tuner>RandAugment",
        }
        refused(with_config(path, plain, in_place_of_the_layer(layer)), "RandAugment")

    @pytest.mark.parametrize(
        "change",
        [
            {"module": ["keras.layers"]},
            {"class_name": ["Dense"]},
            {"name": ["first"]},
            {"inbound_nodes": [{"args": [{"class_name": "__keras_tensor__"}], "kwargs": {}}]},
            {"config": {"dtype": {"module": "keras", "class_name": "DTypePolicy", "config": 1}}},
            {
                "config": {
                    "dtype": {
                        "module": "keras",
                        "class_name": "DTypePolicy",
                        "config": {"name": ["float32"]},
                    }
                }
            },
        ],
        ids=str,
    )
    def test_values_of_other_types(self, path, plain, change):
        refused(
            with_config(path, plain, lambda c: dense(c).update(change)), "damaged|no layer|none"
        )

    def test_classes_by_their_bare_name(self, path, plain):
        """Keras has an older way to find a class, which asks for no module."""
        mine = type("Shift", (keras.layers.Layer,), {})
        layer = {"class_name": "TFSMLayer", "registered_name": "mine>Shift"}

        def change(config):
            dense(config).update(layer)
            del dense(config)["module"]

        with keras.saving.custom_object_scope({"mine>Shift": mine}):
            refused(with_config(path, plain, change), "says no module")

    def test_constants_that_are_computed_with_while_loading(self, path, plain):
        one = {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32"}}
        tile = {
            "module": "keras.src.ops.numpy",
            "class_name": "Tile",
            "config": {"name": "first", "repeats": [10**9]},
            "registered_name": None,
            "inbound_nodes": [{"args": [one], "kwargs": {}}],
        }
        refused(with_config(path, plain, in_place_of_the_layer(tile)), "without any answer")

    @pytest.mark.parametrize("name", ["Flatten", "Dense"])
    def test_a_layer_that_is_no_model(self, path, plain, name):
        config = {"name": "first", **({"units": 1} if name == "Dense" else {})}
        layer = {"module": "keras.layers", "class_name": name, "config": config}
        layer["registered_name"] = None
        members = {**without_digests(plain), CONFIG: json.dumps(layer)}
        refused(pack(path, members), "cannot be loaded")

    def test_what_the_caller_names_is_opened(self, path, plain):
        mine = type("Dense", (keras.layers.Dense,), {})

        def change(config):
            dense(config).update(module="x", class_name="Mine", registered_name="Mine")

        file = with_config(path, plain, change)
        refused(file, r"uses x\.Mine")
        with keras.saving.custom_object_scope({"Mine": mine}):
            assert type(artifact.load_model(file).layers[1]) is mine


class TestZip:
    """The directory of the zip is judged before anything in it is unpacked."""

    def test_a_vocabulary_that_keras_keeps_is_opened(self, tmp_path):
        lookup = keras.layers.StringLookup()
        lookup.adapt(np.array(["a", "b", "a"]))
        x = keras.Input((1,), dtype="string")
        artifact.write(keras.Model(x, lookup(x)), tmp_path / "a.keras", {"a": 1})
        again = artifact.open_file(tmp_path / "a.keras")
        assert any(name.startswith("assets/") for name in again.member() and again.members)
        assert again.model().layers[-1].get_vocabulary() == ["[UNK]", "a", "b"]

    @pytest.mark.parametrize(
        "name",
        [
            "../x",
            "/etc/x",
            "x.py",
            "assets/../../vocabulary.txt",
            "config.json/",
            "C:\\x",
            "a" * 500,
            "assets/" + "x/" * 40 + "vocabulary.txt",
            "model.weights.npz",
            "assets/a/other.txt",
        ],
    )
    def test_names(self, path, plain, name):
        refused(pack(path, {**plain, name: "x"}), "holds a member")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_two_members_of_one_name(self, path, plain):
        pack(path, plain)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(CONFIG, "{}")
        refused(path, "two members")

    def test_links(self, path, plain):
        link = zipfile.ZipInfo(MEMBER)
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(pack(path, without_digests(plain)), "a") as archive:
            archive.writestr(link, "/etc/passwd")
        refused(path, "is a link")

    def test_encryption(self, path, plain):
        data = bytearray(pack(path, plain).read_bytes())
        place = data.index(b"PK\x01\x02")
        data[place + 8] |= 1
        path.write_bytes(data)
        refused(path, "encrypted")

    @pytest.mark.parametrize("name", [CONFIG, MEMBER, "metadata.json", WEIGHTS])
    def test_bombs(self, path, plain, name):
        bomb = b" " * (100 * 2**20)
        refused(pack(path, {**plain, name: bomb}, zipfile.ZIP_DEFLATED), "too large", memory=True)

    def test_bombs_in_many_vocabularies(self, path, plain):
        words = {f"assets/a{i}/vocabulary.txt": b"a" * (30 * 2**20) for i in range(3)}
        refused(pack(path, {**plain, **words}, zipfile.ZIP_DEFLATED), "vocabularies", memory=True)

    def test_bombs_that_declare_little(self, path, plain):
        bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = bomb.compress(b" " * (300 * 2**20)) + bomb.flush()
        data = pack(path, {**without_digests(plain), MEMBER: "{}" * 500}, zipfile.ZIP_STORED)
        with zipfile.ZipFile(data, "w") as archive:
            for name, content in without_digests(plain).items():
                archive.writestr(name, content)
            archive.writestr(MEMBER, packed)
            archive.getinfo(MEMBER).compress_type = zipfile.ZIP_DEFLATED
            archive.getinfo(MEMBER).file_size = 1000
        content = bytearray(path.read_bytes())
        place = content.index(b"PK\x03\x04", content.index(WEIGHTS.encode()))
        struct.pack_into("<H", content, place + 8, zipfile.ZIP_DEFLATED)
        path.write_bytes(content)
        refused(path, "damaged", memory=True)

    def test_members_over_the_same_bytes(self, path, plain):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in plain.items():
                archive.writestr(name, content)
            archive.getinfo(MEMBER).header_offset = archive.getinfo(WEIGHTS).header_offset
        refused(path, "overlap")

    def test_something_before_the_zip(self, path, plain):
        path.write_bytes(b"#!/bin/sh\n" + pack(path, plain).read_bytes())
        refused(path, "stands before")

    def test_too_many_members(self, path, plain):
        members = {f"assets/{i}/vocabulary.txt": "" for i in range(100)}
        refused(pack(path, {**plain, **members}), "holds 10")
        members = {f"assets/{i}/vocabulary.txt": "" for i in range(20_000)}
        refused(pack(path, {**plain, **members}), "directory is too large")

    def test_sizes_that_differ(self, path, plain):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in plain.items():
                archive.writestr(name, content)
            archive.getinfo(CONFIG).file_size += 10
        refused(path, "two sizes")

    def test_packed_as_nothing_of_keras_is(self, path, plain):
        refused(pack(path, plain, zipfile.ZIP_LZMA), "packed in a way")

    def test_weights_that_a_zip_tool_packed_are_opened(self, path, plain):
        artifact.load_model(pack(path, plain, zipfile.ZIP_DEFLATED))


class TestJson:
    """Depth and number of values are known before JSON is parsed."""

    @pytest.mark.parametrize(
        "text",
        [
            "[" * 10**6,
            "[" * 10**6 + "]" * 10**6,
            '{"a":' * 10**6,
            "[" + "[]," * 3 * 10**6 + "1]",
            "[" + "{}," * 3 * 10**6 + "1]",
            "[" + "1," * 5 * 10**6 + "1]",
            '"' + '\\"' * 4 * 10**6,
            '"' + "\\" * (8 * 10**6 + 1),
            '"a" ' * 4 * 10**6,
            "1" * 10**7,
            "[\u00e9]",
            "\0[\0]\0",
        ],
        ids=lambda text: text[:8],
    )
    @pytest.mark.parametrize("name", [CONFIG, MEMBER])
    def test_large_and_deep(self, path, plain, text, name):
        pack(path, {**plain, name: text}, zipfile.ZIP_DEFLATED)
        read = artifact.load_model if name == CONFIG else read_member
        refused(path, ".", read, memory=True)

    def test_brackets_in_words_are_no_depth(self):
        words = ["[" * 500, '\\"[[[', "{", "\\"] * 100
        assert plain_json.parse_json(json.dumps(words).encode(), "x") == words
        with pytest.raises(Unfit, match="nested"):
            plain_json.parse_json(b'["]"' + b",[" * 200, "x")


class TestDigests:
    """The extra member belongs to one model."""

    @pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
    def test_of_another_model(self, path, plain, name):
        x = keras.Input((2,))
        artifact.write(keras.Model(x, keras.layers.Dense(5)(x)), path, {"a": 2})
        with zipfile.ZipFile(path) as archive:
            other = archive.read(name)
        pack(path, {**plain, name: other})
        refused(path, "for another model", read_member)

    def test_of_before_there_were_any(self, path, plain):
        old = {key: value for key, value in json.loads(plain[MEMBER]).items() if key != "digests"}
        pack(path, {**plain, MEMBER: json.dumps(old)})
        assert artifact.open_file(path).member() == {"format": 1, "a": 1}

    @pytest.mark.parametrize("digests", [{}, [], "x", {CONFIG: None}])
    def test_that_are_none(self, path, plain, digests):
        member = {**json.loads(plain[MEMBER]), "digests": digests}
        pack(path, {**plain, MEMBER: json.dumps(member)})
        refused(path, "for another model", read_member)


def test_a_file_is_read_once(path, plain, monkeypatch):
    """What was judged is what Keras gets, whatever becomes of the file meanwhile."""
    file = artifact.open_file(pack(path, plain))
    path.write_bytes(b"something else")
    file.member()
    assert file.model().count_params() == 13


@pytest.mark.parametrize("seed", range(3))
def test_random_damage(path, plain, seed):
    """Whatever byte is changed: the same answers, or an error of ours."""
    rng = np.random.default_rng(seed)
    whole = pack(path, plain).read_bytes()
    rows = np.ones((2, 2), "float32")
    answer = np.asarray(artifact.load_model(path)(rows))
    kept = 0
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(0, 256)
        if rng.random() < 0.2:
            cut = rng.integers(0, len(data))
            data = data[:cut] + data[cut + rng.integers(0, 50) :]
        path.write_bytes(data)
        try:
            file = artifact.open_file(path)
            assert file.member() == {"format": 1, "a": 1}
            assert np.array_equal(file.model()(rows), answer)
            kept += 1
        except ArtifactError:
            pass
    assert kept < 60


@pytest.mark.parametrize("seed", range(3))
def test_damage_that_no_checksum_tells(path, plain, seed):
    """The same behind checksums: what the parsers of JSON, of Keras and of HDF5 make of it."""
    rng = np.random.default_rng(seed)
    members = without_digests(plain)
    for turn in range(20):
        name = (CONFIG, WEIGHTS)[turn % 2]
        data = bytearray(members[name])
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(32, 127) if name == CONFIG else rng.integers(0, 256)
        pack(path, {**members, name: bytes(data)})
        try:
            artifact.load_model(path)
        except ArtifactError as error:
            assert str(path) in str(error)


def test_limits_leave_room_for_wide_tables():
    """Files of 2,000 columns: 1.9 MB of JSON, 135,000 values, 4,020 layers, 16 deep."""
    assert zips._MOST_JSON_BYTES > 5 * 1.9 * 10**6
    assert plain_json._MOST_VALUES > 5 * 135_000
    assert plain_json._MOST_DEPTH > 5 * 16
