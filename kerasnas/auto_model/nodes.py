"""The graph that a user composes: inputs, blocks and heads, called on each other like layers."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerasnas.auto_model.settings import Settings
from kerasnas.errors import SearchSpaceError

_COUNTER: Counter[str] = Counter()


class Node:
    """What an input or a block gives: a place in the graph, with the kind of data that flows there.

    Attributes:
        part: What makes the data: a block or head, or the input itself.
        parents: Where that takes its own from.
        kind: `features` for a vector a row, or the name of the modality of an input.
    """

    def __init__(self, part: Any, parents: Sequence[Node], kind: str) -> None:
        self.part = part
        self.parents = tuple(parents)
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.part.name}: {self.kind}>"


class Part:
    """A piece of the graph that has a name and hyperparameters.

    Args:
        name: Unique in the graph; `None` names it by its class.
        settings: Values or ranges of hyperparameters by name; those left out are searched as the
            block finds best.
    """

    takes: tuple[str, ...] = ()
    gives = "features"

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        self.name = _name(name, type(self).__name__)
        self.settings = Settings(self.name, settings)

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """Places the part behind one node, or behind several where it can take several.

        Raises:
            SearchSpaceError: If the part cannot take what the nodes give.
        """
        if not isinstance(inputs, Node):
            raise SearchSpaceError(
                f"`{type(self).__name__}` takes one node, received {_shown(inputs)}. To join "
                f"several, call `Merge()` on a list of them first."
            )
        self._check_kind(inputs)
        return Node(self, (inputs,), self.gives)

    def _check_kind(self, node: Node) -> None:
        if node.kind not in self.takes:
            raise SearchSpaceError(
                f"`{type(self).__name__}` takes {' or '.join(self.takes)}, but "
                f"`{node.part.name}` gives {node.kind}.{_advice(node.kind)}"
            )


def walk(ends: Sequence[Node]) -> Iterator[Node]:
    """Every node behind some others, parents first, each once."""
    seen: set[int] = set()

    def visit(node: Node) -> Iterator[Node]:
        if id(node) in seen:
            return
        seen.add(id(node))
        for parent in node.parents:
            yield from visit(parent)
        yield node

    yield from itertools.chain.from_iterable(visit(node) for node in ends)


def check_graph(inputs: Sequence[Node], outputs: Mapping[str, Node]) -> None:
    """Says everything that is wrong with a graph.

    Raises:
        SearchSpaceError: For an output that is no head, an input that is not used or not listed,
            names that occur twice.
    """
    problems = []
    for name, node in outputs.items():
        if not isinstance(node, Node) or node.kind != "answer":
            problems.append(
                f"output `{name}` is {_shown(node)}, expected a head: call `ClassificationHead()` "
                "or `RegressionHead()` on it"
            )
    ends = [node for node in outputs.values() if isinstance(node, Node)]
    nodes = list(walk(ends))
    sources = [node for node in nodes if not node.parents]
    listed = {id(node) for node in inputs}
    problems += [
        f"input `{node.part.name}` is used but not in `inputs`"
        for node in sources
        if id(node) not in listed
    ]
    used = {id(node) for node in sources}
    problems += [
        f"input `{node.part.name}` leads to no output" for node in inputs if id(node) not in used
    ]
    parts = {id(node.part): node.part.name for node in nodes}
    twice = [name for name, count in Counter(parts.values()).items() if count > 1]
    problems += [f"the name `{name}` is used more than once" for name in twice]
    if problems:
        raise SearchSpaceError(f"The AutoModel cannot be built: {'; '.join(problems)}.")


def _advice(kind: str) -> str:
    if kind == "features":
        return " Call a head or a `DenseBlock` on it."
    if kind == "answer":
        return " A head ends the graph."
    block = {
        "table": "TabularBlock",
        "sound": "AudioBlock",
        "array": "DenseBlock",
        "series": "TimeSeriesBlock",
    }
    return f" Call `{block.get(kind, kind.capitalize() + 'Block')}()` on it first."


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"{len(value)} of them"
    return repr(value) if isinstance(value, Node) else type(value).__name__


def _name(given: str | None, cls: str) -> str:
    if given is None:
        stem = re.sub(r"(?<!^)(?=[A-Z])", "_", cls).lower()
        _COUNTER[stem] += 1
        return stem if _COUNTER[stem] == 1 else f"{stem}_{_COUNTER[stem]}"
    return checked_name(given)


def checked_name(given: str) -> str:
    """A name that Keras takes for a layer and that can be typed as a key.

    Raises:
        SearchSpaceError: If it is none.
    """
    if not isinstance(given, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", given):
        raise SearchSpaceError(
            f"`name` must be letters, digits and underscores, such as 'photo', received {given!r}."
        )
    return given
