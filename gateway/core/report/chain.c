/* SPDX-License-Identifier: MIT */
/*
 * Verifies the chain of the whole audit for a report, in a thread, so that core does not wait for
 * it. The gathering of a report calls it; it reads the audit's files and nothing else.
 */
#include "gateway/core/report/report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "gateway/core/audit/audit.h"

/*
 * A result that came too late for its own report is used for the next one, if that begins within
 * this many seconds.
 */
enum { CHAIN_FRESH_S = 600 };

/*
 * The thread writes `lines`, `whole` and `time_s`, and then stores `ended`; core reads them only
 * after it has seen `ended`.
 */
static struct {
	bool begun;	    /* the thread exists and its result was not taken yet */
	unsigned rotations; /* audit_rotations() when the thread began */
	uint64_t line;	    /* number and hash of the last line written before the thread began */
	char head[AUDIT_HASH];
	struct audit_chain lines;
	bool whole;
	int64_t time_s; /* when the thread ended, in UTC seconds */
	atomic_bool ended;
} chain;

static void *chain_run(void *unused)
{
	(void)unused;
	chain.whole = audit_chain_verify(&chain.lines);
	chain.time_s = time(NULL);
	atomic_store(&chain.ended, true);
	return NULL;
}

void report_chain_start(void)
{
	pthread_t thread;

	/* The thread of an earlier, late report is still at work, or has ended recently. */
	if (chain.begun &&
	    (!atomic_load(&chain.ended) || time(NULL) - chain.time_s < CHAIN_FRESH_S))
		return;
	atomic_store(&chain.ended, false);
	chain.rotations = audit_rotations();
	chain.line = audit_head(chain.head);
	chain.begun = pthread_create(&thread, NULL, chain_run, NULL) == 0;
	if (chain.begun)
		pthread_detach(thread);
}

/*
 * Checks that the files hold the last line that was written, as a chain without its end is whole,
 * too. If they hold another line in its place, that line counts as the break.
 */
static void chain_look(void)
{
	if (chain.lines.last < chain.line) {
		chain.whole = false;
	} else if (chain.whole && chain.lines.last == chain.line &&
		   strcmp(chain.lines.head, chain.head)) {
		chain.whole = false;
		chain.lines.last--;
	}
}

bool report_chain_result(enum report_chain_state *state, struct audit_chain *lines, int64_t *time_s)
{
	*state = REPORT_CHAIN_UNKNOWN;
	if (!chain.begun)
		return true;
	if (!atomic_load(&chain.ended))
		return false;
	chain.begun = false;
	chain_look();
	/*
	 * A file that was renamed or removed during the check looks like a break, so the files are
	 * read again.
	 */
	if (!chain.whole && chain.rotations != audit_rotations()) {
		report_chain_start();
		return !chain.begun;
	}
	*lines = chain.lines;
	*time_s = chain.time_s;
	*state = chain.whole ? REPORT_CHAIN_WHOLE : REPORT_CHAIN_BROKEN;
	return true;
}
