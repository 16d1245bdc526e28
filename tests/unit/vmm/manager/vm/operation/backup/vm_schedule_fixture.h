/* SPDX-License-Identifier: MIT */
#pragma once

/* A VM's schedule of backups over a clock, a store and a copier that do what the test says. */
#include "tests/unit/config_fixture.h"

#include "vmm/manager/disk/backup_place.c"
#include "vmm/manager/disk/store_work.c"
#include "vmm/manager/vm/operation/backup/vm_schedule.c"
#include "vmm/manager/vm/operation/backup/vm_schedule_begin.c"
#include "vmm/rt/date.c"

#define MOST	  64u
#define BEGIN_S	  1764443764ull /* 20251129191604 */
#define EVERY_S	  100u
#define STEPS_MAX 60u
#define SECTORS	  2048u

static struct store_config section = {.section.name = "spare"};
static struct store store = {.config = &section};
static struct driver_link links[2];
static struct vm vm;
static struct store_volume list[MOST];
static u64 last_id;
static u64 now_s;
static u64 next_label;
static bool has_clock;
static char said[300]; /* the last event */
static u32 events;

/* What store and copier do. */
static struct {
	const char *unready;
	bool exceeds;
	bool silent;
	enum store_status refusal; /* of the commands of that kind */
	enum store_operation refused;
	bool busy; /* the VM */
	bool no_diff;
	const char *cannot; /* why no backup can begin */
	const char *fails;  /* why the copying fails */
	u32 backups;
	enum backup_kind kind; /* of the last one */
	u32 looks;
	u32 dropped;
	struct store_answer answer;
} fake;

u64 clock_tsc(void)
{
	return now_s * NS_PER_S;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

u64 machine_wall_seconds(u64 tsc)
{
	return has_clock ? tsc / NS_PER_S : 0;
}

void random_draw(void *bytes, size_t count)
{
	static u8 next;

	memset(bytes, ++next, count);
}

void log_message(enum log_level level, enum log_category category, const char *name,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)name, (void)pattern;
}

void notice(const char *pattern, ...)
{
	(void)pattern;
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	(void)name, (void)uuid;
	assert_int_equal(event, EVENT_BACKUP_FAILED);
	string_copy(said, sizeof(said), reason);
	events++;
}

void driver_text(const char *from, size_t bytes, char *to, size_t size)
{
	(void)bytes;
	string_copy(to, size, from);
}

void vm_operation_enter(struct vm_operation *operation, u32 phase, u64 ns)
{
	operation->phase = phase;
	operation->until_tsc = clock_tsc() + ns;
}

bool vm_busy(const struct vm *of)
{
	(void)of;
	return fake.busy;
}

bool vm_volume_is_written(const struct vm *of, u32 place)
{
	return of->link[place] != NULL;
}

void vm_volume_backup_name(u32 number, u32 place, char name[STORE_NAME_BYTES])
{
	format(name, STORE_NAME_BYTES, "@backup-%08x-%u", number, place);
}

const char *vm_state_name(enum vm_state state)
{
	return state == VM_STOPPED ? "stopped" : "running";
}

void vm_volumes_look(void)
{
	fake.looks++;
}

struct store *store_at(u32 number)
{
	return number == 0 ? &store : NULL;
}

struct store *store_find(const char *name)
{
	return string_equal(name, "spare") ? &store : NULL;
}

const char *store_find_problem(const struct store *in, char *text, size_t size)
{
	(void)in, (void)text, (void)size;
	return fake.unready;
}

bool store_quota_allows(const struct store *in, enum store_operation operation,
			const struct store_item *item, u32 count, char *problem, size_t size)
{
	(void)in;
	assert_int_equal(operation, STORE_CREATE);
	for (u32 i = 0; i < count; i++)
		assert_memory_equal(item[i].name, "web:main:", 9); /* as it will be called */
	if (fake.exceeds)
		format(problem, size, "quota web* of store spare allows 8 KiB");
	return !fake.exceeds;
}

bool store_volume_at(const struct store *in, u32 index, struct store_volume *volume)
{
	(void)in;
	if (index >= MOST)
		return false;
	*volume = list[index];
	return true;
}

static struct store_volume *volume_of(u64 id)
{
	for (u32 i = 0; i < MOST; i++) {
		if (list[i].id == id)
			return &list[i];
	}
	fail();
	return NULL;
}

bool store_volume_find(const struct store *in, const char *name, struct store_volume *volume)
{
	for (u32 i = 0; store_volume_at(in, i, volume); i++) {
		if (volume->id != 0 && string_equal(volume->name, name))
			return true;
	}
	return false;
}

bool store_is_idle(const struct store *in)
{
	(void)in;
	return true;
}

static void store_does(enum store_operation operation, const struct store_item *item)
{
	struct store_volume *volume = volume_of(operation == STORE_CREATE ? 0 : item->volume);

	if (operation == STORE_CREATE)
		*volume = (struct store_volume){.id = ++last_id,
						.sectors = item->sectors,
						.made_s = machine_wall_seconds(clock_tsc())};
	if (operation == STORE_DROP) {
		assert_true(backup_place_is_name(volume->name)); /* none but the manager's own */
		*volume = (struct store_volume){.id = 0};
		fake.dropped++;
	} else {
		assert_true(operation == STORE_CREATE || operation == STORE_RENAME);
		string_copy(volume->name, sizeof(volume->name), item->name);
	}
}

