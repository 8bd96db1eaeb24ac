import pytest
from click.testing import CliRunner

from llmpo.errors import DataError, PendingRequests
from llmpo.llm.commands import llm


@pytest.fixture
def run(tmp_path):
    def invoke(*arguments):
        result = CliRunner().invoke(llm, [str(a) for a in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_answers_travel_from_requests_to_a_corpus(run, session, tmp_path, make_prompt):
    store, corpus = tmp_path / "store", tmp_path / "corpus"
    prompt = make_prompt()
    with pytest.raises(PendingRequests) as caught:
        session("batch").ask([prompt])
    [key] = caught.value.keys
    assert key in run("pending", "--store", store).output

    answer = tmp_path / f"{key}.md"
    answer.write_text("the answer")
    result = run("import", answer, "--store", store, "--served-model", "m-1")
    assert result.exit_code == 0
    assert "1 answers imported" in result.output
    assert "0 requests are open" in run("pending", "--store", store).output

    assert (
        "1 exchanges added"
        in run("export", "--store", store, "--corpus", corpus).output
    )
    assert "nothing wrong" in run("verify", "--corpus", corpus).output
    assert session("replay").ask([prompt])[0].text == "the answer"

    other = tmp_path / "other"
    result = run("load", "--corpus", corpus, "--store", other)
    assert "1 exchanges added" in result.output


def test_problems_end_with_status_one(run, tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "x.jsonl").write_text("{}\n")
    assert run("verify", "--corpus", tmp_path / "corpus").exit_code == 1
    bad = tmp_path / f"{'0' * 64}.txt"
    bad.write_text("x")
    result = run("import", bad, "--store", tmp_path / "store")
    assert result.exit_code == 1
    assert "nobody asked" in result.output


@pytest.mark.parametrize("command", ["verify", "export", "load", "pending"])
def test_a_missing_folder_is_named(run, tmp_path, command):
    options = {"verify": ["--corpus"], "pending": ["--store"]}
    folders = options.get(command, ["--store", "--corpus"])
    arguments = [part for name in folders for part in (name, tmp_path / "gone")]
    with pytest.raises(DataError, match="gone does not exist"):
        run(command, *arguments)
