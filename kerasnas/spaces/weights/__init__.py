"""Pretrained weights: in pip packages and in files, read as plain arrays."""
