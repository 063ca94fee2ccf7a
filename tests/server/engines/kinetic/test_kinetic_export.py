"""Models on their way out say what they said on their way in, with the request's values written into them."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.server.engines.kinetic.models import KITCHEN_SINK, series, source_of
from tests.server.engines.kinetic.test_kinetic_general import FAST, LOCAL
from typer.testing import CliRunner

from bioxen.cli import app
from bioxen.errors import InvalidModelError
from bioxen.protocol.model_export import ExportedModel
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.kinetic import KineticEngine

CHANGES = {"parameters": {"k": 0.8}, "initial_conditions": {"[S1]": 2.0}}
SINK = source_of(KITCHEN_SINK)


def exported(engine: KineticEngine, source: ModelSource, **request: object) -> ExportedModel:
    asked = engine.parse({"process_code": "kinetic_export", **request})
    found = engine.run(asked, engine.compile(source)).exported
    assert found is not None
    return found


def files(model: ExportedModel) -> dict[str, str]:
    assert model.archive is not None
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(model.archive))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("form", ["sbml", "antimony", "combine"])
def test_an_exported_model_behaves_as_the_changed_one(engine: KineticEngine, form: str) -> None:
    model = exported(engine, SINK, format=form, **CHANGES)
    text = files(model)["model.xml"] if form == "combine" else model.text
    assert text is not None
    again = source_of(text, "antimony" if form == "antimony" else "sbml")
    request = {"time_end": 5, "outputs": ["[S1]", "S2", "H", "z", "q"]}
    here = engine.run(engine.parse({**request, **CHANGES}), engine.compile(SINK))
    there = engine.run(engine.parse(request), engine.compile(again))
    for name in request["outputs"]:  # type: ignore[attr-defined]  # it is a list
        np.testing.assert_allclose(series(there, name), series(here, name), rtol=1e-6, atol=1e-12)


def test_an_archive_has_a_manifest_that_names_everything(engine: KineticEngine) -> None:
    model = exported(engine, SINK, format="combine")
    content = files(model)
    entries = ElementTree.fromstring(content["manifest.xml"])  # noqa: S314 - our own text
    places = {entry.attrib["location"]: entry.attrib for entry in entries}
    assert set(places) == {".", *(f"./{name}" for name in content)}
    assert [place for place, entry in places.items() if entry.get("master") == "true"] == ["./model.xml"]
    assert places["./model.xml"]["format"].endswith("sbml.level-3.version-2")
    assert model.archive == exported(engine, SINK, format="combine").archive  # equal requests, equal bytes


def test_a_local_parameter_is_changed_in_its_place(engine: KineticEngine) -> None:
    text = exported(engine, source_of(LOCAL, "sbml"), parameters={"J.k": 0.5}).text or ""
    assert '<localParameter id="k" value="0.5"/>' in text


def test_antimony_does_not_lose_a_construct_silently(engine: KineticEngine) -> None:
    with pytest.raises(InvalidModelError, match="1 fast reactions"):
        exported(engine, source_of(FAST, "sbml"), format="antimony")
    assert "model.ant" not in files(exported(engine, source_of(FAST, "sbml"), format="combine"))


def test_the_command_writes_the_file_that_was_named(tmp_path: Path) -> None:
    place = tmp_path / "fast.ant"
    done = CliRunner().invoke(app, ["models", "export", "repressilator", str(place), "--param", "n=3"])
    assert done.exit_code == 0, done.output
    assert "n = 3" in place.read_text()


def test_the_command_wants_a_known_ending(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["models", "export", "repressilator", str(tmp_path / "model.txt")])
    assert done.exit_code == 2
    assert ".omex" in done.output
