/* SPDX-License-Identifier: MIT */
/* A queue whose machine is saved and loaded while driver and device talk. */
#include "tests/unit/vmm/monitor/virtio/virtqueue_fixture.h"

static void save_and_load(void)
{
	u64 saved[1024];
	struct device *device = &rng->function.device;

	assert_int_equal(device_save(device, saved, device->state_bytes), STATUS_OK);
	memset(rng->state->queue, 0xee, sizeof(rng->state->queue));
	assert_int_equal(device_load(device, saved, device->state_bytes), STATUS_OK);
}

#define ROUNDS 3u
#define STEPS  (5u * ROUNDS)

/*
 * Returns what the driver hears, a bit for each step, when the machine becomes another one before
 * step `cut`.
 */
static u32 heard(u64 features, u16 first, u16 wish, u32 cut)
{
	struct virtqueue_state *queue;
	u32 all = 0;

	start(features);
	msix_entry(RNG, 1, 0xfee00000, 0x41, 0);
	msix_enable(RNG, 0);
	queue = &rng->state->queue[0];
	queue->available_next = queue->used_next = queue->used_announced = first;
	ram_put(AVAILABLE + 2, 2, first);
	ram_put(USED_RING + 2, 2, first);
	ram_put(AVAILABLE + 4 + 2 * SIZE, 2, wish);
	for (u32 step = 0; step < STEPS; step++) {
		u32 before = message_count;
		u32 head = step / 5;

		if (step == cut)
			save_and_load();
		if (step % 5 == 0) {
			put_descriptor(0, head, BUFFERS, 16, WRITE, 0);
			offer(0, SIZE, head);
		} else if (step % 5 == 1) {
			assert_true(virtqueue_pop(rng, 0, &chain));
			assert_int_equal(chain.head, head);
		} else if (step % 5 == 2) {
			virtqueue_push(rng, 0, head, 0);
		} else if (step % 5 == 3) {
			virtqueue_announce(rng, 0);
		} else {
			assert_false(virtqueue_pop(rng, 0, &chain));
			assert_int_equal((u16)ram_get(USED_RING + 4 + 8 * SIZE, 2),
					 features != 0 ? (u16)(first + head + 1) : 0);
		}
		all |= (message_count - before) << step;
	}
	assert_int_equal((u16)ram_get(USED_RING + 2, 2), (u16)(first + ROUNDS));
	return all;
}

/* Wherever the machine becomes another one, nobody misses a notification or has one too many. */
static void nobody_waits_after_loading(void **state)
{
	static const u64 features[] = {0, EVENTS};
	static const u16 firsts[] = {0, 7, 0x7ffe, 0xfffd, 0xfffe, 0xffff};

	(void)state;
	for (u32 f = 0; f < 2 * ARRAY_COUNT(firsts); f++) {
		u64 offered = features[f % 2];
		u16 first = firsts[f / 2];

		for (u32 wish = 0; wish < ROUNDS + 2; wish++) {
			u16 event = (u16)(first + wish - 1);
			u32 whole = heard(offered, first, event, STEPS);

			assert_int_equal(whole != 0, offered == 0 || (wish > 0 && wish <= ROUNDS));
			for (u32 cut = 0; cut < STEPS; cut++)
				assert_int_equal(heard(offered, first, event, cut), whole);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_waits_after_loading, pci_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
