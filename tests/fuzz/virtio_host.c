/* SPDX-License-Identifier: MIT */
/*
 * A virtio device that does as it likes: any registers, anything written to the driver's memory
 * whenever it looks. The drivers of cards and disks on top of it come to an end, end each request
 * once, and ask for DMA only to their own pages and to those of the request, within one page each.
 */
#include "tests/driver_process_fake.h"
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/driver/disk/core/device.h"
#include "vmm/driver/disk/scsi.c"
#include "vmm/driver/disk/scsi_command.c"
#include "vmm/driver/disk/virtio_blk/blk_request.c"
/* The SCSI driver's table has a name and a type of its own here, as the program has two drivers. */
struct program_scsi_ops {
	bool (*start)(struct driver_disk *disk, char *problem, size_t size);
	bool (*submit)(struct driver_request *request);
	void (*poll)(void);
};
#define driver_ops program_scsi_ops
#include "vmm/driver/disk/virtio_scsi/scsi_start.c"
#undef driver_ops
#include "vmm/driver/disk/virtio_scsi/scsi_task.c"
#include "vmm/driver/net/virtio_net/net_frames.c"
#include "vmm/driver/net/virtio_net/net_start.c"
#include "vmm/driver/disk/virtio_blk/blk_start.c"
#include "vmm/driver/virtio/virtio_host.c"
#include "vmm/driver/virtio/virtio_ring.c"
#include "vmm/rt/format.c"

#define ROUNDS_MAX 300u
#define OWN_PAGES  64u
#define DATA_PAGES BLOCK_REQUEST_PAGES
#define ALL_PAGES  (OWN_PAGES + DATA_PAGES)
#define RAM_AT	   0x140000000ull

static _Alignas(PAGE_SIZE) u8 ram[ALL_PAGES * PAGE_SIZE];
static _Alignas(8) u8 notify[256], device_config[64], isr[1];
static u64 addresses[ALL_PAGES];
static u8 frame[NET_MTU_MAX + 18];
static struct driver_request request[DRIVER_DEPTH];
static struct fuzz input;
static struct vnet vnet;
static struct virtio_ring *rings[VNET_QUEUES];
static u64 now_tsc;
static u32 submitted, finished, received;
static u8 status;
static volatile u8 seen; /* written so that every received byte is read */
static enum { CARD, BLK, SCSI } device_kind;

