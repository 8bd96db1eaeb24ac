"""The BPF program, interpreted here for both architectures."""

import errno
import struct

import pytest

from llmpo.sandbox.child import seccomp

FORBIDDEN = {
    # clone, fork, vfork, execve, kill, tgkill, socket, connect, ptrace, fcntl, ioctl,
    # prctl, setrlimit, prlimit64, unlink, unshare, mount, process_vm_readv, io_uring,
    # memfd_create, pidfd_send_signal
    "x86_64": "56 57 58 59 62 234 41 42 101 72 16 157 160 302 87 272 165 310 425 319 "
    "424",
    "aarch64": "220 221 129 131 198 203 117 25 29 167 164 261 35 97 40 270 425 279 424",
}


def run(code, architecture, number):
    """Returns the verdict of a BPF program on one system call."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *[0] * 6)
    lines = list(struct.iter_unpack("=HBBI", code))
    accumulator, index = 0, 0
    while True:
        kind, yes, no, value = lines[index]
        index += 1
        if kind == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif kind == 0x15:
            index += yes if accumulator == value else no
        else:
            assert kind == 0x06
            return value


@pytest.fixture(params=sorted(seccomp.ARCHITECTURES))
def machine(request):
    return request.param


def test_allowed_calls_pass(machine):
    architecture = seccomp.ARCHITECTURES[machine]
    code = seccomp.assemble(architecture)
    for number in architecture.calls.values():
        assert run(code, architecture.audit, number) == seccomp.ALLOW


def test_every_other_call_gets_an_error(machine):
    architecture = seccomp.ARCHITECTURES[machine]
    code = seccomp.assemble(architecture)
    allowed = {*architecture.calls.values(), seccomp.CLONE3}
    refused = seccomp.ERRNO | errno.EPERM
    for number in set(range(600)) - allowed:
        assert run(code, architecture.audit, number) == refused
    # The x32 table of x86-64 sets a high bit.
    assert run(code, architecture.audit, 0x40000000 | 1) == refused
    for number in FORBIDDEN[machine].split():
        assert int(number) not in allowed


def test_clone3_seems_not_to_exist(machine):
    architecture = seccomp.ARCHITECTURES[machine]
    verdict = run(seccomp.assemble(architecture), architecture.audit, 435)
    assert verdict == seccomp.ERRNO | errno.ENOSYS


def test_foreign_architectures_are_killed(machine):
    architecture = seccomp.ARCHITECTURES[machine]
    code = seccomp.assemble(architecture)
    for other in (0x40000003, 0x40000028, architecture.audit ^ 1):
        for number in (*architecture.calls.values(), 435):
            assert run(code, other, number) == seccomp.KILL


def test_both_tables_allow_the_same_calls_where_both_have_them():
    older = {"time", "open", "stat", "lstat", "access"}  # not on arm64
    x86, arm = (set(seccomp.ARCHITECTURES[m].calls) for m in ("x86_64", "aarch64"))
    assert x86 - older == arm


def test_unknown_machine_is_an_error():
    with pytest.raises(OSError, match="no table for riscv64"):
        seccomp.restrict("riscv64")
