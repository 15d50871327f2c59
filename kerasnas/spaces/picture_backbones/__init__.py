"""Pretrained networks of pictures: where their weights are, and what is built of them."""

from kerasnas.spaces.picture_backbones.backbone import PictureBackbone, PictureFeatures
from kerasnas.spaces.picture_backbones.sources import (
    SettledPretrained,
    find_pretrained,
    settle_pretrained,
)

__all__ = [
    "PictureBackbone",
    "PictureFeatures",
    "SettledPretrained",
    "find_pretrained",
    "settle_pretrained",
]
