/* SPDX-License-Identifier: MIT */
/*
 * An AHCI controller and its disks that answer each access as they like, often enough sensibly. The
 * driver comes to an end, ends each request once, and what it has the controller do is what a
 * request says: its pages, its sectors, and flushes only when the queue is empty.
 */
#include "tests/driver_process_fake.h"
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/driver/disk/ahci/ahci_command.c"
#include "vmm/driver/disk/ahci/ahci_port.c"
#include "vmm/driver/disk/ahci/ahci_request.c"
#include "vmm/driver/disk/ahci/ahci_start.c"
#include "vmm/driver/disk/ata.c"
#include "vmm/rt/format.c"

#define REQUESTS   80u
#define STEPS_MAX  300u
#define PORTS	   2u
#define PORT_MASK  (1u << 0 | 1u << 31)
#define OWN_PAGES  (PORTS * AHCI_PAGES)
#define DATA_PAGES BLOCK_REQUEST_PAGES
#define RAM_AT	   0x4000000000ull

static _Alignas(PAGE_SIZE) u8 ram[OWN_PAGES * PAGE_SIZE];
static u64 addresses[OWN_PAGES + DATA_PAGES];
static u16 identity[ATA_IDENTIFY_WORDS];
static struct driver_request request[REQUESTS];
static struct fuzz input;
static struct driver_disk disk[PORTS];
static u64 now_tsc;
static u32 asked, finished;
static bool started;
static struct {
	u32 command, issue, active, list, fis, list_high, fis_high;
} port[PORTS];

