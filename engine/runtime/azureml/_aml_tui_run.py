"""`Run` of the second generation's API, on this run's record; and the one that only prints, outside a run."""

import itertools
import os

from azureml import _aml_tui_outputs as outputs
from azureml import _aml_tui_record as record
from azureml import _aml_tui_values as values
from azureml import _aml_tui_wire as wire

MYPY = False
if MYPY:
    from typing import Any, Iterable, Optional


class RunEnvironmentException(Exception):
    """Asked for the run of a process that belongs to none."""


class Done:
    """What the original returned for something under way. Here it has been done already."""

    def wait(self, timeout: "Optional[float]" = None) -> None:
        """Return at once."""

    def done(self) -> bool:
        return True

    def result(self, timeout: "Optional[float]" = None) -> None:
        return None


class Run:
    """A run: metrics, tags, properties and files of it.

    Methods that log return nothing and never raise for what they are given or for a full disk: it is said on standard
    error. A child run's record is in its parent's, every name beginning with "<child's name>/".
    """

    def __init__(
        self, way: "Optional[wire.Wire]", run_id: str, prefix: str = "", parent: "Optional[Run]" = None
    ) -> None:
        self._wire = way
        self._id = run_id
        self._prefix = prefix
        self._status = "Running"
        self._children = itertools.count(1)
        self.parent = parent

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **_ignored: "Any"
    ) -> "Run":
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
    def get_submitted_run(cls, **_ignored: "Any") -> "Run":
        """The older name of `get_context`."""
        return cls.get_context()

    @property
    def id(self) -> str:
        return self._id

    run_id = id

    @property
    def number(self) -> "Optional[int]":
        """The run's number in its project."""
        given = os.environ.get("AML_RUN_NUMBER", "")
        return int(given) if given.isdigit() and self.parent is None else None

    def _send(self, kind: str, name: "Any", value: "Any", description: "Any" = "", step: "Any" = None) -> None:
        if self._wire is not None:
            self._wire.send(kind, self._named(name) if self._prefix else name, value, description, step)

    def _named(self, name: "Any") -> str:
        return self._prefix + values.text_of(name)

    def log(self, name: "Any", value: "Any", description: str = "", step: "Optional[int]" = None) -> None:
        """Log a number, text or list. The same name again makes a series; `step` is its count when not given."""
        self._send("any", name, value, description, step)

    def log_list(self, name: "Any", value: "Iterable[Any]", description: str = "", **_ignored: "Any") -> None:
        """Log a list of values."""
        self._send("list", name, value, description)

    def log_row(self, name: "Any", description: str = "", **columns: "Any") -> None:
        """Log one row of a table; repeats make a table."""
        self._send("row", name, columns, description or "")

    def log_table(self, name: "Any", value: "Any", description: str = "", **_ignored: "Any") -> None:
        """Log a table: {column: [values]}, or a pandas DataFrame."""
        self._send("table", name, value, description)

    def log_image(
        self, name: "Any", path: "Any" = None, plot: "Any" = None, description: str = "", **_ignored: "Any"
    ) -> None:
        """Log a picture: the path of a file, or a matplotlib figure or module. It is kept among the outputs."""
        try:
            self._send("image", name, record.keep_image(self._named(name), path, plot), description)
        except Exception as error:  # a picture never ends a training
            _failed("log the image", name, error)

    def log_confusion_matrix(self, name: "Any", value: "Any", description: str = "") -> None:
        """Log what the original drew from a dictionary or JSON text of its own schema; kept as that text."""
        self._send("text", name, value if isinstance(value, str) else values.dumps(value), description)

    log_accuracy_table = log_residuals = log_predictions = log_confusion_matrix

    def tag(self, key: "Any", value: "Any" = None) -> None:
        """Set one tag, with or without a value."""
        self._send("tag", key, "" if value is None else value)

    def set_tags(self, tags: "dict[str, Any]") -> None:
        """Set tags; others stay."""
        for key, value in tags.items():
            self.tag(key, value)

    def get_tags(self) -> "dict[str, str]":
        """The tags that this run's processes have set so far."""
        return record.notes(self._wire, "tag", self._prefix)

    def add_properties(self, properties: "dict[str, Any]") -> None:
        """Set properties; others stay."""
        for key, value in properties.items():
            self._send("property", key, value)

    def get_properties(self) -> "dict[str, str]":
        """The properties that this run's processes have set so far."""
        return record.notes(self._wire, "property", self._prefix)

    def get_metrics(self, name: "Optional[str]" = None, **_ignored: "Any") -> "dict[str, Any]":
        """What this run's processes have logged so far: the value of a name logged once, else the list of them."""
        found = record.metrics(self._wire, self._prefix)
        return found if name is None else dict((key, found[key]) for key in found if key == name)

    def upload_file(self, name: str, path_or_stream: "Any", **_ignored: "Any") -> "Done":
        """Keep a copy of a file or stream under `name` among the outputs."""
        try:
            self._send("upload", name, outputs.put(name, path_or_stream))
        except Exception as error:  # an upload never ends a training
            _failed("upload", name, error)
        return Done()

    def upload_folder(self, name: str, path: str, **_ignored: "Any") -> "Done":
        """Keep a copy of a folder under `name` among the outputs."""
        try:
            for below, kept in outputs.put_folder(name, path):
                self._send("upload", below, kept)
        except Exception as error:  # an upload never ends a training
            _failed("upload the folder", name, error)
        return Done()

    def get_file_names(self) -> "list[str]":
        """The files among the outputs now, as "outputs/..."."""
        return outputs.names() if self._wire is not None else []

    def download_file(self, name: str, output_file_path: "Any" = None, **_ignored: "Any") -> None:
        """Copy one of the outputs to a path, or to its own name in the working directory. Raises OSError."""
        outputs.take(name, outputs.path_of(output_file_path) if output_file_path else "")

    def child_run(self, name: "Optional[str]" = None, run_id: "Optional[str]" = None, **_ignored: "Any") -> "Run":
        """A part of this run; what it logs carries its name."""
        number = next(self._children)
        label = values.text_of(name or run_id or "child_%d" % number)
        child = type(self)(self._wire, run_id or "%s_%d" % (self._id, number), self._prefix + label + "/", self)
        child._send("status", "", child._status, child._id)
        return child

    def get_status(self) -> str:
        return self._status

    def get_details(self) -> "dict[str, Any]":
        """The original's dictionary, with what is known inside the run."""
        return {
            "runId": self.id,
            "target": os.environ.get("AZUREML_TARGET_TYPE", ""),
            "status": self._status,
            "properties": self.get_properties(),
            "logFiles": {},
        }

    def complete(self, **_ignored: "Any") -> None:
        """Say that it went well. How the run ends is its exit status, all the same."""
        self._end("Completed", "")

    def fail(self, error_details: "Any" = None, error_code: "Any" = None, **_ignored: "Any") -> None:
        """Say that it failed, and why. How the run ends is its exit status, all the same."""
        said = [values.text_of(one) for one in (error_code, error_details) if one is not None]
        self._end("Failed", ": ".join(said))

    def cancel(self) -> None:
        """Say that it was given up."""
        self._end("Canceled", "")

    def _end(self, status: str, why: str) -> None:
        self._status = status
        self._send("status", "", status, why)

    def flush(self, timeout_seconds: float = 300, **_ignored: "Any") -> None:
        """Nothing is held back: what was logged has been written."""

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: "Any", value: "Any", traceback: "Any") -> None:
        if self._status != "Running":
            return
        if value is None:
            self.complete()
        else:
            self.fail(value)

    def __repr__(self) -> str:
        return "Run(id: %s, status: %s)" % (self._id, self._status)


