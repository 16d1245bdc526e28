/* SPDX-License-Identifier: MIT */
/* Handlers of the disks, networks and files that the host has for its VMs, as Skerry lists them. */
#include "gateway/core/api/api.h"

#include "gateway/core/api/ask.h"
#include "gateway/core/http/request.h"

static void list_took_disks(uint64_t id, json_t *reply)
{
	static const char *const keys[] = {"name",  "state",	 "problem", "driver", "partition",
					   "bytes", "read_only", "users",   NULL};

	ask_took_rows(id, reply, keys);
}

void api_disks(struct request *request)
{
	ask_skerry(request, "disk list", NULL, NULL, list_took_disks);
}

static void list_took_nets(uint64_t id, json_t *reply)
{
	static const char *const keys[] = {"name", "state", "problem", "uplink",
					   "link", "mtu",   "ports",   NULL};

	ask_took_rows(id, reply, keys);
}

void api_nets(struct request *request)
{
	ask_skerry(request, "net list", NULL, NULL, list_took_nets);
}

static void list_took_files(uint64_t id, json_t *reply)
{
	static const char *const keys[] = {"name", "bytes", "uses", NULL};

	ask_took_rows(id, reply, keys);
}

void api_files(struct request *request)
{
	ask_skerry(request, "file list", NULL, NULL, list_took_files);
}
