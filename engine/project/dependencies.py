"""`conda_dependencies.yml` and `spark_dependencies.yml`, read with the place of what is wrong in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from engine.project.fields import document_of, read_document

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.fields import Fields
    from engine.project.problems import Problem

CONDA_FILE, SPARK_FILE = "conda_dependencies.yml", "spark_dependencies.yml"


@dataclass(frozen=True)
class CondaDependencies:
    """A conda environment file: specs, channels, and the lines of its `pip:` list as they are.

    `spec_places` and `pip_places` say where each of them is written, as "file:line:column".
    """

    name: str
    channels: tuple[str, ...]
    specs: tuple[str, ...]
    pip: tuple[str, ...]
    spec_places: tuple[str, ...] = ()
    pip_places: tuple[str, ...] = ()


@dataclass(frozen=True)
class SparkDependencies:
    """`configuration` for `--conf`, Maven `repositories`, `packages` as "group:artifact:version"."""

    configuration: dict[str, str]
    repositories: tuple[str, ...]
    packages: tuple[str, ...]

    def arguments(self) -> tuple[str, ...]:
        """The same as arguments of spark-submit."""
        found: list[str] = []
        for key, value in self.configuration.items():
            found += ["--conf", f"{key}={value}"]
        if self.repositories:
            found += ["--repositories", ",".join(self.repositories)]
        if self.packages:
            found += ["--packages", ",".join(self.packages)]
        return tuple(found)


def read_conda(path: Path, file: str, data: bytes | None = None) -> tuple[CondaDependencies | None, list[Problem]]:
    """`data`: what is to be in the file, instead of what is."""
    document = read_document(path, file) if data is None else document_of(data, file)
    fields = document.fields
    if fields is None:
        return None, document.problems
    specs: list[yaml.ScalarNode] = []
    pip: list[yaml.ScalarNode] = []
    node = fields.find("dependencies")
    if node is not None and not isinstance(node, yaml.SequenceNode):
        fields.complain(node, "`dependencies` must be a list.", "Write one package a line, each after `- `.")
    for item in node.value if isinstance(node, yaml.SequenceNode) else ():
        if isinstance(item, yaml.ScalarNode):
            specs.append(item)
        elif isinstance(item, yaml.MappingNode) and [key.value for key, _ in item.value] == ["pip"]:
            value = item.value[0][1]
            if isinstance(value, yaml.SequenceNode) and all(isinstance(one, yaml.ScalarNode) for one in value.value):
                pip += value.value
            elif not (isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null")):
                fields.complain(value, "`pip` must be a list.", "Write one requirement a line, each after `- `.")
        else:
            fields.complain(item, "this is neither a package nor a `pip:` list.", "Write `- name=version`.")
    found = CondaDependencies(
        fields.text("name"),
        fields.texts("channels") or (),
        tuple(str(one.value) for one in specs),
        tuple(str(one.value) for one in pip),
        tuple(_place(file, one) for one in specs),
        tuple(_place(file, one) for one in pip),
    )
    return (None if any(p.severity == "error" for p in document.problems) else found), document.problems


def read_spark(path: Path, file: str, data: bytes | None = None) -> tuple[SparkDependencies | None, list[Problem]]:
    """`data`: what is to be in the file, instead of what is."""
    document = read_document(path, file) if data is None else document_of(data, file)
    fields = document.fields
    if fields is None:
        return None, document.problems
    packages = spark_packages(fields)
    found = SparkDependencies(fields.mapping("configuration"), fields.texts("repositories") or (), packages)
    return (None if any(p.severity == "error" for p in document.problems) else found), document.problems


def spark_packages(fields: Fields) -> tuple[str, ...]:
    """The list `packages` of group, artifact and version, each as "group:artifact:version"."""
    packages: list[str] = []
    node = fields.find("packages")
    if node is not None and not isinstance(node, yaml.SequenceNode):
        said = f"{fields.named('packages')} must be a list."
        fields.complain(node, said, "Write `- group: ...` with `artifact:` and `version:`.")
    for item in node.value if isinstance(node, yaml.SequenceNode) else ():
        parts = {}
        if isinstance(item, yaml.MappingNode):
            parts = {key.value: str(value.value) for key, value in item.value if isinstance(value, yaml.ScalarNode)}
        missing = [name for name in ("group", "artifact", "version") if not parts.get(name)]
        if missing:
            fields.complain(item, f"this package lacks {', '.join(missing)}.", "Give group, artifact and version.")
        else:
            packages.append(":".join(parts[name] for name in ("group", "artifact", "version")))
    return tuple(packages)


def _place(file: str, node: yaml.Node) -> str:
    return f"{file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
