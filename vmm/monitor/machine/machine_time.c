/* SPDX-License-Identifier: MIT */
/*
 * A VM's time: guest time, wall time and the offset of its TSC. Called by machine.c, vcpu.c and the
 * state files; pure arithmetic on struct machine_time.
 */
#include "vmm/monitor/machine/machine_time.h"

#include "lib/checked.h"
#include "vmm/rt/checked.h"

void machine_time_start(struct machine_time *time, u64 tsc_khz, u64 host_tsc)
{
	time->tsc_khz = tsc_khz != 0 ? tsc_khz : 1;
	time->base_tsc = host_tsc;
	time->paused_tsc = 0;
}

void machine_time_wall(struct machine_time *time, u64 seconds, u64 host_tsc)
{
	time->wall_seconds = seconds;
	time->wall_tsc = host_tsc;
}

void machine_time_pause(struct machine_time *time, u64 host_tsc)
{
	if (time->paused_tsc == 0)
		time->paused_tsc = host_tsc;
}

void machine_time_resume(struct machine_time *time, u64 host_tsc)
{
	if (time->paused_tsc != 0)
		time->base_tsc += host_tsc - time->paused_tsc;
	time->paused_tsc = 0;
}

static ALWAYS_INLINE void machine_time_update_page(const struct machine_time *time,
						   struct machine_clock *clock, u64 host_tsc)
{
	u64 guest_now = time->paused_tsc != 0 ? time->paused_tsc : host_tsc;
	/* if the guest has run longer than the host, its base_tsc lies before the host's TSC 0 */
	s64 since_base = (s64)(guest_now - time->base_tsc);
	u64 elapsed = since_base > 0 ? (u64)since_base : 0;

	clock->stale &= ~(u32)CLOCK_GUEST_STALE;
	clock->tsc_khz = time->tsc_khz;
	clock->now_ns = mul_div(elapsed, NS_PER_MS, time->tsc_khz);
	clock->guest_tsc = elapsed + clock->tsc_adjust;
}

void machine_time_update_guest(const struct machine_time *time, struct machine_clock *clock,
			       u64 host_tsc)
{
	machine_time_update_page(time, clock, host_tsc);
}

void machine_time_update(const struct machine_time *time, struct machine_clock *clock, u64 host_tsc)
{
	u64 since_wall = host_tsc > time->wall_tsc ? host_tsc - time->wall_tsc : 0;

	machine_time_update_page(time, clock, host_tsc);
	clock->stale = 0;
	clock->wall_ns =
		time->wall_seconds * NS_PER_S + mul_div(since_wall, NS_PER_MS, time->tsc_khz);
}

u64 machine_time_wall_ns(const struct machine_time *time, u64 host_tsc)
{
	struct machine_clock clock = {0};

	if (time->wall_seconds == 0)
		return 0;
	machine_time_update(time, &clock, host_tsc);
	return clock.wall_ns;
}

void machine_time_jump(struct machine_time *time, u64 ns)
{
	u64 cycles = mul_div(ns, time->tsc_khz, NS_PER_MS);
	u64 now = time->paused_tsc - time->base_tsc;
	u64 then;

	if (checked_add(now, cycles, &then) && then >> 63 == 0)
		time->base_tsc -= cycles;
}

u64 machine_time_tsc_offset(const struct machine_time *time)
{
	return -time->base_tsc;
}

u64 machine_time_to_host(const struct machine_time *time, u64 ns)
{
	u64 elapsed;
	u64 host;

	if (ns == DEADLINE_NONE)
		return 0;
	elapsed = mul_div(ns, time->tsc_khz, NS_PER_MS);
	/* The result is rounded up by one cycle, so that `ns` has certainly passed by that TSC. */
	if ((s64)time->base_tsc < 0) /* the host's TSC 0 lies within guest time */
		host = elapsed > -time->base_tsc ? elapsed + time->base_tsc : 0;
	else if (!checked_add(elapsed, time->base_tsc, &host))
		host = ~0ull;
	if (host >= ~0ull - 1)
		return ~0ull - 1;
	return host + 1;
}
