import pytest
from click.testing import CliRunner

from llmpo.cli.paper import paper


def test_two_commands_make_the_paper(manuscript, results, tmp_path):
    pytest.importorskip("typst")
    results.write()
    data = results.data
    (data / "tables").mkdir()
    (data / "paper" / "macros.json").unlink()
    run = CliRunner()
    arguments = ["macros", data / "tidy.csv", "--plan", data / "plan.json"]
    arguments += ["--tables", data / "tables", "--out", data / "paper" / "macros.json"]
    made = run.invoke(paper, [str(a) for a in arguments], catch_exceptions=False)
    assert made.exit_code == 0
    arguments = ["build", manuscript, "--data", data, "--out", tmp_path / "paper.pdf"]
    made = run.invoke(paper, [str(a) for a in arguments], catch_exceptions=False)
    assert made.exit_code == 0
    assert (tmp_path / "paper.pdf").exists()
    assert (tmp_path / "paper.provenance.json").exists()


@pytest.mark.parametrize("command", ["macros", "build"])
def test_commands_explain_themselves(command):
    shown = CliRunner().invoke(paper, [command, "--help"])
    assert shown.exit_code == 0
    assert "--out" in shown.output