u64 clock_tsc(void)
{
	return now_tsc += NS_PER_US;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

void process_pause(void)
{
	now_tsc += NS_PER_S / 10;
}

void request_finish(struct driver_request *done, enum block_status status)
{
	CHECK_THAT(done >= request && done < request + REQUESTS && done->busy);
	CHECK_THAT(status < BLOCK_STATUS_COUNT);
	done->busy = false;
	finished++;
}

/* Returns the number of a port among the ports with a disk. */
static u32 port_of(u32 offset)
{
	u32 number = (offset - AHCI_FIRST_PORT) / AHCI_PORT_BYTES;

	CHECK_THAT(number == 0 || number == 31);
	return number != 0;
}

static u32 read_port(u32 which, u32 at)
{
	u8 what = fuzz_u8(&input);

	switch (at) {
	case AHCI_PORT_COMMAND:
		return port[which].command;
	case AHCI_PORT_TASK:
		return what < 0xe0 ? (u32)ATA_STATUS_READY : fuzz_u8(&input);
	case AHCI_PORT_SIGNATURE:
		return what < 0xf0 ? AHCI_SIGNATURE_DISK : AHCI_SIGNATURE_PACKET;
	case AHCI_PORT_STATUS:
		return what < 0xf0 ? AHCI_STATUS_PRESENT : what & 3;
	case AHCI_PORT_IS:
		return what < 0xd0 ? 1 : what < 0xe0 ? (u32)AHCI_INT_TASK : fuzz_u32(&input);
	case AHCI_PORT_ISSUE:
		/* some of the slots have ended, possibly slots that were not handed over */
		port[which].issue &= what < 0x40 ? ~0u : what < 0xf0 ? 0 : fuzz_u32(&input);
		return port[which].issue;
	case AHCI_PORT_ACTIVE:
		port[which].active &= what < 0x80 ? fuzz_u32(&input) : what < 0xa0 ? ~0u : 0;
		return port[which].active;
	default:
		CHECK_THAT(false);
	}
	return 0;
}

u32 ahci_read(const struct ahci *from, u32 offset)
{
	u8 what = fuzz_u8(&input);

	CHECK_THAT(offset % 4 == 0 && offset + 4 <= from->register_bytes);
	if (what >= 0xf8)
		return what >= 0xfe ? ~0u : fuzz_u32(&input);
	if (offset >= AHCI_FIRST_PORT)
		return read_port(port_of(offset), offset % AHCI_PORT_BYTES);
	switch (offset) {
	case AHCI_CAP:
		return (u32)(AHCI_CAP_64 | (what < 0xe0 ? AHCI_CAP_QUEUED : 0) |
			     (what < 0x80 ? 31u : what & 31u) << AHCI_CAP_SLOTS_SHIFT);
	case AHCI_IS:
	case AHCI_PI:
		return PORT_MASK;
	case AHCI_CAP2:
		return what & 1;
	default:
		CHECK_THAT(offset == AHCI_GHC || offset == AHCI_BOHC);
		return 0;
	}
}

static const struct ahci_header *header_of(u32 which, u32 slot)
{
	const u8 *list = ram + which * AHCI_PAGES * PAGE_SIZE;

	CHECK_THAT((port[which].list | (u64)port[which].list_high << 32) ==
		   addresses[which * AHCI_PAGES]);
	CHECK_THAT((port[which].fis | (u64)port[which].fis_high << 32) ==
		   addresses[which * AHCI_PAGES] + AHCI_FIS_AT);
	return (const struct ahci_header *)(const void *)list + slot;
}

/* Returns where a command's table is in memory: all of the table lies in one page of the port's. */
static const u8 *table_of(u32 which, const struct ahci_header *header)
{
	for (u32 i = which * AHCI_PAGES; i < (which + 1) * AHCI_PAGES; i++) {
		u64 offset = header->table - addresses[i];

		if (offset <= PAGE_SIZE - AHCI_TABLE_BYTES)
			return ram + i * PAGE_SIZE + offset;
	}
	CHECK_THAT(false);
	return NULL;
}

static void check_regions(const struct ahci_header *header, const struct ahci_region *region,
			  const struct driver_request *wanted)
{
	u32 left = wanted->sectors * 512;

	for (u32 i = 0; i < header->regions; i++) {
		u32 bytes = region[i].bytes + 1;

		CHECK_THAT(region[i].address == wanted->address[i]);
		CHECK_THAT(bytes % 2 == 0 && bytes <= PAGE_SIZE && bytes <= left);
		left -= bytes;
	}
	CHECK_THAT(left == 0);
}

static void check_command(u32 which, u32 slot, bool queued)
{
	const struct ahci_header *header = header_of(which, slot);
	const u8 *table = table_of(which, header);
	const struct ahci_fis *fis = (const void *)table;
	const struct driver_request *wanted = ahci.port[which].slot[slot].request;
	bool write = wanted->operation == BLOCK_WRITE || wanted->operation == BLOCK_DISCARD;
	u64 first = wanted->sector >> (ahci.port[which].block_shift - 9);
	u32 blocks = wanted->sectors >> (ahci.port[which].block_shift - 9);

	CHECK_THAT(wanted->busy && wanted->unit == which);
	CHECK_THAT(slot < ahci.port[which].depth);
	CHECK_THAT(((header->flags & AHCI_HEADER_WRITE) != 0) == write);
	CHECK_THAT(queued || ahci.port[which].queued == 0);
	switch (fis->command) {
	case ATA_READ_QUEUED:
	case ATA_WRITE_QUEUED:
		CHECK_THAT(queued && fis->count == slot << AHCI_TAG_SHIFT);
		CHECK_THAT(fis->features == blocks && fis->features_high == 0);
		CHECK_THAT((port[which].active >> slot & 1) != 0);
		break;
	case ATA_READ_DMA_EXT:
	case ATA_WRITE_DMA_EXT:
		CHECK_THAT(!queued && fis->count == blocks && fis->count_high == 0);
		break;
	case ATA_FLUSH_CACHE_EXT:
		CHECK_THAT(wanted->operation == BLOCK_FLUSH && header->regions == 0);
		return;
	default:
		CHECK_THAT(fis->command == ATA_DATA_SET_MANAGEMENT);
		CHECK_THAT(wanted->operation == BLOCK_DISCARD && header->regions == 1);
		return;
	}
	CHECK_THAT(fis->lba_low[0] == (u8)first && fis->lba_high[2] == (u8)(first >> 40));
	CHECK_THAT(wanted->operation == (write ? BLOCK_WRITE : BLOCK_READ));
	check_regions(header, (const void *)(table + AHCI_TABLE_REGIONS), wanted);
}

static void issue_to(u32 which, u32 bits)
{
	CHECK_THAT(bits != 0 && (bits & (bits - 1)) == 0);
	CHECK_THAT((port[which].command & AHCI_COMMAND_START) != 0);
	if (!started || !ahci.port[which].there) {
		CHECK_THAT(bits == 1);
		memcpy(ram + which * AHCI_PAGES * PAGE_SIZE + AHCI_DATA_AT, identity,
		       sizeof(identity));
	} else {
		u32 slot = bit_lowest(bits);

		check_command(which, slot, (ahci.port[which].queued & bits) != 0);
	}
	port[which].issue |= bits;
}

static void write_port(u32 which, u32 at, u32 value)
{
	switch (at) {
	case AHCI_PORT_LIST:
		port[which].list = value;
		break;
	case AHCI_PORT_LIST + 4:
		port[which].list_high = value;
		break;
	case AHCI_PORT_FIS:
		port[which].fis = value;
		break;
	case AHCI_PORT_FIS + 4:
		port[which].fis_high = value;
		break;
	case AHCI_PORT_COMMAND:
		port[which].command = value & ~(u32)(AHCI_COMMAND_RUNS | AHCI_COMMAND_FIS_RUNS);
		if ((value & AHCI_COMMAND_START) == 0)
			port[which].issue = port[which].active = 0;
		break;
	case AHCI_PORT_ACTIVE:
		port[which].active |= value;
		break;
	case AHCI_PORT_ISSUE:
		issue_to(which, value);
		break;
	default:
		CHECK_THAT(at == AHCI_PORT_IS || at == AHCI_PORT_IE || at == AHCI_PORT_ERROR ||
			   at == AHCI_PORT_CONTROL);
	}
}

void ahci_write(const struct ahci *to, u32 offset, u32 value)
{
	CHECK_THAT(offset % 4 == 0 && offset + 4 <= to->register_bytes);
	if (offset >= AHCI_FIRST_PORT)
		write_port(port_of(offset), offset % AHCI_PORT_BYTES, value);
	else
		CHECK_THAT(offset == AHCI_GHC || offset == AHCI_IS || offset == AHCI_BOHC);
}

static void ask(void)
{
	struct driver_request *next = request;
	u8 what = fuzz_u8(&input);

	while (next < request + REQUESTS && next->busy)
		next++;
	if (next == request + REQUESTS || !ahci.port[what & 1].there)
		return;
	*next = (struct driver_request){.unit = what & 1,
					.operation = (what >> 1) % (BLOCK_DISCARD + 1),
					.sector = (u64)fuzz_u32(&input) << 3,
					.sectors = 8 * (fuzz_u8(&input) % 16 + 1),
					.busy = true,
					.address = addresses + OWN_PAGES};
	if (next->operation == BLOCK_DISCARD)
		next->sectors *= 8;
	asked++;
	if (!ahci_submit(&ahci, next)) {
		asked--;
		next->busy = false;
	}
}

/* Near to what is accepted. */
static void make_identity(void)
{
	memset(identity, 0, sizeof(identity));
	identity[ATA_ID_CAPABILITIES] = 0x300;
	identity[ATA_ID_DEPTH] = 31;
	identity[ATA_ID_SERIAL_ATA] = 0x100;
	identity[ATA_ID_COMMANDS] = 0x20;
	identity[ATA_ID_COMMANDS_2] = 0x7400;
	identity[ATA_ID_SECTORS_48 + 1] = 0x20;
	identity[ATA_ID_TRIM] = 1;
	for (u32 changes = fuzz_u8(&input) % 4; changes > 0; changes--)
		identity[fuzz_u8(&input)] = fuzz_u16(&input);
}

static bool start(void)
{
	char problem[128] = "";
	bool any = false;

	if (!ahci_start(&ahci, PORT_MASK, problem, sizeof(problem))) {
		CHECK_THAT(problem[0] != '\0');
		return false;
	}
	for (u32 i = 0; i < PORTS; i++) {
		disk[i] = (struct driver_disk){.unit = i, .block_bytes = 512};
		problem[0] = '\0';
		if (!ahci_start_disk(&ahci, &disk[i], problem, sizeof(problem))) {
			CHECK_THAT(problem[0] != '\0');
			continue;
		}
		any = true;
		CHECK_THAT(disk[i].sectors != 0 && disk[i].sectors <= 1ull << 51);
		CHECK_THAT(disk[i].block_bytes == 512 || disk[i].block_bytes == 4096);
		CHECK_THAT(disk[i].depth >= 1 && disk[i].depth <= AHCI_SLOTS);
	}
	started = any;
	return any;
}

static void check_counts(void)
{
	u32 count = 0;

	for (u32 i = 0; i < PORTS; i++) {
		const struct ahci_port *one = &ahci.port[i];
		u32 used = one->queued | one->alone;
		u32 slots = 0;

		CHECK_THAT((one->queued & one->alone) == 0);
		CHECK_THAT((one->running & ~one->alone) == 0);
		CHECK_THAT(one->running == 0 || one->queued == 0);
		for (; used != 0; used &= used - 1, slots++)
			CHECK_THAT(one->slot[bit_lowest(used)].request->busy);
		CHECK_THAT(slots == one->busy && slots <= one->depth);
		/*
		 * a request that waits to be done alone is under way as soon as the queue is empty
		 */
		CHECK_THAT(ahci.failure != NULL || one->alone == 0 || one->queued != 0 ||
			   one->running != 0);
		count += slots;
	}
	CHECK_THAT(count == asked - finished);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	input = (struct fuzz){bytes, size};
	memset(request, 0, sizeof(request));
	memset(port, 0, sizeof(port));
	now_tsc = asked = finished = 0;
	started = false;
	for (u32 i = 0; i < OWN_PAGES + DATA_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 29 % (OWN_PAGES + DATA_PAGES)) * 3 * PAGE_SIZE;
	make_identity();
	ahci = (struct ahci){.register_bytes = AHCI_FIRST_PORT + AHCI_PORTS * AHCI_PORT_BYTES,
			     .memory = {ram, addresses, OWN_PAGES},
			     .interrupts = true};
	if (!start())
		return 0;
	for (u32 i = 0; i < STEPS_MAX && input.left > 0 && ahci.failure == NULL; i++) {
		u8 what = fuzz_u8(&input);

		if (what % 4 != 0)
			ask();
		else
			ahci_poll(&ahci);
		if (what >= 0xf0 && ahci.failure == NULL)
			ahci_look(&ahci);
		now_tsc += (u64)(what & 0x0c) * NS_PER_MS * 20;
		check_counts();
	}
	return 0;
}
