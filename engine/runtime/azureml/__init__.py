"""What a run's script finds when it imports `azureml`: metrics, tags and files into this run's record.

This folder stands at the end of PYTHONPATH, which still is before site-packages. So when the real package (or parts of
it, it is spread over several distributions) is installed, this one hands over: the real parts come first on `__path__`,
the real `__init__.py` is run in this module's place, and from here comes only what is missing there.
"""

import os
import sys
from importlib.machinery import PathFinder

_HERE = os.path.dirname(os.path.abspath(__file__))

# A folder `azureml` with this file in it is ours, perhaps of another release (a run started from within a run).
_MARK = "_aml_tui_wire.py"


def _is_ours(entry: object) -> bool:
    return isinstance(entry, str) and os.path.exists(os.path.join(entry or os.curdir, "azureml", _MARK))


def _hand_over() -> None:
    module = sys.modules[__name__]
    spec = PathFinder.find_spec(__name__, [entry for entry in sys.path if not _is_ours(entry)])
    if spec is None or spec.submodule_search_locations is None:
        return
    real = list(spec.submodule_search_locations)
    module.__path__ = real + [_HERE]
    if spec.loader is None or spec.origin in (None, "namespace"):
        return
    module.__file__ = spec.origin
    module.__loader__ = spec.loader
    module.__spec__ = spec
    spec.loader.exec_module(module)
    # The real one may have put its path together anew (pkgutil, pkg_resources), in the order of sys.path.
    path = [entry for entry in module.__path__ if not os.path.exists(os.path.join(entry, _MARK))]
    module.__path__ = path + [_HERE]


_hand_over()
