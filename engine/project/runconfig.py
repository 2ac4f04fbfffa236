"""A `.runconfig` file: a run configuration, in either of its two generations, as one object.

The first generation (Workbench) has `ArgumentVector`, `Target`, `Framework`...; the second (SDK) has lower camel case.
Which one a file is shows in its keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.project.fields import Fields, read_document

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.problems import Problem

FRAMEWORKS = ("Python", "PySpark")
_LATER_FRAMEWORKS = ("PythonMPI", "TensorFlowParameterServer", "TensorFlow", "PyTorch")
_SECOND_KEYS = ("script", "arguments", "target", "framework", "environment", "history", "communicator")
_FIRST_KEYS = ("ArgumentVector", "Target", "Framework", "PrepareEnvironment", "TrackedRun", "EnvironmentVariables")
# Of the data-preparation product: kept and shown, not acted on.
_DATA_KEYS = ("UseSampling", "DataSourceSettings", "DataSourceSubstitutions")


@dataclass(frozen=True)
class RunConfiguration:
    """One configuration. `script` may be "$file": the one given at submission. Paths are relative to the project.

    `conda_file` and `spark_file` are None for the project's own `aml_config/*_dependencies.yml`.
    `options` holds second-generation sections (docker, spark, hdi, mpi...) as they are; `extra` unknown keys.
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
    interpreter_path: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    target_place: tuple[int, int] = (0, 0)
    script_place: tuple[int, int] = (0, 0)

    @property
    def argument_vector(self) -> tuple[str, ...]:
        return (self.script, *self.arguments)


def read_runconfig(path: Path, file: str) -> tuple[RunConfiguration | None, list[Problem]]:
    """Read one configuration; None when it cannot be used, with the problems that say why."""
    document = read_document(path, file)
    fields = document.fields
    if fields is None:
        return None, document.problems
    names = {key.value for key, _ in fields.node.value if hasattr(key, "value")}
    second = bool(names & set(_SECOND_KEYS)) and not names & set(_FIRST_KEYS)
    name = path.name.removesuffix(".runconfig")
    config = _second(fields, name, file) if second else _first(fields, name, file)
    usable = not any(problem.severity == "error" for problem in document.problems)
    return (config if usable else None), document.problems


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
    notices = tuple(
        f"{key} belongs to the data preparation of the Workbench: kept, not acted on."
        for key in _DATA_KEYS
        if fields.given(key)
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
        notices=notices,
        target_place=fields.line("Target"),
        script_place=fields.line("ArgumentVector"),
    )
    extra = {key: value for key, value in fields.rest().items() if key not in _DATA_KEYS}
    return replace(config, extra=extra)


def _second(fields: Fields, name: str, file: str) -> RunConfiguration:
    environment = fields.part("environment")
    python = environment.part("python") if environment else None
    variables = environment.mapping("environmentVariables") if environment else {}
    options: dict[str, Any] = {
        key: value
        for key, value in (environment.rest() if environment else {}).items()
        if key in ("docker", "spark") and isinstance(value, dict)
    }
    managed = python.flag("userManagedDependencies", False) if python else False
    interpreter = python.maybe("interpreterPath") if python else None
    conda = python.maybe("condaDependenciesFile") if python else None
    auto = fields.flag("autoPrepareEnvironment", True)
    longest = fields.number("maxRunDurationSeconds")
    target = fields.text("target", "local").strip()
    script = fields.text("script", "train.py")
    arguments = fields.texts("arguments") or ()
    framework = _framework(fields, "framework", "Python")
    fields.text("communicator")
    rest = fields.rest()
    for key in ("spark", "hdi", "history", "mpi", "tensorflow", "batchai", "containerInstance", "dataReferences"):
        if key in rest:
            options[f"{key}Section"] = rest.pop(key)
    options["userManagedDependencies"] = managed
    return RunConfiguration(
        name=name,
        generation=2,
        file=file,
        target=target,
        framework=framework,
        script=script,
        arguments=arguments,
        environment_variables=variables,
        conda_file=conda,
        prepare_environment=auto,
        max_run_duration_seconds=longest,
        interpreter_path=interpreter,
        options=options,
        extra=rest,
        target_place=fields.line("target"),
        script_place=fields.line("script"),
    )
