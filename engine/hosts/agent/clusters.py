"""What a head node knows of its YARN: where the ResourceManager answers, and asking it from here."""

import os
import shutil
import signal

MYPY = False
if MYPY:
    from typing import IO, Any, Optional

# Where a distribution keeps its settings, after what the environment names.
FOLDERS = ("/etc/hadoop/conf", "/usr/hdp/current/hadoop-client/conf", "/opt/hadoop/etc/hadoop")
PROGRAMS = (
    "/usr/bin",
    "/usr/hdp/current/hadoop-client/bin",
    "/usr/hdp/current/hadoop-yarn-client/bin",
    "/opt/hadoop/bin",
)
# An answer of a cluster with many applications is some megabytes; one larger is none of ours.
MOST = 32 << 20
PATIENCE = 30.0


def yarn() -> "list[str]":
    """Base URLs of the ResourceManagers' web services."""
    found = settings("yarn-site.xml")
    return addresses(found) if found is not None else []


def settings(name: str) -> "Optional[dict[str, str]]":
    """What this file of Hadoop's settings says; None where there is none."""
    named = [os.environ.get(variable, "") for variable in ("YARN_CONF_DIR", "HADOOP_CONF_DIR")]
    home = os.environ.get("HADOOP_HOME", "")
    for folder in named + ([home + "/etc/hadoop"] if home else []) + list(FOLDERS):
        found = read(os.path.join(folder, name)) if folder else None
        if found is not None:
            return found
    return None


def number(application: str) -> "tuple[int, int]":
    """What orders applications by their start: the ResourceManager's own start, and their number in it."""
    parts = application.split("_")
    return (int(parts[1]), int(parts[2])) if len(parts) == 3 and (parts[1] + parts[2]).isdigit() else (0, 0)


def unblock() -> None:
    """For what a process starts that has signals blocked: it has its own way with them."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def program(name: str) -> str:
    """The path of a program of Hadoop's (`yarn`, `hadoop`), found where distributions put it, too; "" without one."""
    path = os.environ.get("PATH", os.defpath)
    home = os.environ.get("HADOOP_HOME", "")
    places = [path] + ([home + "/bin"] if home else []) + list(PROGRAMS)
    return shutil.which(name, path=os.pathsep.join(places)) or ""


def read(path: str) -> "Optional[dict[str, str]]":
    # What only a cluster needs is not loaded on every host.
    import xml.etree.ElementTree

    try:
        tree = xml.etree.ElementTree.parse(path)  # noqa: S314 - the host's own settings
    except (OSError, xml.etree.ElementTree.ParseError):
        return None
    found = {}
    for item in tree.getroot().iter("property"):
        name = item.findtext("name")
        if name:
            found[name.strip()] = (item.findtext("value") or "").strip()
    return found


def addresses(settings: "dict[str, str]") -> "list[str]":
    """One for each ResourceManager: of several, one is active and the others send on to it or stand by."""
    secure = settings.get("yarn.http.policy", "").upper() == "HTTPS_ONLY"
    key, port = ("webapp.https.address", "8090") if secure else ("webapp.address", "8088")
    ends = [""]
    if settings.get("yarn.resourcemanager.ha.enabled", "").lower() == "true":
        ends = ["." + one.strip() for one in settings.get("yarn.resourcemanager.ha.rm-ids", "").split(",")]
    found = []
    for end in ends:
        host = settings.get("yarn.resourcemanager.hostname" + end) or settings.get("yarn.resourcemanager.hostname")
        address = settings.get("yarn.resourcemanager.%s%s" % (key, end)) or "%s:%s" % (host or "localhost", port)
        address = address.replace("${yarn.resourcemanager.hostname}", host or "localhost")
        found.append("%s://%s" % ("https" if secure else "http", address))
    return found


def opened(method: str, url: str, body: "Optional[str]", accept: str, patience: float) -> "IO[bytes]":
    """The answer to one request to a web service that this host reaches. Raises OSError, ValueError."""
    import getpass
    import urllib.parse
    import urllib.request

    split = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qsl(split.query) + [("user.name", getpass.getuser())]
    url = urllib.parse.urlunsplit(split._replace(query=urllib.parse.urlencode(query)))
    data = None if body is None else body.encode("utf-8")
    headers = {"Accept": accept, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - named by YARN
    # What goes to a cluster's own machines does not go by a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer = opener.open(request, timeout=patience)  # type: IO[bytes]
    return answer


def ask(method: str, url: str, body: "Optional[str]") -> "dict[str, Any]":
    """One request to a web service that this host reaches: {"status", "body"}; status 0 and why, when it does not."""
    import http.client
    import urllib.error

    try:
        try:
            answer = opened(method, url, body, "application/json", PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return {"status": getattr(answer, "status", 200), "body": answer.read(MOST).decode("utf-8", "replace")}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"status": 0, "body": str(error) or type(error).__name__}
