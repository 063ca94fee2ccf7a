"""The versions of the libraries that compute, read without importing them."""

from __future__ import annotations

from importlib.metadata import version

COBRA_VERSION = version("cobra")
NUMBA_VERSION = version("numba")
