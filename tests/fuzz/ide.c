/* SPDX-License-Identifier: MIT */
/*
 * An IDE disk and its controller that answer each access as they like, often enough sensibly. The
 * driver comes to an end, ends each request once and in order, and has the controller move data
 * only between the disk and the pages of the request, all of it.
 */
#include "tests/driver_process_fake.h"
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/driver/disk/ata.c"
#include "vmm/driver/disk/ide/ide_command.c"
#include "vmm/driver/disk/ide/ide_request.c"
#include "vmm/driver/disk/ide/ide_start.c"
#include "vmm/rt/format.c"

#define REQUESTS_MAX 200u
#define COMMAND_PORT 0x1f0u
#define CONTROL_PORT 0x3f6u
#define DMA_PORT     0xc000u
#define DATA_PAGES   BLOCK_REQUEST_PAGES
#define RAM_AT	     0x40000000ull

static _Alignas(PAGE_SIZE) u8 ram[(1 + DATA_PAGES) * PAGE_SIZE];
static u64 addresses[1 + DATA_PAGES];
static u16 identity[ATA_IDENTIFY_WORDS];
static struct driver_request request[DRIVER_DEPTH + 1];
static struct fuzz input;
static u64 now_tsc;
/* the requests asked and finished so far: they end in the order in which they were asked */
static u32 asked, finished;
static u8 reg[8];
static u32 words_left; /* the words of data that are left */
static bool started;

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
	CHECK_THAT(done == &request[finished % ARRAY_COUNT(request)] && done->busy);
	CHECK_THAT(status < BLOCK_STATUS_COUNT);
	done->busy = false;
	finished++;
}

u8 ide_in8(u16 port)
{
	u8 what = fuzz_u8(&input);

	CHECK_THAT((port > COMMAND_PORT && port < COMMAND_PORT + 8) || port == CONTROL_PORT ||
		   port == DMA_PORT + IDE_DMA_STATUS);
	if (what >= 0xe0)
		return fuzz_u8(&input);
	if (port == DMA_PORT + IDE_DMA_STATUS)
		return what < 0x80 ? (u8)IDE_DMA_INTERRUPT : what & 7;
	if (port == CONTROL_PORT || port == COMMAND_PORT + IDE_COMMAND)
		return (u8)(ATA_STATUS_READY | (words_left > 0 ? ATA_STATUS_DATA : 0));
	return 0;
}

u16 ide_in16(u16 port)
{
	CHECK_THAT(port == COMMAND_PORT);
	words_left -= words_left > 0;
	if (reg[IDE_COMMAND] != ATA_IDENTIFY)
		return fuzz_u8(&input);
	return identity[ATA_IDENTIFY_WORDS - 1 - words_left % ATA_IDENTIFY_WORDS];
}

void ide_out16(u16 port, u16 value)
{
	CHECK_THAT(port == COMMAND_PORT);
	words_left -= words_left > 0;
}

static const struct driver_request *present_request(void)
{
	return &request[finished % ARRAY_COUNT(request)];
}

/* The table names the pages of the request that is next, in order, and nothing else. */
static void check_table(u8 command)
{
	const struct driver_request *wanted = present_request();
	const struct ide_region *table = (const struct ide_region *)ram;
	u32 left = wanted->sectors * 512, i = 0;

	CHECK_THAT(wanted->busy);
	CHECK_THAT(wanted->operation == BLOCK_READ || wanted->operation == BLOCK_WRITE);
	CHECK_THAT((command & IDE_DMA_TO_MEMORY) == 0 || wanted->operation == BLOCK_READ);
	CHECK_THAT((command & IDE_DMA_TO_MEMORY) != 0 || wanted->operation == BLOCK_WRITE);
	for (; left > 0; i++) {
		u32 bytes = table[i].bytes & ~(u32)IDE_REGION_LAST;

		CHECK_THAT(table[i].address == wanted->address[i] && wanted->address[i] >> 32 == 0);
		CHECK_THAT(bytes != 0 && bytes <= PAGE_SIZE && bytes <= left);
		left -= bytes;
		CHECK_THAT(((table[i].bytes & IDE_REGION_LAST) != 0) == (left == 0));
	}
}

