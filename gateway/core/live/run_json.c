/* SPDX-License-Identifier: MIT */
/*
 * Makes the JSON of a run: with its output for the owner, without it for others. Handlers and the
 * table of runs call it; it changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/live/run.h"

void run_json_output(json_t *object, const char *name, const char *bytes, size_t count)
{
	const char *text = count ? bytes : "";
	struct buffer encoded = {0};
	char key[32];

	if (utf8_valid((const uint8_t *)text, count) && !memchr(text, 0, count)) {
		json_object_set_new(object, name, json_stringn(text, count));
		return;
	}
	base64_add(&encoded, (const uint8_t *)text, count);
	snprintf(key, sizeof(key), "%s_base64", name);
	json_object_set_new(object, key, json_string(encoded.failed ? "" : encoded.bytes));
	buffer_free(&encoded);
}

json_t *run_json(const struct run *run, bool own)
{
	const char *state = run->state == RUN_WAITING ? "waiting"
			    : run->state == RUN_DONE  ? "done"
						      : "running";
	double now_s = clock_now_s(), end_s = run->state == RUN_DONE ? run->ended_s : now_s;
	bool exited = run->result && !strcmp(run->result, "exit"),
	     killed = run->result && !strcmp(run->result, "signal");
	char number[24];
	json_t *object, *files, *published = run_publish_json(run);

	snprintf(number, sizeof(number), "%llu", (unsigned long long)run->number);
	object = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:{s:f, s:f, s:I, s:f, s:I}}",
			   "id", number, "template", run->template, "owner", run->owner.name,
			   "state", state, "result", run->result, "exit_code",
			   exited ? json_integer(run->code) : json_null(), "signal",
			   killed ? json_integer(run->code) : json_null(), "used", "wall_s",
			   run->began_s > 0 ? end_s - run->began_s : 0.0, "cpu_s", run->cpu_s,
			   "exits", (json_int_t)run->exits, "guest_cpu_s", run->guest_cpu_s,
			   "guest_memory_bytes", (json_int_t)run->guest_memory_bytes);
	if (published)
		json_object_set_new(object, "published", published);
	if (own && object) {
		run_json_output(object, "stdout", run->out.bytes, run->out.count);
		run_json_output(object, "stderr", run->error.bytes, run->error.count);
		files = run_wanted_json(run);
		if (files)
			json_object_set_new(object, "outputs", files);
	}
	return object;
}
