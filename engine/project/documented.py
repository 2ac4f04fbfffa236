"""Every documented key of the project's files: what it holds, what stands for an absent one, what it does here."""

from __future__ import annotations

from dataclasses import dataclass

from engine.project.check_text import CONDA, CONFIGURATION, SPARK, TARGET
from engine.project.compute import DEFAULT_IMAGE, DEFAULT_SLOTS, SSH_TYPES, TYPES
from engine.project.runconfig import FRAMEWORKS
from engine.project.sections import DATA_MODES, DEPLOY_MODES

# What a key holds. FILE: a dependency file; PACKAGES: Spark's; NESTED: more than a form has rows for.
TEXT, FLAG, CHOICE, NUMBER, SECRET, FILE = "text", "flag", "choice", "number", "secret", "file"
LIST, MAP, PACKAGES, NESTED = "list", "map", "packages", "nested"
LISTS = (LIST, MAP, PACKAGES)
NO_EFFECT = "Checked and kept; it has no effect here."
CONTAINERS = "Takes effect in containers (docker, remotedocker)."
OVER_SSH = f"Takes effect over SSH ({', '.join(SSH_TYPES)})."
_TARGETS_FILE = "Takes effect in containers and on clusters."


@dataclass(frozen=True)
class Key:
    """`path` of a nested key has all its parts. `default` is shown for an absent one. `effect`: where it counts.

    `choices` are all it may be, unless `offered` says that the project has them: "targets", "scripts" (any text will do
    for a script).
    """

    path: tuple[str, ...]
    kind: str
    default: str
    text: str
    effect: str = ""
    choices: tuple[str, ...] = ()
    offered: str = ""


def keys_of(kind: str, second: bool = False) -> tuple[Key, ...]:
    """The keys of a kind of file, in the order they are written; `second`: of the second generation."""
    if kind == CONFIGURATION:
        return SECOND if second else FIRST
    return {TARGET: COMPUTE, CONDA: CONDA_KEYS, SPARK: SPARK_KEYS}[kind]


def _key(
    path: str,
    kind: str,
    default: str,
    text: str,
    effect: str = "",
    choices: tuple[str, ...] = (),
    offered: str = "",
) -> Key:
    return Key(tuple(path.split(".")), kind, default, text, effect, choices, offered)


FIRST = (
    _key(
        "ArgumentVector",
        LIST,
        "$file",
        "The script and its arguments, an item each. `$file` stands for the script named at submission.",
        offered="scripts",
    ),
    _key("Target", CHOICE, "", "Where it runs: the name of a .compute file. It must be there.", offered="targets"),
    _key(
        "Framework", CHOICE, "PySpark", "How the script is started: Python, or PySpark by spark-submit.", "", FRAMEWORKS
    ),
    _key("EnvironmentVariables", MAP, "none", "Variables of the run's environment; every value is taken as a text."),
    _key(
        "CondaDependenciesFile",
        FILE,
        "aml_config/conda_dependencies.yml",
        "Packages of the environment, relative to the project. o opens the file.",
        _TARGETS_FILE,
    ),
    _key(
        "SparkDependenciesFile",
        FILE,
        "aml_config/spark_dependencies.yml",
        "Settings, repositories and packages of Spark. o opens the file.",
        "Takes effect with the framework PySpark.",
    ),
    _key(
        "PrepareEnvironment",
        FLAG,
        "false",
        "Build the environment as part of the run. With false, a run whose environment is not there fails at once.",
        "Takes effect in containers and on clusters.",
    ),
    _key("TrackedRun", FLAG, "true", "Keep metrics and outputs in the history; false as with `submit -u`."),
    _key("MaxRunDurationSeconds", NUMBER, "none", "The run is stopped after so many seconds."),
    _key("UseSampling", FLAG, "false", "Of the Workbench's data preparation.", "Kept; nothing acts on it here."),
    _key(
        "DataSourceSettings", NESTED, "none", "Of the Workbench's data preparation.", "Kept; nothing acts on it here."
    ),
    _key(
        "DataSourceSubstitutions",
        NESTED,
        "none",
        "Of the Workbench's data preparation.",
        "Kept; nothing acts on it here.",
    ),
)

