"""The members of a `.keras` file: their names, and the format of the extra one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FORMAT = 1
"""Of the extra member. Files of this format that were written before it had digests have none."""

CONFIG = "config.json"
MEMBER = "kerasnas.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"

DIGESTS = "digests"
"""Key in the extra member: SHA-256 of all members by name, its own without this key included."""


def digests_of(members: Mapping[str, bytes]) -> dict[str, str]:
    """The digests that tie an extra member to its model."""
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in members.items()
        if name not in (MEMBER, METADATA)
    }


def digest_of_member(content: Mapping[str, Any]) -> str:
    """The digest of what an extra member says, apart from its digests."""
    said = {name: value for name, value in content.items() if name != DIGESTS}
    plain = json.loads(json.dumps(said))  # keys of dicts are strings in a file
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
