"""Values in a file of Python's pickle format, read without carrying out anything in it.

`pickletools` lists the opcodes of the file. Only those that hold plain data are understood here,
and only functions that the caller names are called, each of which is the caller's own. So nothing
in a file can run.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import IO, Any

_PLAIN = (
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_IGNORED = ("PROTO", "FRAME")


def read_values(
    file: IO[bytes] | bytes,
    calls: Mapping[str, Callable[..., Any]] | None = None,
    stored: Callable[[Any], Any] | None = None,
) -> Any:
    """The dicts, lists, tuples, texts and numbers in a file in Python's pickle format.

    Args:
        file: The content, or a file that is read up to the end of the next value.
        calls: What stands in for the functions and classes that a file may name, by the name of
            their module, a space, and their own name. Others are refused.
        stored: From a persistent id to the value that it stands for; `None` refuses such ids.

    Raises:
        ValueError: If the file holds anything else.
    """
    machine = _Machine(calls or {}, stored)
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "STOP":
            return machine.answer()
        if opcode.name not in _IGNORED:
            machine.step(opcode.name, argument)
    raise ValueError("The file ends before its first value does.")


class _Machine:
    """The stack of values that opcodes work on.

    Args:
        calls: As in `read_values`.
        stored: As in `read_values`.
    """

    def __init__(
        self, calls: Mapping[str, Callable[..., Any]], stored: Callable[[Any], Any] | None
    ) -> None:
        self._calls = calls
        self._stored = stored
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def answer(self) -> Any:
        """The only value that is left."""
        if len(self._stack) != 1:
            raise ValueError(f"One value was expected at the end; there are {len(self._stack)}.")
        return self._stack[0]

    def step(self, name: str, argument: Any) -> None:
        """Carries one opcode out.

        Raises:
            ValueError: If it is none of plain data.
        """
        try:
            self._step(name, argument)
        except (IndexError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"The opcode {name} does not fit the values before it.") from error

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        match name:
            case _ if name in _PLAIN:
                stack.append(argument)
            case _ if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "MARK":
                self._marks.append(len(stack))
            case "TUPLE" | "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._tuple(name)))
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "APPEND" | "APPENDS":
                items = [stack.pop()] if name == "APPEND" else self._since_mark()
                list.extend(stack[-1], items)
            case "SETITEM" | "SETITEMS":
                items = self._last(2) if name == "SETITEM" else self._since_mark()
                dict.update(stack[-1], zip(items[::2], items[1::2], strict=True))
            case "BUILD":
                stack.pop()  # attributes of a dict, such as the versions of a file of tensors
                if type(stack[-1]) is not dict:
                    raise TypeError
            case "GLOBAL" | "STACK_GLOBAL" | "REDUCE" | "BINPERSID":
                self._named(name, argument)
            case _:
                raise ValueError(f"A file of plain data was expected; it has the opcode {name}.")

    def _named(self, name: str, argument: Any) -> None:
        """What a file only names: functions, and values that lie elsewhere."""
        stack = self._stack
        if name == "REDUCE":
            function, given = self._last(2)
            if not any(function is known for known in self._calls.values()):
                raise TypeError
            stack.append(function(*given))
        elif name == "BINPERSID":
            if self._stored is None:
                raise ValueError("A file of plain data was expected; it has a persistent id.")
            stack.append(self._stored(stack.pop()))
        else:
            wanted = argument if name == "GLOBAL" else " ".join(self._last(2))
            if wanted not in self._calls:
                known = ", ".join(self._calls) or "no function and no class"
                raise ValueError(f"The file names `{wanted}`; expected {known}.")
            stack.append(self._calls[wanted])

    def _tuple(self, name: str) -> list[Any]:
        if name == "TUPLE":
            return self._since_mark()
        return [] if name == "EMPTY_TUPLE" else self._last(int(name[-1]))

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _last(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError
        items = self._stack[-count:]
        del self._stack[-count:]
        return items
