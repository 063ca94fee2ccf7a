"""The command line: human output, JSON and CSV, errors with exit codes that scripts can use."""

import csv
import importlib
import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from bioxen.cli import app, main
from bioxen.protocol.kinetic import Route
from bioxen.server.accelerators.book import Book, Subject
from bioxen.server.accelerators.routes import read
from bioxen.server.bytecode.repository import Repository
from bioxen.server.engines.crossover import Crossover
from bioxen.server.supervisor import Supervisor
from bioxen.vm.hosts import connect

DECAY = "model decay() species S; S = 10; J: S => ; k * S; k = 0.5; end"


class Outcome:
    """What a command printed, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Cli:
    """Runs the command line in this process, as its entry point does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> Outcome:
        self._monkeypatch.setattr("sys.argv", ["bioxen", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        printed = self._capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)


@pytest.fixture
def bioxen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], services: Supervisor, tmp_path: Path
) -> Cli:
    monkeypatch.setenv("BIOXEN_URL", services.url)
    monkeypatch.setenv("BIOXEN_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return Cli(monkeypatch, capsys)


def test_run_for_a_person(bioxen: Cli) -> None:
    shown = bioxen("run", "metabolic_fba")
    assert shown.code == 0
    assert "growth rate 0.8739 1/h" in shown.out
    assert "computed by centralized_cobrapy" in shown.out


def test_run_json_is_the_whole_result(bioxen: Cli) -> None:
    result = json.loads(bioxen("run", "metabolic_fba", "--bounds", "EX_o2_e=0,1000", "--json").out)
    assert result["status"] == "success"
    assert result["service_results"]["optimal_objective"] == pytest.approx(0.211663, abs=1e-6)


def test_run_csv_of_fluxes(bioxen: Cli) -> None:
    shown = bioxen("run", "metabolic_fba", "--knock-out", "b3916", "--knock-out", "b1723", "--csv")
    rows = {row["reaction"]: float(row["fluxes"]) for row in csv.DictReader(io.StringIO(shown.out))}
    assert rows["PFK"] == 0
    assert rows["Biomass_Ecoli_core"] == pytest.approx(0.704037, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (["flux_variability_analysis", "--set", 'reactions=["PFK"]'], ["reaction", "minimum", "maximum"]),
        (["metabolic_gene_knockout", "--set", 'genes=["b0720"]'], ["ids", "growth", "status"]),
        (
            ["metabolic_dfba", "--set", "time_points=3"],
            ["time", "biomass", "growth_rate", "EX_glc__D_e"],
        ),
        (["kinetic_ode", "--set", "time_points=3"], ["time", "mrna", "protein"]),
        (["kinetic_steady_state"], ["output", "value"]),
        (
            ["sensitivity_analysis", "--set", 'sensitivity_parameters=["k_tl"]'],
            ["output", "parameter", "unscaled", "scaled"],
        ),
    ],
)
def test_csv_columns(bioxen: Cli, arguments: list[str], columns: list[str]) -> None:
    shown = bioxen("run", *arguments, "--csv")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[0].split(",") == columns


def test_run_a_model_file(bioxen: Cli, tmp_path: Path) -> None:
    file = tmp_path / "decay.ant"
    file.write_text(DECAY)
    shown = bioxen(
        *("run", "kinetic_ode", "--file", str(file), "--param", "k=1", "--init", "S=2"),
        *("--set", "time_end=1", "--set", "time_points=2", "--csv"),
    )
    assert float(shown.out.splitlines()[-1].split(",")[1]) == pytest.approx(2 * 0.36787944, rel=1e-5)


@pytest.mark.parametrize("name", ["decay.xml", "decay.ant", "decay.omex"])
def test_run_writes_an_exported_model_that_runs_again(bioxen: Cli, tmp_path: Path, name: str) -> None:
    source, file = tmp_path / "source.ant", tmp_path / name
    source.write_text(DECAY)
    shown = bioxen(*("run", "kinetic_export", "--file", str(source), "--param", "k=1", "--output", str(file)))
    assert (shown.code, shown.out) == (0, "")
    assert name in shown.err
    if name.endswith(".omex"):
        with zipfile.ZipFile(file) as archive:
            assert "manifest.xml" in archive.namelist()
            file = Path(archive.extract("model.xml", tmp_path))
    shown = bioxen(
        *("run", "kinetic_ode", "--file", str(file), "--set", "time_end=1", "--set", "time_points=2", "--csv")
    )
    assert float(shown.out.splitlines()[-1].split(",")[1]) == pytest.approx(10 * 0.36787944, rel=1e-5)


