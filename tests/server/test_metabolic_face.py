"""The model in hand: a cobra.Model or a file, the same answers as the service's, as DataFrames."""

from pathlib import Path

import cobra
import pytest
from cobra.flux_analysis import flux_variability_analysis
from cobra.io import load_model, save_json_model, write_sbml_model

from bioxen.errors import ConfigurationError, UnknownIdentifierError, ValidationError
from bioxen.server.metabolic import Model


@pytest.fixture(scope="module")
def textbook() -> cobra.Model:
    return load_model("textbook")


@pytest.fixture(scope="module")
def model(textbook: cobra.Model) -> Model:
    return Model(textbook)


def test_a_cobra_model_keeps_its_state_and_is_not_changed(textbook: cobra.Model) -> None:
    with textbook:
        textbook.reactions.EX_o2_e.bounds = (0, 1000)
        anaerobic = Model(textbook)
    assert anaerobic.fba().optimal_objective == pytest.approx(0.211663, abs=1e-6)
    anaerobic.fba(gene_knockouts=["b3916"])
    assert anaerobic.fba().optimal_objective == pytest.approx(0.211663, abs=1e-6)
    assert textbook.slim_optimize() == pytest.approx(0.873922, abs=1e-6)


def test_the_direction_of_a_cobra_model_counts(textbook: cobra.Model) -> None:
    with textbook:
        textbook.objective = "ATPM"
        textbook.objective_direction = "min"
        least = Model(textbook)
    assert least.fba().optimal_objective == pytest.approx(8.39)
    assert least.fba(objective_direction="max").optimal_objective == pytest.approx(175)


def test_files_and_the_repository_give_the_same_model(
    textbook: cobra.Model, model: Model, tmp_path: Path
) -> None:
    save_json_model(textbook, tmp_path / "textbook.json")
    write_sbml_model(textbook, str(tmp_path / "textbook.xml"))
    growth = model.fba().optimal_objective
    for one in (
        Model(tmp_path / "textbook.json"),
        Model(str(tmp_path / "textbook.xml")),
        Model.from_repository("textbook"),
    ):
        assert one.fba().optimal_objective == pytest.approx(growth, abs=1e-9)
        assert set(one.reactions) == set(model.reactions)
        assert (len(one.genes), len(one.metabolites)) == (137, 72)


def test_a_frame_has_cobrapys_columns(textbook: cobra.Model, model: Model) -> None:
    ranges = model.fva(fraction_of_optimum=0.9).to_frame()
    expected = flux_variability_analysis(textbook, fraction_of_optimum=0.9)
    assert list(ranges.columns) == list(expected.columns)
    assert (ranges.loc[expected.index] - expected).abs().to_numpy().max() < 1e-5
    assert model.fba().to_frame().loc["Biomass_Ecoli_core", "fluxes"] == pytest.approx(0.873922, abs=1e-6)
    deletions = model.single_gene_deletion(genes=["b0720"]).to_frame()
    assert list(deletions.columns) == ["ids", "growth", "status"]
    variants = model.batch([{}, {"reaction_knockouts": ["PGI"]}]).to_frame()
    assert variants["objective"].tolist() == pytest.approx([0.873922, 0.863160], abs=1e-5)


def test_a_problem_without_a_solution_has_no_frame(model: Model) -> None:
    with pytest.raises(ValidationError, match="no numbers"):
        model.fba(medium={}).to_frame()


def test_mistakes_are_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(UnknownIdentifierError, match="EX_o2_e"):
        model.fba(constraints={"EX_o2": [0, 1]})
    with pytest.raises(ConfigurationError, match=r"nowhere\.xml"):
        Model(tmp_path / "nowhere.xml")
    with pytest.raises(ConfigurationError, match=r"cobra\.Model"):
        Model(42)
