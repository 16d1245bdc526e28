/* SPDX-License-Identifier: MIT */
/* Commands that wait for a monitor, which obeys, obeys late or never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/status_text.h"
#include "lib/string.h"
#include "vmm/rt/format.h"
#include "tests/fake_clock.h"
#include "tests/unit/fake_log.h"
#include "vmm/manager/config/config.c"
#include "vmm/manager/config/config_check.c"
#include "vmm/manager/config/config_firmware.c"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/config/config_lists.c"
#include "vmm/manager/config/config_net.c"
#include "vmm/manager/config/config_backup.c"
#include "vmm/manager/config/config_egress.c"
#include "vmm/manager/config/config_window.c"
#include "vmm/manager/config/config_quota.c"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_operation.c"
#include "vmm/manager/vm/vm_table.c"
#include "vmm/manager/command/words.c"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/vm/process/vm_share.c"
#include "vmm/manager/config/config_keys.c"
#include "vmm/manager/config/config_text.c"
#include "vmm/manager/command/command.c"
#include "vmm/manager/command/command_near.c"
#include "vmm/manager/commands/vm_set.c"
#include "vmm/manager/vm/vm_keys.c"
#include "vmm/manager/commands/vm_create.c"

const struct command *const commands_start[1];
const struct command *const commands_end[1];

const struct vm_operation_ops vm_trim_ops, vm_stop_ops, vm_renew_ops, vm_snapshot_ops, vm_save_ops,
	vm_backup_ops, vm_schedule_ops, vm_rekey_ops, vm_media_ops, vm_on_request_ops;

static struct kernel_page machine = {.cpu_count = 1};
static struct group_page account;
static struct vm_channel channel;
static struct config configuration;
static struct vm *alpha;
static u64 permille; /* the group's limit of reservations, in permille of a CPU */

struct store *store_find(const char *name)
{
	(void)name;
	return NULL;
}

const struct kernel_page *machine_page(void)
{
	return &machine;
}

struct config *boot_config(void)
{
	return &configuration;
}

void disk_limit_all(struct vm *vm)
{
	(void)vm;
}

void net_limit_all(struct vm *vm)
{
	(void)vm;
}

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	assert_int_equal(group, 7);
	if (setting == GROUP_RESERVABLE_PERMILLE)
		permille = value;
	return STATUS_OK;
}

void vm_send(struct vm *vm, enum vm_command command)
{
	channel.command = command;
	channel.command_sequence = ++vm->command_sequence;
}

void vm_user_data_drop(struct vm_user_data *text)
{
	text->bytes = NULL;
}

bool vm_user_data_check(const struct vm_user_data *text, char *problem, size_t size)
{
	(void)text, (void)problem, (void)size;
	return true;
}

struct vm *vm_create_with(const struct vm_config *config, struct vm_user_data *text, char *problem,
			  size_t size)
{
	(void)text, (void)problem, (void)size;
	memset(vms, 0, sizeof(vms));
	memset(&channel, 0, sizeof(channel));
	alpha = vm_free_slot();
	/* clang-format off */
	*alpha = (struct vm){.id = 5, .config = *config, .group = 7, .channel = &channel,
			     .account = &account, .phase = VM_PHASE_NEW};
	/* clang-format on */
	return alpha;
}

bool vm_build_has_files(const struct vm_config *config, char *problem, size_t size)
{
	if (!string_equal(config->kernel, "nofile"))
		return true;
	format(problem, size, "kernel: there is no file \"nofile\"");
	return false;
}

static bool room_is_there = true;
static u32 rooms_made;

bool vm_disks_make_room(struct vm *vm, u64 bytes, char *problem, size_t size)
{
	(void)vm, (void)bytes;
	rooms_made++;
	string_copy(problem, size, "no room");
	return room_is_there;
}

static u32 names_forgotten;

void vm_volumes_forget_names(void)
{
	names_forgotten++;
}

bool vm_build_fits(const struct vm_config *config, char *problem, size_t size)
{
	if (config->memory_bytes <= GIB)
		return true;
	format(problem, size, "memory: too much");
	return false;
}

const char *vm_refusal(u32 id)
{
	(void)id;
	return "refused";
}

