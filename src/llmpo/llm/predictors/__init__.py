"""Predictors: models without pretrained knowledge that complete text, in process."""

from llmpo.llm.predictors.library import Library, Numbers, Records
from llmpo.llm.predictors.predictor import Completion, Predictor, Variant
from llmpo.llm.predictors.prompt import (
    RecordPrompt,
    clip_records,
    clip_text,
    split_prompt,
)
from llmpo.llm.predictors.tokens import count_tokens, tokenize

__all__ = [
    "Completion",
    "Library",
    "Numbers",
    "Predictor",
    "RecordPrompt",
    "Records",
    "Variant",
    "clip_records",
    "clip_text",
    "count_tokens",
    "split_prompt",
    "tokenize",
]
