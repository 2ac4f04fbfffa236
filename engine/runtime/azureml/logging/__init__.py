"""The logger of the first generation: `from azureml.logging import get_azureml_logger`."""

import io

from azureml import _aml_tui_outputs as outputs
from azureml import _aml_tui_wire as wire
from azureml._aml_tui_run import Done

MYPY = False
if MYPY:
    from typing import Any

__all__ = ["get_azureml_logger"]


class AzureMLLogger:
    """Logs to the run that this process belongs to. Outside a run it does nothing."""

    def log(self, name: "Any", value: "Any") -> "Done":
        """Log a number, text or list under a name. What is returned has a `wait()`, and has been written already."""
        here = wire.current()
        if here is not None:
            here.send("any", name, value)
        return Done()

    def upload(self, path: str, content: "Any") -> "Done":
        """Write text, bytes or a stream to `path` below the run's outputs."""
        here = wire.current()
        if here is not None:
            try:
                source = content if hasattr(content, "read") else io.BytesIO(_bytes(content))
                here.send("upload", path, outputs.put(path, source))
            except Exception as error:  # an upload never ends a training
                wire.warn("upload", "cannot upload %s: %s: %s" % (path, type(error).__name__, error))
        return Done()


def _bytes(content: "Any") -> bytes:
    if isinstance(content, (bytes, bytearray)):
        return bytes(content)
    return str(content).encode("utf-8", "surrogateescape")


_LOGGER = AzureMLLogger()


def get_azureml_logger() -> "AzureMLLogger":
    """The logger of this process."""
    return _LOGGER
