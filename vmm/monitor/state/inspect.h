/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/*
 * Answers the manager's question QUERY_STATE, with no vCPU in the guest. Returns STATUS_NOT_FOUND
 * for an address that is no earlier answer's `next`, or STATUS_NO_MEMORY.
 */
enum status state_inspect(struct machine *machine, const struct query *query,
			  struct query_area *area) MUST_CHECK;
