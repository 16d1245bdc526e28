/* SPDX-License-Identifier: MIT */
/* `vm backup list`: which lines it has, also if an asker has room for one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/commands/vm_backup_list.c"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"

enum { VMS = 3, LINES = 40, TARGET_AT = 26, STATE_AT = 51 };

static struct store spare;
static struct vm vms[VMS];
static u32 kept[VMS][CONFIG_VM_DISK_MAX]; /* scheduled backups of each disk */
static struct backup_place places[LINES];
static char lines[LINES][200];
static u32 line_count;
static u32 room; /* for lines, at a time */
static u32 taken;
static u32 lists;

struct vm *vm_at(u64 place)
{
	return place < VMS && vms[place].id != 0 ? &vms[place] : NULL;
}

struct vm *command_vm(struct reply *reply, const char *name)
{
	(void)reply;
	for (u32 i = 0; i < VMS; i++) {
		if (string_equal(vms[i].config.name, name))
			return &vms[i];
	}
	return NULL;
}

struct store *store_find(const char *name)
{
	return string_equal(name, "spare") ? &spare : NULL;
}

const char *config_disk_name(const struct vm_disk *disk, char name[CONFIG_DISK_BYTES])
{
	format(name, CONFIG_DISK_BYTES, "pool/%u", disk->volume);
	return name;
}

void vm_backup_progress(const struct vm *vm, u64 *copied, u64 *all)
{
	(void)vm;
	*copied = 4 * KIB;
	*all = 8 * KIB;
}

const struct backup_place *backup_places(const struct store *store, const char *disk, u32 *count)
{
	u32 volume = (u32)(disk[5] - '0');

	assert_ptr_equal(store, &spare);
	lists++;
	*count = kept[volume / 4][volume % 4];
	for (u32 i = 0; i < *count; i++)
		places[i] = (struct backup_place){.sequence = i, .volume = 10 * volume + i};
	return places;
}

void backup_place_text(const struct store *store, const struct backup_place *place,
		       char text[BACKUP_PLACE_BYTES])
{
	(void)store;
	format(text, BACKUP_PLACE_BYTES, "spare/%llu", (unsigned long long)place->volume);
}

static void take_line(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	assert_int_equal(kind, REPLY_TEXT);
	assert_true(line_count < LINES && text.length < sizeof(lines[0]));
	memcpy(lines[line_count], text.start, text.length);
	lines[line_count++][text.length] = '\0';
	taken++;
}

static u32 room_left(void *context)
{
	(void)context;
	return taken < room ? REPLY_ITEM_BYTES + 1 : 0;
}

static const struct requester asker = {.put = take_line, .room = room_left};

static void give_disk(u32 vm, u32 place, u32 count)
{
	vms[vm].config.disk[place] = (struct vm_disk){
		.number = 1, .flags = VM_DISK_VOLUME, .volume = (u16)(4 * vm + place)};
	kept[vm][place] = count;
}

/* Has the list shown, and returns VM, target and state of each of its lines. */
static const char *shown(const char *name)
{
	static char text[LINES * 40];
	static struct reply reply;
	struct arguments arguments = {.count = name != NULL, .word = {name}};
	char target[40], state[40];
	size_t length = 0;

	memset(&reply, 0, sizeof(reply));
	reply.to = &asker;
	line_count = lists = taken = 0;
	text[0] = '\0';
	command_vm_backup_list_run(&reply, &arguments);
	for (taken = 0; reply.resume != NULL && !reply.resume(&reply); taken = 0)
		assert_true(line_count < LINES);
	for (u32 i = 1; i < line_count; i++) {
		assert_int_equal(sscanf(lines[i] + TARGET_AT, "%39s", target), 1);
		assert_int_equal(sscanf(lines[i] + STATE_AT, "%39s", state), 1);
		length += format(text + length, sizeof(text) - length, "%c %s %s; ", lines[i][0],
				 target, state);
	}
	return text;
}

static void set_up(void)
{
	memset(vms, 0, sizeof(vms));
	memset(kept, 0, sizeof(kept));
	for (u32 i = 0; i < VMS; i += 2) { /* a place between them is empty */
		vms[i].id = i + 1;
		string_copy(vms[i].config.name, sizeof(vms[i].config.name), i == 0 ? "a" : "c");
	}
	give_disk(0, 0, 2);
	give_disk(0, 1, 0);
	give_disk(0, 3, 1); /* a disk between them is none, or no volume */
	vms[0].config.disk[2] = (struct vm_disk){.number = 1};
	string_copy(vms[0].config.backup.store, CONFIG_NAME_BYTES, "spare");
	give_disk(2, 0, 3); /* of a plan that it has no more */
	vms[2].backup.disk[0].chosen = true;
	string_copy(vms[2].backup.disk[0].target, CONFIG_DISK_BYTES, "raw");
}

static void all_or_one(void **state)
{
	static const char a[] =
		"a spare planned; a spare/0 kept; a spare/1 kept; a spare/30 kept; ";
	static const char c[] = "c raw done; ";
	char both[200];

	(void)state;
	set_up();
	format(both, sizeof(both), "%s%s", a, c);
	for (room = 1; room < 10; room++) {
		assert_string_equal(shown(NULL), both);
		assert_string_equal(shown("a"), a);
		assert_int_equal(lists, 3 + 1 + 2); /* no disk is looked at for another one */
		assert_string_equal(shown("c"), c);
	}
}

/* A store that is not there, and a plan that has kept nothing yet. */
static void only_the_plan(void **state)
{
	(void)state;
	set_up();
	room = 5;
	memset(kept, 0, sizeof(kept));
	assert_string_equal(shown("a"), "a spare planned; ");
	string_copy(vms[0].config.backup.store, CONFIG_NAME_BYTES, "gone");
	assert_string_equal(shown("a"), "a gone planned; ");
	assert_int_equal(lists, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_one),
		cmocka_unit_test(only_the_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
