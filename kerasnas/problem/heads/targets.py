"""The targets of several heads, as a file holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasnas.errors import SchemaError
from kerasnas.problem.heads import TARGETS


@dataclass(frozen=True)
class HeadTargets:
    """Targets of several heads.

    Attributes:
        targets: By name of the output.
    """

    targets: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Class and content of every target, by output."""
        return {
            name: {"kind": type(target).__name__, "content": target.to_json()}
            for name, target in self.targets.items()
        }

    @classmethod
    def from_json(cls, content: Any) -> HeadTargets:
        """The targets that `to_json` wrote, or `SchemaError`."""
        if not isinstance(content, Mapping) or not content:
            raise SchemaError("Targets of several heads must be a dict by output.")
        targets = {}
        for name, part in content.items():
            kind = part.get("kind") if isinstance(part, Mapping) else None
            if kind not in TARGETS:
                raise SchemaError(f"Output `{name}` has a target {kind!r}, unknown here.")
            targets[name] = TARGETS[kind].from_json(part["content"])
        return cls(targets)