/* Takes a command, which has to do what the request says. */
static void take_command(u8 command)
{
	words_left = 0;
	if (command == ATA_IDENTIFY)
		words_left = ATA_IDENTIFY_WORDS;
	if (!started || command == ATA_FLUSH_CACHE || command == ATA_FLUSH_CACHE_EXT)
		return;
	CHECK_THAT(present_request()->busy && reg[IDE_COUNT] == present_request()->sectors);
	CHECK_THAT(reg[IDE_LBA_LOW] == (u8)present_request()->sector);
	if (command == ATA_READ_SECTORS || command == ATA_READ_SECTORS_EXT ||
	    command == ATA_WRITE_SECTORS || command == ATA_WRITE_SECTORS_EXT)
		words_left = reg[IDE_COUNT] * 256u;
}

void ide_out8(u16 port, u8 value)
{
	if (port == CONTROL_PORT) {
		words_left = 0;
	} else if (port == DMA_PORT + IDE_DMA_COMMAND) {
		if ((value & IDE_DMA_START) != 0)
			check_table(value);
	} else if (port != DMA_PORT + IDE_DMA_STATUS) {
		CHECK_THAT(port > COMMAND_PORT && port < COMMAND_PORT + 8);
		reg[port - COMMAND_PORT] = value;
		if (port == COMMAND_PORT + IDE_COMMAND)
			take_command(value);
	}
}

void ide_out32(u16 port, u32 value)
{
	CHECK_THAT(port == DMA_PORT + IDE_DMA_TABLE && value == addresses[0]);
}

static void ask(void)
{
	struct driver_request *next = &request[asked % ARRAY_COUNT(request)];

	if (next->busy)
		return;
	*next = (struct driver_request){.operation = fuzz_u8(&input) % (BLOCK_FLUSH + 1),
					.sector = (u64)fuzz_u32(&input) << (fuzz_u8(&input) % 16),
					.sectors = fuzz_u8(&input) % 128 + 1,
					.busy = true,
					.data = ram + PAGE_SIZE,
					.address = addresses + 1};
	asked++;
	if (!ide_submit(&ide, next)) {
		asked--;
		next->busy = false;
		CHECK_THAT(ide.count == DRIVER_DEPTH);
	}
}

/* Near to what is accepted. */
static void make_identity(void)
{
	memset(identity, 0, sizeof(identity));
	identity[ATA_ID_CAPABILITIES] = 0x300;
	identity[ATA_ID_SECTORS + 1] = 0x10;
	identity[ATA_ID_MULTIWORD] = 0x407;
	identity[ATA_ID_COMMANDS] = 0x20;
	identity[ATA_ID_COMMANDS_2] = 0x5400;
	identity[ATA_ID_SECTORS_48 + 1] = 0x20;
	for (u32 changes = fuzz_u8(&input) % 4; changes > 0; changes--)
		identity[fuzz_u8(&input)] = fuzz_u16(&input);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct driver_disk disk = {0};
	char problem[128] = "";

	input = (struct fuzz){bytes, size};
	memset(request, 0, sizeof(request));
	memset(reg, 0, sizeof(reg));
	now_tsc = asked = finished = words_left = 0;
	started = false;
	for (u32 i = 0; i < 1 + DATA_PAGES; i++)
		addresses[i] = RAM_AT + (i * 29 % (1 + DATA_PAGES)) * 3 * PAGE_SIZE;
	addresses[fuzz_u8(&input) % (1 + DATA_PAGES)] |= (u64)(fuzz_u8(&input) & 1) << 32;
	make_identity();
	ide = (struct ide){.command_port = COMMAND_PORT,
			   .control_port = CONTROL_PORT,
			   .dma_port = DMA_PORT,
			   .memory = {ram, addresses, 1}};
	if (!ide_start(&ide, &disk, problem, sizeof(problem))) {
		CHECK_THAT(problem[0] != '\0');
		return 0;
	}
	CHECK_THAT(disk.sectors != 0 && disk.sectors <= 1ull << 48 && disk.block_bytes == 512);
	started = true;
	for (u32 i = 0; i < REQUESTS_MAX && input.left > 0 && ide.failure == NULL; i++) {
		if (fuzz_u8(&input) % 2 == 0)
			ask();
		ide_poll(&ide);
		CHECK_THAT(asked - finished == ide.count && ide.count <= DRIVER_DEPTH);
		CHECK_THAT(ide.count > 0 || !ide.running);
		now_tsc += (u64)fuzz_u8(&input) * 10 * NS_PER_MS;
	}
	return 0;
}
