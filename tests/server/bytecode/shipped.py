"""What the tests of shipped programs share: the manifests, and a model read once."""

import gzip
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from cobra import Model
from cobra.io import read_sbml_model

DATA = files("bioxen.server.bytecode") / "data"
CHASSIS = ("base", "ecoli", "minimal_cell", "orthogonal", "syn3a", "yeast")

Program = dict[str, Any]


@cache
def programs() -> dict[str, Program]:
    """Every shipped program by id; `chassis` is added."""
    found: dict[str, Program] = {}
    for chassis in CHASSIS:
        manifest = tomllib.loads((DATA / chassis / "manifest.toml").read_text(encoding="utf-8"))
        for program in manifest["program"]:
            assert program["id"] not in found, f"two programs are called {program['id']}"
            found[program["id"]] = {**program, "chassis": chassis}
    return found


def of_kind(kind: str) -> list[str]:
    """Ids of the programs of a kind."""
    return [name for name, program in programs().items() if program["kind"] == kind]


def own_models() -> list[str]:
    """Ids of the metabolic models that were written for BioXen."""
    return [name for name in of_kind("metabolic") if "package" not in programs()[name]]


def content(name: str) -> bytes:
    """The decompressed bytes of a program."""
    program = programs()[name]
    folder = files(program["package"]) if "package" in program else DATA / program["chassis"]
    raw = folder.joinpath(program["file"]).read_bytes()
    return gzip.decompress(raw) if program["file"].endswith(".gz") else raw


@cache
def loaded(name: str) -> Model:
    """A metabolic model with GLPK; change it inside `with model:` only."""
    model = read_sbml_model(content(name).decode())
    model.solver = "glpk"
    return model
