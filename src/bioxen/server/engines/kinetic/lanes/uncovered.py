"""What the lanes do not run is refused by name, and left to libRoadRunner."""

from __future__ import annotations


class Uncovered(Exception):  # noqa: N818 - an outcome: another engine runs the model
    """The model has a construct that the lanes do not run; `construct` names it."""

    def __init__(self, construct: str) -> None:
        super().__init__(f"The lanes do not run {construct}.")
        self.construct = construct
