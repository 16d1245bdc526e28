/* SPDX-License-Identifier: MIT */
/*
 * Makes the drive from which cloud-init configures a VM. Called by machine_setup.c once; maps
 * memory for the drive and its medium.
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

/*
 * Writes cloud-init's meta-data file for the VM. The instance ID is the VM's own UUID, whatever
 * smbios.uuid says, so that cloud-init treats each new VM as a new instance.
 */
static void seed_write_meta(char meta[SEED_META_MAX])
{
	const struct firmware_settings *settings = firmware_settings();

	(void)format(meta, SEED_META_MAX, "instance-id: %s\nlocal-hostname: %s\n",
		     settings->instance, settings->name);
}

enum status seed_open(struct machine *machine)
{
	const struct load_file *text = &machine->job.initrd;
	char meta[SEED_META_MAX];
	u64 medium = 0;
	u64 at = 0;
	enum status status;

	if (text->size == 0)
		return STATUS_OK;
	if (text->size > FIRMWARE_SEED_MAX)
		return STATUS_TOO_BIG;
	status = memory_map(align_up(sizeof(*machine->seed), PAGE_SIZE), &at);
	if (status == STATUS_OK)
		status = memory_map(align_up(seed_bytes(text->size), PAGE_SIZE), &medium);
	if (status != STATUS_OK)
		return status;
	seed_write_meta(meta);
	seed_write((u8 *)(uintptr_t)medium, text->bytes, text->size, meta);
	machine->seed = (struct virtio_blk *)(uintptr_t)at;
	machine->seed->medium = (const u8 *)(uintptr_t)medium;
	machine->seed->medium_sectors = seed_bytes(text->size) / BLOCK_SECTOR_BYTES;
	machine->seed->is_drive = true;
	memcpy(machine->seed->name, "seed", 4);
	return STATUS_OK;
}