def test_run_writes_a_result(bioxen: Cli, tmp_path: Path) -> None:
    file = tmp_path / "result"
    assert bioxen("run", "metabolic_fba", "--csv", "--output", str(file)).out == ""
    assert file.read_text() == bioxen("run", "metabolic_fba", "--csv").out
    bioxen("run", "metabolic_fba", "--output", str(file))
    assert json.loads(file.read_bytes())["status"] == "success"


HASTY = ("--set", "deadline=0.001")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "metabolic_fba", "--bounds", "EX_o2=0,10"], 2, ["BX013", "EX_o2_e"]),
        (["run", "metabolic_fba", "--bounds", "EX_o2_e=10,0"], 2, ["BX008", "EX_o2_e"]),
        (["run", "metabolic_fba", "--bounds", "EX_o2_e"], 2, ["REACTION"]),
        (["run", "metabolic_fba", "--bounds", "EX_o2_e=a,b"], 2, ["no number"]),
        (["run", "metabolic_fba", "--chassis", "ecolli"], 2, ["BX003", "ecoli"]),
        (["run", "metabolic_fbaa"], 2, ["BX014", "metabolic_fba"]),
        (["run", "metabolic_fba", "--output", "/nowhere/fba.json"], 2, ["BX005", "/nowhere/fba.json"]),
        (
            ["run", "kinetic_export", "--mode", "symbolic", "--output", "/nowhere.xml"],
            2,
            ["BX005", "no model"],
        ),
        (["run", "metabolic_fba", "--file", "/nowhere.xml"], 2, ["/nowhere.xml"]),
        (
            # Bounds that nobody else asks for: an answer that is known is there in any time.
            [*("run", "metabolic_fba", "--bounds", "EX_o2_e=-9.25,9.25"), *HASTY, "--set", "model=iJO1366"],
            4,
            ["BX016"],
        ),
        (["run", "metabolic_fba", "--url", "http://127.0.0.1:9"], 3, ["BX015", "bioxen up"]),
        (["models", "show", "textbok"], 2, ["BX011", "textbook"]),
        (["models", "remove", "textbook"], 2, ["textbook"]),
        (["chassis", "show", "ecolli"], 2, ["BX003", "ecoli"]),
        (["serve", "kinetic", "--host", "0.0.0.0"], 2, ["BX005", "--token"]),
    ],
)
def test_wrong_input_is_named(bioxen: Cli, arguments: list[str], code: int, words: list[str]) -> None:
    shown = bioxen(*arguments)
    assert shown.code == code, shown.err
    for word in words:
        assert word in shown.err
    assert "Traceback" not in shown.err


def test_hybrid_and_symbolic_are_labelled(bioxen: Cli) -> None:
    shown = bioxen("run", "protein_folding", "--mode", "hybrid")
    assert shown.code == 0
    assert "symbolic" in shown.out
    assert "why:" in shown.out
    assert json.loads(bioxen("run", "metabolic_fba", "--mode", "symbolic", "--json").out)["symbolic"] is True


def test_an_infeasible_model_is_a_result(bioxen: Cli) -> None:
    shown = bioxen("run", "metabolic_fba", "--bounds", "EX_glc__D_e=0,1000", "--json")
    assert shown.code == 0
    result = json.loads(shown.out)["service_results"]
    assert (result["status"], result["optimal_objective"]) == ("infeasible", None)


