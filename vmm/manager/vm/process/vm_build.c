/* SPDX-License-Identifier: MIT */
/*
 * Makes a VM's memory group, RAM, channel and monitor, and frees all of that again. Called by
 * vm_create.c to boot, by vm_renew.c for a second monitor and by vm_act.c to release. Attaches
 * disks and networks through vmm/manager/disk and net; vm_build_check.c decides beforehand whether
 * there is room.
 */
#include "vmm/manager/vm/process/vm_build.h"
#include "lib/bits.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/vm/disks/vm_clone_disk.h"
#include "vmm/manager/vm/process/vm_firmware.h"
#include "vmm/manager/vm/process/vm_net_shared.h"
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/manager/vm/process/vm_share.h"
#include "vmm/manager/vm/process/vm_user_data.h"
#include "vmm/manager/vm/process/vm_window.h"
#include "vmm/manager/vm/vm_log.h"
#include "vmm/manager/vm/vm_monitor.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/*
 * the most steps of ending a VM's memory group in a turn of the manager, each of some microseconds
 */
#define RELEASE_STEPS 8u

/* Handles to parts of a monitor that the manager needs only until the monitor has its own. */
struct parts {
	struct process_build process;
	handle_t space;
	handle_t vm;
};

static const u32 memory_flags[] = {
	[PAGES_AUTO] = MEMORY_HUGE,
	[PAGES_4K] = MEMORY_SMALL,
	[PAGES_2M] = 0,
	[PAGES_1G] = MEMORY_HUGE | MEMORY_WHOLE,
};

static void vm_create_group(struct vm *vm, struct process_build *build)
{
	vm->quota_pages = vm_build_quota(vm);
	vm->quota_surplus = 0;
	vm->save.room = vm_save_key_is_there();
	process_build_note(build, "creating its group",
			   sys_group_create(start_handle(START_ROOT), vm->quota_pages,
					    vm->config.weight, &vm->group));
	if (!process_build_failed(build))
		process_build_note(build, "setting its shares",
				   sys_group_set(vm->group, GROUP_TAG, vm->id));
	if (!process_build_failed(build))
		process_build_note(build, "setting its shares",
				   vm_share_apply(vm->group, &vm->config));
	if (!process_build_failed(build) && vm->overcommits)
		process_build_note(build, "watching its memory",
				   events_bind(vm->group, EVENT_STARVED, vm->id));
}

/*
 * Creates the VM's RAM; called before the VM's disks are linked, as their devices may reach the
 * RAM.
 */
static void vm_create_ram(struct vm *vm, struct process_build *build)
{
	u32 flags = MEMORY_GUEST | memory_flags[vm->config.pages] |
		    (vm->overcommits ? (u32)MEMORY_OVERCOMMIT : 0);

	if (process_build_failed(build))
		return;
	if (vm->origin != NULL)
		process_build_note(build, "making a layer above the snapshot's RAM",
				   sys_memory_layer(vm->group, vm->origin->ram, &vm->ram));
	else
		process_build_note(
			build, "creating its RAM",
			sys_memory_create(vm->group, vm->config.memory_bytes, flags, &vm->ram));
}

static void vm_create_guest(struct vm *vm, struct parts *parts)
{
	struct process_build *build = &parts->process;

	if (!process_build_failed(build))
		process_build_note(build, "creating its second-stage table",
				   sys_space_create(vm->group, &parts->space));
	if (!process_build_failed(build))
		process_build_note(build, "creating its VM object",
				   sys_vm_create(vm->group, parts->space, &parts->vm));
}

static void vm_create_events(struct vm *vm, struct process_build *build)
{
	if (!process_build_failed(build))
		process_build_note(build, "creating its events",
				   sys_event_create(vm->group, &vm->monitor.wake));
	if (!process_build_failed(build))
		process_build_note(build, "creating its events",
				   sys_event_create(vm->group, &vm->monitor.ring));
}

static bool vm_has_stream(const struct vm *vm, u32 number)
{
	return number == 0 || vm->config.port[number - 1][0] != '\0';
}

