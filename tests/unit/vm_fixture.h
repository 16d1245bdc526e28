/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The manager's VMs over a kernel, a monitor and a console that are as simple as possible. The
 * manager's sources are included unchanged.
 */
#define DEBUG 1 /* vm_check is on */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/bits.h"
#include "lib/string.c"
#include "tests/fake_clock.h"
#include "tests/unit/fake_process_end.h"
#include "vmm/manager/text/guid.c"
#include "vmm/manager/text/text.c"
#include "vmm/manager/vm/process/vm_act.c"
#include "vmm/manager/vm/vm_turn.c"
#include "vmm/manager/vm/vm_check.c"
#include "vmm/manager/vm/vm_crash.c"
#include "vmm/manager/vm/process/vm_create.c"
#include "vmm/manager/vm/vm_life.c"
#include "vmm/manager/vm/vm_operation.c"
#include "vmm/manager/vm/vm_output.c"
#include "vmm/manager/vm/process/vm_report.c"
#include "vmm/manager/vm/vm_state.c"
#include "vmm/manager/vm/operation/stop/vm_stop.c"
#include "vmm/manager/vm/vm_table.c"
#include "vmm/rt/format.c"

static u32 volume_releases; /* VMs that were removed with what volumes they had */

void vm_volumes_release(const struct vm *vm)
{
	(void)vm;
	volume_releases++;
}

void vm_user_data_drop(struct vm_user_data *text)
{
	text->bytes = NULL;
}

bool vm_user_data_clone(struct vm *clone, const struct vm *from, char *why, size_t size)
{
	(void)clone, (void)from, (void)why, (void)size;
	return true;
}

bool vm_volumes_give(struct vm *clone, const struct vm *from, char *why, size_t size)
{
	(void)clone, (void)from, (void)why, (void)size;
	return true;
}

/* The kernel, the monitor and the console, as far as a VM's life cycle needs them. */
static struct vm_channel channel;
static bool build_works;
static bool monitor_sets_up = true;
static u32 groups;	  /* the groups that exist */
static u32 channels;	  /* the channels that exist */
static u32 release_steps; /* the steps of releasing a group before the last */
static u32 steps_left;
static char noticed[256];
static u32 lines;      /* the lines in the log */
static u32 lines_left; /* the lines that the monitor may still cause */

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

void notice(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(noticed, sizeof(noticed), pattern, arguments);
	va_end(arguments);
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level;
	(void)category;
	(void)vm;
	(void)pattern;
	lines++;
}

void rt_fail(const char *text)
{
	fail_msg("%s", text);
	abort();
}

void vm_vsock_look(struct vm *vm)
{
	(void)vm;
}

void boot_config_destroyed(const char *name)
{
	assert_string_equal(name, "alpha");
}

u64 net_mac(const struct vm_config *config, u32 card)
{
	return config->net[card].mac != 0 ? config->net[card].mac : (u64)config->name[0] + card;
}

void random_draw(void *bytes, size_t count)
{
	memset(bytes, 0x5a, count);
}

/*
 * The last event that a subscriber was told about the VM; each event must be able to follow the
 * previous one.
 */
static enum vm_event last_event = EVENT_DESTROYED;
static u32 event_count[VM_EVENT_COUNT];
static struct vm_event_record last_record;

const struct vm_event_record *vm_event_next(u64 *cursor, u64 *lost)
{
	(void)lost;
	return (*cursor)++ == 0 ? &last_record : NULL;
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	static const u32 before[VM_EVENT_COUNT] = {
		[EVENT_CREATED] = BIT(EVENT_DESTROYED),
		[EVENT_STARTED] = BIT(EVENT_CREATED) | BIT(EVENT_STOPPED) | BIT(EVENT_CRASHED),
		[EVENT_PAUSED] = BIT(EVENT_STARTED) | BIT(EVENT_RESUMED) | BIT(EVENT_RESET),
		[EVENT_RESUMED] = BIT(EVENT_PAUSED),
		[EVENT_RESET] = BIT(EVENT_STARTED) | BIT(EVENT_PAUSED) | BIT(EVENT_RESUMED) |
				BIT(EVENT_RESET),
		[EVENT_STOPPED] = BIT(EVENT_STARTED) | BIT(EVENT_PAUSED) | BIT(EVENT_RESUMED) |
				  BIT(EVENT_RESET),
		[EVENT_CRASHED] = (u32) ~(BIT(EVENT_DESTROYED)),
		[EVENT_DESTROYED] = (u32) ~(BIT(EVENT_DESTROYED)),
		[EVENT_SNAPSHOT] = (u32)~0,
		[EVENT_BACKUP_DONE] = (u32)~0,
		[EVENT_BACKUP_FAILED] = (u32)~0,
	};

	assert_string_equal(name, "alpha");
	assert_non_null(reason);
	if ((before[event] & BIT(last_event)) == 0)
		fail_msg("event %d after %d", event, last_event);
	if (event < EVENT_SNAPSHOT)
		last_event = event;
	event_count[event]++;
	last_record.event = event;
	string_copy(last_record.reason, sizeof(last_record.reason), reason);
	string_copy(last_record.uuid, sizeof(last_record.uuid), uuid);
}

