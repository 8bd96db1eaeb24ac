"""Deep RL baselines: PPO, SAC, TD3, DQN, and SAC with hindsight replay.

The algorithms are those of stable-baselines3 (or of sbx, the same in JAX). What is
added here is what a fair comparison needs: true step counts, evaluation at fixed steps
on fixed seeds, checkpoints that resume exactly, and policies exported as plain data.
"""

from llmpo.methods.deep_rl.method import DeepRL
from llmpo.methods.deep_rl.settings import DeepRLSettings

__all__ = ["DeepRL", "DeepRLSettings"]
