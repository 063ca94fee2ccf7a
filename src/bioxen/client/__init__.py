"""The HTTP client of the computation services."""

from bioxen.client.client import BiologicalComputationClient
from bioxen.client.transport import Answer, Sockets, Transport

__all__ = ["Answer", "BiologicalComputationClient", "Sockets", "Transport"]
