"""The extra member of a `.keras` file: its name and its format."""

FORMAT = 1
MEMBER = "kerasnas.json"
