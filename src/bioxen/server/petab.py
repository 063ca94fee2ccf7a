"""PEtab problems from their files, as requests of `kinetic_petab`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioxen.errors import ConfigurationError, MissingModuleError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import PetabRequest

_TABLES = ("condition", "measurement", "observable")


def read(path: str | Path, **fields: Any) -> PetabRequest:
    """Return the request for the problem whose YAML file is at `path`.

    Args:
        path: the problem's YAML file (PEtab version 1, one problem, one file of each kind).
        fields: further fields of the request, such as `fit=True`.

    Raises:
        ConfigurationError: a file cannot be read.
        MissingModuleError: the petab package is not installed.
        ValidationError: the file describes something else.
    """
    return parse(PetabRequest, texts(path) | fields)


def texts(path: str | Path) -> dict[str, Any]:
    """Return the model and the tables of the problem at `path`, by the field that takes each; see `read`.

    A cell takes them as its context: `cell.execute_biological_process("kinetic_petab", texts(path))`.
    """
    content = _content(Path(path))
    problems = content.get("problems") or []
    if str(content.get("format_version")) not in {"1", "1.0.0"} or len(problems) != 1:
        raise ValidationError(
            f"{path} is not a PEtab file of version 1 with one problem.",
            details={"place": "format_version", "remedy": "Give the problem's YAML file."},
        )
    folder, problem = Path(path).parent, problems[0]
    return {
        "kinetic_code": _text(folder, "sbml_files", problem.get("sbml_files")),
        "parameter_table": _text(folder, "parameter_file", content.get("parameter_file")),
        **{f"{kind}_table": _text(folder, f"{kind}_files", problem.get(f"{kind}_files")) for kind in _TABLES},
    }


def _content(path: Path) -> dict[str, Any]:
    try:
        import yaml
        from petab.v1.yaml import load_yaml
    except ImportError:
        raise MissingModuleError(
            "PEtab problems need the petab package, which is not installed.",
            details={"remedy": "Install it with pip install 'bioxen[petab]'."},
        ) from None
    try:
        content = load_yaml(str(path))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unreadable(path, error) from None
    return content if isinstance(content, dict) else {}


def _text(folder: Path, kind: str, named: str | list[str] | None) -> str:
    names = [named] if isinstance(named, str) else named or []
    if len(names) != 1:
        raise ValidationError(
            f"The problem has {len(names)} {kind}, not one.",
            details={"place": kind, "remedy": "Join its files of that kind into one."},
        )
    try:
        return (folder / names[0]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(folder / names[0], error) from None


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"Cannot read {path}: {' '.join(str(error).split())}.",
        details={"place": str(path), "remedy": "Give the problem's YAML file, its tables beside it."},
    )