SECOND = (
    _key(
        "script",
        TEXT,
        "train.py",
        "The script, relative to the project; `$file`: named at submission.",
        "",
        (),
        "scripts",
    ),
    _key("arguments", LIST, "none", "What the script is given, an item each."),
    _key("target", CHOICE, "local", "Where it runs: the name of a .compute file.", "", (), "targets"),
    _key(
        "framework", CHOICE, "Python", "How the script is started: Python, or PySpark by spark-submit.", "", FRAMEWORKS
    ),
    _key("communicator", TEXT, "None", "How the processes of a distributed run would talk.", NO_EFFECT),
    _key(
        "autoPrepareEnvironment",
        FLAG,
        "true",
        "Build the environment as part of the run. With false, a run whose environment is not there fails at once.",
        "Takes effect in containers and on clusters.",
    ),
    _key("maxRunDurationSeconds", NUMBER, "none", "The run is stopped after so many seconds."),
    _key("nodeCount", NUMBER, "1", "How many machines a distributed run would have.", NO_EFFECT),
    _key("environment.environmentVariables", MAP, "none", "Variables of the run's environment; every value is a text."),
    _key(
        "environment.python.userManagedDependencies",
        FLAG,
        "false",
        "The person owns the Python: nothing is installed.",
        "Takes effect in containers and on clusters.",
    ),
    _key(
        "environment.python.interpreterPath",
        TEXT,
        "python",
        "The Python that runs the script, where the target's pythonLocation names none.",
    ),
    _key(
        "environment.python.condaDependenciesFile",
        FILE,
        "aml_config/conda_dependencies.yml",
        "Packages of the environment, relative to the project. o opens the file.",
        _TARGETS_FILE,
    ),
    _key(
        "environment.docker.enabled",
        FLAG,
        "false",
        "Run in a container on this machine.",
        "Takes effect on a target of type local.",
    ),
    _key("environment.docker.baseImage", TEXT, "the target's", "Image that the container starts from.", CONTAINERS),
    _key(
        "environment.docker.sharedVolumes",
        FLAG,
        "the target's",
        "Mount the run directory; false: copy it in and out.",
        CONTAINERS,
    ),
    _key("environment.docker.gpuSupport", FLAG, "the target's", "GPUs are visible in the container.", CONTAINERS),
    _key("environment.docker.arguments", LIST, "none", "Options of `docker run`, as --shm-size 1g.", CONTAINERS),
    _key("environment.docker.baseImageRegistry.address", TEXT, "none", "Where the base image comes from.", NO_EFFECT),
    _key("environment.docker.baseImageRegistry.username", TEXT, "none", "Who asks the registry.", NO_EFFECT),
    _key(
        "environment.docker.baseImageRegistry.password",
        SECRET,
        "none",
        "The registry's password. Rather use `docker login`: it would stay in this file.",
        NO_EFFECT,
    ),
    _key(
        "environment.spark.repositories",
        LIST,
        "none",
        "Maven repositories, an address each.",
        "Takes effect with the framework PySpark, where the project has no spark_dependencies.yml.",
    ),
    _key(
        "environment.spark.packages",
        PACKAGES,
        "none",
        "Packages of Spark, each as group:artifact:version.",
        "Takes effect with the framework PySpark, where the project has no spark_dependencies.yml.",
    ),
    _key("environment.spark.precachePackages", FLAG, "true", "Have the packages in the environment.", NO_EFFECT),
    _key("history.outputCollection", FLAG, "true", "Keep what the script writes to outputs/ with the run."),
    _key("history.snapshotProject", FLAG, "true", "Keep the project as it was; here that is always done.", NO_EFFECT),
    _key(
        "spark.configuration",
        MAP,
        "spark.app.name, spark.yarn.maxAppAttempts",
        "Settings of Spark, each handed over as --conf.",
        "Takes effect with the framework PySpark, where the project has no spark_dependencies.yml.",
    ),
    _key(
        "hdi.yarnDeployMode",
        CHOICE,
        "the target's",
        "Where the driver is: on the cluster, or on its head node (client).",
        "Takes effect on clusters.",
        DEPLOY_MODES,
    ),
    _key("batchai.nodeCount", NUMBER, "1", "Of Batch AI.", NO_EFFECT),
    _key("tensorflow.workerCount", NUMBER, "1", "Of distributed TensorFlow.", NO_EFFECT),
    _key("tensorflow.parameterServerCount", NUMBER, "1", "Of distributed TensorFlow.", NO_EFFECT),
    _key("mpi.processCountPerNode", NUMBER, "1", "Of MPI.", NO_EFFECT),
    _key("containerInstance.cpuCores", NUMBER, "1", "Of container instances in the cloud.", NO_EFFECT),
    _key("containerInstance.memoryGb", NUMBER, "4", "Of container instances in the cloud.", NO_EFFECT),
    _key("containerInstance.region", TEXT, "the workspace's", "Of container instances in the cloud.", NO_EFFECT),
    _key(
        "dataReferences",
        NESTED,
        "none",
        f"Data by name: dataStoreName, pathOnDataStore, mode ({', '.join(DATA_MODES)}), overwrite, pathOnCompute.",
        NO_EFFECT,
    ),
)

