"""The sections of a second-generation run configuration, with the original's defaults. All frozen.

Of these `docker`, `spark` and `history.output_collection` decide how a run is done here; the rest is of clusters and
cloud resources of the original: checked, kept and shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.project.dependencies import spark_packages

if TYPE_CHECKING:
    from engine.project.compute import ComputeTarget
    from engine.project.fields import Fields

DEPLOY_MODES = ("cluster", "client")
DATA_MODES = ("mount", "download", "upload")


@dataclass(frozen=True)
class Registry:
    """`environment.docker.baseImageRegistry`: where the base image comes from."""

    address: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Docker:
    """`environment.docker`. `base_image` "": the target's. None: as the target has it (see `on`)."""

    enabled: bool = False
    base_image: str = ""
    shared_volumes: bool | None = None
    gpu_support: bool | None = None
    arguments: tuple[str, ...] = ()
    base_image_registry: Registry = field(default_factory=Registry)

    def on(self, target: ComputeTarget | None) -> tuple[bool, bool]:
        """(volumes shared, GPUs visible): what is not said here the target says; without one true and false."""
        shared = (target is None or target.shared_volumes) if self.shared_volumes is None else self.shared_volumes
        gpu = (target is not None and target.nvidia_docker) if self.gpu_support is None else self.gpu_support
        return shared, gpu


def _configuration() -> dict[str, str]:
    return {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": "1"}


@dataclass(frozen=True)
class Spark:
    """`spark.configuration`, and `environment.spark`; `packages` as "group:artifact:version"."""

    configuration: dict[str, str] = field(default_factory=_configuration)
    repositories: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    precache_packages: bool = True


@dataclass(frozen=True)
class History:
    output_collection: bool = True
    snapshot_project: bool = True


@dataclass(frozen=True)
class Hdi:
    """`yarn_deploy_mode` "" where none is named."""

    yarn_deploy_mode: str = ""


@dataclass(frozen=True)
class BatchAi:
    node_count: int = 1


@dataclass(frozen=True)
class TensorFlow:
    worker_count: int = 1
    parameter_server_count: int = 1


@dataclass(frozen=True)
class Mpi:
    process_count_per_node: int = 1


@dataclass(frozen=True)
class ContainerInstance:
    """`region` "": that of the workspace."""

    cpu_cores: int = 1
    memory_gb: int = 4
    region: str = ""


@dataclass(frozen=True)
class DataReference:
    data_store_name: str = ""
    path_on_data_store: str = ""
    mode: str = DATA_MODES[0]
    overwrite: bool = False
    path_on_compute: str = ""


@dataclass(frozen=True)
class Sections:
    """`user_managed_dependencies` is of `environment.python`. `data_references` by their names."""

    communicator: str = "None"
    node_count: int = 1
    user_managed_dependencies: bool = False
    docker: Docker = field(default_factory=Docker)
    spark: Spark = field(default_factory=Spark)
    history: History = field(default_factory=History)
    hdi: Hdi = field(default_factory=Hdi)
    batchai: BatchAi = field(default_factory=BatchAi)
    tensorflow: TensorFlow = field(default_factory=TensorFlow)
    mpi: Mpi = field(default_factory=Mpi)
    container_instance: ContainerInstance = field(default_factory=ContainerInstance)
    data_references: dict[str, DataReference] = field(default_factory=dict)


def read_sections(fields: Fields, environment: Fields, python: Fields) -> Sections:
    """The sections of a file; what is wrong with them is complained of, and read as its default.

    `environment` and `python` are the parts of these names, which have more than what is here.
    """
    history, hdi, tensorflow = fields.part("history"), fields.part("hdi"), fields.part("tensorflow")
    instance = fields.part("containerInstance")
    return Sections(
        communicator=fields.text("communicator", Sections.communicator),
        node_count=fields.count("nodeCount"),
        user_managed_dependencies=python.flag("userManagedDependencies", False),
        docker=_docker(environment.part("docker")),
        spark=_spark(fields.part("spark"), environment.part("spark")),
        history=History(history.flag("outputCollection", True), history.flag("snapshotProject", True)),
        hdi=Hdi(hdi.choice("yarnDeployMode", DEPLOY_MODES) if hdi.find("yarnDeployMode") else ""),
        batchai=BatchAi(fields.part("batchai").count("nodeCount")),
        tensorflow=TensorFlow(tensorflow.count("workerCount"), tensorflow.count("parameterServerCount", least=0)),
        mpi=Mpi(fields.part("mpi").count("processCountPerNode")),
        container_instance=ContainerInstance(
            instance.count("cpuCores"), instance.count("memoryGb", ContainerInstance.memory_gb), instance.text("region")
        ),
        data_references={name: _data(part) for name, part in fields.part("dataReferences").parts().items()},
    )


def _docker(fields: Fields) -> Docker:
    registry = fields.part("baseImageRegistry")
    return Docker(
        enabled=fields.flag("enabled", False),
        base_image=fields.text("baseImage"),
        shared_volumes=fields.flag("sharedVolumes", True) if fields.has("sharedVolumes") else None,
        gpu_support=fields.flag("gpuSupport", False) if fields.has("gpuSupport") else None,
        arguments=fields.texts("arguments") or (),
        base_image_registry=Registry(registry.text("address"), registry.text("username"), registry.text("password")),
    )


def _spark(section: Fields, environment: Fields) -> Spark:
    return Spark(
        section.mapping("configuration") if section.has("configuration") else _configuration(),
        environment.texts("repositories") or (),
        spark_packages(environment),
        environment.flag("precachePackages", True),
    )


def _data(fields: Fields) -> DataReference:
    return DataReference(
        fields.text("dataStoreName"),
        fields.text("pathOnDataStore"),
        fields.choice("mode", DATA_MODES),
        fields.flag("overwrite", False),
        fields.text("pathOnCompute"),
    )
