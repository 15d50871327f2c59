"""Random damage to a `.keras` file: to its bytes, and to what is in its members."""

import io
import zipfile

import numpy as np

KINDS = ("bits", "cut", "insert", "swap", "member", "members")


def mutated(content: bytes, rng: np.random.Generator, kind: str) -> bytes:
    """A damaged copy.

    Args:
        content: The file.
        rng: Draws the damage.
        kind: One of `KINDS`. The last two write a sound zip around damaged members.
    """
    if kind in ("member", "members"):
        return _zip_of_damaged(content, rng, 1 if kind == "member" else 3)
    return _damaged(content, rng, kind)


def _damaged(content: bytes, rng: np.random.Generator, kind: str) -> bytes:
    data = bytearray(content)
    spot = int(rng.integers(len(data)))
    if kind == "bits":
        for place in rng.integers(len(data), size=int(rng.integers(1, 9))):
            data[place] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[spot : spot + int(rng.integers(1, 5000))]
    elif kind == "insert":
        data[spot:spot] = rng.bytes(int(rng.integers(1, 5000)))
    else:
        other, size = int(rng.integers(len(data))), int(rng.integers(1, 500))
        data[spot : spot + size] = data[other : other + size]
    return bytes(data)


def _zip_of_damaged(content: bytes, rng: np.random.Generator, count: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    for name in rng.choice(list(members), size=count, replace=False):
        members[name] = _damaged(members[name], rng, str(rng.choice(KINDS[:4])))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()
