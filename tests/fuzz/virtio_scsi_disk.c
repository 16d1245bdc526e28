/* SPDX-License-Identifier: MIT */
/*
 * A disk at a virtio SCSI host, between a guest that sends any command in any chain and a driver
 * that answers anything. Only requests for sectors that the disk had reach the driver; what the
 * guest waits for survives being saved.
 */
/*
 * Counted elsewhere: vmm/monitor/dev/ vmm/monitor/irqchip/ vmm/monitor/bus/bus.c vmm/monitor/pci/
 * vmm/monitor/memory/guest_memory.c vmm/monitor/virtio/virtio_blk.c
 * vmm/monitor/virtio/virtio_blk_request.c vmm/monitor/virtio/virtio_blk_pages.c
 * vmm/monitor/virtio/virtio_blk_take.c vmm/monitor/virtio/virtio_scsi.c
 * vmm/monitor/virtio/virtio_scsi_drive.c
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "tests/unit/virtio_scsi_disk_fixture.h"

#include "tests/fuzz/saved.h"

#define RAM_USED 0x70000u /* the RAM with rings and commands */

static bool state_was_changed;
static u64 sectors_most; /* the most sectors that the disk has had */

static void start(void)
{
	if (disk_memory == NULL)
		disk_make(0);
	memset(ram, 0, RAM_USED);
	memset(disk_memory, 0, SLOT_POOL_OFFSET);
	slot_open(&disk_server, disk_memory, LINK_SERVER);
	*disk_about() =
		(struct block_about){.sectors = DISK_SECTORS,
				     .block_bytes = 512,
				     .features = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES};
	next_command = 0;
	state_was_changed = false;
	sectors_most = DISK_SECTORS;
	fixture_target = TARGET;
	disk_new_driver();
	power_on();
	start_device();
}

static void send_any(struct fuzz *fuzz)
{
	static const u8 codes[] = {
		SCSI_TEST_UNIT_READY,
		SCSI_REQUEST_SENSE,
		SCSI_READ_6,
		SCSI_WRITE_6,
		SCSI_INQUIRY,
		SCSI_MODE_SENSE_6,
		SCSI_READ_CAPACITY_10,
		SCSI_READ_10,
		SCSI_WRITE_10,
		SCSI_VERIFY_10,
		SCSI_SYNCHRONIZE_CACHE_10,
		SCSI_WRITE_SAME_10,
		SCSI_UNMAP,
		SCSI_MODE_SENSE_10,
		SCSI_READ_16,
		SCSI_WRITE_16,
		SCSI_VERIFY_16,
		SCSI_WRITE_SAME_16,
		SCSI_SERVICE_ACTION_IN_16,
		SCSI_REPORT_LUNS,
		SCSI_READ_12,
		SCSI_WRITE_12,
	};
	u8 code = fuzz_u8(fuzz) % 32;
	u8 what = fuzz_u8(fuzz);
	u8 command[16];
	u32 room = (u32)fuzz_number(fuzz);

	command[0] = code < sizeof(codes) ? codes[code] : fuzz_u8(fuzz);
	for (u32 i = 1; i < sizeof(command); i++)
		command[i] = what & 1 || (i + what / 8) % 3 == 0 ? fuzz_u8(fuzz) : 0;
	if (what & 2)
		(void)do_command_with(command, sizeof(command), room);
	else
		(void)send_command(what & 4 ? TARGET : what / 8, (what & 0xc0) == 0xc0, command,
				   sizeof(command), room);
}

/* A chain of any segments, in any of the queues. */
static void send_chain(struct fuzz *fuzz)
{
	struct virtio_segment segment[4];
	u8 what = fuzz_u8(fuzz);
	u32 count = 1 + (what & 3);
	u32 queue = what >> 4 & 7;

	if (queue >= HOST_QUEUES)
		queue = SCSI_QUEUE_CONTROL;
	for (u32 i = 0; i < count; i++)
		segment[i] = SEGMENT(COMMANDS_AT + fuzz_u16(fuzz), (u32)fuzz_number(fuzz));
	add_chain(queue, segment, count, what >> 2 & 3);
	notify(queue);
}

