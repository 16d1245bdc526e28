/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/* Takes up a question that the manager has asked (vmm/rt/query.h). */
void query_take(struct machine *machine);

/* Answers the manager's question while no vCPU is in the guest. */
void query_answer(struct machine *machine);
