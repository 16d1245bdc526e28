/* SPDX-License-Identifier: MIT */
/* Split queues: what a driver puts in comes out, and what a hostile one puts in does no harm. */
#include "tests/unit/vmm/monitor/virtio/virtqueue_fixture.h"

static int setup(void **state)
{
	pci_setup(state);
	start(EVENTS | INDIRECTS);
	return 0;
}

static bool pop(void)
{
	return virtqueue_pop(rng, 0, &chain);
}

static void a_chain_comes_out(void **state)
{
	u8 bytes[64];

	(void)state;
	memcpy(ram + BUFFERS, "abcdef", 6);
	put_descriptor(0, 3, BUFFERS, 2, NEXT, 7);
	put_descriptor(0, 7, 0, 0, NEXT, 0); /* a segment without a length is left out */
	put_descriptor(0, 0, BUFFERS + 2, 4, NEXT, 1);
	put_descriptor(0, 1, BUFFERS + 0x100, 3, NEXT | WRITE, 2);
	put_descriptor(0, 2, BUFFERS + 0x200, 5, WRITE, 3);
	offer(0, SIZE, 3);
	assert_true(pop());
	assert_int_equal(chain.head, 3);
	assert_int_equal(chain.readable_count, 2);
	assert_int_equal(chain.count, 4);
	assert_int_equal(chain.readable_bytes, 6);
	assert_int_equal(chain.writable_bytes, 8);
	assert_int_equal(virtio_chain_read(rng->memory, &chain, 1, bytes, 64), 5);
	assert_memory_equal(bytes, "bcdef", 5);
	assert_int_equal(virtio_chain_read(rng->memory, &chain, 3, bytes, 2), 2);
	assert_memory_equal(bytes, "de", 2);
	assert_int_equal(virtio_chain_read(rng->memory, &chain, 6, bytes, 1), 0);
	assert_int_equal(virtio_chain_write(rng->memory, &chain, 2, "12345678", 8), 6);
	assert_memory_equal(ram + BUFFERS + 0x102, "1", 2);
	assert_memory_equal(ram + BUFFERS + 0x200, "23456", 6);
	assert_false(pop());
	assert_int_equal(status_of(RNG), STATUS_UP);
}

static void an_indirect_chain_comes_out(void **state)
{
	(void)state;
	put_descriptor_at(BUFFERS, 0x1000, 16, NEXT, 2);
	put_descriptor_at(BUFFERS + 32, 0x2000, 16, WRITE, 0);
	put_descriptor(0, 4, BUFFERS, 48, INDIRECT, 0);
	offer(0, SIZE, 4);
	assert_true(pop());
	assert_int_equal(chain.count, 2);
	assert_true(chain.segment[1].gpa.value == 0x2000);
	/* an indirect table after direct segments, as the last of the chain */
	put_descriptor(0, 1, 0x3000, 4, NEXT, 2);
	put_descriptor(0, 2, BUFFERS, 48, INDIRECT, 0);
	offer(0, SIZE, 1);
	assert_true(pop());
	assert_int_equal(chain.count, 3);
	assert_int_equal(chain.readable_count, 2);
}

/* Several in flight, given back in another order; an index that wraps. */
static void any_order(void **state)
{
	(void)state;
	for (u32 i = 0; i < SIZE; i++)
		put_descriptor(0, i, BUFFERS + 16 * i, 16, WRITE, 0);
	for (u32 round = 0; round < 0x10000 / SIZE + 2; round++) {
		for (u32 i = 0; i < SIZE; i++)
			offer(0, SIZE, i);
		for (u32 i = 0; i < SIZE; i++)
			assert_true(pop());
		assert_false(pop());
		for (u32 i = 0; i < SIZE; i++)
			virtqueue_push(rng, 0, (i * 3 + round) % SIZE, i);
		for (u32 i = 0; i < SIZE; i++) {
			assert_int_equal(used_head(0, i), (i * 3 + round) % SIZE);
			assert_int_equal(used_written(0, i), i);
		}
		assert_int_equal(used_index(0), (u16)(SIZE * (round + 1)));
	}
	assert_int_equal(status_of(RNG), STATUS_UP);
}

