/* SPDX-License-Identifier: MIT */
/*
 * Pieces of files that the owner of a run sends into its VM while the command runs. A handler
 * begins one, run_frame.c brings what the init says of it, which the run's program may have forged;
 * the table of runs looks after requests that wait.
 */
#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/live/run.h"

/* What became of a file, as iso/init/gate.h numbers it. */
static const char *const run_put_problems[] = {
	NULL,
	"the folder that the path names is not there, and cannot be made",
	"there is no regular file at that path: a folder, a device or a pipe",
	"a file that is sent into a run has at most 1048576 bytes",
	"the file cannot be written: the place is full or read-only, or a program there is running",
};

/* Answers the request that waits, if its client is still there. Without a problem it is done. */
static void run_put_answer(struct run *run, unsigned status, const char *code, const char *problem)
{
	struct request *request = run->put.request ? request_find(run->put.request) : NULL;

	run->put.request = 0;
	if (request && problem)
		answer_problem(request, status, code, "%s", problem);
	else if (request)
		answer_json(request, 200, json_pack("{s:b}", "changed", true));
}

void run_put_begin(struct run *run, struct request *request, const struct buffer *piece)
{
	run->put = (struct run_put){
		.awaited = true,
		.request = request->id,
		.until_s = clock_now_s() + RUN_PUT_S,
	};
	run_frame_put(run, piece);
	run_frame_push(run);
	run_put_look(run, clock_now_s());
}

bool run_put_done(struct run *run, const uint8_t *bytes, size_t count)
{
	if (!run->put.awaited || count != 1 || bytes[0] >= ARRAY_COUNT(run_put_problems))
		return false;
	run->put.awaited = false;
	run_put_answer(run, 422, "bad-argument", run_put_problems[bytes[0]]);
	return true;
}

void run_put_look(struct run *run, double now_s)
{
	if (run->put.request == 0)
		return;
	if (run->result)
		run_put_answer(run, 409, "bad-state", "the run has ended");
	else if (now_s >= run->put.until_s)
		run_put_answer(run, 504, "timeout",
			       "the run's VM has not taken the file: it may still do so");
}
