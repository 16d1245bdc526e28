/* SPDX-License-Identifier: MIT */
/*
 * Bounds what ended runs keep of what they have printed and left. The table of runs calls it at
 * each run's end; it forgets runs.
 */
#include "gateway/core/identity/share.h"
#include "gateway/core/live/run.h"

enum { RUN_KEPT_BYTES = 16 << 20 };
_Static_assert((int)RUN_KEPT_BYTES > (int)RUN_OUTPUT_MAX, "the run that has just ended is kept");

static size_t run_kept(const struct run *run)
{
	return run->state == RUN_DONE ? run->limits.output_bytes - run_room(run) : 0;
}

/* Returns how many bytes the ended runs of `who` (NULL: of all) keep. */
static size_t run_kept_of(const struct identity *who)
{
	size_t kept = 0;

	for (const struct run *run = run_next(NULL); run; run = run_next(run))
		kept += !who || share_same(&run->owner, who) ? run_kept(run) : 0;
	return kept;
}

/* Returns the run that ended longest ago of those, with output, of the owner whose runs keep most.
 */
static struct run *run_kept_oldest(void)
{
	struct run *oldest = NULL;
	size_t most = 0;

	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		size_t kept = run_kept(run) ? run_kept_of(&run->owner) : 0;

		if (kept > most || (kept && kept == most && run->ended_s < oldest->ended_s)) {
			oldest = run;
			most = kept;
		}
	}
	return oldest;
}

void run_kept_bound(void)
{
	while (run_kept_of(NULL) > RUN_KEPT_BYTES)
		run_free(run_kept_oldest());
}
