/* SPDX-License-Identifier: MIT */
/*
 * Turns requests into commands, one at a time: Bus Master IDE 1.0, 3. Called by ide_start.c for
 * `driver_ops`; owns the queue of requests and the bus master's table of memory regions (PRD
 * table), and touches the bus-master ports.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/ide/ide.h"
#include "vmm/rt/clock.h"

static struct driver_request *ide_present(const struct ide *ide)
{
	return ide->queue[ide->first];
}

static u8 ide_dma_status(const struct ide *ide)
{
	return ide_in8((u16)(ide->dma_port + IDE_DMA_STATUS));
}

/* Stops the controller's transfer and clears its status bits. */
static void ide_stop_dma(const struct ide *ide)
{
	if (ide->dma_port == 0)
		return;
	ide_out8((u16)(ide->dma_port + IDE_DMA_COMMAND), 0);
	ide_out8((u16)(ide->dma_port + IDE_DMA_STATUS),
		 (u8)((ide_dma_status(ide) & IDE_DMA_CAPABLE) | IDE_DMA_INTERRUPT | IDE_DMA_ERROR));
}

static u32 ide_page_count(const struct driver_request *request)
{
	return (u32)(align_up((u64)request->sectors * BLOCK_SECTOR_BYTES, PAGE_SIZE) / PAGE_SIZE);
}

/*
 * Returns whether all pages of the request's data lie below 4 GiB: bus mastering has 32-bit
 * addresses.
 */
static bool ide_within_reach(const struct ide *ide, const struct driver_request *request)
{
	if (!ide->dma || request->address == NULL)
		return false;
	for (u32 i = 0; i < ide_page_count(request); i++) {
		if (request->address[i] >> 32 != 0)
			return false;
	}
	return true;
}

