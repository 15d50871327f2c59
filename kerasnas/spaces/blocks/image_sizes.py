"""How deep and wide vision networks should be for the size of their images."""

from __future__ import annotations

import math

_LEAST_SIDE = 4  # of the picture after the last stage
_MOST_STAGES = 5
_MOST_WIDTH = 512


def stages_for(height: int, width: int) -> int:
    """Times that a picture is halved before its features are averaged: 1 for 8 pixels, 3 for 32."""
    side = max(1, min(int(height), int(width)))
    return int(min(_MOST_STAGES, max(1, round(math.log2(max(side, 2) / _LEAST_SIDE)))))


def widths_for(first: int, stages: int) -> list[int]:
    """Filters of each stage: doubled from one to the next, up to a limit."""
    return [int(min(_MOST_WIDTH, first * 2**i)) for i in range(stages)]


def stem_stride(height: int, width: int) -> int:
    """Stride of the first layer: large pictures are halved once before the first block."""
    return 2 if min(int(height), int(width)) >= 96 else 1
