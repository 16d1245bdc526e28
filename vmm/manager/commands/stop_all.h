/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/shutdown.h"

/* For the commands that stop the machine: `now`, or as soon as every VM has been stopped. */
void stop_all_run(struct reply *reply, const struct arguments *arguments, enum shutdown what);
