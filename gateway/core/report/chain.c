/* SPDX-License-Identifier: MIT */
/*
 * Verifies the chain of the whole audit for a report, in a thread, so that core does not wait for
 * it. The gathering of a report calls it; it reads the audit's files and nothing else.
 */
#include "gateway/core/report/report.h"

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/core/audit/audit.h"

/*
 * The thread writes `chain` and `whole`, and then stores `ended`; core reads them once it has seen
 * that.
 */
static struct {
	bool begun;	    /* the thread exists and its result was not taken yet */
	unsigned rotations; /* audit_rotations() when the thread began */
	struct audit_chain chain;
	bool whole;
	atomic_bool ended;
} chain;

static void *chain_run(void *unused)
{
	(void)unused;
	chain.whole = audit_chain_verify(&chain.chain);
	atomic_store(&chain.ended, true);
	return NULL;
}

void report_chain_start(void)
{
	pthread_t thread;

	/* A thread of an earlier report that took too long: its result will do. */
	if (chain.begun)
		return;
	atomic_store(&chain.ended, false);
	chain.rotations = audit_rotations();
	chain.begun = pthread_create(&thread, NULL, chain_run, NULL) == 0;
	if (chain.begun)
		pthread_detach(thread);
}

bool report_chain_result(enum report_chain_state *state, struct audit_chain *lines)
{
	*state = REPORT_CHAIN_UNKNOWN;
	if (!chain.begun)
		return true;
	if (!atomic_load(&chain.ended))
		return false;
	chain.begun = false;
	/* A file that was renamed or removed meanwhile looks like a break: it is read once more. */
	if (!chain.whole && chain.rotations != audit_rotations()) {
		report_chain_start();
		return !chain.begun;
	}
	*lines = chain.chain;
	*state = chain.whole ? REPORT_CHAIN_WHOLE : REPORT_CHAIN_BROKEN;
	return true;
}
