"""Pretrained text networks from a local KerasHub preset, rebuilt out of built-in Keras layers."""

from kerasnas.spaces.backbones.encoder import encoder, pooled
from kerasnas.spaces.backbones.preset import Backbone, read_preset

__all__ = ["Backbone", "encoder", "pooled", "read_preset"]
