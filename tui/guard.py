"""The terminal is put in order also when this process cannot do it: killed by SIGKILL, for want of memory, by a fault.

A shell waits at the end of a pipe, in a process group of its own. When the pipe ends, the console is gone. One thing
nobody can help: that somebody kills both at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from typing import Any

# Everything that the console and Textual switch on, off again.
LEAVING = (
    "\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
)
# A shell that has the terminal by now may have set it as it needs it: what was before comes back only while what the
# console set is there. The first two signs end a control sequence that the console was in the middle of.
_SCRIPT = """\
trap '' HUP INT QUIT TERM TSTP TTIN TTOU
read -r word
[ "$(stty -g <&2 2>/dev/null)" = "$1" ] && stty "$2" <&2
printf '\\030\\033\\\\%b%s\\n' "$3" 'aml-tui was killed. Runs go on; `aml-tui` shows them again.' >&2
"""


class Guard:
    """Watches from when it is made: standard error is the terminal and has the console's settings by then.

    `before`: those it had, as `termios.tcgetattr` gives them.
    """

    def __init__(self, before: list[Any]) -> None:
        reading, self._writing = os.pipe()
        settings = _written(termios.tcgetattr(2)), _written(before)
        try:
            self._pid = os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", _SCRIPT, "aml-tui-guard", *settings, LEAVING.replace("\x1b", "\\033")],
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0)],
                setpgroup=0,
            )
        finally:
            os.close(reading)

    def dismiss(self) -> None:
        """The terminal is in order, or somebody else has it now."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._writing)


def _written(settings: list[Any]) -> str:
    """As `stty -g` writes them."""
    signs = (sign if isinstance(sign, int) else ord(sign) for sign in settings[6])
    return ":".join(f"{one:x}" for one in (*settings[:4], *signs))
