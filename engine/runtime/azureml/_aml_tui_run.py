"""`Run` of the second generation's API, on this run's record; and the one that only prints, outside a run."""

import itertools
import os

from azureml import _aml_tui_outputs as outputs
from azureml import _aml_tui_record as record
from azureml import _aml_tui_wire as wire

MYPY = False
if MYPY:
    from typing import Any, Iterable, Optional


class RunEnvironmentException(Exception):
    """Asked for the run of a process that belongs to none."""


class Done:
    """What the original returned for something under way. Here it has been done already."""

    def wait(self, timeout=None):  # type: (Optional[float]) -> None
        """Return at once."""

    def done(self):  # type: () -> bool
        return True

    def result(self, timeout=None):  # type: (Optional[float]) -> None
        return None


class Run:
    """A run: metrics, tags, properties and files of it.

    Methods that log return nothing and never raise for what they are given or for a full disk: it is said on standard
    error. A child run's record is in its parent's, every name beginning with "<child's name>/".
    """

    def __init__(self, way, run_id, prefix="", parent=None):
        # type: (Optional[wire.Wire], str, str, Optional[Run]) -> None
        self._wire = way
        self._id = run_id
        self._prefix = prefix
        self._status = "Running"
        self._children = itertools.count(1)
        self.parent = parent

    @classmethod
    def get_context(cls, allow_offline=True, used_for_context_manager=False, **_ignored):
        # type: (bool, bool, Any) -> Run
        """The run that this process belongs to; outside a run one that only prints.

        Raises RunEnvironmentException outside a run when that is not allowed.
        """
        here = wire.current()
        if here is not None:
            return _context(here)
        if not allow_offline:
            raise RunEnvironmentException("this process belongs to no run: AML_METRICS_FILE is not set")
        return OfflineRun()

    @classmethod
    def get_submitted_run(cls, **_ignored):  # type: (Any) -> Run
        """The older name of `get_context`."""
        return cls.get_context()

    @property
    def id(self):  # type: () -> str
        return self._id

    run_id = id

    @property
    def number(self):  # type: () -> Optional[int]
        """The run's number in its project."""
        given = os.environ.get("AML_RUN_NUMBER", "")
        return int(given) if given.isdigit() and self.parent is None else None

    def _send(self, kind, name, value, description="", step=None):
        # type: (str, Any, Any, Any, Any) -> None
        if self._wire is not None:
            self._wire.send(kind, self._named(name) if self._prefix else name, value, description, step)

    def _named(self, name):  # type: (Any) -> str
        return self._prefix + record.text_of(name)

    def log(self, name, value, description="", step=None):  # type: (Any, Any, str, Optional[int]) -> None
        """Log a value: a number, text or list. The same name again makes a series; `step` is its own count if not given."""
        self._send("any", name, value, description, step)

    def log_list(self, name, value, description="", **_ignored):  # type: (Any, Iterable[Any], str, Any) -> None
        """Log a list of values."""
        self._send("list", name, value, description)

    def log_row(self, name, description="", **columns):  # type: (Any, str, Any) -> None
        """Log one row of a table; repeats make a table."""
        self._send("row", name, columns, description or "")

    def log_table(self, name, value, description="", **_ignored):  # type: (Any, Any, str, Any) -> None
        """Log a table: {column: [values]}, or a pandas DataFrame."""
        self._send("table", name, value, description)

    def log_image(self, name, path=None, plot=None, description="", **_ignored):
        # type: (Any, Any, Any, str, Any) -> None
        """Log a picture: the path of a file, or a matplotlib figure or module. It is kept among the outputs."""
        try:
            self._send("image", name, record.keep_image(self._named(name), path, plot), description)
        except Exception as error:  # noqa: BLE001 - a picture never ends a training
            _failed("log the image", name, error)

    def tag(self, key, value=None):  # type: (Any, Any) -> None
        """Set one tag, with or without a value."""
        self._send("tag", key, "" if value is None else value)

    def set_tags(self, tags):  # type: (dict[str, Any]) -> None
        """Set tags; others stay."""
        for key, value in tags.items():
            self.tag(key, value)

    def get_tags(self):  # type: () -> dict[str, str]
        """The tags that this run's processes have set so far."""
        return record.notes(self._wire, "tag", self._prefix)

    def add_properties(self, properties):  # type: (dict[str, Any]) -> None
        """Set properties; others stay."""
        for key, value in properties.items():
            self._send("property", key, value)

    def get_properties(self):  # type: () -> dict[str, str]
        """The properties that this run's processes have set so far."""
        return record.notes(self._wire, "property", self._prefix)

    def get_metrics(self, name=None, **_ignored):  # type: (Optional[str], Any) -> dict[str, Any]
        """What has been logged so far by this run's processes: a name logged once has its value, else the list of them."""
        found = record.metrics(self._wire, self._prefix)
        return found if name is None else dict((key, found[key]) for key in found if key == name)

    def upload_file(self, name, path_or_stream, **_ignored):  # type: (str, Any, Any) -> Done
        """Keep a copy of a file or stream under `name` among the outputs."""
        try:
            self._send("upload", name, outputs.put(name, path_or_stream))
        except Exception as error:  # noqa: BLE001 - an upload never ends a training
            _failed("upload", name, error)
        return Done()

    def upload_folder(self, name, path, **_ignored):  # type: (str, str, Any) -> Done
        """Keep a copy of a folder under `name` among the outputs."""
        try:
            for below, kept in outputs.put_folder(name, path):
                self._send("upload", below, kept)
        except Exception as error:  # noqa: BLE001 - an upload never ends a training
            _failed("upload the folder", name, error)
        return Done()

    def get_file_names(self):  # type: () -> list[str]
        """The files among the outputs now, as "outputs/..."."""
        return outputs.names() if self._wire is not None else []

    def child_run(self, name=None, run_id=None, **_ignored):  # type: (Optional[str], Optional[str], Any) -> Run
        """A part of this run; what it logs carries its name."""
        number = next(self._children)
        label = record.text_of(name or run_id or "child_%d" % number)
        child = type(self)(self._wire, run_id or "%s_%d" % (self._id, number), self._prefix + label + "/", self)
        child._send("status", "", child._status, child._id)
        return child

    def get_status(self):  # type: () -> str
        return self._status

    def get_details(self):  # type: () -> dict[str, Any]
        """The original's dictionary, with what is known inside the run."""
        return {
            "runId": self.id,
            "target": os.environ.get("AZUREML_TARGET_TYPE", ""),
            "status": self._status,
            "properties": self.get_properties(),
            "logFiles": {},
        }

    def complete(self, **_ignored):  # type: (Any) -> None
        """Say that it went well. How the run ends is its exit status, all the same."""
        self._end("Completed", "")

    def fail(self, error_details=None, error_code=None, **_ignored):  # type: (Any, Any, Any) -> None
        """Say that it failed, and why. How the run ends is its exit status, all the same."""
        said = [record.text_of(one) for one in (error_code, error_details) if one is not None]
        self._end("Failed", ": ".join(said))

    def cancel(self):  # type: () -> None
        """Say that it was given up."""
        self._end("Canceled", "")

    def _end(self, status, why):  # type: (str, str) -> None
        self._status = status
        self._send("status", "", status, why)

    def flush(self, timeout_seconds=300, **_ignored):  # type: (float, Any) -> None
        """Nothing is held back: what was logged has been written."""

    def __enter__(self):  # type: () -> Run
        return self

    def __exit__(self, kind, value, traceback):  # type: (Any, Any, Any) -> None
        if self._status != "Running":
            return
        if value is None:
            self.complete()
        else:
            self.fail(value)

    def __repr__(self):  # type: () -> str
        return "Run(id: %s, status: %s)" % (self._id, self._status)


