"""Gene–protein–reaction rules: which reactions a set of missing genes stops."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

Rule = int | tuple[Callable[..., bool], tuple["Rule", ...]]
"""A gene's number, or `any`/`all` (isozymes, complexes) of several rules."""


def compile_rule(tree: ast.AST | None, gene_index: Mapping[str, int]) -> Rule | None:
    """Return a boolean expression over gene ids in its compiled form; `None` where there is no rule.

    Raises:
        ValueError: the expression holds something other than genes, `and` and `or`.
    """
    if tree is None:
        return None
    if isinstance(tree, ast.Name):
        return gene_index[tree.id]
    if isinstance(tree, ast.BoolOp):
        parts = tuple(part for value in tree.values if (part := compile_rule(value, gene_index)) is not None)
        return (any if isinstance(tree.op, ast.Or) else all), parts
    raise ValueError(f"a gene rule holds {type(tree).__name__}; only gene ids, and, or are allowed")


@dataclass(frozen=True, eq=False)
class GeneRules:
    """The rules of all reactions, in the order of the reactions."""

    rules: Sequence[Rule | None]

    @cached_property
    def reactions_of(self) -> dict[int, tuple[int, ...]]:
        """Gene → the reactions whose rules name it."""
        found: dict[int, list[int]] = {}
        for reaction, rule in enumerate(self.rules):
            for gene in sorted(_genes(rule)):
                found.setdefault(gene, []).append(reaction)
        return {gene: tuple(reactions) for gene, reactions in found.items()}

    def genes_of_reactions(self) -> list[set[int]]:
        """Return the genes that each reaction's rule names."""
        return [_genes(rule) for rule in self.rules]

    def blocked_by(self, missing: AbstractSet[int]) -> tuple[int, ...]:
        """Return the reactions that carry no flux without the genes `missing`, in ascending order."""
        touched = {reaction for gene in missing for reaction in self.reactions_of.get(gene, ())}
        return tuple(reaction for reaction in sorted(touched) if not _holds(self.rules[reaction], missing))


def _holds(rule: Rule | None, missing: AbstractSet[int]) -> bool:
    if rule is None:
        return True
    if isinstance(rule, int):
        return rule not in missing
    combine, parts = rule
    return combine(_holds(part, missing) for part in parts)


def _genes(rule: Rule | None) -> set[int]:
    if rule is None:
        return set()
    if isinstance(rule, int):
        return {rule}
    return set().union(*(_genes(part) for part in rule[1]))