/* A request about other requests, in form. */
static void manage(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	u32 at = make_command(0, 0, (const u8[]){0}, 1);
	const struct virtio_segment segment[] = {SEGMENT(at, 24), SEGMENT(at + RESPONSE_AT, 1)};

	poke(at, 0, 4);
	poke(at + 4, what & 7, 4);
	poke(at + 8, 1 | (what & 8 ? TARGET : 0) << 8, 8);
	add_chain(SCSI_QUEUE_CONTROL, segment, 2, 1);
	notify(SCSI_QUEUE_CONTROL);
}

static void serve(struct fuzz *fuzz)
{
	struct block_request request;
	u8 what = fuzz_u8(fuzz);
	struct block_answer answer = {.status = what >> 4};

	if (!slot_take(&disk_server, &request))
		return;
	CHECK_THAT(request.operation < BLOCK_OPERATION_COUNT &&
		   (request.operation == BLOCK_FLUSH) == (request.sectors == 0) &&
		   (request.operation > BLOCK_WRITE ||
		    request.sectors <= BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES) &&
		   request.sectors <= BLOCK_RANGE_SECTORS &&
		   request.sector <= BLK_SECTORS_MAX - request.sectors);
	CHECK_THAT(state_was_changed || (request.sectors <= sectors_most &&
					 request.sector <= sectors_most - request.sectors));
	answer.id = request.id + (what & 8 ? fuzz_number(fuzz) : 0);
	if (!(what & 2) && link_room(&disk_server) != 0)
		slot_put(&disk_server, &answer);
	(void)!link_publish(&disk_server);
}

static void resize(struct fuzz *fuzz)
{
	disk_about()->sectors = fuzz_number(fuzz);
	sectors_most = MAX(sectors_most, disk_about()->sectors);
}

static void save_and_load(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	struct device *device =
		what & 4 ? &blk.device->function.device : &blk.virtio.function.device;
	u32 at = what & 2 ? (u32)sizeof(struct virtio_blk_state) + fuzz_u8(fuzz) % 8
			  : (u32)sizeof(struct virtio_state) + fuzz_u16(fuzz);

	state_was_changed |= what & 1;
	saved_reload(fuzz, device, at, what & 1);
}

static void check_device(void)
{
	u32 waiting = 0;

	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++) {
		waiting += blk.state.request[i].phase == BLK_WAITS;
		CHECK_THAT(blk.state.request[i].phase == BLK_FREE ||
			   blk.state.request[i].operation <= BLK_WRITE_THROUGH);
	}
	CHECK_THAT(blk.waiting == waiting);
	CHECK_THAT(blk.scsi.drive.attention <= DISK_ATTENTION_ALL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	start();
	while (fuzz.left > 0) {
		switch (fuzz_u8(&fuzz) % 11) {
		case 0:
		case 1:
		case 2:
			send_any(&fuzz);
			break;
		case 3:
			send_chain(&fuzz);
			break;
		case 4:
			poke(RINGS_AT + fuzz_u16(&fuzz), fuzz_number(&fuzz), 8);
			break;
		case 5:
			set(fuzz_u16(&fuzz) % BAR_MEMORY_BYTES & ~3u, 4, fuzz_u32(&fuzz));
			break;
		case 6:
			serve(&fuzz);
			break;
		case 7:
			resize(&fuzz);
			break;
		case 8:
			save_and_load(&fuzz);
			break;
		case 9:
			manage(&fuzz);
			device_tick(&blk.device->function.device);
			break;
		default:
			if (fuzz_u8(&fuzz) & 1)
				start_device();
			virtio_blk_poll_link(&blk);
		}
		check_device();
	}
	return 0;
}
