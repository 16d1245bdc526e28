/* SPDX-License-Identifier: MIT */
/*
 * Destroys clones that this gateway has made and has no run for. The tick of the runs calls it; it
 * looks at the list of VMs and asks Skerry by the link.
 */
#include <string.h>

#include "gateway/core/host/host.h"
#include "gateway/core/live/run.h"
#include "gateway/core/live/run_name.h"
#include "gateway/link/link.h"

static void run_nothing(uint64_t unused, json_t *reply)
{
	(void)unused;
	(void)reply;
}

/*
 * Destroys clones that this gateway made before it was restarted, or whose end it has not noticed.
 */
void run_sweep(double now_s)
{
	static double next_s;

	if (!host.up || now_s < next_s)
		return;
	next_s = now_s + 5;
	for (unsigned i = 0; i < host.vm_count; i++) {
		const char *name = host.vms[i]->name;
		const char *words[] = {name, NULL};
		bool known = false;

		for (const struct run *run = run_next(NULL); run; run = run_next(run))
			known |= run->state != RUN_DONE && !strcmp(run->vm, name);
		if (!known && run_name_is(name))
			link_ask(link_command("vm destroy", words, "a run that nobody knows"),
				 run_nothing, 0);
	}
}
