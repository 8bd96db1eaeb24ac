"""Record files: what is written is read back; what is damaged is told."""

from pathlib import Path

import pytest

from llmpo.errors import DataError
from llmpo.records import Assessment, Cell, EpisodeResult, read_records, write_records
from llmpo.sandbox.status import Status


def _assessment(seed: int) -> Assessment:
    cell = Cell(
        experiment="e", environment="x", method="m", algorithm="promptpo", seed=seed
    )
    episode = EpisodeResult(seed=1, value=0.1 + 0.2, length=3, status=Status.OK)
    return Assessment(cell=cell, policy="best", program="p", episodes=(episode,))


def test_records_are_read_back_bit_for_bit(tmp_path: Path):
    written = [_assessment(0), _assessment(1)]
    write_records(tmp_path / "a.jsonl", written)
    assert read_records(tmp_path / "a.jsonl", Assessment, "assessments") == written


def test_half_written_file_names_the_line(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write_records(path, [_assessment(0), _assessment(1)])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataError, match="in the middle of line 2"):
        read_records(path, Assessment, "assessments")


def test_damaged_line_names_the_line(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write_records(path, [_assessment(0)])
    path.write_text(path.read_text() + "{\n")
    with pytest.raises(DataError, match="line 2"):
        read_records(path, Assessment, "assessments")


def test_record_of_another_version_names_the_field(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write_records(path, [_assessment(0)])
    path.write_text(path.read_text().replace('"policy"', '"policies"'))
    with pytest.raises(DataError, match=r"line 1 .* does not fit .*policy"):
        read_records(path, Assessment, "assessments")


def test_failed_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write_records(path, [_assessment(0)])
    before = path.read_bytes()

    def broken():
        yield _assessment(1)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_records(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
