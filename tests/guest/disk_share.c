/* SPDX-License-Identifier: MIT */
/*
 * Guests that measure how a disk is shared: `load` has depth= requests with its disk at all times
 * and says at what rate they end, `ping` when asked how long single ones take. Requests have
 * bytes=, at places all over the disk, and read. Each halts while it waits.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"
#include "tests/random.h"

#define SIZE	128u /* requests at once */
#define DATA	65536u
#define SAMPLES 400u
#define GAP_MS	1u
#define PART	3u /* descriptors of a request */

static struct virtio disk;
static struct {
	struct virtq_descriptor table[SIZE];
	struct {
		u16 flags;
		volatile u16 index;
		u16 head[SIZE];
		u16 used_event;
	} available;
	struct {
		u16 flags;
		volatile u16 index;
		struct {
			u32 head;
			u32 written;
		} entry[SIZE];
		u16 available_event;
	} used ALIGNED(4);
} ring ALIGNED(16);
static struct {
	struct virtq_descriptor table[PART];
	struct {
		u32 type;
		u32 reserved;
		u64 sector;
	} header;
	volatile u8 status;
} request[SIZE] ALIGNED(16);
static u8 data[DATA] ALIGNED(4096); /* the data of all requests, at which nobody looks */
static u16 seen;
static u64 sample[SAMPLES];
static u32 bytes;
static u64 places; /* the number of pieces of this size on the disk */
static u64 random_state = RANDOM_SEED;

static bool has_ended(void)
{
	return ring.used.index != seen;
}

static void prepare(u32 number)
{
	struct virtq_descriptor *part = request[number].table;

	request[number].header.type = BLK_IN;
	part[0] =
		(struct virtq_descriptor){(word)&request[number].header, BLK_HEADER, VIRTQ_NEXT, 1};
	part[1] = (struct virtq_descriptor){(word)data, bytes, VIRTQ_NEXT | VIRTQ_WRITE, 2};
	part[2] = (struct virtq_descriptor){(word)&request[number].status, 1, VIRTQ_WRITE, 0};
	ring.table[number] = (struct virtq_descriptor){(word)part, sizeof(request[number].table),
						       VIRTQ_INDIRECT, 0};
}

/* A kick has to follow. */
static void post(u32 number)
{
	request[number].header.sector = random_step(&random_state) % places * (bytes / BLK_SECTOR);
	request[number].status = BLK_NO_ANSWER;
	ring.available.head[ring.available.index % SIZE] = (u16)number;
	asm volatile("" ::: "memory");
	ring.available.index++;
}

static void kick(void)
{
	asm volatile("" ::: "memory");
	virtio_put(&disk.doorbell, 0, 2, 0);
}

static u32 take(void)
{
	u32 number = ring.used.entry[seen % SIZE].head % SIZE;

	seen++;
	if (request[number].status != BLK_OK)
		fail("request", "the disk does not do it");
	return number;
}

/* Requests in a thousand seconds, each time that so many have ended. */
NORETURN static void load(void)
{
	u32 depth = (u32)option_number("depth", 1);
	u64 window = option_number("window", 100);
	u32 start = clock_ticks();
	u64 ended = 0;

	for (u32 i = 0; i < depth; i++)
		post(i);
	kick();
	for (;;) {
		wait_for(has_ended);
		while (has_ended()) {
			post(take());
			ended++;
		}
		kick();
		if (ended < window)
			continue;
		say("RATE ", ended * 1000 * US_PER_S / clock_us_since(start));
		start = clock_ticks();
		ended = 0;
	}
}

static u64 answer_ticks(void)
{
	u64 start = read_tsc();

	post(0);
	kick();
	wait_for(has_ended);
	take();
	return read_tsc() - start;
}

NORETURN static void ping(void)
{
	for (;;) {
		char key = typed();

		if (key == 0) {
			wait_gap_ms(GAP_MS);
			continue;
		}
		for (u32 i = 0; i < SAMPLES; i++) {
			wait_gap_ms(GAP_MS);
			sample[i] = answer_ticks();
		}
		say_samples(key, sample, SAMPLES);
	}
}

static void put_address(u32 at, const void *address)
{
	virtio_put(&disk.common, at, 4, (u32)(word)address);
	virtio_put(&disk.common, at + 4, 4, 0);
}

static bool begin(void)
{
	const u64 wanted = VIRTIO_VERSION_1 | VIRTIO_RING_INDIRECT;

	if (virtio_begin(&disk, wanted) != wanted)
		return false;
	virtio_put(&disk.common, VIRTIO_QUEUE_SELECT, 2, 0);
	virtio_put(&disk.common, VIRTIO_QUEUE_SIZE, 2, SIZE);
	virtio_put(&disk.common, VIRTIO_QUEUE_VECTOR, 2, 1);
	put_address(VIRTIO_QUEUE_TABLE, ring.table);
	put_address(VIRTIO_QUEUE_AVAILABLE, &ring.available);
	put_address(VIRTIO_QUEUE_USED, &ring.used);
	virtio_put(&disk.common, VIRTIO_QUEUE_ENABLE, 2, 1);
	places = (u64)virtio_get(&disk.device, BLK_CAPACITY, 4) * BLK_SECTOR / bytes;
	return virtio_start(&disk) && places != 0;
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("disk", virtio_find(&disk, BLK_TYPE), "there is none");
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	virtio_msix(&disk, 1, VECTOR_IOAPIC);
	bytes = (u32)option_number("bytes", 4096);
	check("up", begin(), "it does not start");
	for (u32 i = 0; i < SIZE; i++)
		prepare(i);
	if (option("ping"))
		ping();
	load();
}
