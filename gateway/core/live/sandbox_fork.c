/* SPDX-License-Identifier: MIT */
/*
 * Forks sandboxes: a snapshot of the VM, a clone of that, and the snapshot dropped. A handler
 * begins one, the tick drops; it asks Skerry by the link, and keeps numbers alone meanwhile, as
 * sandbox and client may be gone by the reply.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/identity/share.h"
#include "gateway/core/live/sandbox.h"
#include "gateway/link/link.h"

enum {
	SANDBOX_FORKS = 16,
	SANDBOX_FORKS_OF_ONE = 2, /* each holds one of the link's requests while Skerry takes it */
	SANDBOX_FORK_WAIT_S = 50,
};

/* A fork whose snapshot is being taken. */
static struct sandbox_fork {
	uint32_t request; /* 0: free */
	struct identity owner;
	uint64_t box;
	double timeout_s;
	char snapshot[24];
} sandbox_forks[SANDBOX_FORKS];

static void sandbox_dropped(uint64_t unused, json_t *reply)
{
	(void)unused;
	(void)reply;
}

void sandbox_drop_snapshot(char *from)
{
	char *snapshot = strchr(from, '@');
	const char *words[] = {from, snapshot ? snapshot + 1 : NULL, NULL};

	if (!snapshot)
		return;
	*snapshot = 0;
	if (link_ask(link_command("vm snapshot drop", words, "sandbox"), sandbox_dropped, 0))
		*from = 0;
	else
		*snapshot = '@'; /* the link takes no more now: the tick tries again */
}

/* Begins the sandbox that is to go on as the other one was. */
static bool sandbox_begin_fork(struct request *request, const struct run *box, const char *from,
			       double timeout_s)
{
	struct run_order order = {
		.template = box->template,
		.limits = box->limits,
		.words.limit = box->words.limit,
	};

	order.limits.wall_s = timeout_s;
	buffer_add(&order.words, box->words.bytes, box->words.count);
	if (!order.words.failed &&
	    sandbox_begin(request, &order, from, request_wait_s(request, SANDBOX_FORK_WAIT_S)))
		return true;
	buffer_free(&order.words);
	return false;
}

static void sandbox_snapshot(uint64_t place, json_t *reply)
{
	struct sandbox_fork fork = sandbox_forks[place];
	struct request *request = request_find(fork.request);
	const char *status = json_string_value(json_object_get(reply, "status"));
	struct run *box = run_find(fork.box);
	char from[2 * NAME_BYTES];

	sandbox_forks[place].request = 0;
	if (!status || strcmp(status, "ok")) {
		if (request)
			answer_problem_json(request, problem_of_reply(reply));
		return;
	}
	if (!box || box->result) {
		if (request)
			answer_problem(request, 404, "not-found", "the sandbox has ended");
		return; /* its snapshots have ended with its VM */
	}
	snprintf(from, sizeof(from), "%s@%s", box->vm, fork.snapshot);
	if (!request || !sandbox_begin_fork(request, box, from, fork.timeout_s))
		sandbox_drop_snapshot(from);
}

void sandbox_fork(struct request *request, const struct run *box, double timeout_s)
{
	static uint64_t last;
	const char *words[] = {box->vm, NULL, NULL};
	size_t place = 0, own = 0;

	for (size_t i = 0; i < SANDBOX_FORKS; i++)
		own += sandbox_forks[i].request &&
		       share_same(&sandbox_forks[i].owner, &request->who);
	if (own >= SANDBOX_FORKS_OF_ONE) {
		answer_retry_after(request, 1);
		answer_problem(request, 429, "busy",
			       "too many forks begin: at most %d of one token or user",
			       SANDBOX_FORKS_OF_ONE);
		return;
	}
	while (place < SANDBOX_FORKS && sandbox_forks[place].request)
		place++;
	if (place < SANDBOX_FORKS) {
		struct sandbox_fork *fork = &sandbox_forks[place];

		*fork = (struct sandbox_fork){request->id, request->who, box->number, timeout_s,
					      ""};
		snprintf(fork->snapshot, sizeof(fork->snapshot), "fork%llu",
			 (unsigned long long)++last % 1000000);
		words[1] = fork->snapshot;
		if (link_ask(link_command("vm snapshot", words, box->actor), sandbox_snapshot,
			     place))
			return;
		fork->request = 0;
	}
	answer_problem(request, 503, "busy", "Skerry takes no more requests now");
}
