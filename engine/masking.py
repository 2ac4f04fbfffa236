"""Commands without their secrets: values of options, variables and addresses that are named as such become stars."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STARS = "********"
# The last word of a name counts: `--hf-token` has a secret, `--token-count` and `--tokenizer` have none.
_SECRET = re.compile(
    r"(?:^|[^A-Za-z]|(?<=[a-z])(?=[A-Z]))"
    r"(?i:pass(?:word|wd|phrase)|passwd|pwd|secret|token|credentials?|(?:api|access|account)?key)$"
    # A storage account's, named after what it is of.
    r"|(?i:\baccount\.key\.|\bclient\.secret\.|\brefresh\.token\.|\buser\.password\.|\bfs\.azure\.sas\.)"
)
# Spark's settings that are a variable of its executors, or of a driver on YARN.
_VARIABLES_OF_SPARK = re.compile(r"\b(?:executorEnv|appMasterEnv|driverEnv)\.(\w+)$")
# A variable's name tells more by any of its words, and costs nothing to hide (`TOKENS_PER_BATCH` is hidden, too).
_SECRET_VARIABLE = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|(?:^|_)KEY(?:$|_)|APIKEY")
# Of an address: the user and password before its host.
CREDENTIALS = re.compile(r"(://)[^/@\s]+@")


def command(arguments: Iterable[str]) -> str:
    """The arguments as one types them on a shell."""
    return " ".join(words(arguments))


def is_secret(name: str) -> bool:
    """Whether what has this name (`--api-key`, `DB_PASSWORD`, `accessKey`) is not to be shown."""
    variable = _VARIABLES_OF_SPARK.search(name)
    return _SECRET.search(name) is not None or (variable is not None and is_secret_variable(variable[1]))


def is_secret_variable(name: str) -> bool:
    """The same of an environment variable."""
    return is_secret(name) or _SECRET_VARIABLE.search(name.upper()) is not None


def words(arguments: Iterable[str]) -> Iterator[str]:
    """Each argument as a shell takes it, stars in place of what is secret."""
    follows = False
    for word in arguments:
        if follows and not word.startswith("--"):
            yield STARS
            follows = False
            continue
        follows = word.startswith("-") and "=" not in word and is_secret(word)
        name = _secret_name(word)
        yield shlex.quote(address(word)) if name is None else f"{shlex.quote(name)}={STARS}"


def assigned(text: str) -> str:
    """A text as it is, but what it assigns to the name of a secret (`TOKEN=x`) or says in an address."""
    name = _secret_name(text)
    return address(text) if name is None else f"{name}={STARS}"


def _secret_name(word: str) -> str | None:
    """What the secret after a "=" in this word is assigned to; None when there is none."""
    name, _, value = word.partition("=")
    while value:
        if is_secret(name):
            return address(name)
        # As in `--env=TOKEN=x`.
        more, equals, value = value.partition("=")
        name = f"{name}={more}" if equals else name
    return None


def address(text: str) -> str:
    """Without the password that a package index or a repository may have in its address."""
    return CREDENTIALS.sub(rf"\1{STARS}@", text)
