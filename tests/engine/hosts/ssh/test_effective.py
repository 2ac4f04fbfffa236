"""What OpenSSH's client says it would do, and the same without it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from engine.hosts.ssh import effective as asked
from engine.hosts.ssh.clientless import without_client
from engine.hosts.ssh.effective import Effective, effective, own_home, understood
from engine.project.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = """
Host gpu
  HostName 10.0.0.5
  Port 2222
  User alice
  IdentityFile ~/.ssh/%n_key
  IdentityFile "{folder}/with blank/%r@%h"
  CertificateFile {folder}/cert
  IdentitiesOnly yes
  IdentityAgent {folder}/agent
  UserKnownHostsFile {folder}/first {folder}/second
  GlobalKnownHostsFile none
  HostKeyAlias head
  ConnectTimeout 7
  PreferredAuthentications password,publickey
Host behind
  ProxyJump bob@one:2201,two
Host piped
  ProxyCommand nc -X connect %h %p "%%" $HOME
Host free
  PasswordAuthentication no
  IdentityAgent none
  UserKnownHostsFile /dev/null
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "config"
    file.write_text(CONFIG.format(folder=tmp_path))
    return {"PATH": os.environ["PATH"], "AML_TUI_SSH_CONFIG": str(file)}


@pytest.mark.parametrize("read", [effective, without_client])
def test_what_a_configuration_says(
    read: Callable[..., Effective], environ: dict[str, str], tmp_path: Path, ssh_needed: None
) -> None:
    gpu = read(Machine("gpu"), environ)
    assert (gpu.name, gpu.host, gpu.port, gpu.user) == ("gpu", "10.0.0.5", 2222, "alice")
    assert gpu.identity_files == (f"{own_home()}/.ssh/gpu_key", f"{tmp_path}/with blank/alice@10.0.0.5")
    assert gpu.certificate_files == (f"{tmp_path}/cert",)
    assert gpu.identities_only
    assert gpu.identity_agent == f"{tmp_path}/agent"
    assert gpu.user_known_hosts == (f"{tmp_path}/first", f"{tmp_path}/second")
    assert gpu.global_known_hosts == ()
    assert (gpu.host_key_alias, gpu.connect_timeout) == ("head", 7.0)
    assert gpu.methods == ("password", "publickey")
    behind = read(Machine("behind"), environ)
    assert behind.proxy_jump == ("bob@one:2201", "two")
    assert read(Machine("behind", jump_host="three"), environ).proxy_jump == ("three",)
    assert read(Machine("piped"), environ).proxy_command == 'nc -X connect piped 22 "%" $HOME'
    free = read(Machine("free", port=23, username="carol"), environ)
    assert (free.port, free.user, free.identity_agent) == (23, "carol", "none")
    assert free.methods == ("publickey", "keyboard-interactive")
    assert free.user_known_hosts == ()
    assert free.connect_timeout == asked.CONNECT_TIMEOUT
    assert f"{own_home()}/.ssh/id_ed25519" in free.identity_files


def test_an_address_is_no_option(environ: dict[str, str], ssh_needed: None) -> None:
    with pytest.raises(HostError):
        effective(Machine("-oProxyCommand=true"), environ)


def test_without_a_client_its_absence_is_no_failure(environ: dict[str, str], tmp_path: Path) -> None:
    environ["PATH"] = str(tmp_path)
    assert effective(Machine("gpu"), environ).port == 2222


def test_a_bad_configuration_without_a_client(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Port many\n")
    with pytest.raises(HostError, match="line 1"):
        without_client(Machine("gpu"), environ)


def test_a_configuration_that_hangs(
    environ: dict[str, str], tmp_path: Path, ssh_needed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text('Match exec "sleep 600"\n  Port 1\n')
    monkeypatch.setattr(asked, "PATIENCE", 0.3)
    with pytest.raises(HostError, match="did not end"):
        effective(Machine("gpu"), environ)


def test_what_is_said_in_words_of_its_own() -> None:
    lines = "stricthostkeychecking true\nuserknownhostsfile /a b/c /d\nidentityagent $AGENT\nconnecttimeout none"
    found = understood(Machine("x"), lines, {"AGENT": "/run/agent"})
    assert found.strict == "yes"
    assert found.user_known_hosts == ("/a b/c", "/d")
    assert found.identity_agent == "/run/agent"
    assert understood(Machine("x"), "proxycommand none\nproxyusefdpass yes", {}).proxy_command == ""
    with pytest.raises(HostError, match="ProxyUseFdpass"):
        understood(Machine("x"), "proxycommand nc\nproxyusefdpass yes", {})
