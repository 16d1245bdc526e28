/* SPDX-License-Identifier: MIT */
/*
 * A CD-ROM drive at a virtio SCSI host, between a guest that sends any command in any chain and a
 * driver that answers anything. Only reads within the medium reach the driver; what the drive
 * remembers stays possible, and survives being saved.
 */
/*
 * Counted elsewhere: vmm/monitor/dev/ vmm/monitor/irqchip/ vmm/monitor/bus/bus.c vmm/monitor/pci/
 * vmm/monitor/memory/guest_memory.c vmm/monitor/virtio/virtio_blk.c
 * vmm/monitor/virtio/virtio_blk_request.c vmm/monitor/virtio/virtio_blk_pages.c
 * vmm/monitor/virtio/virtio_blk_take.c vmm/monitor/virtio/virtio_scsi_host.c
 * vmm/monitor/virtio/virtio_scsi_disk.c
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "tests/unit/virtio_scsi_fixture.h"

#include "tests/fuzz/saved.h"

#define RAM_USED 0x70000u /* the RAM with rings and commands */

static bool state_was_changed;

static void start(void)
{
	if (disk_memory == NULL)
		disk_make(0);
	memset(ram, 0, RAM_USED);
	memset(disk_memory, 0, SLOT_POOL_OFFSET);
	slot_open(&disk_server, disk_memory, LINK_SERVER);
	*disk_about() = (struct block_about){
		.sectors = DISK_SECTORS, .block_bytes = 512, .features = DISK_READ_ONLY};
	next_command = 0;
	state_was_changed = false;
	fixture_drive = true;
	disk_new_driver();
	power_on();
	start_device();
}

static void send_any(struct fuzz *fuzz)
{
	static const u8 codes[] = {
		SCSI_TEST_UNIT_READY,
		SCSI_REQUEST_SENSE,
		SCSI_INQUIRY,
		SCSI_START_STOP_UNIT,
		MMC_PREVENT_ALLOW_REMOVAL,
		SCSI_READ_CAPACITY_10,
		SCSI_READ_10,
		MMC_READ_TOC,
		MMC_GET_CONFIGURATION,
		MMC_GET_EVENT_STATUS,
		SCSI_MODE_SENSE_10,
		SCSI_REPORT_LUNS,
		SCSI_READ_12,
		SCSI_READ_10,
		SCSI_READ_10,
	};
	u8 what = fuzz_u8(fuzz);
	u8 command[12];
	u32 room = (u32)fuzz_number(fuzz);

	command[0] = (what & 15) < sizeof(codes) ? codes[what & 15] : fuzz_u8(fuzz);
	for (u32 i = 1; i < sizeof(command); i++)
		command[i] = what & 16 || i < 5 || i > 7 ? fuzz_u8(fuzz) : 0;
	if (what & 32)
		command[2] = command[3] = 0;
	(void)send_command(what >> 6 == 3, what >> 6 == 2, command, sizeof(command), room);
}

/* A chain of any segments, in any of the queues. */
static void send_chain(struct fuzz *fuzz)
{
	struct virtio_segment segment[4];
	u8 what = fuzz_u8(fuzz);
	u32 count = 1 + (what & 3);

	for (u32 i = 0; i < count; i++)
		segment[i] = SEGMENT(COMMANDS_AT + fuzz_u16(fuzz), (u32)fuzz_number(fuzz));
	add_chain(what >> 4 & 1 ? SCSI_QUEUE_REQUESTS : SCSI_QUEUE_CONTROL, segment, count,
		  what >> 2 & 3);
	notify(what >> 4 & 3);
}

static void serve(struct fuzz *fuzz)
{
	struct block_request request;
	u8 what = fuzz_u8(fuzz);
	struct block_answer answer = {.status = what >> 4};

	if (!slot_take(&disk_server, &request))
		return;
	CHECK_THAT(state_was_changed ||
		   (request.operation == BLOCK_READ && request.sectors != 0 &&
		    request.sector % 8 == 0 && request.sectors <= BLOCK_REQUEST_BYTES / 512 &&
		    request.sector <= ~0ull - request.sectors));
	answer.id = request.id + (what & 8 ? fuzz_number(fuzz) : 0);
	if (!(what & 2) && link_room(&disk_server) != 0)
		slot_put(&disk_server, &answer);
	(void)!link_publish(&disk_server);
}

static void save_and_load(struct fuzz *fuzz)
{
	struct device *device = &blk.virtio.function.device;
	u8 what = fuzz_u8(fuzz);
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
			   blk.state.request[i].operation == BLOCK_READ);
	}
	CHECK_THAT(blk.waiting == waiting);
	CHECK_THAT(drive_valid(&blk.scsi.drive));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	start();
	while (fuzz.left > 0) {
		switch (fuzz_u8(&fuzz) % 9) {
		case 0:
		case 1:
			send_any(&fuzz);
			break;
		case 2:
			send_chain(&fuzz);
			break;
		case 3:
			poke(RINGS_AT + fuzz_u16(&fuzz), fuzz_number(&fuzz), 8);
			break;
		case 4:
			set(fuzz_u16(&fuzz) % BAR_MEMORY_BYTES & ~3u, 4, fuzz_u32(&fuzz));
			break;
		case 5:
			serve(&fuzz);
			break;
		case 6:
			disk_about()->sectors = fuzz_number(&fuzz);
			break;
		case 7:
			save_and_load(&fuzz);
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
