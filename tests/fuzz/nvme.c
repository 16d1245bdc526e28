/* SPDX-License-Identifier: MIT */
/*
 * An NVMe controller that does as it likes: any registers, anything written to the driver's memory
 * whenever it looks. The driver comes to an end, ends each request once, and asks for DMA only to
 * its own pages and to those of the request.
 */
#include "tests/driver_process_fake.h"
#include "tests/fuzz/fuzz.h"

#include "vmm/driver/disk/nvme/nvme_queue.c"
#include "vmm/driver/disk/nvme/nvme_request.c"
#include "vmm/driver/disk/nvme/nvme_start.c"
#include "vmm/rt/format.c"

#define REQUESTS_MAX 200u
#define OWN_PAGES    16u
#define DATA_PAGES   BLOCK_DIRECT_PAGES
#define RAM_AT	     0x40000000ull

static _Alignas(PAGE_SIZE) u8 ram[(OWN_PAGES + DATA_PAGES) * PAGE_SIZE];
static _Alignas(8) u8 registers[2 * PAGE_SIZE];
static u64 addresses[OWN_PAGES + DATA_PAGES];
static struct driver_request request[NVME_DEPTH];
static struct driver_disk disk;
static struct fuzz input;
static u64 now_tsc;
static u32 finished, submitted;

