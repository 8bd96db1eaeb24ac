"""Other users, other kernels, and the death of the trusted process."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmpo.sandbox.launch import template_pid
from llmpo.sandbox.process import PolicyProcess

REPOSITORY = Path(__file__).parents[2]
NOBODY = 65534

# Becomes an ordinary user and then runs what follows. Folders on the way to the
# interpreter and the project that only root may enter (/root, say) are replaced, in
# a mount namespace of this process alone, by open ones with the same content.
_AS_NOBODY = """
import ctypes, os, sys
needed, user, command = eval(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
libc = ctypes.CDLL(None, use_errno=True)
def check(result, what):
    if result != 0:
        sys.exit(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
closed = {}
for path in needed:
    parts = path.split("/")
    for index in range(2, len(parts) + 1):
        folder = "/".join(parts[:index])
        if not os.stat(folder).st_mode & 0o001:
            closed.setdefault(folder, []).append(path)
            break
if closed:
    check(libc.unshare(0x00020000), "make a mount namespace")
    check(libc.mount(b"none", b"/", None, 0x44000, None), "make mounts private")
for folder, inside in closed.items():
    handles = [(path, os.open(path, os.O_PATH)) for path in inside]
    check(libc.mount(b"t", folder.encode(), b"tmpfs", 0, b"mode=755"), "mount")
    for path, handle in handles:
        os.makedirs(path, exist_ok=True)
        source = f"/proc/self/fd/{handle}".encode()
        check(libc.mount(source, path.encode(), None, 0x1000, None), "bind")
os.setgroups([])
os.setgid(user)
os.setuid(user)
for path in needed:
    if not os.access(path, os.R_OK | os.X_OK):
        sys.exit(f"cannot read {path}")
os.execv(command[0], command)
"""


def as_nobody(arguments, tmp_path):
    """Runs the interpreter as an ordinary user; skips where that cannot be done."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user; this suite ran as one already")
    needed = sorted({sys.base_prefix, sys.prefix, str(REPOSITORY)})
    return subprocess.run(
        [
            *(sys.executable, "-c", _AS_NOBODY, repr(needed), str(NOBODY)),
            *(sys.executable, *arguments),
        ],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_hostile_programs_are_stopped_for_an_ordinary_user(tmp_path):
    result = as_nobody(
        [
            *("-m", "pytest", "-q", "-p", "no:cacheprovider"),
            str(Path(__file__).with_name("test_hostile.py")),
            # Not the tests that cannot depend on the user.
            *("-k", "not (loop or memory_bomb or ends_itself or libraries_stay)"),
        ],
        tmp_path,
    )
    if result.returncode != 0 and result.stderr.startswith("cannot"):
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


# Runs what follows on a kernel that seems to lack one system call.
_WITHOUT_CALL = """
import ctypes, errno, struct, sys
number, error = int(sys.argv[1]), int(sys.argv[2])
code = b"".join(struct.pack("=HBBI", *line) for line in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50000 | error),
    (6, 0, 0, 0x7FFF0000),
])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, code)), 0, 0) == 0
import json
from llmpo.sandbox.process import sandbox_report
print(json.dumps(sandbox_report()))
"""
_UNSHARE = {"x86_64": 272, "aarch64": 97}
_CAPSET = {"x86_64": 126, "aarch64": 91}


def report_without(number, error):
    result = subprocess.run(
        [sys.executable, "-c", _WITHOUT_CALL, str(number), str(error)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(result.stdout)


@pytest.mark.parametrize("call", [444, 446])
def test_without_landlock_nothing_is_run(call):
    report = report_without(call, 38)
    assert not report["available"]
    assert "Landlock" in report["problem"]
    assert "--unsafe-no-sandbox" in report["problem"]
    assert "Docker" in report["problem"]


def test_namespaces_are_not_needed():
    report = report_without(_UNSHARE[os.uname().machine], 1)
    assert report["available"]
    assert "namespaces" not in report["layers"]


def test_refused_capset_is_not_fatal():
    assert report_without(_CAPSET[os.uname().machine], 1)["available"]


_ORPHAN = """
import os, sys, threading
from llmpo.sandbox.contract import ActionLayout, ObservationLayout, PolicyContract
from llmpo.sandbox.process import PolicyProcess
contract = PolicyContract(
    "P", ObservationLayout("Observation", ()), ActionLayout("discrete", 1)
)
process = PolicyProcess("class P:\\n def act(self, o):\\n  while True: pass", contract)
process.__enter__()
process.begin_episode(0)
print(process._channel._child.pid, flush=True)
process.act(b"")
"""


def test_the_process_dies_with_the_trusted_one():
    with subprocess.Popen(
        [sys.executable, "-c", _ORPHAN], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _is_running(child):
        assert time.monotonic() < deadline, "the confined process outlived its parent"
        time.sleep(0.02)


def _is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_killed_template_is_replaced(contract, observation):
    source = "class ToyPolicy:\n    def act(self, obs): return [0, 1]"
    with PolicyProcess(source, contract) as process:
        process.begin_episode(0)
        first = template_pid()
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        process.act(observation)  # what it has made lives on
    with PolicyProcess(source, contract) as process:
        process.begin_episode(0)
        process.act(observation)
    assert template_pid() not in (0, first)


def test_every_thread_has_its_own_template(contract, observation):
    source = "class ToyPolicy:\n    def act(self, obs): return [0, 1]"

    def play() -> tuple[int, int]:
        with PolicyProcess(source, contract) as process:
            process.begin_episode(0)
            return template_pid(), len(process.act(observation))

    with ThreadPoolExecutor(2) as pool:
        played = [pool.submit(play).result() for _ in range(2)]
    here, size = play()
    assert size == 2
    assert here not in [pid for pid, _ in played]


def test_programs_leave_nothing_in_the_template(contract, observation):
    marking = """
import sys
import numpy as np
np.mark = sys.mark = 1
class ToyPolicy:
    def act(self, obs): return [0, 1]
"""
    looking = """
import sys
import numpy as np
assert not hasattr(np, "mark") and not hasattr(sys, "mark")
class ToyPolicy:
    def act(self, obs): return [0, 1]
"""
    for source in (marking, looking):
        with PolicyProcess(source, contract) as process:
            process.begin_episode(0)
            process.act(observation)
