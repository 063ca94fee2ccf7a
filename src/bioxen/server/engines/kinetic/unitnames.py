"""Units of a model's quantities as short text: `nmol/L`, `1/s`."""

from __future__ import annotations

import math
from typing import Any

import libsbml

_SHORT = {
    "mole": "mol",
    "litre": "L",
    "second": "s",
    "metre": "m",
    "gram": "g",
    "kilogram": "kg",
    "joule": "J",
}
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k"}
_PREFIXED = {"mole", "litre", "second", "metre", "gram", "joule"}
_TIMES = {60.0: "min", 3600.0: "h", 86400.0: "d"}


def units_of(model: libsbml.Model) -> dict[str, str]:
    """Return selection → unit for what declares one: species, compartments, parameters, reactions, time."""
    units: dict[str, str] = {}
    for item in (*model.getListOfParameters(), *model.getListOfCompartments()):
        _note(units, item.getId(), item.getDerivedUnitDefinition(), item.containsUndeclaredUnits())
    for item in model.getListOfSpecies():
        _note_species(units, item, model.getCompartment(item.getCompartment()))
    time = _declared(model, model.getTimeUnits() or "time")
    extent = _declared(model, model.getExtentUnits() or "substance")
    _note(units, "time", time, False)
    if time is not None and extent is not None:
        rate = libsbml.UnitDefinition.divide(extent, time)
        for item in model.getListOfReactions():
            _note(units, item.getId(), rate, False)
    return units


def _declared(model: libsbml.Model, name: str) -> Any:
    """Return a unit that the model declares (named by an attribute in level 3, by its kind before)."""
    declared = model.getUnitDefinition(name)
    kind = libsbml.UnitKind_forName(name)
    if declared is not None or kind == libsbml.UNIT_KIND_INVALID:
        return declared
    unit = libsbml.Unit(model.getLevel(), model.getVersion())
    unit.initDefaults()
    unit.setKind(kind)
    made = libsbml.UnitDefinition(model.getLevel(), model.getVersion())
    made.addUnit(unit)
    return made


def _note_species(units: dict[str, str], item: Any, compartment: Any) -> None:
    own, volume = item.getDerivedUnitDefinition(), compartment.getDerivedUnitDefinition()
    unknown = item.containsUndeclaredUnits() or compartment.containsUndeclaredUnits()
    if own is None or volume is None or own.getNumUnits() == 0:
        return
    if volume.getNumUnits() == 0:  # one of the two is known: divided by nothing it is not the other one
        selection = item.getId() if item.getHasOnlySubstanceUnits() else f"[{item.getId()}]"
        _note(units, selection, own, unknown)
        return
    if item.getHasOnlySubstanceUnits():
        amount, concentration = own, libsbml.UnitDefinition.divide(own, volume)
    else:
        amount, concentration = libsbml.UnitDefinition.combine(own, volume), own
    _note(units, item.getId(), amount, unknown)
    _note(units, f"[{item.getId()}]", concentration, unknown)


def _note(units: dict[str, str], selection: str, definition: Any, unknown: bool) -> None:
    if definition is None or unknown:
        return
    text = written(definition)
    if text:
        units[selection] = text


def written(definition: libsbml.UnitDefinition) -> str:
    """Return a unit definition as text; an empty one gives an empty text."""
    if definition.getNumUnits() == 0:
        return ""
    definition = definition.clone()
    libsbml.UnitDefinition.simplify(definition)
    above: list[str] = []
    below: list[str] = []
    for unit in map(definition.getUnit, range(definition.getNumUnits())):
        exponent = unit.getExponentAsDouble()
        (above if exponent > 0 else below).append(_one(unit) + _power(abs(exponent)))
    top = "·".join(part for part in above if part != "1") or "1"
    return "/".join([top, *below])


def _one(unit: Any) -> str:
    kind = libsbml.UnitKind_toString(unit.getKind())
    factor = unit.getMultiplier() * 10.0 ** unit.getScale()
    if kind == "second" and factor in _TIMES:
        return _TIMES[factor]
    name = "1" if kind == "dimensionless" else _SHORT.get(kind, kind)
    power = math.log10(factor) if factor > 0 else math.nan
    if kind in _PREFIXED and abs(power - round(power)) < 1e-9 and round(power) in _PREFIXES:
        return _PREFIXES[round(power)] + name
    return name if factor == 1 else f"({factor:g} {name})"


def _power(exponent: float) -> str:
    return "" if exponent == 1 else f"^{exponent:g}"
