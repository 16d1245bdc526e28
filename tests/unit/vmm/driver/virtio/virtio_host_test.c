/* SPDX-License-Identifier: MIT */
/* The transport and its queues against a device that works, and against those that do not. */
#include "tests/unit/virtio_host_fake.h"

#define DATA_PAGE 10u

static struct virtio_host host;
static struct virtio_ring ring;
static char problem[128];
static u32 done_count;

static u32 fake_do(u32 queue, struct fake_request *request)
{
	u32 bytes = 0;

	assert_int_equal(queue, 1);
	for (u32 i = 0; i < request->count; i++)
		bytes += request->part[i].write ? request->part[i].bytes : 0;
	done_count++;
	return bytes;
}

static bool begin(void)
{
	return virtio_host_begin(&host, BIT(5), problem, sizeof(problem)) &&
	       virtio_host_open(&host, &ring, 1, 0, problem, sizeof(problem));
}

static int set_up(void **state)
{
	(void)state;
	fake_init(&host, BIT(3) | BIT(5) | VIO_F_EVENT_IDX | VIO_F_ACCESS_PLATFORM);
	done_count = 0;
	return 0;
}

static bool add(u32 parts, u16 *id)
{
	struct virtio_part part[FAKE_PARTS];

	for (u32 i = 0; i < parts; i++)
		part[i] = (struct virtio_part){addresses[DATA_PAGE + i], 100, i + 1 == parts};
	return virtio_ring_add(&ring, part, parts, id);
}

static void test_begin(void **state)
{
	(void)state;
	assert_true(begin());
	assert_int_equal(fake.resets, 1);
	assert_true(fake.taken_features ==
		    (BIT(5) | VIO_F_EVENT_IDX | VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM));
	assert_true(host.features == fake.taken_features);
	assert_int_equal(fake.config_vector, 0);
	assert_int_equal(fake.queue[1].vector, 0);
	assert_int_equal(fake.queue[1].enabled, 1);
	assert_true(fake.queue[1].descriptors == addresses[0]);
	assert_int_equal(fake.status & VIO_DRIVER_OK, 0);
	virtio_host_go(&host);
	assert_int_equal(fake.status, 0xf);
	assert_null(virtio_host_failure(&host));
	fake.status |= VIO_NEEDS_RESET;
	assert_non_null(virtio_host_failure(&host));
	fake.status = 0;
	assert_string_equal(virtio_host_failure(&host), "the device has stopped");
	fake.status = 0xff;
	assert_string_equal(virtio_host_failure(&host), "the device does not answer any more");
}