u64 clock_tsc(void)
{
	return now_tsc += NS_PER_US;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

/* Takes a received frame, which has to lie in the slots for receiving. */
void card_receive(const u8 *data, u32 bytes, u8 flags)
{
	const u8 *first = ram + VNET_PAGE_PIECES * PAGE_SIZE;
	u64 slot_bytes = (u64)vnet.pieces * vnet.piece_bytes;

	CHECK_THAT(flags == 0 && data >= first && (u64)(data - first) % slot_bytes == 12);
	CHECK_THAT((u64)(data - first) / slot_bytes < vnet.slots[VNET_RX]);
	CHECK_THAT(bytes <= slot_bytes - VIO_NET_HEADER);
	for (u32 i = 0; i < bytes; i++)
		seen += data[i];
	received++;
}

void card_count_error(void)
{
}

void card_link(bool up, u32 megabits)
{
	CHECK_THAT((up || !up) && megabits == 0);
}

void request_finish(struct driver_request *done, enum block_status how)
{
	CHECK_THAT(done >= request && done < request + DRIVER_DEPTH && done->busy);
	CHECK_THAT(how < BLOCK_STATUS_COUNT);
	done->busy = false;
	finished++;
}

/* Reads a register of the device: more often than not, a value that may well be believed. */
u32 virtio_host_in(const struct virtio_host *host, enum vio_common at, u32 bytes)
{
	u8 what = fuzz_u8(&input);

	CHECK_THAT(at + bytes <= host->common_bytes);
	if (what >= 0xf8)
		return fuzz_u32(&input) >> (32 - 8 * bytes);
	switch ((u32)at) {
	case VIO_STATUS:
		return status;
	case VIO_DEVICE_FEATURE:
		return ~0u ^ (what < 0x40 ? fuzz_u32(&input) & ~1u : 0);
	case VIO_QUEUE_SIZE:
		return 1u << (what % 12);
	default:
		return what % 8;
	}
}

void virtio_host_out(const struct virtio_host *host, enum vio_common at, u32 bytes, u32 value)
{
	CHECK_THAT(at + bytes <= host->common_bytes);
	if (at == VIO_STATUS)
		status = (u8)value;
}

static bool is_own(u64 address, u32 bytes, u32 first, u32 count)
{
	if (bytes > PAGE_SIZE || address % PAGE_SIZE > PAGE_SIZE - bytes)
		return false;
	for (u32 i = first; i < first + count; i++) {
		if (addresses[i] == (address & ~PAGE_MASK))
			return true;
	}
	return false;
}

/* An answer that may well be believed, or a run of them. */
static void answer(u8 what)
{
	struct virtio_ring *ring = rings[what % VNET_QUEUES];
	struct vio_used *entries;
	u32 count = what % 16 == 15 ? fuzz_u8(&input) : 1;

	if (ring == NULL || ring->size == 0)
		return;
	entries = (struct vio_used *)(uintptr_t)(ring->used + 1);
	for (u32 i = 0; i < count; i++) {
		struct vio_used *entry = &entries[ring->used->index % ring->size];

		entry->id = (what & 64) != 0 ? fuzz_u32(&input) : fuzz_u8(&input);
		entry->bytes = (what & 32) != 0 ? fuzz_u32(&input) : fuzz_u16(&input);
		ring->used->index++;
	}
}

static u16 last_added(const struct virtio_ring *ring)
{
	return ((const u16 *)(uintptr_t)(ring->available + 1))[(u16)(ring->added - 1) % ring->size];
}

/* As a disk would answer the command that was sent last, more often than not. */
static void answer_scsi(u8 what)
{
	u8 *own = ram + VSCSI_PAGE_OWN * PAGE_SIZE;
	struct vscsi_slot *slot =
		(struct vscsi_slot *)(uintptr_t)(ram + VSCSI_PAGE_SLOTS * PAGE_SIZE);
	struct virtio_ring *ring = rings[0];
	struct vio_used *entries;
	u16 id;

	if (ring->size == 0 || ring->added == ring->taken)
		return;
	entries = (struct vio_used *)(uintptr_t)(ring->used + 1);
	id = last_added(ring);
	if (id >= ring->size) /* the device has written an id that does not exist */
		return;
	slot += vscsi.task_of[id];
	slot->response = (struct vio_scsi_response){.status = what >= 0xc0 ? what & 0xa : 0,
						    .sense_bytes = 18,
						    .sense = {0x70, 0, what % 8}};
	if (slot->request.cdb[0] == SCSI_INQUIRY)
		own[1] = slot->request.cdb[2];
	own[7] = 100;
	own[10] = 2; /* blocks of 512 bytes */
	entries[ring->used->index % ring->size] = (struct vio_used){.id = id, .bytes = 108};
	ring->used->index++;
}

static void device(void)
{
	u8 what = fuzz_u8(&input);

	switch (what & 7) {
	case 0:
		fuzz_take(&input, ram + fuzz_u32(&input) % (sizeof(ram) - 16), 16);
		break;
	case 1:
		fuzz_take(&input, device_config + what % 48, 16);
		break;
	case 2:
		answer(fuzz_u8(&input));
		break;
	default:
		if (device_kind == SCSI)
			answer_scsi(fuzz_u8(&input));
		else
			answer(fuzz_u8(&input));
	}
}

void process_pause(void)
{
	now_tsc += NS_PER_MS;
	device();
}

/* The parts of the request that was added last, in the driver's order: all are its to give. */
static void check_added(const struct virtio_ring *ring, u16 id, u32 data_pages)
{
	u16 at = id;

	for (u32 i = 0; i < ring->length[id]; i++) {
		const struct vio_descriptor *descriptor = &ring->descriptors[at];

		CHECK_THAT(at < ring->size);
		CHECK_THAT(is_own(descriptor->address, descriptor->bytes, 0, OWN_PAGES) ||
			   is_own(descriptor->address, descriptor->bytes, OWN_PAGES, data_pages));
		at = ring->next[at];
	}
}

/* Checks that each descriptor is in one request, or free. */
static void check_ring(const struct virtio_ring *ring)
{
	u32 used_ones = 0;

	for (u32 i = 0; i < ring->size; i++)
		used_ones += ring->length[i];
	CHECK_THAT(used_ones + ring->free_count == ring->size);
}

static void transmit(void)
{
	u32 bytes = 14 + fuzz_u16(&input) % (vnet.frame_max - 13);

	if (vnet_transmit(&vnet, frame, bytes))
		check_added(&vnet.ring[VNET_TX], last_added(&vnet.ring[VNET_TX]), 0);
	CHECK_THAT(vnet.free_count <= vnet.slots[VNET_TX]);
}

static void submit(void)
{
	u32 n = fuzz_u8(&input) % DRIVER_DEPTH;

	if (request[n].busy)
		return;
	request[n] = (struct driver_request){.operation = fuzz_u8(&input) % BLOCK_OPERATION_COUNT,
					     .unit = device_kind == SCSI ? n % 2 : 0,
					     .sector = fuzz_u16(&input) & ~7u,
					     .sectors = (fuzz_u8(&input) % 16 + 1) * 8u,
					     .busy = true,
					     .address = addresses + OWN_PAGES};
	if (!(device_kind == BLK ? vblk_submit(&vblk, &request[n])
				 : vscsi_submit(&vscsi, &request[n]))) {
		request[n].busy = false;
		return;
	}
	submitted++;
	if (request[n].busy)
		check_added(rings[0], last_added(rings[0]), DATA_PAGES);
}

static struct virtio_host make_host(void)
{
	/* the functions here do not look at the device */
	return (struct virtio_host){.common = device_config,
				    .common_bytes = VIO_COMMON_BYTES,
				    .notify = notify,
				    .notify_bytes = sizeof(notify),
				    .isr = isr,
				    .isr_bytes = 1,
				    .device = device_config,
				    .device_bytes = sizeof(device_config),
				    .multiplier = fuzz_u8(&input) % 8,
				    .interrupts = true,
				    .line = true,
				    .memory = {ram, addresses, OWN_PAGES}};
}

static bool start_card(char *problem, size_t size)
{
	struct card card = {.mtu = fuzz_u8(&input) % 2 == 0 ? 1500 : 9000};
	bool good = vnet_start(&vnet, &card, problem, size);

	if (good)
		CHECK_THAT((card.mac & 1) == 0 && card.mac != 0 && card.mac >> 48 == 0);
	return good;
}

static bool start_disk(u32 unit, char *problem, size_t size)
{
	struct driver_disk disk = {.block_bytes = 512, .unit = unit};
	bool good = device_kind == BLK ? vblk_start(&vblk, &disk, problem, size)
				       : vscsi_start_disk(&vscsi, &disk, problem, size);

	if (good)
		CHECK_THAT(disk.sectors != 0 && disk.depth != 0 &&
			   (disk.block_bytes == 512 || disk.block_bytes == 4096));
	return good;
}

/* Starts the SCSI driver, with both of its disks or not at all. */
static bool start_scsi(char *problem, size_t size)
{
	return vscsi_start(&vscsi, 0x80000001u, problem, size) && start_disk(0, problem, size) &&
	       start_disk(1, problem, size);
}

static bool start(void)
{
	char problem[128] = "";
	u8 what = fuzz_u8(&input);
	bool good;

	device_kind = what % 2 == 0 ? CARD : (what & 2) == 0 ? BLK : SCSI;
	memset(&vnet, 0, sizeof(vnet));
	memset(&vblk, 0, sizeof(vblk));
	memset(&vscsi, 0, sizeof(vscsi));
	vnet.host = vblk.host = vscsi.host = make_host();
	for (u32 i = 0; i < VNET_QUEUES; i++)
		rings[i] = device_kind == CARD	? &vnet.ring[i]
			   : device_kind == BLK ? &vblk.ring
						: &vscsi.ring;
	if (device_kind == CARD)
		good = start_card(problem, sizeof(problem));
	else if (device_kind == BLK)
		good = start_disk(0, problem, sizeof(problem));
	else
		good = start_scsi(problem, sizeof(problem));
	CHECK_THAT(good || problem[0] != '\0');
	return good;
}

static void turn_scsi(u8 what)
{
	u32 lost = 0; /* commands of the driver's own that have not ended in time */

	if (what % 2 == 0)
		submit();
	now_tsc += what * NS_PER_MS;
	vscsi_poll(&vscsi);
	(void)vscsi_failure(&vscsi);
	for (u32 i = 0; i < DRIVER_DEPTH; i++)
		lost += vscsi.task[i].state != VSCSI_FREE && vscsi.task[i].request == NULL;
	CHECK_THAT(submitted - finished + lost == vscsi.busy && vscsi.busy <= DRIVER_DEPTH);
}

static void turn(u8 what)
{
	u32 before = received;

	if (device_kind == CARD) {
		if (what % 4 == 0)
			transmit();
		if (what % 8 == 1)
			vnet_look(&vnet);
		vnet_receive(&vnet);
		CHECK_THAT(received - before <= vnet.slots[VNET_RX]);
		(void)virtio_ring_may_wait(&vnet.ring[VNET_RX]);
		(void)vnet_failure(&vnet);
	} else if (device_kind == SCSI) {
		turn_scsi(what);
	} else {
		if (what % 2 == 0)
			submit();
		vblk_poll(&vblk);
		(void)vblk_failure(&vblk);
		CHECK_THAT(submitted - finished == vblk.busy && vblk.busy <= DRIVER_DEPTH);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const u8 config[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 1, 0, 0x28, 0x23};

	u8 config_byte;

	input = (struct fuzz){bytes, size};
	memset(ram, 0, sizeof(ram));
	memset(request, 0, sizeof(request));
	memset(device_config, 0, sizeof(device_config));
	memcpy(device_config, config, sizeof(config));
	config_byte = fuzz_u8(&input);
	if (config_byte % 2 == 0) {
		memset(device_config, 0, sizeof(config));
		device_config[2] = device_config[9] = 0x10; /* the fields capacity and size_max */
		device_config[12] = 16;			    /* the field seg_max */
		device_config[21] = 2;			    /* blocks of 512 bytes */
	} else if (config_byte % 4 == 1) {
		device_config[4] = 126; /* a SCSI controller's seg_max, max_sectors, cmd_per_lun */
		device_config[9] = 0xff;
		device_config[12] = 64;
	}
	now_tsc = submitted = finished = received = 0;
	status = 0;
	for (u32 i = 0; i < ALL_PAGES; i++)
		addresses[i] = RAM_AT + (u64)(i * 29 % ALL_PAGES) * 3 * PAGE_SIZE;
	if (!start())
		return 0;
	for (u32 i = 0; i < ROUNDS_MAX && input.left > 0; i++) {
		device();
		turn(fuzz_u8(&input));
		for (u32 j = 0; j < VNET_QUEUES; j++)
			check_ring(rings[j]);
	}
	return 0;
}
