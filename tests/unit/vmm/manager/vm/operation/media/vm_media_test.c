/* SPDX-License-Identifier: MIT */
/* Another medium for a drive: what is refused, what comes back when it fails, and what is noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "tests/unit/fake_log.h"
#include "vmm/manager/vm/operation/media/vm_media.c"
#include "vmm/rt/format.h"

static struct vm vm;
static struct driver_link old, new;
static struct query_drive drive; /* what the monitor answers */
static bool answers, has_snapshots, viewed, encrypted, is_free, left;
static u32 asked_flags, attached, closed, asks;
static u32 works; /* a bit for each of the next attachments that works */
static const struct vm_config *changed;
static char problem[VM_PROBLEM_BYTES];

bool vm_keys_has_snapshots(const struct vm *of)
{
	(void)of;
	return has_snapshots;
}

bool disk_is_viewed(const struct driver_link *link)
{
	(void)link;
	return viewed;
}

bool disk_link_is_encrypted(const struct driver_link *link)
{
	(void)link;
	return encrypted;
}

bool vm_handover_may_begin(const struct vm *of, char *words, size_t size)
{
	(void)of, (void)words, (void)size;
	return true;
}

const char *vm_state_name(enum vm_state state)
{
	(void)state;
	return "stopped";
}

struct disk_config *config_disk(u32 number)
{
	static struct disk_config config;

	(void)number;
	return &config;
}

const char *config_disk_name(const struct vm_disk *disk, char text[CONFIG_DISK_BYTES])
{
	(void)disk;
	string_copy(text, CONFIG_DISK_BYTES, "pool/iso");
	return text;
}

bool config_disk_twice(const struct vm_disk *disks, char name[CONFIG_DISK_BYTES])
{
	(void)name;
	return disks[0].number == disks[1].number;
}

const struct config_key config_vm_keys[] = {{.name = "net"}, {.name = "disk"}, {.name = NULL}};

u64 config_key_bit(const struct config_key *keys, const char *name)
{
	u64 bit = 1;

	for (; keys->name != NULL; keys++, bit <<= 1)
		if (string_equal(keys->name, name))
			return bit;
	return 0;
}

static bool say_free(char *words, size_t size)
{
	format(words, size, "beta uses it");
	return is_free;
}

bool disk_may_be_read(u32 number, char *words, size_t size)
{
	(void)number;
	return say_free(words, size);
}

bool disk_volume_may_be_read(const struct vm_disk *disk, char *words, size_t size)
{
	(void)disk;
	return say_free(words, size);
}

bool driver_link_end_keeping(struct driver_link *link, struct link_ends *ends)
{
	assert_ptr_equal(link, &old);
	*ends = (struct link_ends){.memory = 6};
	return left;
}

struct driver_link *disk_attach_own(struct vm *of, const struct vm_disk *wanted,
				    const struct link_ends *ends, char *words, size_t size)
{
	bool works_now = (works >> attached & 1) != 0;

	(void)of;
	assert_int_equal(ends->memory, 6);
	attached++;
	format(words, size, "there is no room for it");
	if (!works_now)
		return NULL;
	return wanted->number == 2 ? &new : &old;
}

void link_ends_close(struct link_ends *ends)
{
	assert_int_equal(ends->memory, 6);
	closed++;
}

void vm_query_begin(struct vm_query *query, const struct vm *of, const struct query *question)
{
	(void)of;
	*query = (struct vm_query){.question = *question};
	asked_flags = question->flags;
	asks++;
}

void vm_query_post(struct vm_query *query)
{
	(void)query;
}

enum vm_query_progress vm_query_step(struct vm_query *query, const struct vm_answer **answer,
				     char *words, size_t size)
{
	static struct vm_answer given;

	(void)query;
	given = (struct vm_answer){.status = STATUS_OK, .bytes = sizeof(drive)};
	memcpy(given.data, &drive, sizeof(drive));
	*answer = &given;
	format(words, size, "the monitor does not answer");
	return answers ? VM_QUERY_ANSWERED : VM_QUERY_FAILED;
}

void vm_share_change(struct vm *of, const struct vm_config *next)
{
	(void)of;
	changed = next;
}

bool vm_operation_begin(struct vm *of, enum vm_operation_kind kind, const void *wish, char *words,
			size_t size)
{
	assert_int_equal(kind, OPERATION_MEDIA);
	return vm_media_ops.begin(of, wish, words, size);
}

