"""`aml computetarget attach`: try a machine out, keep its secrets, write its two files. A failed try leaves nothing."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from cli.asking import Person
from cli.attach_options import attachment_of, secrets_of
from cli.connecting import Attempt, Outcome, Steps
from cli.follow import say
from cli.keeping import Keeping
from cli.output import emit
from cli.places import Place
from cli.wording import listed
from engine.errors import AmlError
from engine.plain import plain
from engine.project.attaching import Attachment, check_attachment
from engine.project.attaching import attach as write_files
from engine.project.compute import head_node_of
from engine.project.folder import open_project
from engine.project.queues import queues_for
from engine.secrets import KeyStore, new_reference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from engine.project.folder import Project
    from engine.project.machine import Machine


def attach(options: argparse.Namespace) -> int:
    """0 when the files are written. Raises AmlError when they are not; then nothing is left of it."""
    place = Place(options)
    project = open_project(place.the_project())
    person = Person(stdin_taken=options.password_stdin or options.private_key_passphrase_stdin)
    attachment = _at_its_head_node(attachment_of(options), person)
    check_attachment(project, attachment)
    secrets = secrets_of(options, attachment.kind, person)
    return Attaching(options, place, project, attachment, person, KeyStore(place.paths)).attach(secrets)


def _at_its_head_node(attachment: Attachment, person: Person) -> Attachment:
    """With the address that takes SSH in the place of a cluster's web gateway, if the person wants that.

    Where nobody can be asked it stays as it is, and `check_attachment` refuses it and names the other one.
    """
    machine = attachment.machine
    head = head_node_of(machine.address) if machine is not None else ""
    if machine is None or not head or not person.there:
        return attachment
    person.say(f"{machine.address} is the cluster's web gateway, which takes no SSH. Its head node is {head}.")
    if not person.agrees("Attach that one?", default=False):
        return attachment
    return replace(attachment, machine=replace(machine, address=head))


class Attaching:
    """What an attachment goes through. What it puts into the key store is taken out again when it fails."""

    def __init__(
        self,
        options: argparse.Namespace,
        place: Place,
        project: Project,
        attachment: Attachment,
        person: Person,
        keys: KeyStore,
    ) -> None:
        self._options = options
        self._place = place
        self._project = project
        self._attachment = attachment
        self._person = person
        self._keys = keys
        self._stored: list[str] = []

    def attach(self, secrets: dict[str, str]) -> int:
        try:
            return self._attach(secrets)
        except BaseException:
            for reference in self._stored:
                with contextlib.suppress(AmlError):
                    self._keys.delete(reference)
            raise

    def _attach(self, secrets: dict[str, str]) -> int:
        machine = self._attachment.machine
        makes_key = self._options.use_azureml_ssh_key
        # A made key lets nobody in before it is installed: without a way in there is nothing to be tried.
        installs = bool(makes_key and (secrets or self._options.private_key_file))
        if machine is not None and makes_key:
            reference = self._keys.make_key(
                f"aml-tui {self._attachment.name} {os.uname().nodename}", self._options.key_type
            )
            self._stored.append(reference)
            machine = replace(machine, private_key=reference)
        tested = not self._options.no_test and (installs or not makes_key)
        if tested:
            self._judge(self._test(machine, secrets))
        if machine is not None:
            machine = replace(machine, private_key_file="") if makes_key else self._with_password(machine, secrets)
        files = write_files(self._project, replace(self._attachment, machine=machine))
        # From here on the files need what is in the key store.
        self._stored.clear()
        self._tell(machine, files, tested=tested, installed=installs)
        return 0

    def _test(self, machine: Machine | None, secrets: dict[str, str]) -> Outcome:
        """How the way there went. A password that was typed and may be kept is among the secrets then."""
        steps = Steps(sys.stderr)
        one = self._attachment
        if machine is None:
            from cli.doctor import test_here
            from engine.project.compute import ComputeTarget

            return test_here(self._place.paths, self._project, ComputeTarget(one.name, one.kind, ""), steps)
        unattended = {
            "prompt": "Do this on a terminal.",
            "host key": "Do this on a terminal, or put the machine's key into ~/.ssh/known_hosts.",
            "password": "Do this on a terminal, or give it with --password-stdin.",
            "passphrase": "Do this on a terminal, or give it with --private-key-passphrase-stdin.",
        }
        keeping = Keeping(self._person, self._keys, machine, own=True, forgets=bool(self._options.use_azureml_ssh_key))
        passphrase = secrets.get("passphrase", "")
        outcome = Attempt(self._place.paths, self._person, steps, keeping, unattended, passphrase).run(
            {
                # A key that lets nobody in yet is not tried.
                "machine": replace(machine, private_key="").to_json(),
                "kind": one.kind,
                "python": one.python_location,
                "spark_submit": "spark-submit",
                "queues": queues_for(self._project, one.name) if one.kind == "cluster" else [],
                "secrets": {what: text for what, text in secrets.items() if what == "password"},
                "install": machine.private_key,
            }
        )
        if keeping.password:
            secrets["password"] = keeping.password
        return outcome

    def _judge(self, outcome: Outcome) -> None:
        if outcome.state == "ok":
            return
        how = f"the test failed at {outcome.failed}" if outcome.failed else f"the test {outcome.state}"
        raise AmlError(
            f"{self._attachment.name} was not attached: {how}. Nothing was written.",
            remedy="Do what it says above and attach again; --no-test writes the files as they are.",
        )

    def _with_password(self, machine: Machine, secrets: dict[str, str]) -> Machine:
        if "password" not in secrets:
            return machine
        reference = new_reference(self._attachment.name, machine.username)
        self._stored.append(reference)
        self._keys.put(reference, secrets["password"])
        say(f"the password is kept in {self._keys.where}; the .compute file has a reference to it")
        return replace(machine, password=reference)

    def _tell(self, machine: Machine | None, files: Sequence[Path], *, tested: bool, installed: bool) -> None:
        options, one = self._options, self._attachment
        names = [os.path.relpath(file, self._project.path) for file in files]
        public = self._keys.public_key(machine.private_key) if machine and machine.private_key else ""
        if options.output or options.query:
            data = {
                "name": one.name,
                "type": one.kind,
                "host": machine.name if machine else "local",
                "compute": names[0],
                "runconfig": names[1],
                "tested": tested,
                "public_key": public,
                "installed": installed,
            }
            emit(options, data)
        elif public:
            sys.stdout.write(f"{plain(public)}\n")
            sys.stdout.flush()
        if installed:
            say("the new key is installed; what it was installed with is forgotten")
        elif public and machine is not None:
            self._say_how_to_install(machine)
        then = f"aml experiment prepare -c {one.name}"
        if one.kind == "remote":
            then = f"aml experiment submit -c {one.name} SCRIPT"
        if public and not installed:
            then = f"aml computetarget test -n {one.name}, once the key is there"
        say(f"Attached {one.name}: {listed(names)}. Next: {then}")

    def _say_how_to_install(self, machine: Machine) -> None:
        from cli.shell import ssh_command

        way = shlex.join(ssh_command(machine))
        there = "umask 077; mkdir -p ~/.ssh; cat >> ~/.ssh/authorized_keys"
        whose = f"of {machine.username} " if machine.username else ""
        say(f"append this line to ~/.ssh/authorized_keys {whose}on {machine.address}, by hand or with")
        say(f"  aml computetarget public-key -n {self._attachment.name} | {way} '{there}'")