static void vm_clear_stream(struct vm *vm, u32 number)
{
	struct channel_stream *stream = &vm->channel->stream[number];
	u32 output_written = stream->output_written;

	memset(stream, 0, offsetof(struct channel_stream, output));
	stream->output_written = output_written;
	stream->output_read = vm->stream[number].output_read;
	vm->stream[number].input_written = 0;
	if (number > 0)
		string_copy(stream->name, sizeof(stream->name), vm->config.port[number - 1]);
}

/* Prepares the VM's channel for a new monitor; the guest's output stays in it. */
static void vm_clear_channel(struct vm *vm)
{
	struct vm_channel *channel = vm->channel;

	memset(channel, 0, offsetof(struct vm_channel, stream));
	memset(&channel->question, 0, offsetof(struct query_area, answer));
	for (u32 i = 0; i < CHANNEL_STREAM_MAX; i++) {
		if (vm_has_stream(vm, i))
			vm_clear_stream(vm, i);
	}
	channel->exit_code = -1;
	machine_wall_base(&channel->wall_seconds, &channel->wall_tsc);
}

/* Creates the channel between the VM's monitor and the manager, once for each VM. */
static void vm_create_channel(struct vm *vm, struct process_build *build)
{
	u64 bytes = align_up(CHANNEL_BYTES, PAGE_SIZE);
	u64 address = 0;

	if (vm->channel_memory == HANDLE_NONE)
		process_build_note(build, "creating its channel",
				   sys_memory_create(start_handle(START_GROUP), bytes, 0,
						     &vm->channel_memory));
	if (process_build_failed(build))
		return;
	process_build_note(build, "mapping its channel",
			   sys_space_map(start_handle(START_SPACE), 0, vm->channel_memory, 0, bytes,
					 RIGHT_READ | RIGHT_WRITE, &address));
	if (process_build_failed(build))
		return;
	vm->channel = (struct vm_channel *)address;
	/* touches every page of the streams, so that all pages are taken now */
	for (u32 i = 0; i < CHANNEL_STREAM_MAX; i++) {
		if (vm_has_stream(vm, i))
			memset(vm->channel->stream[i].output, 0, CHANNEL_OUT_BYTES);
	}
}

static void vm_prepare_channel(struct vm *vm, struct process_build *build)
{
	if (process_build_failed(build))
		return;
	if (vm->channel == NULL)
		vm_create_channel(vm, build);
	if (process_build_failed(build))
		return;
	vm_firmware_note(vm);
	vm_clear_channel(vm);
	vm->command_sequence = 0;
	vm->question_number = 0;
	vm_log_restart(&vm->log);
}

static void vm_fill_start_info(const struct vm *vm, struct start_info *info)
{
	bool demo;

	vm_build_kernel(&vm->config, &demo);
	string_copy(info->command_line, sizeof(info->command_line), vm->config.cmdline);
	vm_firmware_fill(vm, info);
	info->parameter[MONITOR_VCPUS] = vm->config.vcpus;
	info->parameter[MONITOR_ID] = vm->id;
	info->parameter[MONITOR_RESERVE_BUDGET_NS] = vm->config.reserve_budget_ns;
	info->parameter[MONITOR_RESERVE_PERIOD_NS] = vm->config.reserve_period_ns;
	info->parameter[MONITOR_TRAP] = vm->config.trap;
	info->parameter[MONITOR_CONTROLS] =
		(vm->config.preemption_timer == AUTOMATIC_OFF ? VTRAP_NO_TIMER : 0ul) |
		(vm->config.unrestricted == AUTOMATIC_OFF ? VTRAP_RESTRICTED : 0ul) |
		(vm->config.tlb_flush == TLB_FLUSH_FULL ? VTRAP_FLUSH : 0ul);
	info->parameter[MONITOR_FLAGS] =
		vm_firmware_disks(vm) | (demo ? MONITOR_DEMO : 0ul) |
		(vm->config.boot != BOOT_KERNEL ? MONITOR_FIRMWARE : 0ul) |
		(vm->config.boot == BOOT_UEFI ? MONITOR_UEFI : 0ul) |
		(vm->config.hpet ? MONITOR_HPET : 0ul) |
		(vm->config.pci == PCI_ON ? MONITOR_PCI : 0ul) |
		(vm->config.clock == CLOCK_JUMP ? MONITOR_CLOCK_JUMPS : 0ul) |
		(vm->config.rng ? MONITOR_VIRTIO_RNG : 0ul) |
		(vm->config.balloon ? MONITOR_VIRTIO_BALLOON : 0ul) |
		(vm->overcommits ? MONITOR_OVERCOMMIT : 0ul) |
		(vm->config.console == CONSOLE_VIRTIO ? MONITOR_VIRTIO_CONSOLE : 0ul) |
		(vm->config.test_device ? MONITOR_TEST_DEVICE : 0ul) |
		(vm->config.apic_virtualization == AUTOMATIC_OFF ? MONITOR_APIC_EMULATED : 0ul);
}

