/* SPDX-License-Identifier: MIT */
/* virtio-net: the card answers its guest's DHCP itself, and no such frame gets to the switch. */
#include "tests/unit/virtio_net_fixture.h"

#include "tests/unit/dhcp_request.h"

static u8 *frame = ram + SEND_AT + sizeof(struct net_header);
static const u8 wanted_own[] = {50, 4, 10, 7, 3, 4};
static const u8 wanted_other[] = {50, 4, 10, 7, 3, 5};
static const u8 chose_other[] = {50, 4, 10, 7, 3, 4, 54, 4, 10, 7, 0, 1};

static int with_lease(void **state)
{
	(void)state;
	cpus = 1;
	make_wire();
	wire_about()->lease = (struct net_lease){.address = LEASE_ADDRESS,
						 .mask = LEASE_MASK,
						 .server = LEASE_SERVER,
						 .router = LEASE_ROUTER,
						 .dns = LEASE_DNS};
	power_on();
	start_device(ALL_FEATURES);
	add_buffers(0, 0, 4, 1526);
	return 0;
}

static void send_frame(u32 bytes)
{
	const struct net_header header = {0};

	send_as(1, &header, bytes);
}

static void ask(u8 kind, const u8 *options, u32 bytes)
{
	dhcp_request_make(frame, OWN_MAC, kind, options, bytes);
	send_frame(DHCP_LENGTH);
	expect_no_frame();
}

/* Returns the frame in the buffer that was used next, whose length is checked. */
static const u8 *answer_in(u32 buffer, u32 bytes)
{
	assert_int_equal(used_new(0), 1);
	assert_int_equal(hear(0), sizeof(struct net_header) + bytes);
	return ram + RECEIVE_AT + buffer * BUFFER_BYTES + sizeof(struct net_header);
}

static const u8 *option_of(const u8 *answer, u8 code)
{
	const u8 *at = answer + DHCP_LIST_AT;

	while (*at != 255 && *at != code)
		at += 2 + at[1];
	assert_true(at < answer + NET_DHCP_ANSWER_BYTES);
	return *at == code ? at + 2 : NULL;
}

static u32 address_at(const u8 *at)
{
	u32 address;

	memcpy(&address, at, 4);
	return address;
}

/* Checks what all answers have in common; `kind` is the message's. */
static void check_answer(const u8 *answer, u8 kind, u32 target)
{
	u8 sealed[NET_DHCP_ANSWER_BYTES];

	memcpy(sealed, answer, sizeof(sealed));
	dhcp_request_seal(sealed);
	assert_memory_equal(answer, sealed, sizeof(sealed));
	assert_int_equal(answer[DHCP_IP_AT], 0x45);
	assert_int_equal(address_at(answer + DHCP_IP_AT + 12), LEASE_SERVER);
	assert_int_equal(address_at(answer + DHCP_IP_AT + 16), target);
	assert_memory_equal(answer + DHCP_UDP_AT, "\0\x43\0\x44", 4);
	assert_memory_equal(answer + DHCP_BODY_AT, "\2\1\6", 3);
	assert_int_equal(address_at(answer + DHCP_BODY_AT + 4), LEASE_XID);
	assert_int_equal(*option_of(answer, 53), kind);
	assert_int_equal(address_at(option_of(answer, 54)), LEASE_SERVER);
}

static void offers_and_gives(void **state)
{
	const u8 *answer;

	(void)state;
	ask(1, NULL, 0);
	answer = answer_in(0, NET_DHCP_ANSWER_BYTES);
	check_answer(answer, 2, LEASE_ADDRESS);
	assert_int_equal(address_at(answer + DHCP_BODY_AT + 16), LEASE_ADDRESS);
	ask(3, wanted_own, sizeof(wanted_own));
	answer = answer_in(1, NET_DHCP_ANSWER_BYTES);
	check_answer(answer, 5, LEASE_ADDRESS);
	assert_int_equal(address_at(answer + DHCP_BODY_AT + 16), LEASE_ADDRESS);
	assert_int_equal(address_at(option_of(answer, 1)), LEASE_MASK);
	assert_int_equal(address_at(option_of(answer, 3)), LEASE_ROUTER);
	assert_int_equal(address_at(option_of(answer, 6)), LEASE_DNS);
	assert_memory_equal(option_of(answer, 51), "\0\1\x51\x80", 4);
	assert_memory_equal(answer, &(u64){OWN_MAC}, 6);
}

/* Another address than the card's is refused, another server's client left alone. */
static void refuses(void **state)
{
	const u8 *answer;

	(void)state;
	ask(3, wanted_other, sizeof(wanted_other));
	answer = answer_in(0, NET_DHCP_ANSWER_BYTES);
	check_answer(answer, 6, ~0u);
	assert_int_equal(address_at(answer + DHCP_BODY_AT + 16), 0);
	assert_null(option_of(answer, 51));
	assert_memory_equal(answer, "\xff\xff\xff\xff\xff\xff", 6);
	ask(3, chose_other, sizeof(chose_other));
	ask(3, NULL, 0);
	for (u8 kind = 4; kind < 12; kind++)
		ask(kind == 5 ? 0 : kind, wanted_own, sizeof(wanted_own)); /* release, decline, … */
	assert_int_equal(used_new(0), 0);
}

/* A client that has its address asks for the rest, or for a longer time, from it. */
static void renews(void **state)
{
	const u32 own = LEASE_ADDRESS;
	const u8 *answer;

	(void)state;
	for (u32 i = 0; i < 2; i++) {
		dhcp_request_make(frame, OWN_MAC, i == 0 ? 3 : 8, NULL, 0);
		memcpy(frame + DHCP_BODY_AT + 12, &own, 4);
		dhcp_request_seal(frame);
		send_frame(DHCP_LENGTH);
		expect_no_frame();
		answer = answer_in(i, NET_DHCP_ANSWER_BYTES);
		check_answer(answer, 5, LEASE_ADDRESS);
		assert_int_equal(option_of(answer, 51) != NULL, i == 0);
		assert_int_equal(address_at(answer + DHCP_BODY_AT + 16), i == 0 ? own : 0);
	}
}

