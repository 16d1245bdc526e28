/* SPDX-License-Identifier: MIT */
/*
 * An NVMe driver that has its controller read the disk's first page, if that is marked, to where it
 * has no business: each 2-MiB piece of the first 384 MiB, a page further in each, and the pages at
 * the edges of its memory. It may be ended at any time, and goes on with the next address then.
 * With a disk whose serial number is `late` it is honest, and looks a while after the controller
 * has done what it was asked for.
 */
#include "lib/string.h"
#include "tests/liars/liar.h"
#include "vmm/driver/disk/nvme/nvme.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define MARK  "SKERRY DMA MARK "
#define PIECE (2 * MIB)
/* the pieces that are tried, each twice: at its beginning, and a page further in */
#define PIECES	   192u
#define EDGES	   4u
#define LATE	   (5 * NS_PER_MS)
#define PATIENCE   NS_PER_S
#define NOTE_PAGE  20u /* a page of the driver's memory, which outlives the process */
#define SHEET_PAGE 21u /* the page that the liar itself reads */

/* What was tried already; the last page of the driver's memory is one of the edges. */
struct note {
	char magic[16];
	u64 next;
};

extern const struct driver_ops __real_driver_ops;
void __real_nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, u32 number,
			    enum nvme_page page, u32 entries);
void __wrap_nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue, u32 number,
			    enum nvme_page page, u32 entries);
void __real_request_finish(struct driver_request *request, enum block_status status);
void __wrap_request_finish(struct driver_request *request, enum block_status status);

static struct nvme *nvme;
static bool late;

static u8 *page_of(u32 page)
{
	return nvme->memory.memory + page * PAGE_SIZE;
}

static u64 target(u64 number)
{
	u64 first = process_own_memory().address[0];
	u64 last = nvme->memory.address[nvme->memory.pages - 1];
	const u64 edges[EDGES] = {first - PAGE_SIZE, first, last, last + PAGE_SIZE};

	if (number < EDGES)
		return edges[number];
	number -= EDGES;
	return number % PIECES * PIECE + (number < PIECES ? 0 : (1 + number % 511) * PAGE_SIZE);
}

/* Returns whether the access would overwrite what the controller and this program work with. */
static bool is_needed(u64 address)
{
	for (u32 i = 0; i + 1 < nvme->memory.pages; i++) {
		if (nvme->memory.address[i] == address)
			return true;
	}
	return false;
}

static void read_to(u64 address)
{
	const struct nvme_command command = {
		.opcode = NVME_READ,
		.namespace = NVME_THE_NAMESPACE,
		.prp1 = address,
		.cdw12 = (u32)(PAGE_SIZE >> nvme->block_shift) - 1,
	};

	nvme_queue_put(&nvme->io, &command);
}

/*
 * Waits until the command has ended in some way. QEMU 7.2 cannot stand more than one such command
 * at once.
 */
static bool await(void)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(PATIENCE);
	struct nvme_completion done;

	while (clock_tsc() < until) {
		if (nvme_queue_next(&nvme->io, &done)) {
			nvme_queue_taken(&nvme->io);
			return true;
		}
		process_pause();
	}
	return false;
}

static void try_all(struct note *note)
{
	u64 end = EDGES + 2 * PIECES;

	while (note->next < end) {
		u64 address = target(note->next++);

		if (is_needed(address))
			continue;
		read_to(address);
		if (!await())
			return;
	}
}

void __wrap_nvme_queue_init(struct nvme *controller, struct nvme_queue *queue, u32 number,
			    enum nvme_page page, u32 entries)
{
	nvme = controller;
	__real_nvme_queue_init(controller, queue, number, page, entries);
}

static bool lie_at_start(struct driver_disk *disk, char *problem, size_t size)
{
	struct note *note;

	if (!__real_driver_ops.start(disk, problem, size))
		return false;
	note = (struct note *)(uintptr_t)page_of(NOTE_PAGE);
	late = strcmp(disk->serial, "late") == 0;
	memset(page_of(SHEET_PAGE), 0, PAGE_SIZE);
	read_to(nvme->memory.address[SHEET_PAGE]);
	if (!await() || memcmp(page_of(SHEET_PAGE), MARK, sizeof(MARK) - 1) != 0)
		return true;
	memset(page_of(SHEET_PAGE), 0, PAGE_SIZE);
	if (memcmp(note->magic, "liar has a note", sizeof(note->magic)) != 0)
		*note = (struct note){"liar has a note", 0};
	try_all(note);
	format(problem, size, "tried %llu of %llu addresses", (unsigned long long)note->next,
	       (unsigned long long)(EDGES + 2 * PIECES));
	return false;
}

static bool submit(struct driver_request *request)
{
	return __real_driver_ops.submit(request);
}

static void poll(void)
{
	__real_driver_ops.poll();
}

extern const struct driver_ops __wrap_driver_ops;
const struct driver_ops __wrap_driver_ops = {.start = lie_at_start, .submit = submit, .poll = poll};

void __wrap_request_finish(struct driver_request *request, enum block_status status)
{
	u64 until = clock_tsc() + (late ? clock_ns_to_tsc(LATE) : 0);

	while (clock_tsc() < until)
		process_pause();
	__real_request_finish(request, status);
}
