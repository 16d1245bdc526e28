/* SPDX-License-Identifier: MIT */
/*
 * The command `vm balloon`: sets how much of its memory a guest keeps; its balloon takes the rest,
 * once the guest agrees. Run by command.c; asks the monitor through inspect.c.
 */
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define N(value)      ((unsigned long long)(value))
#define SMALLEST      (2 * MIB) /* the least memory for a guest, as for the key `memory` */
#define KIB_OF(pages) N((pages) * (PAGE_SIZE / KIB))

static void command_vm_balloon_show(struct reply *reply, const struct query_balloon *balloon)
{
	u64 wanted = balloon->ram - MIN(balloon->target, balloon->ram);
	u64 present = balloon->ram - MIN(balloon->actual, balloon->ram);

	if (!reply->json) {
		reply_line(reply, "%s: %llu KiB of %llu KiB wanted, %llu KiB at present%s",
			   reply->vm_name, KIB_OF(wanted), KIB_OF(balloon->ram), KIB_OF(present),
			   balloon->live != 0 ? "" : "; its guest has no driver for a balloon yet");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", reply->vm_name);
	json_u64(&reply->object, "memory", balloon->ram * PAGE_SIZE);
	json_u64(&reply->object, "wanted", wanted * PAGE_SIZE);
	json_u64(&reply->object, "present", present * PAGE_SIZE);
	json_bool(&reply->object, "driver", balloon->live != 0);
	reply_object_end(reply);
}

static bool command_vm_balloon_resume(struct reply *reply)
{
	const struct query_balloon *balloon;
	const struct vm_answer *answer;

	if (!inspect_take(reply, &answer))
		return false;
	balloon = answer != NULL ? inspect_data(reply, answer, sizeof(*balloon)) : NULL;
	if (balloon != NULL)
		command_vm_balloon_show(reply, balloon);
	return true;
}

static bool command_vm_balloon_take_size(struct reply *reply, const struct vm *vm, const char *word,
					 u64 *bytes)
{
	char shown[40];

	if (parse_size(text_of(word), bytes) && *bytes >= SMALLEST &&
	    *bytes <= vm->config.memory_bytes && *bytes % PAGE_SIZE == 0)
		return true;
	reply_bad(reply,
		  "size: \"%s\" is not valid; say what %s is to keep of its memory, in whole pages "
		  "of 4K, from 2M to %lluK",
		  text_show(shown, sizeof(shown), text_of(word)), vm->config.name,
		  N(vm->config.memory_bytes / KIB));
	return false;
}

static void command_vm_balloon(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm = command_vm(reply, arguments->word[0]);
	struct query question = {.kind = QUERY_BALLOON, .flags = QUERY_AIM};
	u64 bytes;

	if (vm == NULL || !command_vm_balloon_take_size(reply, vm, arguments->word[1], &bytes))
		return;
	if (vm->config.balloon == 0) {
		reply_fail(reply, CODE_BAD_STATE,
			   "%s has no balloon; set balloon = yes by `vm set` while it is stopped",
			   vm->config.name);
		return;
	}
	question.address = (vm->config.memory_bytes - bytes) / PAGE_SIZE;
	inspect_ask(reply, vm, &question);
	reply->resume = command_vm_balloon_resume;
}

COMMAND(vm_balloon,
	.name = "vm balloon",
	.right = MAY_OPERATE,
	.arguments = "NAME SIZE",
	.summary = "asks a guest to keep so much of its memory and give the rest back",
	.detail = "The guest's driver moves towards it, as far and as fast as it can; `vm stat` "
		  "shows how\nfar it is. What it gives back stays promised to it, so that it can "
		  "have it again at\nany time: a larger SIZE asks it to. Needs the key `balloon`.",
	.example = "vm balloon alpha 64M",
	.keys = "name memory wanted present driver",
	.run = command_vm_balloon,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);
