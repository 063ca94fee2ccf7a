"""What `bioxen run --output` and `bioxen models export` write to a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioxen.cli.console import errors
from bioxen.errors import ConfigurationError
from bioxen.protocol.model_export import FORMATS, ExportedModel
from bioxen.protocol.rows import to_csv

if TYPE_CHECKING:
    from bioxen.protocol.result import ProcessResult

EXPORT = "kinetic_export"


def with_format(process: str, context: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the fields of a request with the format that the name of `file` tells, unless they give one."""
    told = FORMATS.get(file.suffix) if process == EXPORT else None
    return ({} if told is None else {"format": told}) | dict(context)


def content_of(result: ProcessResult, *, as_json: bool, as_csv: bool) -> bytes:
    """Return what a file is to hold: JSON or CSV where asked for, an exported model as it is, else JSON.

    Raises:
        ConfigurationError: a model was to be exported, and there is none in the result.
    """
    if as_csv:
        return to_csv(result).encode()
    if as_json or result.process_code != EXPORT:
        return result.model_dump_json(indent=2).encode() + b"\n"
    exported = None if result.symbolic else (result.service_results or {}).get("exported")
    if exported is None:
        raise ConfigurationError(
            f"There is no model to write: {result.reason or result.biological_output}",
            details={"place": "--output", "remedy": "Use --mode real, or --json for the result itself."},
        )
    return ExportedModel.model_validate(exported).content


def write(file: Path, content: bytes) -> None:
    """Write `content`, and say so on standard error.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot write {file}: {error.strerror or error}.",
            details={"place": str(file), "remedy": "Give a file in a folder that exists and is yours."},
        ) from None
    errors.print(f"Wrote {file}.", highlight=False, soft_wrap=True)
