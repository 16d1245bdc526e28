/* SPDX-License-Identifier: MIT */
/*
 * How the processes beside core begin: web, door, hook, mail and publish. Their main functions call
 * it first; it changes the calling process alone.
 */
#include "gateway/base/beside.h"

#include <signal.h>
#include <sys/prctl.h>

void beside_begin(const char *name)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
}