COMPUTE = (
    _key(
        "type",
        CHOICE,
        "",
        "This machine, a container, a machine over SSH, a container there, or an HDInsight cluster. It must be there.",
        "",
        TYPES,
    ),
    _key("slots", NUMBER, str(DEFAULT_SLOTS), "How many runs it takes at once; more wait in the queue."),
    _key(
        "pythonLocation",
        TEXT,
        "the python on the path",
        "The interpreter; over SSH the python3 there when none is named.",
        "Takes effect without a container.",
    ),
    _key("address", TEXT, "", "host, host:port, [IPv6]:port, or a Host of ~/.ssh/config.", OVER_SSH),
    _key("username", TEXT, "as ssh has it", "Who to log in as.", OVER_SSH),
    _key(
        "password",
        SECRET,
        "asked for when needed",
        "It goes to the key store when the file is saved, which has its reference alone.",
        OVER_SSH,
    ),
    _key("privateKey", TEXT, "none", "Reference to a made key in the key store; attaching writes it.", OVER_SSH),
    _key(
        "privateKeyFile", TEXT, "none", "A key file on this machine; a relative path begins at the project.", OVER_SSH
    ),
    _key("jumpHost", TEXT, "as ssh has it", "On the way there: [user@]host[:port], several with commas.", OVER_SSH),
    _key("baseDockerImage", TEXT, DEFAULT_IMAGE, "Image that containers start from.", CONTAINERS),
    _key("sharedVolumes", FLAG, "true", "Mount the run directory; false: copy it in and out.", CONTAINERS),
    _key("nvidiaDocker", FLAG, "false", "GPUs are visible in the container.", CONTAINERS),
    _key("memory", TEXT, "Docker's own", "Most memory of a container, as 4g.", CONTAINERS),
    _key("cpus", TEXT, "Docker's own", "Processors of a container, as 1.5.", CONTAINERS),
    _key("shmSize", TEXT, "Docker's own", "Size of /dev/shm, as 2g.", CONTAINERS),
    _key("network", TEXT, "Docker's own", "Network of a container, as host.", CONTAINERS),
    _key(
        "nativeSharedDirectory",
        TEXT,
        "off",
        "Base of a folder that all runs share, found in AZUREML_NATIVE_SHARE_DIRECTORY. ~ is the home there.",
        "Takes effect but on clusters; in containers with sharedVolumes: true.",
    ),
    _key(
        "userManagedEnvironment",
        FLAG,
        "true for remote, else false",
        "The person owns the Python, and nothing is installed.",
        "Takes effect in containers and on clusters.",
    ),
    _key(
        "sparkSubmitLocation",
        TEXT,
        "spark-submit",
        "What runs PySpark scripts.",
        "Takes effect on local and on clusters.",
    ),
    _key(
        "yarnDeployMode",
        CHOICE,
        "client",
        "Where the driver is: on the head node (client), or on the cluster.",
        "Takes effect on clusters, where the run configuration says nothing of it.",
        DEPLOY_MODES,
    ),
)

CONDA_KEYS = (
    _key("name", TEXT, "none", "A name for people; the environment is found by what it holds.", NO_EFFECT),
    _key("channels", LIST, "conda's own", "Where conda looks for packages, the first one first."),
    _key(
        "dependencies", LIST, "none", "Packages of conda: name, name=1.2, name>=1.2,<2, channel::name.", _TARGETS_FILE
    ),
    _key(
        "dependencies.pip",
        LIST,
        "none",
        "Requirements of pip: name, name==1.2, an option line, an address, a wheel on this machine (sent along).",
        _TARGETS_FILE,
    ),
)

SPARK_KEYS = (
    _key("configuration", MAP, "none", "Settings of Spark, each handed over as --conf.", "Takes effect with PySpark."),
    _key("repositories", LIST, "none", "Maven repositories, an address each.", "Takes effect with PySpark."),
    _key(
        "packages", PACKAGES, "none", "Packages of Spark, each as group:artifact:version.", "Takes effect with PySpark."
    ),
)

SECTIONS = {
    "environment": "What the script runs in.",
    "environment.python": "Its Python.",
    "environment.docker": "Its container.",
    "environment.docker.baseImageRegistry": "Where the base image comes from.",
    "environment.spark": "Its Spark.",
    "history": "What is kept of a run.",
    "spark": "Settings of Spark.",
    "hdi": "Of clusters.",
    "batchai": "Of Batch AI.",
    "tensorflow": "Of distributed TensorFlow.",
    "mpi": "Of MPI.",
    "containerInstance": "Of container instances in the cloud.",
}
