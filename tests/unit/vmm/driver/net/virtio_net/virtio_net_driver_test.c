/* SPDX-License-Identifier: MIT */
/* The driver of virtio network cards against one that works, and against those that do not. */
#include "tests/unit/virtio_host_fake.h"
#include "vmm/driver/net/virtio_net/net_frames.c"
#include "vmm/driver/net/virtio_net/net_start.c"

#define KEPT 600u

static struct vnet vnet;
static struct card card;
static char problem[128];
static u8 frame[9018];
static struct {
	u32 bytes;
	u8 data[9100];
} sent[KEPT], received[KEPT];
static u32 sent_count, received_count, errors, commands;
static u8 command_bytes[3];
static bool link_up;
/*
 * The bytes of the frame that arrives next, header included; 0: none. `claimed` is the length that
 * the card claims.
 */
static u32 arriving, claimed;

void card_receive(const u8 *data, u32 bytes, u8 flags)
{
	u32 at_slot = received_count++ % KEPT;

	assert_int_equal(flags, 0);
	assert_true(bytes <= sizeof(received[0].data));
	memcpy(received[at_slot].data, data, bytes);
	received[at_slot].bytes = bytes;
}

void card_count_error(void)
{
	errors++;
}

void card_link(bool up, u32 megabits)
{
	assert_int_equal(megabits, 0);
	link_up = up;
}

static u32 receive(struct fake_request *request)
{
	u8 whole[VIO_NET_HEADER + sizeof(frame)] = {0};
	u32 done = 0;

	memcpy(whole + VIO_NET_HEADER, frame, sizeof(frame));
	for (u32 i = 0; i < request->count && done < arriving; i++) {
		u32 part = MIN(request->part[i].bytes, arriving - done);

		memcpy(request->part[i].data, whole + done, part);
		done += part;
	}
	assert_int_equal(done, arriving);
	return claimed != 0 ? claimed : arriving;
}

static u32 fake_do(u32 queue, struct fake_request *request)
{
	u32 n = sent_count % KEPT;
	u32 bytes = 0;

	if (queue == VNET_RX)
		return receive(request);
	if (queue == VNET_CONTROL) {
		memcpy(command_bytes, request->part[0].data, 2);
		command_bytes[2] = request->part[1].data[0];
		assert_int_equal(request->count, 3);
		request->part[2].data[0] = 0;
		commands++;
		return 1;
	}
	sent_count++;
	for (u32 i = 0; i < request->count; i++) {
		memcpy(sent[n].data + bytes, request->part[i].data, request->part[i].bytes);
		bytes += request->part[i].bytes;
	}
	sent[n].bytes = bytes - VIO_NET_HEADER;
	for (u32 i = 0; i < VIO_NET_HEADER; i++)
		assert_int_equal(sent[n].data[i], 0);
	memmove(sent[n].data, sent[n].data + VIO_NET_HEADER, sent[n].bytes);
	return 0;
}

static bool begin_with(u32 mtu, u64 pages)
{
	card = (struct card){.mtu = mtu};
	vnet.host.memory.pages = pages;
	return vnet_start(&vnet, &card, problem, sizeof(problem));
}

#define FEATURES                                                                                   \
	(VIO_NET_F_MAC | VIO_NET_F_MTU | VIO_NET_F_STATUS | VIO_NET_F_CTRL_VQ |                    \
	 VIO_NET_F_CTRL_RX | VIO_F_EVENT_IDX | BIT(0) | BIT(1) | BIT(15))

static int set_up(void **state)
{
	static const u8 config[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 1, 0, 0x28, 0x23};

	(void)state;
	memset(&vnet, 0, sizeof(vnet));
	fake_init(&vnet.host, FEATURES);
	memcpy(fake.device, config, sizeof(config));
	fake.hold[VNET_RX] = ~0u; /* frames come when the test says so */
	sent_count = received_count = errors = commands = arriving = claimed = 0;
	for (u32 i = 0; i < sizeof(frame); i++)
		frame[i] = (u8)(i * 7 + i / 256);
	return 0;
}

static void arrive(u32 bytes)
{
	arriving = bytes;
	fake_one(VNET_RX);
	vnet_receive(&vnet);
}

static void test_start(void **state)
{
	(void)state;
	assert_true(begin_with(1500, RAM_PAGES));
	assert_true(card.mac == 0x563412005452);
	assert_true(link_up);
	assert_int_equal(fake.status, 0xf);
	assert_int_equal(vnet.host.features & (BIT(0) | BIT(1) | BIT(15)), 0);
	/* frames for everybody */
	assert_int_equal(commands, 1);
	assert_memory_equal(command_bytes, "\0\0\1", 3);
	assert_int_equal(fake_waiting(VNET_RX), 249);
}

static void test_without(void **state)
{
	(void)state;
	fake.features = VIO_F_VERSION_1 | VIO_NET_F_MAC;
	fake.device[6] = 0;
	assert_true(begin_with(9000, RAM_PAGES));
	assert_int_equal(commands, 0);
	assert_int_equal(fake.queue[VNET_CONTROL].enabled, 0);
	assert_true(link_up);
}

