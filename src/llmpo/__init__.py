"""llmpo: when can a large language model replace, or help, an RL algorithm?"""

__version__ = "0.1.0"
