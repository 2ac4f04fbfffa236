"""The second generation: `from azureml.core import Run`."""

from azureml.core.run import Run

__all__ = ["Run"]
