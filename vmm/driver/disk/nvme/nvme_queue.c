/* SPDX-License-Identifier: MIT */
/*
 * Accesses the controller's registers and queues: NVMe 1.4, 3.1 and 4.1. Called by nvme_start.c and
 * nvme_request.c; owns each queue's indices and touches the queues' pages and doorbells.
 */
#include "lib/string.h"
#include "vmm/driver/disk/nvme/nvme.h"

u32 nvme_read32(const struct nvme *nvme, u32 offset)
{
	return *(volatile u32 *)(nvme->registers + offset);
}

/*
 * Reads a 64-bit register in two halves, since not every controller takes 64-bit accesses (NVMe
 * 1.4, 3.1).
 */
u64 nvme_read64(const struct nvme *nvme, u32 offset)
{
	return nvme_read32(nvme, offset) | (u64)nvme_read32(nvme, offset + 4) << 32;
}

void nvme_write32(const struct nvme *nvme, u32 offset, u32 value)
{
	*(volatile u32 *)(nvme->registers + offset) = value;
}

void nvme_write64(const struct nvme *nvme, u32 offset, u64 value)
{
	nvme_write32(nvme, offset, (u32)value);
	nvme_write32(nvme, offset + 4, (u32)(value >> 32));
}

static u64 nvme_stride(const struct nvme *nvme)
{
	return 4ull << bits_get(nvme->capabilities, NVME_CAP_STRIDE_SHIFT + 3,
				NVME_CAP_STRIDE_SHIFT);
}

bool nvme_has_doorbells(const struct nvme *nvme, u32 number)
{
	return NVME_DOORBELLS + (2 * number + 2) * nvme_stride(nvme) <= nvme->register_bytes;
}

void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, u32 number, enum nvme_page page,
		     u32 entries)
{
	volatile u8 *doorbells =
		nvme->registers + NVME_DOORBELLS + 2ul * number * nvme_stride(nvme);
	u8 *pages = nvme->memory.memory + page * PAGE_SIZE;

	memset(pages, 0, 2 * PAGE_SIZE);
	*queue = (struct nvme_queue){
		.commands = (struct nvme_command *)(uintptr_t)pages,
		.completions =
			(const volatile struct nvme_completion *)(uintptr_t)(pages + PAGE_SIZE),
		.tail_doorbell = (volatile u32 *)doorbells,
		.head_doorbell = (volatile u32 *)(doorbells + nvme_stride(nvme)),
		.entries = entries,
		.cq_entries = entries,
		.phase = NVME_PHASE,
	};
}

void nvme_queue_put(struct nvme_queue *queue, const struct nvme_command *command)
{
	queue->commands[queue->tail] = *command;
	queue->tail = (queue->tail + 1) % queue->entries;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*queue->tail_doorbell = queue->tail;
}

bool nvme_queue_next(struct nvme_queue *queue, struct nvme_completion *completion)
{
	const volatile struct nvme_completion *entry = &queue->completions[queue->head];
	u16 status = entry->status;

	if ((status & NVME_PHASE) != queue->phase)
		return false;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*completion = (struct nvme_completion){.result = entry->result,
					       .queue_head = entry->queue_head,
					       .queue = entry->queue,
					       .id = entry->id,
					       .status = status};
	queue->head++;
	if (queue->head == queue->cq_entries) {
		queue->head = 0;
		queue->phase ^= NVME_PHASE;
	}
	return true;
}

void nvme_queue_taken(const struct nvme_queue *queue)
{
	*queue->head_doorbell = queue->head;
}
