"""What later rounds are told about earlier ones."""

from dataclasses import replace

from llmpo.methods.promptpo.history import Entry, describe_others, visible_history
from llmpo.sandbox.status import Status


def _entries(scores: list[float | None]) -> list[Entry]:
    return [
        Entry(
            number=number,
            code="" if score is None else f"# policy {number}",
            returns=() if score is None else (score,),
            score=score,
            reflection=f"reflection {number}",
        )
        for number, score in enumerate(scores, start=1)
    ]


def test_newest_reflection_is_left_to_its_own_block():
    shown, _ = visible_history(_entries([1.0, 2.0]), best_hint_from=1, limit=None)
    assert [entry.reflection for entry in shown] == ["reflection 1", ""]


def test_earliest_of_equal_scores_is_marked_best():
    shown, _ = visible_history(_entries([1.0, 3.0, 3.0]), best_hint_from=1, limit=None)
    assert [entry.is_best for entry in shown] == [False, True, False]


def test_released_system_marks_the_best_only_from_ten_entries_on():
    scores: list[float | None] = [float(n) for n in range(10)]
    nine, _ = visible_history(_entries(scores[:9]), best_hint_from=10, limit=None)
    ten, _ = visible_history(_entries(scores), best_hint_from=10, limit=None)
    assert not any(entry.is_best for entry in nine)
    assert ten[-1].is_best


def test_limited_history_keeps_the_best_and_counts_what_is_left_out():
    history = _entries([5.0, 1.0, 2.0, 3.0, 4.0])
    shown, omitted = visible_history(history, best_hint_from=1, limit=2)
    assert [entry.number for entry in shown] == [1, 4, 5]
    assert omitted == 2


def test_round_without_winner_is_no_candidate_for_best():
    shown, _ = visible_history(_entries([None, -3.0]), best_hint_from=1, limit=None)
    assert [entry.is_best for entry in shown] == [False, True]


def test_means_of_an_entry():
    entry = replace(_entries([1.0])[0], returns=(1.0, 2.0), successes=(0.0, 1.0))
    assert entry.mean_return == 1.5
    assert entry.success_rate == 0.5


def test_other_candidates_are_listed_with_scores_and_failures():
    text = describe_others(
        [(Status.OK, 1.5), (Status.CRASH, None), (Status.OK, 7.0)], "return"
    )
    assert text == (
        "Other candidates of the same round: mean return 7.0, 1.5; 1 failed (crash)."
    )
    assert describe_others([], "return") == ""
