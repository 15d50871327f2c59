"""An input in its graph: fitted on training rows, and as blocks see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph, Fronts
from kerasnas.auto_model.backbones import OWN, PRETRAINED, PlacedBackbone, side_by_side
from kerasnas.data import Reader
from kerasnas.problem.inputs import FittedInput, Form


@dataclass(frozen=True, eq=False, kw_only=True)
class InputShape:
    """What blocks see of an input.

    Attributes:
        form: Rows as blocks see them that begin with random weights.
        facts: What blocks need to know, such as the number of categories of embedded columns.
        example: One row as a pretrained network behind the input gives it; `None` where there is
            no such network.
        sizes: What that network adds to the counts of what stands behind it.
    """

    form: Form
    facts: Mapping[str, Any] = field(default_factory=dict)
    example: Any = None
    sizes: Mapping[str, float] = field(default_factory=dict)

    def without_rows(self) -> InputShape:
        """The same with one row, which tells as much of their shape as all."""
        # Only where rows differ in length the front tells more than they do.
        front: Fronts = self.form.front if self.form.ragged else {}
        form = Form(self.form.take(np.arange(1)), front, self.form.ragged, self.form.facts)
        return InputShape(form=form, facts=self.facts, example=self.example, sizes=self.sizes)


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedInput(InputShape):
    """One input of a graph, fitted on training rows.

    Attributes:
        fitted: The input itself.
        reader: Reads new data.
        behind: The pretrained network behind it, if there is one.
        note: One line for the user, or nothing.
    """

    fitted: FittedInput
    reader: Reader
    behind: PlacedBackbone | None = None
    note: str = ""

    def seen(self, forms: tuple[str, ...]) -> Form:
        """All rows as the blocks of one network see them.

        Args:
            forms: The forms that these blocks take: `OWN`, `PRETRAINED` or both.

        Raises:
            OutOfTime: If there is no time for what the pretrained network makes of them.
        """
        if self.behind is None or PRETRAINED not in forms:
            return self.form
        made = self.behind.form()
        return side_by_side(self.form, made) if OWN in forms else made

    def front(self, forms: tuple[str, ...]) -> FrontGraph:
        """The graph from raw data to what blocks see, without the rows.

        Args:
            forms: As in `seen`.
        """
        alone = self.behind is not None and forms == (PRETRAINED,)
        front = self.behind.front if self.behind is not None and alone else self.seen(forms).front
        assert isinstance(front, FrontGraph), "an input has one front"
        return front
