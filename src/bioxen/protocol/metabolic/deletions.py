"""Deletion studies: the best objective without a gene or a reaction, or without two of them."""

from __future__ import annotations

from typing import ClassVar, Literal

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.request import MetabolicRequest, MetabolicStatus
from bioxen.protocol.units import Flux, Fraction, Identifier


class GeneDeletionRequest(MetabolicRequest):
    """Single gene deletions: the best objective without each gene, one after another."""

    title: ClassVar[str] = "single gene deletion"

    process_code: Literal["metabolic_single_gene_deletion", "metabolic_gene_knockout"] = (
        "metabolic_single_gene_deletion"
    )
    genes: list[Identifier] | None = None
    """The genes to delete; all where absent."""


class ReactionDeletionRequest(MetabolicRequest):
    """Single reaction deletions: the best objective without each reaction, one after another."""

    title: ClassVar[str] = "single reaction deletion"

    process_code: Literal["metabolic_single_reaction_deletion", "metabolic_reaction_knockout"] = (
        "metabolic_single_reaction_deletion"
    )
    reactions: list[Identifier] | None = None
    """The reactions to delete; all where absent."""


class DoubleGeneDeletionRequest(MetabolicRequest):
    """Double gene deletions: the best objective without each pair of genes.

    Every gene of `genes_a` is paired with every gene of `genes_b`; a gene paired with itself is its single
    deletion.
    """

    title: ClassVar[str] = "double gene deletion"

    process_code: Literal["metabolic_double_gene_deletion"] = "metabolic_double_gene_deletion"
    genes_a: list[Identifier] | None = None
    """The first genes; all where absent."""
    genes_b: list[Identifier] | None = None
    """The second genes; the same as the first where absent."""


class DoubleReactionDeletionRequest(MetabolicRequest):
    """Double reaction deletions: the best objective without each pair of reactions.

    Every reaction of `reactions_a` is paired with every one of `reactions_b`; a reaction paired with itself
    is its single deletion.
    """

    title: ClassVar[str] = "double reaction deletion"

    process_code: Literal["metabolic_double_reaction_deletion"] = "metabolic_double_reaction_deletion"
    reactions_a: list[Identifier] | None = None
    """The first reactions; all where absent."""
    reactions_b: list[Identifier] | None = None
    """The second reactions; the same as the first where absent."""


class EssentialGenesRequest(MetabolicRequest):
    """Essential genes: those whose deletion leaves less than a share of the best objective."""

    title: ClassVar[str] = "essential genes"

    process_code: Literal["metabolic_essential_genes"] = "metabolic_essential_genes"
    genes: list[Identifier] | None = None
    """The genes to look at; all where absent."""
    threshold: Fraction = 0.01
    """The share of the undisturbed objective below which a deletion counts as lethal."""


class EssentialReactionsRequest(MetabolicRequest):
    """Essential reactions: those whose deletion leaves less than a share of the best objective."""

    title: ClassVar[str] = "essential reactions"

    process_code: Literal["metabolic_essential_reactions"] = "metabolic_essential_reactions"
    reactions: list[Identifier] | None = None
    """The reactions to look at; all where absent."""
    threshold: Fraction = 0.01
    """The share of the undisturbed objective below which a deletion counts as lethal."""


MAX_PAIRS = 1_000_000
"""Most distinct pairs of one double deletion study: all pairs of a genome of about 1400 genes."""
MAX_PAIRS_AS_ROWS = 1_000
"""Up to so many pairs come as rows; more come as a matrix."""


class Deletion(Message):
    """One row of a deletion study; COBRApy's column names."""

    ids: list[str]
    """What was deleted."""
    growth: Flux | None
    """The best objective without it; null unless `status` is optimal."""
    status: MetabolicStatus


class DeletionMatrix(Message):
    """A large double deletion study."""

    ids_a: list[str]
    """What the rows are without."""
    ids_b: list[str]
    """What the columns are without."""
    growth: list[list[Flux | None]]
    """The best objective of each pair, a list for each of `ids_a`; null where the pair has no solution."""
    infeasible: int
    """How many distinct pairs are infeasible."""
    unsolved: list[list[str]]
    """Pairs that are null for another reason: the objective is unbounded, or nothing could be proven."""


class Essentiality(Message):
    """Which deletions are lethal."""

    ids: list[str]
    """The essential genes or reactions; those whose deletion makes the problem infeasible are among them."""
    threshold: Fraction
    """The share of the undisturbed objective below which a deletion is lethal."""
    limit: Flux
    """That share, as a value of the objective."""
    undecided: list[str]
    """Those whose deletion gave no answer that could be proven."""
