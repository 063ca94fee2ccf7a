"""The repository: found by id and digest, whole or not at all, shipped models out of reach."""

from __future__ import annotations

import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bioxen.errors import BioXenException, ConfigurationError, InvalidModelError, ModelNotFoundError
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.shelf import user_models_directory
from bioxen.server.bytecode.source import digest_of

TEXT = "A -> B; k*A; k = 1; A = 10\n"
JSON = '{"metabolites": [], "reactions": [], "genes": []}'
PROGRAM = """
[[program]]
id = "{id}"
kind = "kinetic"
title = "A decay"
format = "antimony"
file = "{file}"
{package}
version = "1"
sha256 = "{sha256}"
licence = "Apache-2.0"
sources = ["written here"]
limits = []
[program.reference]
"""


def manifest(folder: Path, *programs: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    defaults = {"file": "decay.ant", "package": "", "sha256": digest_of(TEXT)}
    entries = [PROGRAM.format(**{**defaults, **program}) for program in programs]
    (folder / "manifest.toml").write_text("\n".join(entries))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    shipped = tmp_path / "data"
    manifest(shipped / "base", {"id": "decay"}, {"id": "packed", "file": "decay.ant.gz"})
    (shipped / "base" / "decay.ant").write_text(TEXT)
    (shipped / "base" / "decay.ant.gz").write_bytes(gzip.compress(TEXT.encode()))
    return Repository(tmp_path / "models", shipped)


def add(repository: Repository, id: str = "mine", text: str = JSON) -> ModelInfo:
    return repository.add(text, id=id, chassis="ecoli", title="Mine", licence="CC0-1.0", sources=["me"])


def test_shipped_models_are_listed_and_read(repository: Repository) -> None:
    assert [info.id for info in repository.list()] == ["decay", "packed"]
    info = repository.find("decay")
    assert (info.chassis, info.origin, info.format) == ("base", "bioxen", "antimony")
    for name in ("decay", "packed"):
        source = repository.read(name)
        assert (source.text, source.id, source.digest) == (TEXT, name, digest_of(TEXT))


def test_models_of_a_package_are_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "library" / "model_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "decay.ant").write_text(TEXT)
    monkeypatch.syspath_prepend(str(package.parent))
    manifest(tmp_path / "ecoli", {"id": "there", "package": 'package = "model_package"'})
    manifest(tmp_path / "yeast", {"id": "absent", "package": 'package = "no_such_package"'})
    repository = Repository(tmp_path / "models", tmp_path)
    assert repository.read("there").text == TEXT
    assert repository.find("there").origin == "package"
    assert "model_package" not in sys.modules
    with pytest.raises(ModelNotFoundError, match="not there"):
        repository.read("absent")


def test_a_changed_text_is_not_given_out(tmp_path: Path) -> None:
    manifest(tmp_path / "base", {"id": "decay", "sha256": "0" * 64})
    (tmp_path / "base" / "decay.ant").write_text(TEXT)
    repository = Repository(tmp_path / "models", tmp_path)
    with pytest.raises(InvalidModelError) as caught:
        repository.read("decay")
    assert caught.value.details["expected"] == "0" * 64
    assert caught.value.details["found"] == digest_of(TEXT)
    (verdict,) = repository.verify()
    assert not verdict.ok and "0" * 64 in str(verdict.problem)


def test_found_by_digest_and_by_the_beginning_of_one(repository: Repository) -> None:
    info = add(repository)
    for name in (info.digest, info.digest[:12], f"sha256:{info.digest}"):
        assert repository.find(name) == info
    assert repository.find(digest_of(TEXT)).id == "decay"  # two of the same text: either is right
    with pytest.raises(ModelNotFoundError):
        repository.find(info.digest[:11])


def test_an_unknown_model_names_the_near_ones(repository: Repository) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        repository.read("decai")
    assert caught.value.details["near_matches"] == ["decay"]
    with pytest.raises(ModelNotFoundError):
        repository.read("../base/decay")


def test_adding_reading_and_removing(repository: Repository) -> None:
    info = add(repository)
    assert (info.kind, info.format, info.origin, info.digest) == (
        "metabolic",
        "cobra-json",
        "user",
        digest_of(JSON),
    )
    again = Repository(repository.user_directory, repository.user_directory / "none")
    assert again.list() == [info]
    assert again.read("mine").text == JSON
    assert all(verdict.ok for verdict in repository.verify())
    assert repository.remove("mine") == info
    with pytest.raises(ModelNotFoundError):
        repository.read("mine")
    assert list(repository.user_directory.iterdir()) == []


def test_text_is_kept_to_the_byte(repository: Repository) -> None:
    text = "A -> B; k\r\n// µ\r"
    add(repository, text=text)
    assert repository.read("mine").text == text


def test_the_same_again_changes_nothing_and_another_is_refused(repository: Repository) -> None:
    assert add(repository) == add(repository)
    assert add(repository, id="decay", text=TEXT).origin == "bioxen"
    for name in ("mine", "decay"):
        with pytest.raises(ConfigurationError, match="already names"):
            add(repository, id=name, text="C -> D; k")
    add(repository, id="mine2")
    assert [info.id for info in repository.list()] == ["decay", "packed", "mine", "mine2"]


@pytest.mark.parametrize(
    "id", ["", "../x", "a/b", ".hidden", "a" * 101, "0123456789ab", "sha256:0123456789ab", "a b"]
)
def test_ids_that_cannot_be(repository: Repository, id: str) -> None:
    with pytest.raises(ConfigurationError):
        add(repository, id=id)


def test_a_bad_text_is_refused_before_anything_is_written(repository: Repository) -> None:
    with pytest.raises(InvalidModelError):
        add(repository, text='import "x"')
    assert not repository.user_directory.exists()


def test_shipped_models_stay(repository: Repository) -> None:
    with pytest.raises(ConfigurationError, match="ships"):
        repository.remove("decay")


def test_many_writers_at_once_leave_one_whole_model(repository: Repository) -> None:
    texts = [f"A -> B; {number}" for number in range(4)] * 4

    def attempt(text: str) -> str | None:
        try:
            return add(repository, id="raced", text=text).digest
        except ConfigurationError:
            return None

    with ThreadPoolExecutor(8) as threads:
        stored = {digest for digest in threads.map(attempt, texts) if digest}
    assert stored == {repository.find("raced").digest}
    assert digest_of(repository.read("raced").text) in stored
    assert [path.name for path in repository.user_directory.iterdir()] == ["raced"]


def test_readers_see_a_model_whole_or_not_at_all(repository: Repository) -> None:
    def read(_: int) -> bool:
        try:
            return repository.read("flicker").text == JSON
        except ModelNotFoundError:
            return True

    def flicker(_: int) -> None:
        try:
            add(repository, id="flicker")
            repository.remove("flicker")
        except ModelNotFoundError:
            pass

    with ThreadPoolExecutor(4) as threads:
        readers, writers = threads.map(read, range(100)), threads.map(flicker, range(40))
        assert all(readers)
        assert len(list(writers)) == 40


def test_a_folder_that_is_no_model_is_not_overwritten(repository: Repository) -> None:
    note = repository.user_directory / "mine" / "note.txt"
    note.parent.mkdir(parents=True)
    note.write_text("keep me")
    with pytest.raises(ConfigurationError, match="in the way"):
        add(repository)
    assert note.read_text() == "keep me"


def test_a_model_stored_by_version_1_loads_for_ever(repository: Repository) -> None:
    folder = repository.user_directory / "archived"
    folder.mkdir(parents=True)
    (folder / "model.ant").write_text(TEXT)
    model = {"id": "archived", "kind": "kinetic", "chassis": "yeast", "title": "t", "format": "antimony"}
    model |= {"version": "1", "digest": digest_of(TEXT), "licence": "CC0-1.0", "origin": "user"}
    manifest = {"format_version": 1, "model": {**model, "sources": [], "limits": []}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert repository.read("archived").text == TEXT


def test_a_later_manifest_is_an_error_that_says_so(repository: Repository) -> None:
    folder = repository.user_directory / "later"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"format_version": 99, "model": {}}')
    with pytest.raises(BioXenException, match="later"):
        repository.list()


def test_where_a_users_models_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOXEN_HOME", str(tmp_path))
    assert user_models_directory() == tmp_path / "models"
    monkeypatch.delenv("BIOXEN_HOME")
    assert user_models_directory().name == "models"


def test_a_model_that_was_replaced_is_seen_at_once_by_whoever_knew_the_old_one(tmp_path: Path) -> None:
    reader, writer = Repository(tmp_path), Repository(tmp_path)
    old = writer.add(TEXT, id="mine", chassis="ecoli", title="", licence="")
    assert reader.find("mine") == old
    writer.remove("mine")
    with pytest.raises(ModelNotFoundError):
        reader.find("mine")
    new = writer.add(TEXT + " ", id="mine", chassis="ecoli", title="", licence="")
    assert reader.find("mine") == reader.find(new.digest) == new != old


@pytest.mark.parametrize("name", ["../mine", "mine/../mine", "/mine", ".", "..", ""])
def test_a_name_that_is_no_id_leads_to_no_file(tmp_path: Path, name: str) -> None:
    Repository(tmp_path).add(TEXT, id="mine", chassis="ecoli", title="", licence="")
    with pytest.raises(ModelNotFoundError):
        Repository(tmp_path / "mine").find(name)
    with pytest.raises(ModelNotFoundError):
        Repository(tmp_path).find(name)
