"""Column names: always unique strings, and near names to suggest when one is wrong."""

import difflib
from collections.abc import Iterable

import pandas as pd

from kerasnas.errors import SchemaError


def string_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with every column name written as a string.

    Args:
        frame: any table; it is not changed.

    Returns:
        The same columns (a lazy copy) under unique string names.

    Raises:
        SchemaError: two columns have the same name, or would have after conversion.
    """
    names = [str(name) for name in frame.columns]
    seen: set[str] = set()
    doubled = sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
    if doubled:
        raise SchemaError(
            f"Column names must be unique once written as strings, but {quoted(doubled)} "
            f"{'occurs' if len(doubled) == 1 else 'occur'} more than once. Rename them, for "
            "example with `x.columns = [...]`."
        )
    renamed = frame.copy(deep=False)
    renamed.columns = pd.Index(names)
    return renamed


def quoted(names: Iterable[str], limit: int = 8) -> str:
    """Write names as "`a`, `b` and `c`", cut after `limit` of them."""
    ticked = [f"`{name}`" for name in names]
    if len(ticked) > limit:
        ticked = [*ticked[:limit], f"{len(ticked) - limit} more"]
    if len(ticked) < 2:
        return "".join(ticked)
    return f"{', '.join(ticked[:-1])} and {ticked[-1]}"


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return " (did you mean `x`?)" for the nearest of `options`, or an empty string."""
    by_folded = {option.casefold(): option for option in options}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f" (did you mean `{by_folded[near[0]]}`?)" if near else ""