class OfflineRun(Run):
    """Outside a run: says what would have been logged, as the original did."""

    def __init__(
        self, way: "Optional[wire.Wire]" = None, run_id: str = "", prefix: str = "", parent: "Optional[Run]" = None
    ) -> None:
        Run.__init__(self, None, run_id or "OfflineRun_%d" % os.getpid(), prefix, parent)

    def _send(self, kind: str, name: "Any", value: "Any", description: "Any" = "", step: "Any" = None) -> None:
        if kind == "status":
            return
        word = kind if kind in ("tag", "property") else "%s metric" % ("scalar" if kind == "any" else kind)
        _say("Attempted to log %s %s:\n%s", word, self._named(name), value)

    def log_image(
        self, name: "Any", path: "Any" = None, plot: "Any" = None, description: str = "", **_ignored: "Any"
    ) -> None:
        self._send("image", name, path if path is not None else plot)

    def upload_file(self, name: str, path_or_stream: "Any", **_ignored: "Any") -> "Done":
        _say("Attempted to track file %s at %s", name, path_or_stream)
        return Done()

    def upload_folder(self, name: str, path: str, **_ignored: "Any") -> "Done":
        _say("Attempted to track folder %s at %s", name, path)
        return Done()


def _say(form: str, *parts: "Any") -> None:
    try:
        print(form % tuple(values.text_of(part) for part in parts))
    except Exception as error:  # a closed standard output never ends a training
        wire.warn("print", "cannot print: %s: %s" % (type(error).__name__, error))


_contexts = {}  # type: dict[str, Run]


def _context(way: "wire.Wire") -> "Run":
    """One object a process, so that whoever asks sees the same status."""
    if way.path not in _contexts:
        _contexts[way.path] = Run(way, os.environ.get("AZUREML_RUN_ID", ""))
    return _contexts[way.path]


def _failed(what: str, name: "Any", error: Exception) -> None:
    said = "cannot %s %s: %s: %s" % (what, values.text_of(name), type(error).__name__, error)
    wire.warn("%s %s" % (what, name), said)