static void expect_problem(const char *text)
{
	assert_false(begin());
	assert_string_equal(problem, text);
	(void)set_up(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	fake.never_reset = true;
	expect_problem("the device does not end its reset");
	fake.features &= ~VIO_F_VERSION_1;
	expect_problem("the device is older than virtio 1.0");
	fake.refuses = true;
	expect_problem("the device takes none of its own features");
	for (u32 size = 0; size < 4; size++) {
		fake.queue[1].size = (u16[]){0, 2, 3, 100}[size];
		expect_problem("the device has no queue of a size that works");
	}
	/* the doorbell of queue 1 is just behind the end */
	fake.notify_offset = sizeof(fake.notify) / MULTIPLIER - 1;
	expect_problem("the device's doorbells are out of reach");
	host.multiplier = 1;
	expect_problem("the device's doorbells are out of reach");
	host.multiplier = 0xffffffff;
	fake.notify_offset = 0xfffe;
	expect_problem("the device's doorbells are out of reach");
	host.common_bytes--;
	expect_problem("the device's registers are missing");
	host.memory.pages = 1;
	expect_problem("no memory that the device could use");
}

static void test_config(void **state)
{
	u64 value = 0;

	(void)state;
	for (u32 i = 0; i < sizeof(fake.device); i++)
		fake.device[i] = (u8)i;
	assert_true(virtio_host_config(&host, 8, &value, 4));
	assert_true(value == 0x0b0a0908);
	assert_true(virtio_host_config(&host, 56, &value, 8));
	assert_false(virtio_host_config(&host, 57, &value, 8));
	assert_false(virtio_host_config(&host, ~0u, &value, 8));
	host.device_bytes = 4;
	assert_false(virtio_host_config(&host, 0, &value, 8));
	host.device_bytes = sizeof(fake.device);
	fake.restless = true;
	fake.reads = 0;
	assert_false(virtio_host_config(&host, 0, &value, 8));
	assert_in_range(fake.reads, 2, 100);
}

/* Many times round, with chains of all lengths: each comes back as what it was. */
static void test_requests(void **state)
{
	u16 id, back;
	u32 bytes;

	(void)state;
	assert_true(begin());
	virtio_host_go(&host);
	for (u32 i = 0; i < 70000; i++) {
		assert_true(add(1 + i % 17, &id));
		virtio_ring_tell(&ring);
		fake_step();
		assert_true(virtio_ring_take(&ring, &back, &bytes));
		assert_int_equal(back, id);
		assert_int_equal(bytes, 100);
		assert_false(virtio_ring_take(&ring, &back, &bytes));
		assert_int_equal(ring.free_count, 256);
	}
	assert_int_equal(done_count, 70000);
	assert_int_equal(ring.bad, 0);
}

static void test_full(void **state)
{
	u32 bytes;
	u16 id;

	(void)state;
	fake.queue[1].size = 16;
	assert_true(begin());
	virtio_host_go(&host);
	assert_false(add(17, &id));
	for (u32 round = 0; round < 5; round++) {
		for (u32 i = 0; i < 5; i++)
			assert_true(add(3, &id));
		assert_false(add(3, &id));
		assert_true(add(1, &id));
		assert_false(add(1, &id));
		virtio_ring_tell(&ring);
		fake_step();
		for (u32 i = 0; i < 6; i++)
			assert_true(virtio_ring_take(&ring, &id, &bytes));
		assert_int_equal(ring.free_count, 16);
	}
}

/* A doorbell only where the device asks for it, and never a lost one. */
static void test_doorbell(void **state)
{
	volatile u16 *doorbell = (volatile u16 *)(uintptr_t)(fake.notify + MULTIPLIER);
	u16 id;

	(void)state;
	assert_true(begin());
	virtio_host_go(&host);
	*doorbell = 0xffff;
	assert_true(add(1, &id));
	virtio_ring_tell(&ring);
	assert_int_equal(*doorbell, 1);
	*doorbell = 0xffff;
	assert_true(add(1, &id));
	virtio_ring_tell(&ring); /* the device has not looked since */
	assert_int_equal(*doorbell, 0xffff);
	fake_step();
	virtio_ring_tell(&ring); /* there is nothing new */
	assert_int_equal(*doorbell, 0xffff);
	assert_true(add(1, &id));
	virtio_ring_tell(&ring);
	assert_int_equal(*doorbell, 1);
	/* without that feature, by a flag */
	host.features = ring.event_idx = 0;
	used(1)[0] = VIO_QUIET;
	*doorbell = 0xffff;
	assert_true(add(1, &id));
	virtio_ring_tell(&ring);
	assert_int_equal(*doorbell, 0xffff);
	used(1)[0] = 0;
	assert_true(add(1, &id));
	virtio_ring_tell(&ring);
	assert_int_equal(*doorbell, 1);
}

static void test_interrupts(void **state)
{
	u32 bytes;
	u16 id;

	(void)state;
	assert_true(begin());
	virtio_host_go(&host);
	assert_true(virtio_ring_may_wait(&ring));
	assert_int_equal(available(1)[2 + 256], 0);
	assert_true(add(1, &id));
	virtio_ring_tell(&ring);
	fake_step();
	assert_false(virtio_ring_may_wait(&ring));
	assert_true(virtio_ring_take(&ring, &id, &bytes));
	assert_true(virtio_ring_may_wait(&ring));
	assert_int_equal(available(1)[2 + 256], 1);
	assert_int_equal(available(1)[0], 0);
	virtio_ring_hush(&ring);
	assert_int_equal(available(1)[0], VIO_QUIET);
	assert_int_equal(available(1)[2 + 256], 0);
}

/* A completion of no request ends nothing, and is counted; the true answers beside it count. */
static void test_impossible(void **state)
{
	static const u32 wrong[] = {1, 255, 256, 0xffff, 0x10000, 0xffffffff};
	u32 bytes;
	u16 id, back;

	(void)state;
	assert_true(begin());
	virtio_host_go(&host);
	assert_true(add(3, &id)); /* 0, 1 and 2 */
	virtio_ring_tell(&ring);
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++)
		put_used(1, wrong[i], 0);
	put_used(1, id, 0xffffffff);
	put_used(1, id, 0);
	assert_true(virtio_ring_take(&ring, &back, &bytes));
	assert_int_equal(back, id);
	assert_int_equal(bytes, 100); /* not more than there was room for */
	assert_false(virtio_ring_take(&ring, &back, &bytes));
	assert_int_equal(ring.bad, ARRAY_COUNT(wrong) + 1);
	assert_int_equal(ring.free_count, 256);
}

/* An index that runs away closes the queue; so do too many wrong answers. */
static void test_runaway(void **state)
{
	u32 bytes;
	u16 id;

	(void)state;
	assert_true(begin());
	virtio_host_go(&host);
	assert_true(add(1, &id));
	virtio_ring_tell(&ring);
	used(1)[1] = 257;
	assert_false(virtio_ring_take(&ring, &id, &bytes));
	assert_int_equal(ring.bad, VIRTIO_HOST_BAD_MAX);
	assert_true(virtio_ring_may_wait(&ring));
	(void)set_up(NULL);
	assert_true(begin());
	virtio_host_go(&host);
	for (u32 i = 0; i < 100; i++)
		put_used(1, i, 0);
	assert_false(virtio_ring_take(&ring, &id, &bytes));
	assert_int_equal(ring.bad, VIRTIO_HOST_BAD_MAX);
}

/* What the device writes over the descriptors changes nothing of what the driver knows. */
static void test_overwritten(void **state)
{
	u32 bytes;
	u16 id;

	(void)state;
	assert_true(begin());
	virtio_host_go(&host);
	for (u32 i = 0; i < 1000; i++) {
		assert_true(add(5, &id));
		virtio_ring_tell(&ring);
		put_used(1, id, 3);
		memset(at(fake.queue[1].descriptors, PAGE_SIZE), (int)i, PAGE_SIZE);
		assert_true(virtio_ring_take(&ring, &id, &bytes));
		assert_int_equal(bytes, 3);
		assert_int_equal(ring.free_count, 256);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_begin),	TEST(test_refused),    TEST(test_config),
		TEST(test_requests),	TEST(test_full),       TEST(test_doorbell),
		TEST(test_interrupts),	TEST(test_impossible), TEST(test_runaway),
		TEST(test_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
