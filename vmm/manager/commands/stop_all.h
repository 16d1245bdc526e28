/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/shutdown.h"

/*
 *  Stops the host: at once with the word `now`, else as soon as every VM has been stopped.
 */
void stop_all_run(struct reply *reply, const struct arguments *arguments, enum shutdown what);
