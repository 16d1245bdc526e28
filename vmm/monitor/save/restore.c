/* SPDX-License-Identifier: MIT */
/*
 * Restores a VM from a saved stream: RAM and state. Called by machine_setup.c; treats the stream as
 * hostile until its keys and sums have been checked, and writes guest RAM.
 */
#include "vmm/monitor/save/restore.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/machine/generation.h"
#include "vmm/monitor/save/disk_sum.h"
#include "vmm/monitor/save/save_store.h"
#include "vmm/monitor/state/catch_up.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * The bytes that a saved state may have beyond the size of this VM's state. A larger state belongs
 * to another configuration, but is read all the same, so that the difference can be named.
 */
#define STATE_SURPLUS_BYTES MIB
/*
 * The interval at which the channel is looked at while the manager's answer is awaited, as another
 * wait may have taken the manager's signal.
 */
#define LOOK_NS (10 * NS_PER_MS)

static struct {
	struct save_store store;
	struct stream stream;
	/* a buffer of state_size bytes for the body of STREAM_STATE, of which `used` are filled */
	u8 *state;
	u64 state_size;
	u64 used;
	bool checked; /* `state` is complete, was checked and can be loaded */
	/*
	 * a bit for each disk to which the VM may write and whose content is found to be that at
	 * the save
	 */
	u64 disks;
} restore;

static u8 block[STREAM_BLOCK_BYTES] ALIGNED(8);
static u8 room[STREAM_RECORD_LIMIT] ALIGNED(8);

bool restore_wanted(void)
{
	return start_find(START_SAVE) != NULL;
}

static bool restore_refuse(struct machine *machine, const char *text)
{
	machine_crash(machine, "%s", text);
	return false;
}

static bool restore_refuse_fault(struct machine *machine, const struct stream *stream,
				 enum stream_fault fault)
{
	char text[96];

	stream_fault_text(stream, fault, text, sizeof(text));
	return restore_refuse(machine, text);
}

/*
 * Asks the manager for the save's key, which the manager makes of the host's key, the VM's name and
 * the salt, unless it ends this process instead.
 */
static void restore_ask_for_key(struct machine *machine, const struct stream_header *header)
{
	struct vm_channel *channel = machine->channel;
	u64 key;

	memcpy(channel->save_salt, header->salt, sizeof(channel->save_salt));
	__atomic_store_n(&channel->save_key_wanted, 1, __ATOMIC_RELEASE);
	(void)!sys_event_signal(machine->channel_out);
	while (__atomic_load_n(&channel->save_key_given, __ATOMIC_ACQUIRE) == 0)
		(void)!sys_queue_wait(machine->queue, clock_tsc() + clock_ns_to_tsc(LOOK_NS), &key);
}

static bool restore_open_save(struct machine *machine)
{
	struct stream_header *header = (struct stream_header *)(void *)block;
	const char *name = start_find(START_SAVE)->name;
	enum stream_fault fault;

	if (!save_store_open(&restore.store, machine->queue) ||
	    !save_store_read_header(&restore.store, block))
		return restore_refuse(machine, restore.store.problem);
	fault = stream_header_fault(header);
	if (fault != STREAM_FINE)
		return restore_refuse_fault(machine, NULL, fault);
	if (strncmp(header->name, name, sizeof(header->name)) != 0) {
		machine_crash(machine, "this is a save of VM %s; use one of %s", header->name,
			      name);
		return false;
	}
	restore_ask_for_key(machine, header);
	stream_open(&restore.stream, header, machine->channel->save_key);
	secret_forget(machine->channel->save_key, sizeof(machine->channel->save_key));
	return true;
}

/* Reads the save's next record into `room`. */
static bool restore_read_record(struct machine *machine)
{
	struct stream_record *record = (struct stream_record *)(void *)room;
	enum stream_fault fault;
	u32 count = 0;

	if (!save_store_read(&restore.store, record, &count))
		return restore_refuse(machine, restore.store.problem);
	fault = stream_unseal(&restore.stream, record, count);
	if (fault != STREAM_FINE)
		return restore_refuse_fault(machine, &restore.stream, fault);
	save_store_pass(&restore.store, stream_record_bytes(record->length));
	return true;
}

static bool restore_take_state(struct machine *machine, const struct stream_record *record)
{
	if (record->length > restore.state_size - restore.used)
		return restore_refuse(
			machine, "its state is larger than a machine of this configuration has");
	memcpy(restore.state + restore.used, record + 1, record->length);
	restore.used += record->length;
	return true;
}

static bool restore_check_state(struct machine *machine)
{
	const struct state_choice all = state_choose_all(machine);
	struct state_problem problem;
	char text[112];

	restore.checked = true;
	if (state_fits(machine, &all, restore.state, restore.used, &problem))
		return true;
	state_problem_text(&problem, text, sizeof(text));
	return restore_refuse(machine, text);
}

static void restore_moved(void)
{
	save_store_works(&restore.store);
}

