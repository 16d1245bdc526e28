/* SPDX-License-Identifier: MIT */
/*
 * The command `user-data`: takes a piece of a text for cloud-init, which `vm create` then gives to
 * a VM. Run by command.c; the text is kept by the machine channel, and is shown by nothing.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/vm/process/vm_user_data.h"

static void command_user_data_run(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	char problem[128];
	char shown[40];
	u64 at;

	if (channel == NULL)
		return;
	if (!parse_u64(text_of(arguments->word[0]), &at))
		reply_bad(reply, "\"%s\" is not valid; say how many bytes of the text have come",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])));
	else if (channel->piece.bytes == NULL || channel->piece.count == 0)
		reply_bad(reply, "the piece is missing; send it as \"data\", in base 64");
	else if (!vm_user_data_add(&channel->user_data, at, channel->piece.bytes,
				   channel->piece.count, problem, sizeof(problem)))
		reply_bad(reply, "user-data: %s", problem);
}

COMMAND(user_data,
	.name = "user-data",
	.right = MAY_CONFIGURE,
	.arguments = "AT",
	.summary = "takes a piece of a text for cloud-init, on a machine channel",
	.detail = "The piece is the line's \"data\", in base 64, and belongs at byte AT; 0 begins\n"
		  "a new text. `vm create NAME user-data=BYTES` on this channel uses it up.",
	.example = "user-data 0",
	.run = command_user_data_run,
	.minimum = 1,
	.maximum = 1,
	.changes = true);
