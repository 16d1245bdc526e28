/* SPDX-License-Identifier: MIT */
/*
 * Gives commands to the disk and moves data by the CPU: ATA/ATAPI-7 volume 2, 5 and 9. Called by
 * ide_start.c and ide_request.c; touches the channel's command and control ports only.
 */
#include "vmm/driver/disk/ide/ide.h"
#include "vmm/rt/clock.h"

#define RESET_PULSE_NS	5000u
#define RESET_SETTLE_NS (2 * NS_PER_MS)
#define SECTOR_WORDS	(BLOCK_SECTOR_BYTES / 2)

u8 ide_status(const struct ide *ide)
{
	return ide_in8(ide->control_port);
}

/*
 * Waits 400 ns: the status is not valid earlier after a command or a change of the channel's
 * selected disk.
 */
static void ide_settle(const struct ide *ide)
{
	for (u32 i = 0; i < 4; i++)
		(void)ide_status(ide);
}

static void ide_put_port(const struct ide *ide, enum ide_register at, u64 value)
{
	ide_out8((u16)(ide->command_port + at), (u8)value);
}

static void ide_wait_at_least(u64 ns)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ns);

	while (clock_tsc() < until)
		process_pause();
}

bool ide_wait(const struct ide *ide, u64 ns)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ns);

	while ((ide_status(ide) & ATA_STATUS_BUSY) != 0) {
		if (clock_tsc() >= until)
			return false;
		process_pause();
	}
	return true;
}

static bool ide_wait_data(const struct ide *ide)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(IDE_READY_NS);

	for (;;) {
		u8 status = ide_status(ide);

		if ((status & ATA_STATUS_BUSY) == 0 && status != 0 &&
		    (status & (ATA_STATUS_DATA | ATA_STATUS_ERROR | ATA_STATUS_FAULT)) != 0)
			return (status & ATA_STATUS_DATA) != 0 &&
			       (status & (ATA_STATUS_ERROR | ATA_STATUS_FAULT)) == 0;
		if (clock_tsc() >= until)
			return false;
		process_pause();
	}
}

static void ide_choose(const struct ide *ide, u64 bits)
{
	ide_put_port(ide, IDE_DEVICE, IDE_DEVICE_OLD | (ide->slave ? IDE_DEVICE_SLAVE : 0) | bits);
	ide_settle(ide);
}

bool ide_reset(struct ide *ide)
{
	ide->resets++;
	/*
	 * Selects disk 0: firmware may have selected disk 1, and a missing disk never reports BUSY.
	 */
	ide_choose(ide, 0);
	ide_out8(ide->control_port, (u8)(IDE_CONTROL_RESET | IDE_CONTROL_NO_INTERRUPT));
	ide_wait_at_least(RESET_PULSE_NS);
	ide_out8(ide->control_port, (u8)IDE_CONTROL_NO_INTERRUPT);
	ide_wait_at_least(RESET_SETTLE_NS);
	if (ide_status(ide) == ATA_STATUS_NOBODY || !ide_wait(ide, IDE_RESET_NS))
		return false;
	ide_choose(ide, 0);
	if (!ide_wait(ide, IDE_RESET_NS))
		return false;
	ide_out8(ide->control_port, 0);
	return true;
}

/*
 * Issues a command; with 48-bit addresses each register takes two bytes, the upper first
 * (ATA/ATAPI-7 volume 1, 6.19).
 */
bool ide_issue(const struct ide *ide, const struct ide_task *task)
{
	u64 top = task->lba48 ? 0 : task->sector >> 24 & 0xf;

	if (!ide_wait(ide, IDE_READY_NS))
		return false;
	ide_choose(ide, IDE_DEVICE_LBA | top);
	if (!ide_wait(ide, IDE_READY_NS) || (ide_status(ide) & ATA_STATUS_DATA) != 0)
		return false;
	if (task->lba48) {
		ide_put_port(ide, IDE_COUNT, task->count >> 8);
		ide_put_port(ide, IDE_LBA_LOW, task->sector >> 24);
		ide_put_port(ide, IDE_LBA_MID, task->sector >> 32);
		ide_put_port(ide, IDE_LBA_HIGH, task->sector >> 40);
	}
	ide_put_port(ide, IDE_FEATURES, task->features);
	ide_put_port(ide, IDE_COUNT, task->count);
	ide_put_port(ide, IDE_LBA_LOW, task->sector);
	ide_put_port(ide, IDE_LBA_MID, task->sector >> 8);
	ide_put_port(ide, IDE_LBA_HIGH, task->sector >> 16);
	ide_put_port(ide, IDE_COMMAND, task->command);
	ide_settle(ide);
	return true;
}

/* Reads a sector by the CPU; the disk must still offer data (DRQ) before the last word. */
bool ide_read_sector(const struct ide *ide, u8 *data)
{
	if (!ide_wait_data(ide))
		return false;
	for (size_t i = 0; i < SECTOR_WORDS; i++) {
		u16 word;

		if (i == SECTOR_WORDS - 1 && (ide_status(ide) & ATA_STATUS_DATA) == 0)
			return false;
		word = ide_in16(ide->command_port);
		data[2 * i] = (u8)word;
		data[2 * i + 1] = (u8)(word >> 8);
	}
	ide_settle(ide);
	return true;
}

bool ide_write_sector(const struct ide *ide, const u8 *data)
{
	if (!ide_wait_data(ide))
		return false;
	for (size_t i = 0; i < SECTOR_WORDS; i++)
		ide_out16(ide->command_port, (u16)(data[2 * i] | (u16)data[2 * i + 1] << 8));
	ide_settle(ide);
	return true;
}

bool ide_ended_well(const struct ide *ide)
{
	u8 status = ide_in8((u16)(ide->command_port + IDE_COMMAND));

	return (status &
		(ATA_STATUS_BUSY | ATA_STATUS_DATA | ATA_STATUS_FAULT | ATA_STATUS_ERROR)) == 0;
}
