"""Checkpoints: one file from which a run goes on exactly as if never interrupted."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from llmpo.errors import DataError
from llmpo.storage import write_bytes_atomic

_NAME = "checkpoint.pt"


class Checkpoint:
    """The checkpoint file of one run.

    Args:
        folder: Folder for the state of this very run; None keeps nothing.
        identity: What the run is, versions included; a checkpoint of anything else
            cannot be used.
    """

    def __init__(self, folder: Path | None, identity: Mapping[str, Any]) -> None:
        self._path = folder and folder / _NAME
        self._identity = dict(identity)

    @property
    def is_kept(self) -> bool:
        """Whether there is a place to keep it."""
        return self._path is not None

    def save(self, state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint; `state` may hold tensors, arrays and plain data."""
        if self._path is None:
            return
        import torch

        data = io.BytesIO()
        torch.save({"identity": self._identity, "state": _to_tensors(state)}, data)
        write_bytes_atomic(self._path, data.getvalue())

    def load(self) -> dict[str, Any] | None:
        """Returns the state that was saved last; None without one.

        Raises:
            DataError: The file is damaged, or of another version or configuration.
        """
        if self._path is None or not self._path.exists():
            return None
        import torch

        where = f"Going on with a training run from {self._path}"
        try:
            # Only tensors and plain data: loading a checkpoint runs no code.
            content = torch.load(self._path, weights_only=True)
            identity, state = content["identity"], content["state"]
        # PyTorch raises whatever its archive reader and unpickler meet.
        except Exception as error:
            raise DataError(
                f"{where}: the checkpoint is damaged ({type(error).__name__}). Delete "
                "it to train from the start."
            ) from error
        changed = _differences(identity, self._identity)
        if changed:
            raise DataError(
                f"{where}: the checkpoint is of another run; these differ: "
                f"{'; '.join(changed)}. Restore them, or delete the file to train "
                "from the start."
            )
        return _to_arrays(state)  # type: ignore[no-any-return]


def _differences(old: Any, new: Any, name: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            difference
            for key in sorted({*old, *new})
            for difference in _differences(
                old.get(key), new.get(key), f"{name}.{key}" if name else str(key)
            )
        ]
    return [] if old == new else [f"{name} was {old!r} and is {new!r}"]


def _to_tensors(value: Any) -> Any:
    """Replaces arrays by tensors that share their memory, which is safe to load."""
    import torch

    match value:
        case np.ndarray():
            return {"__array__": torch.from_numpy(np.require(value, None, ["C", "W"]))}
        case Mapping():
            return {key: _to_tensors(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_to_tensors(entry) for entry in value]
    return value


def _to_arrays(value: Any) -> Any:
    match value:
        case {"__array__": tensor}:
            return tensor.numpy()
        case dict():
            return {key: _to_arrays(entry) for key, entry in value.items()}
        case list():
            return [_to_arrays(entry) for entry in value]
    return value