/* A chain that was not taken, or given back already, is not given back. */
static void once(void **state)
{
	(void)state;
	put_descriptor(0, 2, BUFFERS, 16, WRITE, 0);
	offer(0, SIZE, 2);
	virtqueue_push(rng, 0, 2, 0);
	assert_true(pop());
	virtqueue_push(rng, 0, 1, 0);
	virtqueue_push(rng, 0, VIRTQUEUE_SIZE_MAX, 0);
	virtqueue_push(rng, 0, ~0u, 0);
	assert_int_equal(used_index(0), 0);
	virtqueue_push(rng, 0, 2, 0);
	virtqueue_push(rng, 0, 2, 0);
	assert_int_equal(used_index(0), 1);
	/* a request of before a reset */
	offer(0, SIZE, 2);
	assert_true(pop());
	start(0);
	virtqueue_push(rng, 0, 2, 0);
	assert_int_equal(used_index(0), 0);
}

/* Sets the request after which the driver wants to be told. */
static void set_used_event(u16 event)
{
	ram_put(AVAILABLE + 4 + 2 * SIZE, 2, event);
}

static u32 told(u32 pushes)
{
	u32 before = message_count;

	for (u32 i = 0; i < pushes; i++) {
		put_descriptor(0, i, BUFFERS, 16, WRITE, 0);
		offer(0, SIZE, i);
		assert_true(pop());
		virtqueue_push(rng, 0, i, 0);
	}
	virtqueue_announce(rng, 0);
	return message_count - before;
}

static void announcements(void **state)
{
	(void)state;
	msix_entry(RNG, 1, 0xfee00000, 0x41, 0);
	msix_enable(RNG, 0);
	set_used_event(0);
	assert_int_equal(told(0), 0);
	assert_int_equal(told(1), 1); /* 0 passed */
	assert_int_equal(told(1), 0);
	set_used_event(4);
	assert_int_equal(told(2), 0);
	assert_int_equal(told(3), 1);
	assert_int_equal(told(3), 0);
	set_used_event(9);
	assert_int_equal(told(0), 0);
	start(0);
	assert_int_equal(told(1), 1);
	ram_put(AVAILABLE, 2, VIO_QUIET);
	assert_int_equal(told(3), 0);
}

/* An empty queue asks to be kicked for the next request, 2.7.10. */
static void wishes_for_kicks(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(told(1), 0);
		assert_false(pop());
		assert_int_equal(ram_get(USED_RING + 4 + 8 * SIZE, 2), i + 1);
	}
	start(0);
	assert_false(pop());
	assert_int_equal(ram_get(USED_RING + 4 + 8 * SIZE, 2), 0);
}

static void offer_bad(u64 address, u32 bytes, u32 flags, u32 next)
{
	put_descriptor(0, 0, address, bytes, flags, next);
	offer(0, SIZE, 0);
}

/* Refused, and nothing more is taken until the driver resets the device. */
static void assert_refused(void)
{
	assert_false(pop());
	assert_int_equal(status_of(RNG), STATUS_UP | VIRTIO_NEEDS_RESET);
	assert_false(pop());
	start(EVENTS | INDIRECTS);
}

static void bad_heads(void **state)
{
	(void)state;
	offer(0, SIZE, SIZE);
	assert_refused();
	offer(0, SIZE, 0xffff);
	assert_refused();
	ram_put(AVAILABLE + 2, 2, SIZE + 1); /* the index is too far ahead */
	assert_refused();
	ram_put(AVAILABLE + 2, 2, 0xffff); /* the index goes backwards */
	assert_refused();
	offer_bad(BUFFERS, 1, WRITE, 0); /* the head is in flight already */
	assert_true(pop());
	offer(0, SIZE, 0);
	assert_refused();
}

