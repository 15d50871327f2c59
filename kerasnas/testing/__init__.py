"""Conformance checks for plugins, shipped with the package. They train nothing."""

from kerasnas.testing.blocks import BLOCK_CHECKS, check_block
from kerasnas.testing.oracles import ORACLE_CHECKS, check_oracle

__all__ = ["BLOCK_CHECKS", "ORACLE_CHECKS", "check_block", "check_oracle"]
