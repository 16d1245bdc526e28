/* SPDX-License-Identifier: MIT */
/*
 * A virtio disk between a guest that writes anything to its registers and rings and a driver that
 * answers anything. What is asked of the driver keeps to the rules; state survives being saved.
 */
/*
 * Counted elsewhere: vmm/monitor/dev/ vmm/monitor/irqchip/ vmm/monitor/bus/bus.c vmm/monitor/pci/
 * vmm/monitor/memory/guest_memory.c
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "tests/unit/virtio_blk_fixture.h"

#include "tests/fuzz/saved.h"

#define RAM_USED 0x40000u /* the RAM with rings and headers */

static void start(void)
{
	if (disk_memory == NULL)
		disk_make(0);
	memset(ram, 0, RAM_USED);
	memset(disk_memory, 0, SLOT_POOL_OFFSET);
	slot_open(&disk_server, disk_memory, LINK_SERVER);
	*disk_about() = (struct block_about){
		.sectors = DISK_SECTORS,
		.block_bytes = 512,
		.features = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES,
		.direct_pages = BLOCK_DIRECT_PAGES,
	};
	next_header = 0;
	disk_new_driver();
	power_on();
	start_device();
	guest.host = ram;
}

static void send_any(struct fuzz *fuzz)
{
	static const u32 types[] = {0, 0, 1, 1, 4, 8, 11, 13};
	u8 what = fuzz_u8(fuzz);
	u32 type = types[what & 7];
	u64 sector = fuzz_number(fuzz);
	u32 bytes = (u32)(fuzz_number(fuzz) << (what & 0x20 ? 9 : 0));

	if (type >= 11) {
		poke(DATA_AT, sector, 8);
		poke(DATA_AT + 8, fuzz_number(fuzz), 8);
		bytes = what & 0x40 ? bytes : 16;
	}
	(void)send_to(what >> 3 & 3, type, sector, DATA_AT, bytes);
}

/*
 * Checks that the request's data lie in the pool, in memory that no other outstanding request has,
 * or in pages of the guest.
 */
static void check_request(const struct block_request *request)
{
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;
	u64 most = (request->window != 0 ? BLOCK_DIRECT_PAGES : BLOCK_REQUEST_PAGES) * PAGE_SIZE;

	CHECK_THAT(request->operation < BLOCK_OPERATION_COUNT);
	if (request->operation == BLOCK_READ || request->operation == BLOCK_WRITE)
		CHECK_THAT(bytes <= most && request->offset % PAGE_SIZE == 0 &&
			   request->offset <= BLOCK_POOL_BYTES - bytes);
	for (u32 i = 0; request->window != 0 && i < align_up(bytes, PAGE_SIZE) / PAGE_SIZE; i++)
		CHECK_THAT(request->page[i] < sizeof(ram) / PAGE_SIZE);
	CHECK_THAT((request->operation == BLOCK_FLUSH) == (request->sectors == 0));
	CHECK_THAT(request->sectors <= BLOCK_RANGE_SECTORS &&
		   request->sector <= BLK_SECTORS_MAX - request->sectors);
}

static void serve(struct fuzz *fuzz)
{
	struct block_request request;
	u8 what = fuzz_u8(fuzz);
	struct block_answer answer = {.status = what >> 4};

	if (!slot_take(&disk_server, &request))
		return;
	check_request(&request);
	answer.id = request.id + (what & 8 ? fuzz_number(fuzz) : 0);
	for (u32 i = 0; i <= (what & 1) && link_room(&disk_server) != 0 && !(what & 2); i++)
		slot_put(&disk_server, &answer);
	(void)!link_publish(&disk_server);
}

static void change_driver(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);

	if (what & 1)
		disk_about()->sectors = fuzz_number(fuzz);
	if ((what & 0x11) == 0x11)
		disk_about()->direct_pages = (u32)fuzz_number(fuzz);
	if ((what & 0x21) == 0x21)
		disk_about()->boundary = (u32)fuzz_number(fuzz);
	if (what & 2)
		disk_memory->generation = fuzz_u8(fuzz) & 3;
	if (what & 4)
		((u8 *)&disk_memory->line[LINK_SERVER])[what >> 3 & 15] = fuzz_u8(fuzz);
	else if (what & 8)
		disk_about()->window = what >> 4;
	else
		(void)!link_renewed(&disk_server);
}

static void save_and_load(struct fuzz *fuzz)
{
	struct device *device = &blk.virtio.function.device;
	u32 first = fuzz_u8(fuzz) & 1 ? 0 : (u32)sizeof(struct virtio_state);
	u32 at = first + fuzz_u16(fuzz);

	saved_reload(fuzz, device, at, fuzz_u8(fuzz) & 1);
}

/* Checks that the device's own counts are right. */
static void check_device(void)
{
	u32 waiting = 0;
	u32 used = 0;

	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		waiting += blk.state.request[i].phase == BLK_WAITS;
	for (u32 i = 0; i < SLOT_COUNT; i++)
		used += blk.client.piece[i].used;
	CHECK_THAT(blk.waiting == waiting);
	CHECK_THAT(blk.client.outstanding == used && blk.client.forgotten <= used);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	start();
	while (fuzz.left > 0) {
		switch (fuzz_u8(&fuzz) % 9) {
		case 0:
			send_any(&fuzz);
			break;
		case 1:
			poke(RINGS_AT + fuzz_u16(&fuzz), fuzz_number(&fuzz), 8);
			break;
		case 2:
			set(fuzz_u16(&fuzz) % BAR_MEMORY_BYTES & ~3u, 4, fuzz_u32(&fuzz));
			break;
		case 3:
			set(AT_COMMON + fuzz_u8(&fuzz) % COMMON_BYTES, 1u << (fuzz.left & 1),
			    (u32)fuzz_number(&fuzz));
			break;
		case 4:
			serve(&fuzz);
			break;
		case 5:
			change_driver(&fuzz);
			break;
		case 6:
			start_device();
			break;
		case 7:
			save_and_load(&fuzz);
			break;
		default:
			virtio_blk_poll_link(&blk);
		}
		check_device();
	}
	return 0;
}
