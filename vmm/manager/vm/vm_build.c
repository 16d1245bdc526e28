/* SPDX-License-Identifier: MIT */
#include "vmm/manager/vm/vm_build.h"
#include "kernel/abi/version.h"
#include "lib/bits.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/random.h"
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/*
 * What a VM costs besides its RAM: second-stage tables and the monitor's view of the RAM (each at
 * most RAM / 512 and a few), the monitor's own memory, its vCPUs' control pages.
 */
#define OVERHEAD_RAM_SHARE  128u
#define OVERHEAD_PAGES	    512u
#define OVERHEAD_VCPU_PAGES 64u
#define MANAGER_PAGES	    32u

/* Handles that are only needed until the monitor has its own. */
struct parts {
	handle_t ram;
	handle_t space;
	handle_t vm;
	handle_t process;
	handle_t process_space;
	handle_t start;
	struct start_info *info;
};

static u64 pages_at_start; /* free for VMs before the first one */

struct step {
	const char *what;
	enum status status;
};

static struct step step(const char *what, enum status status)
{
	return (struct step){what, status};
}

static u64 quota_pages(const struct vm_config *config)
{
	u64 ram = config->memory_bytes / PAGE_SIZE;

	return ram + ram / OVERHEAD_RAM_SHARE + OVERHEAD_PAGES +
	       config->vcpus * OVERHEAD_VCPU_PAGES;
}

/*
 * Pages promised to nobody: guest RAM is taken at first touch but promised in full. What the
 * manager spends on each VM, its channel above all, is on no VM's account.
 */
static u64 pages_available(void)
{
	u64 promised = 0;

	VM_FOR_EACH(vm) {
		promised += MANAGER_PAGES;
		if (vm->group != HANDLE_NONE)
			promised += vm->quota_pages;
	}
	return pages_at_start > promised ? pages_at_start - promised : 0;
}

static const struct file *find_kernel(const struct vm_config *config, bool *demo)
{
	const struct file *file = file_find(config->kernel);

	*demo = file == NULL && string_equal(config->kernel, VM_KERNEL_BUILT_IN) &&
		file_demo()->size > 0;
	return *demo ? file_demo() : file;
}

static void missing_file(const char *key, const char *name, char *problem, size_t size)
{
	size_t length =
		format(problem, size, "%s: found \"%s\", which is no file, there are:", key, name);

	for (u32 i = 0; file_at(i) != NULL && length < size; i++)
		length += format(problem + length, size - length, " %s", file_at(i)->name);
	if (length < size && file_at(0) == NULL)
		format(problem + length, size - length, " none");
}

bool vm_build_has_files(const struct vm_config *config, char *problem, size_t size)
{
	bool demo;

	if (find_kernel(config, &demo) == NULL) {
		missing_file("kernel", config->kernel, problem, size);
		return false;
	}
	if (config->initrd[0] != '\0' && file_find(config->initrd) == NULL) {
		missing_file("initrd", config->initrd, problem, size);
		return false;
	}
	return true;
}

bool vm_build_fits(const struct vm_config *config, char *problem, size_t size)
{
	if (quota_pages(config) <= pages_at_start)
		return true;
	format(problem, size,
	       "memory: found %llu MiB, which takes %llu MiB in all, allowed: the %llu MiB that "
	       "this machine has for VMs",
	       (unsigned long long)(config->memory_bytes / MIB),
	       (unsigned long long)(quota_pages(config) * PAGE_SIZE / MIB),
	       (unsigned long long)(pages_at_start * PAGE_SIZE / MIB));
	return false;
}

/* The operator's mistakes are reported in the operator's terms, before anything is created. */
static bool check(const struct vm_config *config, char *problem, size_t size)
{
	u64 available = pages_available();

	if (!vm_build_has_files(config, problem, size))
		return false;
	if (quota_pages(config) > available) {
		format(problem, size,
		       "memory: found %llu MiB, which takes %llu MiB in all, allowed: the %llu MiB "
		       "that are free",
		       (unsigned long long)(config->memory_bytes / MIB),
		       (unsigned long long)(quota_pages(config) * PAGE_SIZE / MIB),
		       (unsigned long long)(available * PAGE_SIZE / MIB));
		return false;
	}
	return vm_share_check(config, problem, size);
}

