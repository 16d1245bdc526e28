/* SPDX-License-Identifier: MIT */
/*
 * Makes the drive from which cloud-init configures a VM. Called by machine_setup.c once; maps
 * memory for the drive and its CD.
 */
#include "vmm/monitor/life/seed_open.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/block.h"
#include "vmm/monitor/life/firmware_open.h"
#include "vmm/monitor/load/seed.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/firmware_settings.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"

/*
 * Writes cloud-init's meta-data file for the VM. The instance ID is the VM's own UUID, not
 * smbios.uuid, so that cloud-init treats each new VM as a new instance.
 */
static void seed_write_meta(char meta[SEED_META_MAX])
{
	const struct firmware_settings *settings = firmware_settings();

	(void)format(meta, SEED_META_MAX, "instance-id: %s\nlocal-hostname: %s\n",
		     settings->instance, settings->name);
}

/*
 * Makes a CD with the user-data `text`; with NULL, user-data of text_bytes that asks for nothing.
 */
static enum status seed_make(const u8 *text, u64 text_bytes, const u8 **medium)
{
	char meta[SEED_META_MAX];
	u64 at = 0;
	enum status status = memory_map(align_up(seed_bytes(text_bytes), PAGE_SIZE), &at);

	if (status != STATUS_OK)
		return status;
	seed_write_meta(meta);
	seed_write((u8 *)(uintptr_t)at, text, text_bytes, meta);
	*medium = (const u8 *)(uintptr_t)at;
	return STATUS_OK;
}

/*
 * Fills the drive with two CDs: one with the text, which the guest is given for one start, and one
 * without it for later starts. Both have the same instance-id, by which cloud-init knows that it
 * has done its work.
 */
static enum status seed_fill(struct virtio_blk *seed, const u8 *text, u64 text_bytes)
{
	enum status status = seed_make(text, text_bytes, &seed->medium);

	seed->medium_sectors = seed_bytes(text_bytes) / BLOCK_SECTOR_BYTES;
	if (status != STATUS_OK || text == NULL)
		return status;
	seed->secret_first = seed_text_first();
	seed->secret_end = seed_text_end(text_bytes);
	return seed_make(NULL, text_bytes, &seed->medium_after);
}

enum status seed_open(struct machine *machine)
{
	bool gone = (start_info->parameter[MONITOR_FLAGS] & MONITOR_SEED_GONE) != 0;
	const struct load_file *text = &machine->job.initrd;
	u64 at = 0;
	enum status status;

	if (text->size == 0 && !gone)
		return STATUS_OK;
	if (text->size > FIRMWARE_SEED_MAX)
		return STATUS_TOO_BIG;
	status = memory_map(align_up(sizeof(*machine->seed), PAGE_SIZE), &at);
	if (status != STATUS_OK)
		return status;
	machine->seed = (struct virtio_blk *)(uintptr_t)at;
	machine->seed->is_drive = true;
	memcpy(machine->seed->name, "seed", 4);
	machine->seed->taken_mark = &machine->channel->seed_taken;
	if (gone)
		return seed_fill(machine->seed, NULL,
				 MIN(firmware_settings()->seed_bytes, FIRMWARE_SEED_MAX));
	return seed_fill(machine->seed, text->bytes, text->size);
}

void seed_offer(struct machine *machine)
{
	if (machine->seed != NULL)
		machine->seed->scsi.drive.taken = 0;
}
