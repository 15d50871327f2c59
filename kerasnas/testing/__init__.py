"""Conformance checks for plugins, shipped with the package. They train nothing."""

from kerasnas.testing.oracles import ORACLE_CHECKS, check_oracle

__all__ = ["ORACLE_CHECKS", "check_oracle"]
