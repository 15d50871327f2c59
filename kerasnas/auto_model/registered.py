"""Blocks of other packages, by the name they are registered under."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import Any

from kerasnas.auto_model.blocks import Block
from kerasnas.errors import SearchSpaceError

GROUP = "kerasnas.blocks"


def block(registered_as: str, **settings: Any) -> Block:
    """A block that an installed package has registered as an entry point of `kerasnas.blocks`.

    Args:
        registered_as: Name of the entry point.
        **settings: Arguments of the block.

    Raises:
        SearchSpaceError: If no package registers the name, or what it registers makes no block.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if registered_as not in found:
        near = difflib.get_close_matches(registered_as, found, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SearchSpaceError(
            f"No installed package registers a block {registered_as!r} under '{GROUP}'.{hint} "
            f"Known: {', '.join(sorted(found)) or 'none'}."
        )
    made = found[registered_as].load()(**settings)
    if not isinstance(made, Block):
        raise SearchSpaceError(
            f"The entry point {registered_as!r} makes a {type(made).__name__}, expected a "
            "kerasnas.Block."
        )
    return made
