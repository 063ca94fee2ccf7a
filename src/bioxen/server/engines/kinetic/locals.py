"""Local parameters of reactions as global ones, so that a request can set them by `reaction.parameter`."""

from __future__ import annotations

from typing import Any

import libsbml


def promote_locals(document: libsbml.SBMLDocument) -> dict[str, str]:
    """Make every local parameter global, and return `reaction.parameter` → its new id."""
    model = document.getModel()
    taken = {element.getId() for element in model.getListOfAllElements() if element.isSetId()}
    promoted: dict[str, str] = {}
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        for parameter in [] if law is None else [*_locals(law)]:
            name = unused(f"{reaction.getId()}_{parameter.getId()}", taken)
            promoted[f"{reaction.getId()}.{parameter.getId()}"] = name
            _promote(model, law, parameter, name)
    return promoted


def local_parameters(model: libsbml.Model) -> dict[str, Any]:
    """Return `reaction.parameter` → the local parameter."""
    return {
        f"{reaction.getId()}.{parameter.getId()}": parameter
        for reaction in model.getListOfReactions()
        if reaction.getKineticLaw() is not None
        for parameter in _locals(reaction.getKineticLaw())
    }


def _locals(law: Any) -> list[Any]:
    found = law.getListOfLocalParameters() if law.getLevel() > 2 else law.getListOfParameters()
    return [*found]


def unused(name: str, taken: set[str]) -> str:
    """Return `name`, longer where it is taken, and take it."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _promote(model: libsbml.Model, law: Any, parameter: Any, name: str) -> None:
    new = model.createParameter()
    new.setId(name)
    new.setConstant(True)
    if parameter.isSetValue():
        new.setValue(parameter.getValue())
    if parameter.isSetUnits():
        new.setUnits(parameter.getUnits())
    if law.isSetMath():
        math = law.getMath().deepCopy()
        math.renameSIdRefs(parameter.getId(), name)
        law.setMath(math)
    if law.getLevel() > 2:
        law.removeLocalParameter(parameter.getId())
    else:
        law.removeParameter(parameter.getId())
