/* SPDX-License-Identifier: MIT */
/*
 * Decides which ended runs are forgotten: bounds what all of them keep of what they have printed
 * and left, and names the one that gives its place to a new run. The table of runs calls it.
 */
#include "gateway/core/identity/share.h"
#include "gateway/core/live/run.h"

enum { RUN_KEPT_BYTES = 16 << 20 };
_Static_assert((int)RUN_KEPT_BYTES > (int)RUN_OUTPUT_MAX, "there is another run to forget");

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

/*
 * Returns the run that ended longest ago of those with output, but `last`, of the owner whose runs
 * keep most.
 */
static struct run *run_kept_oldest(const struct run *last)
{
	struct run *oldest = NULL;
	size_t most = 0;

	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		size_t kept = run != last && run_kept(run) ? run_kept_of(&run->owner) : 0;

		if (kept > most || (kept && kept == most && run->ended_s < oldest->ended_s)) {
			oldest = run;
			most = kept;
		}
	}
	return oldest;
}

/* Returns how many ended runs of the kind the table has of `who`. */
static size_t run_kept_count(const struct identity *who, enum run_kind kind)
{
	size_t count = 0;

	for (const struct run *run = run_next(NULL); run; run = run_next(run))
		count +=
			run->state == RUN_DONE && run->kind == kind && share_same(&run->owner, who);
	return count;
}

struct run *run_kept_first(enum run_kind kind)
{
	struct run *first = NULL;
	size_t most = 0;

	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		bool ended = run->state == RUN_DONE && run->kind == kind;
		size_t count = ended ? run_kept_count(&run->owner, kind) : 0;

		if (count > most || (count && count == most && run->ended_s < first->ended_s)) {
			first = run;
			most = count;
		}
	}
	return first;
}

void run_kept_bound(const struct run *last)
{
	while (run_kept_of(NULL) > RUN_KEPT_BYTES)
		run_free(run_kept_oldest(last));
}
