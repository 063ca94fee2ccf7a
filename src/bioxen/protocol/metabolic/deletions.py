"""Deletion studies: the best objective without a gene or a reaction, or without two of them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.metabolic.request import MetabolicRequest, MetabolicStatus
from bioxen.protocol.packing import unpack_rows
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


class Part(Message):
    """One of several parts of a study, which together are the whole."""

    number: Annotated[int, Field(ge=0)]
    """Which part, counted from 0."""
    of: Annotated[int, Field(ge=1, le=10_000)]
    """How many parts there are."""

    @model_validator(mode="after")
    def _among_them(self) -> Part:
        if self.number >= self.of:
            raise mistake_at("number", f"there is no part {self.number} of {self.of}; the first one is 0")
        return self


class DoubleDeletionRequest(MetabolicRequest):
    """What double deletion studies share. Parts and packing change the answer's form, no number in it."""

    report: Literal["all", "interactions", "synthetic_lethal"] = "all"
    """`interactions`: only pairs whose objective is not the worse one of their two single deletions.
    `synthetic_lethal`: only pairs that are lethal together and not alone."""
    threshold: Fraction = 0.01
    """The share of the undisturbed objective below which a deletion counts as lethal."""
    packed: bool = False
    """Whether a matrix comes as one compressed text (`DeletionMatrix.packed`) instead of lists of numbers."""
    part: Part | None = None
    """Compute this part of the rows only; the whole study where absent."""


class DoubleGeneDeletionRequest(DoubleDeletionRequest):
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


class DoubleReactionDeletionRequest(DoubleDeletionRequest):
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


MAX_PAIRS = 10_000_000
"""Most distinct pairs of one double deletion study: all pairs of about 4500 reactions."""
MAX_PAIRS_AS_NUMBERS = 1_000_000
"""More come packed only, or the telling ones only: as numbers they are more than 30 MB of JSON."""
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
    """A large double deletion study; of its numbers, one of `growth` and `packed` is there."""

    ids_a: list[str]
    """What the rows are without."""
    ids_b: list[str]
    """What the columns are without."""
    growth: list[list[Flux | None]] | None
    """The best objective of each pair, a list for each of `ids_a`; null where the pair has no solution."""
    packed: str | None
    """The same as base64 of zlib-compressed little-endian float64, row after row; NaN stands for null."""
    infeasible: int
    """How many distinct pairs are infeasible."""
    unsolved: list[list[str]]
    """Pairs that are null for another reason: the objective is unbounded, or nothing could be proven."""

    def rows(self) -> list[list[float | None]]:
        """Return the objectives, a list for each of `ids_a`, whichever form they came in."""
        if self.growth is not None:
            return self.growth
        return unpack_rows(self.packed or "", len(self.ids_b))


class DeletionPairs(Message):
    """The pairs of a double deletion study that `report` asked for, in columns."""

    ids_a: list[str]
    ids_b: list[str]
    growth: list[Flux | None]
    """The best objective without both; null unless `status` is optimal."""
    growth_a: list[Flux | None]
    """The best objective without the first alone."""
    growth_b: list[Flux | None]
    """The best objective without the second alone."""
    status: list[MetabolicStatus]


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