void vm_log_take(struct vm *vm)
{
	(void)vm;
}

bool vm_log_allows(struct vm *vm)
{
	(void)vm;
	if (lines_left == 0)
		return false;
	lines_left--;
	return true;
}

void vm_pace_step(struct vm *vm, u64 now_tsc)
{
	(void)vm;
	(void)now_tsc;
}

static void change_is_abandoned(struct vm *vm)
{
	vm->operation[OPERATION_CHANGE].phase = CHANGE_NONE;
}

const struct vm_operation_ops vm_share_ops = {
	.name = "change",
	.abandon = change_is_abandoned,
	.busy = ~(u32)(BIT(CHANGE_NONE) | BIT(CHANGE_DONE)),
};

#ifndef FIXTURE_OVERCOMMIT /* the test includes vmm/manager/vm/memory/vm_overcommit.c */
void vm_overcommit_ask(struct vm *vm, bool parked)
{
	(void)vm, (void)parked;
}

bool vm_overcommit_stopped(const struct vm *vm)
{
	(void)vm;
	return false;
}

bool vm_overcommit_feed(struct vm *vm, char *text, size_t size)
{
	(void)vm, (void)text, (void)size;
	return true;
}

const struct vm_operation_ops vm_trim_ops = {.name = "trim"};

void vm_overcommit_step(u64 now_tsc)
{
	(void)now_tsc;
}

u64 vm_overcommit_deadline(void)
{
	return ~0ull;
}
#endif

#ifndef FIXTURE_RENEW /* the test includes vmm/manager/vm/operation/save/vm_renew.c and vm_save.c  \
		       */
static bool restores;
static u32 restored;

static bool restore_last(struct vm *vm, char *problem, size_t size)
{
	restored++;
	if (restores)
		vm_release(vm, AFTER_START);
	else
		format(problem, size, "there is none");
	return restores;
}

const struct vm_operation_ops vm_save_ops = {.name = "save", .go_back = restore_last};
const struct vm_operation_ops vm_renew_ops = {.name = "renew"};
#endif

#ifndef FIXTURE_BACKUP /* the test includes vmm/manager/vm/operation/backup/vm_backup.c */
const struct vm_operation_ops vm_backup_ops = {.name = "backup"};
#endif
#ifndef FIXTURE_SCHEDULE /* the test includes vmm/manager/vm/operation/backup/vm_schedule.c */
const struct vm_operation_ops vm_schedule_ops = {.name = "schedule"};
#endif

#ifndef FIXTURE_REKEY /* the test includes vmm/manager/vm/operation/rekey/vm_rekey.c */
const struct vm_operation_ops vm_rekey_ops = {.name = "rekey"};
#endif

const struct vm_operation_ops vm_on_request_ops = {.name = "on request"};

#ifndef FIXTURE_MEDIA /* the test includes vmm/manager/vm/operation/media/vm_media.c */
const struct vm_operation_ops vm_media_ops = {.name = "media"};
#endif

bool vm_clone_disks_may(const struct vm *from, const struct vm_snapshot *snapshot, char *words,
			size_t size)
{
	(void)from, (void)snapshot, (void)words, (void)size;
	return true;
}

void vm_clone_disks_mark(struct vm *clone, const struct vm *from)
{
	(void)clone, (void)from;
}

static bool has_views;

bool vm_clone_has_views(const struct vm *vm, char *words, size_t size)
{
	(void)vm;
	if (has_views)
		format(words, size, "disk data: a clone's");
	return has_views;
}

