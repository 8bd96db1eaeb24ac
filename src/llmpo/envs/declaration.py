"""Checks of a spec that need no simulator: names, values, variants, prompt texts."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import get_args

from llmpo.envs.prompt_text import (
    Lifetime,
    implementation_text,
    observation_text,
    reward_text,
)
from llmpo.envs.spec import EnvSpec
from llmpo.sandbox.contract import ActionLayout
from llmpo.storage import canonical_json

_ID = re.compile(r"[a-z][a-z0-9_]*")
# What is left of a template that nobody filled in.
_UNRENDERED = re.compile(r"\{\{|\}\}|\{%|%\}|\{[A-Za-z_][\w.]*\}")
# A number this long is an unrounded float; it can differ between machines.
_UNROUNDED = re.compile(r"\d\.\d{9,}")


def declaration_violations(spec: EnvSpec) -> list[str]:
    """Returns what is wrong with a spec's own values, in plain words."""
    return list(chain(_names(spec), _values(spec), _variants(spec)))


def prompt_violations(spec: EnvSpec, action: ActionLayout) -> list[str]:
    """Returns what is wrong with a spec's prompt texts, in plain words."""
    texts = {"observation": observation_text(spec), "reward": reward_text(spec)}
    for lifetime in get_args(Lifetime):
        name = f"implementation (policy lifetime {lifetime})"
        texts[name] = implementation_text(spec, action, lifetime)
    return list(chain(_required_texts(spec), _rendered_texts(texts)))


def _names(spec: EnvSpec) -> Iterator[str]:
    if not _ID.fullmatch(spec.id):
        yield (
            f"The id {spec.id!r} must consist of lower-case letters, digits and "
            "underscores and begin with a letter."
        )
    identifiers = {
        "class_base": spec.class_base,
        "reward_name": spec.reward_name,
        "observation_class": spec.observation_class,
    }
    for what, name in identifiers.items():
        if not name.isidentifier():
            yield f"The {what} {name!r} is not a valid Python class name."
    attributes = [
        *(field.name for field in spec.fields),
        *spec.constants,
        *spec.concatenations,
    ]
    for name, count in Counter(attributes).items():
        if not name.isidentifier() or name.startswith("_"):
            yield (
                f"{name!r} cannot be an attribute of an observation: it must be a "
                "valid Python name without a leading underscore."
            )
        if count > 1:
            yield (
                f"Observations would have {count} attributes called {name!r}: fields, "
                "constants and concatenations share one set of names."
            )


def _values(spec: EnvSpec) -> Iterator[str]:
    if spec.version < 1:
        yield f"The version is {spec.version}; it must be 1 or more."
    if spec.horizon < 1:
        yield f"The horizon is {spec.horizon}; it must be 1 or more."
    if not spec.fields:
        yield "The spec has no fields, so a policy would see nothing."
    if not spec.bounds.low < spec.bounds.high:
        yield f"The score bounds [{spec.bounds.low}, {spec.bounds.high}] are empty."
    if spec.score == "success" and not spec.success_text:
        yield "The score is success, but success_text does not say what that is."
    for name, value in spec.constants.items():
        try:
            canonical_json(value)
        except (TypeError, ValueError) as error:
            yield f"The constant {name!r} is not plain JSON data ({error})."
    known = {field.name for field in spec.fields}
    for name, fields in spec.concatenations.items():
        for missing in [field for field in fields if field not in known]:
            yield f"The concatenation {name!r} names {missing!r}, which is no field."
    scalars = {field.name for field in spec.fields if not field.shape}
    for field in spec.fields:
        if field.count and (len(field.shape) != 1 or field.count not in scalars):
            yield (
                f"Field {field.name!r} takes its length from {field.count!r}; the one "
                "must be a one-dimensional array and the other a field of shape ()."
            )
        if math.prod(field.shape) < 1:
            yield f"Field {field.name!r} has the empty shape {field.shape}."


def _variants(spec: EnvSpec) -> Iterator[str]:
    for option, values in spec.variants.items():
        if not values:
            yield f"The option {option!r} has no values."
            continue
        default = next(iter(values))
        if option not in spec.options and values[default](spec) != spec:
            yield (
                f"The first value {default!r} of option {option!r} is the default but "
                "changes the spec; the spec itself must be the default."
            )
        for value, change in values.items():
            changed = change(spec)
            if (changed.id, changed.version) != (spec.id, spec.version):
                yield (
                    f"The value {value!r} of option {option!r} changes the id or the "
                    "version; an option must change neither."
                )


def _required_texts(spec: EnvSpec) -> Iterator[str]:
    required = {
        "task": spec.task,
        "action_text": spec.action_text,
        "dynamics_text": spec.dynamics_text,
        "reward_text": spec.reward_text,
    }
    for name, text in required.items():
        if not text.strip():
            yield f"The {name} is empty, so the prompt would be incomplete."
    for field in spec.fields:
        if field.in_prompt and not field.meaning.strip():
            yield f"Field {field.name!r} has no meaning, so the prompt would skip it."


def _rendered_texts(texts: dict[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        for what, pattern in (
            ("a placeholder that was not filled in", _UNRENDERED),
            ("a number that was not rounded", _UNROUNDED),
        ):
            if found := pattern.search(text):
                yield f"The {name} text holds {what}: {found.group()!r}."