static char said[512];
static struct reply reply;

static void take(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	assert_true(text.length < sizeof(said));
	memcpy(said, text.start, text.length);
	said[text.length] = '\0';
	assert_int_equal(kind == REPLY_ERROR, reply.failed);
}

static u32 configured; /* how often the configuration of a VM has changed */

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	assert_int_equal(event, EVENT_CONFIGURATION);
	configured++;
}

static const struct requester requester = {.put = take, .rights = MAY_ALL};

static void run(void (*command)(struct reply *reply, const struct arguments *arguments),
		const char *word)
{
	struct arguments arguments = {.count = 2, .word = {"alpha", word}};

	reply = (struct reply){.to = &requester};
	said[0] = '\0';
	command(&reply, &arguments);
}

static void monitor_obeys(void)
{
	alpha->report.done = channel.command_sequence;
	(void)vm_share_step(alpha, now);
}

/* The command waits until its deadline and no longer. */
static void expect_given_up(void)
{
	assert_non_null(reply.resume);
	now = reply.deadline_tsc - 1;
	(void)vm_share_step(alpha, now);
	assert_false(reply.resume(&reply));
	now++;
	assert_true(reply.resume(&reply));
	assert_true(reply.failed);
	assert_string_equal(said, "the monitor of alpha does not answer, `vm destroy alpha` ends "
				  "it");
}

static void expect_set(const char *text)
{
	assert_non_null(reply.resume);
	assert_true(reply.resume(&reply));
	assert_string_equal(said, text);
}

static void expect_busy(void)
{
	assert_null(reply.resume);
	assert_string_equal(said, "alpha is still busy with the last command, try again");
}

static int begin(void **state)
{
	(void)state;
	now = 1000;
	names_forgotten = 0;
	config_init(&configuration);
	run(command_vm_create, "kernel=x");
	return 0;
}

static int begin_running(void **state)
{
	begin(state);
	alpha->report.ready = true;
	channel.state = VM_RUNNING;
	alpha->phase = VM_PHASE_KNOWN;
	alpha->state = VM_RUNNING;
	return 0;
}

static void test_create(void **state)
{
	(void)state;
	assert_int_equal(reply.deadline_tsc, 1000 + 60 * NS_PER_S);
	expect_given_up();
	/*
	 * For a VM that is being removed the command waits on: that does not depend on the monitor.
	 */
	run(command_vm_create, "kernel=x");
	alpha->phase = VM_PHASE_ENDING;
	now = reply.deadline_tsc;
	assert_false(reply.resume(&reply));
	alpha->id = 0;
	expect_set("VM alpha: refused");
	run(command_vm_create, "kernel=x");
	alpha->report.ready = true;
	expect_set("alpha: created");
	/* each has made room for the names of volumes that it may mention */
	assert_int_equal(names_forgotten, 3);
}

static void test_set(void **state)
{
	(void)state;
	run(command_vm_set, "reserve=1ms/10ms");
	assert_int_equal(channel.command, VM_COMMAND_RESERVE);
	assert_false(reply.resume(&reply));
	monitor_obeys();
	expect_set("alpha: reserve = 1ms/10ms");
	assert_int_equal(names_forgotten, 2); /* by the creation and by this change */
	assert_false(vm_busy(alpha));
}

/* After the time-out the change still takes effect; until then other changes are refused. */
static void test_set_late(void **state)
{
	(void)state;
	run(command_vm_set, "reserve=1ms/10ms");
	expect_given_up();
	assert_int_equal(alpha->config.reserve_budget_ns, 0);
	run(command_vm_set, "weight=99");
	expect_busy();
	monitor_obeys();
	assert_false(vm_busy(alpha));
	assert_int_equal(alpha->config.reserve_budget_ns, NS_PER_S / 1000);
	(void)vm_share_step(alpha, now);
	run(command_vm_set, "reserve=2ms/10ms");
	monitor_obeys();
	expect_set("alpha: reserve = 2ms/10ms");
	assert_int_equal(permille, 202);
}

