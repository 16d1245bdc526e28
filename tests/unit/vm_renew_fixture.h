/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests share that move a VM from its monitor to another process, or to a disk. */
#define FIXTURE_RENEW
#include "tests/unit/vm_fixture.h"
#include "tests/unit/fake_map.h"

#include "vmm/manager/config/vm_save_key.c"
#include "vmm/manager/vm/vm_handover.c"
#include "vmm/manager/vm/vm_monitor.c"
#include "vmm/manager/vm/operation/save/vm_renew.c"
#include "vmm/manager/vm/operation/save/vm_save.c"
#include "vmm/rt/crypto/hkdf.c"
#include "vmm/rt/crypto/hmac.c"
#include "vmm/rt/crypto/secret.c"
#include "vmm/rt/crypto/sha256.c"
#include "vmm/rt/status_text.c"

enum { OLD = 10, HEIR = 20, GIVEN = 29, STATE = 30, THEIRS = 40 };

static u32 destroyed; /* handles, a bit for each */
static u32 muted;
static u32 process_bound; /* the processes bound to EVENT_PROCESS */
static u32 renewed;	  /* the links that were renewed */
static bool heir_works;
static enum status memory_status;
static u32 memories; /* the memory objects that were made */
static struct driver_link vm_link;
static struct driver_link *const link = &vm_link;

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)flags;
	assert_int_equal(group, 7);
	assert_int_equal(bytes, 2 * PAGE_SIZE);
	*memory = HANDLE_NONE;
	if (memory_status == STATUS_OK) /* the second object is the copy */
		*memory = memories++ % 2 == 0 ? GIVEN : STATE;
	return memory_status;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	assert_int_equal(handle, GIVEN);
	assert_int_equal(process % 10, 0);
	assert_int_equal(rights, RIGHT_READ | RIGHT_WRITE);
	*theirs = THEIRS;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	assert_int_equal(destroyed & BIT(handle), 0);
	if (handle % 10 == 0 && handle != STATE)
		assert_int_equal(muted, handle);
	destroyed |= (u32)BIT(handle);
	return STATUS_OK;
}

enum status events_mute(handle_t handle)
{
	muted = handle;
	return STATUS_OK;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	(void)number;
	assert_int_equal(source, EVENT_PROCESS);
	process_bound = handle;
	return STATUS_OK;
}

/* The disk of a save: number 4, "saves". */
static struct config host_config;
static struct driver_link save_link;
static bool disk_free;
static u32 link_steps; /* the steps until the driver has nothing of the link any more */

struct config *boot_config(void)
{
	return &host_config;
}

bool config_parse_state_key(struct text text, struct state_key *key)
{
	(void)text, (void)key;
	return false;
}

/* The pages by which the quota was raised, for a VM that was built when there was no key. */
static u64 raised_pages;
static bool quota_rises = true;

static u32 tidied;

void vm_quota_tidy(const struct vm *vm)
{
	(void)vm;
	tidied++;
}

bool vm_quota_raise(struct vm *vm, u64 pages, char *words, size_t size)
{
	if (!quota_rises)
		format(words, size, "memory is missing");
	raised_pages += quota_rises ? pages : 0;
	return quota_rises;
}

const char *config_disk_name(const struct vm_disk *disk, char name[CONFIG_DISK_BYTES])
{
	string_copy(name, CONFIG_DISK_BYTES, "disk");
	return name;
}

struct disk_config *config_disk(u32 number)
{
	static struct disk_config disk = {.section.name = "saves"};

	assert_true(number == 4 || number == 0);
	return &disk;
}

struct driver_link *disk_attach_save(struct vm *vm, u32 number, bool read_only, char *words,
				     size_t size)
{
	(void)vm;
	assert_int_equal(number, 4);
	assert_false(read_only);
	if (!disk_free)
		format(words, size, "beta uses it");
	return disk_free ? &save_link : NULL;
}

bool disk_may_be_read(u32 number, char *words, size_t size)
{
	(void)words, (void)size;
	assert_int_equal(number, 4);
	return disk_free;
}

struct driver *driver_of_link(const struct driver_link *of)
{
	(void)of;
	return NULL; /* nobody asks how far a save is */
}

bool driver_link_end(struct driver_link *of)
{
	assert_ptr_equal(of, &save_link);
	return link_steps-- == 0;
}

/* The store of a save: a client of that channel. */
static char store_client;
static struct machine_channel *const store_channel = (struct machine_channel *)&store_client;
static bool store_free;
static char client_told[200]; /* what the client was told; "": the save is done */
static u32 streams_open;
static u32 judged; /* how often the process was told that it has failed */

bool transfer_open(struct transfer *transfer, struct machine_channel *of, bool inward, char *words,
		   size_t size)
{
	assert_ptr_equal(of, store_channel);
	assert_int_equal(transfer->state, TRANSFER_CLOSED);
	if (!store_free)
		format(words, size, "too many streams");
	else
		*transfer = (struct transfer){.state = TRANSFER_RUNS, .inward = inward};
	streams_open += store_free;
	return store_free;
}

