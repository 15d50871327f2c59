"""What a model consists of, `config.json`, judged before Keras builds anything from it.

Keras finds classes and functions by the names in a file. Here every name in the tree is looked up
in `allowed`, wherever it stands: layers, their arguments, shapes, models in models. What is left is
bounded too, because a small file can describe a large computation.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from kerasnas.artifact import allowed
from kerasnas.artifact.unfit import Unfit

# A table of 2,000 columns has 4,020 layers and operations. Its weights take 2 KB for each of them:
# Keras writes a group for every layer, also for one without weights.
_MOST_LAYERS = 20_000
_LAYERS_OF_SMALL_FILES = 2_000
_WEIGHTS_BYTES_FOR_A_LAYER = 256

_MOST_CALLS = 100_000  # of layers while Keras builds; a model in a model is called with all it has
_MOST_DETOURS = 5_000_000  # layers x references to a layer further down: Keras tries again for each
_LARGEST_NUMBER = 2**64

_TYPED_FORMS = frozenset({"__keras_tensor__", "__numpy__", "__tensor__"})
_PLAIN_FORMS = _TYPED_FORMS | {"__slice__", "__ellipsis__"}
_BY_NAME = {  # how the key of an argument ends -> names that it may have
    "activation": allowed.ACTIVATIONS,
    "initializer": allowed.INITIALIZERS,
    "regularizer": allowed.REGULARIZERS,
    "constraint": allowed.CONSTRAINTS,
    "dtype": allowed.DTYPES,
}


def checked_config(config: Any, weights_bytes: int) -> dict[str, Any]:
    """The configuration of a model without what belongs to its training.

    Args:
        config: What `config.json` holds. It is changed.
        weights_bytes: Size of the file of weights, which bounds the number of layers.

    Raises:
        Unfit: If anything in it is not on the list, or is too large.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise Unfit("is damaged: its 'config.json' describes no model.")
    judge = _Judge()
    try:
        calls = judge.item(config)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unfit(
            f"is damaged: its 'config.json' is none that Keras writes ({error})."
        ) from error
    if judge.foreign:
        raise Unfit(
            f"uses {', '.join(sorted(judge.foreign))}, which kerasnas does not open. A file may "
            "name the layers and operations of Keras that only compute, and layers of your own: "
            "import the module that registers them (`keras.saving.register_keras_serializable`) "
            "before loading, or load within `keras.saving.custom_object_scope`."
        )
    most = _LAYERS_OF_SMALL_FILES + weights_bytes // _WEIGHTS_BYTES_FOR_A_LAYER
    if judge.layers > min(_MOST_LAYERS, most):
        raise Unfit(f"is not opened: it has {judge.layers:,} layers, too many for its weights.")
    if calls > _MOST_CALLS:
        raise Unfit(f"is not opened: its layers would be called {calls:,} times to build it.")
    return config


