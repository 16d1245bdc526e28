/* SPDX-License-Identifier: MIT */
#include "kernel/abi/version.h"
#include "vmm/manager/command.h"
#include "vmm/rt/start.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	static const char build[] = "gnu17 " __VERSION__;
	struct text backend = {start_info->backend,
			       strnlen(start_info->backend, sizeof(start_info->backend))};

	(void)arguments;
	if (!reply->json) {
		reply_line(reply, "Skerry %s, ABI %u, %.*s, built with %s", SKERRY_VERSION,
			   SKERRY_ABI_VERSION, (int)backend.length, backend.start, build);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", "Skerry");
	json_string(&reply->object, "version", SKERRY_VERSION);
	json_u64(&reply->object, "abi", SKERRY_ABI_VERSION);
	json_text(&reply->object, "backend", backend);
	json_string(&reply->object, "build", build);
	reply_object_end(reply);
}

COMMAND(version,
	.name = "version",
	.arguments = "",
	.summary = "version, ABI, back end and build",
	.example = "version -j",
	.keys = "name version abi backend build",
	.run = run);
