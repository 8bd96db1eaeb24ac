import json

import pytest

from llmpo.figures import draw_all
from llmpo.tables import write_all

NAMES = ("learning_curves", "cost_calls", "cost_tokens", "outcomes")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_figure_comes_as_png_and_svg_with_its_provenance(make_tidy, tmp_path):
    tidy = make_tidy(environments=1, seeds=5, special=True)
    written = draw_all(tidy, tmp_path / "out")
    expected = {f"{n}.{s}" for n in NAMES for s in ("png", "svg", "provenance.json")}
    assert {path.name for path in written} == expected
    assert set(contents(tmp_path / "out")) == expected
    text = (tmp_path / "out" / "outcomes.provenance.json").read_text()
    assert str(tmp_path) not in text
    runs = json.loads(text)["runs"]
    assert runs["total"] == 5
    assert sum(runs["by_status"].values()) == sum(runs["by_mode"].values()) == 5


def test_figures_repeat_byte_for_byte_whatever_the_users_settings(
    make_tidy, tmp_path, monkeypatch
):
    import matplotlib as mpl

    tidy = make_tidy(environments=1, seeds=2)
    draw_all(tidy, tmp_path / "first")
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "axes.grid": True}):
        draw_all(tidy, tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"environments": 1, "failure_rate": 1.0},
        {"environments": 1, "rounds": 0},
        {"environments": 2, "methods": 2, "special": True, "seeds": 4},
    ],
)
def test_figures_can_be_drawn_whatever_became_of_the_runs(make_tidy, tmp_path, options):
    assert draw_all(make_tidy(**options), tmp_path / "out")


def test_tables_repeat_byte_for_byte(make_tidy, tmp_path):
    tidy = make_tidy(environments=3, methods=2, seeds=3, special=True)
    write_all(tidy, tmp_path / "first")
    write_all(tidy, tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
