"""The HTTP client of the computation services."""

from bioxen.client.client import BiologicalComputationClient

__all__ = ["BiologicalComputationClient"]
