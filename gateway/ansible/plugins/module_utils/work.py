# SPDX-License-Identifier: MIT
"""What all modules share: their options, what was or would be done, and how they end."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible_collections.skerry.host.plugins.module_utils.gateway import Gateway, Problem

OPTIONS = {
    "host": {"type": "str", "fallback": (env_fallback, ["SKERRY_HOST"])},
    "socket": {"type": "path"},
    "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["SKERRY_TOKEN"])},
    "fingerprint": {"type": "str", "fallback": (env_fallback, ["SKERRY_FINGERPRINT"])},
    "ca": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 60},
}


class Work:
    """One run of a module: does what is not done yet, or in check mode only says what that is."""

    def __init__(self, **own):
        required = own.pop("required", {})
        self.module = AnsibleModule(argument_spec=dict(OPTIONS, **own), supports_check_mode=True, **required)
        self.options = self.module.params
        self.check = self.module.check_mode
        self.actions, self.before, self.after = [], {}, {}
        self.gateway = None

    def do(self, action, method, path, body=None, **headers):
        """Makes a change, which `action` names; returns what skerryd answered, in check mode None."""
        answer = None if self.check else self.gateway.ask(method, path, body, **headers)[0]
        self.actions.append(action)
        return answer

    def run(self, function):
        """Calls function(work), which returns what the module returns besides `changed`."""
        options = self.options
        if not 1 <= options["timeout"] <= 3600:
            self.module.fail_json(msg="timeout: give seconds from 1 to 3600")
        try:
            # an explicit socket counts before a host that the environment names
            host = None if options["socket"] else options["host"]
            self.gateway = Gateway(host, options["socket"], options["token"], options["fingerprint"], options["ca"],
                                   options["validate_certs"], options["timeout"])
            result = function(self)
        except Problem as why:
            done = {} if self.check else {"actions": self.actions}
            self.module.fail_json(msg=why.sentence, code=why.code, status=why.status, **done)
        except (KeyError, TypeError, AttributeError) as why:
            self.module.fail_json(msg="%s answered what this collection does not understand: %r" % (self.gateway and self.gateway.place, why))
        finally:
            if self.gateway:
                self.gateway.close()
        if self.actions or self.before or self.after:
            result["diff"] = {"before": self.before, "after": self.after}
        self.module.exit_json(changed=bool(self.actions), actions=self.actions, **result)
