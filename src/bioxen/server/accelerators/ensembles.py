"""The crossover of a model, for whoever asks in its own process: what the services share, or a new one."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files

from bioxen.server.accelerators.book import Book, Subject
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.crossover import Crossover, Kind


def example() -> ModelSource:
    """Return the shipped gene expression model, which stands for a model where none is named."""
    text = (files("bioxen.server.bytecode") / "data" / "base" / "gene_expression.ant").read_text()
    return ModelSource(text, "antimony", digest_of(text))


def crossover(source: ModelSource | None = None, kind: Kind = "ode") -> Crossover:
    """Return the measurement of a model on this machine: the one that services route by, else a new one.

    A new one is kept, and services route by it from then on.

    Args:
        source: the model; the shipped gene expression where absent.
        kind: what studies of it do.

    Raises:
        InvalidModelError: the model cannot be loaded, or not be simulated so.
        ValidationError: nothing in the model can be varied.
    """
    source = source or example()
    book = _book()
    if book is None:
        return _measured(source, kind, gpu=True)
    subject = Subject(source.digest, kind, book.has_gpu)
    found = book.find(subject)
    if found is not None:
        return found
    new = _measured(source, kind, gpu=subject.gpu)
    with suppress(OSError):
        return book.keep(subject, new)
    return new


def _book() -> Book | None:
    with suppress(OSError):
        return Book()
    return None


def _measured(source: ModelSource, kind: Kind, *, gpu: bool) -> Crossover:
    from bioxen.server.engines.kinetic import KineticEngine  # late: most who ask simulate nothing
    from bioxen.server.engines.kinetic.measuring import measured, typical

    engine = KineticEngine()
    engine.warm_up()
    program = engine.compile(source)
    return measured(program, typical(program, kind), gpu=gpu)
