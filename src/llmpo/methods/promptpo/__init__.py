"""PromptPO (arXiv 2605.30719): an LLM writes and refines Python policies."""

from llmpo.methods.promptpo.method import PromptPO
from llmpo.methods.promptpo.settings import PromptPOSettings

__all__ = ["PromptPO", "PromptPOSettings"]
