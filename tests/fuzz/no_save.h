/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/save/restore.h"

/* Saves have a target of their own, state_stream. */
bool restore_wanted(void)
{
	return false;
}

bool restore_load(struct machine *machine)
{
	(void)machine;
	return false;
}
