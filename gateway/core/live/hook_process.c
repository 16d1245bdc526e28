/* SPDX-License-Identifier: MIT */
/*
 * The process hook, as a process beside core. The queue of deliveries calls it, core's main loop
 * watches it by `hook_process`; it hands over deliveries, and passes on how they went.
 */
#include "gateway/core/live/hook_process.h"

#include <unistd.h>

#include "gateway/core/common/settings.h"

static hook_process_result *hook_process_told;
static hook_process_gone *hook_process_lost;

static void hook_process_run(int fd)
{
	execl("/proc/self/exe", "skerryd", "hook", side_process_child(fd),
	      settings.hook_ca ? settings.hook_ca : "", (char *)NULL);
}

static bool hook_process_take(const struct message_head *head, const char *bytes, size_t count)
{
	(void)count;
	return head->kind == MESSAGE_END && hook_process_told(head->id, head->value, bytes);
}

static void hook_process_ended(void)
{
	if (hook_process_lost)
		hook_process_lost();
}

struct side_process hook_process = {
	.name = "hook",
	.run = hook_process_run,
	.take = hook_process_take,
	.gone = hook_process_ended,
	.socket = {.fd = -1},
};

void hook_process_setup(hook_process_result *result, hook_process_gone *gone)
{
	hook_process_told = result;
	hook_process_lost = gone;
}

void hook_process_drop(void)
{
	side_process_drop(&hook_process);
}

bool hook_process_send(uint32_t id, const struct buffer *fields)
{
	return side_process_send(&hook_process, (struct message_head){MESSAGE_REQUEST, id, 0, 0},
				 fields->bytes, fields->count);
}
