/* SPDX-License-Identifier: MIT */
/*
 * Gives a VM the flash memory with its firmware's variables, and keeps these on a disk of the VM.
 * Called by firmware_open.c once, by the flash device when the guest has written, and by
 * machine_setup.c; maps the content for the guest, and waits for the disk's answers.
 */
#include "vmm/monitor/life/flash_open.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/load/variables.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/save/restore.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"

#define FLASH_KEY 1u /* the key under which the disk's signals arrive in the queue */

static struct variables flash_variables;

static const struct start_entry *flash_entry(void)
{
	const struct start_entry *entry = start_find(START_DISK);

	while (entry != NULL && !flash_is_disk(entry->value))
		entry = start_next(entry);
	return entry;
}

bool flash_is_disk(u64 number)
{
	u64 flash = start_info->parameter[MONITOR_FLAGS] >> MONITOR_FLASH_SHIFT &
		    (BIT(MONITOR_FLASH_BITS) - 1);

	return flash == number + 1;
}

/*
 * Returns how many bytes of variables lie below firmware whose file has none: both together have a
 * power of two of bytes, at least FLASH_BYTES_MAX; 0 if that leaves too many for variables.
 */
static u64 flash_bytes_below(u64 file_bytes)
{
	u64 whole = FLASH_BYTES_MAX;

	while (whole < file_bytes)
		whole *= 2;
	return whole - file_bytes <= FLASH_BYTES_MAX ? whole - file_bytes : 0;
}

u64 flash_find(struct machine *machine)
{
	struct load_job *job = &machine->job;

	job->kept = 0;
	if (!job->uefi)
		return 0;
	if (variables_read(job->kernel.bytes, job->kernel.size, &flash_variables) == NULL &&
	    flash_variables.bytes < job->kernel.size && flash_variables.bytes <= FLASH_BYTES_MAX) {
		job->kept = flash_variables.bytes;
		return job->kept;
	}
	return flash_entry() != NULL ? flash_bytes_below(job->kernel.size) : 0;
}

bool flash_lacks_place(u64 flash_bytes)
{
	return flash_bytes == 0 && flash_entry() != NULL;
}

static void flash_show_memory(void *context, bool shown)
{
	struct flash_memory *flash = context;
	handle_t space = start_handle(START_VM_SPACE);
	u64 at;

	if (shown == flash->shown)
		return;
	if (!shown)
		while (sys_space_unmap(space, flash->config.base, flash->config.bytes) ==
		       STATUS_AGAIN)
			;
	else if (sys_space_map(space, flash->config.base, flash->rom, 0, flash->config.bytes,
			       RIGHT_READ | RIGHT_EXECUTE, &at) != STATUS_OK)
		return; /* not mapped: the guest's reads exit, and the flash device answers them */
	flash->shown = shown;
}

/*
 * Writes to the disk a run of changed blocks that begins with `block`, and sets *count to their
 * number.
 */
static bool flash_write_run(struct flash_memory *flash, const u64 changed[FLASH_WORDS], u64 block,
			    u64 *count)
{
	u64 end = block;

	while (end < FLASH_BLOCKS && (changed[end / 64] >> end % 64 & 1) != 0)
		end++;
	*count = end - block;
	return save_disk_write(&flash->disk, block * FLASH_BLOCK_BYTES,
			       flash->config.content + block * FLASH_BLOCK_BYTES,
			       (u32)(*count * FLASH_BLOCK_BYTES));
}

static bool flash_write_changed(struct flash_memory *flash, const u64 changed[FLASH_WORDS])
{
	u64 count;

	for (u64 block = 0; block < FLASH_BLOCKS; block += count) {
		count = 1;
		if ((changed[block / 64] >> block % 64 & 1) != 0 &&
		    !flash_write_run(flash, changed, block, &count))
			return false;
	}
	return save_disk_flush(&flash->disk);
}

/*
 * Returns whether the disk owes no answer to a request that flash_keep_on_disk has given up: that
 * request's old data could overwrite newer data.
 */
static bool flash_disk_is_clear(struct flash_memory *flash)
{
	enum block_status status;
	const u8 *data;
	int piece;
	u32 tag;

	if (!disk_client_renewed(&flash->client))
		while (disk_client_answer(&flash->client, &tag, &status, &data, &piece))
			disk_client_give_back(&flash->client, piece);
	return disk_client_is_clear(&flash->client);
}

static bool flash_keep_on_disk(void *context, u64 changed[FLASH_WORDS])
{
	struct flash_memory *flash = context;
	bool kept;

	if (!flash->has_disk) {
		memset(changed, 0, FLASH_WORDS * sizeof(*changed));
		return true;
	}
	if (!flash_disk_is_clear(flash))
		return false;
	kept = flash_write_changed(flash, changed);
	if (kept)
		memset(changed, 0, FLASH_WORDS * sizeof(*changed));
	else
		disk_client_forget(&flash->client);
	if (kept == flash->failed)
		machine_log(flash->machine,
			    kept ? "its firmware's variables are on their disk again"
				 : "its firmware's variables are not on their disk: %s",
			    flash->disk.problem);
	flash->failed = !kept;
	return kept;
}

