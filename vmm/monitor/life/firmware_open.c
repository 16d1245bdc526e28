/* SPDX-License-Identifier: MIT */
/*
 * Gives a VM its firmware's ROM: memory of its own, which the guest may read and execute. Called by
 * machine_setup.c once; maps the ROM's memory into the monitor's and the guest's address space.
 */
#include "vmm/monitor/life/firmware_open.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/life/flash_open.h"
#include "vmm/monitor/load/firmware.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"

/*
 * Maps the ROM so that it ends at 4 GiB, and the page of the generation ID. The first `flash_bytes`
 * of the memory object `rom` are flash, which flash_open.c maps.
 */
static enum status firmware_map(handle_t rom, u64 flash_bytes, u64 rom_bytes)
{
	handle_t space = start_handle(START_VM_SPACE);
	u64 at;
	enum status status = sys_space_map(space, LAYOUT_ABOVE_4G - rom_bytes, rom, flash_bytes,
					   rom_bytes, RIGHT_READ | RIGHT_EXECUTE, &at);

	if (status == STATUS_OK)
		status = sys_space_map(space, LAYOUT_FIRMWARE_GENERATION, start_handle(START_RAM),
				       LAYOUT_VGA, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE, &at);
	return status;
}

const struct firmware_settings *firmware_settings(void)
{
	static struct firmware_settings settings;

	memcpy(&settings, start_info->command_line, sizeof(settings));
	return &settings;
}

static void firmware_find_devices(const struct machine *machine, struct boot_devices *devices)
{
	*devices = (struct boot_devices){0};
	for (u32 i = 0; i < machine->blk_count; i++)
		*(machine->blk[i].is_drive ? &devices->drives : &devices->disks) |=
			(u32)BIT(machine->blk[i].number);
	for (u32 i = 0; i < machine->blk_count; i++)
		if (machine->blk[i].is_unit)
			devices->units |= (u32)BIT(machine->blk[i].number);
	for (u32 i = 0; i < machine->net_count; i++)
		devices->cards |= (u32)BIT(machine->net[i].number);
}

/*
 * Makes the ROM and the fw_cfg files; in the ROM's memory object `flash` bytes of variables come
 * before the code.
 */
static enum status firmware_make(struct machine *machine, u64 flash, handle_t *rom)
{
	struct boot_devices devices;
	struct load_job *job = &machine->job;
	u64 code = job->kernel.size - job->kept;
	u64 at;
	enum status status;

	status = memory_map(align_up(sizeof(*machine->firmware), PAGE_SIZE), &at);
	if (status != STATUS_OK)
		return status;
	machine->firmware = (struct firmware *)(uintptr_t)at;
	status = memory_take(flash + code, 0, rom, &at);
	if (status != STATUS_OK)
		return status;
	job->rom = (u8 *)(uintptr_t)(at + flash - job->kept);
	/*
	 * copied here, too, since a clone or a restored VM continues without the start that copies
	 * it otherwise
	 */
	memcpy(job->rom, job->kernel.bytes, job->kernel.size);
	machine->memory.rom = (struct guest_region){GPA(LAYOUT_ABOVE_4G - code), code,
						    (u8 *)(uintptr_t)(at + flash)};
	status = firmware_map(*rom, flash, code);
	firmware_find_devices(machine, &devices);
	job->boot_order = &machine->firmware->boot_order;
	firmware_prepare(machine->firmware, job, firmware_settings(), &devices);
	return status;
}

bool firmware_open(struct machine *machine)
{
	handle_t rom = HANDLE_NONE;
	enum status status;
	u64 flash;

	machine->job.uefi = (start_info->parameter[MONITOR_FLAGS] & MONITOR_UEFI) != 0;
	if (!firmware_check(&machine->job)) {
		machine_crash(machine, "%s", machine->job.error);
		return false;
	}
	flash = flash_find(machine);
	if (flash_lacks_place(flash)) {
		machine_crash(machine, "its firmware has no variables, and no room for them below "
				       "it: use firmware that has, or leave out its flash disk");
		return false;
	}
	status = firmware_make(machine, flash, &rom);
	if (status != STATUS_OK)
		machine_crash(machine, "its firmware cannot be mapped: %s", status_text(status));
	if (status == STATUS_OK && flash != 0)
		return flash_open(machine, rom, flash);
	sys_handle_close(rom);
	return status == STATUS_OK;
}