static void bad_chains(void **state)
{
	static const struct {
		u64 address;
		u32 bytes;
		u32 flags;
		u32 next;
	} bad[] = {
		{BUFFERS, 1, NEXT, 0},
		{BUFFERS, 1, NEXT, SIZE},
		{BUFFERS, 1, NEXT, 0xffff},
		{RAM_BYTES - 1, 2, 0, 0},
		{BUFFERS, 0xffffffff, WRITE, 0},
		{~0ull, 2, 0, 0},
		{0xfffffffffffff000, 0x2000, 0, 0},
		{0x9fff8, 16, 0, 0}, /* into the hole */
		{LAYOUT_ECAM, 4, WRITE, 0},
		{0xfee00000, 4, WRITE, 0},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		offer_bad(bad[i].address, bad[i].bytes, bad[i].flags, bad[i].next);
		assert_refused();
	}
	/* a loop of three; something to read after something to write */
	put_descriptor(0, 1, BUFFERS, 1, NEXT, 2);
	put_descriptor(0, 2, BUFFERS, 1, NEXT, 0);
	offer_bad(BUFFERS, 1, NEXT, 1);
	assert_refused();
	put_descriptor(0, 1, BUFFERS, 1, 0, 0);
	offer_bad(BUFFERS, 1, NEXT | WRITE, 1);
	assert_refused();
	/* the longest that there may be */
	for (u32 i = 0; i < SIZE; i++)
		put_descriptor(0, i, BUFFERS, 1, i < SIZE - 1 ? NEXT : 0, i + 1);
	offer(0, SIZE, 0);
	assert_true(pop());
	assert_int_equal(chain.count, SIZE);
}

static void bad_indirect_tables(void **state)
{
	static const struct {
		u64 address;
		u32 bytes;
		u32 flags;
	} bad[] = {
		{BUFFERS, 0, INDIRECT},
		{BUFFERS, 24, INDIRECT},
		{BUFFERS, 16 * (SIZE + 1), INDIRECT},
		{BUFFERS, 0xfffffff0, INDIRECT},
		{RAM_BYTES - 8, 16, INDIRECT},
		{~15ull, 32, INDIRECT},
		{BUFFERS, 16, INDIRECT | NEXT},
		{0xfee00000, 16, INDIRECT},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		put_descriptor_at(BUFFERS, 0x1000, 1, bad[i].address == ~15ull ? NEXT : 0, 1);
		offer_bad(bad[i].address, bad[i].bytes, bad[i].flags, 1);
		assert_refused();
	}
	put_descriptor_at(BUFFERS, BUFFERS, 16, INDIRECT, 0); /* a nested indirect table */
	offer_bad(BUFFERS, 16, INDIRECT, 0);
	assert_refused();
	put_descriptor_at(BUFFERS, 0x1000, 16, NEXT, 2); /* the chain goes past the table's end */
	offer_bad(BUFFERS, 32, INDIRECT, 0);
	assert_refused();
	put_descriptor_at(BUFFERS, 0x1000, 16, NEXT, 0); /* the chain is a loop */
	offer_bad(BUFFERS, 32, INDIRECT, 0);
	assert_refused();
	start(0); /* indirect tables were not negotiated */
	put_descriptor_at(BUFFERS, 0x1000, 16, 0, 0);
	offer_bad(BUFFERS, 16, INDIRECT, 0);
	assert_false(pop());
	assert_int_equal(status_of(RNG), STATUS_UP | VIRTIO_NEEDS_RESET);
}

/* A chain and its table together have no more descriptors than the queue. */
static void a_chain_of_both_kinds_is_bounded(void **state)
{
	(void)state;
	for (u32 i = 0; i < SIZE; i++)
		put_descriptor_at(BUFFERS + 16 * i, 0x1000, 1, i < SIZE - 1 ? NEXT : 0, i + 1);
	put_descriptor(0, 1, BUFFERS, 16 * SIZE, INDIRECT, 0);
	offer_bad(0x1000, 1, NEXT, 1);
	assert_refused();
}

/* Requests in flight are part of the state. */
static void states(void **state)
{
	struct device *device = &rng->function.device;

	(void)state;
	put_descriptor(0, 2, BUFFERS, 16, WRITE, 0);
	put_descriptor(0, 5, BUFFERS, 16, WRITE, 0);
	offer(0, SIZE, 5);
	offer(0, SIZE, 2);
	assert_true(pop());
	assert_true(pop());
	virtqueue_push(rng, 0, 2, 3);
	assert_round_trip(device);
	virtqueue_push(rng, 0, 2, 3);
	assert_int_equal(used_index(0), 1);
	virtqueue_push(rng, 0, 5, 4);
	assert_int_equal(used_index(0), 2);
	assert_int_equal(used_head(0, 1), 5);
}

#define ELSEWHERE 0x40000u

