"""What is sent to a host at connect: the loader, the agent's source, the run-side package."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

AGENT = Path(__file__).parent / "agent"
RUNTIME = Path(__file__).parents[1] / "runtime"

# In the order in which they import each other.
MODULES = (
    "whole",
    "identities",
    "held",
    "status",
    "processes",
    "usage",
    "streams",
    "runner",
    "channel",
    "rundir",
    "starting",
    "arriving",
    "follows",
    "samples",
    "clusters",
    "condas",
    "storage",
    "heads",
    "programs",
    "prefixes",
    "dockers",
    "agent",
)
# What a container runs first, and what that needs; placed beside the run-side package.
CONTAINED = (
    "whole",
    "identities",
    "held",
    "contained",
    "status",
    "processes",
    "usage",
    "streams",
    "runner",
    "contained_rest",
)
CONTAINED_PACKAGE = "_aml_tui_runner"
# What stands on a head node for a driver on the cluster, with what that needs; and what the driver itself begins as.
CLUSTER = (
    "whole",
    "identities",
    "status",
    "clusters",
    "storage",
    "applications",
    "container_logs",
    "luggage",
    "relay",
    "again",
    "cluster_driver",
)
CLUSTER_PACKAGE = "_aml_tui_cluster"

# What makes an environment on a head node, and what that needs: a package of this name among the files of its run.
BUILDING = (
    "whole",
    "identities",
    "status",
    "rundir",
    "clusters",
    "storage",
    "condas",
    "prefixes",
    "building/__init__",
    "building/packing",
    "building/main",
)
BUILDING_PACKAGE = "aml_agent"

# The only thing in the command line. It reads a length, a line feed and that many bytes of JSON from standard input,
# makes the modules in memory, and calls main(reader, bundle) of the one named. Every Python 3 can parse it.
BOOTSTRAP = """\
import json,sys,types
r=sys.stdin.buffer
b=json.loads(r.read(int(r.readline())).decode())
p=sys.modules['aml_agent']=types.ModuleType('aml_agent')
p.__path__=[]
for n,s in b['modules']:
    m=sys.modules['aml_agent.'+n]=types.ModuleType('aml_agent.'+n)
    m.__package__='aml_agent'
    setattr(p,n,m)
    exec(compile(s,'<aml-agent>/'+n+'.py','exec'),m.__dict__)
sys.modules['aml_agent.'+b['main']].main(r,b)
"""


def agent_argv(python: str) -> list[str]:
    """The agent's command line: the same for every host and version. Isolated, without site-packages."""
    return [python, "-I", "-S", "-c", BOOTSTRAP]


@functools.cache
def _sources() -> tuple[tuple[str, str], ...]:
    return tuple((name, (AGENT / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES)


def agent_bundle(root: str, deserted: float | None = None, keep: float | None = None) -> bytes:
    """What the loader reads, with its length before it. `root`: the folder on the host, `~` allowed.

    `deserted`: after so many seconds without a word from here the agent leaves; None: it waits for its channel's end.
    `keep`: contents that no run was laid from for so many seconds go; None: somebody else sees to that.
    """
    content = {
        "modules": _sources(),
        "main": "agent",
        "bootstrap": BOOTSTRAP,
        "root": root,
        "deserted": deserted,
        "keep": keep,
    }
    data = json.dumps(content).encode("ascii")
    return b"%d\n%s" % (len(data), data)


@functools.cache
def building_package() -> dict[str, str]:
    """What makes an environment on a head node: relative path -> source text; see agent/building/main.py."""
    files = {f"{BUILDING_PACKAGE}/{name}.py": (AGENT / f"{name}.py").read_text(encoding="utf-8") for name in BUILDING}
    return {f"{BUILDING_PACKAGE}/__init__.py": "", **files}


@functools.cache
def runtime_package() -> tuple[str, dict[str, str]]:
    """What runs find beside them: the name of its folder on a host, which changes with its content, and its files.

    The `azureml` package for scripts, the runner for containers, the relay for drivers on a cluster.
    """
    files = {
        path.relative_to(RUNTIME).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(RUNTIME.rglob("*.py"))
        if path.parent != RUNTIME
    }
    for package, names in ((CONTAINED_PACKAGE, CONTAINED), (CLUSTER_PACKAGE, CLUSTER)):
        files[f"{package}/__init__.py"] = ""
        for name in names:
            files[f"{package}/{name}.py"] = (AGENT / f"{name}.py").read_text(encoding="utf-8")
    digest = hashlib.sha256(json.dumps(sorted(files.items())).encode("ascii")).hexdigest()
    return f"runtime-{digest[:16]}", files
