import json
import re

import pytest

from llmpo.errors import DataError
from llmpo.figures import FIGURES, GALLERY
from llmpo.paper.manuscript import (
    Use,
    check_fresh,
    sources,
    undefined,
    unused,
    uses,
)
from llmpo.provenance import describe
from llmpo.storage import write_json


@pytest.fixture
def asked(manuscript):
    return uses(manuscript.read_text(encoding="utf-8"))


def test_uses_are_found_with_their_lines():
    text = '#m("a") and // #m("comment")\n#f[#if-any(m("b"))[#data-table("t")[x]]]'
    assert uses(text) == [
        Use("m", "a", 1),
        Use("m", "b", 2),
        Use("data-table", "t", 2),
    ]


def test_only_the_functions_themselves_count():
    assert uses('#em("a") #my.m("b") m("c") in prose') == [Use("m", "b", 1)]


def test_undefined_and_unused_macros_are_named():
    asked = uses('#m("a")\n#m("b")')
    assert undefined(asked, {"a": "1", "c": "2"}, "m") == "b (line 2)"
    assert unused(asked, {"a": "1", "c": "2"}, "m") == ["c"]


def test_the_manuscript_uses_all_macros_and_no_others(asked, results):
    macros = results.write(training=1, references=1)
    assert undefined(asked, macros.values, "m") == ""
    assert undefined(asked, macros.tables, "data-table") == ""
    assert unused(asked, macros.values, "m") == []
    assert unused(asked, macros.tables, "data-table") == []


def test_the_set_of_macros_is_the_same_for_every_configuration(results):
    full = results.write(environments=3, methods=2, training=2, references=2)
    lean = results.write(environments=1, methods=0, references=1)
    online = results.write(online={}, only_online=True)
    assert set(full.values) == set(lean.values) == set(online.values)
    assert set(full.tables) == set(lean.tables) == set(online.tables)


def test_the_manuscript_asks_for_figures_that_are_drawn(asked):
    names = {use.name for use in asked if use.function == "data-figure"}
    assert names <= {*FIGURES, GALLERY}


def test_no_semicolon_is_lost(manuscript):
    # Typst takes a semicolon after a call for the end of the call.
    text = manuscript.read_text(encoding="utf-8")
    assert re.findall(r"#[\w-]+\([^()]*\);", text) == []


@pytest.mark.parametrize("method", ["promptpo", "icpi"])
def test_every_deviation_of_a_method_is_listed(manuscript, repository, method):
    page = (repository / f"docs/methods/{method}.md").read_text(encoding="utf-8")
    documented = re.findall(r"(?m)^\d+\. ", page.split("## Deviations")[1])
    text = manuscript.read_text(encoding="utf-8")
    section = re.split(r"(?m)^= ", text.split(f"<sec:{method}>\n")[1])[0]
    assert len(re.findall(r"(?m)^  \+ ", section)) == len(documented)


def test_every_reference_is_cited_and_every_citation_has_one(manuscript):
    entries = (manuscript.parent / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{(\w+),", entries, re.MULTILINE))
    text = manuscript.read_text(encoding="utf-8")
    labels = set(re.findall(r"@([A-Za-z]+\d{4}\w*)", text))
    assert labels == keys


def test_a_manuscript_comes_with_its_folder(manuscript, tmp_path):
    names = [path.name for path in sources(manuscript)]
    assert names == ["llmpo.typ", "layout.typ", "references.bib"]
    with pytest.raises(DataError, match="does not exist"):
        sources(tmp_path / "other.typ")


def test_a_figure_of_the_same_data_is_fresh(results):
    macros = results.write(figures=("outcomes",))
    check_fresh(results.data / "figures" / "outcomes.svg", macros.inputs, results.data)


def test_a_stale_figure_is_named(results):
    results.write(figures=("outcomes",))
    results.write_tidy(rng_seed=1)
    macros = results.write_macros()
    with pytest.raises(DataError, match=r"figure outcomes is stale.*another tidy\.csv"):
        check_fresh(
            results.data / "figures" / "outcomes.svg", macros.inputs, results.data
        )


def test_a_figure_must_say_what_it_was_drawn_from(results):
    macros = results.write(figures=("outcomes", "summary"))
    folder = results.data / "figures"
    (folder / "outcomes.provenance.json").unlink()
    with pytest.raises(DataError, match="outcomes has no"):
        check_fresh(folder / "outcomes.svg", macros.inputs, results.data)
    (folder / "summary.provenance.json").write_text(json.dumps({"inputs": {"x": "y"}}))
    with pytest.raises(DataError, match="names no input"):
        check_fresh(folder / "summary.svg", macros.inputs, results.data)


def test_a_figure_drawn_from_other_results_is_checked_against_them(results):
    macros = results.write(figures=("gallery",))
    table = results.data / "gallery" / "gallery.csv"
    table.parent.mkdir()
    table.write_text("policy,kind\n")
    figure = results.data / "figures" / "gallery.svg"
    write_json(figure.with_suffix(".provenance.json"), describe([table]))
    check_fresh(figure, macros.inputs, results.data)
    table.write_text("policy,kind\na,b\n")
    with pytest.raises(DataError, match=r"gallery is stale.*another gallery\.csv"):
        check_fresh(figure, macros.inputs, results.data)
