"""How much one request may ask for."""

from __future__ import annotations

from dataclasses import dataclass, fields

from kerasnas.errors import SchemaError, shown


@dataclass(frozen=True)
class Limits:
    """How much one request may ask for.

    Args:
        rows: Most rows of one request.
        megabytes: Largest body of one request.
        seconds: Longest time for receiving a body, and longest time for its answers.
        waiting: Most requests that wait for an answer; more are sent away.
        millions: Most pixels of all images of one request, or samples of all sounds, in millions.
            A small file may hold many.

    Raises:
        SchemaError: If a limit is no positive number.
    """

    rows: int = 1000
    megabytes: float = 4.0
    seconds: float = 10.0
    waiting: int = 64
    millions: float = 50.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 < value < float("inf"):
                raise SchemaError(
                    f"`{field.name}` must be a number above 0, received {shown(value)}. "
                    f"The default is {field.default:g}."
                )

    @property
    def most_bytes(self) -> int:
        """Largest body of one request, in bytes."""
        return max(1, int(self.megabytes * 1_000_000))
