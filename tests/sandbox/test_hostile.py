"""Hostile programs: each must end in a status and must not have had any effect."""

import os
import resource
import signal
import socket
from pathlib import Path

import numpy as np
import pytest

from llmpo.sandbox.status import Limits

SHORT = Limits(load=20.0, act=0.3, episode=20.0, candidate=30.0, memory_mb=128)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("the secret")
    path.chmod(0o666)
    return str(path)


# Time ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "sum(range(10**18))",  # in C, holding the interpreter's lock
        "__import__('time').sleep(1000)",
        """
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
    ],
)
def test_endless_loop_in_act_times_out(attack, loop):
    outcome = attack(loop, limits=SHORT)
    assert outcome.status == "timeout"
    assert outcome.message == "act took longer than 0.3 s"


def test_endless_loop_in_constructor_times_out(run_policy):
    outcome = run_policy(
        """
        class ToyPolicy:
            def __init__(self):
                while True: pass
            def act(self, obs): return [0, 0]
        """,
        limits=SHORT,
    )
    assert outcome.status == "timeout"
    assert outcome.message == "the constructor took longer than 0.3 s"


def test_endless_loop_at_module_level_times_out(run_policy):
    outcome = run_policy("while True: pass", limits=Limits(load=1.5))
    assert outcome.status == "timeout"
    assert outcome.message == "loading the program took longer than 1.5 s"


def test_cpu_limit_holds_even_when_its_signal_is_ignored(attack):
    outcome = attack(
        """
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True: pass
        """,
        limits=Limits(act=20.0, cpu=1.0),
    )
    assert outcome.status == "timeout"
    assert "CPU" in outcome.message


def test_many_short_calls_hit_the_episode_limit(run_policy):
    outcome = run_policy(
        """
        import time
        class ToyPolicy:
            def act(self, obs):
                time.sleep(0.05)
                return [0, 0]
        """,
        limits=Limits(act=1.0, episode=0.3),
        steps=100,
    )
    assert outcome.status == "timeout"
    assert outcome.message == "the program took longer than 0.3 s in one episode"
    assert 1 <= len(outcome.actions) < 7


# Processes and threads -------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        "import os\nwhile True: os.fork()",  # fork bomb
        "import os\nif os.fork() == 0:\n    os.setsid()\n    os.fork()",  # daemon
        "import os\nos.posix_spawn('/bin/sh', ['sh', '-c', 'true'], {})",
        "import os\nos.execv('/bin/sh', ['sh', '-c', 'true'])",
        "import subprocess\nsubprocess.run(['/bin/true'])",
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    ],
)
def test_no_process_can_be_started(attack, start):
    outcome = attack(start)
    assert outcome.status == "crash"
    assert "Error" in outcome.message


def test_thread_bomb_starts_no_thread(attack):
    outcome = attack(
        """
        import threading, time
        while True: threading.Thread(target=time.sleep, args=(100,)).start()
        """
    )
    assert outcome.status == "crash"
    assert "can't start new thread" in outcome.message


# Memory ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bomb",
    [
        "bytearray(10**12)",
        "np.ones(10**10)",
        "data = []\nwhile True: data.append(bytes(10**6))",
        "data = [0]\nwhile True: data = data + data",
    ],
)
def test_memory_bomb_ends_in_memory_status(attack, bomb):
    outcome = attack(bomb, limits=Limits(act=20.0, memory_mb=64))
    assert outcome.status == "memory"
    assert outcome.message == "act ran out of memory"


def test_limits_cannot_be_raised(attack):
    outcome = attack(
        """
        import resource
        infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NPROC):
            try:
                resource.setrlimit(kind, infinite)
            except (ValueError, OSError):
                continue
            raise SystemExit("raised")
        bytearray(10**9)
        """,
        limits=Limits(memory_mb=64),
    )
    assert outcome.status == "memory"


# Files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        "open(path).read()",
        "import os\nos.listdir(os.path.dirname(path))",
        "import os\nos.open(path, os.O_RDONLY)",
        "np.load(path, allow_pickle=True)",
        "np.fromfile(path)",
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "import os\nos.open('/dev/zero', os.O_RDWR)",
    ],
)
def test_files_outside_the_libraries_cannot_be_read(attack, secret, read):
    outcome = attack(read, path=secret)
    assert outcome.status == "crash"
    assert "PermissionError" in outcome.message
    assert "secret" not in outcome.message.replace("secret.txt", "")


@pytest.mark.parametrize(
    "change",
    [
        "open(path, 'w').write('changed')",
        "open(path, 'a').write('changed')",
        "open(folder + '/new', 'x')",
        "import os\nos.remove(path)",
        "import os\nos.rename(path, folder + '/moved')",
        "import os\nos.truncate(path, 0)",
        "import os\nos.chmod(path, 0)",
        "import os\nos.mkdir(folder + '/new')",
        "import os\nos.symlink(path, folder + '/new')",
        "import os\nos.link(path, folder + '/new')",
        "import os\nos.mkfifo(folder + '/new')",
        "import os\nos.utime(path, (0, 0))",
        "np.save(folder + '/new', np.ones(3))",
    ],
)
def test_nothing_can_be_written(attack, secret, tmp_path, change):
    tmp_path.chmod(0o777)
    before = os.stat(secret)
    outcome = attack(change, path=secret, folder=str(tmp_path))
    assert outcome.status == "crash"
    assert "PermissionError" in outcome.message
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.txt"]
    assert Path(secret).read_text() == "the secret"
    assert os.stat(secret).st_mode == before.st_mode
    assert os.stat(secret).st_mtime == before.st_mtime


# Network ---------------------------------------------------------------------------


def test_tcp_connection_never_arrives(attack):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        outcome = attack(
            "import socket\nsocket.create_connection(address)",
            address=listener.getsockname(),
        )
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert outcome.status == "crash"
    assert "PermissionError" in outcome.message


def test_udp_packet_never_arrives(attack):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        outcome = attack(
            """
            import socket
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address)
            """,
            address=listener.getsockname(),
        )
        with pytest.raises(BlockingIOError):
            listener.recv(10)
    assert outcome.status == "crash"
    assert "PermissionError" in outcome.message


def test_abstract_unix_socket_is_out_of_reach(attack):
    address = f"\0llmpo-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        listener.setblocking(False)
        outcome = attack(
            "import socket\nsocket.socket(socket.AF_UNIX).connect(address)",
            address=address,
        )
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert outcome.status == "crash"
    assert "PermissionError" in outcome.message


def test_names_are_not_looked_up(attack):
    outcome = attack("import socket\nsocket.getaddrinfo('localhost', 80)")
    assert outcome.status == "crash"


# The trusted process ---------------------------------------------------------------


def test_api_key_is_nowhere(attack, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    outcome = attack(
        """
        import os
        text = repr(os.environ)
        for name in (f"/proc/{parent}/environ", "/proc/self/environ"):
            try:
                text += open(name).read()
            except PermissionError:
                text += "refused"
        raise ValueError(text)
        """,
        parent=os.getpid(),
    )
    assert outcome.status == "crash"
    assert "sk-very-secret" not in outcome.message
    assert "OPENAI_API_KEY" not in outcome.message
    assert outcome.message.count("refused") == 2


@pytest.fixture
def received():
    """Signals this process receives while a test runs."""
    signals = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    yield signals
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    "send",
    [
        "os.kill(parent, 10)",
        "os.kill(-1, 10)",
        "os.killpg(parent, 10)",
        "signal.pidfd_send_signal(os.pidfd_open(parent), 10)",
        # The kernel sends a signal of the file's owner's choice when a pipe is ready.
        "fcntl.fcntl(3, fcntl.F_SETOWN, parent)",
    ],
)
def test_signals_do_not_reach_the_trusted_process(attack, received, send):
    outcome = attack(f"import os, signal, fcntl\n{send}", parent=os.getpid())
    assert outcome.status == "crash"
    assert "PermissionError" in outcome.message
    assert received == []


def test_memory_of_the_trusted_process_cannot_be_read(attack):
    # 310 and 101 are process_vm_readv and ptrace on x86-64; 270 and 117 on arm64.
    outcome = attack(
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(8)
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
        here = Vector(ctypes.addressof(buffer), 8)
        there = Vector(address, 8)
        codes = []
        for number in ((310, 101) if machine == "x86_64" else (270, 117)):
            result = libc.syscall(
                number, parent, ctypes.byref(here), 1, ctypes.byref(there), 1, 0
            )
            codes.append((result, ctypes.get_errno()))
        try:
            open(f"/proc/{parent}/mem", "rb")
        except PermissionError:
            codes.append("refused")
        raise ValueError(codes)
        """,
        parent=os.getpid(),
        address=id(object()),
        machine=os.uname().machine,
    )
    assert outcome.message == ("act raised ValueError: [(-1, 1), (-1, 1), 'refused']")


