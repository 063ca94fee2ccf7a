"""Algebraic rules that can be solved by hand: linear in what they determine, so an assignment rule will do.

0 = a·x + b becomes x := −b/a. Then every engine and every analysis runs the model. A rule that is not linear,
or whose solution would need itself, stays, and the general solver takes the model.
"""

from __future__ import annotations

from typing import Any

import libsbml

from bioxen.server.engines.kinetic.general.matching import match
from bioxen.server.engines.kinetic.mathtree import children, names

_Linear = tuple[Any | None, Any | None]
"""a and b of a·x + b; `None` is zero."""


class _NotLinear(Exception):  # noqa: N818 - how the search ends
    """The formula is not linear in the variable."""


def solve_algebraic_rules(document: libsbml.SBMLDocument) -> tuple[str, ...]:
    """Replace every algebraic rule by an assignment rule; return the variables, or nothing where that fails.

    Raises:
        InvalidModelError: the rules do not determine as many variables.
    """
    model = document.getModel()
    matching = match(model)
    try:
        solved = {name: _solved(rule, name) for name, rule in matching.rules.items()}
    except _NotLinear:
        return ()
    if not solved or _circular(model, solved):
        return ()
    _rewrite(model, solved)
    return tuple(solved)


def _solved(rule: Any, name: str) -> Any:
    slope, rest = _linear(rule, name)
    if slope is None:
        raise _NotLinear
    return _node(libsbml.AST_DIVIDE, _node(libsbml.AST_MINUS, _or_zero(rest)), slope)


def _linear(node: Any, name: str) -> _Linear:
    kind, parts = node.getType(), children(node)
    if kind == libsbml.AST_NAME and node.getName() == name:
        return _number(1.0), None
    if name not in names(node):
        return None, node.deepCopy()
    if kind == libsbml.AST_PLUS:
        found = [_linear(part, name) for part in parts]
        return _sum([slope for slope, _ in found]), _sum([rest for _, rest in found])
    if kind == libsbml.AST_MINUS:
        return _difference([_linear(part, name) for part in parts])
    if kind == libsbml.AST_TIMES:
        return _product(parts, name)
    if kind == libsbml.AST_DIVIDE and name not in names(parts[1]):
        slope, rest = _linear(parts[0], name)
        return _over(slope, parts[1]), _over(rest, parts[1])
    raise _NotLinear


def _difference(found: list[_Linear]) -> _Linear:
    if len(found) == 1:
        return _negative(found[0][0]), _negative(found[0][1])
    (slope, rest), (other_slope, other_rest) = found
    return _sum([slope, _negative(other_slope)]), _sum([rest, _negative(other_rest)])


def _product(parts: list[Any], name: str) -> _Linear:
    bearing = [part for part in parts if name in names(part)]
    if len(bearing) != 1:
        raise _NotLinear
    others = [part for part in parts if part is not bearing[0]]
    slope, rest = _linear(bearing[0], name)
    return _times(slope, others), _times(rest, others)


def _sum(terms: list[Any | None]) -> Any | None:
    kept = [term for term in terms if term is not None]
    return None if not kept else kept[0] if len(kept) == 1 else _node(libsbml.AST_PLUS, *kept)


def _negative(term: Any | None) -> Any | None:
    return None if term is None else _node(libsbml.AST_MINUS, term)


def _times(term: Any | None, factors: list[Any]) -> Any | None:
    return None if term is None else _node(libsbml.AST_TIMES, term, *factors)


def _over(term: Any | None, divisor: Any) -> Any | None:
    return None if term is None else _node(libsbml.AST_DIVIDE, term, divisor)


def _or_zero(term: Any | None) -> Any:
    return _number(0.0) if term is None else term


def _number(value: float) -> Any:
    node = libsbml.ASTNode(libsbml.AST_REAL)
    node.setValue(value)
    return node


def _node(kind: int, *parts: Any) -> Any:
    node = libsbml.ASTNode(kind)
    for part in parts:
        node.addChild(part.deepCopy())
    return node


def _circular(model: libsbml.Model, solved: dict[str, Any]) -> bool:
    """Whether a variable would need itself, through rules, rates or the volume of its compartment."""
    formulas = {rule.getVariable(): rule.getMath() for rule in model.getListOfRules() if rule.isAssignment()}
    formulas |= {
        reaction.getId(): reaction.getKineticLaw().getMath()
        for reaction in model.getListOfReactions()
        if reaction.isSetKineticLaw()
    }
    formulas |= solved
    volumes = {item.getId(): item.getCompartment() for item in model.getListOfSpecies()}
    return any(_needs(name, formulas, volumes) for name in solved)


def _needs(name: str, formulas: dict[str, Any], volumes: dict[str, str]) -> bool:
    """Whether `name` needs itself; an amount changes with its volume, so a species needs its compartment."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        math = formulas.get(current)
        found = [*names(math)] if math is not None else []
        if current in volumes:
            found.append(volumes[current])
        if name in found:
            return True
        waiting += [other for other in found if other not in seen]
        seen.update(found)
    return False


def _rewrite(model: libsbml.Model, solved: dict[str, Any]) -> None:
    for index in reversed(range(model.getNumRules())):
        if model.getRule(index).isAlgebraic():
            model.removeRule(index)
    for name, math in solved.items():
        model.removeInitialAssignment(name)
        rule = model.createAssignmentRule()
        rule.setVariable(name)
        rule.setMath(math)
