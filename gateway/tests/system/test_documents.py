# SPDX-License-Identifier: MIT
"""What comes beside the programs: manual pages, completion, rules for Prometheus."""
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
    for command in ("vm list", "console", "events", "log", "audit", "host", "token", "login", "vm save", "vm backup", "disk list",
                    "net list", "user list", "logout", "password"):
        assert command in page and command.split()[0] in completion, command


@pytest.mark.parametrize("words, offered", [
    ("v", "vm"), ("vm s", "show start stop snapshot save set"), ("--json token c", "create"),
    ("token create x --role a", "admin auditor"), ("--host h host r", "reboot"), ("--fol", "--follow"),
    ("vm balloon x", ""), ("user create x --role v", "viewer"), ("user p", "password"), ("disk l", "list")])
def test_completion(words, offered):
    script = ('source gateway/cli/skerryctl.bash; COMP_WORDS=(skerryctl %s); '
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _skerryctl; echo "${COMPREPLY[*]}"' % words)
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=10)
    assert done.stdout.strip() == offered and done.stderr == ""


def test_rules():
    """Each rule fires when it should and not before: promtool plays series to them."""
    for words in (["check", "rules", "skerry.rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True,
                              timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
