/* SPDX-License-Identifier: MIT */
/*
 * Sends a line at regular intervals, so that the client knows that the link works. Called by
 * machine_channel.c; `samples` sets the period. Owns the channel's times of heartbeats.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/host/machine.h"
#include "vmm/rt/clock.h"

void channel_heartbeat_set(struct machine_channel *channel, u64 period_s)
{
	channel->heartbeat_tsc = clock_ns_to_tsc(period_s * NS_PER_S);
	channel->next_beat_tsc = clock_tsc() + channel->heartbeat_tsc;
}

void channel_heartbeat_step(struct machine_channel *channel)
{
	u64 now = clock_tsc();

	if (!channel->login.open)
		channel->heartbeat_tsc = 0;
	if (channel->heartbeat_tsc == 0 || now < channel->next_beat_tsc)
		return;
	channel->next_beat_tsc = now + channel->heartbeat_tsc;
	if (!channel_takes_line(channel))
		return; /* the lines being sent are a sign of life, too */
	channel_print(channel, "{\"event\":\"heartbeat\",\"time_ns\":%llu}\n",
		      (unsigned long long)machine_time_ns());
}

u64 channel_heartbeat_deadline(const struct machine_channel *channel)
{
	return channel->heartbeat_tsc != 0 ? channel->next_beat_tsc : ~0ull;
}
