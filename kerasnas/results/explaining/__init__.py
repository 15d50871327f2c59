"""What an answer rests on: values of columns, words of texts, patches of images."""

from kerasnas.results.explaining.explanation import explained

__all__ = ["explained"]
