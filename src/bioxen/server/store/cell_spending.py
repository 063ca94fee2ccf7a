"""What kept cells use, noted as it is computed: whose jobs there are, and the time of what is no job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, Float, bindparam, delete, insert, select, update

from bioxen.server.store.clock import written
from bioxen.server.store.tables import ID, TIME, cells, job_cells, spent
from bioxen.server.store.window import WINDOW

if TYPE_CHECKING:
    from bioxen.server.store.jobs.records import NewJob

STEP = timedelta(minutes=10)
"""Computing time of processes that are no jobs is added up in steps of this length."""

# Made once: to make these anew takes longer than to carry them out.
THE_CELL = cells.c.cell_id == bindparam("number")
NOTE = insert(job_cells).from_select(
    ["cell_id", "job_id", "share"],
    select(cells.c.cell_id, bindparam("job_id", type_=ID), bindparam("share", type_=Float)).where(THE_CELL),
)
SPEND_MORE = (
    update(spent)
    .where(spent.c.cell_id == bindparam("number"), spent.c.since == bindparam("step"))
    .values(seconds=spent.c.seconds + bindparam("more"))
)
SPEND_FIRST = insert(spent).from_select(
    ["cell_id", "since", "seconds"],
    select(cells.c.cell_id, bindparam("step", type_=TIME), bindparam("more", type_=Float)).where(THE_CELL),
)


def note_cells(connection: Connection, new: NewJob, counted: Sequence[int]) -> None:
    """Note for which cells a new job counts: each has its share. A cell that is gone counts no more."""
    if counted:
        share = 1.0 / len(new.cells)
        rows = [{"number": cell_id, "job_id": new.job_id, "share": share} for cell_id in counted]
        connection.execute(NOTE, rows)


def spend(connection: Connection, cell_id: int, seconds: float) -> None:
    """Note computing time of a cell's process that is no job."""
    if seconds <= 0.0:
        return
    moment = datetime.now(UTC)
    given = {"number": cell_id, "step": written(_beginning(moment)), "more": seconds}
    changed = connection.execute(SPEND_MORE, given)
    if changed.rowcount:
        return
    connection.execute(delete(spent).where(spent.c.cell_id == cell_id, _is_old(moment)))
    connection.execute(SPEND_FIRST, given)


def drop_old_spending(connection: Connection) -> None:
    """Forget the computing time that counts no more."""
    connection.execute(delete(spent).where(_is_old(datetime.now(UTC))))


def _is_old(moment: datetime) -> ColumnElement[bool]:
    return spent.c.since < written(moment - WINDOW - STEP)


def _beginning(moment: datetime) -> datetime:
    """Return when the step began that a moment is in."""
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return start + (moment - start) // STEP * STEP
