"""What every result of a service begins with, and what it can be turned into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bioxen.protocol.base import Message
from bioxen.protocol.rows import frame_of

if TYPE_CHECKING:
    import pandas as pd


class Answered(Message):
    """The first field of a result on the wire, so that one answer can be given to several cells."""

    vm_id: str | None = None
    """The virtual cell that asked."""

    def to_frame(self) -> pd.DataFrame:
        """Return the main numbers as a pandas DataFrame, with the column names of COBRApy or Tellurium.

        Raises:
            MissingModuleError: pandas is not installed.
            ValidationError: the result has no numbers (a problem without a solution, say).
        """
        return frame_of(self)
