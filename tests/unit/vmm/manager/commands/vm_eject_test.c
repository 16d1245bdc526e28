/* SPDX-License-Identifier: MIT */
/* `vm eject` and `vm insert`: whom they ask, and when they leave a drive alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/commands/vm_eject.c"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static struct vm vm;
static struct driver_link link;
static struct reply reply;
static u32 rights, questions, changes, last_flags;
static bool has_room; /* in the table of volumes' names */
static u64 last_place;

struct vm *command_vm(struct reply *to, const char *name)
{
	(void)to;
	assert_string_equal(name, "web");
	return &vm;
}

struct vm *command_vm_kept(struct reply *to)
{
	(void)to;
	return &vm;
}

struct vm *vm_by_id(u32 id)
{
	(void)id;
	return &vm;
}

void command_vm_wait(struct reply *to, const struct vm *of, bool (*resume)(struct reply *reply))
{
	(void)of;
	to->resume = resume;
}

void command_vm_not_done(struct reply *to, const struct vm *of, const char *done,
			 const char *problem)
{
	(void)of, (void)done, (void)problem;
	to->failed = true;
}

bool reply_may(struct reply *to, u32 wanted)
{
	to->failed = (rights & wanted) == 0;
	return !to->failed;
}

void reply_fail(struct reply *to, enum reply_code code, const char *pattern, ...)
{
	(void)pattern;
	to->failed = true;
	to->code = (u8)code;
}

void reply_bad(struct reply *to, const char *pattern, ...)
{
	(void)pattern;
	to->failed = true;
	to->code = CODE_BAD_ARGUMENT;
}

void reply_line(struct reply *to, const char *pattern, ...)
{
	(void)to, (void)pattern;
}

void reply_object_begin(struct reply *to)
{
	(void)to;
}

void reply_object_end(struct reply *to)
{
	(void)to;
}

void json_string(struct json *json, const char *key, const char *value)
{
	(void)json, (void)key, (void)value;
}

void json_bool(struct json *json, const char *key, bool value)
{
	(void)json, (void)key, (void)value;
}

const char *config_disk_name(const struct vm_disk *disk, char text[CONFIG_DISK_BYTES])
{
	format(text, CONFIG_DISK_BYTES, "iso%u", disk->number);
	return text;
}

void vm_volumes_forget_names(void)
{
	has_room = true;
}

bool config_parse_disks(struct text text, struct vm_disk *disks)
{
	(void)text;
	if (!has_room)
		return false;
	has_room = false;
	disks[0] = (struct vm_disk){.number = 2, .flags = VM_DISK_CDROM | VM_DISK_READ_ONLY};
	return true;
}

bool vm_media_change(struct vm *of, const struct vm_media_wish *wish, char *problem, size_t size)
{
	(void)of, (void)problem, (void)size;
	assert_int_equal(wish->disk.number, 2);
	last_place = wish->place;
	changes++;
	return true;
}

void inspect_ask(struct reply *to, const struct vm *of, const struct query *question)
{
	(void)to, (void)of;
	last_flags = question->flags;
	last_place = question->address;
	questions++;
}

bool inspect_take(struct reply *to, const struct vm_answer **answer)
{
	(void)to, (void)answer;
	return false;
}

const void *inspect_data(struct reply *to, const struct vm_answer *answer, size_t bytes)
{
	(void)to, (void)answer, (void)bytes;
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	string_copy(vm.config.name, sizeof(vm.config.name), "web");
	vm.config.disk[3] = (struct vm_disk){.number = 1, .flags = VM_DISK_CDROM};
	vm.link[3] = &link;
	rights = MAY_OPERATE | MAY_CONFIGURE;
	questions = changes = 0;
	has_room = false;
	return 0;
}

/* Runs one of the commands; returns whether it went on without an error. */
static bool run(void (*command)(struct reply *, const struct arguments *), const char *more)
{
	const struct arguments arguments = {.count = more != NULL ? 2 : 1, .word = {"web", more}};

	reply = (struct reply){.failed = false};
	command(&reply, &arguments);
	return !reply.failed;
}

static void asks_the_monitor(void **state)
{
	(void)state;
	assert_true(run(command_vm_eject, NULL));
	assert_int_equal(last_flags, 0);
	assert_true(run(command_vm_insert, "iso1"));
	assert_int_equal(last_flags, QUERY_AIM);
	assert_int_equal(last_place, 3);
	assert_int_equal(questions, 2);
	assert_false(run(command_vm_insert, "iso2"));
	vm.link[3] = NULL; /* the drive has no disk that anybody serves */
	assert_false(run(command_vm_eject, NULL));
	assert_int_equal(questions, 2);
}

/* Another medium is a change of the configuration, the same one is not. */
static void rights_of_another_medium(void **state)
{
	(void)state;
	rights = MAY_OPERATE;
	assert_true(run(command_vm_insert, NULL));
	assert_false(run(command_vm_insert, "medium=iso2"));
	rights = MAY_CONFIGURE;
	assert_false(run(command_vm_insert, NULL));
	assert_true(run(command_vm_insert, "medium=iso2"));
	assert_int_equal(last_place, 3);
	assert_int_equal(changes, 1);
	assert_int_equal(questions, 1);
}

/* While the drive goes over to another medium, nobody fills it with what its link has just then. */
static void drive_that_changes_is_left_alone(void **state)
{
	(void)state;
	vm.operation[OPERATION_MEDIA].phase = MEDIA_LEAVES;
	assert_false(run(command_vm_insert, NULL));
	assert_int_equal(reply.code, CODE_BUSY);
	assert_false(run(command_vm_eject, NULL));
	assert_int_equal(questions, 0);
	vm.operation[OPERATION_MEDIA].phase = MEDIA_NONE;
	assert_true(run(command_vm_insert, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(asks_the_monitor, setup),
		cmocka_unit_test_setup(rights_of_another_medium, setup),
		cmocka_unit_test_setup(drive_that_changes_is_left_alone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
