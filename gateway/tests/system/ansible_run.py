# SPDX-License-Identifier: MIT
"""Runs Debian's Ansible with the collection skerry.host for tests: playbooks, commands, an inventory."""
import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "gateway/ansible"
LIMIT = 150     # seconds for a program


def called(module, options, check=False):
    """What a module returns; it runs in this process, as Ansible would take a second of CPU for each. The Ansible class has to be there."""
    from ansible.module_utils import basic

    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"   # versions from 2.19 on ask for it
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        importlib.import_module(f"ansible_collections.skerry.host.plugins.modules.{module}").main()
    return {"failed": False, "changed": False, **json.loads(said.getvalue())}


class Ansible:
    """The collection, installed as the README says, and the environment in which programs of Ansible find it and nothing else."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.collections = self.folder / "collections"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "SKERRY_"))}
        self.environment.update(
            ANSIBLE_HOME=str(self.folder / "home"), ANSIBLE_LOCAL_TEMP=str(self.folder / "tmp"), ANSIBLE_REMOTE_TEMP=str(self.folder / "tmp"),
            ANSIBLE_COLLECTIONS_PATH=str(self.collections), ANSIBLE_PIPELINING="1",
            ANSIBLE_CALLBACK_PLUGINS=str(Path(__file__).parent / "callbacks"), ANSIBLE_NOCOLOR="1", HOME=str(self.folder), LC_ALL="C.UTF-8")
        self.run("ansible-galaxy", "collection", "install", "./" + str(SOURCE.relative_to(ROOT)), "-p", self.collections, good=True)
        sys.path.insert(0, str(self.collections))

    def run(self, *words, good=None, **more):
        """Runs a program from the root of the tree; `good`: it must succeed, or must not."""
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=LIMIT, check=False, cwd=ROOT,
                              env={**self.environment, **more})
        assert good is None or (done.returncode == 0) == good, (words, done.stdout, done.stderr)
        return done

    def playbook(self, path, *options, **more):
        return self.run("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3", path, *options, **more)

    def play(self, defaults, tasks):
        """Runs tasks, each (module, options, whether in check mode), in one playbook; returns what each returned."""
        recorded = self.folder / "recorded"
        recorded.unlink(missing_ok=True)
        listed = [{"skerry.host." + module: options, "ignore_errors": True, "diff": True, "check_mode": check} for module, options, check in tasks]
        book = self.folder / "book.json"
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": listed,
                                     "module_defaults": {"group/skerry.host.skerry": defaults}}]), encoding="utf-8")
        done = self.playbook(book, ANSIBLE_STDOUT_CALLBACK="recorded", RECORDED=str(recorded))
        lines = recorded.read_text(encoding="utf-8").splitlines() if recorded.exists() else []
        assert len(lines) == len(tasks), done.stdout + done.stderr
        return [json.loads(line) for line in lines]