class OfflineRun(Run):
    """Outside a run: says what would have been logged, as the original did."""

    def __init__(self, way=None, run_id="", prefix="", parent=None):
        # type: (Optional[wire.Wire], str, str, Optional[Run]) -> None
        Run.__init__(self, None, run_id or "OfflineRun_%d" % os.getpid(), prefix, parent)

    def _send(self, kind, name, value, description="", step=None):
        # type: (str, Any, Any, Any, Any) -> None
        if kind == "status":
            return
        word = "scalar metric" if kind == "any" else "%s" % kind if kind in ("tag", "property") else "%s metric" % kind
        try:
            print("Attempted to log %s %s:\n%s" % (word, self._named(name), record.text_of(value)))  # noqa: T201
        except Exception as error:  # noqa: BLE001 - a closed standard output never ends a training
            _failed("print", name, error)

    def log_image(self, name, path=None, plot=None, description="", **_ignored):
        # type: (Any, Any, Any, str, Any) -> None
        self._send("image", name, path if path is not None else plot)

    def upload_file(self, name, path_or_stream, **_ignored):  # type: (str, Any, Any) -> Done
        self._send("upload", name, path_or_stream)
        return Done()

    def upload_folder(self, name, path, **_ignored):  # type: (str, str, Any) -> Done
        self._send("upload", name, path)
        return Done()


_contexts = {}  # type: dict[str, Run]


def _context(way):  # type: (wire.Wire) -> Run
    """One object a process, so that whoever asks sees the same status."""
    if way.path not in _contexts:
        _contexts[way.path] = Run(way, os.environ.get("AZUREML_RUN_ID", ""))
    return _contexts[way.path]


def _failed(what, name, error):  # type: (str, Any, Exception) -> None
    said = "cannot %s %s: %s: %s" % (what, record.text_of(name), type(error).__name__, error)
    wire.warn("%s %s" % (what, name), said)
