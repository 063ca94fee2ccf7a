"""Models of owners over HTTP: requests, jobs and cells compute with their owner's, and with no other's."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.toys import DECAY, toy

from bioxen.client import BiologicalComputationClient
from bioxen.client.transport import Answer
from bioxen.errors import (
    BioXenException,
    ConfigurationError,
    InvalidModelError,
    MissingScopeError,
    ModelExistsError,
    ModelNotFoundError,
    ResourceExhaustionError,
    ValidationError,
)
from bioxen.protocol.bulk import PopulationRun
from bioxen.protocol.cells import Delta
from bioxen.protocol.kinetic import KineticResult
from bioxen.protocol.metabolic import BatchRequest, MetabolicResult
from bioxen.protocol.tokens import SCOPES, Scope
from bioxen.server.app import orchestrator_app, service_app
from bioxen.server.bytecode.source import digest_of
from bioxen.server.local import URLS, running
from bioxen.server.loopback import LoopTransport
from bioxen.server.orchestrator.callers import DirectCaller
from bioxen.server.settings import ServiceSettings
from bioxen.server.store import models
from bioxen.server.store.quotas import set_quotas
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import create_token

URL = "http://localhost:5000"
MAX_BODY = 200_000
FBA = {"process_code": "metabolic_fba", "model": "toy"}
ENTITIES = '<?xml version="1.0"?><!DOCTYPE sbml [<!ENTITY a "b">]><sbml/>'
AsOwner = Callable[..., BiologicalComputationClient]


class Server:
    """An orchestrator on a store, in this process; without `compute` it has no replicas, so jobs wait."""

    def __init__(self, folder: Path, compute: bool = True, **more: Any) -> None:
        settings = ServiceSettings(
            workers=1, store=folder, max_body=MAX_BODY, token="the services' secret", **more
        )
        applications = {URLS[service]: service_app(service, settings) for service in URLS} if compute else {}
        replicas = {url: app.state.computer for url, app in applications.items()}
        self.app = orchestrator_app(settings, URLS.items(), DirectCaller(replicas))
        self.applications = [*applications.values(), self.app]
        self._folder = folder

    @contextlib.contextmanager
    def serve(self) -> Iterator[AsOwner]:
        """Give a client of any owner, with any scopes."""
        with running(self.applications) as loop, contextlib.ExitStack() as stack:
            outside = Store.at(self._folder).open(alone=False)
            stack.callback(outside.close)

            def as_owner(owner: str, *scopes: Scope) -> BiologicalComputationClient:
                secret = outside.write_now(create_token, owner, "test", scopes or SCOPES, None).secret
                transport = LoopTransport(self.app, loop)
                return BiologicalComputationClient(URL, URL, URL, transport=transport, token=secret)

            yield as_owner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def owner(folder: Path) -> Iterator[AsOwner]:
    with Server(folder).serve() as as_owner:
        yield as_owner


@pytest.fixture
def ada(owner: AsOwner) -> Iterator[BiologicalComputationClient]:
    yield from _with_toy(owner("ada"), 10.0)


@pytest.fixture
def bob(owner: AsOwner) -> Iterator[BiologicalComputationClient]:
    yield from _with_toy(owner("bob"), 4.0)


def _with_toy(client: BiologicalComputationClient, uptake: float) -> Iterator[BiologicalComputationClient]:
    client.models.add("toy", toy(uptake))
    yield client
    mine = [vm.vm_id for vm in client.cells]
    if mine:
        client.cells.act_many(mine, "destroy")
    for info in client.models.list():
        if info.origin == "owner":
            client.models.delete(info.id)


def grown(client: BiologicalComputationClient, **changes: Any) -> float:
    objective = client.request_static_computation(FBA | changes).optimal_objective
    assert objective is not None
    return objective


def problem(error: BioXenException) -> dict[str, Any]:
    return {name: value for name, value in error.to_problem().items() if name != "detail"}


def test_each_owner_computes_with_a_model_of_its_own(
    ada: BiologicalComputationClient, bob: BiologicalComputationClient, owner: AsOwner
) -> None:
    assert (grown(ada), grown(bob)) == (5.0, 2.0)
    result = ada.request_static_computation(FBA)
    assert (result.provenance.model_id, result.provenance.model_digest) == ("toy", digest_of(toy(10.0)))
    digest = digest_of(toy(10.0))
    assert grown(ada, model=digest[:16]) == grown(ada, model=f"sha256:{digest}") == 5.0
    nobodys = {**FBA, "model": digest[::-1]}
    for client, name in ((bob, digest), (owner("carl"), digest), (owner("carl"), "toy")):
        with pytest.raises(ModelNotFoundError) as refused:
            grown(client, model=name)
        with pytest.raises(ModelNotFoundError) as unknown:
            client.request_static_computation(nobodys if name == digest else {**FBA, "model": "yot"})
        assert problem(refused.value)["remedy"].startswith(("Did you mean", "There are"))
        others = json.dumps(problem(refused.value)["details"]).count("toy")
        assert others == (1 if client is bob else 0)  # a model of bob's own is called so too
        assert refused.value.details["known"] == unknown.value.details["known"]


def test_a_slip_in_the_name_of_an_own_model_is_told(ada: BiologicalComputationClient, owner: AsOwner) -> None:
    ada.models.add("decay_of_S", DECAY)
    typo = {"process_code": "kinetic_ode", "model": "decay_of_s2"}
    asks: list[Callable[[BiologicalComputationClient], object]] = [
        lambda client: client.request_dynamic_computation(typo),
        lambda client: client.request_dynamic_computation(
            typo | {"process_code": "kinetic_ensemble", "members": 600, "method": "ssa"}
        ),
        lambda client: client.jobs.estimate(typo),
        lambda client: client.jobs.submit(typo),
        lambda client: client.models.get("decay_of_s2"),
        lambda client: client.models.text("decay_of_s2"),
    ]
    carl = owner("carl")
    for ask in asks:
        with pytest.raises(ModelNotFoundError) as told:
            ask(ada)
        assert told.value.details["near_matches"][0] == "decay_of_S"
        assert "Did you mean decay_of_S" in str(told.value)
        assert "toy" in told.value.details["known"] and "iJO1366" in told.value.details["known"]
        with pytest.raises(ModelNotFoundError) as told:
            ask(carl)
        assert "decay_of_S" not in json.dumps(told.value.to_problem())


MIRROR = """
from bioxen.server.engines.tools import BioToolWrapper


