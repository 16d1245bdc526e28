/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/dev/pit.h"

/*
 * Advances one counter of the 8254. No clock is simulated one by one: the visible state follows
 * from the clocks since the count was loaded. `now` never runs backwards; call pit_channel_advance
 * before any other function.
 */
void pit_channel_advance(struct pit_channel *channel, u64 now);
bool pit_channel_out(const struct pit_channel *channel, u64 now);
/* Returns whether the counter is in mode 2 or 3. */
bool pit_channel_periodic(const struct pit_channel *channel);
/* Returns the clock after `now` at which the counter's output next rises, or DEADLINE_NONE. */
u64 pit_channel_next_edge(const struct pit_channel *channel, u64 now);
void pit_channel_control(struct pit_channel *channel, u8 value, u64 now);
void pit_channel_write(struct pit_channel *channel, u8 value, u64 now);
u8 pit_channel_read(struct pit_channel *channel, u64 now);
void pit_channel_gate(struct pit_channel *channel, bool gate, u64 now);
void pit_channel_latch_count(struct pit_channel *channel, u64 now);
void pit_channel_latch_status(struct pit_channel *channel, u64 now);
bool pit_channel_valid(const struct pit_channel *channel);
