import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmpo.errors import ConfigError, DataError, PendingRequests
from llmpo.llm.client import Prompt
from llmpo.llm.importer import IMPORT_LOG, import_answers
from llmpo.llm.pending import Pending
from llmpo.storage import write_json_lines


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def export(session):
    """Asks prompts in batch mode and returns the keys that are pending."""

    def ask(*prompts, **fields):
        with pytest.raises(PendingRequests) as caught:
            session("batch", **fields).ask(prompts)
        return caught.value.keys

    return ask


def batch_output(key, text, status=200, **fields):
    choice = {"message": {"role": "assistant", "content": text}}
    choice["finish_reason"] = "stop"
    body = {"model": "served", "choices": [choice]}
    body["usage"] = {"prompt_tokens": 3, "completion_tokens": 2}
    response = {"status_code": status, "body": body}
    return {"custom_id": key, "response": response, "error": None} | fields


def test_all_open_requests_are_written_out_together(export, store, make_prompt):
    keys = export(make_prompt("a", temperature=0.5), make_prompt("b"))
    lines = [
        json.loads(line)
        for line in (store / "pending/openai-m/requests.jsonl").read_text().splitlines()
    ]
    assert sorted(line["custom_id"] for line in lines) == sorted(keys)
    line = next(line for line in lines if line["custom_id"] == keys[0])
    assert line["method"] == "POST"
    assert line["url"] == "/v1/chat/completions"
    assert line["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "a"}],
        "temperature": 0.5,
    }
    assert (store / f"pending/requests/{keys[1]}.prompt.md").read_text() == "b"


def test_text_completions_have_their_own_batch_file(export, store):
    prompt = Prompt(prompt="assert", template="icpi@1", purpose="x")
    export(prompt)
    [line] = (store / "pending/openai-m/requests-text.jsonl").read_text().splitlines()
    assert json.loads(line)["url"] == "/v1/completions"
    assert json.loads(line)["body"] == {"model": "m", "prompt": "assert"}


def test_the_message_says_how_to_go_on(session, store, make_prompt):
    with pytest.raises(PendingRequests) as caught:
        session("batch", run="ant-0").ask([make_prompt("a"), make_prompt("b")])
    for words in ("ant-0", "2 of 2", str(store / "pending"), "llmpo llm import"):
        assert words in str(caught.value)


def test_a_run_goes_on_after_the_import(export, session, store, tmp_path, make_prompt):
    prompts = [make_prompt("a"), make_prompt("b")]
    keys = export(*prompts)
    answers = tmp_path / "answers.jsonl"
    write_json_lines(answers, [batch_output(key, f"to {key}") for key in keys])
    report = import_answers(store, [answers])
    assert (len(report.imported), report.problems, report.pending) == (2, [], 0)
    exchanges = session("batch").ask(prompts)
    assert [exchange.text for exchange in exchanges] == [f"to {key}" for key in keys]
    assert exchanges[0].collected_by == "batch-files"
    assert exchanges[0].served_model == "served"
    assert exchanges[0].usage.source == "provider"
    assert exchanges[0].origin == "run-a"
    assert Pending(store).batch_files() == []


def test_only_what_is_open_is_exported(export, store, tmp_path, make_prompt):
    [key] = export(make_prompt("a"))
    (tmp_path / f"{key}.txt").write_text("done")
    import_answers(store, [tmp_path / f"{key}.txt"])
    keys = export(make_prompt("a"), make_prompt("b"))
    assert len(keys) == 1
    assert [entry.key for entry in Pending(store)] == list(keys)


