/* SPDX-License-Identifier: MIT */
/*
 * Builds commands in the memory of a port: AHCI 1.3.1, 4.2; the ATA commands: ATA8-ACS-2, 7. Called
 * by ahci_start.c and ahci_request.c; writes to the port's DMA pages only.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/ahci/ahci.h"

#define SECTOR_SHIFT 9u

static u64 ahci_table_at(u32 slot)
{
	return AHCI_PAGE_TABLES * PAGE_SIZE + (u64)slot * AHCI_TABLE_BYTES;
}

void ahci_make(const struct ahci_port *port, u32 slot, const struct ahci_fis *fis, bool write,
	       const u64 *address, u32 bytes)
{
	u8 *table = port->memory.memory + ahci_table_at(slot);
	struct ahci_region *region = (struct ahci_region *)(uintptr_t)(table + AHCI_TABLE_REGIONS);
	struct ahci_header *header = (struct ahci_header *)(uintptr_t)port->memory.memory + slot;
	u16 count = 0;

	memset(table, 0, AHCI_TABLE_REGIONS);
	memcpy(table, fis, sizeof(*fis));
	for (u32 left = bytes; left != 0; count++) {
		u32 part = MIN(left, (u32)PAGE_SIZE);

		region[count] = (struct ahci_region){.address = address[count], .bytes = part - 1};
		left -= part;
	}
	*header = (struct ahci_header){
		.flags = (u16)(AHCI_HEADER_FIS_WORDS | (write ? AHCI_HEADER_WRITE : 0)),
		.regions = count,
		.table = ahci_address(port, ahci_table_at(slot)),
	};
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void ahci_set_sector(struct ahci_fis *fis, u64 sector)
{
	for (u32 i = 0; i < 3; i++) {
		fis->lba_low[i] = (u8)(sector >> 8 * i);
		fis->lba_high[i] = (u8)(sector >> (24 + 8 * i));
	}
	fis->device = (u8)AHCI_DEVICE_LBA;
}

/* Writes a DATA SET MANAGEMENT block with one range; zeros after it say that no range follows. */
static u64 ahci_make_trim(const struct ahci_port *port, u64 first, u32 blocks)
{
	u64 range = first | (u64)blocks << ATA_TRIM_COUNT_SHIFT;
	u8 *block = port->memory.memory + AHCI_TRIM_AT;

	memset(block, 0, ATA_TRIM_BYTES);
	memcpy(block, &range, sizeof(range));
	return ahci_address(port, AHCI_TRIM_AT);
}

static void ahci_make_move(const struct ahci_port *port, u32 slot,
			   const struct driver_request *request, bool queued, struct ahci_fis *fis)
{
	static const u8 commands[2][2] = {{ATA_READ_DMA_EXT, ATA_READ_QUEUED},
					  {ATA_WRITE_DMA_EXT, ATA_WRITE_QUEUED}};
	bool write = request->operation == BLOCK_WRITE;
	u32 blocks = request->sectors >> (port->block_shift - SECTOR_SHIFT);

	fis->command = commands[write][queued];
	fis->count = (u8)(queued ? slot << AHCI_TAG_SHIFT : blocks);
	fis->features = (u8)(queued ? blocks : 0);
	ahci_make(port, slot, fis, write, request->address, request->sectors << SECTOR_SHIFT);
}

void ahci_make_request(const struct ahci_port *port, u32 slot, const struct driver_request *request,
		       bool queued)
{
	u32 shift = port->block_shift - SECTOR_SHIFT;
	struct ahci_fis fis = {.type = AHCI_FIS_TO_DEVICE, .flags = (u8)AHCI_FIS_IS_COMMAND};
	u64 trim;

	switch (request->operation) {
	case BLOCK_FLUSH:
		fis.command = ATA_FLUSH_CACHE_EXT;
		fis.device = (u8)AHCI_DEVICE_LBA;
		ahci_make(port, slot, &fis, false, NULL, 0);
		return;
	case BLOCK_DISCARD:
		trim = ahci_make_trim(port, request->sector >> shift, request->sectors >> shift);
		fis.command = ATA_DATA_SET_MANAGEMENT;
		fis.features = ATA_FEATURE_TRIM;
		fis.count = 1;
		fis.device = (u8)AHCI_DEVICE_LBA;
		ahci_make(port, slot, &fis, true, &trim, ATA_TRIM_BYTES);
		return;
	default:
		ahci_set_sector(&fis, request->sector >> shift);
		ahci_make_move(port, slot, request, queued, &fis);
	}
}
_Static_assert(BLOCK_REQUEST_BYTES >> SECTOR_SHIFT <= 0xff, "a count's lower byte is enough");
_Static_assert(BLOCK_RANGE_SECTORS <= 0xffff, "one range is enough");
