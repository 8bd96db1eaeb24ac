"""Text from programs loses what differs between machines."""

import sys

from llmpo.sandbox.status import Failure, Status
from llmpo.sandbox.text import clean_text, program_failure, shorten


def test_addresses_paths_and_control_characters_go():
    text = f"<A at 0x7f12ab> in '{sys.base_prefix}/lib/x.so'\x1b[31m\x00 7 / 2 /x/y"
    assert clean_text(text) == "<A at 0x…> in '<path>'[31m 7 / 2 /x/y"


def test_short_text_is_kept_and_long_text_is_cut():
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_failures_are_cut_and_survive_broken_bytes():
    failure = program_failure(Status.CRASH, b"bad \xff\n  news\0trace\nback")
    assert failure == Failure(Status.CRASH, "bad \ufffd news", "trace\nback")
    huge = program_failure(Status.CRASH, b"m" * 10**5 + b"\0" + b"t" * 10**5)
    assert len(huge.message) == 500
    assert len(huge.traceback) == 4000