static void broadcasts_if_asked(void **state)
{
	(void)state;
	dhcp_request_make(frame, OWN_MAC, 1, NULL, 0);
	frame[DHCP_BODY_AT + 10] = 0x80;
	dhcp_request_seal(frame);
	send_frame(DHCP_LENGTH);
	check_answer(answer_in(0, NET_DHCP_ANSWER_BYTES), 2, ~0u);
}

/* Each byte of a good message is changed: none of these is answered, and none is sent on. */
static void spoilt(void **state)
{
	static const struct {
		u32 at;
		u8 value;
	} wrong[] = {
		{DHCP_IP_AT + 8, 63},	  {DHCP_IP_AT + 2, 2},	     {DHCP_IP_AT + 3, 0},
		{DHCP_IP_AT + 6, 0x20},	  {DHCP_UDP_AT + 4, 0xff},   {DHCP_UDP_AT + 5, 0},
		{DHCP_BODY_AT, 2},	  {DHCP_BODY_AT + 1, 6},     {DHCP_BODY_AT + 2, 16},
		{DHCP_BODY_AT + 24, 1},	  {DHCP_BODY_AT + 28, 0x66}, {DHCP_BODY_AT + 236, 0},
		{DHCP_BODY_AT + 241, 99}, {DHCP_BODY_AT + 242, 0},   {DHCP_BODY_AT + 242, 200},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++) {
		dhcp_request_make(frame, OWN_MAC, 1, NULL, 0);
		frame[wrong[i].at] = wrong[i].value;
		if (wrong[i].at >= DHCP_BODY_AT || wrong[i].at == DHCP_IP_AT + 6)
			dhcp_request_seal(frame);
		send_frame(DHCP_LENGTH);
		expect_no_frame();
	}
	dhcp_request_make(frame, OWN_MAC, 1, NULL, 0);
	frame[DHCP_BODY_AT + 100]++; /* no checksum says so */
	send_frame(DHCP_LENGTH);
	expect_no_frame();
	assert_int_equal(used_new(0), 0);
}

/* A message that is cut off anywhere has no answer; one without ports goes the usual way. */
static void cut_off(void **state)
{
	(void)state;
	for (u32 bytes = 14; bytes < DHCP_LENGTH; bytes++) {
		dhcp_request_make(frame, OWN_MAC, 1, NULL, 0);
		send_frame(bytes);
		if (bytes < DHCP_BODY_AT)
			(void)expect_frame(frame, bytes);
		expect_no_frame();
	}
	assert_int_equal(used_new(0), 0);
}

static void finds_its_server(void **state)
{
	const u32 server = LEASE_SERVER;
	const u32 own = LEASE_ADDRESS;
	const u64 mac = OWN_MAC;
	const u8 *answer;

	(void)state;
	memset(frame, 0, 42);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, &mac, 6);
	memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
	memcpy(frame + 22, &mac, 6);
	memcpy(frame + 28, &own, 4);
	memcpy(frame + 38, &server, 4);
	send_frame(42);
	expect_no_frame();
	answer = answer_in(0, 42);
	assert_memory_equal(answer, &mac, 6);
	assert_int_equal(answer[21], 2);
	assert_memory_equal(answer + 22, answer + 6, 6);
	assert_int_equal(address_at(answer + 28), server);
	frame[41]--; /* somebody else's address */
	send_frame(42);
	(void)expect_frame(frame, 42);
	frame[41]++;
	frame[22] ^= 4; /* not the card's own */
	send_frame(42);
	expect_no_frame();
	assert_int_equal(used_new(0), 0);
}

/* An answer waits for a buffer, a newer one takes its place, and a reset forgets it. */
static void waits_for_a_buffer(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		ask(1, NULL, 0);
		(void)answer_in(i, NET_DHCP_ANSWER_BYTES);
	}
	ask(1, NULL, 0);
	ask(3, wanted_own, sizeof(wanted_own));
	assert_int_equal(used_new(0), 0);
	add_buffers(0, 4, 2, 1526);
	check_answer(answer_in(4, NET_DHCP_ANSWER_BYTES), 5, LEASE_ADDRESS);
	assert_int_equal(net.answer_bytes, 0);
}

/* Without a lease a card knows nothing of DHCP. */
static void only_with_a_lease(void **state)
{
	(void)state;
	net.lease.address = 0;
	dhcp_request_make(frame, OWN_MAC, 1, NULL, 0);
	send_frame(DHCP_LENGTH);
	(void)expect_frame(frame, DHCP_LENGTH);
	assert_int_equal(used_new(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(offers_and_gives, with_lease, teardown),
		cmocka_unit_test_setup_teardown(refuses, with_lease, teardown),
		cmocka_unit_test_setup_teardown(renews, with_lease, teardown),
		cmocka_unit_test_setup_teardown(broadcasts_if_asked, with_lease, teardown),
		cmocka_unit_test_setup_teardown(spoilt, with_lease, teardown),
		cmocka_unit_test_setup_teardown(cut_off, with_lease, teardown),
		cmocka_unit_test_setup_teardown(finds_its_server, with_lease, teardown),
		cmocka_unit_test_setup_teardown(waits_for_a_buffer, with_lease, teardown),
		cmocka_unit_test_setup_teardown(only_with_a_lease, with_lease, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
