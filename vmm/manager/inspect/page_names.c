/* SPDX-License-Identifier: MIT */
/* Names the owners of pages. Called by audit.c, `mem` and `vm stat`; holds no state. */
#include "vmm/manager/inspect/page_names.h"

#define PREFIX "pages-"

static const char names[PAGE_OWNER_COUNT][16] = {
	[PAGE_FREE] = PREFIX "free",	   [PAGE_RESERVED] = PREFIX "reserved",
	[PAGE_IMAGE] = PREFIX "image",	   [PAGE_MODULE] = PREFIX "module",
	[PAGE_KERNEL] = PREFIX "kernel",   [PAGE_TABLE] = PREFIX "table",
	[PAGE_PROCESS] = PREFIX "process", [PAGE_GUEST] = PREFIX "guest",
	[PAGE_CONTROL] = PREFIX "control",
};

const char *page_owner_name_pages(u32 owner)
{
	return owner < PAGE_OWNER_COUNT ? names[owner] : "?";
}

const char *page_owner_name(u32 owner)
{
	return owner < PAGE_OWNER_COUNT ? names[owner] + sizeof(PREFIX) - 1 : "?";
}
