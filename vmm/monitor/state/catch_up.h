/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * Moves time on by as long as the state just loaded has lain somewhere, if the VM has the key
 * `clock = jump`. The guest's time stands still. A watchdog does not count the gap.
 */
void catch_up(struct machine *machine, const void *state);