void vm_operation_abandon(struct vm *of, enum vm_operation_kind kind)
{
	of->operation[kind].phase = 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	vm.state = VM_RUNNING;
	vm.config.disk[1] = (struct vm_disk){.number = 1, .flags = VM_DISK_CDROM};
	vm.link[1] = &old;
	drive = (struct query_drive){.full = 0};
	answers = is_free = left = true;
	has_snapshots = viewed = encrypted = false;
	attached = closed = asks = 0;
	works = ~0u;
	changed = NULL;
	problem[0] = '\0';
	return 0;
}

static bool change(void)
{
	const struct vm_media_wish wish = {
		.place = 1, .disk = {.number = 2, .flags = VM_DISK_CDROM | VM_DISK_READ_ONLY}};

	return vm_media_change(&vm, &wish, problem, sizeof(problem));
}

/* Does steps until the operation ends, and returns why it failed. */
static const char *ends(void)
{
	for (u32 i = 0; i < 2 * MEDIA_ASKS_MAX && vm.operation[OPERATION_MEDIA].phase != 0; i++)
		vm_media_ops.step(&vm, now);
	assert_int_equal(vm.operation[OPERATION_MEDIA].phase, MEDIA_NONE);
	return vm.operation[OPERATION_MEDIA].problem;
}

static void the_new_medium_is_noted(void **state)
{
	(void)state;
	vm.backup.disk[1].chained = true;
	vm.config.disk[1].flags |= VM_DISK_OPTIONAL;
	left = false;
	assert_true(change());
	for (u32 i = 0; i < 5; i++)
		vm_media_ops.step(&vm, now);
	assert_int_equal(vm.operation[OPERATION_MEDIA].phase, MEDIA_LEAVES);
	assert_int_equal(asked_flags, 0);
	assert_int_equal(attached, 0);
	left = true;
	assert_string_equal(ends(), "");
	assert_ptr_equal(vm.link[1], &new);
	assert_int_equal(asked_flags, QUERY_AIM);
	assert_non_null(changed);
	assert_int_equal(changed->disk[1].number, 2);
	assert_int_equal(changed->disk[1].flags,
			 VM_DISK_CDROM | VM_DISK_READ_ONLY | VM_DISK_OPTIONAL);
	assert_int_equal(changed->given, 2);
	assert_false(vm.backup.disk[1].chained);
}

static void what_is_refused(void **state)
{
	(void)state;
	vm.state = VM_STOPPED;
	assert_false(change());
	vm.state = VM_RUNNING;
	has_snapshots = true;
	assert_false(change());
	assert_non_null(strstr(problem, "it has snapshots"));
	has_snapshots = false;
	viewed = true;
	assert_false(change());
	viewed = false;
	encrypted = true;
	assert_false(change());
	encrypted = false;
	vm.operation[OPERATION_BACKUP].phase = 1;
	assert_false(change());
	vm.operation[OPERATION_BACKUP].phase = 0;
	vm.config.disk[0].number = 2; /* what the VM reads already */
	assert_false(change());
	assert_non_null(strstr(problem, "each disk once"));
	vm.config.disk[0].number = 3;
	is_free = false;
	assert_false(change());
	assert_string_equal(problem, "beta uses it");
	assert_int_equal(asks, 0);
}

/* A locked drive, and reads that do not end, leave everything as it was. */
static void the_guest_keeps_it(void **state)
{
	(void)state;
	drive.kept = 1;
	assert_true(change());
	assert_non_null(strstr(ends(), "keeps the medium locked"));
	drive = (struct query_drive){.reads = 1};
	assert_true(change());
	assert_non_null(strstr(ends(), "still under way"));
	assert_int_equal(asks, 2 + MEDIA_ASKS_MAX);
	assert_int_equal(asked_flags, QUERY_AIM); /* the old medium is in again */
	answers = false;
	assert_true(change());
	assert_string_equal(ends(), "the monitor does not answer");
	assert_int_equal(attached, 0);
	assert_ptr_equal(vm.link[1], &old);
	assert_null(changed);
}

static void the_old_medium_comes_back(void **state)
{
	(void)state;
	assert_true(change());
	works = 2; /* the second attachment, that of the old medium */
	assert_string_equal(ends(), "there is no room for it");
	assert_ptr_equal(vm.link[1], &old);
	assert_int_equal(asked_flags, QUERY_AIM);
	assert_null(changed);
	assert_int_equal(closed, 0);
	attached = 0;
	works = 0;
	assert_true(change());
	assert_string_equal(ends(), "there is no room for it");
	assert_null(vm.link[1]);
	assert_int_equal(closed, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_new_medium_is_noted),
		TEST(what_is_refused),
		TEST(the_guest_keeps_it),
		TEST(the_old_medium_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
