"""A `.compute` file: a compute target. Keys and defaults are the Workbench's; see the README's table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.project.fields import read_document
from engine.project.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ("local", "docker", "remote", "remotedocker", "cluster")
_SPELLINGS = {"localdocker": "docker"}
DEFAULT_IMAGE = "microsoft/mmlspark:plus-0.7.91"
DEFAULT_SLOTS = 4


@dataclass(frozen=True)
class ComputeTarget:
    """One target. `password` and `private_key` are pointers into the key store, never the text itself.

    `slots` is our own key: how many runs it takes at once. `extra` has keys this release does not know.
    """

    name: str
    type: str
    file: str
    base_docker_image: str = DEFAULT_IMAGE
    address: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    shared_volumes: bool = True
    nvidia_docker: bool = False
    native_shared_directory: str | None = None
    user_managed_environment: bool = False
    python_location: str = ""
    spark_submit_location: str = "spark-submit"
    yarn_deploy_mode: str | None = None
    slots: int = DEFAULT_SLOTS
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Where it is: "local" for this machine, otherwise the address."""
        return "local" if self.type in ("local", "docker") else self.address


def read_compute(path: Path, file: str) -> tuple[ComputeTarget | None, list[Problem]]:
    """Read one target; None when it cannot be used, with the problems that say why."""
    document = read_document(path, file)
    fields = document.fields
    if fields is None:
        return None, document.problems
    kind = fields.text("type").strip().lower()
    kind = _SPELLINGS.get(kind, kind)
    if kind not in TYPES:
        line, column = fields.line("type")
        given = f"unknown type {kind!r}" if kind else "the key `type` is missing"
        document.problems.append(Problem(file, line or 1, column or 1, f"{given}.", f"Use one of: {', '.join(TYPES)}."))
        return None, document.problems
    target = ComputeTarget(
        name=path.name.removesuffix(".compute"),
        type=kind,
        file=file,
        base_docker_image=fields.text("baseDockerImage", DEFAULT_IMAGE),
        address=fields.text("address").strip(),
        username=fields.text("username"),
        password=fields.text("password"),
        private_key=fields.text("privateKey"),
        shared_volumes=fields.flag("sharedVolumes", True),
        nvidia_docker=fields.flag("nvidiaDocker", False),
        native_shared_directory=fields.maybe("nativeSharedDirectory"),
        user_managed_environment=fields.flag("userManagedEnvironment", kind == "remote"),
        python_location=fields.text("pythonLocation"),
        spark_submit_location=fields.text("sparkSubmitLocation", "spark-submit"),
        yarn_deploy_mode=fields.maybe("yarnDeployMode"),
        slots=int(fields.number("slots", fields.number("maxConcurrentRuns", DEFAULT_SLOTS, least=1), least=1) or 1),
        extra=fields.rest(),
    )
    if kind in ("remote", "remotedocker", "cluster") and not target.address:
        document.problems.append(
            Problem(file, 1, 1, "the key `address` is missing.", "Give the machine's name or IP, as host or host:port.")
        )
    usable = not any(problem.severity == "error" for problem in document.problems)
    return (target if usable else None), document.problems
