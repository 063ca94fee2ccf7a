"""PEtab problems from their files, as requests of `kinetic_petab`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioxen.errors import MissingModuleError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import PetabRequest

_TABLES = ("condition", "measurement", "observable")


def read(path: str | Path, **fields: Any) -> PetabRequest:
    """Return the request for the problem whose YAML file is at `path`.

    Args:
        path: the problem's YAML file (PEtab version 1, one problem, one file of each kind).
        fields: further fields of the request, such as `fit=True`.

    Raises:
        MissingModuleError: the petab package is not installed.
        ValidationError: the file describes something else.
    """
    try:
        from petab.v1.yaml import load_yaml
    except ImportError:
        raise MissingModuleError(
            "PEtab problems need the petab package, which is not installed.",
            details={"remedy": "Install it with pip install 'bioxen[petab]'."},
        ) from None
    folder, content = Path(path).parent, load_yaml(str(path))
    problems = content.get("problems", [])
    if str(content.get("format_version")) not in {"1", "1.0.0"} or len(problems) != 1:
        raise ValidationError(
            f"{path} is not a PEtab file of version 1 with one problem.", details={"place": "format_version"}
        )
    problem = problems[0]
    tables = {f"{kind}_table": _only(folder, problem, f"{kind}_files") for kind in _TABLES}
    texts: dict[str, Any] = {
        "kinetic_code": _only(folder, problem, "sbml_files"),
        "parameter_table": (folder / content["parameter_file"]).read_text(),
        **tables,
    }
    return parse(PetabRequest, texts | fields)


def _only(folder: Path, problem: dict[str, list[str]], kind: str) -> str:
    names = problem.get(kind, [])
    if len(names) != 1:
        raise ValidationError(f"The problem has {len(names)} {kind}, not one.", details={"place": kind})
    return (folder / names[0]).read_text()
