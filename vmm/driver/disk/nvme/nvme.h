/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"
#include "vmm/hw/nvme.h"

/*
 * An NVMe controller with one namespace, one pair of queues for requests and one for commands to
 * itself. Each queue is one page. The controller may do and say anything: what it reports as done
 * is looked up, every wait has an end.
 */
#define NVME_THE_NAMESPACE 1u
#define NVME_IO_QUEUE	   1u
#define NVME_DEPTH	   64u /* slots of requests; one less can be on their way */
#define NVME_CQ_ENTRIES	   (PAGE_SIZE / sizeof(struct nvme_completion))
/* So many impossible completions, and the controller is given up. */
#define NVME_BAD_MAX 16u

/* The pages that it works with. */
enum nvme_page {
	NVME_PAGE_ADMIN_SQ,
	NVME_PAGE_ADMIN_CQ,
	NVME_PAGE_SQ,
	NVME_PAGE_CQ,
	NVME_PAGE_IDENTIFY,
	NVME_PAGE_RANGES, /* for each slot one range to deallocate */
	NVME_PAGE_LISTS,  /* for each slot the addresses of its pages but the first */
	NVME_PAGES = NVME_PAGE_LISTS + 2,
};

struct nvme_queue {
	struct nvme_command *commands;
	const volatile struct nvme_completion *completions;
	volatile u32 *tail_doorbell;
	volatile u32 *head_doorbell;
	u32 entries; /* commands it holds, one more than may be on their way */
	u32 cq_entries;
	u32 tail;
	u32 head;
	u16 phase; /* that of completions which are new */
};

struct nvme_slot {
	struct driver_request *request; /* NULL: free */
	u16 id; /* of its command: the slot, and a number that changes with each use */
};

struct nvme {
	volatile u8 *registers;
	u64 register_bytes;
	struct driver_dma memory; /* NVME_PAGES at least */
	bool interrupts;	  /* it may send its only message */

	u64 capabilities;
	u16 admin_id;
	struct nvme_queue admin;
	struct nvme_queue io;
	struct nvme_slot slot[NVME_DEPTH];
	u32 busy; /* slots */
	u32 uses; /* of slots, ever */
	u32 block_shift;
	u64 bad; /* completions of nothing, or of what was completed before */
};

/*
 * Resets the controller, brings it up and finds out what its namespace 1 is. False: `problem` says
 * why it cannot be used.
 */
bool nvme_start(struct nvme *nvme, struct driver_disk *disk, char *problem, size_t size);

/* False: there is no room now. */
bool nvme_submit(struct nvme *nvme, struct driver_request *request);
/* Ends the requests that are done (driver_finish), not more than a queue holds. */
void nvme_poll(struct nvme *nvme);
/* Why nothing more is to be hoped for; NULL: it is well. */
const char *nvme_failure(const struct nvme *nvme);

/* While the controller is waited for: lets others run. The program's, or a test's. */
void nvme_pause(void);

/* Of nvme_queue.c. */
u32 nvme_read32(const struct nvme *nvme, u32 offset);
u64 nvme_read64(const struct nvme *nvme, u32 offset);
void nvme_write32(const struct nvme *nvme, u32 offset, u32 value);
void nvme_write64(const struct nvme *nvme, u32 offset, u64 value);
/* An empty queue in those two pages; `number` chooses its doorbells. */
void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, u32 number, enum nvme_page page,
		     u32 entries);
/* Whether the registers that were mapped have that queue's doorbells. */
bool nvme_has_doorbells(const struct nvme *nvme, u32 number);
/* Needs room. */
void nvme_queue_put(struct nvme_queue *queue, const struct nvme_command *command);
/* The next new completion, copied; to be followed by nvme_queue_taken. */
bool nvme_queue_next(struct nvme_queue *queue, struct nvme_completion *completion);
void nvme_queue_taken(const struct nvme_queue *queue);
