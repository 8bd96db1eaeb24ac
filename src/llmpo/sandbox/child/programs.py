"""Compiles, runs and looks into one generated program."""

import importlib.abc
import importlib.machinery
import inspect
import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from numpy.random import bit_generator

from . import wire

_ALIAS = "direct_policy_learning"


class BrokenContract(Exception):
    """The program runs but lacks the class or method it was asked for."""


class Program:
    """A compiled module that can be run again and again from a clean slate.

    Attributes:
        filename: What tracebacks call the program, e.g. `<policy>`.
    """

    def __init__(self, source: str, name: str, predefined: dict[str, Any]) -> None:
        """Compiles the source.

        Args:
            source: Python source text.
            name: Module name; `<name>` is the file name in tracebacks.
            predefined: Names the module finds in its namespace.

        Raises:
            SyntaxError: It does not compile.
        """
        self.filename = f"<{name}>"
        self.lines = source.splitlines()
        self._name = name
        self._predefined = predefined
        try:
            self._code: CodeType = compile(
                source, self.filename, "exec", dont_inherit=True
            )
        except (ValueError, OverflowError, RecursionError) as error:
            raise SyntaxError(str(error)) from None

    def run(self) -> ModuleType:
        """Runs the module's top level in a fresh namespace."""
        module = ModuleType(self._name)
        vars(module).update(
            np=np, numpy=np, ABC=ABC, abstractmethod=abstractmethod, **self._predefined
        )
        # Dataclasses, among others, look their module up by its name.
        sys.modules[self._name] = module
        exec(self._code, vars(module))
        return module


def find_policy_class(module: ModuleType, expected: str) -> type:
    """Returns the policy class of a module.

    It is the class whose name equals the expected one, ignoring case; otherwise the
    only concrete class with a callable `act` and no "observation" in its name.

    Raises:
        BrokenContract: There is none, or more than one, or it has no `act`.
    """
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__
    ]
    named = [value for value in classes if value.__name__.lower() == expected.lower()]
    # The exact name before the same name in another case.
    named.sort(key=lambda value: value.__name__ != expected)
    if named:
        if not callable(getattr(named[0], "act", None)):
            raise BrokenContract(f"class {named[0].__name__} has no method act")
        return named[0]
    acting = [
        value
        for value in classes
        if callable(getattr(value, "act", None))
        and "observation" not in value.__name__.lower()
        and not inspect.isabstract(value)
    ]
    if len(acting) == 1:
        return acting[0]
    found = ", ".join(sorted({value.__name__ for value in classes})) or "none"
    raise BrokenContract(
        f"expected a class {expected} with a method act; classes found: {found}"
    )


def find_feedback_class(module: ModuleType) -> type:
    """Returns the class `Feedback` of a module.

    Raises:
        BrokenContract: There is none, or it has no `summarize_trajectory`.
    """
    value = vars(module).get("Feedback")
    if not inspect.isclass(value):
        raise BrokenContract("expected a class Feedback; there is none")
    if not callable(getattr(value, "summarize_trajectory", None)):
        raise BrokenContract("class Feedback has no method summarize_trajectory")
    return value


class _AliasModule(ModuleType):
    """A module that has the observation class under every name ending in it."""

    def __init__(self, name: str, current: Callable[[], type]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__all__ = [current().__name__]
        self._current = current

    def __getattr__(self, name: str) -> Any:
        if name.endswith("Observation"):
            return self._current()
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class ObservationAliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets policies of PromptPO's release import the observation class.

    They import it from `direct_policy_learning.observations`, or from a module of the
    package that is named after the environment, `<environment>_observation`, or from a
    module of the original simulator.

    Args:
        current: Returns the observation class.
        modules: Full names of the simulator's modules.
        source: Python source of what else these hold.
    """

    def __init__(
        self, current: Callable[[], type], modules: Sequence[str] = (), source: str = ""
    ) -> None:
        self._current = current
        self._modules = modules
        self._source = source

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Claims the package with its modules, and the simulator's modules."""
        parts = fullname.split(".")
        known = parts[0] == _ALIAS and (
            parts[1:] in ([], ["observations"]) or parts[-1].endswith("_observation")
        )
        if not known and not any(
            f"{name}.".startswith(f"{fullname}.") for name in self._modules
        ):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Returns a module that looks the class up when asked."""
        return _AliasModule(spec.name, self._current)

    def exec_module(self, module: ModuleType) -> None:
        """Fills one of the simulator's modules."""
        if module.__name__ in self._modules:
            exec(self._source, vars(module))


def seed_generators(seed: int) -> None:
    """Makes every ordinary source of random numbers follow from the seed.

    That covers the global generators and those made without a seed, which would ask
    the system for entropy: an episode must be the same wherever it is repeated.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - policies use the global generator
    _entropy.seed(seed)


_entropy = random.Random(0)


class _SeededRandom(random.Random):
    def __init__(self, x: Any = None) -> None:
        super().__init__(_entropy.getrandbits(64) if x is None else x)

    def seed(self, a: Any = None, version: int = 2) -> None:
        super().seed(_entropy.getrandbits(64) if a is None else a, version)


def replace_entropy() -> None:
    """Makes generators without a seed draw theirs from the episode's seed."""
    setattr(bit_generator, "randbits", _entropy.getrandbits)  # noqa: B010
    setattr(random, "Random", _SeededRandom)  # noqa: B010


def describe(
    error: BaseException, program: Program | None, doing: str
) -> tuple[int, str, str]:
    """Returns (status, message, traceback) of what a program raised.

    The traceback shows the frames of the program alone; the trusted side removes
    what differs between machines.
    """
    kind = type(error).__name__
    if isinstance(error, BrokenContract):
        return wire.CONTRACT, _text_of(error), ""
    if isinstance(error, MemoryError):
        return wire.MEMORY, f"{doing} ran out of memory", ""
    summary = f"{kind}: {_text_of(error)}".rstrip(": ")
    lines = list(_frames(error, program)) if program else []
    if lines:
        lines = ["Traceback (most recent call last):", *lines, summary]
    return wire.CRASH, f"{doing} raised {summary}", "\n".join(lines)


def describe_syntax(error: SyntaxError, filename: str) -> tuple[int, str, str]:
    """Returns (status, message, traceback) of a program that does not compile."""
    summary = f"{type(error).__name__}: {error.msg}"
    where = f" (line {error.lineno})" if error.lineno else ""
    lines = [f'  File "{filename}", line {error.lineno}'] if error.lineno else []
    if error.text:
        lines.append(f"    {error.text.strip()}")
    return wire.SYNTAX, f"{summary}{where}", "\n".join([*lines, summary])


def _frames(error: BaseException, program: Program) -> Iterator[str]:
    entries: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == program.filename:
            number = trace.tb_lineno
            entry = f'  File "{program.filename}", line {number}, in {code.co_name}'
            if 1 <= number <= len(program.lines):
                entry += f"\n    {program.lines[number - 1].strip()[:200]}"
            entries.append(entry)
        trace = trace.tb_next
    if len(entries) > _SHOWN:
        left_out = len(entries) - _SHOWN
        entries = [
            *entries[:3],
            f"  ... {left_out} frames left out ...",
            *entries[3 - _SHOWN :],
        ]
    yield from entries


_SHOWN = 12


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except BaseException:  # a hostile __str__
        return ""