static void add_entry(struct parts *parts, enum start_kind kind, handle_t handle, u64 offset,
		      u64 value)
{
	struct start_info *info = parts->info;

	if (info->entry_count < START_ENTRY_MAX)
		info->entry[info->entry_count++] = (struct start_entry){
			.kind = kind, .handle = handle, .offset = offset, .value = value};
}

static struct step grant(struct parts *parts, enum start_kind kind, handle_t handle, u32 rights,
			 u64 value)
{
	handle_t theirs;
	enum status status = sys_handle_grant(parts->process, handle, rights, &theirs);

	if (status == STATUS_OK)
		add_entry(parts, kind, theirs, 0, value);
	return step("handing it its handles", status);
}

/* Puts the pages of a file into the monitor's address space, read-only. */
static struct step map_file(struct parts *parts, enum start_kind kind, const struct file *file)
{
	u64 first = align_down(file->offset, PAGE_SIZE);
	u64 bytes = align_up(file->offset + file->size, PAGE_SIZE) - first;
	u64 address = 0;
	enum status status;

	if (file->size == 0)
		return step("mapping its files (one is empty)", STATUS_BAD_FORMAT);
	status = sys_space_map(parts->process_space, 0, file->memory, first, bytes, RIGHT_READ,
			       &address);
	if (status == STATUS_OK)
		add_entry(parts, kind, HANDLE_NONE, address + (file->offset - first), file->size);
	return step("mapping its files", status);
}

static const u32 memory_flags[] = {
	[PAGES_AUTO] = MEMORY_HUGE,
	[PAGES_4K] = MEMORY_SMALL,
	[PAGES_2M] = 0,
	[PAGES_1G] = MEMORY_HUGE | MEMORY_WHOLE,
};

static struct step create_objects(struct vm *vm, struct parts *parts)
{
	enum status status;
	u32 flags;

	vm->quota_pages = quota_pages(&vm->config);
	status = sys_group_create(start_handle(START_ROOT), vm->quota_pages,
				  vm->config.weight, &vm->group);
	if (status != STATUS_OK)
		return step("creating its group", status);
	status = sys_group_set(vm->group, GROUP_TAG, vm->id);
	if (status == STATUS_OK)
		status = vm_share_apply(vm->group, &vm->config);
	if (status != STATUS_OK)
		return step("setting its shares", status);
	flags = MEMORY_GUEST | memory_flags[vm->config.pages];
	status = sys_memory_create(vm->group, vm->config.memory_bytes, flags, &parts->ram);
	if (status != STATUS_OK)
		return step("creating its RAM", status);
	status = sys_space_create(vm->group, &parts->space);
	if (status != STATUS_OK)
		return step("creating its second-stage table", status);
	status = sys_vm_create(vm->group, parts->space, &parts->vm);
	if (status != STATUS_OK)
		return step("creating its VM object", status);
	status = sys_process_create(vm->group, start_handle(START_MONITOR_IMAGE), &parts->process);
	if (status != STATUS_OK)
		return step("creating its monitor", status);
	status = sys_process_space(parts->process, &parts->process_space);
	if (status != STATUS_OK)
		return step("creating its monitor", status);
	status = sys_event_create(vm->group, &vm->wake);
	if (status == STATUS_OK)
		status = sys_event_create(vm->group, &vm->ring);
	vm_pace_reset(vm);
	return step("creating its events", status);
}

/* For each new monitor; what the guest has printed stays. */
static void clear_channel(struct vm *vm)
{
	struct vm_channel *channel = vm->channel;
	u32 output_written = channel->output_written;

	memset(channel, 0, offsetof(struct vm_channel, output));
	memset(&channel->question, 0, offsetof(struct query_area, answer));
	channel->output_written = output_written;
	channel->output_read = vm->output_read;
	channel->exit_code = -1;
	channel->wall_tsc = clock_tsc();
	channel->wall_seconds = machine_wall_seconds(channel->wall_tsc);
}

/* Created once per VM. */
static struct step prepare_channel(struct vm *vm)
{
	u64 bytes = align_up(CHANNEL_BYTES, PAGE_SIZE);
	enum status status;
	u64 address;

