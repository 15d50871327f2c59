"""The members of a `.keras` file: their names, and the format of the extra one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

FORMAT = 1
"""Of the extra member. Files of this format that were written before it had digests have none."""

CONFIG = "config.json"
MEMBER = "kerasnas.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"

DIGESTS = "digests"
"""Key in the extra member: SHA-256 of the other members, by name."""


def digests_of(members: Mapping[str, bytes]) -> dict[str, str]:
    """The digests that tie an extra member to its model."""
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in members.items()
        if name not in (MEMBER, METADATA)
    }
