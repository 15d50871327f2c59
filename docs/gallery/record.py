"""Runs the tutorials and keeps what they print and draw, for the gallery of the site.

Run from any folder: `python docs/gallery/record.py [NAME …]`. It takes some minutes.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TUTORIALS = HERE.parents[1] / "tutorials"

wanted = set(sys.argv[1:])
for path in sorted(TUTORIALS.glob("*.py")):
    if wanted and path.stem not in wanted:
        continue
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(path)], cwd=folder, capture_output=True, text=True, check=True
        )
        # Temporary folders have another name each time, and one of this machine.
        text = re.sub(rf"{re.escape(tempfile.gettempdir())}/\w+/", "", done.stdout)
        lines = [line.rstrip() for line in text.splitlines()]
        (HERE / f"{path.stem}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for picture in sorted(Path(folder).glob("*.png")):
            shutil.copy(picture, HERE / f"{path.stem}_{picture.name}")
    print(path.stem, len(lines), "lines")
