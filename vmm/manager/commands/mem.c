/* SPDX-License-Identifier: MIT */
/*
 * The command `mem`: shows the host's pages by owner and node. Run by command.c; reads the kernel's
 * page.
 */
#include "vmm/manager/host/machine.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/inspect/page_names.h"
#include "vmm/rt/format.h"

/* Shows each node, the memory close to some of the CPUs, if there is more than one. */
static void command_mem_show_nodes(struct reply *reply, const struct kernel_page *page)
{
	char name[16];

	for (u32 i = 0; i < NODE_MAX; i++) {
		const struct node_counters *node = &page->nodes[i];

		if (node->pages == 0 || page->nodes[0].pages == page->page_count)
			continue;
		format(name, sizeof(name), "node-%u", i);
		if (!reply->json) {
			reply_line(reply, "%-10s %12llu %10llu  %llu free", name,
				   (unsigned long long)node->pages,
				   (unsigned long long)(node->pages * PAGE_SIZE / KIB),
				   (unsigned long long)node->free);
			continue;
		}
		reply_object_begin(reply);
		json_string(&reply->object, "owner", name);
		json_u64(&reply->object, "pages", node->pages);
		json_u64(&reply->object, "free", node->free);
		reply_object_end(reply);
	}
}

static void command_mem_run(struct reply *reply, const struct arguments *arguments)
{
	const struct kernel_page *page = machine_page();

	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-10s %12s %10s", "OWNER", "PAGES", "KIB");
	for (u32 i = 0; i < PAGE_OWNER_COUNT; i++) {
		u64 pages = page->pages[i];

		if (!reply->json) {
			reply_line(reply, "%-10s %12llu %10llu", page_owner_name(i),
				   (unsigned long long)pages,
				   (unsigned long long)(pages * PAGE_SIZE / KIB));
			continue;
		}
		reply_object_begin(reply);
		json_string(&reply->object, "owner", page_owner_name(i));
		json_u64(&reply->object, "pages", pages);
		reply_object_end(reply);
	}
	command_mem_show_nodes(reply, page);
}

COMMAND(mem,
	.name = "mem",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "pages of the host by owner",
	.detail = "A page has 4096 bytes.",
	.example = "mem",
	.keys = "owner pages free",
	.run = command_mem_run);
