"""Records of models of owners: nobody finds another's, and texts stay as long as they are used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from tests.server.toys import DECAY, toy

from bioxen.errors import ComputationError, ModelExistsError, ModelNotFoundError, ResourceExhaustionError
from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.quotas import Quotas
from bioxen.server.bytecode.describe import describe
from bioxen.server.bytecode.scan import admit
from bioxen.server.jobs.beginning import read_job
from bioxen.server.store import jobs, models
from bioxen.server.store.gc import collect
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.models import KeptModel
from bioxen.server.store.quotas import check_room, usage_of
from bioxen.server.store.store import Store
from bioxen.server.store.tables import texts


def model(text: str, name: str = "mine") -> KeptModel:
    said = {"chassis": "generic", "title": name, "licence": "CC0-1.0"}
    return KeptModel(describe(admit(text), id=name, origin="owner", **said), text)  # type: ignore[arg-type]


def test_a_model_is_found_by_its_owner_alone(store: Store) -> None:
    of_ada, of_bob = model(toy(10.0)), model(toy(4.0))
    store.write_now(models.add, "ada", of_ada)
    store.write_now(models.add, "bob", of_bob)
    assert store.read_now(models.find, "ada", "mine") == of_ada
    assert store.read_now(models.find, "bob", "mine") == of_bob
    for name in ("mine", of_ada.info.digest, of_ada.info.digest[:12], f"sha256:{of_ada.info.digest}"):
        assert store.read_now(models.find, "ada", name) == of_ada
        assert store.read_now(models.find, "carl", name) is None
    assert store.read_now(models.find, "ada", "mi\0ne") is None
    with pytest.raises(ModelNotFoundError):
        store.write_now(models.remove, "ada", "mine\0")
    assert store.read_now(models.find, "bob", of_ada.info.digest) is None
    assert store.read_now(models.find, "ada", of_ada.info.digest[:11]) is None  # too few digits for a digest
    assert [info.digest for info in store.read_now(models.listed, "bob")] == [of_bob.info.digest]
    with pytest.raises(ModelNotFoundError, match="You keep no model"):
        store.write_now(models.remove, "carl", "mine")
    store.write_now(models.remove, "ada", "mine")
    assert store.read_now(models.find, "ada", "mine") is None
    assert store.read_now(models.find, "bob", "mine") == of_bob


def test_the_id_of_another_text_is_refused(store: Store) -> None:
    kept = model(DECAY)
    store.write_now(models.add, "ada", kept)
    assert store.read_now(models.present, "ada", kept.info) == kept.info
    assert store.read_now(models.present, "bob", kept.info) is None
    with pytest.raises(ModelExistsError, match="another model of yours"):
        store.read_now(models.present, "ada", model(DECAY + "\n").info)


def test_texts_count_once_and_are_refused_where_the_space_is_used_up(store: Store) -> None:
    text = DECAY + " // µ is two bytes"
    store.write_now(models.add, "ada", model(text))
    store.write_now(models.add, "ada", model(text, "again"))
    assert store.read_now(usage_of, "ada").stored_bytes == len(text.encode())
    assert store.read_now(usage_of, "bob").stored_bytes == 0
    room = Quotas(stored_bytes=len(text.encode()) + 10)
    store.read_now(check_room, "ada", room, 10)
    with pytest.raises(ResourceExhaustionError, match="this takes 11 more") as refused:
        store.read_now(check_room, "ada", room, 11)
    assert refused.value.details["quota"] == "stored_bytes"


def test_a_job_has_its_model_until_it_ends(store: Store) -> None:
    kept = model(toy(10.0))
    store.write_now(models.add, "ada", kept)
    request = FbaRequest(process_code="metabolic_fba", model="mine")
    new = NewJob(
        job_id="job",
        owner_id="ada",
        process_code="metabolic_fba",
        request=request.model_dump_json(exclude_none=True),
        request_digest=request.fingerprint(),
        parts_total=1,
        model=kept,
    )
    store.write_now(jobs.submit, new)
    store.write_now(models.remove, "ada", "mine")
    store.write_now(models.add, "ada", model(toy(4.0)))  # the name means something else now
    collect(store, 1.0, 1.0, timedelta(0))
    begun = read_job(store.write_now(jobs.begin, "job"), "ada").request
    assert isinstance(begun, FbaRequest)
    assert (begun.model, begun.cobra_json, begun.known_as) == (None, kept.text, "mine")
    used = len(kept.text) + len(toy(4.0))
    assert store.read_now(usage_of, "ada").stored_bytes == used
    store.write_now(jobs.fail, "job", {"detail": "no matter"})
    assert collect(store, 1.0, 1.0, timedelta(0)).texts == 1
    assert store.read_now(usage_of, "ada").stored_bytes == len(toy(4.0))
    store.write_now(models.remove, "ada", "mine")
    assert collect(store, 1.0, 1.0, timedelta(0)).texts == 1
    assert store.read_now(lambda c: c.execute(select(func.count()).select_from(texts)).scalar_one()) == 0


def test_a_text_that_the_disk_changed_is_not_computed_with(store: Store) -> None:
    kept = model(DECAY)
    store.write_now(models.add, "ada", kept)
    worse = update(texts).values(text=DECAY.replace("0.1", "0.7"))
    store.write_now(lambda c: c.execute(worse))
    with pytest.raises(ComputationError, match="changed on the disk"):
        store.read_now(models.find, "ada", "mine")
