"""The records of jobs."""

from bioxen.server.store.jobs.parts import find_shard, finish_shard, forget_shards, progress
from bioxen.server.store.jobs.queries import PAGE, SILENT, find, known, page, state_counts, waiting
from bioxen.server.store.jobs.records import Admit, Begun, NewJob, Resolve, Waiting
from bioxen.server.store.jobs.states import (
    ask_to_cancel,
    beat,
    begin,
    cancelled,
    complete,
    fail,
    lose,
    regain,
    submit,
)

__all__ = [
    "PAGE",
    "SILENT",
    "Admit",
    "Begun",
    "NewJob",
    "Resolve",
    "Waiting",
    "ask_to_cancel",
    "beat",
    "begin",
    "cancelled",
    "complete",
    "fail",
    "find",
    "find_shard",
    "finish_shard",
    "forget_shards",
    "known",
    "lose",
    "page",
    "progress",
    "regain",
    "state_counts",
    "submit",
    "waiting",
]