	if (vm->channel == NULL) {
		status = vm->channel_memory != HANDLE_NONE ?
				 STATUS_OK :
				 sys_memory_create(start_handle(START_GROUP), bytes, 0,
						   &vm->channel_memory);
		if (status != STATUS_OK)
			return step("creating its channel", status);
		status = sys_space_map(start_handle(START_SPACE), 0, vm->channel_memory, 0, bytes,
				       RIGHT_READ | RIGHT_WRITE, &address);
		if (status != STATUS_OK)
			return step("mapping its channel", status);
		vm->channel = (struct vm_channel *)address;
		/* takes its pages */
		memset(vm->channel->output, 0, sizeof(vm->channel->output));
	}
	clear_channel(vm);
	vm->command_sequence = 0;
	vm->question_number = 0;
	vm->input_written = 0;
	vm->resets_told = 0;
	vm->unasked_told = 0;
	vm_log_restart(&vm->log);
	return step("", STATUS_OK);
}

static struct step create_start_memory(struct vm *vm, struct parts *parts)
{
	enum status status;
	u64 address;

	status = sys_memory_create(vm->group, START_BYTES, 0, &parts->start);
	if (status != STATUS_OK)
		return step("creating its start page", status);
	status = sys_space_map(start_handle(START_SPACE), 0, parts->start, 0, START_BYTES,
			       RIGHT_READ | RIGHT_WRITE, &address);
	if (status == STATUS_OK)
		parts->info = (struct start_info *)address;
	return step("mapping its start page", status);
}

static void fill_start_info(const struct vm *vm, struct parts *parts)
{
	struct start_info *info = parts->info;
	bool demo;

	find_kernel(&vm->config, &demo);
	info->magic = START_MAGIC;
	info->abi_version = SKERRY_ABI_VERSION;
	info->syscall_method = start_info->syscall_method;
	info->tsc_khz = start_info->tsc_khz;
	random_draw(info->entropy, sizeof(info->entropy));
	string_copy(info->command_line, sizeof(info->command_line), vm->config.cmdline);
	memcpy(info->backend, start_info->backend, sizeof(info->backend));
	info->parameter[MONITOR_VCPUS] = vm->config.vcpus;
	info->parameter[MONITOR_ID] = vm->id;
	info->parameter[MONITOR_RESERVE_BUDGET_NS] = vm->config.reserve_budget_ns;
	info->parameter[MONITOR_RESERVE_PERIOD_NS] = vm->config.reserve_period_ns;
	info->parameter[MONITOR_TRAP] = vm->config.trap;
	info->parameter[MONITOR_CONTROLS] =
		(vm->config.preemption_timer == AUTOMATIC_OFF ? VTRAP_NO_TIMER : 0ul) |
		(vm->config.unrestricted == AUTOMATIC_OFF ? VTRAP_RESTRICTED : 0ul) |
		(vm->config.tlb_flush == TLB_FLUSH_FULL ? VTRAP_FLUSH : 0ul);
	info->parameter[MONITOR_FLAGS] = (demo ? MONITOR_DEMO : 0ul) |
					 (vm->config.hpet ? MONITOR_HPET : 0ul) |
					 (vm->config.test_device ? MONITOR_TEST_DEVICE : 0ul) |
					 (vm->config.apic_virtualization == AUTOMATIC_OFF
						  ? MONITOR_APIC_EMULATED : 0ul);
}

static struct step grant_all(struct vm *vm, struct parts *parts)
{
	const struct {
		enum start_kind kind;
		handle_t handle;
		u32 rights;
		u64 value;
	} grants[] = {
		{START_SELF, parts->process, RIGHT_READ | RIGHT_WRITE | RIGHT_CONTROL, 0},
		{START_SPACE, parts->process_space, RIGHT_READ | RIGHT_MAP, 0},
		{START_GROUP, vm->group, RIGHT_READ | RIGHT_CREATE, 0},
		{START_VM_SPACE, parts->space, RIGHT_READ | RIGHT_MAP, 0},
		{START_VM, parts->vm, RIGHT_READ | RIGHT_CREATE | RIGHT_CONTROL, 0},
		{START_RAM, parts->ram, RIGHT_READ | RIGHT_WRITE, vm->config.memory_bytes},
		{START_CHANNEL, vm->channel_memory, RIGHT_READ | RIGHT_WRITE, CHANNEL_BYTES},
		{START_CHANNEL_IN, vm->wake, RIGHT_READ | RIGHT_BIND, 0},
		{START_CHANNEL_OUT, vm->ring, RIGHT_WRITE, 0},
	};

	for (u32 i = 0; i < ARRAY_COUNT(grants); i++) {
		struct step result = grant(parts, grants[i].kind, grants[i].handle,
					   grants[i].rights, grants[i].value);

		if (result.status != STATUS_OK)
			return result;
	}
	return step("", STATUS_OK);
}

