import pickle
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from llmpo.errors import DataError
from llmpo.llm.store import ExchangeStore


@pytest.fixture
def store(tmp_path):
    opened = ExchangeStore(tmp_path)
    yield opened
    opened.close()


def test_the_first_answer_holds(store, make_record):
    first, second = make_record(answer="first"), make_record(answer="second")
    assert store.put(first) == first
    assert store.put(second) == first
    assert store.get(first.key) == first
    assert list(store) == [first]


def test_large_and_odd_answers_come_back_as_they_were(store, tmp_path, make_record):
    text = "\r\n\u2028\x00 é 🙂 \r" + "x" * 200_000
    record = make_record(answer=text)
    store.put(record)
    store.close()
    reopened = ExchangeStore(tmp_path)
    assert reopened.get(record.key).text == text
    reopened.close()


def test_nothing_is_ever_evicted(store):
    settings = store._cache
    assert settings.eviction_policy == "none"
    assert settings.cull_limit == 0
    assert settings.size_limit == 2**40


@pytest.mark.parametrize("value", [b"bytes", 1, 1.5, True, None, {"a": 1}, [1]])
def test_only_text_can_be_stored(store, value):
    with pytest.raises(Exception, match="other than text"):
        store._cache["key"] = value
    with pytest.raises(Exception, match="other than text"):
        store._cache[value] = "text"


def test_a_pickle_in_the_store_is_refused_not_loaded(store, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("exploded").touch, ())

    store._cache["key"] = "text"
    with sqlite3.connect(store.folder / "cache.db") as database:
        database.execute(
            "UPDATE Cache SET mode = 4, value = ?", (pickle.dumps(Bomb()),)
        )
    with pytest.raises(DataError, match="other than text"):
        store.get("key")
    assert not (tmp_path / "exploded").exists()


def test_a_damaged_record_is_a_clear_error(store, make_record):
    record = make_record()
    store._cache[record.key] = "{half"
    with pytest.raises(DataError, match="not valid JSON"):
        store.get(record.key)


def test_a_damaged_store_is_a_clear_error(tmp_path):
    (tmp_path / "exchanges").mkdir()
    (tmp_path / "exchanges" / "cache.db").write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match="cannot be read or written"):
        ExchangeStore(tmp_path)


def test_many_are_stored_together_or_not_at_all(store, make_record):
    def records():
        yield make_record("a")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.put_all(records())
    assert len(store) == 0
    store.put_all([make_record("a"), make_record("b")])
    assert len(store) == 2


def _fill(job):
    folder, records = job
    store = ExchangeStore(folder)
    kept = [store.put(record).text for record in records]
    store.close()
    return kept


def test_processes_agree_on_one_answer(tmp_path, make_record):
    jobs = [
        (tmp_path, [make_record(str(i), f"{i} by {job}") for i in range(20)])
        for job in range(4)
    ]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        kept = list(pool.map(_fill, jobs))
    assert all(texts == kept[0] for texts in kept)
