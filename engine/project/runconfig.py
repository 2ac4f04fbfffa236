"""A `.runconfig` file: a run configuration, in either of its two generations, as one object.

The first generation (Workbench) has `ArgumentVector`, `Target`, `Framework`...; the second (SDK) has lower camel case.
Which one a file is shows in its keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from engine.project.fields import Fields, document_of, plain, read_document
from engine.project.sections import Sections, read_sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.project.problems import Problem

FRAMEWORKS = ("Python", "PySpark")
_LATER_FRAMEWORKS = ("PythonMPI", "TensorFlowParameterServer", "TensorFlow", "PyTorch")
_SECOND_KEYS = (
    *("script", "arguments", "target", "framework", "communicator", "autoPrepareEnvironment", "nodeCount"),
    *("environment", "history", "spark", "hdi", "batchai", "tensorflow", "mpi", "containerInstance", "dataReferences"),
)
_FIRST_KEYS = ("ArgumentVector", "Target", "Framework", "PrepareEnvironment", "TrackedRun", "EnvironmentVariables")
DEFAULT_INTERPRETER = "python"
# Of the data-preparation product: kept and shown, not acted on.
_DATA_KEYS = ("UseSampling", "DataSourceSettings", "DataSourceSubstitutions")


@dataclass(frozen=True)
class RunConfiguration:
    """One configuration. `script` may be "$file": the one given at submission. Paths are relative to the project.

    `conda_file` and `spark_file` are None for the project's own `aml_config/*_dependencies.yml`.
    `sections` is what only the second generation says, `data_preparation` what only the first does; `extra` has
    unknown keys, where they stand.
    """

    name: str
    generation: int
    file: str
    target: str
    framework: str
    script: str
    arguments: tuple[str, ...] = ()
    environment_variables: dict[str, str] = field(default_factory=dict)
    conda_file: str | None = None
    spark_file: str | None = None
    prepare_environment: bool = False
    tracked: bool = True
    max_run_duration_seconds: float | None = None
    interpreter_path: str = DEFAULT_INTERPRETER
    sections: Sections = field(default_factory=Sections)
    data_preparation: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    target_place: tuple[int, int] = (0, 0)
    script_place: tuple[int, int] = (0, 0)

    @property
    def argument_vector(self) -> tuple[str, ...]:
        return (self.script, *self.arguments)

    @property
    def own_interpreter(self) -> str:
        """The Python it names; "" when it leaves that to the target."""
        return "" if self.interpreter_path == DEFAULT_INTERPRETER else self.interpreter_path


def read_runconfig(path: Path, file: str, data: bytes | None = None) -> tuple[RunConfiguration | None, list[Problem]]:
    """Read one configuration; None when it cannot be used, with the problems that say why.

    `data`: what is to be in the file, instead of what is.
    """
    document = read_document(path, file) if data is None else document_of(data, file)
    fields = document.fields
    if fields is None:
        return None, document.problems
    names = {key.value for key, _ in fields.node.value if isinstance(key, yaml.ScalarNode)}
    second = is_second(names)
    name = path.name.removesuffix(".runconfig")
    config = _second(fields, name, file) if second else _first(fields, name, file)
    usable = not any(problem.severity == "error" for problem in document.problems)
    return (config if usable else None), document.problems


def is_second(names: set[str]) -> bool:
    """Whether a file with these keys at its top is of the second generation."""
    return bool(names & set(_SECOND_KEYS)) and not names & set(_FIRST_KEYS)


def _framework(fields: Fields, key: str, default: str) -> str:
    given = fields.text(key, default).strip()
    for known in (*FRAMEWORKS, *_LATER_FRAMEWORKS):
        if given.lower() == known.lower():
            return known
    node = fields.find(key)
    assert node is not None
    fields.complain(node, f"unknown framework {given!r}.", f"Use one of: {', '.join(FRAMEWORKS)}.")
    return default


def _first(fields: Fields, name: str, file: str) -> RunConfiguration:
    vector = fields.texts("ArgumentVector") or ("$file",)
    target = fields.text("Target").strip()
    if not target:
        fields.complain(
            fields.node, "the key `Target` is missing.", "Name a .compute file, for example `Target: local`."
        )
    config = RunConfiguration(
        name=name,
        generation=1,
        file=file,
        target=target,
        framework=_framework(fields, "Framework", "PySpark"),
        script=vector[0],
        arguments=vector[1:],
        environment_variables=fields.mapping("EnvironmentVariables"),
        conda_file=fields.maybe("CondaDependenciesFile"),
        spark_file=fields.maybe("SparkDependenciesFile"),
        prepare_environment=fields.flag("PrepareEnvironment", False),
        tracked=fields.flag("TrackedRun", True),
        max_run_duration_seconds=fields.number("MaxRunDurationSeconds"),
        data_preparation=_data_preparation(fields),
        target_place=fields.line("Target"),
        script_place=fields.line("ArgumentVector"),
    )
    return replace(config, extra=fields.rest())


def _data_preparation(fields: Fields) -> dict[str, Any]:
    """What the file has of it. That it does nothing is said where it asks for something."""
    nodes = {key: node for key in _DATA_KEYS if (node := fields.find(key)) is not None}
    found = {key: plain(node) for key, node in nodes.items()}
    keys = asking(found)
    if keys:
        fields.complain(nodes[keys[0]], data_notice(keys), "Nothing has to be done.", "warning")
    return found


def asking(data_preparation: Mapping[str, Any]) -> list[str]:
    """The keys of the data preparation that ask for something."""
    return [key for key, value in data_preparation.items() if value]


def data_notice(keys: Sequence[str]) -> str:
    """What is said of these keys of the data preparation, once for each configuration."""
    verb = "belong" if len(keys) > 1 else "belongs"
    return f"{', '.join(keys)} {verb} to the data preparation of the Workbench: not acted on."


def _second(fields: Fields, name: str, file: str) -> RunConfiguration:
    environment = fields.part("environment")
    python = environment.part("python")
    config = RunConfiguration(
        name=name,
        generation=2,
        file=file,
        target=fields.text("target", "local").strip(),
        framework=_framework(fields, "framework", "Python"),
        script=fields.text("script", "train.py"),
        arguments=fields.texts("arguments") or (),
        environment_variables=environment.mapping("environmentVariables"),
        conda_file=python.maybe("condaDependenciesFile"),
        prepare_environment=fields.flag("autoPrepareEnvironment", True),
        max_run_duration_seconds=fields.number("maxRunDurationSeconds"),
        interpreter_path=python.text("interpreterPath", DEFAULT_INTERPRETER),
        sections=read_sections(fields, environment, python),
        target_place=fields.line("target"),
        script_place=fields.line("script"),
    )
    return replace(config, extra=fields.rest())
