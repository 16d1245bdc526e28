/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue over memory that changes between any two reads. What comes out is what was
 * read, once; the work is bounded; each head that is taken is given back once.
 */
/*
 * Counted elsewhere: vmm/monitor/virtio/virtio_ vmm/monitor/pci/ vmm/monitor/dev/ vmm/monitor/bus
 * vmm/monitor/guest_memory
 */
#define WATCHED_READS
#include "tests/fuzz/fuzz.h"

#include "tests/unit/virtio_fixture.h"

#define DESCRIPTOR_BYTES 16u

static struct fuzz *input;
static struct virtio_device *device;
static struct vio_descriptor seen[2 * VIRTQUEUE_SIZE_MAX];
static u32 seen_count;
static u32 read_count;
static bool disturb;
static u32 taken_count[VIRTQUEUE_SIZE_MAX];

static void take_nothing(struct virtio_device *unused, u32 queue)
{
	(void)unused, (void)queue;
}

static const struct virtio_ops test_ops = {.notify = take_nothing};

/* Somewhere in the rings, or where indirect tables are. */
static void change_memory(void)
{
	u32 at = fuzz_u16(input);

	ram[(at & 0xc000) | at % 0x200] = fuzz_u8(input);
}

static bool watched_read(const struct guest_memory *memory, gpa_t gpa, void *buffer, u64 length)
{
	bool done = guest_memory_read(memory, gpa, buffer, length);

	read_count++;
	if (done && length == DESCRIPTOR_BYTES && seen_count < ARRAY_COUNT(seen))
		memcpy(&seen[seen_count++], buffer, length);
	if (disturb && fuzz_u8(input) < 64)
		change_memory();
	return done;
}

static void watched_words_read(const u8 *guest, void *buffer, u64 length)
{
	CHECK_THAT(watched_read(&ram_map, GPA((u64)(guest - ram)), buffer, length));
}

static u32 small_or_any(u32 limit)
{
	u8 shape = fuzz_u8(input);

	return shape < 240 ? shape % limit : (u32)fuzz_number(input);
}

static void start(void)
{
	u64 features = fuzz_u8(input) % 4 * BIT(VIRTIO_F_INDIRECT_DESC) | VERSION_1;
	u32 size = 1u << fuzz_u8(input) % 4;

	negotiate(RNG, features);
	setup_queue(RNG, 0, size);
	if (fuzz_u8(input) % 4 == 0) { /* rings anywhere, over each other too */
		set_address(RNG, COMMON_QUEUE_DESCRIPTORS, fuzz_number(input) & ~15ull);
		set_address(RNG, COMMON_QUEUE_AVAILABLE, fuzz_number(input) & ~1ull);
		set_address(RNG, COMMON_QUEUE_USED, fuzz_number(input) & ~3ull);
	}
	enable_queue(RNG, 0);
	set_status(RNG, STATUS_UP);
	memset(taken_count, 0, sizeof(taken_count));
}

/*
 * Checks that the segments are those of the descriptors that were read, in order, and nothing else.
 */
static void check_chain(const struct virtio_chain *chain)
{
	u32 size = device->state->queue[0].size;
	u32 at = 0;
	u64 readable = 0;
	u64 writable = 0;

	CHECK_THAT(chain->head < size && chain->count <= size && seen_count <= size + 1);
	CHECK_THAT(chain->readable_count <= chain->count);
	for (u32 i = 0; i < seen_count; i++) {
		const struct virtio_segment *segment = &chain->segment[at];

		if ((seen[i].flags & INDIRECT) != 0 || seen[i].bytes == 0)
			continue;
		CHECK_THAT(at < chain->count && segment->gpa.value == seen[i].address &&
			   segment->bytes == seen[i].bytes);
		CHECK_THAT(((seen[i].flags & WRITE) != 0) == (at >= chain->readable_count));
		CHECK_THAT(guest_memory_pointer(&ram_map, segment->gpa, segment->bytes) != NULL);
		*((seen[i].flags & WRITE) != 0 ? &writable : &readable) += segment->bytes;
		at++;
	}
	CHECK_THAT(at == chain->count && readable == chain->readable_bytes &&
		   writable == chain->writable_bytes);
}

static void take(u8 what)
{
	static struct virtio_chain chain;
	u32 size = device->state->queue[0].size;
	bool taken;

	seen_count = 0;
	read_count = 0;
	disturb = (what & 0x10) != 0;
	taken = virtqueue_pop(device, 0, &chain);
	disturb = false;
	CHECK_THAT(read_count <= size + 4);
	if (!taken)
		return;
	check_chain(&chain);
	CHECK_THAT(taken_count[chain.head] == 0);
	taken_count[chain.head]++;
}

static void give_back(u8 what)
{
	u32 head = (what & 0x10) != 0 ? (u32)fuzz_number(input) : (what >> 5) % 8u;
	u16 before = device->state->queue[0].used_next;
	bool live = virtio_queue_is_live(device, 0);
	bool expected = live && head < VIRTQUEUE_SIZE_MAX && taken_count[head] != 0;

	virtqueue_push(device, 0, head, fuzz_u8(input));
	CHECK_THAT(device->state->queue[0].used_next == (u16)(before + expected));
	if (expected)
		taken_count[head] = 0;
}

static void save_and_load(void)
{
	u64 state[1024];
	size_t size = device->function.device.state_bytes;

	CHECK_THAT(device_save(&device->function.device, state, size) == STATUS_OK);
	device_reset(&device->function.device);
	CHECK_THAT(device_load(&device->function.device, state, size) == STATUS_OK);
	CHECK_THAT(memcmp(state, device->state, size) == 0);
}

static void put_any_descriptor(void)
{
	u32 flags = fuzz_u8(input) & 7;
	u64 address =
		fuzz_u8(input) % 8 != 0 ? 0xc000ull + 16 * fuzz_u8(input) : fuzz_number(input);
	u32 bytes = (flags & INDIRECT) != 0 ? 16 * small_or_any(9) : small_or_any(64);
	u32 at = (fuzz_u8(input) & 1) != 0 ? 0xc000 : 0;

	put_descriptor_at(at + 16 * (fuzz_u8(input) % 16), address, bytes, flags, small_or_any(9));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	input = &fuzz;
	pci_setup(NULL);
	device = virtio_of(&function_at(RNG)->device);
	device->ops = &test_ops;
	start();
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);

		switch (what & 0xf) {
		case 0:
			start();
			break;
		case 1:
			change_memory();
			break;
		case 2:
			save_and_load();
			break;
		case 3:
			virtqueue_announce(device, 0);
			break;
		case 4:
		case 5:
			give_back(what);
			break;
		case 6:
		case 7:
		case 8:
		case 9:
			put_any_descriptor();
			break;
		case 10:
		case 11:
			offer(0, device->state->queue[0].size, small_or_any(8));
			break;
		default:
			take(what);
		}
	}
	return 0;
}