def test_models_of_your_own(bioxen: Cli, tmp_path: Path) -> None:
    file = tmp_path / "decay.ant"
    file.write_text(DECAY)
    assert bioxen("models", "add", str(file), "--chassis", "syn3a", "--licence", "CC0-1.0").code == 0
    listed = json.loads(bioxen("models", "list", "--json").out)
    mine = next(model for model in listed if model["id"] == "decay")
    assert (mine["origin"], mine["chassis"], mine["kind"]) == ("user", "syn3a", "kinetic")
    assert json.loads(bioxen("models", "show", mine["digest"], "--json").out) == mine
    assert bioxen("models", "verify").code == 0
    assert bioxen("models", "remove", "decay").code == 0
    assert bioxen("models", "show", "decay").code == 2


def test_routes_are_listed_written_and_forgotten(
    bioxen: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOXEN_CACHE", str(tmp_path / "cache"))
    repressilator = Repository().find("repressilator").digest
    other = "ab" * 32
    for program in (repressilator, other):
        found = Crossover(version="", single=1e-3, lanes=1e-4, preparation=0.036)
        Book().keep(Subject(program), found)
    listed = bioxen("routes", "list").out
    rows = [[cell.strip() for cell in line.split("│")] for line in listed.splitlines() if "ode" in line]
    names = {repressilator: "repressilator", other: other[:12]}
    assert [[*row[1:5], *row[6:8]] for row in rows] == [
        [names[program], "ode", "1", "0.1", "40", "never"] for program in sorted(names)
    ]
    file = tmp_path / "routes.json"
    assert bioxen("routes", "export", str(file)).code == 0
    assert read(file).of(other, "ode") == Route(lanes=40, source="file")
    assert "Forgot 1" in bioxen("routes", "forget", "repressilator").err
    assert "Forgot 1" in bioxen("routes", "forget", other[:6]).err
    assert "Forgot 0" in bioxen("routes", "forget", "--all").err
    assert bioxen("routes", "forget").code == 2
    assert bioxen("routes", "forget", "repressilatro").code == 2
    monkeypatch.setenv("BIOXEN_CACHE", "")
    assert bioxen("routes", "list").code == 2


@pytest.mark.parametrize("arguments", [["demo"], ["up"], ["serve", "kinetic"], ["models", "list"]])
def test_a_thin_installation_says_what_is_missing(
    bioxen: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    package, server = importlib.import_module("bioxen"), importlib.import_module("bioxen.server")
    monkeypatch.setattr(package, "server", server)  # so that the old modules are whole again afterwards
    for name in [name for name in sys.modules if name.startswith("bioxen.server")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("fastapi", "uvicorn", "platformdirs", "psutil"):
        monkeypatch.setitem(sys.modules, name, None)
    shown = bioxen(*arguments)
    assert shown.code == 3
    assert "BX007" in shown.err
    assert 'pip install "bioxen[server]"' in shown.err


def test_chassis(bioxen: Cli) -> None:
    listed = bioxen("chassis", "list").out
    assert all(name in listed for name in ("ecoli", "yeast", "syn3a", "minimal_cell", "orthogonal", "base"))
    assert "EX_glc__D_e" in bioxen("chassis", "show", "ecoli").out
    assert json.loads(bioxen("chassis", "show", "syn3a", "--json").out)["biological_type"] == "syn3a"


@pytest.mark.parametrize(
    "command", [[], ["run"], ["up"], ["serve"], ["serve", "metabolic"], ["models", "add"]]
)
def test_help_has_examples(bioxen: Cli, command: list[str]) -> None:
    shown = bioxen(*command, "--help")
    assert shown.code == 0
    assert "xample" in shown.out or not command


def test_every_command_has_help() -> None:
    for command in [
        *app.registered_commands,
        *(c for g in app.registered_groups if g.typer_instance for c in g.typer_instance.registered_commands),
    ]:
        assert command.callback is not None
        assert command.callback.__doc__, command


def test_a_cell_from_its_making_to_its_end(bioxen: Cli, services: Supervisor) -> None:
    def cells(*words: str) -> str:
        done = bioxen("cells", *words)
        assert done.code == 0, done.err
        return done.out

    edits = ("--knock-out", "b2276", "--bounds", "EX_glc__D_e=-8,1000", "--seed", "7")
    assert cells("create", "life-1", "--model", "textbook", *edits, "--start") == "life-1 running\n"
    assert cells("pause", "life-1") + cells("resume", "life-1") == "life-1 paused\nlife-1 running\n"
    assert cells("snapshot", "life-1", "--name", "new") == "1\n"
    words = ("--set", "time_end=0.5", "--advance", "--json")
    grown = json.loads(cells("run", "life-1", "metabolic_dfba", *words))
    assert grown["status"] == "success"
    edited = json.loads(cells("edit", "life-1", "--knock-out", "b1723", "--knock-out-reaction", "PGL"))
    assert edited == {
        "gene_knockouts": ["b2276", "b1723"],
        "reaction_knockouts": ["PGL"],
        "constraints": {"EX_glc__D_e": [-8.0, 1000.0]},
        "seed": 7,
    }
    assert json.loads(cells("edit", "life-1", "--reset", "--medium", "EX_glc__D_e=5"))["medium"]
    assert json.loads(cells("allocate", "life-1", "ribosomes=10", "atp_share=0.25"))["granted"] is True
    assert json.loads(cells("allocate", "life-1", "priority=80"))["ribosomes"] == 10
    assert cells("restore", "life-1", "1") == "life-1 stands at its beginning\n"
    assert "restored to snapshot 1" in cells("history", "life-1")
    told = json.loads(cells("history", "life-1", "--after", "1", "--limit", "2", "--json"))
    assert ([one["kind"] for one in told["entries"]], told["next"]) == (["edit", "edit"], 3)
    assert "the same" in cells("replay", "life-1")
    assert cells("fork", "life-1", "life-2", "--snapshot", "1", "--init", "S=1") == "life-2 running\n"
    cells("fork", "life-1", "life-3")
    assert "new" in cells("snapshots", "life-1")
    cells("delete-snapshot", "life-1", "1")
    assert json.loads(cells("snapshots", "life-1", "--json")) == []
    gone = bioxen("cells", "restore", "life-1", "1")
    assert gone.code == 2 and "BX006" in gone.err and "it was deleted" in gone.err
    lineage = cells("lineage", "life-1", "--limit", "1")
    assert "life-1, snapshot 1" in lineage and "--after life-2" in lineage and "life-3" not in lineage
    for wrong in (("allocate", "life-1", "ribosomes=many"), ("edit", "life-1", "--bounds", "PFK=1")):
        assert bioxen("cells", *wrong).code == 2
    assert cells("stop", "life-1") + cells("start", "life-1") == "life-1 stopped\nlife-1 running\n"
    assert cells("destroy", "life-1", "life-2", "life-3").count("destroyed") == 3


def test_kept_cells_are_listed_and_shown(bioxen: Cli, services: Supervisor) -> None:
    kept = connect(services.url).kept
    kept.create("cli-1", "ecoli")
    kept.fork("cli-1", "cli-2", {"gene_knockouts": ["b2276"]})
    try:
        listed = bioxen("cells", "list", "--state", "created", "--after", "cli", "--limit", "1").out
        assert "cli-1" in listed and "cli-2" not in listed and "--after cli-1" in listed
        shown = json.loads(bioxen("cells", "show", "cli-2").out)
        assert shown["delta"]["gene_knockouts"] == ["b2276"]
        assert "b2276" in bioxen("cells", "lineage", "cli-2").out
        assert len(json.loads(bioxen("cells", "lineage", "cli-1", "--json").out)["children"]) == 1
        kept.act("cli-1", "start")
        arguments = ("metabolic_dfba", "--set", "time_end=0.5", "--advance", "--key", "cli-job")
        job_id = bioxen("cells", "submit", "cli-1", *arguments).out.strip()
        assert bioxen("cells", "submit", "cli-1", *arguments).out.strip() == job_id
        assert bioxen("jobs", "wait", job_id).code == 0
        assert json.loads(bioxen("cells", "show", "cli-1").out)["living"]["time"] == 0.5
        missing = bioxen("cells", "show", "cli-3")
        assert (missing.code, "BX010" in missing.err) == (2, True)
    finally:
        kept.act_many(["cli-1", "cli-2"], "destroy")
