"""A request that gets no answer, and the sentence that it gets instead."""

from __future__ import annotations

_LONGEST = 1000  # characters: names and values of a body have no bound of their own


class Refusal(Exception):
    """A request is refused.

    Args:
        status: Status of HTTP, 400 to 499.
        sentence: What is wrong, and what to send instead.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        long = len(sentence) > _LONGEST
        self.sentence = f"{sentence[:_LONGEST]}…." if long else sentence