class Mirror(BioToolWrapper):
    name = "mirror"

    def get_supported_processes(self):
        return ["mirror_image"]

    def execute_process(self, process_code, context):
        return {"context": dict(context)}
"""


def test_tools_compute_with_their_owners_models(tmp_path: Path) -> None:
    (tmp_path / "mirror_tool.py").write_text(MIRROR)
    tools = {"tools": ("mirror_tool:Mirror",), "sys_path": (tmp_path,)}
    with Server(tmp_path / "store", compute=False, **tools).serve() as owner:
        ada, bob = owner("ada"), owner("bob")
        ada.models.add("toy", toy(10.0))
        ada.models.add("decay", DECAY)

        def seen(client: BiologicalComputationClient, model: object) -> dict[str, Any]:
            body = {"process_code": "mirror_image", "context": {"model": model, "colour": "red"}}
            answer = client._send("tools", "POST", "/compute/process", json.dumps(body))
            assert answer.status == 200
            context: dict[str, Any] = json.loads(answer.content)["context"]
            return context

        assert seen(ada, "toy") == {"colour": "red", "cobra_json": toy(10.0)}
        assert seen(ada, digest_of(DECAY)) == {"colour": "red", "kinetic_code": DECAY}
        for client, other in ((bob, "toy"), (ada, "iJO1366"), (ada, 7)):
            assert seen(client, other) == {"colour": "red", "model": other}


def test_kinetic_models_and_the_wrong_kind(ada: BiologicalComputationClient) -> None:
    info = ada.models.add("decay", DECAY)
    assert (info.kind, info.format, info.origin) == ("kinetic", "antimony", "owner")
    course = {"process_code": "kinetic_ode", "model": "decay", "time_end": 1.0, "time_points": 2}
    result = ada.request_dynamic_computation(course)
    assert result.provenance.model_id == "decay"
    assert result.final_state is not None
    assert result.final_state["[S]"] == pytest.approx(9.0483742, rel=1e-5)
    with pytest.raises(InvalidModelError, match="decay is a kinetic model"):
        grown(ada, model="decay")
    with pytest.raises(InvalidModelError, match="toy is a metabolic model"):
        ada.request_dynamic_computation(course | {"model": "toy"})


def test_a_stream_and_a_study_name_the_model(ada: BiologicalComputationClient, owner: AsOwner) -> None:
    batch = {**FBA, "process_code": "metabolic_batch", "variants": [{"constraints": {"EX_a_e": [-2.0, 0.0]}}]}
    events = _streamed(ada, batch)
    assert [name for name, _ in events] == ["shard", "end"]
    result = events[0][1]["result"]
    assert result["provenance"]["model_id"] == "toy" and result["batch"]["objective"] == [1.0]
    ((name, body),) = _streamed(owner("carl"), batch)
    assert (name, body["code"]) == ("problem", "BX011")
    ada.models.add("decay", DECAY)
    ensemble = {"process_code": "kinetic_ensemble", "model": "decay", "members": 600}
    ensemble |= {"distributions": {"k": {"kind": "uniform", "lower": 0.1, "upper": 0.2}}, "time_end": 1.0}
    study = ada.request_dynamic_computation(ensemble)  # two parts, put together
    assert study.provenance.model_id == "decay"


def _streamed(client: BiologicalComputationClient, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    answer: Answer = client._send("static", "POST", "/compute/metabolic/stream", json.dumps(body))
    fields = [line.partition(": ")[::2] for line in answer.content.decode().splitlines() if line]
    names = [value for field, value in fields if field == "event"]
    return list(zip(names, (json.loads(value) for field, value in fields if field == "data"), strict=True))


def test_models_are_listed_shown_and_deleted_by_their_owner_alone(
    ada: BiologicalComputationClient, bob: BiologicalComputationClient, owner: AsOwner
) -> None:
    said = {"licence": "CC0-1.0", "title": "A decay", "sources": ["this test"], "chassis": "syn3a"}
    added = ada.models.add("decay", DECAY, format="antimony", **said)
    assert added == ada.models.get("decay") == ada.models.get(added.digest)
    assert (added.licence, added.title, added.sources, added.chassis) == tuple(said.values())
    mine = [info.id for info in ada.models.list() if info.origin == "owner"]
    assert mine == ["decay", "toy"]
    assert [info.id for info in bob.models.list() if info.origin == "owner"] == ["toy"]
    assert {"iJO1366"} < {info.id for info in owner("carl").models.list()}
    assert (ada.models.text("decay"), bob.models.text("toy")) == (DECAY, toy(4.0))
    with pytest.raises(ModelNotFoundError, match="no model of your own"):
        ada.models.text("iJO1366")
    for ask in (bob.models.get, bob.models.text, bob.models.delete):
        with pytest.raises(ModelNotFoundError):
            ask("decay")
    ada.models.delete("decay")
    with pytest.raises(ModelNotFoundError):
        ada.models.get("decay")
    with pytest.raises(ConfigurationError, match="this server's, and stays"):
        ada.models.delete("iJO1366")


def test_an_id_stands_for_one_text(ada: BiologicalComputationClient) -> None:
    again = ada._send("tools", "POST", "/models", json.dumps({"id": "toy", "text": toy(10.0)}))
    assert again.status == 200
    with pytest.raises(ModelExistsError) as taken:
        ada.models.add("toy", toy(11.0))
    assert (taken.value.code.value, taken.value.http_status, grown(ada)) == ("BX023", 409, 5.0)
    with pytest.raises(ModelExistsError, match="of this server"):
        ada.models.add("iJO1366", toy(10.0))
    ada.models.delete("toy")
    with pytest.raises(ModelNotFoundError):
        grown(ada)  # not what was remembered of it
    ada.models.add("toy", toy(11.0))
    assert grown(ada) == 5.5


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"text": ENTITIES}, InvalidModelError, "DOCTYPE"),
        ({"text": 'import "other.txt"\nmodel m; end'}, InvalidModelError, "import"),
        ({"text": "/etc/passwd"}, InvalidModelError, "path or an address"),
        ({"text": "[" * 300}, InvalidModelError, "nests"),
        ({"format": "sbml"}, InvalidModelError, "not sbml"),
        ({"id": "0123456789abcdef"}, ConfigurationError, "cannot be the id"),
        ({"id": ".."}, ValidationError, "id"),
        ({"id": "a/b"}, ValidationError, "id"),
        ({"text": DECAY + " " * MAX_BODY}, ValidationError, "too large"),
        ({"colour": "red"}, ValidationError, "colour"),
    ],
)
def test_what_is_no_model_is_not_kept(
    ada: BiologicalComputationClient, fields: dict[str, Any], error: type[BioXenException], words: str
) -> None:
    body = {"id": "bad", "text": DECAY} | fields
    answer = ada._send("tools", "POST", "/models", json.dumps(body))
    refusal = BioXenException.from_problem(json.loads(answer.content))
    assert isinstance(refusal, error) and words in str(refusal)
    assert answer.status == (413 if words == "too large" else 422)
    assert [info.id for info in ada.models.list() if info.origin == "owner"] == ["toy"]


def test_models_need_the_scope_and_count_into_the_quota(owner: AsOwner, folder: Path) -> None:
    reader = owner("dora", "compute")
    assert any(info.id == "iJO1366" for info in reader.models.list())
    for ask in (lambda: reader.models.add("toy", toy(10.0)), lambda: reader.models.delete("toy")):
        with pytest.raises(MissingScopeError) as refused:
            ask()
        assert refused.value.details["scope"] == "models"
    outside, size = Store.at(folder).open(alone=False), len(toy(10.0))
    outside.write_now(set_quotas, "dora", {"stored_bytes": size + 5})
    outside.close()
    writer = owner("dora", "models")
    writer.models.add("toy", toy(10.0))
    writer.models.add("same", toy(10.0))
    usage = json.loads(writer._send("tools", "GET", "/owner").content)["usage"]
    assert usage["stored_bytes"] == size
    with pytest.raises(ResourceExhaustionError) as full:
        writer.models.add("decay", DECAY)
    assert full.value.details["quota"] == "stored_bytes"
    with pytest.raises(MissingScopeError):
        grown(writer)
    assert grown(reader) == 5.0  # it is the owner's, whichever token asks


def test_cells_compute_with_their_owners_models(
    ada: BiologicalComputationClient, bob: BiologicalComputationClient
) -> None:
    for client, growth in ((ada, 5.0), (bob, 2.0)):
        kept = client.cells
        kept.create("cell", "generic", "enhanced", config={"model": "toy"})
        kept.act("cell", "start")
        done = kept.run("cell", "metabolic_fba")
        assert done.service_results is not None
        assert done.service_results["optimal_objective"] == growth
        assert done.service_results["provenance"]["model_id"] == "toy"
        result = client.jobs.result(client.jobs.wait(kept.submit("cell", "metabolic_fba").job_id).job_id)
        assert isinstance(result, MetabolicResult) and result.optimal_objective == growth
        assert result.provenance.model_id == "toy"
        assert kept.replay("cell").same
    ada.models.delete("toy")
    with pytest.raises(ModelNotFoundError):
        ada.cells.run("cell", "metabolic_fba")  # the cell remembered an answer; it is no answer any more
    assert bob.cells.run("cell", "metabolic_fba").cache_hit
    ada.models.add("toy", toy(20.0))
    done = ada.cells.run("cell", "metabolic_fba")
    assert done.service_results is not None and done.service_results["optimal_objective"] == 10.0


def test_a_population_runs_on_its_owners_model_and_its_key_stands_for_what_was_asked(
    ada: BiologicalComputationClient,
) -> None:
    for name in ("one", "two"):
        ada.cells.create(name, "generic", config={"model": "toy"})
        ada.cells.act(name, "start")
    run = PopulationRun(vm_ids=["one", "two"], process_code="metabolic_fba")
    headers = {"idempotency-key": "population"}

    def asked(run: PopulationRun) -> Any:
        return json.loads(ada._send("tools", "POST", "/vms/runs", run.model_dump_json(), headers).content)

    job = asked(run)
    result = ada.jobs.result(ada.jobs.wait(job["job_id"]).job_id)
    assert isinstance(result, MetabolicResult) and result.batch is not None
    assert (result.provenance.model_id, result.batch.objective) == ("toy", [5.0, 5.0])
    ada.cells.set_delta("one", Delta(constraints={"EX_a_e": (-1.0, 0.0)}))
    again = asked(run.model_copy(update={"priority": 80}))
    assert again["job_id"] == job["job_id"]
    other = asked(run.model_copy(update={"vm_ids": ["two"]}))
    assert (other["code"], other["place"]) == ("BX020", "Idempotency-Key")


def test_a_job_has_the_model_it_was_handed_in_with_over_a_restart(tmp_path: Path) -> None:
    variants = [{"constraints": {"EX_a_e": [-float(number % 7), 0.0]}} for number in range(600)]
    batch = BatchRequest.model_validate({**FBA, "process_code": "metabolic_batch", "variants": variants})
    with Server(tmp_path, compute=False).serve() as owner:
        ada = owner("ada")
        ada.models.add("toy", toy(10.0))
        ada.models.add("decay", DECAY)
        submitted = [ada.jobs.submit(batch)]
        submitted.append(ada.jobs.submit({"process_code": "kinetic_steady_state", "model": "decay"}))
        with pytest.raises(ModelNotFoundError):
            owner("bob").jobs.submit(batch)
        estimate = ada.jobs.estimate(batch)
        ada.models.delete("decay")
        ada.models.delete("toy")
        ada.models.add("toy", toy(2.0))
    assert estimate.memory_bytes > 0
    with Server(tmp_path).serve() as owner:
        ada = owner("ada")
        results = [ada.jobs.result(ada.jobs.wait(job.job_id, 120).job_id) for job in submitted]
    screened, steady = results
    assert isinstance(screened, MetabolicResult) and screened.batch is not None
    assert screened.optimal_objective == 5.0 and len(screened.batch.objective) == 600
    assert screened.provenance.model_id == "toy"
    assert screened.provenance.model_digest == digest_of(toy(10.0))
    assert isinstance(steady, KineticResult) and steady.provenance.model_id == "decay"


def test_the_store_is_asked_once_for_a_model_and_never_for_those_that_ship(
    ada: BiologicalComputationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = models.find

    def counted(connection: Any, owner: str, name: str) -> Any:
        asked.append(name)
        return find(connection, owner, name)

    monkeypatch.setattr(models, "find", counted)
    for _ in range(3):
        grown(ada)
        grown(ada, model="textbook")
        grown(ada, model=None, cobra_json=toy(6.0))
        with pytest.raises(ModelNotFoundError):
            grown(ada, model="no-such")
    assert asked == ["toy", "no-such"]
