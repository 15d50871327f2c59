"""Pretrained text networks from files on this machine, rebuilt out of built-in Keras layers."""

from kerasnas.spaces.backbones.encoder import encoder, pooled
from kerasnas.spaces.backbones.preset import Backbone, read_preset
from kerasnas.spaces.backbones.sources import SettledEncoder, settle_encoder

__all__ = [
    "Backbone",
    "SettledEncoder",
    "encoder",
    "pooled",
    "read_preset",
    "settle_encoder",
]
