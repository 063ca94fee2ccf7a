"""Models on their way out: SBML, Antimony, and COMBINE archives."""

from __future__ import annotations

import base64
import contextlib
import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

import antimony
import libsbml

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import ExportRequest
from bioxen.protocol.model_export import ExportedModel
from bioxen.server.engines.kinetic.answer import Answer
from bioxen.server.engines.kinetic.changes import Change, changes_of
from bioxen.server.engines.kinetic.initial import with_changes
from bioxen.server.engines.kinetic.loader import from_antimony
from bioxen.server.engines.kinetic.program import Program

_SPECIFICATIONS = "http://identifiers.org/combine.specifications/"
_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive, so that equal models give equal bytes."""
_MEDIA = {"sbml": "application/sbml+xml", "antimony": "text/x-antimony", "combine": "application/zip"}
_SUFFIX = {"sbml": ".xml", "antimony": ".ant", "combine": ".omex"}


def export(request: ExportRequest, program: Program) -> Answer:
    """Return the model with the request's changes written into it.

    Raises:
        InvalidModelError: Antimony cannot say what the model says.
    """
    changes_of(request, program.facts)
    given = {**request.parameters, **request.initial_conditions}
    volumes_first = sorted(given.items(), key=lambda item: item[0] not in program.facts.compartments)
    sbml = with_changes(program.plain, [Change(name, value) for name, value in volumes_first])
    name = program.model_id or "model"
    return Answer(
        message=f"The model as {request.format}" + (f", with {len(given)} changed values." if given else "."),
        settings={"format": request.format},
        exported=ExportedModel(
            format=request.format,
            file_name=name + _SUFFIX[request.format],
            media_type=_MEDIA[request.format],
            text=None
            if request.format == "combine"
            else sbml
            if request.format == "sbml"
            else to_antimony(sbml),
            archive=base64.b64encode(to_archive(sbml)).decode() if request.format == "combine" else None,
        ),
    )


def to_antimony(sbml: str) -> str:
    """Return `sbml` in Antimony, which must say the same when it is read again.

    Raises:
        InvalidModelError: it has what Antimony cannot say.
    """
    antimony.clearPreviousLoads()
    if antimony.loadSBMLString(sbml) < 0:
        raise InvalidModelError(
            f"Antimony cannot read the model: {' '.join(antimony.getLastError().split())}"
        )
    text = str(antimony.getAntimonyString(antimony.getMainModuleName()))
    antimony.clearPreviousLoads()
    lost = _lost(_inventory(sbml), _inventory(from_antimony(text)))
    if lost:
        raise InvalidModelError(
            f"Antimony cannot say what the model says: it loses {lost}.",
            details={"place": "format", "construct": lost, "remedy": "Export SBML or a COMBINE archive."},
        )
    return text


def to_archive(sbml: str) -> bytes:
    """Return a COMBINE archive with `sbml` as its master, and the same in Antimony where that can say it."""
    document = libsbml.readSBMLFromString(sbml)
    level = f"sbml.level-{document.getLevel()}.version-{document.getVersion()}"
    files = {"model.xml": (sbml, _SPECIFICATIONS + level)}
    with contextlib.suppress(InvalidModelError):  # the archive is whole without it: the SBML is the model
        files["model.ant"] = (to_antimony(sbml), "http://purl.org/NET/mediatypes/text/x-antimony")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        _add(archive, "manifest.xml", _manifest({name: kind for name, (_, kind) in files.items()}))
        for name, (text, _) in files.items():
            _add(archive, name, text)
    return content.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, _BEGINNING), text, zipfile.ZIP_DEFLATED)


def _manifest(kinds: Mapping[str, str]) -> str:
    entries = {".": _SPECIFICATIONS + "omex", "./manifest.xml": _SPECIFICATIONS + "omex-manifest"}
    entries |= {f"./{name}": kind for name, kind in kinds.items()}
    lines = [
        f"  <content location={quoteattr(place)} format={quoteattr(kind)}"
        + (' master="true"/>' if place == "./model.xml" else "/>")
        for place, kind in entries.items()
    ]
    namespace = _SPECIFICATIONS + "omex-manifest"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([head, f'<omexManifest xmlns="{namespace}">', *lines, "</omexManifest>", ""])


def _inventory(sbml: str) -> Counter[str]:
    """Count what a model is made of; what gets fewer on the way through Antimony is lost."""
    model = libsbml.readSBMLFromString(sbml).getModel()
    kinds = Counter(f"{type(rule).__name__}" for rule in model.getListOfRules())
    kinds["species"] = model.getNumSpecies()
    kinds["compartments"] = model.getNumCompartments()
    kinds["reactions"] = model.getNumReactions()
    kinds["events"] = model.getNumEvents()
    kinds["initial assignments"] = model.getNumInitialAssignments()
    kinds["fast reactions"] = sum(
        bool(item.isSetFast() and item.getFast()) for item in model.getListOfReactions()
    )
    kinds["conversion factors"] = sum(item.isSetConversionFactor() for item in model.getListOfSpecies())
    kinds["conversion factors"] += bool(model.isSetConversionFactor())
    return kinds


def _lost(before: Counter[str], after: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted((before - after).items()))
