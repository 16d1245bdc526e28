/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/* Carries out the manager's command if there is a new one. */
void command_handle(struct machine *machine);
