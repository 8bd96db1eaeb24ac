"""The six domains of in-context policy iteration (ICPI), as environments.

See `docs/environments/icpi.md`.
"""

from llmpo.envs import (
    icpi_catch,
    icpi_chain,
    icpi_invaders,
    icpi_maze,
    icpi_point_mass,
)

SPECS = (
    *icpi_chain.SPECS,
    *icpi_maze.SPECS,
    *icpi_catch.SPECS,
    *icpi_invaders.SPECS,
    *icpi_point_mass.SPECS,
)
