/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/life/disk_unlock.h"
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

/* No disk of a fuzzed machine is encrypted. */
bool disk_unlock_all(struct machine *machine)
{
	(void)machine;
	return true;
}
