"""Runs the tutorials and keeps what they print and draw, for the gallery of the site.

Run from any folder: `python docs/gallery/record.py [NAME …]`. It takes some minutes.
"""

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
        lines = [line.rstrip() for line in done.stdout.replace(folder, ".").splitlines()]
        (HERE / f"{path.stem}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for picture in sorted(Path(folder).glob("*.png")):
            shutil.copy(picture, HERE / f"{path.stem}_{picture.name}")
    print(path.stem, len(lines), "lines")
