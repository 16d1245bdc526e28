/* SPDX-License-Identifier: MIT */
/* A process of the monitor's image that only copies between disks: how it is started, and ends. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/bits.h"
#include "lib/string.c"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static jmp_buf the_end;

static struct {
	struct start_info info;
	struct start_entry entry[8];
} start;
const struct start_info *start_info = &start.info;

static const struct start_entry *find(u32 from, u32 kind)
{
	for (u32 i = from; i < start.info.entry_count; i++)
		if (start.entry[i].kind == kind)
			return &start.entry[i];
	return NULL;
}

const struct start_entry *start_find(enum start_kind kind)
{
	return find(0, kind);
}

const struct start_entry *start_next(const struct start_entry *entry)
{
	return find((u32)(entry - start.entry) + 1, entry->kind);
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

void rt_fail(const char *text)
{
	fail_msg("%s", text);
	abort();
}

enum status sys_queue_create(handle_t group, handle_t *queue)
{
	(void)group;
	*queue = 2;
	return STATUS_OK;
}

void sys_process_exit(u64 code)
{
	(void)code;
	longjmp(the_end, 1);
}

static void add(u32 kind, u64 value, const void *at, const char *name)
{
	struct start_entry *entry = &start.entry[start.info.entry_count++];

	*entry = (struct start_entry){.kind = kind, .value = value, .offset = (u64)(uintptr_t)at};
	string_copy(entry->name, sizeof(entry->name), name);
}
