/* SPDX-License-Identifier: MIT */
/* The command `handles` with more processes, and more handles in one, than a page lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/rt/format.h"
#include "lib/string.h"
#include "vmm/manager/commands/handles.c"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/manager/command/reply.h"

#define PROCESSES 300u
#define MANAGER	  7u /* the manager's last handle is the root */
#define ROOM	  65536u

static struct audit_page pages[2];
static u32 pages_taken, pages_there = 2;
static u32 room_left = ROOM;
static u32 told[PROCESSES]; /* the number of handles of each process */
static u32 told_managers, told_errors;

static u64 id_of(u32 process)
{
	return (process + 1ull) * PAGE_SIZE + 64 * (process % 2);
}

static u32 handles_of(u32 process)
{
	return process == MANAGER ? 4000 : process % 5;
}

static void add(struct audit_page *page, enum audit_kind kind, u32 info, u64 id, u64 other)
{
	assert_true(page->count < AUDIT_RECORDS);
	page->record[page->count++] = (struct audit_record){kind, info, id, other, 0};
}

/* Lists 100 frames at a time, with a process on each. */
static u64 list_frames(struct audit_page *page, u64 where)
{
	for (u64 frame = where; frame < where + 100; frame++) {
		if (frame > PROCESSES)
			return AUDIT_END;
		if (frame > 0)
			add(page, AUDIT_OBJECT, OBJECT_PROCESS | 1 << 8, id_of((u32)frame - 1), 0);
	}
	return where + 100;
}

static u64 list_handles_of(struct audit_page *page, u32 process, u64 at)
{
	for (; at < handles_of(process); at++) {
		if (page->count == AUDIT_RECORDS)
			return at;
		add(page, AUDIT_REFERENCE, RIGHT_ALL, id_of(process),
		    process == MANAGER && at + 1 == handles_of(process) ? 0 : id_of((u32)at % 9));
	}
	return AUDIT_END;
}

enum status sys_audit(handle_t root, handle_t memory, u64 what, u64 where, u64 at, u64 *next)
{
	struct audit_page *page = &pages[memory - 1];

	assert_int_equal(root, 77);
	page->count = 0;
	*next = what == AUDIT_FRAMES ? list_frames(page, where)
				     : list_handles_of(page, (u32)(where / PAGE_SIZE) - 1, at);
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	assert_int_equal(kind, START_ROOT);
	return 77;
}

enum status memory_take(u64 bytes, u32 flags, handle_t *memory, u64 *at)
{
	assert_int_equal(bytes, PAGE_SIZE);
	assert_int_equal(flags, MEMORY_PINNED);
	if (pages_taken == pages_there)
		return STATUS_NO_MEMORY;
	*at = (u64)&pages[pages_taken];
	*memory = ++pages_taken;
	return STATUS_OK;
}

void memory_give_back(handle_t memory, u64 at, u64 bytes)
{
	assert_int_equal(memory, pages_taken);
	assert_int_equal(at, (u64)&pages[--pages_taken]);
	assert_int_equal(bytes, PAGE_SIZE);
}

static void put_reply(void *context, enum reply_kind kind, struct text text)
{
	static const char all[] = "read write execute map bind create control destroy grant";
	char line[256];
	unsigned long long id;
	u32 process;

	(void)context;
	assert_true(text.length < sizeof(line) && text.length <= room_left);
	room_left -= (u32)text.length;
	memcpy(line, text.start, text.length);
	line[text.length] = '\0';
	if (kind == REPLY_ERROR) {
		told_errors++;
		return;
	}
	id = strtoull(strchr(line + 12, ':') + 1, NULL, 10);
	assert_non_null(strstr(line, all));
	process = (u32)(id / PAGE_SIZE) - 1;
	assert_int_equal(id, id_of(process));
	told[process]++;
	told_managers += strstr(line, "\"manager\"") != NULL;
	if (strstr(line, "\"root\"") != NULL)
		assert_int_equal(told[MANAGER], handles_of(MANAGER));
	else
		assert_non_null(strstr(line, "\"type\":\"process\""));
}

static u32 room_of(void *context)
{
	(void)context;
	return room_left;
}

static const struct requester requester = {.put = put_reply, .room = room_of};

static void test_all(void **state)
{
	static struct reply reply = {.to = &requester, .json = true};
	static const struct arguments none;
	u32 steps = 1;

	(void)state;
	handles_description.run(&reply, &none);
	for (bool done = reply.resume == NULL; !done; steps++) {
		room_left = ROOM;
		done = reply.resume(&reply);
	}
	for (u32 i = 0; i < PROCESSES; i++)
		assert_int_equal(told[i], handles_of(i));
	assert_int_equal(told_managers, handles_of(MANAGER));
	assert_int_equal(told_errors, 0);
	assert_true(steps > 3);
	assert_int_equal(pages_taken, 0);
}

static void test_no_memory(void **state)
{
	static struct reply reply = {.to = &requester, .json = true};
	static const struct arguments none;

	(void)state;
	pages_there = 1;
	handles_description.run(&reply, &none);
	assert_null(reply.resume);
	assert_true(reply.failed);
	assert_int_equal(told_errors, 1);
	assert_int_equal(pages_taken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
