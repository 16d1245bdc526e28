# SPDX-License-Identifier: MIT
"""A callback of Ansible: writes what each task of a playbook returned as a line of JSON. test_ansible.py has ansible-playbook load it."""
import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: recorded
type: stdout
short_description: a line of JSON for each task, into the file that RECORDED names
description: Writes what each task returned.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "recorded"

    def took(self, result, failed=False):
        with open(os.environ["RECORDED"], "a", encoding="utf-8") as file:
            file.write(json.dumps({**result._result, "failed": failed}, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self.took(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.took(result, failed=True)

    def v2_runner_on_unreachable(self, result):
        self.took(result, failed=True)
