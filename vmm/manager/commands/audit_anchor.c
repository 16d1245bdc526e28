/* SPDX-License-Identifier: MIT */
/*
 * The command `audit anchor`: writes a hash from another system's audit into the audit log. Run by
 * command.c; writes one log line.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"

#define HASH_DIGITS 64u

static void command_audit_anchor_run(struct reply *reply, const struct arguments *arguments)
{
	const char *hash = arguments->word[0];
	char shown[40];
	size_t digits = 0;

	while (char_hex_value(hash[digits]) < 16)
		digits++;
	if (digits != HASH_DIGITS || hash[digits] != '\0') {
		reply_bad(reply, "\"%s\" is not valid; use 64 hexadecimal digits",
			  text_show(shown, sizeof(shown), text_of(hash)));
		return;
	}
	log_message(LOG_INFO, LOG_AUDIT, "", "anchor %s", hash);
	if (!reply->json)
		return;
	reply_object_begin(reply);
	json_string(&reply->object, "hash", hash);
	json_u64(&reply->object, "time_ns", machine_time_ns());
	reply_object_end(reply);
}

COMMAND(audit_anchor,
	.name = "audit anchor",
	.right = MAY_HOST,
	.arguments = "HASH",
	.summary = "puts a hash into the log of who did what",
	.detail = "Whoever keeps an audit of its own anchors its last hash here: what it says\n"
		  "later about the time before can be checked against it. `log show -c audit`\n"
		  "shows the last ones.",
	.example = "audit anchor 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	.keys = "hash time_ns",
	.run = command_audit_anchor_run,
	.minimum = 1,
	.maximum = 1,
	.changes = true);
