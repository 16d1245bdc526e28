/* SPDX-License-Identifier: MIT */
/*
 * The files of a run that its owner wants when the command has ended. Handlers name them;
 * run_frame.c brings what the init says of them, which the run's program may have forged; the run's
 * JSON shows them.
 */
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/core/live/run.h"

/* What became of a file, as iso/init/gate.h numbers it; and what this gateway finds itself. */
static const char *const run_wanted_problems[] = {
	NULL,
	"there is no such file",
	"it is no regular file: a folder, a device or a pipe",
	"it has more than 1048576 bytes",
	"it cannot be read",
};
static const char run_wanted_no_room[] =
	"it does not fit into \"limits.output_bytes\" beside the output";

/* Returns whether a path has a component "..". */
static bool run_wanted_climbs(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/.."));) {
		at += 3;
		if (*at == '/' || *at == '\0')
			return true;
	}
	return false;
}

bool run_wanted_add(struct run_wanted *wanted, const char *path)
{
	if (wanted->count == RUN_WANTED || *path != '/' || strlen(path) >= RUN_WANTED_PATH ||
	    run_wanted_climbs(path))
		return false;
	string_copy(wanted->files[wanted->count++].path, RUN_WANTED_PATH, path);
	return true;
}

size_t run_room(const struct run *run)
{
	size_t used = run->out.count + run->error.count;

	for (size_t i = 0; i < run->wanted.count; i++)
		used += run->wanted.files[i].bytes.count;
	return used < run->limits.output_bytes ? run->limits.output_bytes - used : 0;
}

/* Returns the file for which the init has to answer now, if `number` is its number, or NULL. */
static struct run_wanted_file *run_wanted_next(struct run_wanted *wanted, uint8_t number)
{
	bool valid = wanted->answered < wanted->count && number == wanted->answered;

	return valid ? &wanted->files[wanted->answered] : NULL;
}

bool run_wanted_piece(struct run *run, const uint8_t *bytes, size_t count)
{
	struct run_wanted_file *file = count > 1 ? run_wanted_next(&run->wanted, bytes[0]) : NULL;

	if (!file)
		return false;
	if (!file->problem && count - 1 <= run_room(run)) {
		buffer_add(&file->bytes, bytes + 1, count - 1);
		return !file->bytes.failed;
	}
	/* The rest of this file is not kept. A true init does not send more than this of one. */
	file->problem = run_wanted_no_room;
	run->wanted.dropped += file->bytes.count + count - 1;
	buffer_free(&file->bytes);
	return run->wanted.dropped <= (size_t)RUN_WANTED * RUN_OUTPUT_MAX;
}

bool run_wanted_done(struct run *run, const uint8_t *bytes, size_t count)
{
	struct run_wanted_file *file = count == 2 ? run_wanted_next(&run->wanted, bytes[0]) : NULL;

	if (!file || bytes[1] >= ARRAY_COUNT(run_wanted_problems))
		return false;
	if (bytes[1] && !file->problem)
		file->problem = run_wanted_problems[bytes[1]];
	if (file->problem)
		buffer_free(&file->bytes);
	run->wanted.answered++;
	return true;
}

json_t *run_wanted_json(const struct run *run)
{
	json_t *all = run->wanted.count ? json_object() : NULL;

	for (size_t i = 0; i < run->wanted.count; i++) {
		const struct run_wanted_file *file = &run->wanted.files[i];
		struct buffer text = {0};
		json_t *one;

		if (i >= run->wanted.answered) {
			one = json_pack("{s:s}", "problem",
					run->state == RUN_DONE
						? "the run has ended before it was read"
						: "the command has not ended yet");
		} else if (file->problem) {
			one = json_pack("{s:s}", "problem", file->problem);
		} else {
			base64_add(&text, (const uint8_t *)file->bytes.bytes, file->bytes.count);
			one = json_pack("{s:s}", "data_base64", text.count ? text.bytes : "");
			buffer_free(&text);
		}
		json_object_set_new(all, file->path, one);
	}
	return all;
}

void run_wanted_free(struct run_wanted *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		buffer_free(&wanted->files[i].bytes);
	*wanted = (struct run_wanted){0};
}