void transfer_give(const struct transfer *transfer, struct process_build *build,
		   enum start_kind kind, const char *name)
{
	assert_int_equal(transfer->state, TRANSFER_RUNS);
	assert_int_equal(kind, START_SAVE);
}

void transfer_break(struct transfer *transfer, const char *words)
{
	if (transfer->state != TRANSFER_RUNS)
		return;
	transfer->state = TRANSFER_BROKEN;
	string_copy(transfer->problem, sizeof(transfer->problem), words);
	judged++;
}

void transfer_close(struct transfer *transfer, const char *words)
{
	assert_int_not_equal(transfer->state, TRANSFER_CLOSED);
	transfer->state = TRANSFER_CLOSED;
	string_copy(client_told, sizeof(client_told), words != NULL ? words : "");
	streams_open--;
}

void transfer_forget(struct transfer *transfer)
{
	if (transfer->state != TRANSFER_CLOSED)
		transfer_close(transfer, "forgotten");
}

void vm_pace_reset(struct vm *vm)
{
	(void)vm;
}

static bool disks_encrypted;

bool disk_any_is_encrypted(const struct vm *vm)
{
	(void)vm;
	return disks_encrypted;
}

void driver_link_renew(struct driver_link *of)
{
	assert_ptr_equal(of, link);
	/* by then nobody else has it; a saver's VM stands still */
	if (!host_config.host.state_key.given && !disks_encrypted)
		assert_int_equal(destroyed & BIT(OLD), BIT(OLD));
	renewed++;
}

/* The start page that the second process of a save finds. */
static struct start_info heir_info;

bool vm_build_heir(struct vm *vm, u64 bytes, char *words, size_t size)
{
	assert_int_equal(bytes, 5000);
	assert_int_equal(vm->renewal.state, STATE);
	memset(&heir_info, 0, sizeof(heir_info));
	if (vm->save.disk != 0)
		vm_save_fill(vm, &heir_info);
	if (!heir_works)
		format(words, size, "no memory");
	else
		vm->renewal.heir = (struct vm_monitor){HEIR, HEIR + 1, HEIR + 2};
	return heir_works;
}

static struct vm *ready_in(enum vm_state state)
{
	struct vm *vm = in_state(state);

	vm->monitor = (struct vm_monitor){OLD, OLD + 1, OLD + 2};
	vm->link[2] = link;
	vm->port[0] = link;
	channel.state_bytes = 5000;
	destroyed = muted = process_bound = renewed = memories = 0;
	heir_works = true;
	memory_status = STATUS_OK;
	return vm;
}

static UNUSED void monitor_saves(struct vm *vm, u64 used)
{
	assert_int_equal(channel.command, VM_COMMAND_SAVE);
	assert_int_equal(channel.state_memory, THEIRS);
	assert_int_equal(channel.state_size, 2 * PAGE_SIZE);
	channel.state_used = used;
	channel.done_sequence = channel.command_sequence;
	vm_step();
	assert_true(vm_busy(vm));
}

static UNUSED void monitor_continues(struct vm *vm, const char *outcome)
{
	assert_int_equal(channel.command, VM_COMMAND_CONTINUE);
	assert_true(vm_busy(vm));
	channel.done_sequence = channel.command_sequence;
	vm_step();
	assert_false(vm_busy(vm));
	assert_int_equal(vm->operation[OPERATION_RENEW].phase, RENEW_NONE);
	assert_string_equal(vm->operation[OPERATION_RENEW].problem, outcome);
}

/* --- VMs that are saved and restored --- */

static UNUSED struct vm *ready_to_save(enum vm_state state)
{
	struct vm *vm = ready_in(state);

	memset(vm->link, 0, sizeof(vm->link));
	host_config.host.state_key = (struct state_key){true, {1, 2, 3}};
	disk_free = true;
	link_steps = 1;
	return vm;
}

static UNUSED bool holds(const void *bytes, size_t size, const u8 *key)
{
	for (size_t i = 0; i + SAVE_KEY_BYTES <= size; i++) {
		if (memcmp((const u8 *)bytes + i, key, SAVE_KEY_BYTES) == 0)
			return true;
	}
	return false;
}

/* The key of a save of VM alpha, as the saver has it. */
static UNUSED const u8 *key_of_save(void)
{
	static u8 key[SAVE_KEY_BYTES];
	u8 salt[SAVE_SALT_BYTES];

	memset(salt, 0x5a, sizeof(salt)); /* the salt, as it is drawn here */
	assert_true(vm_save_key_make("alpha", salt, key));
	return key;
}

static UNUSED bool restore(struct vm *vm)
{
	const struct vm_save_place disk = {.disk = 4};

	problem[0] = '\0';
	return vm_restore(vm, &disk, problem, sizeof(problem));
}
