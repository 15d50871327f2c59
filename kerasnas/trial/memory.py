"""Memory that a process goes on holding after a trial, and letting go of it."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import tensorflow as tf

from kerasnas.data.room import resident_bytes

try:  # No public way leads to it; without it there is only more memory held.
    from tensorflow.python.framework.ops import gradient_registry

    _gradients: dict[str, dict[str, Any]] = gradient_registry._registry
except (ImportError, AttributeError):  # pragma: no cover
    _gradients = {}

try:
    _trim: Callable[[int], int] | None = ctypes.CDLL(None).malloc_trim
except (OSError, AttributeError, TypeError):  # another C library than glibc
    _trim = None

_GROWTH = 1.1  # of the memory, at which garbage is collected
_FUNCTIONS = (FunctionType, MethodType)  # what may close over tensors
_FUNCTION = "type"  # what an entry of the register calls its function


class Keeper:
    """Keeps the memory of a process from growing with the trials of its searches."""

    held = 0  # bytes of the process after the last collection, whichever search it was for

    def after_trial(self) -> None:
        """Lets graphs go; collects garbage only when the process has grown.

        A collection looks at every object there is, which after each trial, or each short search,
        would cost more than building a model.
        """
        let_graphs_go()
        if resident_bytes() > Keeper.held * _GROWTH:
            gc.collect()
            let_graphs_go()
            if _trim is not None:
                _trim(0)  # what was freed goes back to the system
            Keeper.held = resident_bytes()


def let_graphs_go() -> None:
    """Makes TensorFlow's register of gradients hold no graph any more that nobody else holds.

    Every use of an operation with a gradient of its own, such as `silu`, in a traced function adds
    an entry that holds the whole traced graph for as long as the process lives. Here the graph
    comes to hold the entry's function instead; the entry goes when the graph has gone.
    """
    for name, entry in list(_gradients.items()):
        function = entry.get(_FUNCTION)
        if isinstance(function, _OfGraph):
            if not function.alive:
                del _gradients[name]
        elif name.startswith("CustomGradient-"):
            graph = _graph_of(function)
            if graph is not None:
                entry[_FUNCTION] = _OfGraph(function, graph)


class _OfGraph:
    """A gradient function that lives as long as the graph that it belongs to.

    Args:
        function: The function.
        graph: Its graph.
    """

    def __init__(self, function: Any, graph: Any) -> None:
        graph._gradient_functions = [*getattr(graph, "_gradient_functions", ()), function]
        self._function = weakref.ref(function)

    @property
    def alive(self) -> bool:
        """Whether the graph is still there."""
        return self._function() is not None

    def __call__(self, *arguments: Any) -> Any:
        """Answers as the function does."""
        function = self._function()
        assert function is not None, "the graph of this gradient has gone"
        return function(*arguments)


def _graph_of(function: Any) -> Any:
    """The graph of the tensors that a function closes over, or `None`."""
    waiting, seen = [function], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for cell in (one.__closure__ or ()) if isinstance(one, _FUNCTIONS) else ():
            try:
                content = cell.cell_contents
            except ValueError:  # nothing is in it yet
                continue
            if isinstance(content, _FUNCTIONS):
                waiting.append(content)
                continue
            for item in (
                tf.nest.flatten(content) if isinstance(content, list | tuple) else [content]
            ):
                if tf.is_symbolic_tensor(item):
                    return item.graph
    return None
