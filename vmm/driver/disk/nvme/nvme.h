/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/device.h"
#include "vmm/hw/nvme.h"

/*
 * The state of an NVMe controller with one namespace, one pair of queues for requests and one pair
 * for admin commands; each queue is one page. The driver trusts no value from the controller: it
 * looks up each completion and bounds each wait.
 */
#define NVME_THE_NAMESPACE 1u
#define NVME_IO_QUEUE	   1u
/* the entries of the request queue; the controller can have at most one request fewer */
#define NVME_DEPTH	64u
#define NVME_CQ_ENTRIES (PAGE_SIZE / sizeof(struct nvme_completion))
/* The driver gives the controller up after this number of impossible completions. */
#define NVME_BAD_MAX 16u

/* The driver's DMA pages. */
enum nvme_page {
	NVME_PAGE_ADMIN_SQ,
	NVME_PAGE_ADMIN_CQ,
	NVME_PAGE_SQ,
	NVME_PAGE_CQ,
	NVME_PAGE_IDENTIFY,
	NVME_PAGE_RANGES, /* for each slot, one range of blocks to deallocate */
	/*
	 * for each slot, the addresses of all pages of the request's data but the first (PRP list)
	 */
	NVME_PAGE_LISTS,
	NVME_PAGES = NVME_PAGE_LISTS + 4,
};

struct nvme_queue {
	struct nvme_command *commands;
	const volatile struct nvme_completion *completions;
	volatile u32 *tail_doorbell;
	volatile u32 *head_doorbell;
	/* the number of the queue's entries, one more than the commands that may be outstanding */
	u32 entries;
	u32 cq_entries;
	u32 tail;
	u32 head;
	u16 phase; /* the value (0 or 1) of the phase tag that marks new completions */
};

struct nvme_slot {
	struct driver_request *request; /* the request in this slot; NULL: the slot is free */
	/* the command's ID: the slot, and a number that changes with each use of the slot */
	u16 id;
};

struct nvme {
	volatile u8 *registers;
	u64 register_bytes;
	struct driver_dma memory; /* the driver's DMA memory: at least NVME_PAGES pages */
	/* the driver has an interrupt of the controller, one MSI or MSI-X message */
	bool interrupts;

	u64 capabilities;
	u16 admin_id;
	struct nvme_queue admin;
	struct nvme_queue io;
	struct nvme_slot slot[NVME_DEPTH];
	u64 used; /* the slots in use, a bit for each */
	u32 busy; /* the number of slots in use */
	u32 uses; /* how many slots were taken since the start */
	u32 block_shift;
	u64 bad; /* the number of completions that matched no outstanding command */
};

/*
 * Resets and starts the controller and identifies its namespace 1. Returns false if the controller
 * cannot be used; `problem` then says why.
 */
bool nvme_start(struct nvme *nvme, struct driver_disk *disk, char *problem, size_t size);

/* Starts a request. Returns false if no slot is free now. */
bool nvme_submit(struct nvme *nvme, struct driver_request *request);
/* Ends completed requests (request_finish), at most as many as the queue has entries. */
void nvme_poll(struct nvme *nvme);
/* Returns why the driver has to give up, or NULL. */
const char *nvme_failure(const struct nvme *nvme);

/* Read the controller's registers; like the queues, in nvme_queue.c. */
u32 nvme_read32(const struct nvme *nvme, u32 offset);
u64 nvme_read64(const struct nvme *nvme, u32 offset);
void nvme_write32(const struct nvme *nvme, u32 offset, u32 value);
void nvme_write64(const struct nvme *nvme, u32 offset, u64 value);
/* Initializes an empty queue in the two pages; `number` selects its doorbells. */
void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, u32 number, enum nvme_page page,
		     u32 entries);
/* Returns whether the mapped registers contain the doorbells of queue `number`. */
bool nvme_has_doorbells(const struct nvme *nvme, u32 number);
/* Adds a command; the caller has checked that there is room. */
void nvme_queue_put(struct nvme_queue *queue, const struct nvme_command *command);
/* Copies the next new completion and returns whether there is one; nvme_queue_taken must follow. */
bool nvme_queue_next(struct nvme_queue *queue, struct nvme_completion *completion);
void nvme_queue_taken(const struct nvme_queue *queue);
