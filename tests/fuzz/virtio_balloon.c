/* SPDX-License-Identifier: MIT */
/*
 * A balloon by its registers and rings: page numbers, reports and statistics of any shape. Only
 * pages of the RAM are given back, no more than were named, and the work is bounded.
 */
/*
 * Counted elsewhere: vmm/monitor/virtio/virtq vmm/monitor/virtio/virtio_transport
 * vmm/monitor/virtio/virtio_add vmm/monitor/virtio/virtio_rng vmm/monitor/virtio/virtio_console
 * vmm/monitor/virtio/virtio_blk vmm/monitor/virtio/virtio_net vmm/monitor/pci/ vmm/monitor/dev/
 * vmm/monitor/bus vmm/monitor/guest_memory
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/virtio_balloon_fixture.h"

#define SIZE 8u

static struct fuzz *input;

static void start(u8 what)
{
	u64 features = VERSION_1 | (what & 0x10 ? STATS : 0) | (what & 0x20 ? REPORTS : 0) |
		       (what & 0x40 ? EVENTS | INDIRECTS : 0);

	negotiate(BALLOON, features);
	for (u32 i = 0; i < QUEUES; i++) {
		setup_queue(BALLOON, i, SIZE);
		enable_queue(BALLOON, i);
	}
	set_status(BALLOON, STATUS_UP);
}

/* Numbers near each other, or any. */
static void fill(void)
{
	u32 at = BUFFERS + fuzz_u8(input) * 16u;
	u32 number = fuzz_u16(input);

	for (u32 i = 0; i < 8; i++, at += 4) {
		u8 step = fuzz_u8(input);

		number = step < 250 ? number + step % 5 - 2 : (u32)fuzz_number(input);
		ram_put(at, 4, number);
	}
}

static void put(u8 what)
{
	u32 queue = (what >> 4) % QUEUES;
	u32 number = fuzz_u8(input) % SIZE;
	u8 shape = fuzz_u8(input);
	u64 address = shape & 1 ? BUFFERS + 16u * fuzz_u8(input) : fuzz_number(input);
	u32 bytes = shape & 2 ? fuzz_u16(input) : (u32)fuzz_number(input);

	put_descriptor(queue, number, address, bytes, shape >> 5, fuzz_u8(input) % SIZE);
	offer(queue, SIZE, number);
}

static void go(u8 what)
{
	const struct virtio_balloon_state *state = &the_balloon()->state;
	u64 before = state->inflated + state->reported;
	u64 most = VIRTIO_BALLOON_REQUESTS_MAX *
		   (u64)MAX(VIRTIO_BALLOON_REPORT_MAX, VIRTIO_BALLOON_PAGES_MAX);

	discard_answer = (what & 0x80) != 0 ? STATUS_BAD_STATE : STATUS_OK;
	kick(BALLOON, (what >> 4) % QUEUES);
	CHECK_THAT(state->inflated + state->reported - before <= most);
	CHECK_THAT(discard_answer == STATUS_OK || state->inflated + state->reported == before);
	device_tick(&function_at(BALLOON)->device);
}

static void look(u8 what)
{
	struct query_balloon answer;

	fixture_platform.clock.now_ns += fuzz_u8(input) * NS_PER_S;
	if ((what & 0x10) != 0)
		(void)!virtio_balloon_aim(the_balloon(), fuzz_number(input));
	virtio_balloon_look(the_balloon(), &answer);
	CHECK_THAT(answer.target <= answer.ram && answer.ram == RAM_PAGES);
	CHECK_THAT(the_balloon()->state.stats_head < VIRTQUEUE_SIZE_MAX);
}

static void save_and_load(void)
{
	static u64 saved[sizeof(struct virtio_balloon_state) / sizeof(u64)];
	struct device *device = &function_at(BALLOON)->device;

	CHECK_THAT(device_save(device, saved, sizeof(saved)) == STATUS_OK);
	for (u32 i = fuzz_u8(input) % 4; i > 0; i--)
		((u8 *)saved)[fuzz_u16(input) % sizeof(saved)] = fuzz_u8(input);
	saved[offsetof(struct virtio_balloon_state, target) / sizeof(u64)] &= 0xff;
	(void)!device_load(device, saved, sizeof(saved));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	input = &fuzz;
	balloon_setup(NULL);
	start(fuzz_u8(&fuzz));
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);

		switch (what & 0xf) {
		case 0:
			start(what);
			break;
		case 1:
			look(what);
			break;
		case 2:
			save_and_load();
			break;
		case 3:
			store(memory_of(BALLOON) + AT_DEVICE + fuzz_u8(&fuzz) % 9,
			      1u << fuzz_u8(&fuzz) % 3, fuzz_u8(&fuzz));
			break;
		case 4:
		case 5:
		case 6:
			fill();
			break;
		case 7:
		case 8:
		case 9:
			put(what);
			break;
		default:
			go(what);
			break;
		}
	}
	return 0;
}
