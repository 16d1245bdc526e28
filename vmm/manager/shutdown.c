/* SPDX-License-Identifier: MIT */
/*
 * Stops the host after the last answer was sent and stores with a lease were given back. Called by
 * stop_all.c and the event loop. Owns whether the host is to stop; machine.c switches it off or
 * resets it.
 */
#include "vmm/manager/shutdown.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/channel/machine_channel.h"
#include "vmm/manager/disk/store_leave.h"
#include "vmm/manager/log/notice.h"
#include "vmm/rt/clock.h"

/* The time for which the host waits for stores to be given back, as a disk may hang. */
#define LEAVE_NS (10 * NS_PER_S)

static enum shutdown wanted;
static u64 until_tsc; /* the host stops by this TSC even if stores are held; 0: not known yet */

void shutdown_ask(enum shutdown what)
{
	wanted = what;
}

void shutdown_step(void)
{
	enum shutdown what = wanted;

	if (what == SHUTDOWN_NONE)
		return;
	if (until_tsc == 0)
		until_tsc = clock_tsc() + clock_ns_to_tsc(LEAVE_NS);
	if (!stores_leave()) {
		if (clock_tsc() < until_tsc)
			return;
		notice("A store was not given back within 10 s: another host waits for its lease "
		       "to pass.\n");
	}
	wanted = SHUTDOWN_NONE;
	until_tsc = 0;
	stores_stay();
	console_flush();
	machine_channel_flush();
	notice("error: the host does not stop: %s\n",
	       what == SHUTDOWN_REBOOT ? machine_reboot() : machine_power_off());
}

u64 shutdown_deadline(void)
{
	return until_tsc != 0 ? until_tsc : ~0ull;
}

static bool shutdown_resume_never(struct reply *reply)
{
	(void)reply;
	return false;
}

void shutdown_run(struct reply *reply, enum shutdown what)
{
	shutdown_ask(what);
	if (reply->to->terminal)
		reply->resume = shutdown_resume_never;
}
