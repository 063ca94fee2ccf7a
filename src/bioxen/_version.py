"""The version, read from the installed package: one place says it, `pyproject.toml`."""

from importlib.metadata import version

VERSION = version("bioxen")
