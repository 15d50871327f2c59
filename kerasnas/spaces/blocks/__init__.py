"""Building blocks, one a file: hyperparameters and a tensor in, a tensor out."""

from kerasnas.spaces.blocks.mlp import mlp
from kerasnas.spaces.blocks.tabular_resnet import tabular_resnet

__all__ = ["mlp", "tabular_resnet"]
