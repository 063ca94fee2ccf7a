"""The results of a request's parts, in their order, as the result of the whole. All of it is plain data."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioxen.server.engines.packing import as_numbers, pack, unpack

Data = dict[str, Any]


def join(parts: list[Data], *, packed: bool) -> Data:
    """Return the result of the whole.

    Args:
        parts: a `MetabolicResult` each.
        packed: whether the matrix of a double deletion study is to be packed.
    """
    if all(part["status"] != "optimal" and part["batch"] is None for part in parts):
        return parts[0]  # nothing to study in any of them, for the same reason
    whole = parts[0] | {
        "certificate": _worst([part["certificate"] for part in parts]),
        "provenance": _provenance(parts),
    }
    if parts[0]["batch"] is not None:
        columns = _columns([part["batch"] for part in parts])
        solved = columns["status"].count("optimal")
        message = f"{len(columns['status'])} variants, {solved} of them optimal."
        return whole | {"batch": columns, "message": message}
    if parts[0]["deletion_matrix"] is not None:
        return whole | {
            "deletion_matrix": _matrix([part["deletion_matrix"] for part in parts], packed=packed)
        }
    if parts[0]["deletion_pairs"] is not None:
        return whole | {"deletion_pairs": _columns([part["deletion_pairs"] for part in parts])}
    return whole | {"deletions": [row for part in parts for row in part["deletions"]]}


def _columns(parts: list[Data]) -> Data:
    """Return columns one after another; columns of columns too, as the fluxes of a batch are."""
    joined: Data = {}
    for name, first in parts[0].items():
        if isinstance(first, dict):
            joined[name] = _columns([part[name] for part in parts])
        else:
            joined[name] = first if first is None else [one for part in parts for one in part[name]]
    return joined


def _matrix(parts: list[Data], *, packed: bool) -> Data:
    """Return the whole matrix: the rows of the parts, and below the diagonal what they hold above it.

    Where rows and columns are the same, a part has no columns before its first row.
    """
    columns = parts[0]["ids_b"]
    rows = [name for part in parts for name in part["ids_a"]]
    values = np.full((len(rows), len(columns)), np.nan)
    begin = 0
    for part in parts:
        block, left = unpack(part), len(columns) - len(part["ids_b"])
        end = begin + len(block)
        values[begin:end, left:] = block
        if rows == columns:
            values[left:, begin:end] = block.T
        begin = end
    return {
        "ids_a": rows,
        "ids_b": columns,
        "growth": None if packed else as_numbers(values),
        "packed": pack(values) if packed else None,
        "infeasible": sum(part["infeasible"] for part in parts),
        "unsolved": [pair for part in parts for pair in part["unsolved"]],
    }


def _worst(certificates: list[Data | None]) -> Data | None:
    """Return the certificate that holds for every part: the largest of each of its numbers."""
    known = [certificate for certificate in certificates if certificate is not None]
    if not known:
        return None
    names = known[0]
    return {name: max((one[name] for one in known if one[name] is not None), default=None) for name in names}


def _provenance(parts: list[Data]) -> Data:
    """Return the provenance of the first part, with the solvers of all."""
    first: Data = parts[0]["provenance"]
    solvers = {name for part in parts for name in part["provenance"]["settings"]["solver"].split(", ")}
    return first | {"settings": first["settings"] | {"solver": ", ".join(sorted(solvers))}}
