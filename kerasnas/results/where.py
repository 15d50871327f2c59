"""Conditions on trials, written as users say them: `"params < 100_000 and val_accuracy >= 0.9"`."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kerasnas.errors import ObjectiveError, shown

_EXAMPLE = "Write it like 'params < 100_000 and val_accuracy >= 0.9'."

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_MOST = 1000  # characters: nobody writes a longer one, and the parser recurses


@dataclass(frozen=True)
class Where:
    """A condition: comparisons of names and numbers, joined by `and`, `or` and `not`.

    It is read by Python's grammar and carried out by a few lines below, which know comparisons,
    arithmetic and nothing else: no calls, no attributes, no indices.

    Args:
        text: The condition.

    Raises:
        ObjectiveError: If it cannot be read.
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise ObjectiveError(
                f"`where` must be a string, received {shown(self.text)} "
                f"({type(self.text).__name__}). {_EXAMPLE}"
            )
        _check(self._tree, self.text)

    @property
    def names(self) -> list[str]:
        """The names that occur, each once."""
        return list(dict.fromkeys(n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name)))

    def check(self, known: Collection[str]) -> None:
        """Checks the names.

        Raises:
            ObjectiveError: If one is not known; near names are suggested.
        """
        for name in self.names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f" Did you mean `{near[0]}`?" if near else ""
                raise ObjectiveError(
                    f"`where` names `{name}`, which no trial has.{hint} "
                    f"Known: {', '.join(sorted(known))}."
                )

    def holds(self, scores: Mapping[str, Any]) -> bool:
        """Whether the condition holds; a comparison with something missing never does."""
        return _truth(self._tree, scores)

    @property
    def _tree(self) -> ast.expr:
        if len(self.text) > _MOST:
            raise ObjectiveError(f"`where` has {len(self.text)} characters, at most {_MOST} do.")
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            single = "=" in self.text.translate(str.maketrans("", "", "<>!")).replace("==", "")
            hint = " Equality is `==`." if single and "<=" not in self.text else ""
            reason = (isinstance(error, SyntaxError) and error.msg) or str(error)
            raise ObjectiveError(
                f"`where` cannot be read: {self.text!r} ({reason}).{hint} {_EXAMPLE}"
            ) from error


def _check(node: ast.expr, text: str) -> None:
    """Refuses everything but conditions."""
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, text)
    elif isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
        for part in (node.left, *node.comparators):
            _check_value(part, text)
    else:
        raise ObjectiveError(f"`where` must compare values, {_received(node, text)}. {_EXAMPLE}")


def _check_value(node: ast.expr, text: str) -> None:
    if isinstance(node, ast.Name):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
        return
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _check_value(node.operand, text)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        _check_value(node.left, text)
        _check_value(node.right, text)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        raise ObjectiveError(
            f"`where` joins conditions by `and` and `or`, {_received(node, text)}. {_EXAMPLE}"
        )
    else:
        raise ObjectiveError(
            f"`where` knows names, numbers, texts and + - * /, {_received(node, text)}. {_EXAMPLE}"
        )


def _received(node: ast.expr, text: str) -> str:
    return f"received {ast.get_source_segment(text.strip(), node) or text!r}"


def _truth(node: ast.expr, scores: Mapping[str, Any]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = (_truth(part, scores) for part in node.values)
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp):
        return not _truth(node.operand, scores)
    assert isinstance(node, ast.Compare)
    values = [_value(part, scores) for part in (node.left, *node.comparators)]
    return all(_compare(op, a, b) for op, a, b in _pairs(node.ops, values))


def _pairs(operations: list[ast.cmpop], values: list[Any]) -> Iterator[tuple[ast.cmpop, Any, Any]]:
    for i, operation in enumerate(operations):
        yield operation, values[i], values[i + 1]


def _compare(operation: ast.cmpop, one: Any, other: Any) -> bool:
    missing = any(v is None or (isinstance(v, float) and math.isnan(v)) for v in (one, other))
    if missing:
        return False
    try:
        return bool(_COMPARE[type(operation)](one, other))
    except TypeError:  # a text with a number
        return False


def _value(node: ast.expr, scores: Mapping[str, Any]) -> Any:
    """The value of a name, a number or a sum; `None` where something is missing."""
    if isinstance(node, ast.Name):
        return scores.get(node.id)
    if isinstance(node, ast.Constant):
        return node.value
    try:
        if isinstance(node, ast.UnaryOp):
            inner = _value(node.operand, scores)
            return -inner if isinstance(node.op, ast.USub) else inner
        assert isinstance(node, ast.BinOp)
        one, other = _value(node.left, scores), _value(node.right, scores)
        if isinstance(one, str) or isinstance(other, str):
            return None  # `'a' * 3_000_000_000` is a text of 3 GB
        return _ARITHMETIC[type(node.op)](one, other)
    except (TypeError, ZeroDivisionError, OverflowError):
        return None