#ifndef FIXTURE_SNAPSHOT /* the test includes vmm/manager/vm/operation/snapshot/vm_snapshot.c */
const struct vm_operation_ops vm_snapshot_ops = {.name = "snapshot"};

static bool has_clones;

bool vm_snapshot_may_end(const struct vm *vm, char *words, size_t size)
{
	(void)vm;
	if (has_clones)
		format(words, size, "its memory is that of its clones");
	return !has_clones;
}
#endif

void vm_firmware_start(struct vm *vm)
{
	vm_send(vm, VM_COMMAND_START);
}

bool vm_build(struct vm *vm, char *problem, size_t size)
{
	if (!build_works) {
		format(problem, size, "no memory");
		return false;
	}
	assert_int_equal(vm->group, HANDLE_NONE);
	memset(&channel, 0, sizeof(channel));
	channel.exit_code = -1;
	channel.ready = monitor_sets_up;
	channels += vm->channel == NULL;
	vm->channel = &channel;
	vm->command_sequence = 0;
	vm->group = 7;
	vm->monitor.wake = 8;
	groups++;
	steps_left = release_steps;
	return true;
}

bool vm_release_step(struct vm *vm)
{
	if (vm->group != HANDLE_NONE && steps_left > 0) {
		steps_left--;
		return false;
	}
	if (vm->group != HANDLE_NONE) {
		vm->save.link = NULL;
		vm->group = HANDLE_NONE;
		vm->monitor.wake = HANDLE_NONE;
		groups--;
	}
	vm_operations_ended(vm);
	return true;
}

void vm_release_channel(struct vm *vm)
{
	channels -= vm->channel != NULL;
	vm->channel = NULL;
}

/* The monitor carries out its command. */
static void monitor_obeys(struct vm *vm)
{
	if (channel.done_sequence == channel.command_sequence)
		return;
	switch (channel.command) {
	case VM_COMMAND_RESET:
		channel.reset_count++;
		/* fallthrough */
	case VM_COMMAND_START:
	case VM_COMMAND_RESUME:
		channel.state = VM_RUNNING;
		channel.started_tsc = now;
		break;
	case VM_COMMAND_PAUSE:
		channel.state = VM_PAUSED;
		break;
	}
	channel.done_sequence = channel.command_sequence;
	vm_report_take(vm);
}

static void settle(struct vm *vm)
{
	for (u32 i = 0; i < 100; i++) {
		bool more = vm_step();

		if (vm->id != 0 && vm->group != HANDLE_NONE && !vm_is_ending(vm))
			monitor_obeys(vm);
		if (!more)
			return;
	}
	fail();
}

static void monitor_reports(struct vm *vm, enum vm_state state, const char *reason)
{
	string_copy(channel.reason, sizeof(channel.reason), reason);
	channel.state = state;
	vm_report_take(vm);
}

static char problem[256];

static bool act(struct vm *vm, enum vm_action action)
{
	problem[0] = '\0';
	return vm_act(vm, action, problem, sizeof(problem));
}

static struct vm *create(u64 on_crash)
{
	struct vm_config config;
	struct vm *vm;

	memset(vms, 0, sizeof(vms));
	memset(event_count, 0, sizeof(event_count));
	last_event = EVENT_DESTROYED;
	groups = 0;
	channels = 0;
	release_steps = 2;
	lines_left = 100;
	build_works = true;
	now = 1000;
	config_vm_init(&config);
	string_copy(config.name, sizeof(config.name), "alpha");
	config.on_crash = on_crash;
	vm = vm_create(&config, problem, sizeof(problem));
	assert_non_null(vm);
	vm_report_take(vm);
	assert_int_equal(last_event, EVENT_CREATED);
	return vm;
}

static struct vm *in_state(enum vm_state state)
{
	struct vm *vm = create(ON_CRASH_HOLD);

	if (state == VM_CREATED)
		return vm;
	assert_true(act(vm, ACTION_START));
	settle(vm);
	if (state == VM_PAUSED)
		assert_true(act(vm, ACTION_PAUSE));
	else if (state == VM_STOPPED)
		monitor_reports(vm, VM_STOPPED, "off");
	else if (state == VM_CRASHED)
		monitor_reports(vm, VM_CRASHED, "bad");
	settle(vm);
	assert_int_equal(vm->state, state);
	return vm;
}

void config_vm_init(struct vm_config *vm)
{
	*vm = (struct vm_config){.stop_timeout_ns = 30 * NS_PER_S};
}