static struct step map_files(const struct vm *vm, struct parts *parts)
{
	bool demo;
	struct step result = map_file(parts, START_FILE_KERNEL, find_kernel(&vm->config, &demo));

	if (result.status == STATUS_OK && vm->config.initrd[0] != '\0')
		result = map_file(parts, START_FILE_INITRD, file_find(vm->config.initrd));
	return result;
}

static struct step map_account(struct vm *vm)
{
	enum status status;
	handle_t memory;
	u64 address;

	status = sys_group_page(vm->group, &memory);
	if (status != STATUS_OK)
		return step("reading its account", status);
	status = sys_space_map(start_handle(START_SPACE), 0, memory, 0, PAGE_SIZE, RIGHT_READ,
			       &address);
	sys_handle_close(memory);
	if (status == STATUS_OK)
		vm->account = (const struct group_page *)address;
	return step("reading its account", status);
}

static struct step start_monitor(struct vm *vm, struct parts *parts)
{
	enum status status = events_bind(vm->ring, EVENT_CHANNEL, vm->id);

	if (status == STATUS_OK)
		status = events_bind(parts->process, EVENT_PROCESS, vm->id);
	if (status != STATUS_OK)
		return step("watching its monitor", status);
	return step("starting its monitor", sys_process_start(parts->process, parts->start));
}

static struct step build(struct vm *vm, struct parts *parts)
{
	struct step result = create_objects(vm, parts);

	if (result.status == STATUS_OK)
		result = map_account(vm);
	if (result.status == STATUS_OK)
		result = prepare_channel(vm);
	if (result.status == STATUS_OK)
		result = create_start_memory(vm, parts);
	if (result.status != STATUS_OK)
		return result;
	fill_start_info(vm, parts);
	result = grant_all(vm, parts);
	if (result.status == STATUS_OK)
		result = map_files(vm, parts);
	/* The monitor gets it read-only; the manager has done its part. */
	sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)parts->info, START_BYTES);
	parts->info = NULL;
	if (result.status == STATUS_OK)
		result = start_monitor(vm, parts);
	return result;
}

static void close_parts(struct parts *parts)
{
	const handle_t handles[] = {parts->ram,	    parts->space,	  parts->vm,
				    parts->process, parts->process_space, parts->start};

	if (parts->info != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)parts->info,
				START_BYTES);
	for (u32 i = 0; i < ARRAY_COUNT(handles); i++) {
		if (handles[i] != HANDLE_NONE)
			sys_handle_close(handles[i]);
	}
}

void vm_build_init(void)
{
	pages_at_start = machine_page()->pages[PAGE_FREE] -
			 machine_page()->page_count / KERNEL_SHARE;
}

bool vm_build(struct vm *vm, char *problem, size_t size)
{
	struct parts parts = {.ram = HANDLE_NONE};
	struct step result;

	if (!check(&vm->config, problem, size))
		return false;
	result = build(vm, &parts);
	close_parts(&parts);
	if (result.status == STATUS_OK)
		return true;
	format(problem, size, "the kernel says \"%s\" while %s", status_text(result.status),
	       result.what);
	return false;
}

bool vm_release_step(struct vm *vm)
{
	enum status status;

	if (vm->account != NULL) {
		vm->final = *vm->account;
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vm->account, PAGE_SIZE);
		vm->account = NULL;
	}
	if (vm->group == HANDLE_NONE)
		return true;
	status = sys_object_destroy(vm->group);
	if (status == STATUS_AGAIN)
		return false;
	if (status != STATUS_OK)
		log_message(LOG_ERROR, LOG_VM, vm->config.name,
			    "the kernel says \"%s\" while taking everything back",
			    status_text(status));
	/* The handles of what belonged to the group went with it. */
	vm->group = HANDLE_NONE;
	vm->wake = HANDLE_NONE;
	vm->ring = HANDLE_NONE;
	vm_pace_reset(vm);
	return true;
}

void vm_release_channel(struct vm *vm)
{
	if (vm->channel != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vm->channel,
				align_up(CHANNEL_BYTES, PAGE_SIZE));
	vm->channel = NULL;
	if (vm->channel_memory != HANDLE_NONE)
		sys_object_destroy(vm->channel_memory);
	vm->channel_memory = HANDLE_NONE;
}