/* A refusal after the time-out leaves everything as it was. */
static void test_set_late_refusal(void **state)
{
	(void)state;
	run(command_vm_set, "reserve=9ms/10ms");
	expect_given_up();
	channel.reserve_refused = 1;
	monitor_obeys();
	assert_false(vm_busy(alpha));
	assert_int_equal(alpha->config.reserve_budget_ns, 0);
	assert_int_equal(permille, 0);
	run(command_vm_set, "weight=99");
	expect_busy();
	(void)vm_share_step(alpha, now);
	run(command_vm_set, "weight=99");
	assert_null(reply.resume);
	assert_string_equal(said, "alpha: weight = 99");
}

static void test_set_file(void **state)
{
	(void)state;
	alpha->state = VM_STOPPED;
	run(command_vm_set, "kernel=nofile");
	assert_true(reply.failed);
	assert_string_equal(said, "kernel: there is no file \"nofile\"");
	assert_string_not_equal(alpha->config.kernel, "nofile");
	run(command_vm_set, "memory=2G");
	assert_string_equal(said, "memory: too much");
	run(command_vm_set, "kernel=other");
	assert_string_equal(alpha->config.kernel, "other");
}

/* Old blocks' room is made when it is asked for, and nothing else is refused any more. */
static void test_set_disk_undo(void **state)
{
	const struct arguments two = {.count = 3,
				      .word = {"alpha", "disk.undo=128M", "kernel=nofile"}};

	(void)state;
	rooms_made = 0;
	room_is_there = false;
	run(command_vm_set, "weight=99");
	assert_string_equal(said, "alpha: weight = 99");
	assert_int_equal(rooms_made, 0);
	run(command_vm_set, "disk.undo=64M");
	assert_string_equal(said, "no room");
	room_is_there = true;
	run(command_vm_set, "disk.undo=64M");
	assert_string_equal(said, "alpha: disk.undo = 64M");
	assert_int_equal(rooms_made, 2);
	alpha->state = VM_STOPPED;
	reply = (struct reply){.to = &requester};
	command_vm_set(&reply, &two);
	assert_true(reply.failed);
	assert_int_equal(rooms_made, 2);
}

/* A crashed VM can go back to a snapshot, where it is what it was. */
static void test_set_with_snapshots(void **state)
{
	(void)state;
	alpha->state = VM_CRASHED;
	string_copy(alpha->snapshots.list[3].name, CONFIG_NAME_BYTES, "ready");
	run(command_vm_set, "memory=64M");
	assert_true(reply.failed);
	assert_non_null(strstr(said, "\"memory\" cannot change while alpha is crashed and has "
				     "snapshots"));
	assert_non_null(strstr(said, "while it is stopped or crashed, without snapshots"));
	run(command_vm_set, "weight=99");
	assert_string_equal(said, "alpha: weight = 99");
	alpha->snapshots.list[3].name[0] = '\0';
	run(command_vm_set, "memory=64M");
	assert_string_equal(said, "alpha: memory = 64M");
}

/*
 * A change was refused, but its command has not seen that yet, when another one is requested:
 * neither gets the other's answer.
 */
static void test_set_by_two(void **state)
{
	struct reply first;

	(void)state;
	run(command_vm_set, "reserve=9ms/10ms");
	first = reply;
	channel.reserve_refused = 1;
	monitor_obeys();
	run(command_vm_set, "weight=99");
	expect_busy();
	reply = first;
	assert_true(reply.resume(&reply));
	assert_non_null(strstr(said, "reserve: 9ms/10ms cannot be given to vCPU 0"));
	(void)vm_share_step(alpha, now);
	run(command_vm_set, "weight=99");
	assert_string_equal(said, "alpha: weight = 99");
	assert_false(vm_busy(alpha));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_create, begin),
		cmocka_unit_test_setup(test_set, begin_running),
		cmocka_unit_test_setup(test_set_late, begin_running),
		cmocka_unit_test_setup(test_set_late_refusal, begin_running),
		cmocka_unit_test_setup(test_set_file, begin_running),
		cmocka_unit_test_setup(test_set_disk_undo, begin_running),
		cmocka_unit_test_setup(test_set_by_two, begin_running),
		cmocka_unit_test_setup(test_set_with_snapshots, begin_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