static void vm_grant_all(const struct vm *vm, struct parts *parts)
{
	struct process_build *build = &parts->process;
	const struct {
		enum start_kind kind;
		handle_t handle;
		u32 rights;
		u64 value;
	} grants[] = {
		{START_VM_SPACE, parts->space, RIGHT_READ | RIGHT_MAP, 0},
		{START_VM, parts->vm, RIGHT_READ | RIGHT_CREATE | RIGHT_CONTROL, 0},
		{START_RAM, vm->ram, vm_window_ram_rights(vm), vm->config.memory_bytes},
		{START_CHANNEL, vm->channel_memory, RIGHT_READ | RIGHT_WRITE, CHANNEL_BYTES},
		{START_CHANNEL_IN, vm->monitor.wake, RIGHT_READ | RIGHT_BIND, 0},
		{START_CHANNEL_OUT, vm->monitor.ring, RIGHT_WRITE, 0},
	};

	process_build_own(build, vm->group);
	for (u32 i = 0; i < ARRAY_COUNT(grants); i++)
		process_build_grant(build, grants[i].kind, grants[i].handle, grants[i].rights,
				    grants[i].value);
	vm_vsock_give(vm, build);
}

/* Maps a file read-only into the monitor's address space. */
static void vm_map_file(struct process_build *build, enum start_kind kind, const struct file *file)
{
	if (file->size == 0)
		process_build_note(build, "mapping its files (one is empty)", STATUS_BAD_FORMAT);
	process_build_map_file(build, kind, file);
}

static void vm_map_files(const struct vm *vm, struct process_build *build)
{
	struct file given;
	bool demo;

	vm_map_file(build, START_FILE_KERNEL, vm_build_kernel(&vm->config, &demo));
	if (vm->config.initrd[0] != '\0')
		vm_map_file(build, START_FILE_INITRD, file_find(vm->config.initrd));
	/* a VM with firmware has no initrd: its user-data for cloud-init takes that place */
	if (vm->config.seed[0] == '\0' || vm_firmware_seed_is_gone(vm))
		return;
	given = vm_user_data_file(vm);
	vm_map_file(build, START_FILE_INITRD,
		    vm_user_data_is_given(&vm->config) ? &given : file_find(vm->config.seed));
}

static void vm_map_account(struct vm *vm, struct process_build *build)
{
	handle_t memory = HANDLE_NONE;
	u64 address = 0;

	if (process_build_failed(build))
		return;
	process_build_note(build, "reading its account", sys_group_page(vm->group, &memory));
	if (process_build_failed(build))
		return;
	process_build_note(build, "reading its account",
			   sys_space_map(start_handle(START_SPACE), 0, memory, 0, PAGE_SIZE,
					 RIGHT_READ, &address));
	sys_handle_close(memory);
	vm->account = (const struct group_page *)address;
}

