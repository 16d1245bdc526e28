# SPDX-License-Identifier: MIT
"""The documentation of the options that all modules have."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description:
      - Where skerryd is, such as C(https://skerry.example:8443). The environment variable C(SKERRY_HOST) counts if this is missing.
      - Without a host, skerryd's Unix socket is asked, where the module's user decides about the rights.
    type: str
  socket:
    description: skerryd's Unix socket; it counts before I(host). Without both it is C(/run/skerryd/skerryd.sock).
    type: path
  token:
    description: A token (C(sky_...)) with the rights that the task needs; else the environment variable C(SKERRY_TOKEN).
    type: str
  fingerprint:
    description:
      - SHA-256 of skerryd's certificate, as C(skerryctl host) shows it; else the environment variable C(SKERRY_FINGERPRINT).
      - With it the certificate is that one or nothing is sent; it needs no authority and no matching name.
    type: str
  ca:
    description: A file of certificates that are trusted, in place of the system's.
    type: path
  validate_certs:
    description: False sends the token to whoever answers. Use I(fingerprint) instead.
    type: bool
    default: true
  timeout:
    description: Seconds for each request, and for the change that it begins, 1 to 3600.
    type: int
    default: 60
requirements:
  - Python 3.6
author: Skerry (@skerry)
"""
    INFO = r"""
attributes:
  check_mode:
    description: Nothing is changed by this module.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""
    CHANGE = r"""
attributes:
  check_mode:
    description: Nothing is changed; C(actions) says what would be done. Values are judged only when they are set.
    support: full
  diff_mode:
    description: The difference shows what the task names, before and after.
    support: full
"""