u64 clock_tsc(void)
{
	return now_tsc += NS_PER_MS;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

void request_finish(struct driver_request *done, enum block_status status)
{
	CHECK_THAT(done >= request && done < request + NVME_DEPTH && done->busy);
	CHECK_THAT(status < BLOCK_STATUS_COUNT);
	done->busy = false;
	finished++;
}

static void put32(u32 offset, u32 value)
{
	memcpy(registers + offset, &value, 4);
}

/* A completion that may well be believed. */
static void complete(struct nvme_queue *queue, u8 what)
{
	struct nvme_completion *entry = (struct nvme_completion *)(uintptr_t)queue->completions +
					(queue->head + (what >> 6)) % queue->cq_entries;

	entry->id =
		(what & 1) != 0
			? queue->commands[queue->tail == 0 ? queue->entries - 1 : queue->tail - 1]
				  .id
			: fuzz_u16(&input);
	entry->queue = (what & 2) != 0 ? queue == &nvme.io : fuzz_u8(&input);
	entry->status = (u16)(((what & 4) != 0 ? 0 : fuzz_u16(&input) & ~1u) | queue->phase);
}

/* Identify data is anything, or near to what is accepted. */
static void identify_data(void)
{
	u8 *page = ram + NVME_PAGE_IDENTIFY * PAGE_SIZE;

	fuzz_take(&input, page, 8);
	page[NVME_NS_FORMATS] = fuzz_u8(&input);
	page[NVME_NS_FORMAT] = fuzz_u8(&input);
	page[NVME_CTRL_MDTS] = fuzz_u8(&input);
	page[NVME_CTRL_ONCS] = fuzz_u8(&input);
	page[NVME_NS_LBAF + fuzz_u8(&input) % 64] = fuzz_u8(&input) & 1 ? 9 : 12;
}

static void device(void)
{
	u8 what = fuzz_u8(&input);

	switch (what >> 3 & 7) {
	case 0:
		put32(NVME_CSTS, (registers[NVME_CC] & 1) != 0);
		break;
	case 1:
		put32(NVME_CSTS, fuzz_u8(&input) == 0xff ? ~0u : what & 3);
		break;
	case 2:
		fuzz_take(&input, ram + fuzz_u16(&input) % (OWN_PAGES * PAGE_SIZE - 16), 16);
		break;
	case 3:
		identify_data();
		break;
	case 4:
	case 5:
		if (nvme.io.commands != NULL)
			complete(&nvme.io, what);
		break;
	default:
		if (nvme.admin.commands != NULL)
			complete(&nvme.admin, what);
	}
}

void process_pause(void)
{
	if (input.left == 0)
		now_tsc += NS_PER_S;
	device();
}

static bool among(u64 address, u32 first, u32 count)
{
	for (u32 i = first; i < first + count; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return true;
	}
	return false;
}

/* Checks the command that was just put into the queue. */
static void check_command(const struct driver_request *asked)
{
	u32 last = nvme.io.tail == 0 ? nvme.io.entries - 1 : nvme.io.tail - 1;
	const struct nvme_command *command = &nvme.io.commands[last];
	bool data = asked->operation == BLOCK_READ || asked->operation == BLOCK_WRITE;
	u64 pages = (asked->sectors * 512ull + PAGE_SIZE - 1) / PAGE_SIZE;

	if (!data) {
		CHECK_THAT(command->prp2 == 0);
		CHECK_THAT(command->prp1 == 0 || among(command->prp1, NVME_PAGE_RANGES, 1));
		return;
	}
	CHECK_THAT(among(command->prp1, OWN_PAGES, DATA_PAGES));
	if (pages == 2)
		CHECK_THAT(among(command->prp2, OWN_PAGES, DATA_PAGES));
	else
		CHECK_THAT(command->prp2 == 0 || among(command->prp2, NVME_PAGE_LISTS, 4));
}

static void ask(void)
{
	u8 slot = fuzz_u8(&input) % NVME_DEPTH;
	u32 align = nvme.block_shift == 12 ? 8 : 1;

	if (request[slot].busy)
		return;
	request[slot] = (struct driver_request){
		.operation = fuzz_u8(&input) % BLOCK_OPERATION_COUNT,
		.sector = fuzz_u16(&input) * align,
		.sectors = (fuzz_u8(&input) % (disk.direct_pages * 8) / align + 1) * align,
		.busy = true,
		.data = ram + OWN_PAGES * PAGE_SIZE,
		.address = addresses + OWN_PAGES,
	};
	if (!nvme_submit(&nvme, &request[slot])) {
		request[slot].busy = false;
		CHECK_THAT(nvme.busy == nvme.io.entries - 1);
		return;
	}
	submitted++;
	check_command(&request[slot]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char problem[128] = "";

	input = (struct fuzz){bytes, size};
	memset(registers, 0, sizeof(registers));
	memset(ram, 0, sizeof(ram));
	memset(request, 0, sizeof(request));
	disk = (struct driver_disk){0};
	now_tsc = finished = submitted = 0;
	for (u32 i = 0; i < OWN_PAGES + DATA_PAGES; i++)
		addresses[i] = RAM_AT + (i * 29 % (OWN_PAGES + DATA_PAGES)) * 3 * PAGE_SIZE;
	put32(NVME_CAP, fuzz_u32(&input));
	put32(NVME_CAP + 4, (u32)fuzz_u8(&input) << 16 | 0x20 | (fuzz_u8(&input) & 1));
	nvme = (struct nvme){.registers = registers,
			     .register_bytes = sizeof(registers),
			     .memory = {ram, addresses, OWN_PAGES}};
	if (!nvme_start(&nvme, &disk, problem, sizeof(problem))) {
		CHECK_THAT(problem[0] != '\0');
		return 0;
	}
	CHECK_THAT(disk.block_bytes == 512 || disk.block_bytes == 4096);
	CHECK_THAT(disk.sectors != 0);
	CHECK_THAT(disk.direct_pages >= BLOCK_REQUEST_PAGES &&
		   disk.direct_pages <= BLOCK_DIRECT_PAGES);
	for (u32 i = 0; i < REQUESTS_MAX && input.left > 0; i++) {
		if (fuzz_u8(&input) % 2 == 0)
			ask();
		device();
		nvme_poll(&nvme);
		(void)nvme_failure(&nvme);
		CHECK_THAT(submitted - finished == nvme.busy && nvme.busy < NVME_DEPTH);
	}
	return 0;
}
