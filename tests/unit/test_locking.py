import subprocess
import sys

import pytest

from llmpo.errors import LlmpoError
from llmpo.locking import hold_lock

_HOLD = """
import sys, time
from pathlib import Path
from llmpo.locking import hold_lock
hold_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_excludes_others_until_its_holder_is_killed(tmp_path):
    path = tmp_path / "folder" / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LlmpoError, match="another snakemake"):
            hold_lock(path)
    finally:
        holder.kill()
        holder.communicate()
    hold_lock(path)
