"""What the site has besides the pages in this folder: the tutorials, and the list of changes.

`mkdocs.yml` names this module as a hook.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = ROOT / "tutorials"
GALLERY = ROOT / "docs" / "gallery"
LIST_OF_TUTORIALS = "<!-- the tutorials -->"
PICTURES = {".png"}


def on_files(files: Files, *, config: Any) -> Files:
    """Adds a page for each tutorial, and the changelog."""
    for path in sorted(TUTORIALS.glob("*.py")):
        name = f"gallery/{path.stem}.md"
        files.append(File.generated(config, name, content=page_of(path)))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=changes))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts the tutorials where a page asks for their list."""
    if LIST_OF_TUTORIALS not in markdown:
        return markdown
    rows = [entry_of(path) for path in sorted(TUTORIALS.glob("*.py"))]
    return markdown.replace(LIST_OF_TUTORIALS, "\n\n".join(rows))


def page_of(path: Path) -> str:
    """A tutorial as a page: its cells, what it prints, and the pictures that it draws."""
    parts = []
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        first, _, rest = cell.partition("\n")
        if "[markdown]" in first:
            parts.append("\n".join(line.removeprefix("#")[1:] for line in rest.splitlines()))
        else:
            parts.append(f"```python\n{rest.strip()}\n```")
    for picture in pictures_of(path):
        parts.append(f"![{title_of(path)}]({picture.name})")
    printed = GALLERY / f"{path.stem}.txt"
    if printed.is_file():
        text = printed.read_text(encoding="utf-8").rstrip()
        parts.append(f"## What it prints\n\n```text\n{text}\n```")
    parts.append(f"The script is `tutorials/{path.name}`; the test suite runs it.")
    return "\n\n".join(parts) + "\n"


def entry_of(path: Path) -> str:
    """A tutorial in the list: title, first paragraph, first picture."""
    text = path.read_text(encoding="utf-8").split("# %%")[1]
    paragraphs = [
        " ".join(line.removeprefix("#").strip() for line in paragraph.splitlines())
        for paragraph in re.split(r"^#\n", text.split("\n", 1)[1], flags=re.MULTILINE)
    ]
    lines = [f"## [{title_of(path)}]({path.stem}.md)", paragraphs[1]]
    for picture in pictures_of(path)[:1]:
        lines.append(f"[![{title_of(path)}]({picture.name}){{ width=420 }}]({path.stem}.md)")
    return "\n\n".join(lines)


def title_of(path: Path) -> str:
    """The heading of a tutorial."""
    found = re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found[1] if found else path.stem


def pictures_of(path: Path) -> list[Path]:
    """Recorded pictures of a tutorial."""
    return sorted(p for p in GALLERY.glob(f"{path.stem}*") if p.suffix in PICTURES)
