/* SPDX-License-Identifier: MIT */
/*
 * Feeds a run with what a clone's init could say, in pieces: output stays within its limit, input
 * within what the init takes, and behind the end of a run nothing is read.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/core/live/run_frame.c"
#include "gateway/core/live/run_put.c"
#include "gateway/core/live/run_wanted.c"

enum { FUZZ_OUTPUT = 300, FUZZ_INPUT = 40000 };

static struct run fuzz_run;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

void run_stop(struct run *run, const char *result)
{
	if (!result || run->result)
		__builtin_trap();
	run->result = result;
	run->state = RUN_ENDING;
}

void run_fail(struct run *run, json_t *problem)
{
	if (!json_is_object(problem) || run->result)
		__builtin_trap();
	json_decref(problem);
	run->result = "refused";
	run->state = RUN_ENDING;
}

bool run_cap(struct run *run)
{
	return run->limits.cap_percent == 0;
}

bool run_publish(struct run *run)
{
	return run->publish.order.count == 0;
}

bool link_tell(json_t *line)
{
	json_decref(line);
	return true;
}

json_t *problem_json(unsigned status, const char *code, const char *detail, json_t *allowed)
{
	(void)allowed;
	return json_pack("{s:i, s:s, s:s}", "status", (int)status, "code", code, "detail", detail);
}

struct request *request_find(uint32_t id)
{
	(void)id;
	return NULL; /* the client has gone */
}

void answer_json(struct request *request, unsigned status, json_t *body)
{
	(void)request, (void)status, (void)body;
	__builtin_trap();
}

void answer_problem(struct request *request, unsigned status, const char *code, const char *format,
		    ...)
{
	(void)request, (void)status, (void)code, (void)format;
	__builtin_trap();
}

/* All that the run keeps of what the init has said. */
static size_t fuzz_kept(void)
{
	return fuzz_run.limits.output_bytes - run_room(&fuzz_run);
}

static void fuzz_piece(const uint8_t *bytes, size_t count)
{
	bool ended = fuzz_run.result;
	size_t kept = fuzz_kept();

	run_frame_take(&fuzz_run, bytes, count);
	fuzz_run.link.credit = 4096;
	if (ended && fuzz_kept() != kept)
		__builtin_trap();
	if (fuzz_kept() > FUZZ_OUTPUT || fuzz_run.wanted.answered > fuzz_run.wanted.count ||
	    fuzz_run.link.window > RUN_FRAME_WINDOW ||
	    fuzz_run.link.in.count > 2 * 4096 + RUN_FRAME_BYTES)
		__builtin_trap();
}

/* The first byte is how long pieces are, and whether the gate is behind it already. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const uint8_t gate[] = {'H', 1, 0, 0, 3, 'R', 0, 0, 0};
	static uint8_t input[FUZZ_INPUT];
	size_t step;

	if (count == 0)
		return 0;
	step = 1 + (bytes[0] >> 1) * 24u;
	fuzz_run = (struct run){
		.state = RUN_AT_GATE,
		.limits = {.output_bytes = FUZZ_OUTPUT},
		.link = {.stream = 1, .credit = 4096},
		.rows = 24,
		.columns = 80,
		.resized = true,
		.put = {.awaited = true, .request = 1},
	};
	if (bytes[0] & 2)
		fuzz_run.rows = 0; /* an older init will do */
	buffer_text(&fuzz_run.words, "acommand");
	run_wanted_add(&fuzz_run.wanted, "/one");
	run_wanted_add(&fuzz_run.wanted, "/two");
	buffer_add(&fuzz_run.input, input, sizeof(input));
	if (bytes[0] & 1)
		fuzz_piece(gate, sizeof(gate));
	for (size_t at = 1; at < count; at += step)
		fuzz_piece(bytes + at, count - at < step ? count - at : step);
	buffer_free(&fuzz_run.words);
	buffer_free(&fuzz_run.input);
	buffer_free(&fuzz_run.link.out);
	buffer_free(&fuzz_run.link.in);
	buffer_free(&fuzz_run.out);
	buffer_free(&fuzz_run.error);
	json_decref(run_wanted_json(&fuzz_run));
	run_wanted_free(&fuzz_run.wanted);
	json_decref(fuzz_run.problem);
	return 0;
}