static bool flash_refuse(struct machine *machine, const char *problem)
{
	machine_crash(machine, "the disk for its firmware's variables cannot be used: %s", problem);
	return false;
}

/* Puts the variables of the firmware's file on a disk that was never written to. */
static bool flash_fill_disk(struct flash_memory *flash)
{
	const struct load_job *job = &flash->machine->job;

	if (job->kept == 0)
		return flash_refuse(flash->machine,
				    "it is empty, and its firmware's file has no variables; write "
				    "those to it that belong to the file, such as OVMF_VARS_4M.fd");
	memcpy(flash->config.content, job->kernel.bytes, job->kept);
	if (!save_disk_write(&flash->disk, 0, flash->config.content, (u32)job->kept) ||
	    !save_disk_flush(&flash->disk))
		return flash_refuse(flash->machine, flash->disk.problem);
	machine_log(flash->machine,
		    "the disk for its firmware's variables was empty, and has them from now on");
	return true;
}

static void flash_tell_variables(struct machine *machine)
{
	if (flash_variables.torn_at != 0)
		machine_log(
			machine,
			"its firmware's variables are torn at byte %lu; the firmware repairs or "
			"forgets what stands there",
			flash_variables.torn_at);
	if (variables_is_full(&flash_variables))
		machine_log(machine,
			    "its firmware's variables are full: %u of them have %lu of %lu bytes; "
			    "the firmware may refuse new ones",
			    flash_variables.count, flash_variables.live_bytes,
			    flash_variables.room_bytes);
}

/*
 * Checks the variables that were read from the disk; an empty disk gets those of the firmware's
 * file. Returns false, with the VM crashed, if the firmware cannot begin with them.
 */
static bool flash_check(struct flash_memory *flash)
{
	const u8 *content = flash->config.content;
	const char *problem;

	if (variables_is_blank(content, flash->config.bytes))
		return flash_fill_disk(flash);
	if (content[0] == FLASH_ERASED && variables_is_blank(content, FLASH_BLOCK_BYTES)) {
		machine_log(flash->machine,
			    "its firmware's variables have lost their beginning while they were "
			    "put in order; the firmware repairs them or begins with none");
		return true;
	}
	problem = variables_read(content, flash->config.bytes, &flash_variables);
	if (problem == NULL && flash_variables.bytes != flash->config.bytes)
		problem = "its variables are those of firmware of another size";
	if (problem != NULL)
		return flash_refuse(flash->machine, problem);
	flash_tell_variables(flash->machine);
	return true;
}

enum status flash_bind(struct machine *machine)
{
	const struct start_entry *entry = flash_entry();

	if (machine->flash == NULL || entry == NULL)
		return STATUS_OK;
	return sys_object_bind(start_handle_of(START_DISK_BELL, entry->value),
			       machine->flash->queue, FLASH_KEY);
}

/*
 * Opens the disk with the variables. A VM that continues from a saved state has the variables in
 * that state; it does not read the disk, which another process may still be using.
 */
static bool flash_open_disk(struct flash_memory *flash, const struct start_entry *entry)
{
	struct machine *machine = flash->machine;
	enum status status = sys_queue_create(start_handle(START_GROUP), &flash->queue);

	if (status != STATUS_OK)
		return flash_refuse(machine, status_text(status));
	if (!save_disk_open_link(&flash->disk, &flash->client, entry, flash->queue))
		return flash_refuse(machine, flash->disk.problem);
	flash->has_disk = true;
	machine->flash_client = &flash->client;
	machine->flash_number = entry->value;
	if (flash->disk.bytes < flash->config.bytes)
		return flash_refuse(machine, "it is smaller than they are; make it 1 MiB large");
	if (start_find(START_STATE) != NULL || restore_wanted())
		return true;
	if (!save_disk_read(&flash->disk, 0, flash->config.content, (u32)flash->config.bytes))
		return flash_refuse(machine, flash->disk.problem);
	return flash_check(flash);
}

bool flash_open(struct machine *machine, handle_t rom, u64 bytes)
{
	const struct start_entry *entry = flash_entry();
	struct flash_memory *flash;
	u64 memory = 0;
	enum status status = memory_map(align_up(sizeof(*flash), PAGE_SIZE), &memory);

	if (status != STATUS_OK)
		return flash_refuse(machine, status_text(status));
	flash = (struct flash_memory *)(uintptr_t)memory;
	*flash = (struct flash_memory){.machine = machine,
				       .rom = rom,
				       .config = {
					       .base = machine->memory.rom.gpa.value - bytes,
					       .bytes = bytes,
					       .content = machine->memory.rom.host - bytes,
					       .context = flash,
					       .show = flash_show_memory,
					       .keep = flash_keep_on_disk,
				       }};
	machine->flash = flash;
	return entry == NULL || flash_open_disk(flash, entry);
}
