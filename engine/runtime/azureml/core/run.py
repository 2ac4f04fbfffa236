"""`from azureml.core.run import Run`."""

from azureml._aml_tui_run import OfflineRun, Run, RunEnvironmentException

# What scripts and tests of the original look for by this name.
_OfflineRun = OfflineRun

__all__ = ["Run", "RunEnvironmentException"]
