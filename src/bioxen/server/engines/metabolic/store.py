"""Compiled models on disk, so that a fresh worker loads one in milliseconds instead of reading it again.

A file is a header, the digest of what follows, and arrays (npz; no pickle). Whatever is not exactly that, or
was compiled from something else or by other versions, is passed over and written anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bioxen.server.engines.cache_folder import cache_folder
from bioxen.server.engines.metabolic.gpr import GeneRules, Rule
from bioxen.server.engines.metabolic.highs import HIGHS_VERSION
from bioxen.server.engines.metabolic.kernel.tableau import Tableau, rows_of
from bioxen.server.engines.metabolic.network import Network
from bioxen.server.engines.metabolic.reduction import Reduction
from bioxen.server.engines.metabolic.solver import Base, LinearProgram
from bioxen.server.engines.metabolic.versions import COBRA_VERSION

FORMAT = 1
"""Changes with the meaning of anything stored."""
MAX_FILES = 64
"""The files least recently written go first; one of iJO1366 takes 10 MB."""

_MAGIC = b"BIOXEN-PROGRAM\n"
_Arrays = dict[str, Any]
_TABLEAU = tuple(name for name in Tableau._fields if name not in ("by_column", "matrix"))


def save(digest: str, network: Network, fluxes: LinearProgram) -> None:
    """Keep what was compiled from the model `digest`, if there is a place for it."""
    folder = _folder()
    if folder is None:
        return
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_pack(digest, network, fluxes))
    content = buffer.getvalue()
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(content).digest() + content)
            Path(name).replace(_path(folder, digest))
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _prune(folder)


def load(digest: str) -> tuple[Network, LinearProgram] | None:
    """Return what was compiled from the model `digest`; `None` where nothing whole and fitting is kept."""
    folder = _folder()
    if folder is None:
        return None
    try:
        content = _verified(_path(folder, digest).read_bytes())
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _unpack(digest, dict(arrays))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _folder() -> Path | None:
    return cache_folder("models", f"v{FORMAT}")


def _path(folder: Path, digest: str) -> Path:
    return folder / f"{hashlib.sha256(digest.encode()).hexdigest()}.program"


def _verified(file: bytes) -> memoryview | None:
    start = len(_MAGIC) + 32
    content = memoryview(file)[start:]
    if file[: len(_MAGIC)] != _MAGIC or hashlib.sha256(content).digest() != file[len(_MAGIC) : start]:
        return None
    return content


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.program"), key=lambda path: path.stat().st_mtime_ns)
    for path in files[:-MAX_FILES]:
        path.unlink(missing_ok=True)


def _origin(digest: str) -> list[Any]:
    return [FORMAT, digest, COBRA_VERSION, HIGHS_VERSION]


def _pack(digest: str, network: Network, fluxes: LinearProgram) -> _Arrays:
    head = {
        "origin": _origin(digest),
        "reactions": network.reactions,
        "metabolites": network.metabolites,
        "genes": network.genes,
        "direction": network.direction,
        "rules": [_pack_rule(rule) for rule in network.rules.rules],
        "tableau": fluxes.base.tableau is not None,
        "basis": fluxes.base.basis is not None,
    }
    arrays: _Arrays = {
        "head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
        "lower": network.lower,
        "upper": network.upper,
        "objective": network.objective,
        "exchanges": np.array(network.exchanges, dtype=np.int64),
        "carbons": network.carbons,
        "weights": network.weights,
        "root": fluxes.reduction.root,
        "factor": fluxes.reduction.factor,
        **_pack_matrix("stoichiometry", network.stoichiometry),
        **_pack_matrix("reduced", fluxes.reduction.matrix),
    }
    if fluxes.base.basis is not None:
        arrays["basis_columns"], arrays["basis_rows"] = fluxes.base.basis
    if fluxes.base.tableau is not None:
        arrays |= {f"tableau_{name}": getattr(fluxes.base.tableau, name) for name in _TABLEAU}
    return arrays


def _unpack(digest: str, arrays: _Arrays) -> tuple[Network, LinearProgram] | None:
    head = json.loads(arrays["head"].tobytes())
    if head["origin"] != _origin(digest):
        return None
    network = Network(
        reactions=tuple(head["reactions"]),
        metabolites=tuple(head["metabolites"]),
        genes=tuple(head["genes"]),
        stoichiometry=_unpack_matrix("stoichiometry", arrays),
        lower=arrays["lower"],
        upper=arrays["upper"],
        objective=arrays["objective"],
        direction=head["direction"],
        rules=GeneRules([_unpack_rule(rule) for rule in head["rules"]]),
        exchanges=tuple(arrays["exchanges"].tolist()),
        carbons=arrays["carbons"],
        weights=arrays["weights"],
    )
    reduced = _unpack_matrix("reduced", arrays)
    tableau = None
    if head["tableau"]:
        stored = {name: arrays[f"tableau_{name}"] for name in _TABLEAU}
        by_column = np.ascontiguousarray(stored["by_row"].T)
        tableau = Tableau(**stored, by_column=by_column, matrix=rows_of(reduced))
    basis = (arrays["basis_columns"], arrays["basis_rows"]) if head["basis"] else None
    reduction = Reduction(reduced, arrays["root"], arrays["factor"])
    return network, LinearProgram(network.stoichiometry, reduction, Base(basis, tableau))


def _pack_matrix(name: str, matrix: sparse.csc_array) -> _Arrays:
    return {
        f"{name}_shape": np.array(matrix.shape),
        f"{name}_starts": matrix.indptr,
        f"{name}_rows": matrix.indices,
        f"{name}_values": matrix.data,
    }


def _unpack_matrix(name: str, arrays: _Arrays) -> sparse.csc_array:
    values, rows, starts = (arrays[f"{name}_{part}"] for part in ("values", "rows", "starts"))
    return sparse.csc_array((values, rows, starts), shape=tuple(arrays[f"{name}_shape"].tolist()))


def _pack_rule(rule: Rule | None) -> Any:
    if rule is None or isinstance(rule, int):
        return rule
    combine, parts = rule
    return ["or" if combine is any else "and", [_pack_rule(part) for part in parts]]


def _unpack_rule(packed: Any) -> Rule | None:
    if packed is None or isinstance(packed, int):
        return packed
    word, parts = packed
    rules = tuple(rule for part in parts if (rule := _unpack_rule(part)) is not None)
    return (any if word == "or" else all), rules
