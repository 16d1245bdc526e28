/* SPDX-License-Identifier: MIT */
/*
 * Decides which run is next, and in which clone: a new clone, or one that waits at the gate. The
 * table of runs calls it whenever one more run may have a VM; it makes clones by run.c.
 */
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/host/host.h"
#include "gateway/core/identity/share.h"
#include "gateway/core/live/run.h"
#include "gateway/core/live/run_name.h"

bool run_is_active(const struct run *run)
{
	return !run->spare && run->state > RUN_WAITING && run->state < RUN_DONE;
}

/*
 * Returns how many runs of `who` (NULL: of all) have a VM, or, with `active` false, wait for one.
 */
size_t run_count(const struct identity *who, bool active)
{
	size_t count = 0;

	for (const struct run *run = run_next(NULL); run; run = run_next(run))
		count += run->kind == RUN_ALONE &&
			 (active ? run_is_active(run) : run->state == RUN_WAITING) &&
			 (!who || share_same(&run->owner, who));
	return count;
}

static void run_given(uint64_t unused, json_t *reply)
{
	/* Skerry goes on to show a clone as nobody's when it has not taken its owner. */
	(void)unused;
	(void)reply;
}

/*
 * Gives a run a clone of its template that waits at the gate. Returns false if there is none, or if
 * the run has a volume, or a list of its own of what it may send to, with which its clone has to be
 * made.
 */
bool run_take_spare(struct run *run)
{
	if (run->egress[0] || run->volume[0] || run->from[0])
		return false;
	for (struct run *spare = run_next(NULL); spare; spare = run_next(spare)) {
		if (!spare->spare || spare->state != RUN_AT_GATE || !spare->link.greeted ||
		    spare->result || strcmp(spare->template, run->template))
			continue;
		string_copy(run->vm, sizeof(run->vm), spare->vm);
		run_ask(run, "runs give", (const char *const[]){run->vm, run->actor, NULL},
			run_given);
		run->link = spare->link;
		spare->link = (struct run_link){0};
		run_free(spare);
		run->began_s = clock_now_s();
		run->state = RUN_AT_GATE;
		run_frame_seed(run);
		run_frame_push(run);
		return true;
	}
	return false;
}

/* Returns whether Skerry may have made no clone for lack of memory, addresses or VMs. */
static bool run_lacked_room(json_t *reply)
{
	const char *code = json_string_value(json_object_get(reply, "code"));

	return code &&
	       (!strcmp(code, "failed") || !strcmp(code, "no-memory") || !strcmp(code, "busy"));
}

bool run_room_comes(const struct run *run, json_t *reply)
{
	return run_lacked_room(reply) &&
	       (run_count(NULL, true) > 0 || run_end_spare(run->template));
}

bool run_end_spare(const char *template)
{
	struct run *last = NULL;

	for (struct run *spare = run_next(NULL); spare; spare = run_next(spare)) {
		if (!spare->spare || strcmp(spare->template, template))
			continue;
		if (spare->result)
			return true;
		last = spare;
	}
	if (last)
		run_stop(last, "no-room");
	return last;
}

/* Makes clones that are to wait at the gate, as long as fewer than RUNS_ACTIVE runs have a VM. */
static void run_schedule_warm(void)
{
	const char *template;

	while (host.up && (template = run_warm_wanted(clock_now_s()))) {
		struct run *spare = run_free_place();

		if (!spare)
			return;
		*spare = (struct run){.spare = true, .number = run_number()};
		string_copy(spare->template, sizeof(spare->template), template);
		string_copy(spare->actor, sizeof(spare->actor), "warm");
		run_name_make(spare->number, spare->vm, sizeof(spare->vm));
		run_clone(spare);
		if (spare->state != RUN_CLONING) {
			run_free(spare);
			return;
		}
	}
}

/*
 * Starts waiting runs as long as more may have a VM: first those of the owner who has fewest VMs,
 * and of several such the run that has waited longest.
 */
void run_schedule(void)
{
	double now_s = clock_now_s();

	while (host.up && run_count(NULL, true) < RUNS_ACTIVE) {
		struct run *next = NULL;
		size_t least = 0;

		for (struct run *run = run_next(NULL); run; run = run_next(run)) {
			size_t has;

			if (run->state != RUN_WAITING || run->spare || run->kind != RUN_ALONE ||
			    now_s < run->again_s)
				continue;
			has = run_count(&run->owner, true);
			if (!next || has < least || (has == least && run->number < next->number)) {
				next = run;
				least = has;
			}
		}
		if (!next)
			break;
		if (!run_take_spare(next))
			run_clone(next);
		if (next->state == RUN_WAITING)
			return;
	}
	run_schedule_warm();
}