/* A request in rings there, which the queue does not have yet; in the old ones there is none. */
static void prepare_rings_elsewhere(void)
{
	put_descriptor_at(ELSEWHERE + TABLE + 16 * 5, BUFFERS + 0x300, 7, WRITE, 0);
	ram_put(ELSEWHERE + AVAILABLE + 2, 2, 1);
	ram_put(ELSEWHERE + AVAILABLE + 4, 2, 5);
	put_descriptor(0, 1, BUFFERS, 9, WRITE, 0);
	offer(0, SIZE, 1);
	assert_true(pop());
	virtqueue_push(rng, 0, 1, 0);
}

static void expect_rings_elsewhere(void)
{
	assert_true(pop());
	assert_int_equal(chain.head, 5);
	assert_int_equal(chain.writable_bytes, 7);
	virtqueue_push(rng, 0, 5, 3);
	assert_int_equal(ram_get(ELSEWHERE + USED_RING + 2, 2), 1);
	assert_int_equal(ram_get(ELSEWHERE + USED_RING + 4, 4), 5);
	assert_int_equal(used_index(0), 1);
}

static void rings_are_others_after_a_reset(void **state)
{
	(void)state;
	prepare_rings_elsewhere();
	negotiate(RNG, VERSION_1);
	setup_queue(RNG, 0, SIZE);
	set_address(RNG, COMMON_QUEUE_DESCRIPTORS, ELSEWHERE + TABLE);
	set_address(RNG, COMMON_QUEUE_AVAILABLE, ELSEWHERE + AVAILABLE);
	set_address(RNG, COMMON_QUEUE_USED, ELSEWHERE + USED_RING);
	enable_queue(RNG, 0);
	set_status(RNG, STATUS_UP);
	expect_rings_elsewhere();
}

/*
 * Rings can be elsewhere after a state was loaded; a place that is no RAM is seen when it is used.
 */
static void rings_are_others_after_loading(void **state)
{
	u64 saved[1024];
	struct device *device = &rng->function.device;
	struct virtio_state *other = (struct virtio_state *)(void *)saved;

	(void)state;
	start(0);
	prepare_rings_elsewhere();
	assert_int_equal(device_save(device, saved, device->state_bytes), STATUS_OK);
	other->queue[0].descriptors = ELSEWHERE + TABLE;
	other->queue[0].available = ELSEWHERE + AVAILABLE;
	other->queue[0].used = ELSEWHERE + USED_RING;
	other->queue[0].available_next = 0;
	other->queue[0].used_next = 0;
	assert_int_equal(device_load(device, saved, device->state_bytes), STATUS_OK);
	expect_rings_elsewhere();
	other->queue[0].used = RAM_BYTES - 4;
	assert_int_equal(device_load(device, saved, device->state_bytes), STATUS_OK);
	assert_false(pop());
	assert_int_equal(status_of(RNG), STATUS_UP | VIRTIO_NEEDS_RESET);
}

/* Taken, put back, and taken again; several are shown at once. */
static void put_back_and_shown(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++) {
		put_descriptor(0, i, BUFFERS + i, 9, WRITE, 0);
		offer(0, SIZE, i);
	}
	assert_true(pop() && pop());
	virtqueue_unpop(rng, 0, 1);
	virtqueue_unpop(rng, 0, 0);
	for (u32 i = 0; i < 3; i++) {
		assert_true(pop());
		assert_int_equal(chain.head, i);
		virtqueue_put(rng, 0, i, i);
	}
	assert_int_equal(used_index(0), 0);
	virtqueue_show(rng, 0);
	assert_int_equal(used_index(0), 3);
	assert_int_equal(used_written(0, 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_chain_comes_out, setup),
		cmocka_unit_test_setup(an_indirect_chain_comes_out, setup),
		cmocka_unit_test_setup(any_order, setup),
		cmocka_unit_test_setup(once, setup),
		cmocka_unit_test_setup(announcements, setup),
		cmocka_unit_test_setup(wishes_for_kicks, setup),
		cmocka_unit_test_setup(bad_heads, setup),
		cmocka_unit_test_setup(bad_chains, setup),
		cmocka_unit_test_setup(bad_indirect_tables, setup),
		cmocka_unit_test_setup(a_chain_of_both_kinds_is_bounded, setup),
		cmocka_unit_test_setup(states, setup),
		cmocka_unit_test_setup(rings_are_others_after_a_reset, setup),
		cmocka_unit_test_setup(rings_are_others_after_loading, setup),
		cmocka_unit_test_setup(put_back_and_shown, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
