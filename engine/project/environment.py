"""What a run's environment must hold: the dependency files brought into one form, the same for the same content.

Comments, blanks, the file's `name:` and the order of conda's specs do not change it; the order of pip's lines does, as
it does for pip.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.project.dependencies import SparkDependencies, read_conda, read_spark
from engine.project.requirements import SentFile, read_requirements, refuse_passwords

if TYPE_CHECKING:
    from engine.project.compute import ComputeTarget
    from engine.project.folder import Project
    from engine.project.problems import Problem
    from engine.project.runconfig import RunConfiguration

_SPEC = re.compile(r"(?:(?P<channel>[^:\[\]]+)::)?(?P<name>[A-Za-z0-9_.\-]+)(?P<rest>[^\[]*)")
_OPERATORS = re.compile(r"\s*([=<>!~|,]+)\s*")


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment as the project's files ask for it.

    `base_image` is the image as written, "" on a cluster's head node. `conda` holds the specs but Python's, sorted;
    `python` is the constraint on Python's version as conda writes it ("=3.9", ">=3.6,<3.8"), "" for any. `pip` holds
    lines of a requirements file, in which a file of this machine is named as it is called in the build
    ("sent/<digest>/<name>"; see `sent`).
    `spark` is None when the framework is not PySpark. `interpreter` is the one the person names, whose environment
    is the person's own. `places` tells where each conda spec and pip line is written ("file:line:column"); it takes
    no part in comparisons.
    """

    base_image: str
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    python: str = ""
    pip: tuple[str, ...] = ()
    sent: tuple[SentFile, ...] = ()
    spark: SparkDependencies | None = None
    interpreter: str = ""
    image_place: str = field(default="", compare=False)
    places: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def asks_for_nothing(self) -> bool:
        """Whether the image is right as it is."""
        return not (self.conda or self.python or self.pip)

    @property
    def content(self) -> str:
        """The same for all that ask for the same, wherever it is written and wherever the files are that are sent."""
        asked = {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.compare}
        asked["sent"] = [(one.name, one.sha256) for one in self.sent]
        asked["spark"] = self.spark is not None
        return json.dumps(asked, sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EnvironmentSpec:
        known = {one.name: data[one.name] for one in dataclasses.fields(cls) if one.name in data}
        for name in ("channels", "conda", "pip"):
            known[name] = tuple(known.get(name, ()))
        known["sent"] = tuple(SentFile(**one) for one in known.get("sent", ()))
        spark = known.get("spark")
        if spark is not None:
            known["spark"] = SparkDependencies(
                dict(spark["configuration"]), tuple(spark["repositories"]), tuple(spark["packages"])
            )
        return cls(**known)


@dataclass(frozen=True)
class Need:
    """What a configuration needs on a host, by its files.

    `spec` None: they cannot be read, so it needs what it used last. `head_node`: no image, but a folder there.
    """

    project: str
    project_name: str
    config: str
    spec: EnvironmentSpec | None
    head_node: bool = False

    @property
    def name(self) -> str:
        return f"{self.project_name}/{self.config}"


def environment_spec(
    project: Project,
    config: RunConfiguration,
    target: ComputeTarget,
    conda_file: str | None,
    spark_file: str | None,
    framework: str,
) -> EnvironmentSpec:
    """The environment of a configuration on a target. Blocking: reads the files, and the wheels they name.

    `conda_file` and `spark_file` are relative to the project; None when there is none. Raises ProjectError, with the
    line, for what cannot be read or sent along.
    """
    named = config.sections.docker.base_image
    image, place = (named, config.file) if named else (target.base_docker_image, target.file)
    spark = spark_settings(project, config, spark_file) if framework == "PySpark" else None
    if config.sections.user_managed_dependencies or target.user_managed_environment:
        interpreter = config.own_interpreter or target.python_location
        return EnvironmentSpec(image, spark=spark, interpreter=interpreter, image_place=place)
    if conda_file is None:
        return EnvironmentSpec(image, spark=spark, image_place=place)
    found, problems = read_conda(project.path / conda_file, conda_file)
    if found is None:
        raise _first_error(problems)
    for address in (*found.channels, *found.specs):
        refuse_passwords(address, conda_file)
    conda, python, places = _conda(found.specs, found.spec_places)
    needs = read_requirements(project.path, conda_file, tuple(zip(found.pip, found.pip_places, strict=True)))
    return EnvironmentSpec(
        base_image=image,
        channels=tuple(channel.strip() for channel in found.channels) if conda or python else (),
        conda=conda,
        python=python,
        pip=needs.lines,
        sent=needs.sent,
        spark=spark,
        image_place=place,
        places={**places, **needs.places},
    )


def head_node_environment(
    project: Project, config: RunConfiguration, target: ComputeTarget, conda_file: str | None, spark_file: str | None
) -> EnvironmentSpec | None:
    """The environment of a configuration on a cluster; None where it takes a Python that is there.

    That is so when the person manages it, or names a Python on the target, or the files ask for nothing. Blocking, and
    raises, as `environment_spec`.
    """
    own = config.sections.user_managed_dependencies or target.user_managed_environment or target.python_location
    if own or conda_file is None:
        return None
    spec = environment_spec(project, config, target, conda_file, spark_file, config.framework)
    return None if spec.asks_for_nothing else dataclasses.replace(spec, base_image="", image_place=conda_file)


def _conda(specs: tuple[str, ...], places: tuple[str, ...]) -> tuple[tuple[str, ...], str, dict[str, str]]:
    """conda's specs in one form, the constraint on Python, and the place of each spec ("python" for Python's)."""
    found: dict[str, str] = {}
    python = ""
    for text, place in zip(specs, places, strict=True):
        match = _SPEC.fullmatch(text.strip())
        if match is None:
            found[" ".join(text.split())] = place
            continue
        rest = " ".join(_OPERATORS.sub(r"\1", match["rest"]).split())
        name = match["name"].lower()
        if name == "python" and not match["channel"]:
            constraint = rest if not rest or rest[0] in "=<>!~" else f"=={rest}"
            python = constraint or python or "*"
            found.setdefault("python", place)
            continue
        joint = "" if not rest or rest[0] in "=<>!~" else " "
        found[f"{match['channel'].strip()}::{name}{joint}{rest}" if match["channel"] else f"{name}{joint}{rest}"] = (
            place
        )
    return tuple(sorted(one for one in found if one != "python")), python, found


def spark_settings(project: Project, config: RunConfiguration, spark_file: str | None) -> SparkDependencies:
    """The Spark dependency file, or what a configuration of the second generation says in its sections.

    Raises ProjectError.
    """
    if spark_file is not None:
        found, problems = read_spark(project.path / spark_file, spark_file)
        if found is None:
            raise _first_error(problems)
        return found
    if config.generation == 1:
        return SparkDependencies({}, (), ())
    own = config.sections.spark
    return SparkDependencies(own.configuration, own.repositories, own.packages)


def _first_error(problems: list[Problem]) -> Exception:
    return next(problem for problem in problems if problem.severity == "error").error()
