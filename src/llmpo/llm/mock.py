r"""The mock: a scripted model for tests and the tutorial.

A script is a YAML file of rules. The first rule that fits a request answers it; its
answers take turns by the sample index:

    rules:
      - purpose: candidate              # optional
        template: promptpo/policy       # optional, with or without @version
        pattern: 'class (?P<name>\w+)'   # optional regular expression over the prompt
        answers:
          - "Use class ${name}."        # ${...} is a named group of the pattern
          - file: answer.md             # path relative to the script
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from llmpo.errors import ConfigError
from llmpo.llm.budget import estimate_prompt_tokens, estimate_tokens
from llmpo.llm.exchange import Exchange, Request, Usage

# Records of a scripted model are the same on every run, so their time is no real one.
_CREATED = "1970-01-01T00:00:00+00:00"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnswerFile(_Model):
    """An answer kept in its own file."""

    file: Path


class Rule(_Model):
    """Answers for the requests that fit; a field that is absent fits all."""

    purpose: str | None = None
    template: str | None = None
    pattern: str | None = None
    answers: tuple[str | AnswerFile, ...] = Field(min_length=1)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression ({error})") from None
        return pattern

    def answer(self, request: Request) -> str | None:
        """Returns the answer to a request, or None if the rule does not fit it."""
        if self.purpose not in (None, request.purpose):
            return None
        if self.template not in (
            None,
            request.template,
            request.template.partition("@")[0],
        ):
            return None
        found = re.search(self.pattern or "", _prompt_text(request))
        if found is None:
            return None
        answer = self.answers[request.sample % len(self.answers)]
        assert isinstance(answer, str)  # files were read with the script
        for name, value in found.groupdict().items():
            answer = answer.replace("${" + name + "}", value or "")
        return answer


class _Script(_Model):
    rules: tuple[Rule, ...] = Field(min_length=1)


class Mock:
    """Answers from a script: the same request always gets the same answer."""

    def __init__(self, rules: Sequence[Rule], name: str = "the mock script") -> None:
        self._rules = rules
        self._name = name

    @classmethod
    def read(cls, path: Path) -> "Mock":
        """Reads a script.

        Raises:
            ConfigError: The script, or a file it names, is missing or malformed.
        """
        doing = f"Reading the mock script {path}"
        try:
            script = _Script.model_validate(yaml.safe_load(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{doing}: it cannot be read ({error}).") from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{doing}: it is not valid YAML ({error}).") from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise ConfigError(f"{doing}: {where}: {first['msg']}.") from None
        rules = [_with_files_read(rule, path) for rule in script.rules]
        return cls(rules, str(path))

    def answer(self, requests: Sequence[Request], origin: str) -> list[Exchange]:
        """Returns the scripted answers.

        Raises:
            ConfigError: No rule fits a request.
        """
        return [self._exchange(request, origin) for request in requests]

    def close(self) -> None:
        """Does nothing: nothing is held open."""

    def _exchange(self, request: Request, origin: str) -> Exchange:
        answers = (rule.answer(request) for rule in self._rules)
        text = next((text for text in answers if text is not None), None)
        if text is None:
            raise ConfigError(
                f"Run {origin}: no rule of {self._name} fits a request with purpose "
                f"{request.purpose!r} and template {request.template}. Add a rule for "
                "it, or one without conditions at the end."
            )
        usage = Usage(
            prompt_tokens=estimate_prompt_tokens(request),
            completion_tokens=estimate_tokens(text),
            source="estimated",
        )
        return Exchange(
            key=request.key(),
            request=request,
            text=text,
            finish_reason="stop",
            usage=usage,
            served_model=None,
            dollars=None,
            created=_CREATED,
            collected_by="mock",
            seconds=0.0,
            origin=origin,
        )


def _with_files_read(rule: Rule, script: Path) -> Rule:
    answers: list[Any] = []
    for answer in rule.answers:
        if isinstance(answer, AnswerFile):
            path = script.parent / answer.file
            try:
                answers.append(path.read_text("utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"Reading the mock script {script}: the answer {path} cannot be "
                    f"read ({error})."
                ) from None
        else:
            answers.append(answer)
    return rule.model_copy(update={"answers": tuple(answers)})


def _prompt_text(request: Request) -> str:
    texts = [message.content for message in request.messages]
    return "\n".join([*texts, request.prompt or ""])
