"""The records of models that owners keep, and of the models that jobs are about. Each text is kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, union

from bioxen.errors import ModelExistsError, ModelNotFoundError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.jobs import ENDED
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.describe import DIGEST
from bioxen.server.store.clock import now
from bioxen.server.store.owners import add_owner
from bioxen.server.store.tables import job_models, jobs, models, texts
from bioxen.server.store.texts import keep_text, text_of


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A model of an owner."""

    info: ModelInfo
    text: str


def present(connection: Connection, owner: str, info: ModelInfo) -> ModelInfo | None:
    """Return the owner's model of that id where it has the same text; `None` where there is none.

    Raises:
        ModelExistsError: it is another model.
    """
    row = connection.execute(_infos(owner).where(models.c.model_id == info.id)).first()
    if row is None:
        return None
    there = _info(row.info)
    if there.digest != info.digest:
        raise ModelExistsError(
            f"The id {info.id} names another model of yours already (sha256 {there.digest[:12]}…).",
            details={"place": "id", "remedy": "Choose another id, or delete that model first."},
        )
    return there


def keeps(connection: Connection, owner: str, digest: str) -> bool:
    """Return whether an owner keeps a text under any id."""
    mine = select(models.c.model_id).join(texts, texts.c.text_id == models.c.text)
    query = mine.where(models.c.owner_id == owner, texts.c.digest == digest).limit(1)
    return connection.execute(query).first() is not None


def add(connection: Connection, owner: str, model: KeptModel) -> None:
    """Keep a model under an id that is free."""
    add_owner(connection, owner)
    values = {"owner_id": owner, "model_id": model.info.id, "created_at": now()}
    connection.execute(insert(models).values(values | _columns(connection, model)))


def listed(connection: Connection, owner: str) -> list[ModelInfo]:
    """Return an owner's models, by id."""
    return [_info(row.info) for row in connection.execute(_infos(owner).order_by(models.c.model_id))]


def find(connection: Connection, owner: str, name: str) -> KeptModel | None:
    """Return an owner's model of that id, sha256, or beginning of a sha256; `None` where there is none.

    Raises:
        ModelNotFoundError: the beginning fits several.
        ComputationError: the text is not the one that was kept.
    """
    model_id = _id_of(connection, owner, name)
    if model_id is None:
        return None
    kept = select(models.c.info, text_of(texts).label("text")).join(texts, texts.c.text_id == models.c.text)
    row = connection.execute(kept.where(models.c.owner_id == owner, models.c.model_id == model_id)).one()
    return _model(row.info, row.text)


def remove(connection: Connection, owner: str, model_id: str) -> None:
    """Forget an owner's model; its text stays as long as something else refers to it.

    Raises:
        ModelNotFoundError: there is none of that id.
    """
    mine = models.c.owner_id == owner, models.c.model_id == model_id
    if not _can_be_a_name(model_id) or connection.execute(delete(models).where(*mine)).rowcount == 0:
        known = connection.execute(select(models.c.model_id).where(models.c.owner_id == owner)).scalars()
        raise ModelNotFoundError(
            f"You keep no model {model_id!r}.", details={"place": "model", **did_you_mean(model_id, known)}
        )


# Jobs


def bind(connection: Connection, job_id: str, model: KeptModel) -> None:
    """Note which model a job is about, so that the job has it until its end."""
    connection.execute(insert(job_models).values(job_id=job_id, **_columns(connection, model)))


def bound(connection: Connection, job_id: str) -> KeptModel | None:
    """Return the owner's model that a job is about; `None` for a job about any other.

    Raises:
        ComputationError: the text is not the one that was kept.
    """
    kept = select(job_models.c.info, text_of(texts).label("text")).join(
        texts, texts.c.text_id == job_models.c.text
    )
    row = connection.execute(kept.where(job_models.c.job_id == job_id)).first()
    return None if row is None else _model(row.info, row.text)


def release_ended(connection: Connection) -> None:
    """Forget the models of jobs that have ended: nothing of them is computed any more."""
    ended = select(jobs.c.job_id).where(jobs.c.state.in_(ENDED))
    connection.execute(delete(job_models).where(job_models.c.job_id.in_(ended)))


def stored_bytes(connection: Connection, owner: str) -> int:
    """Return the bytes of the texts of an owner's models, and of those its jobs are about; each once."""
    mine = select(models.c.text, models.c.size).where(models.c.owner_id == owner)
    of_jobs = select(job_models.c.text, job_models.c.size).join(jobs).where(jobs.c.owner_id == owner)
    every = union(mine, of_jobs).subquery()
    return int(connection.execute(select(func.coalesce(func.sum(every.c.size), 0))).scalar_one())


def _columns(connection: Connection, model: KeptModel) -> dict[str, Any]:
    return {
        "text": keep_text(connection, model.text),
        "size": len(model.text.encode()),
        "info": model.info.model_dump_json(),
    }


def _infos(owner: str) -> Any:
    return select(models.c.info).where(models.c.owner_id == owner)


def _can_be_a_name(name: str) -> bool:
    """Return whether a model can be asked for by that name: PostgreSQL takes no text with a NUL."""
    return name.isprintable()


def _id_of(connection: Connection, owner: str, name: str) -> str | None:
    if not _can_be_a_name(name):
        return None
    mine = select(models.c.model_id).where(models.c.owner_id == owner)
    if connection.execute(mine.where(models.c.model_id == name)).first() is not None:
        return name
    digest = DIGEST.fullmatch(name)
    if digest is None:
        return None
    query = select(models.c.model_id, texts.c.digest).join(texts, texts.c.text_id == models.c.text)
    fits = connection.execute(
        query.where(models.c.owner_id == owner, texts.c.digest.startswith(digest[1])).order_by(
            models.c.model_id
        )
    ).all()
    if len({row.digest for row in fits}) > 1:
        ids = [row.model_id for row in fits]
        raise ModelNotFoundError(
            f"the digest {name} fits several of your models: {', '.join(ids)}",
            details={"place": "model", "near_matches": ids, "remedy": "Give more digits."},
        )
    return fits[0].model_id if fits else None


def _info(document: str) -> ModelInfo:
    return parse(ModelInfo, document)


def _model(document: str, text: str) -> KeptModel:
    return KeptModel(_info(document), text)