static void test_refused(void **state)
{
	(void)state;
	assert_false(begin_with(1500, 20));
	assert_string_equal(problem, "no memory that the card could use");
	fake.device[10] = 0xdc, fake.device[11] = 5; /* 1500 */
	assert_true(begin_with(1500, RAM_PAGES));
	assert_false(begin_with(1501, RAM_PAGES));
	assert_string_equal(problem, "the card has an MTU of 1500, its network 1501");
	fake.device[0] |= 1;
	assert_false(begin_with(1500, RAM_PAGES));
	assert_string_equal(problem, "the card has no address of its own");
	fake.device[0] &= 0xfe;
	fake.queue[VNET_TX].size = 3;
	assert_false(begin_with(1500, RAM_PAGES));
	fake.queue[VNET_TX].size = 256;
	/* the card never does commands: the driver goes on without */
	fake.hold[VNET_CONTROL] = ~0u;
	assert_true(begin_with(1500, RAM_PAGES));
}

static void test_transmit(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < 500; i++) {
		u32 bytes = i % 2 == 0 ? 14 + i % 40 : 1518;

		frame[0] = (u8)i;
		assert_true(vnet_transmit(&vnet, frame, bytes));
		virtio_ring_tell(&vnet.ring[VNET_TX]);
		fake_step();
		assert_int_equal(sent_count, i + 1);
		assert_int_equal(sent[i].bytes, MAX(bytes, 60));
		assert_memory_equal(sent[i].data, frame, bytes);
		for (u32 j = bytes; j < 60; j++)
			assert_int_equal(sent[i].data[j], 0);
	}
}

static void test_transmit_full(void **state)
{
	u32 count = 0;

	(void)state;
	assert_true(begin_with(1500, 64));
	assert_int_equal(available(VNET_TX)[0], VIO_QUIET);
	fake.silent = true;
	while (vnet_transmit(&vnet, frame, 100))
		count++;
	assert_int_equal(count, vnet.slots[VNET_TX]);
	/* added frames are on their way, and the card says when they are done */
	assert_int_equal(fake_waiting(VNET_TX), count);
	assert_int_equal(available(VNET_TX)[0], 0);
	fake.silent = false;
	fake_step();
	assert_int_equal(sent_count, count);
	assert_true(vnet_transmit(&vnet, frame, 100));
	assert_int_equal(available(VNET_TX)[0], VIO_QUIET);
}

static void test_receive(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < 500; i++) {
		frame[0] = (u8)i;
		arrive(VIO_NET_HEADER + 60 + i);
		assert_int_equal(received_count, i + 1);
		assert_int_equal(received[i].bytes, 60 + i);
		assert_memory_equal(received[i].data, frame, 60 + i);
		assert_int_equal(fake_waiting(VNET_RX), vnet.slots[VNET_RX]);
	}
}

static void test_jumbo(void **state)
{
	(void)state;
	assert_true(begin_with(9000, RAM_PAGES));
	assert_int_equal(vnet.pieces, 3);
	for (u32 i = 0; i < 200; i++) {
		assert_true(vnet_transmit(&vnet, frame, 9018));
		virtio_ring_tell(&vnet.ring[VNET_TX]);
		fake_step();
		assert_int_equal(sent[i].bytes, 9018);
		assert_memory_equal(sent[i].data, frame, 9018);
		arrive(VIO_NET_HEADER + 9018);
		assert_int_equal(received[i].bytes, 9018);
		assert_memory_equal(received[i].data, frame, 9018);
	}
}

/* The card says that it wrote less than a header, or more than there was room for. */
static void test_lengths(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	claimed = VIO_NET_HEADER - 1;
	arrive(100);
	assert_int_equal(received_count, 0);
	assert_int_equal(errors, 1);
	claimed = ~0u;
	arrive(100);
	assert_int_equal(received[0].bytes, 2048 - VIO_NET_HEADER);
	assert_int_equal(fake_waiting(VNET_RX), vnet.slots[VNET_RX]);
}

static void test_impossible(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	for (u32 i = 0; i < VIRTIO_HOST_BAD_MAX; i++) {
		assert_null(vnet_failure(&vnet));
		vnet.free_count = 0; /* a full table makes the driver look */
		put_used(VNET_TX, i, 0);
		assert_false(vnet_transmit(&vnet, frame, 60));
		assert_int_equal(vnet.free_count, 0);
	}
	assert_non_null(vnet_failure(&vnet));
}

static void test_link(void **state)
{
	(void)state;
	assert_true(begin_with(1500, 64));
	fake.device[6] = 0;
	vnet_look(&vnet);
	assert_false(link_up);
	fake.device[6] = 1;
	fake.restless = true; /* the configuration changes for a moment only */
	vnet_look(&vnet);
	assert_false(link_up);
	fake.restless = false;
	vnet_look(&vnet);
	assert_true(link_up);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_start),    TEST(test_without),       TEST(test_refused),
		TEST(test_transmit), TEST(test_transmit_full), TEST(test_receive),
		TEST(test_jumbo),    TEST(test_lengths),       TEST(test_impossible),
		TEST(test_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
