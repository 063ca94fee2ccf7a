from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bioxen.chassis import (
    ChassisConfig,
    find_chassis,
    get_chassis_config,
    get_supported_biological_types,
    registry,
)
from bioxen.errors import ChassisError

YEAST = """
biological_type = "{name}"
organism = "Candida fictiva"
summary = "A yeast of another package."
default_model = "iFC1"
[facts.doubling_time]
value = 2
unit = "h"
source = "Nobody 2000"
"""


def give_text() -> str:
    return YEAST.format(name="candida")


text = YEAST.format(name="candida")
broken = "biological_type = "
number = 7


def test_the_six_types_and_the_alias() -> None:
    six = ["ecoli", "yeast", "syn3a", "minimal_cell", "orthogonal", "base"]
    assert get_supported_biological_types()[:6] == six
    assert get_chassis_config("generic").biological_type == "base"


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_built_in_chassis_is_sound(name: str) -> None:
    chassis = get_chassis_config(name)
    assert chassis.biological_type == name
    assert chassis["organism"]
    assert chassis.default_model in chassis.metabolic_models
    assert chassis.default_kinetic_program in chassis.kinetic_programs
    assert chassis.objective
    assert chassis.medium
    for fact in chassis.facts.values():
        assert fact.source
        assert fact.unit


def test_an_unknown_type_gets_near_matches() -> None:
    with pytest.raises(ChassisError, match="Did you mean ecoli") as caught:
        get_chassis_config("e_coli")
    assert "yeast" in caught.value.details["known"]


def test_a_caller_cannot_change_what_cells_share() -> None:
    mine = get_chassis_config("ecoli")
    mine.medium["EX_o2_e"] = -1.0
    mine.facts.clear()
    assert find_chassis("ecoli") is find_chassis("ecoli")
    assert find_chassis("ecoli").medium.get("EX_o2_e") != -1.0


@pytest.fixture
def _stranger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    name, value = request.param
    point = EntryPoint(name, f"{__name__}:{value}", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    for cached in (registry._strangers, registry.find_chassis):
        cached.cache_clear()
    yield
    for cached in (registry._strangers, registry.find_chassis):
        cached.cache_clear()


@pytest.mark.parametrize("_stranger", [("candida", "give_text"), ("candida", "text")], indirect=True)
@pytest.mark.usefixtures("_stranger")
def test_another_package_adds_a_chassis() -> None:
    assert "candida" in get_supported_biological_types()
    assert get_chassis_config("candida").default_model == "iFC1"


@pytest.mark.parametrize(
    "_stranger",
    [("candida", "broken"), ("candida", "number"), ("candida", "missing"), ("torula", "text")],
    indirect=True,
)
@pytest.mark.usefixtures("_stranger")
def test_a_broken_chassis_is_told_at_its_use() -> None:
    with pytest.raises(ChassisError):
        get_chassis_config(get_supported_biological_types()[-1])


@pytest.mark.parametrize("_stranger", [("ecoli", "text")], indirect=True)
@pytest.mark.usefixtures("_stranger")
def test_a_stranger_cannot_replace_a_built_in() -> None:
    assert get_supported_biological_types().count("ecoli") == 1


def test_a_resource_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "candida.toml"
    file.write_text(text)
    monkeypatch.setattr(EntryPoint, "load", lambda _: file)
    assert registry._text_of(EntryPoint("candida", "a:b", "g")) == text


def test_a_chassis_reads_like_a_dict() -> None:
    chassis = registry.read_chassis("candida", text)
    assert isinstance(chassis, ChassisConfig)
    assert chassis["facts"]["doubling_time"].value == 2
