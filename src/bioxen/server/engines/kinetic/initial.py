"""Write changed initial values into the SBML itself, so that the model's own initial assignments see them."""

from __future__ import annotations

from collections.abc import Iterable

import libsbml

from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.locals import local_parameters


def with_changes(sbml: str, changes: Iterable[Change]) -> str:
    """Return `sbml` with `changes` as its initial values; a changed symbol loses its initial assignment."""
    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    local = local_parameters(model)
    for change in changes:
        model.removeInitialAssignment(change.symbol)
        element = local.get(change.symbol) or model.getElementBySId(change.symbol)
        if isinstance(element, libsbml.Species):
            _set_species(element, change)
        elif isinstance(element, libsbml.Compartment):
            element.setSize(change.value)
        else:
            element.setValue(change.value)
    return str(libsbml.writeSBMLToString(document))


def _set_species(species: libsbml.Species, change: Change) -> None:
    if change.selection == change.symbol:
        species.unsetInitialConcentration()
        species.setInitialAmount(change.value)
    else:
        species.unsetInitialAmount()
        species.setInitialConcentration(change.value)