u64 store_ask(struct store *in, enum store_operation operation, const struct store_item *item,
	      u32 count, char *problem, size_t size)
{
	bool refuses = fake.refusal != STORE_OK && fake.refused == operation;

	(void)problem, (void)size;
	fake.answer = (struct store_answer){.status = refuses ? fake.refusal : STORE_OK};
	if (refuses)
		format(fake.answer.text, sizeof(fake.answer.text), "it has too little space");
	for (u32 i = 0; !refuses && i < count; i++)
		store_does(operation, &item[i]);
	return ++in->asked;
}

bool store_answered(const struct store *in, u64 number, struct store_answer *answer)
{
	assert_int_equal(number, in->asked);
	*answer = fake.answer;
	return !fake.silent;
}

bool vm_backup_may_begin(struct vm *of, const struct vm_backup_wish *asked, char *problem,
			 size_t size)
{
	(void)of;
	if (fake.cannot != NULL || (fake.no_diff && asked->kind == BACKUP_DIFF)) {
		format(problem, size, "%s", fake.cannot != NULL ? fake.cannot : "it has grown");
		return false;
	}
	return true;
}

bool vm_backup(struct vm *of, const struct vm_backup_wish *asked, char *problem, size_t size)
{
	struct store_volume volume;

	assert_false(fake.busy);
	if (!vm_backup_may_begin(of, asked, problem, size))
		return false;
	fake.backups++;
	fake.kind = asked->kind;
	of->backup.kind = asked->kind;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		of->backup.disk[i].chosen = asked->chosen[i];
		string_copy(of->backup.disk[i].target, CONFIG_DISK_BYTES, asked->target[i]);
		if (!asked->chosen[i])
			continue;
		assert_memory_equal(asked->target[i], "spare/@", 7);
		assert_true(store_volume_find(&store, asked->target[i] + 6, &volume));
		assert_true(volume.sectors * BLOCK_SECTOR_BYTES >=
			    (asked->kind == BACKUP_FULL
				     ? backup_full_bytes(SECTORS * 512ul)
				     : backup_diff_bytes(SECTORS * 512ul / BACKUP_BLOCK_BYTES)));
	}
	of->operation[OPERATION_BACKUP].phase = BACKUP_COPYING;
	return true;
}

/* The copier ends: the backup is confirmed, or has failed. */
static void copied(void)
{
	struct vm_backup_disk *disk = vm.backup.disk;

	vm.operation[OPERATION_BACKUP].phase = BACKUP_NONE;
	vm.backup.failed = fake.fails != NULL;
	string_copy(vm.operation[OPERATION_BACKUP].problem, VM_PROBLEM_BYTES,
		    fake.fails != NULL ? fake.fails : "");
	for (u32 i = 0; fake.fails == NULL && i < 2; i++) {
		if (!disk[i].chosen)
			continue;
		disk[i].last.sequence =
			vm.backup.kind == BACKUP_FULL ? 0 : disk[i].last.sequence + 1;
		memcpy(disk[i].last.id, &(u64){++next_label}, sizeof(next_label));
		disk[i].chained = true;
	}
}

/* Does steps until nothing is under way; ends the copying where that is what is waited for. */
static void settle(void)
{
	u32 i = 0;

	do {
		vm_schedule_ops.step(&vm, clock_tsc());
		if (vm.operation[OPERATION_BACKUP].phase == BACKUP_COPYING)
			copied();
		assert_true(++i < STEPS_MAX);
	} while (vm.operation[OPERATION_SCHEDULE].phase != SCHEDULE_WAITING);
}

static void after(u64 seconds)
{
	now_s += seconds;
	settle();
}

/* Returns the kept backups of a disk, as the digits of their places in their chains. */
static const char *kept(const char *disk)
{
	static char text[MOST + 1];
	u32 count;
	const struct backup_place *made = backup_places(&store, disk, &count);

	for (u32 i = 0; i < count; i++)
		text[i] = (char)('0' + made[i].sequence);
	text[count] = '\0';
	return text;
}

static int ready(void **state)
{
	(void)state;
	config_init(&config);
	assert_int_equal(parse("[vm web]\nkernel = k\ndisk = main/root, main/data\n"
			       "backup = spare every 100s chain 3 keep 2\n"),
			 0);
	memset(&vm, 0, sizeof(vm));
	memset(&fake, 0, sizeof(fake));
	memset(list, 0, sizeof(list));
	list[0] = (struct store_volume){.id = ++last_id, .name = "web:main:mine"};
	vm.config = config.vm[0];
	vm.id = 1;
	vm.state = VM_RUNNING;
	links[0].disk.sectors = links[1].disk.sectors = SECTORS;
	vm.link[0] = &links[0];
	now_s = BEGIN_S;
	has_clock = true;
	events = 0;
	return 0;
}
