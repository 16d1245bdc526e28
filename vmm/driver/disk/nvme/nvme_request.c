/* SPDX-License-Identifier: MIT */
/*
 * Turns requests into commands and completions into answers: NVMe 1.4, 6. Called by nvme_start.c
 * for `driver_ops`; owns the table of slots and the pages with PRP lists and ranges.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/nvme/nvme.h"

#define SECTOR_SHIFT 9u
/*
 * a slot's part of the pages of PRP lists: room for BLOCK_DIRECT_PAGES - 1 addresses, so that no
 * list crosses a page
 */
#define LIST_BYTES 256u
_Static_assert((BLOCK_DIRECT_PAGES - 1) * sizeof(u64) <= LIST_BYTES, "a list's room");
_Static_assert((u64)NVME_DEPTH *LIST_BYTES <= (NVME_PAGES - NVME_PAGE_LISTS) * PAGE_SIZE,
	       "the lists' pages");
_Static_assert(NVME_DEPTH <= 64, "a bit for each");
_Static_assert(NVME_DEPTH * sizeof(struct nvme_range) <= PAGE_SIZE, "one page");

/* Returns the host-physical address of a byte in the driver's own memory. */
static u64 nvme_address_of(const struct nvme *nvme, u64 offset)
{
	return nvme->memory.address[offset / PAGE_SIZE] + offset % PAGE_SIZE;
}

/*
 * Sets the command's PRPs, the addresses of its data (NVMe 1.4, 4.3): the first page, then the
 * second page or a list of the others.
 */
static void nvme_set_data(const struct nvme *nvme, u32 slot, const struct driver_request *request,
			  struct nvme_command *command)
{
	u64 offset = NVME_PAGE_LISTS * PAGE_SIZE + (u64)slot * LIST_BYTES;
	u64 *list = (u64 *)(uintptr_t)(nvme->memory.memory + offset);
	u64 pages = ((u64)request->sectors * BLOCK_SECTOR_BYTES + PAGE_SIZE - 1) / PAGE_SIZE;

	command->prp1 = request->address[0];
	if (pages == 2)
		command->prp2 = request->address[1];
	if (pages <= 2)
		return;
	memcpy(list, request->address + 1, (pages - 1) * sizeof(u64));
	command->prp2 = nvme_address_of(nvme, offset);
}

static void nvme_set_range(const struct nvme *nvme, u32 slot, struct nvme_command *command,
			   u64 first, u32 blocks)
{
	u64 offset = NVME_PAGE_RANGES * PAGE_SIZE + slot * sizeof(struct nvme_range);

	*(struct nvme_range *)(uintptr_t)(nvme->memory.memory + offset) =
		(struct nvme_range){.blocks = blocks, .first = first};
	command->prp1 = nvme_address_of(nvme, offset);
	command->cdw10 = 0; /* the number of ranges less one: one range */
	command->cdw11 = (u32)NVME_DSM_DEALLOCATE;
}

static const u8 opcodes[BLOCK_OPERATION_COUNT] = {
	[BLOCK_READ] = NVME_READ,
	[BLOCK_WRITE] = NVME_WRITE,
	[BLOCK_FLUSH] = NVME_FLUSH,
	[BLOCK_DISCARD] = NVME_DATASET_MANAGEMENT,
	[BLOCK_WRITE_ZEROES] = NVME_WRITE_ZEROES,
};

static void nvme_make_command(const struct nvme *nvme, u32 slot,
			      const struct driver_request *request, struct nvme_command *command)
{
	u32 shift = nvme->block_shift - SECTOR_SHIFT;
	u64 first = request->sector >> shift;
	u32 blocks = request->sectors >> shift;

	*command = (struct nvme_command){.opcode = opcodes[request->operation],
					 .id = nvme->slot[slot].id,
					 .namespace = NVME_THE_NAMESPACE};
	if (request->operation == BLOCK_FLUSH)
		return;
	if (request->operation == BLOCK_DISCARD) {
		nvme_set_range(nvme, slot, command, first, blocks);
		return;
	}
	command->cdw10 = (u32)first;
	command->cdw11 = (u32)(first >> 32);
	command->cdw12 = blocks - 1;
	if (request->operation != BLOCK_WRITE_ZEROES)
		nvme_set_data(nvme, slot, request, command);
}

bool nvme_submit(struct nvme *nvme, struct driver_request *request)
{
	struct nvme_command command;
	u32 slot;

	if (nvme->busy == nvme->io.entries - 1)
		return false;
	slot = bit_lowest(~nvme->used);
	nvme->used |= BIT(slot);
	nvme->slot[slot].request = request;
	/* so the id is never FFFFh, which NVMe reserves */
	nvme->slot[slot].id = (u16)(nvme->uses++ % 512 * NVME_DEPTH + slot);
	nvme->busy++;
	nvme_make_command(nvme, slot, request, &command);
	nvme_queue_put(&nvme->io, &command);
	return true;
}

static enum block_status nvme_status_of(const struct nvme_completion *done)
{
	u32 status = (u32)(done->status & NVME_STATUS);

	if (status == 0)
		return BLOCK_OK;
	return status == NVME_STATUS_INVALID_OPCODE ? BLOCK_UNSUPPORTED : BLOCK_ERROR;
}

/*
 * Ends the request whose command the completion names. Ignores and counts a completion of no
 * outstanding command.
 */
static void nvme_finish(struct nvme *nvme, const struct nvme_completion *done)
{
	struct nvme_slot *slot = &nvme->slot[done->id % NVME_DEPTH];
	struct driver_request *request = slot->request;

	if (request == NULL || slot->id != done->id || done->queue != NVME_IO_QUEUE) {
		nvme->bad++;
		return;
	}
	slot->request = NULL;
	nvme->used &= ~BIT(done->id % NVME_DEPTH);
	nvme->busy--;
	request_finish(request, nvme_status_of(done));
}

void nvme_poll(struct nvme *nvme)
{
	struct nvme_completion done;
	u32 taken = 0;

	while (taken < nvme->io.cq_entries && nvme_queue_next(&nvme->io, &done)) {
		taken++;
		nvme_finish(nvme, &done);
	}
	if (taken > 0)
		nvme_queue_taken(&nvme->io);
}

const char *nvme_failure(const struct nvme *nvme)
{
	u32 status = nvme_read32(nvme, NVME_CSTS);

	if (nvme->bad >= NVME_BAD_MAX)
		return "the controller ends commands that it was not given";
	if (status == ~0u)
		return "the controller does not answer any more";
	if ((status & NVME_CSTS_FATAL) != 0)
		return "the controller reports a fatal error";
	return (status & NVME_CSTS_READY) == 0 ? "the controller has stopped" : NULL;
}
