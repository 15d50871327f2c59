"""A fitted model for other runtimes: SavedModel, ONNX, LiteRT."""

from kerasnas.artifact.export.exporting import RUNTIMES, check_export, export

__all__ = ["RUNTIMES", "check_export", "export"]
