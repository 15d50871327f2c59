"""A model behind HTTP: rows in as JSON, answers out as JSON."""

from kerasnas.server.application import create_app, serve
from kerasnas.server.limits import Limits

__all__ = ["Limits", "create_app", "serve"]
