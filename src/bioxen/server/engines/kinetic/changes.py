"""What a request changes in a model, checked against the model's identifiers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bioxen.errors import UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.protocol.kinetic import KineticRequest
from bioxen.server.engines.kinetic.facts import Facts


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a request gives instead of the model's own."""

    selection: str
    """`S`, `[S]`, a parameter or a compartment, by the id that the compiled model has (`Facts.native`)."""
    value: float

    @property
    def symbol(self) -> str:
        """The identifier, without the brackets of a concentration."""
        return bare(self.selection)


def bare(selection: str) -> str:
    """Return `S` for `[S]` as well."""
    return selection[1:-1] if selection.startswith("[") and selection.endswith("]") else selection


def changes_of(request: KineticRequest, facts: Facts) -> list[Change]:
    """Return the changes in the order they take effect: compartments, parameters, initial conditions.

    Raises:
        UnknownIdentifierError: the model has no such identifier, or one of another kind.
        ValidationError: a rule computes it, or it is given twice.
    """
    for name in request.parameters:
        check_parameter(name, "parameters", facts)
    for name in request.initial_conditions:
        _check_initial(name, facts)
    _check_once([*request.parameters, *request.initial_conditions])
    given = {**request.parameters, **request.initial_conditions}
    return ordered((Change(facts.native(name), value) for name, value in given.items()), facts)


def ordered(changes: Iterable[Change], facts: Facts) -> list[Change]:
    """Return `changes` in the order they take effect."""
    return sorted(changes, key=lambda change: _rank(change.selection, facts))


def check_varied(names: Iterable[str], place: str, facts: Facts) -> None:
    """Make sure that each of `names` is a parameter, compartment or initial value that may be set, once.

    Raises:
        UnknownIdentifierError: the model has no such identifier.
        ValidationError: a rule computes it, or it is given twice.
    """
    listed = list(names)
    for name in listed:
        if bare(name) in facts.species:
            _check_initial(name, facts, place)
        elif name in facts.parameters or name in facts.compartments:
            _check_settable(name, f"{place}.{name}", facts)
        elif name not in facts.local_parameters:
            known = (*facts.parameters, *facts.compartments, *facts.species, *facts.local_parameters)
            raise _unknown(name, f"{place}.{name}", "parameter or species", known)
    _check_once(listed, place)


def _rank(selection: str, facts: Facts) -> tuple[int, str]:
    if selection in facts.compartments:
        return 0, selection
    is_parameter = selection in facts.parameters or selection in facts.local_parameters.values()
    return (1 if is_parameter else 2), selection


def check_parameter(name: str, place: str, facts: Facts) -> None:
    """Make sure that `name` is a parameter, `reaction.parameter` or compartment that may be set.

    Raises:
        UnknownIdentifierError: it is neither.
        ValidationError: an assignment rule computes it.
    """
    place = f"{place}.{name}"
    if name in facts.local_parameters:
        return
    if bare(name) in facts.species:
        raise _misplaced(name, place, "a species", "Give it in initial_conditions.")
    known = (*facts.parameters, *facts.compartments)
    if name not in known:
        known = (*known, *facts.local_parameters)
        raise _unknown(name, place, "parameter or compartment", known)
    _check_settable(name, place, facts)


def _check_initial(name: str, facts: Facts, place: str = "initial_conditions") -> None:
    place, symbol = f"{place}.{name}", bare(name)
    integrated = facts.rate_targets - set(facts.species)
    if symbol not in facts.species and name not in integrated:
        if symbol in facts.parameters or symbol in facts.compartments:
            raise _misplaced(name, place, "a parameter or compartment", "Give it in parameters.")
        form = "[{}]" if symbol != name else "{}"
        known = [form.format(candidate) for candidate in facts.species] + sorted(integrated)
        raise _unknown(name, place, "species", known)
    _check_settable(symbol, place, facts)


def _check_settable(name: str, place: str, facts: Facts) -> None:
    if name in facts.assignment_targets:
        raise ValidationError(
            f"{name} cannot be set: an assignment rule of the model computes it at every moment.",
            details={"place": place, "remedy": "Set what the rule depends on, or remove the rule."},
        )


def _check_once(selections: list[str], place: str = "initial_conditions") -> None:
    seen: set[str] = set()
    for selection in selections:
        if bare(selection) in seen:
            raise ValidationError(
                f"{bare(selection)} is given twice.",
                details={
                    "place": f"{place}.{selection}",
                    "remedy": "Give the amount S or the concentration [S], not both.",
                },
            )
        seen.add(bare(selection))


def _misplaced(name: str, place: str, kind: str, remedy: str) -> UnknownIdentifierError:
    return UnknownIdentifierError(
        f"{name} is {kind} of the model.", details={"place": place, "remedy": remedy}
    )


def _unknown(name: str, place: str, kind: str, known: Iterable[str]) -> UnknownIdentifierError:
    return UnknownIdentifierError(
        f"The model has no {kind} {name!r}.", details={"place": place, **did_you_mean(name, known)}
    )
