# SPDX-License-Identifier: MIT
"""The files beside the programs: manual pages, completion, rules for Prometheus."""
import json
import os
import re
import subprocess

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
MONITORING = os.path.join(ROOT, "gateway/monitoring")


def manual(page):
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8",
                           os.path.join(ROOT, "gateway/cli", page)], capture_output=True, text=True,
                          env={**os.environ, "MANWIDTH": "80", "MANPAGER": "cat",
                               "MANROFFOPT": "-c", "TERM": "dumb"}, timeout=20)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return re.sub(".\b", "", done.stdout).replace("\u2010", "-")


def test_manual_says_all(request):
    """Each option of --help is in the manual page and in the completion, each command in both."""
    usage = subprocess.run([request.config.getoption("--gateway") + "/skerryctl", "--help"], capture_output=True, text=True, check=True).stdout
    page = manual("skerryctl.1")
    with open(os.path.join(ROOT, "gateway/cli/skerryctl.bash"), encoding="utf-8") as file:
        completion = file.read()
    with open(os.path.join(ROOT, "gateway/cli/main.c"), encoding="utf-8") as file:
        taken = set(re.findall(r'^\t\{"([a-z-]+)", \w+_argument,', file.read(), re.M))
    options = set(re.findall(r"--[a-z-]+", usage))
    assert options == {"--" + name for name in taken}
    for option in options:
        assert option in page and option in completion, option
    for command in ("create", "vm list", "console", "alert create", "events", "connect", "ssh", "log", "audit", "host", "token", "login", "vm save", "vm eject", "vm backup", "disk list",
                    "net list", "store list", "volume create", "user list", "logout", "password"):
        assert command in page and command.split()[0] in completion, command


@pytest.mark.parametrize("words, offered", [
    ("v", "vm volume"), ("cr", "create"), ("create x --cl", "--cloud-init"), ("vm s", "show start stop snapshot save set"), ("--json token c", "create"),
    ("token create x --role a", "admin auditor"), ("--host h host r", "reboot"), ("--fol", "--follow"),
    ("vm balloon x", ""), ("vm ej", "eject"), ("vm insert x", ""), ("vm t", "trim"), ("vm create x mem", "memory="), ("vm set x on_", "on_crash="),
    ("vm set x a=1 disk", "disk="), ("vm snapshot l", "list"), ("disk r", "restore"), ("volume r", "resize rename rekey rollback"), ("volume u", "upload"), ("store f", "format"), ("vm destroy x --y", "--yes"), ("user create x --role v", "viewer"), ("user p", "password"), ("disk l", "list")])
def test_completion(words, offered):
    script = ('source gateway/cli/skerryctl.bash; COMP_WORDS=(skerryctl %s); '
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _skerryctl; echo "${COMPREPLY[*]}"' % words)
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=10)
    assert done.stdout.strip() == offered and done.stderr == ""


def test_completion_of_names(tmp_path):
    """Machines and snapshots are asked for with the same options."""
    program = tmp_path / "ctl"
    program.write_text('#!/bin/sh\ncase "$*" in\n"--socket s vm list") printf "NAME\\nalpha\\nbeta\\n" ;;\n'
                       '"--socket s vm snapshot list alpha") printf "SNAPSHOT\\nfirst\\nsecond\\n" ;;\nesac\n')
    program.chmod(0o755)
    for words, offered in (("vm trim ''", "alpha beta"), ("vm snapshot b", "beta"), ("vm clone a", "alpha"),
                           ("vm clone alpha @ s", "second"), ("vm snapshot drop alpha ''", "first second"),
                           ("vm reset alpha --to f", "first"), ("vm set be", "beta"), ("vm snapshot list ''", "alpha beta")):
        script = (f'source gateway/cli/skerryctl.bash; COMP_WORDS=({program} --socket s {words}); '
                  'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _skerryctl; echo "${COMPREPLY[*]}"')
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=10)
        assert done.stdout.strip() == offered and done.stderr == "", (words, done)


def test_keys_of_a_vm():
    """The description of `config` has Skerry's own keys with their words, and completion offers no other."""
    with open(os.path.join(ROOT, "vmm/manager/config/config_keys.c"), encoding="utf-8") as file:
        table = file.read().split("config_vm_keys[] = {")[1].split("{NULL")[0]
    with open(os.path.join(ROOT, "gateway/api/openapi.json"), encoding="utf-8") as file:
        schemas = json.load(file)["components"]["schemas"]
    described = schemas["VmConfig"]["properties"]
    assert set(described) == set(re.findall(r'\{"([a-z_.]+)", VALUE_', table))
    for key, words in re.findall(r'\{"([a-z_]+)", VALUE_CHOICE, VM_FIELD\(\w+\),\s*\.words = "([^"]*)"', table):
        assert {word for word in described[key]["enum"] if isinstance(word, str)} == set(words.split()), key
    for schema in ("VmNew", "VmChange"):
        assert schemas[schema]["properties"]["config"] == {"$ref": "#/components/schemas/VmConfig"}
    with open(os.path.join(ROOT, "gateway/cli/skerryctl.bash"), encoding="utf-8") as file:
        offered = re.findall(r"([a-z_.]+)=[ '\n]", file.read().split("choices='kernel=")[1].split("'")[0] + "'")
    assert len(offered) > 10 and set(offered) <= set(described)


def quoted(path, begin, end):
    """Returns the quoted words of a file of the tree, between two marks."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return re.findall(r'"([^"]*)"', file.read().split(begin, 1)[1].split(end, 1)[0])


def test_words_of_the_managers():
    """Keys, states, codes and fields that the gateway knows by name are those that the manager has."""
    at_any_time = " ".join(quoted("vmm/manager/vm/vm_keys.h", "define VM_KEYS_AT_ANY_TIME", "/*")).split()
    operators = quoted("gateway/core/http/authorise.c", "keys[] = {", "}")
    # The first key looks into a guest, the second takes memory, the third drops backups: they are for the role admin.
    assert set(operators) == set(at_any_time) - {"trap", "disk.undo", "backup"}
    states = quoted("vmm/manager/vm/vm_life.c", "names[VM_LIFE_STATES][16] = {", "}")
    assert set(quoted("gateway/core/api/metrics.c", "states[] = {", "}")) == set(states) - {"being destroyed"}
    codes = set(quoted("vmm/manager/command/reply.c", "names[REPLY_CODE_COUNT][16] = {", "}"))
    known = set(quoted("gateway/core/http/problem.c", "} codes[] = {", "};"))
    # Only an asker who unlocks a channel is told that a password is wrong.
    assert known == codes - {"wrong-password"}, known ^ codes
    fields = set(quoted("vmm/manager/channel/channel_samples.c", "names[VALUE_COUNT][16] = {", "}"))
    used = set(quoted("gateway/core/api/metrics.c", "modes[][2] = {", "};"))
    assert {word for word in used if word.endswith("_ns")} <= fields


def test_rules():
    """Each rule fires when it should and not before: promtool plays series to the rules."""
    for words in (["check", "rules", "skerry.rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True,
                              timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
