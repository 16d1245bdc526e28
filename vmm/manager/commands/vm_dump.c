/* SPDX-License-Identifier: MIT */
/*
 * The command `vm dump`: shows a VM's memory in hex. Run by command.c; asks the monitor through
 * inspect.c, a piece at a time.
 */
#include "lib/bits.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define DUMP_MAX (16 * MIB)
#define DUMP_PIECE                                                                                 \
	1024u /* bytes asked for at a time, whose lines fit the room that is kept free             \
	       */
#define PIECE_ROOM (DUMP_PIECE / LINE_BYTES * 128)
#define LINE_BYTES 16u

/*
 * The first canonical address of the upper half with 5-level paging: every physical address is
 * lower.
 */
#define LINEAR_FIRST 0xff00000000000000ull

static void command_vm_dump_show_line(struct reply *reply, u64 address, const u8 *bytes, u32 count)
{
	char hex[3 * LINE_BYTES + 2] = "";
	char plain[LINE_BYTES + 1];
	size_t length = 0;

	for (u32 i = 0; i < count; i++) {
		length += format(hex + length, sizeof(hex) - length,
				 reply->json ? "%02x"
				 : i == 8    ? "  %02x"
					     : " %02x",
				 bytes[i]);
		plain[i] = char_is_printable((char)bytes[i]) ? (char)bytes[i] : '.';
	}
	plain[count] = '\0';
	if (!reply->json) {
		reply_line(reply, "%016llx %-*s  |%s|", (unsigned long long)address,
			   (int)sizeof(hex) - 1, hex, plain);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", reply->vm_name);
	json_u64(&reply->object, "address", address);
	json_bool(&reply->object, "linear", (reply->asked.question.flags & QUERY_LINEAR) != 0);
	json_string(&reply->object, "hex", hex);
	reply_object_end(reply);
}

static bool command_vm_dump_nothing_there(struct reply *reply, u64 address)
{
	bool linear = (reply->asked.question.flags & QUERY_LINEAR) != 0;

	reply_error(reply, "no memory at %s address 0x%llx%s", linear ? "linear" : "physical",
		    (unsigned long long)address,
		    linear ? ", `vm translate` says why" : "; use an address of its RAM");
	return true;
}

static bool command_vm_dump_resume(struct reply *reply)
{
	struct query *question = &reply->asked.question;
	const struct vm_answer *answer;
	u32 count;

	if (reply_room(reply) <= REPLY_LINE_BYTES + PIECE_ROOM || !inspect_take(reply, &answer))
		return false;
	if (answer == NULL)
		return true;
	if (answer->status != STATUS_OK)
		return command_vm_dump_nothing_there(reply, question->address);
	count = MIN(answer->bytes, question->length);
	for (u32 at = 0; at < count; at += LINE_BYTES)
		command_vm_dump_show_line(reply, question->address + at, answer->data + at,
					  MIN(count - at, LINE_BYTES));
	reply->left -= count;
	question->address += count;
	if (count < question->length)
		return command_vm_dump_nothing_there(reply, question->address);
	question->length = (u32)MIN(reply->left, DUMP_PIECE);
	if (question->length > 0)
		inspect_again(reply);
	return question->length == 0;
}

/* Reads a length: a size with a unit, or a number as for START. */
static bool command_vm_dump_parse_length(struct text text, u64 *length)
{
	return (parse_size(text, length) || parse_u64(text, length)) && *length > 0 &&
	       *length <= DUMP_MAX;
}

static void command_vm_dump(struct reply *reply, const struct arguments *arguments)
{
	const char *cpu = arguments->word[3];
	struct query question = {.kind = QUERY_READ};
	char shown[40];
	u64 length;

	if (!inspect_number(reply, arguments->word[1], "start", &question.address))
		return;
	if (!command_vm_dump_parse_length(text_of(arguments->word[2]), &length)) {
		reply_bad(reply, "length: \"%s\" is not valid; use 1 to 16M bytes",
			  text_show(shown, sizeof(shown), text_of(arguments->word[2])));
		return;
	}
	if (question.address + (length - 1) < question.address) {
		reply_bad(reply,
			  "the range goes beyond the last address; use at most 0x%llx bytes from "
			  "there",
			  (unsigned long long)-question.address);
		return;
	}
	if (cpu != NULL || question.address >= LINEAR_FIRST)
		question.flags = QUERY_LINEAR;
	question.length = (u32)MIN(length, DUMP_PIECE);
	reply->left = length;
	if (inspect_begin(reply, arguments->word[0], cpu, false, &question))
		reply->resume = command_vm_dump_resume;
}

COMMAND(vm_dump,
	.name = "vm dump",
	.right = MAY_INSPECT,
	.arguments = "NAME START LENGTH [VCPU]",
	.summary = "a VM's memory in hex",
	.detail = "START is a guest-physical address; with VCPU, or from 0xff00000000000000 on, a "
		  "linear\none, by the tables of that vCPU or vCPU 0. LENGTH is at most 16M.",
	.example = "vm dump alpha 0x7c00 64",
	.keys = "name address linear hex",
	.run = command_vm_dump,
	.minimum = 3,
	.maximum = 4,
	.completion = COMPLETE_VM);
