import csv
import io
import json

import pytest

from llmpo.errors import DataError
from llmpo.paper.macros import read_macros
from llmpo.paper.text import count, listing, share, span

CLAIM = {
    **{"claim": "It is better.", "source": "abstract", "reason": "It says so."},
    **{"estimate": "0.5", "estimate_low": "0.25", "estimate_high": "0.75"},
    **{"tolerance": "0.05", "runs_fewest": "5", "verdict": "supported"},
}


def as_csv(*rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_counts_are_those_of_the_tidy_table(results):
    values = results.write(
        environments=2, methods=1, seeds=3, training=1, references=1, failure_rate=0
    ).values
    assert values["runs"] == "18\N{NO-BREAK SPACE}runs"
    assert values["environments"] == "2\N{NO-BREAK SPACE}environments"
    assert values["methods"] == "3\N{NO-BREAK SPACE}methods"
    assert values["search_runs"] == "6\N{NO-BREAK SPACE}runs"
    assert values["search_seeds"] == "3\N{NO-BREAK SPACE}runs"
    # Two rounds of two candidates in each of the six runs, none of which failed.
    assert values["candidates"] == "24\N{NO-BREAK SPACE}candidates"
    assert values["candidates_ok"] == "24"
    assert values["candidates_failed"] == "0"
    assert values["rounds"] == "3"
    assert values["candidates_per_round"] == "4"


def test_comparisons_add_up(results):
    values = results.write(environments=3, methods=2, seeds=3, training=2).values
    parts = ("above", "below", "open")
    decided = sum(int(values[f"comparisons_{part}"]) for part in parts)
    assert values["comparisons"].startswith(f"{decided}\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    "options",
    [
        {"methods": 0, "references": 1},
        {"failure_rate": 1.0},
        {"rounds": 0},
        {"methods": 2, "seeds": 5, "special": True, "training": 1},
        {"online": {"seeds": 1}, "only_online": True},
        {"online": {"special": True}},
        {"online": {"series": [("random", "icpi", {"algorithm": "random"})]}},
        {"online": {"series": [("mine", "icpi_llm", {"context_budget": 400})]}},
    ],
)
def test_macros_are_there_whatever_became_of_the_runs(results, options):
    assert all(isinstance(v, str) for v in results.write(**options).values.values())


def test_macros_repeat_byte_for_byte_and_hold_no_path(results):
    path = results.data / "paper" / "macros.json"
    results.write(training=1)
    first = path.read_bytes()
    results.write_macros()
    assert path.read_bytes() == first
    assert str(results.data.parent) not in first.decode()


def test_macros_survive_being_written(results):
    written = results.write()
    assert read_macros(results.data / "paper" / "macros.json") == written


def test_optional_tables_may_be_missing(results):
    assert results.write().tables["summary"] is None


def test_verdicts_are_counted_from_the_claims(results):
    results.write()
    verdicts = ("supported", "undecided", "supported")
    claims = [CLAIM | {"verdict": verdict} for verdict in verdicts]
    results.write_table("claims", as_csv(*claims))
    values = results.write_macros().values
    assert values["claims"] == "3\N{NO-BREAK SPACE}claims"
    assert values["claims_judged"] == "2 supported and 1 undecided"
    table = results.write_macros().tables["claims"]
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["Estimate"] == "0.500 [0.250, 0.750]"
    assert row["Tolerance"] == "0.05"


def test_a_stale_table_is_named(results):
    results.write()
    results.write_table("claims", as_csv(CLAIM))
    results.write_tidy(rng_seed=1)
    with pytest.raises(DataError, match="table claims is stale"):
        results.write_macros()


def test_a_table_of_another_version_is_an_error(results):
    results.write()
    results.write_table("results", as_csv({"environment": "a"}))
    with pytest.raises(DataError, match=r"results\.csv lacks the columns"):
        results.write_macros()


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_macro_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "macros.json"
    path.write_text(content)
    with pytest.raises(DataError, match="macros"):
        read_macros(path)


def test_environments_come_from_the_registry(results):
    table = results.write().tables["environments"]
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    board = next(row for row in rows if row["Environment"] == "Noise world board 1")
    assert board["Horizon"] == "100"
    assert board["In this build"] == "yes"
    assert board["Actions"] == "–"  # no simulators in unit tests
    assert json.dumps(rows)


def test_numbers_are_written_as_readers_expect():
    assert [count(n, "run") for n in (0, 1, 1200)] == [
        f"{n}\N{NO-BREAK SPACE}{noun}"
        for n, noun in (("0", "runs"), ("1", "run"), ("1,200", "runs"))
    ]
    assert span([]) == "–"
    assert span([3, 3]) == "3"
    assert span([5, 1]) == "1 to 5"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing([]) == "–"
    assert share(1, 3) == "33%"
    assert share(0, 0) == "–"
