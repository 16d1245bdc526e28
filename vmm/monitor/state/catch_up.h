/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * With the key `clock = jump` time goes on by as long as the state, which was just loaded, has lain
 * somewhere. The guest's time stands still. A watchdog does not count it.
 */
void catch_up(struct machine *machine, const void *state);
