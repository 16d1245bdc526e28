#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile_commands.py FLAGS SOURCE...: a compilation database (clang's JSON format) of the sources."""

import json
import os
import sys

flags, sources = sys.argv[1], sys.argv[2:]
json.dump([{"directory": os.getcwd(), "file": source, "command": f"{flags} -DCOMMIT='\"\"' -c {source}"}
           for source in sources], sys.stdout, indent=1)
