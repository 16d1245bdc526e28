/* SPDX-License-Identifier: MIT */
/*
 * The command `vm inspect`: shows the fields of every section of a VM's state, as its monitor names
 * them. Run by command.c; asks the monitor through inspect.c.
 */
#include "vmm/manager/commands/inspect.h"
#include "vmm/rt/format.h"

#define N(value)    ((unsigned long long)(value))
#define ANSWERS_MAX 4096u /* the most answers to one command, however many a monitor offers */

static u64 command_vm_inspect_number_of(const struct query_field *field)
{
	u64 value = 0;

	memcpy(&value, field->value, MIN(field->bytes, sizeof(value)));
	return value;
}

/* Returns whether the path is the wanted one or lies below it. */
static bool command_vm_inspect_is_wanted(const char *wanted, const char *path)
{
	size_t length = strlen(wanted);

	if (strlen(path) < length || memcmp(path, wanted, length) != 0)
		return false;
	return length == 0 || path[length] == '\0' || path[length] == '.' || path[length] == '[';
}

static void command_vm_inspect_show_field(struct reply *reply, const struct query_field *field)
{
	struct json *json = &reply->object;
	char hex[2 * QUERY_FIELD_BYTES + 1];
	char path[sizeof(field->path) + 4];

	text_show(path, sizeof(path),
		  (struct text){field->path, strnlen(field->path, sizeof(field->path))});
	if (!command_vm_inspect_is_wanted(reply->path, path))
		return;
	text_hex(hex, field->value, MIN(field->bytes, QUERY_FIELD_BYTES));
	if (reply->json) {
		reply_object_begin(reply);
		json_string(json, "name", reply->vm_name);
		json_string(json, "path", path);
		if (field->kind == FIELD_BYTES)
			json_string(json, "hex", hex);
		else
			json_u64(json, "value", command_vm_inspect_number_of(field));
		reply_object_end(reply);
	} else if (field->kind == FIELD_BYTES) {
		reply_line(reply, "%-44s %s", path, hex);
	} else if (field->kind == FIELD_NUMBER) {
		reply_line(reply, "%-44s %llu", path, N(command_vm_inspect_number_of(field)));
	} else {
		reply_line(reply, "%-44s 0x%llx", path, N(command_vm_inspect_number_of(field)));
	}
	reply->left++;
}

static bool command_vm_inspect_resume(struct reply *reply)
{
	const struct query_state *state;
	const struct vm_answer *answer;

	if (reply_room(reply) <= 4 * REPLY_LINE_BYTES || !inspect_take(reply, &answer))
		return false;
	state = answer != NULL ? inspect_data(reply, answer, sizeof(*state)) : NULL;
	if (state == NULL)
		return true;
	for (u32 i = 0; i < MIN(state->count, QUERY_FIELDS_MAX); i++)
		command_vm_inspect_show_field(reply, &state->field[i]);
	if (state->next > reply->asked.question.address && ++reply->shown < ANSWERS_MAX) {
		reply->asked.question.address = state->next;
		inspect_again(reply);
		return false;
	}
	if (reply->left == 0)
		reply_fail(reply, CODE_NOT_FOUND,
			   "path: there is no \"%s\"; use one that `vm inspect %s` shows, or its "
			   "beginning",
			   reply->path, reply->vm_name);
	return true;
}

/* Reads the argument PATH; the monitor is asked only for the sections that its first word names. */
static void command_vm_inspect_take_path(struct reply *reply, const char *word,
					 struct query *question)
{
	char kind[QUERY_SECTION_NAME] = {0};
	u32 length = 0;

	text_show(reply->path, sizeof(reply->path), text_of(word));
	while (length < sizeof(kind) && word[length] != '\0' && word[length] != '.') {
		kind[length] = word[length];
		length++;
	}
	memcpy(&question->run, kind, sizeof(question->run));
	memcpy(&question->step, kind + sizeof(question->run), sizeof(question->step));
}

static void command_vm_inspect(struct reply *reply, const struct arguments *arguments)
{
	struct query question = {.kind = QUERY_STATE};

	if (arguments->word[1] != NULL)
		command_vm_inspect_take_path(reply, arguments->word[1], &question);
	if (inspect_begin(reply, arguments->word[0], NULL, false, &question))
		reply->resume = command_vm_inspect_resume;
}

COMMAND(vm_inspect,
	.name = "vm inspect",
	.right = MAY_INSPECT,
	.arguments = "NAME [PATH]",
	.summary = "every field of a VM's state by its name: vCPUs, APICs, devices, queues, time",
	.detail = "Of all sections, or of those under a path such as vcpu.0, vcpu.0.rip, "
		  "pit.0.channel[1] or\nvirtio_blk.0.virtio.queue. The VM stands still while "
		  "the monitor answers, 84 fields at a time:\nwhat one path shows may be of "
		  "several moments, unless the VM is paused.",
	.example = "vm inspect alpha pit.0",
	.keys = "name path value; of bytes: name path hex",
	.run = command_vm_inspect,
	.minimum = 1,
	.maximum = 2,
	.completion = COMPLETE_VM);
