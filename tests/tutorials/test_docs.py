"""Every Python block of the README and the docs runs, in order, one process a page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def script(page: Path) -> str:
    """The blocks of a page as one script, each at the line that it has in the page."""
    text = page.read_text(encoding="utf-8")
    lines: list[str] = []
    for block in _BLOCK.finditer(text):
        lines += [""] * (text[: block.start(1)].count("\n") - len(lines))
        lines += block[1].splitlines()
    return "\n".join(lines)


# The first page of the site shows the script of the README: it runs once.
SCRIPTS = {script(page).strip(): page for page in reversed(PAGES)}


@pytest.mark.parametrize(
    "page", [page for text, page in SCRIPTS.items() if text], ids=lambda page: page.name
)
def test_blocks_run(page, run_script, tmp_path):
    path = tmp_path / f"{page.stem}.py"
    path.write_text(script(page), encoding="utf-8")
    code, printed = run_script(path, folder=tmp_path, of_users=True)
    assert code == 0, printed[-6000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    missing = [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert not missing
