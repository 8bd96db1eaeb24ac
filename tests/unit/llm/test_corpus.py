import json

import pytest

from llmpo.errors import DataError
from llmpo.llm.corpus import Corpus, verify_corpus
from llmpo.llm.store import ExchangeStore
from llmpo.llm.transfer import export_corpus, import_corpus
from llmpo.storage import canonical_json, write_json_lines


@pytest.fixture
def corpus(tmp_path):
    return tmp_path / "corpus"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def fill(store):
    def put(*exchanges):
        opened = ExchangeStore(store)
        for exchange in exchanges:
            opened.put(exchange)
        opened.close()

    return put


@pytest.fixture
def write(corpus):
    def write_lines(*exchanges, name="m/run.jsonl"):
        path = corpus / name
        ordered = sorted(exchanges, key=lambda exchange: exchange.key)
        write_json_lines(path, [exchange.record() for exchange in ordered])
        return path

    return write_lines


NASTY = 'tab\t "quotes" ,"key":"' + "0" * 64 + '","origin":" \r\n\u2028 \x00 é 🙂'


def test_export_and_import_lose_nothing(fill, store, corpus, tmp_path, make_record):
    records = [
        make_record("a", NASTY),
        make_record(NASTY, "b", origin="envs/x seed 1"),
        make_record("c", "c", model="other/model:1"),
    ]
    fill(*records)
    report = export_corpus(store, corpus)
    assert report.added == 3
    assert sorted(path.relative_to(corpus).as_posix() for path in report.files) == [
        "openai-m/envs-x-seed-1.jsonl",
        "openai-m/run-a.jsonl",
        "other-model-1/run-a.jsonl",
    ]
    assert verify_corpus(corpus) == []
    assert {e.key: e for e in Corpus(corpus)} == {e.key: e for e in records}

    texts = {path: path.read_bytes() for path in report.files}
    import_corpus(corpus, tmp_path / "store2")
    export_corpus(tmp_path / "store2", tmp_path / "corpus2")
    for path, text in texts.items():
        copy = tmp_path / "corpus2" / path.relative_to(corpus)
        assert copy.read_bytes() == text


def test_exporting_again_changes_nothing_and_adds_in_order(
    fill, store, corpus, make_record
):
    fill(*(make_record(str(i)) for i in range(3)))
    export_corpus(store, corpus)
    report = export_corpus(store, corpus)
    assert (report.added, report.present, report.files) == (0, 3, ())
    fill(*(make_record(str(i)) for i in range(3, 8)))
    assert export_corpus(store, corpus).added == 5
    assert verify_corpus(corpus) == []
    assert len(Corpus(corpus)) == 8


def test_what_is_in_the_corpus_stays_in_its_file(fill, store, write, make_record):
    record = make_record()
    path = write(record, name="by-hand/some.jsonl")
    fill(record)
    assert export_corpus(store, path.parents[1]).files == ()


def test_a_different_answer_in_the_corpus_is_kept_and_reported(
    fill, store, write, corpus, make_record
):
    write(make_record(answer="old"))
    fill(make_record(answer="new"))
    report = export_corpus(store, corpus)
    assert report.conflicts == (make_record().key,)
    assert Corpus(corpus).get(make_record().key).text == "old"


def test_scripted_answers_are_left_out(fill, store, corpus, make_record):
    fill(make_record().model_copy(update={"collected_by": "mock"}))
    assert export_corpus(store, corpus).skipped == 1
    assert len(Corpus(corpus)) == 0
    assert export_corpus(store, corpus, include_mock=True).added == 1


def edit(path, change):
    lines = path.read_text("utf-8").split("\n")
    value = json.loads(lines[0])
    change(value)
    path.write_text("\n".join([canonical_json(value), *lines[1:]]), "utf-8")


def edit_prompt(value):
    value["request"]["messages"][0]["content"] += "!"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_text("{not json}\n"), "not valid JSON"),
        (lambda path: path.write_text("[1]\n"), "not a JSON object"),
        (lambda path: path.write_bytes(b"\xff\xfe\n"), "not valid JSON"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes() * 2), "repeats key"),
        (lambda path: edit(path, lambda v: v.update(schema_version=9)), "version 9"),
        (lambda path: edit(path, lambda v: v.pop("text")), "'text'"),
        (lambda path: edit(path, lambda v: v.update(extra=1)), "'extra'"),
        (lambda path: edit(path, edit_prompt), "edited"),
    ],
)
def test_damage_is_named_with_file_and_line(write, corpus, make_record, damage, words):
    record = make_record()
    path = write(record)
    damage(path)
    with pytest.raises(DataError, match=words) as caught:
        Corpus(corpus).get(record.key)
    assert f"line {2 if words == 'repeats key' else 1} of {path}" in str(caught.value)
    assert any(words in problem for problem in verify_corpus(corpus))


def test_a_key_in_two_files_is_an_error(write, corpus, make_record):
    write(make_record(answer="a"), name="m/a.jsonl")
    write(make_record(answer="b"), name="m/b.jsonl")
    with pytest.raises(DataError, match=r"b\.jsonl repeats key"):
        Corpus(corpus).get("0" * 64)


def test_reformatted_lines_can_still_be_read(write, corpus, make_record):
    record = make_record()
    path = write(record)
    path.write_text(json.dumps(json.loads(path.read_text())) + "\n")
    assert Corpus(corpus).get(record.key) == record
    assert any("canonical" in problem for problem in verify_corpus(corpus))


def test_verify_finds_all_problems_at_once(write, corpus, make_record):
    path = write(make_record("a"), make_record("b"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[1], lines[0], "{}", lines[0]]) + "\n")
    problems = verify_corpus(corpus)
    assert len(problems) == 3
    for problem, words in zip(
        problems, ("order", "schema version None", "repeats key"), strict=True
    ):
        assert words in problem
