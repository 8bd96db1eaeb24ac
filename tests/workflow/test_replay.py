"""The shipped corpus replays into figures with the network refused."""

import json
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from llmpo.config import read_config
from llmpo.methods.base import method
from llmpo.tables import TABLES

# What to put in front of a command so that it has no network at all.
_NO_NETWORK = ("unshare", "--map-root-user", "--net")

# Where that is not allowed: the interpreter refuses to connect anywhere.
_SITECUSTOMIZE = """
import socket

def _refuse(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        raise ConnectionRefusedError(f"the test refuses the network: {address}")
    return _connect(self, address, *rest)

_connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = _refuse
"""

_CONNECT = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=5)"


def _can_unshare():
    try:
        return (
            subprocess.run([*_NO_NETWORK, "true"], capture_output=True).returncode == 0
        )
    except OSError:
        return False


@pytest.fixture
def offline(tmp_path):
    """Returns the wrapper and the environment that refuse the network."""
    if _can_unshare():
        return _NO_NETWORK, {}
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    return (), {"PYTHONPATH": str(tmp_path / "site")}


def test_the_network_is_refused(offline, tree):
    wrapper, environment = offline
    done = subprocess.run(
        [*wrapper, sys.executable, "-c", _CONNECT],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "unreachable" in done.stderr or "refuses" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(2400)  # minutes on an idle machine, many more on a busy one
def test_the_shipped_corpus_replays_without_network(offline, tree):
    wrapper, environment = offline
    # Fewer reporting episodes than the default's show as well that everything is there;
    # so do two runs of each baseline, and a part of what asks no recorded model.
    path = tree.path / "workflow/config/config.yaml"
    shipped = yaml.safe_load(path.read_text(encoding="utf-8"))
    online = {"environments": ["icpi_chain", "icpi_maze"], "seeds": [0, 1, 2]}
    shipped["experiments"]["icpi"] |= online
    for choice in shipped["experiments"]["main"]["methods"].values():
        if "seeds" in choice:
            choice["seeds"] = choice["seeds"][-2:]
    fewer = tree.write_config(shipped | {"evaluation": {"episodes": 20}})
    tree.snakemake("--configfile", fewer, wrapper=wrapper, **environment)
    provenance = json.loads(
        (tree.path / "results/figures/learning_curves.provenance.json").read_text()
    )
    config = read_config([tree.path / fewer])
    roles = Counter(method(cell.algorithm).role for cell in config.cells())
    assert provenance["runs"]["by_mode"] == {
        "replay": roles["search"],
        "recorded": roles["training"],
        "none": roles["reference"] + roles["online"],
    }
    assert provenance["runs"]["by_status"] == {"finished": roles.total()}
    for table in TABLES:
        assert (tree.path / "results" / "tables" / f"{table}.md").exists()
    assert (tree.path / "results" / "paper.pdf").stat().st_size > 100_000
