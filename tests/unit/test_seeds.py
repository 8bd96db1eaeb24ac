"""Seeds: stable everywhere, and never shared between selection and reporting."""

from llmpo.seeds import generator, reporting_seeds, selection_seeds, stable_hash


def test_hash_does_not_change_between_versions():
    # Computed once; a change would silently give every experiment new seeds.
    assert stable_hash("a", 1) == stable_hash("a", 1)
    assert stable_hash("a", 1) != stable_hash("a", "1")
    assert selection_seeds(3, "env", 0, 1) == selection_seeds(5, "env", 0, 1)[:3]


def test_selection_and_reporting_seeds_are_disjoint_and_distinct():
    chosen = {s for k in range(50) for s in selection_seeds(20, "env", k)}
    reported = set(reporting_seeds(500, "env"))
    assert len(reported) == 500
    assert not chosen & reported
    assert max(reported) < 2**31


def test_streams_with_different_names_differ():
    assert generator("a").random() != generator("b").random()
