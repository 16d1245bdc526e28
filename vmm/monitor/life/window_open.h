/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

struct machine;

/*
 * Maps the window that the VM shares with others, if it has one, and binds its bell to the
 * machine's queue with `key`. Returns the kernel's error for the step that it refuses.
 */
enum status window_open(struct machine *machine, u64 key) MUST_CHECK;
/* Binds the bell again, after another process of this VM has got its signals. */
enum status window_bind(const struct machine *machine, u64 key) MUST_CHECK;
/* Takes the bells that were rung, and wakes the vCPUs that wait for one. */
void window_poll(struct machine *machine);
/* Ends the waits for a bell of all vCPUs. */
void window_wake(struct machine *machine);