/* Fills the PRD table with one region for each page of data, so none crosses 64 KiB. */
static void ide_fill_table(const struct ide *ide, const struct driver_request *request)
{
	struct ide_region *table = (struct ide_region *)(uintptr_t)ide->memory.memory;
	u32 left = request->sectors * BLOCK_SECTOR_BYTES;

	for (u32 i = 0; left != 0; i++) {
		u32 bytes = MIN(left, (u32)PAGE_SIZE);

		left -= bytes;
		table[i] = (struct ide_region){
			.address = (u32)request->address[i],
			.bytes = bytes | (left == 0 ? (u32)IDE_REGION_LAST : 0),
		};
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/*
 * Builds the command for a request: with 28-bit sector numbers where these are enough, as every
 * disk supports them.
 */
static struct ide_task ide_make_task(const struct ide *ide, const struct driver_request *request,
				     bool dma)
{
	static const u8 commands[2][2][2] = {
		/* indexed by write (0 or 1), by DMA and by 48-bit sector numbers */
		{{ATA_READ_SECTORS, ATA_READ_SECTORS_EXT}, {ATA_READ_DMA, ATA_READ_DMA_EXT}},
		{{ATA_WRITE_SECTORS, ATA_WRITE_SECTORS_EXT}, {ATA_WRITE_DMA, ATA_WRITE_DMA_EXT}},
	};
	bool far = request->sector + request->sectors > ATA_LBA28_SECTORS;

	if (request->operation == BLOCK_FLUSH)
		return (struct ide_task){.command = ide->lba48 ? ATA_FLUSH_CACHE_EXT
							       : ATA_FLUSH_CACHE};
	return (struct ide_task){
		.command = commands[request->operation == BLOCK_WRITE][dma][far],
		.count = request->sectors,
		.sector = request->sector,
		.lba48 = far,
	};
}

/* Moves all data of the request by the CPU and waits for the disk before each sector. */
static bool ide_move(const struct ide *ide, const struct driver_request *request)
{
	for (u64 i = 0; i < request->sectors; i++) {
		u8 *data = request->data + i * BLOCK_SECTOR_BYTES;

		if (request->operation == BLOCK_WRITE ? !ide_write_sector(ide, data)
						      : !ide_read_sector(ide, data))
			return false;
	}
	return true;
}

static void ide_end(struct ide *ide, enum block_status status)
{
	struct driver_request *request = ide_present(ide);

	ide->running = false;
	ide->attempts = 0;
	ide->first = (ide->first + 1) % DRIVER_DEPTH;
	ide->count--;
	request_finish(request, status);
}

/*
 * After a failed attempt, lets the request be tried again, or fails it after IDE_ATTEMPTS; resets a
 * disk that is in the midst of a command.
 */
static void ide_fail_once(struct ide *ide)
{
	ide_stop_dma(ide);
	ide->running = false;
	if ((ide_status(ide) & (ATA_STATUS_BUSY | ATA_STATUS_DATA)) != 0 && !ide_reset(ide))
		ide->failure = "the disk does not return from its reset";
	else if (++ide->attempts == IDE_ATTEMPTS)
		ide_end(ide, BLOCK_ERROR);
}

static void ide_begin_dma(struct ide *ide, const struct driver_request *request)
{
	const struct ide_task task = ide_make_task(ide, request, true);
	u8 direction = request->operation == BLOCK_READ ? (u8)IDE_DMA_TO_MEMORY : 0;

	ide_fill_table(ide, request);
	ide_stop_dma(ide);
	ide_out32((u16)(ide->dma_port + IDE_DMA_TABLE), (u32)ide->memory.address[0]);
	ide_out8((u16)(ide->dma_port + IDE_DMA_COMMAND), direction);
	if (!ide_issue(ide, &task)) {
		ide_fail_once(ide);
		return;
	}
	ide_out8((u16)(ide->dma_port + IDE_DMA_COMMAND), (u8)(direction | IDE_DMA_START));
}

static void ide_begin_other(struct ide *ide, const struct driver_request *request)
{
	const struct ide_task task = ide_make_task(ide, request, false);

	if (!ide_issue(ide, &task) ||
	    (request->operation != BLOCK_FLUSH && !ide_move(ide, request)))
		ide_fail_once(ide);
}

static void ide_begin(struct ide *ide)
{
	const struct driver_request *request = ide_present(ide);

	if (request->operation == BLOCK_FLUSH && !ide->flush) {
		ide_end(ide, BLOCK_OK);
		return;
	}
	ide->running = true;
	ide->deadline_tsc = clock_tsc() + clock_ns_to_tsc(IDE_COMMAND_NS);
	ide->moving = request->operation != BLOCK_FLUSH && ide_within_reach(ide, request);
	if (ide->moving)
		ide_begin_dma(ide, request);
	else
		ide_begin_other(ide, request);
}

/*
 * Returns whether the running command has ended; sets *good to whether it has succeeded. A transfer
 * that is still active when the command ends is incomplete.
 */
static bool ide_is_over(const struct ide *ide, bool *good)
{
	u8 state = ide->moving ? ide_dma_status(ide) : 0;

	if (ide->moving && (state & (IDE_DMA_INTERRUPT | IDE_DMA_ERROR)) == 0)
		return false;
	if ((ide_status(ide) & ATA_STATUS_BUSY) != 0)
		return false;
	if (ide->moving)
		ide_stop_dma(ide);
	*good = ide_ended_well(ide) && (state & (IDE_DMA_ERROR | IDE_DMA_ACTIVE)) == 0;
	return true;
}

static void ide_look(struct ide *ide)
{
	bool good;
	bool over = ide_is_over(ide, &good);

	if (over && good)
		ide_end(ide, BLOCK_OK);
	else if (over || clock_tsc() >= ide->deadline_tsc)
		ide_fail_once(ide);
}

void ide_poll(struct ide *ide)
{
	u32 budget = DRIVER_DEPTH * IDE_ATTEMPTS;

	if (ide->running)
		ide_look(ide);
	while (!ide->running && ide->count > 0 && ide->failure == NULL && budget-- > 0) {
		ide_begin(ide);
		if (ide->running && !ide->moving)
			ide_look(ide);
	}
}

bool ide_submit(struct ide *ide, struct driver_request *request)
{
	if (ide->count == DRIVER_DEPTH)
		return false;
	ide->queue[(ide->first + ide->count) % DRIVER_DEPTH] = request;
	ide->count++;
	if (!ide->running)
		ide_poll(ide);
	return true;
}
