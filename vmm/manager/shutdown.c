/* SPDX-License-Identifier: MIT */
/*
 * Stops the host after the last answer was sent. Called by stop_all.c and the event loop. Owns
 * whether the host is to stop; machine.c switches it off or resets it.
 */
#include "vmm/manager/shutdown.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/channel/machine_channel.h"
#include "vmm/manager/log/notice.h"

static enum shutdown wanted;

void shutdown_ask(enum shutdown what)
{
	wanted = what;
}

void shutdown_step(void)
{
	enum shutdown what = wanted;

	if (what == SHUTDOWN_NONE)
		return;
	wanted = SHUTDOWN_NONE;
	console_flush();
	machine_channel_flush();
	notice("error: the host does not stop: %s\n",
	       what == SHUTDOWN_REBOOT ? machine_reboot() : machine_power_off());
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