static void vm_watch_monitor(const struct vm *vm, struct process_build *build,
			     enum event_source process_ended)
{
	if (!process_build_failed(build))
		process_build_note(build, "watching its monitor",
				   events_bind(vm->monitor.ring, EVENT_CHANNEL, vm->id));
	if (!process_build_failed(build))
		process_build_note(build, "watching its monitor",
				   events_bind(build->process, process_ended, vm->id));
}

/* Starts the process that was built, which is the VM's monitor from then on. */
static void vm_start_monitor(struct vm *vm, struct process_build *build)
{
	process_build_start(build);
	if (process_build_failed(build))
		return;
	vm->monitor.process = build->process;
	build->process = HANDLE_NONE;
}

/* A saved state for the new monitor to load. */
struct given_state {
	/* the memory with the state; HANDLE_NONE: there is none, and the guest boots */
	handle_t memory;
	u64 bytes;
	bool heir; /* the new monitor replaces another one of the same VM */
};

static void vm_build_monitor(struct vm *vm, struct parts *parts, const struct given_state *state)
{
	struct process_build *build = &parts->process;

	process_build_begin(build, vm->group, start_handle(START_MONITOR_IMAGE), 0);
	if (process_build_failed(build))
		return;
	vm_fill_start_info(vm, build->info);
	if (state->heir)
		build->info->parameter[MONITOR_RENEWAL] = vm->renewal.number;
	if (state->memory != HANDLE_NONE)
		process_build_map(build, START_STATE, state->memory, 0, state->bytes, RIGHT_READ);
	vm_grant_all(vm, parts);
	vm_map_files(vm, build);
	disk_give_all(vm, build);
	/* a process that saves copies the VM's state and has no use for the keys of disks */
	if (!state->heir || vm->operation[OPERATION_SAVE].phase == SAVE_NONE)
		disk_give_keys(vm, build);
	net_give_all(vm, build);
	vm_operations_furnish(vm, build, state->heir);
	vm_watch_monitor(vm, build, state->heir ? EVENT_HEIR : EVENT_PROCESS);
	vm_start_monitor(vm, build);
}

static void vm_build_all(struct vm *vm, struct parts *parts)
{
	struct process_build *build = &parts->process;
	struct given_state state = {.memory = HANDLE_NONE};

	if (vm->origin != NULL)
		state = (struct given_state){vm->origin->state, vm->origin->state_used, false};
	vm_create_guest(vm, parts);
	vm_create_events(vm, build);
	vm_pace_reset(vm);
	vm_map_account(vm, build);
	vm_prepare_channel(vm, build);
	vm_vsock_create(vm, build);
	vm_build_monitor(vm, parts, &state);
}

static void vm_close_parts(struct parts *parts)
{
	const handle_t handles[] = {parts->space, parts->vm};

	process_build_close(&parts->process);
	for (u32 i = 0; i < ARRAY_COUNT(handles); i++) {
		if (handles[i] != HANDLE_NONE)
			sys_handle_close(handles[i]);
	}
}

static bool vm_has_worked(const struct process_build *build, char *problem, size_t size)
{
	if (!process_build_failed(build))
		return true;
	format(problem, size, "the kernel says \"%s\" while %s", status_text(build->status),
	       build->what);
	return false;
}

bool vm_build(struct vm *vm, char *problem, size_t size)
{
	struct parts parts = {.space = HANDLE_NONE};

	vm->overcommits = vm->origin != NULL ? vm_by_id(vm->clone_of)->overcommits
					     : vm->config.overcommit != 0;
	if (!vm_build_check(vm, problem, size) || !vm_window_take(vm, problem, size))
		return false;
	vm_create_group(vm, &parts.process);
	vm_create_ram(vm, &parts.process);
	if (!process_build_failed(&parts.process) &&
	    (!disk_attach_all(vm, problem, size) || !vm_clone_disks_attach(vm, problem, size) ||
	     !net_attach_all(vm, problem, size)))
		return false;
	vm_net_warn_shared(vm);
	vm_build_all(vm, &parts);
	vm_close_parts(&parts);
	return vm_has_worked(&parts.process, problem, size);
}

