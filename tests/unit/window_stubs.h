/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/life/window_open.h"
#include "vmm/monitor/life/window_run.h"

/* No VM here has a window. */
void window_poll(struct machine *of)
{
	(void)of;
}

void window_run_look(struct machine *of)
{
	(void)of;
}

void window_run_call(struct machine *of)
{
	(void)of;
}

void window_run_back(struct machine *of)
{
	(void)of;
}

void window_run_keep(struct machine *of, const void *state, u64 used)
{
	(void)of, (void)state, (void)used;
}

void window_run_inherit(struct machine *of)
{
	(void)of;
}
