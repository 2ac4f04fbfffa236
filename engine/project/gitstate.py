"""What git knows of a project: commit, branch, and what was changed since. Silent where there is no git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.project.secret_files import SECRET_FOLDERS, SECRET_NAMES, TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# A repository on a slow disk must not hold up a submission, seconds.
_PATIENCE = 10.0
# A larger diff is of data, not of code; the snapshot has the files anyway. Bytes.
LARGEST_DIFF = 8 << 20
# What no snapshot takes, no diff shows. `glob`: a `*` stays within one name.
_SHOWN = (
    ".",
    *(f":(exclude,glob)**/{name}" for name in ("*.compute", *SECRET_NAMES, *TOKENS)),
    *(f":(exclude,glob)**/{name}/**" for name in sorted(SECRET_FOLDERS)),
)


@dataclass(frozen=True)
class GitState:
    """`diff_sha256` names the blob with `git diff HEAD` of the project's folder, None when clean or too large."""

    commit: str
    branch: str | None
    dirty: bool
    diff_sha256: str | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GitState:
        return cls(data["commit"], data["branch"], data["dirty"], data["diff_sha256"])


def read(project: Path, secret: Iterable[str] = ()) -> tuple[GitState, bytes] | None:
    """The state and the diff's bytes; None when the folder is in no repository, has no commit, or git is absent.

    `secret`: further files, relative to the project, that the diff must not show.
    """
    commit = _git(project, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    branch = _git(project, "symbolic-ref", "--short", "-q", "HEAD")
    changed = _git(project, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    dirty = bool(changed)
    diff = b""
    if dirty:
        shown = (*_SHOWN, *(f":(exclude,literal){path}" for path in secret))
        diff = _git(project, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--", *shown) or b""
    return (
        GitState(
            commit.decode().strip(),
            os.fsdecode(branch).strip() if branch else None,
            dirty,
        ),
        diff if len(diff) <= LARGEST_DIFF else b"",
    )


def _git(project: Path, *arguments: str) -> bytes | None:
    # Hooks and monitors that a repository's own configuration names are not run: looking must not execute.
    safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    # Paths are read as they are written here, whatever a person has set for their own commands.
    paths = dict.fromkeys(("GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_GLOB_PATHSPECS"), "0")
    environment = {**os.environ, **paths, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *safe, "-C", os.fspath(project), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