bool vm_build_heir(struct vm *vm, u64 bytes, char *problem, size_t size)
{
	const struct given_state state = {vm->renewal.state, bytes, true};
	const struct vm_monitor present = vm->monitor;
	struct parts parts = {.space = HANDLE_NONE};

	vm->monitor = (struct vm_monitor){.process = HANDLE_NONE};
	vm_create_guest(vm, &parts);
	vm_create_events(vm, &parts.process);
	vm_build_monitor(vm, &parts, &state);
	vm->renewal.heir = vm->monitor;
	vm->monitor = present;
	vm_close_parts(&parts);
	return vm_has_worked(&parts.process, problem, size);
}

/* Returns whether no driver uses the VM's memory any more. */
static bool vm_release_links(struct vm *vm)
{
	bool detached = vm_operations_detach(vm) && disk_detach_all(vm);

	if (!net_detach_all(vm) || !detached) {
		vm->held_by = HELD_BY_DRIVERS;
		return false;
	}
	if (vm->held_by == HELD_BY_DRIVERS)
		vm->held_by = HELD_BY_NOBODY;
	return true;
}

static enum vm_holder vm_release_holder(const struct vm *vm, enum status status)
{
	if (status == STATUS_OK || status == STATUS_AGAIN)
		return HELD_BY_NOBODY;
	if (status == STATUS_IN_USE && vm_snapshot_clones(vm, NULL) != 0)
		return HELD_BY_CLONES;
	return HELD_BY_KERNEL;
}

/* Destroys the VM's memory group; returns false while this has not ended. */
static bool vm_release_group(struct vm *vm)
{
	enum vm_holder before = vm->held_by;
	enum status status = STATUS_AGAIN;

	if (disk_any_is_viewed(vm)) {
		/*
		 * The old blocks that clones' views need lie in this VM's memory. Without a monitor
		 * nothing changes them any more.
		 */
		vm_monitor_end(&vm->monitor);
		vm->held_by = HELD_BY_CLONES;
		return false;
	}
	if (before == HELD_BY_CLONES && vm_snapshot_clones(vm, NULL) != 0)
		return false;
	vm_snapshot_forget(vm);
	for (u32 i = 0; i < RELEASE_STEPS && status == STATUS_AGAIN; i++)
		status = sys_object_destroy(vm->group);
	vm->held_by = vm_release_holder(vm, status);
	if (vm->held_by == HELD_BY_KERNEL && before != HELD_BY_KERNEL)
		log_message(LOG_ERROR, LOG_VM, vm->config.name,
			    "the kernel says \"%s\" while taking everything back, which is tried "
			    "again",
			    status_text(status));
	return status == STATUS_OK;
}

bool vm_release_step(struct vm *vm)
{
	if (vm->account != NULL) {
		vm->final = *vm->account;
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vm->account, PAGE_SIZE);
		vm->account = NULL;
	}
	vm_vsock_release(vm);
	/* The links to drivers end before the memory group, which has paid for their memory. */
	if (!vm_release_links(vm))
		return false;
	if (vm->group == HANDLE_NONE) {
		vm_operations_ended(vm);
		return true;
	}
	if (!vm_release_group(vm))
		return false;
	/* The handles of all that belonged to the memory group have been closed with it. */
	vm->group = HANDLE_NONE;
	vm->ram = HANDLE_NONE;
	vm->monitor = (struct vm_monitor){.process = HANDLE_NONE};
	vm->handover = (struct vm_handover){.given = HANDLE_NONE};
	vm->clone_of = 0;
	vm_pace_reset(vm);
	vm_operations_ended(vm);
	return true;
}

void vm_release_channel(struct vm *vm)
{
	vm_user_data_drop(&vm->user_data);
	if (vm->channel != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vm->channel,
				align_up(CHANNEL_BYTES, PAGE_SIZE));
	vm->channel = NULL;
	if (vm->channel_memory != HANDLE_NONE)
		sys_object_destroy(vm->channel_memory);
	vm->channel_memory = HANDLE_NONE;
}