/* Returns the link to the disk of that name to which the VM may write; NULL: there is none. */
static struct disk_client *restore_find_disk(struct machine *machine, const char *name)
{
	const struct start_entry *entry = NULL;

	while ((entry = disk_sum_next(entry)) != NULL) {
		if (strncmp(entry->name, name, STREAM_NAME_BYTES) != 0)
			continue;
		for (u32 i = 0; i < machine->blk_count; i++)
			if (machine->blk[i].number == entry->value)
				return &machine->blk[i].client;
		if (machine->flash_client != NULL && machine->flash_number == entry->value)
			return machine->flash_client;
	}
	return NULL;
}

static bool restore_check_disk(struct machine *machine, const struct stream_disk *saved, u32 number)
{
	struct disk_client *client = restore_find_disk(machine, saved->name);
	u8 sum[STREAM_SUM_BYTES];
	struct save_disk disk;

	if (client == NULL) {
		machine_crash(
			machine,
			"it could write to disk %s, which this VM has not; use a VM that has it",
			saved->name);
		return false;
	}
	save_disk_over(&disk, client, machine->queue);
	if (disk.bytes == saved->bytes) {
		if (!disk_sum(&disk, &restore.stream, number, restore_moved, sum)) {
			machine_crash(machine, "disk %s: %s", saved->name, disk.problem);
			return false;
		}
		if (memcmp(sum, saved->sum, sizeof(sum)) == 0)
			return true;
	}
	machine_crash(machine,
		      "disk %s was written since the save; use one that holds what it held",
		      saved->name);
	return false;
}

static bool restore_check_disks(struct machine *machine, const struct stream_disks *sealed)
{
	static struct stream_disks disks; /* a copy, as reading the disks overwrites `room` */

	disks = *sealed;
	for (u64 i = 0; i < disks.count; i++) {
		if (!restore_check_disk(machine, &disks.disk[i], (u32)i))
			return false;
		restore.disks++;
	}
	return true;
}

/*
 * Checks that the save has a sum of every disk to which the VM may write: the content of another
 * disk could not be checked.
 */
static bool restore_all_disks_are_known(struct machine *machine)
{
	const struct start_entry *entry = NULL;
	u64 count = 0;

	while ((entry = disk_sum_next(entry)) != NULL)
		count++;
	return count == restore.disks
		       ? true
		       : restore_refuse(machine, "it may write to a disk of which the save has "
						 "nothing; use the disks that it had");
}

/*
 * Loads the pages of a record into the guest's RAM. stream_unseal has checked that they are pages
 * of as much RAM as its header says.
 */
static bool restore_take_pages(struct machine *machine, const struct stream_ram *ram)
{
	if (restore.stream.header.ram_bytes != machine->job.ram_bytes)
		return restore_refuse(machine, "its RAM has another size");
	for (u32 i = 0; i < ram->count; i++)
		memcpy(machine->job.ram + ram->page[i] * (u64)PAGE_SIZE, ram->bytes[i], PAGE_SIZE);
	return true;
}

static bool restore_read_all(struct machine *machine)
{
	const struct stream_record *record = (const void *)room;

	for (;;) {
		if (!restore_read_record(machine))
			return false;
		if (record->type == STREAM_STATE) {
			if (!restore_take_state(machine, record))
				return false;
			continue;
		}
		if (!restore.checked && !restore_check_state(machine))
			return false;
		if (record->type == STREAM_DISKS) {
			if (!restore_check_disks(machine, (const void *)(record + 1)))
				return false;
			continue;
		}
		if (!restore_all_disks_are_known(machine))
			return false;
		if (record->type == STREAM_END)
			return save_store_ends(&restore.store)
				       ? true
				       : restore_refuse(machine, restore.store.problem);
		if (!restore_take_pages(machine, (const void *)(record + 1)))
			return false;
	}
}

/*
 * Loads the VM's state after its RAM, as devices that are loaded look at the guest's queues in RAM.
 */
static void restore_load_state(struct machine *machine)
{
	const struct state_choice all = state_choose_all(machine);

	state_load_again(machine, &all, restore.state);
	catch_up(machine, restore.state);
	generation_change(machine);
}

bool restore_load(struct machine *machine)
{
	const struct state_choice all = state_choose_all(machine);
	handle_t memory;
	bool whole;
	u64 at = 0;

	restore.state_size = align_up(state_bytes(machine, &all) + STATE_SURPLUS_BYTES, PAGE_SIZE);
	if (memory_take(restore.state_size, 0, &memory, &at) != STATUS_OK)
		return restore_refuse(machine, "there is no memory for its state");
	restore.state = (u8 *)(uintptr_t)at;
	machine_take_wall_time(machine);
	machine_time_pause(&machine->time, clock_tsc());
	whole = restore_open_save(machine) && restore_read_all(machine);
	if (whole)
		restore_load_state(machine);
	secret_forget(&restore.stream, sizeof(restore.stream));
	secret_forget(room, sizeof(room));
	memory_give_back(memory, at, restore.state_size);
	machine->handover.loaded = whole;
	return whole;
}
