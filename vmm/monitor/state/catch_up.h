/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * Moves guest time on by the time since the state just loaded was saved, if the VM's configuration
 * has `clock = jump`. Call it while guest time is stopped. The VM's watchdog does not count the
 * gap.
 */
void catch_up(struct machine *machine, const void *state);
