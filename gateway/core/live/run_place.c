/* SPDX-License-Identifier: MIT */
/*
 * Gives a new run its entry of the table, of its kind's share, and fills it in. Whoever begins runs
 * calls it; it forgets an ended run when the share is full.
 */
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/live/run.h"
#include "gateway/core/live/run_name.h"

enum { RUN_PLACE_PIECE = 3072 };

/* Returns a free entry of the table of runs, or that of an ended run of the kind, or NULL. */
static struct run *run_place(enum run_kind kind)
{
	static const size_t shares[] = {
		[RUN_ALONE] = RUNS_ALONE, [RUN_SANDBOX] = RUNS_SANDBOX, [RUN_INSIDE] = RUNS_INSIDE};
	size_t count = 0;
	struct run *place;

	for (const struct run *run = run_next(NULL); run; run = run_next(run))
		count += run->kind == kind;
	if (count < shares[kind])
		return run_free_place();
	place = run_kept_first(kind);
	if (place)
		run_free(place);
	return place;
}

struct run *run_make(struct request *request, const struct run_order *order, enum run_kind kind)
{
	struct run *run = run_place(kind);

	if (!run)
		return NULL;
	*run = (struct run){
		.state = RUN_WAITING,
		.kind = kind,
		.number = run_number(),
		.owner = request->who,
		.audit = request->audit,
		.volume_audit = order->volume_audit,
		.limits = order->limits,
		.words = order->words,
		.files = order->files,
		.input = order->input,
		.input_open = order->input_open,
		.rows = order->rows,
		.columns = order->columns,
		.wanted = order->wanted,
		.publish = order->publish,
		.out.limit = RUN_OUTPUT_MAX + RUN_PLACE_PIECE,
		.error.limit = RUN_OUTPUT_MAX + RUN_PLACE_PIECE,
		.asked_s = clock_now_s(),
	};
	request->audit = 0;
	request_actor(request, run->actor, sizeof(run->actor));
	string_copy(run->template, sizeof(run->template), order->template);
	if (order->egress)
		string_copy(run->egress, sizeof(run->egress), order->egress);
	string_copy(run->volume, sizeof(run->volume), order->volume);
	run_name_make(run->number, run->vm, sizeof(run->vm));
	return run;
}
