/* SPDX-License-Identifier: MIT */
/*
 * The command `version`: shows Skerry's version, ABI, back end, compiler and commit. Run by
 * command.c; holds no state.
 */
#include "kernel/abi/version.h"
#include "vmm/manager/command/command.h"
#include "vmm/rt/start.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif
#ifndef COMMIT /* the Makefile defines COMMIT if the source is a git repository */
#define COMMIT ""
#endif

static void command_version_run(struct reply *reply, const struct arguments *arguments)
{
	struct text backend = {start_info->backend,
			       strnlen(start_info->backend, sizeof(start_info->backend))};

	(void)arguments;
	if (!reply->json) {
		reply_line(reply, "Skerry %s, ABI %u, %.*s, built by %s%s", SKERRY_VERSION,
			   SKERRY_ABI_VERSION, (int)backend.length, backend.start, COMPILER,
			   COMMIT[0] != '\0' ? " from commit " COMMIT : "");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", "Skerry");
	json_string(&reply->object, "version", SKERRY_VERSION);
	json_u64(&reply->object, "abi", SKERRY_ABI_VERSION);
	json_text(&reply->object, "backend", backend);
	json_string(&reply->object, "build", COMPILER);
	json_string(&reply->object, "commit", COMMIT);
	reply_object_end(reply);
}

COMMAND(version,
	.name = "version",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "version, ABI, back end, compiler and commit",
	.example = "version -j",
	.keys = "name version abi backend build commit",
	.run = command_version_run);