class _Judge:
    """Goes through a configuration once. Methods return how many calls of layers they met."""

    def __init__(self) -> None:
        self.foreign: set[str] = set()
        self.layers = 0
        self._registered = keras.saving.get_custom_objects()

    def value(self, value: Any) -> int:
        """Anything: plain data, with objects of Keras in it."""
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                return self.item(value)
            return sum(self.value(part) for part in value.values())
        if isinstance(value, list):
            return sum(self.value(part) for part in value)
        if isinstance(value, str):
            # Keras takes any string that is the name of a registered object for the object.
            if value in self._registered and not self._is_of_the_user(value):
                self.foreign.add(value)
        elif isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
            raise Unfit("is damaged: its 'config.json' holds a number that is too large.")
        return 0

    def item(self, item: dict[str, Any]) -> int:
        """An object of Keras: a class with its arguments."""
        module, name, content = item.get("module"), item["class_name"], item.get("config")
        if name in _PLAIN_FORMS and module is None:
            _check_plain_form(name, content)
            return self.value(content)
        if name == "function":
            if not isinstance(content, str) or not self._is_of_the_user(content):
                self.foreign.add(_named(item))
            return 0
        if not isinstance(module, str):  # Keras would look for the class by its bare name
            raise Unfit(f"is damaged: its {name[:100]} says no module.")
        registered = item.get("registered_name", name)
        if (module, name) in allowed.CLASSES:
            known = registered in (None, name)
        else:
            known = self._is_of_the_user(registered)
        if not known:
            self.foreign.add(_named(item))
            return 0
        if not isinstance(content, dict):
            raise Unfit(f"is damaged: the arguments of its {name} are no dict.")
        item.pop("compile_config", None)  # not used: the model stays uncompiled
        self._check_arguments(name, content)
        for key in ("name", "inbound_nodes"):
            self.value(item.get(key))
        self._shapes(item.get("build_config"))
        if isinstance(content.get("layers"), list):
            return self._model(content)
        return 1 + self.value(content)

    def _check_arguments(self, name: str, arguments: Mapping[str, Any]) -> None:
        for key, value in arguments.items():
            if isinstance(value, str):
                if key in ("vocabulary", "idf_weights"):
                    raise Unfit(
                        f"names a vocabulary file in its {name}: a file of the machine that loads "
                        "it. Give the layer the words themselves."
                    )
                for ending, names in _BY_NAME.items():
                    if key.split("_")[-1] != ending or value in names:
                        continue
                    if not self._is_of_the_user(value):
                        self.foreign.add(f"{key}={value[:100]!r}")
            if key == "unroll" and value:
                raise Unfit(f"is not opened: its {name} is unrolled, one call for each time step.")
        if name == "DTypePolicy" and arguments.get("name") not in allowed.DTYPES:
            raise Unfit(f"is damaged: a policy is of type {str(arguments.get('name'))[:100]!r}.")
        title = arguments.get("name")
        if title is not None and (not isinstance(title, str) or set(title) & set("/\\\0")):
            raise Unfit(f"is damaged: a layer is named {str(title)[:100]!r}.")

    def _model(self, content: Mapping[str, Any]) -> int:
        """A model of layers: what building it costs, with each call of a model inside it."""
        layers = content["layers"]
        places = {
            layer.get("name"): place
            for place, layer in enumerate(layers)
            if isinstance(layer, dict)
        }
        calls = detours = 0
        for place, layer in enumerate(layers):
            if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
                raise Unfit("is damaged: one of its layers is none.")
            nodes = layer.get("inbound_nodes", [])
            if not isinstance(nodes, list) or not all(
                isinstance(node, dict) and node.keys() == {"args", "kwargs"} for node in nodes
            ):
                raise Unfit("is damaged: a layer does not say how it is called.")
            self.layers += 1
            calls += self.item(layer) * (1 + len(nodes))
            for node in nodes:
                sources = list(_sources(node))
                if (
                    not sources and not self.foreign
                ):  # Keras would compute with the constants while it loads
                    raise Unfit("is damaged: a layer is called without any answer of another.")
                detours += sum(places.get(source, 0) > place for source in sources)
        if detours * len(layers) > _MOST_DETOURS:
            raise Unfit("is not opened: its layers stand in no order.")
        rest = {key: value for key, value in content.items() if key != "layers"}
        return calls + self.value(rest)

    def _shapes(self, value: Any) -> None:
        """What Keras builds a layer with: numbers, never objects."""
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                self.foreign.add(_named(value))
            for part in value.values():
                self._shapes(part)
        elif isinstance(value, list):
            for part in value:
                self._shapes(part)
        else:
            self.value(value)

    def _is_of_the_user(self, name: Any) -> bool:
        """Whether the caller brought the object of this name, and not a library that is loaded."""
        found = keras.saving.get_registered_object(name) if isinstance(name, str) else None
        if found is None:
            return False
        if self._registered.get(name) is not found:
            return True  # of a `custom_object_scope` around the call
        module = inspect.getmodule(found)
        return module is None or module.__name__.split(".")[0] not in allowed.LIBRARIES


def _named(item: Mapping[str, Any]) -> str:
    """What a file calls a class or a function."""
    name = item.get("config") if item["class_name"] == "function" else item["class_name"]
    return f"{item.get('module')}.{name}"[:200]


def _check_plain_form(name: str, content: Any) -> None:
    """Tensors, arrays and slices among the arguments of a call."""
    if not isinstance(content, dict):
        raise Unfit(f"is damaged: a {name} holds nothing.")
    if name in _TYPED_FORMS and content.get("dtype") not in allowed.DTYPES:
        raise Unfit(f"is damaged: a {name} is of type {str(content.get('dtype'))[:100]!r}.")


def _sources(node: Any) -> Iterator[str]:
    """Names of the layers whose answers a layer is called with."""
    waiting = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            yield value["config"]["keras_history"][0]
        elif isinstance(value, dict):
            waiting.extend(value.values())