@pytest.mark.parametrize("ending", [".txt", ".md"])
@pytest.mark.parametrize("text", ["plain", " \r\nédges\n\n", ""])
def test_a_text_file_is_taken_to_the_last_byte(
    export, session, store, tmp_path, make_prompt, ending, text
):
    [key] = export(make_prompt())
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / f"{key}{ending}").write_bytes(text.encode())
    (folder / "notes.md").write_text("not an answer")
    import_answers(store, [folder], served_model="model-by-hand")
    [exchange] = session("batch").ask([make_prompt()])
    assert exchange.text == text
    assert exchange.served_model == "model-by-hand"
    assert exchange.usage.source == "estimated"
    assert exchange.usage.completion_tokens == -(-len(text) // 4)


def test_the_prompts_themselves_are_never_taken_as_answers(export, store, make_prompt):
    export(make_prompt())
    with pytest.raises(ConfigError, match="no answer files"):
        import_answers(store, [store / "pending/requests"])


def test_importing_again_is_harmless_and_the_first_answer_holds(
    export, session, store, tmp_path, make_prompt
):
    [key] = export(make_prompt())
    answer = tmp_path / f"{key}.txt"
    answer.write_text("first")
    import_answers(store, [answer])
    assert import_answers(store, [answer]).already == [key]
    answer.write_text("second")
    [problem] = import_answers(store, [answer]).problems
    assert "another answer already" in problem
    assert session("batch").ask([make_prompt()])[0].text == "first"
    assert len((store / IMPORT_LOG).read_text().splitlines()) == 1


def test_bad_lines_never_cost_the_good_ones(export, store, tmp_path, make_prompt):
    keys = export(*(make_prompt(text) for text in "abcd"))
    lines = [
        "{broken",
        "[]",
        '{"custom_id": 7}',
        json.dumps(batch_output("f" * 64, "nobody asked")),
        json.dumps(batch_output("../../etc/passwd", "no key")),
        json.dumps(batch_output(keys[1], "x", status=500)),
        json.dumps(batch_output(keys[2], "x", error={"code": "expired"})),
        json.dumps({"custom_id": keys[3], "response": {"body": {"choices": []}}}),
        json.dumps(batch_output(keys[0], "good")),
    ]
    answers = tmp_path / "out.jsonl"
    answers.write_text("\n".join(lines))
    (tmp_path / f"{keys[3]}.txt").write_bytes(b"\xff\xfe")
    report = import_answers(store, [answers, tmp_path / f"{keys[3]}.txt"])
    assert report.imported == [keys[0]]
    assert report.pending == 3
    assert len(report.problems) == 9
    assert f"line 1 of {answers}" in report.problems[0]


@pytest.mark.parametrize("name", ["missing.jsonl", "strange.csv"])
def test_files_of_no_known_form_are_refused(store, tmp_path, name):
    (tmp_path / "strange.csv").write_text("")
    with pytest.raises(ConfigError, match=name):
        import_answers(store, [tmp_path / name])


def test_an_edited_request_is_refused_and_others_go_on(
    export, store, tmp_path, make_prompt
):
    keys = export(make_prompt("a"), make_prompt("b"))
    path = store / f"pending/requests/{keys[0]}.json"
    intact = path.read_text()
    path.write_text(intact.replace('"a"', '"edited"'))
    with pytest.raises(DataError, match="edited"):
        Pending(store).get(keys[0])
    for key in keys:
        (tmp_path / f"{key}.txt").write_text("answer")
    report = import_answers(store, [tmp_path / f"{key}.txt" for key in keys])
    assert report.imported == [keys[1]]
    assert len(report.problems) == 1
    export(make_prompt("a"), make_prompt("b"))
    assert path.read_text() == intact


def test_runs_share_one_batch_file_per_model(export, store, make_prompt):
    export(make_prompt("a"), run="one")
    export(make_prompt("b"), run="two")
    export(make_prompt("a"), run="three")
    export(make_prompt("a"), model="openai/other")
    files = Pending(store).batch_files()
    assert [path.parent.name for path in files] == ["openai-m", "openai-other"]
    assert [len(path.read_text().splitlines()) for path in files] == [2, 1]
    assert {entry.origin for entry in Pending(store)} == {"one", "two", "run-a"}


def test_jobs_that_export_at_the_same_time_lose_nothing(store, make_record):
    requests = [make_record(str(number)).request for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: Pending(store).add([one], "run"), requests))
    [path] = Pending(store).batch_files()
    assert len(path.read_text().splitlines()) == 24