# Crashes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (
            "import ctypes\nctypes.string_at(0)",
            "the program's process was ended by SIGSEGV",
        ),
        ("import sys\nsys.exit()", "act raised SystemExit"),
        ("import sys\nsys.exit(3)", "act raised SystemExit: 3"),
        ("raise KeyboardInterrupt", "act raised KeyboardInterrupt"),
        ("raise GeneratorExit", "act raised GeneratorExit"),
        ("import os\nos._exit(0)", "the program's process ended with exit status 0"),
        ("import os\nos._exit(7)", "the program's process ended with exit status 7"),
        (
            "import os\nos.closerange(3, 64)\nwhile True: pass",
            "the program closed its own pipe",
        ),
    ],
)
def test_a_program_that_ends_itself_is_a_crash(attack, end, message):
    outcome = attack(end)
    assert outcome.status == "crash"
    assert outcome.message == message


def test_endless_recursion_without_python_limit_fails(attack):
    outcome = attack(
        """
        import sys
        sys.setrecursionlimit(10**9)
        nested = lambda x: sorted([x], key=nested)
        nested(0)
        """
    )
    # A C stack overflow, or memory or time, whichever ends first.
    assert outcome.status in ("crash", "memory", "timeout")


def test_foreign_architecture_kills(attack):
    if os.uname().machine != "x86_64":
        pytest.skip("machine code for x86-64")
    outcome = attack(
        """
        import ctypes, mmap
        # mov eax, 20 (getpid of the 32-bit table); int 0x80; ret
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        """
    )
    assert outcome.status == "crash"
    assert "SIG" in outcome.message


