"""ICPI (arXiv 2210.03821): policy iteration in the prompt of a completion model."""

from llmpo.methods.icpi.method import ICPI, ICPILLM
from llmpo.methods.icpi.settings import ICPILLMSettings, ICPISettings

__all__ = ["ICPI", "ICPILLM", "ICPILLMSettings", "ICPISettings"]