# Deceit ----------------------------------------------------------------------------


def test_patched_numpy_stays_in_its_process(run_policy):
    outcome = run_policy(
        """
        import numpy, builtins
        for name in ("isfinite", "clip", "fmin", "fmax", "asarray", "frombuffer"):
            setattr(numpy, name, lambda *args, **kwargs: True)
        class ToyPolicy:
            def act(self, obs):
                return numpy.array([float("nan"), 0.0])
        """
    )
    assert outcome.status == "bad_action"
    assert np.isfinite(1.0)
    assert np.clip(5, 0, 1) == 1


def test_gigabytes_of_output_go_nowhere(attack, capfd):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = attack(
        """
        import os, sys
        text = "x" * 10**6
        for _ in range(1000):
            print(text)
            sys.stderr.write(text)
            os.write(1, text.encode())
        """,
        limits=Limits(act=20.0),
    )
    assert outcome.status == "ok"
    assert capfd.readouterr() == ("", "")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 20_000  # KiB


_WRITE_TO_PIPE = """
import os
def send(data):
    for handle in range(3, 32):
        try:
            while data:
                data = data[os.write(handle, data):]
            return
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    "forged",
    [
        "b'x'",
        "b'x' * 10**6",
        "bytes(64)",
        # A valid header announcing 16 exabytes.
        "bytes([5, 0, 0, 0, 4, 0, 0, 0]) + b'\\xff' * 8",
        # A reply to the next request, before it was made.
        "bytes([5, 0, 0, 0, 5, 0, 0, 0, 16]) + bytes(7) + bytes(16)",
    ],
)
def test_forged_data_on_the_pipe_is_noticed(run_policy, forged):
    outcome = run_policy(
        f"{_WRITE_TO_PIPE}\n"
        "class ToyPolicy:\n"
        "    def act(self, obs):\n"
        f"        send({forged})\n"
        "        return [0.0, 0.0]\n",
        steps=3,
    )
    assert outcome.status == "crash"
    assert outcome.message == "the program wrote to its own pipe"


def test_gigabytes_on_the_pipe_leave_memory_flat(run_policy):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = run_policy(
        f"{_WRITE_TO_PIPE}\n"
        "class ToyPolicy:\n"
        "    def act(self, obs):\n"
        "        while True: send(bytes(10**6))\n"
    )
    assert outcome.status == "crash"
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 20_000


def test_forged_reply_is_only_another_action(run_policy):
    # The request after SETUP, LOAD, EPISODE and CREATE has sequence number 5.
    outcome = run_policy(
        f"{_WRITE_TO_PIPE}\nimport struct\n"
        "class ToyPolicy:\n"
        "    def act(self, obs):\n"
        "        send(struct.pack('<BBHIQ2d', 5, 0, 0, 5, 16, 7.0, 7.0))\n"
        "        return [0.0, 0.0]\n"
    )
    # Checked like any action; or noticed, when the true reply is already behind it.
    assert outcome.status in ("bad_action", "crash")
    assert outcome.actions == []


# Simulators ------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["gymnasium", "mujoco", "metaworld", "llmpo"])
def test_simulators_cannot_be_imported(attack, package):
    import site

    outcome = attack(
        """
        import sys, importlib
        try:
            importlib.import_module(package)
        except ModuleNotFoundError:
            sys.path[:0] = folders
            importlib.invalidate_caches()
            importlib.import_module(package)
        """,
        package=package,
        folders=[*site.getsitepackages(), str(Path(__file__).parents[2] / "src")],
    )
    assert outcome.status == "crash"
    assert outcome.message.startswith(
        ("act raised ModuleNotFoundError", "act raised PermissionError")
    )


def test_source_of_a_simulator_cannot_be_read(attack):
    import gymnasium

    outcome = attack("open(path).read()", path=gymnasium.__file__)
    assert "PermissionError" in outcome.message


@pytest.mark.parametrize(
    "module",
    ["heapq", "statistics", "numpy.fft", "numpy.ma", "difflib", "queue", "zlib"],
)
def test_the_libraries_stay_importable(attack, module):
    outcome = attack(f"import {module}")
    assert outcome.status == "ok", outcome.message
