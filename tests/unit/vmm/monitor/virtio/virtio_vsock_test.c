/* SPDX-License-Identifier: MIT */
/*
 * The socket device: connections both ways, credit, ends, resets, and what a state leaves behind.
 */
#include "tests/unit/virtio_vsock_fixture.h"

static void identity(void **state)
{
	(void)state;
	assert_int_equal(config_in(VSOCK, 2, 2), 0x1053);
	assert_int_equal(load(memory_of(VSOCK) + AT_DEVICE, 4), CID);
	assert_int_equal(load(memory_of(VSOCK) + AT_DEVICE + 4, 4), 0);
	store(memory_of(VSOCK) + AT_DEVICE, 4, 99); /* the guest may not write this field */
	assert_int_equal(load(memory_of(VSOCK) + AT_DEVICE, 4), CID);
	assert_true(features_of(VSOCK) == (VERSION_1 | EVENTS | INDIRECTS | VIO_VSOCK_F_STREAM));
}

/* The host calls; bytes go both ways, over the edge of the rings. */
static void host_calls(void **state)
{
	const u8 *bytes;
	u32 host_port;
	u32 before;

	(void)state;
	vsock_up(SIZE);
	fill_pattern();
	host_port = open_by_host(0);
	for (u32 round = 0; round < 3; round++) {
		struct vio_vsock_header header;
		u32 got = 0;

		write_bytes(0, pattern, 3000);
		while (got < 3000) {
			header = receive_packet(&bytes);
			assert_int_equal(header.operation, VIO_VSOCK_RW);
			assert_memory_equal(bytes, pattern + got, header.bytes);
			got += header.bytes;
		}
		assert_int_equal(got, 3000);
		assert_int_equal(area.slot[0].input_read, 3000 * (round + 1));
		before = told;
		send_bytes(GUEST_PORT, host_port, pattern + round, 3000);
		assert_true(told > before);
		assert_int_equal(bytes_waiting(0), 3000);
		for (u32 i = 0; i < 3000; i++)
			assert_int_equal(
				area.rings[0].output[(3000 * round + i) % VSOCK_RING_BYTES],
				pattern[round + i]);
		read_bytes(0, 3000);
		header = receive_plain(VIO_VSOCK_CREDIT_UPDATE, GUEST_PORT);
		assert_int_equal(header.taken, 3000 * (round + 1));
		assert_int_equal(header.room, VSOCK_RING_BYTES);
	}
}

/* Nobody listens: the guest gets an RST, and the manager hears of nothing. */
static void guest_is_refused(void **state)
{
	struct vio_vsock_header header;

	(void)state;
	vsock_up(SIZE);
	told = 0;
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	header = receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(header.source_port, HOST_PORT);
	assert_int_equal(header.source_cid, VSOCK_CID_HOST);
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, 0); /* a free place of the list is no port */
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(told, 0);
	/* the manager may say no, too */
	area.listen[0] = HOST_PORT;
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	assert_int_equal(packets_waiting(), 0);
	assert_int_equal(told, 1);
	assert_int_equal(area.slot[FIRST_GUEST].asked_port, HOST_PORT);
	answer_guest(FIRST_GUEST, VSOCK_GONE);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
}

/* The guest refuses a call, or takes it and resets it later. */
static void host_is_refused(void **state)
{
	u32 port;

	(void)state;
	vsock_up(SIZE);
	call_guest(0, GUEST_PORT);
	assert_int_equal(mark_of(0), VSOCK_ASKS);
	port = receive_plain(VIO_VSOCK_REQUEST, GUEST_PORT).source_port;
	send_plain(VIO_VSOCK_RST, GUEST_PORT, port);
	assert_int_equal(mark_of(0), VSOCK_GONE);
	set_mark(0, VSOCK_GONE);
	assert_int_equal(packets_waiting(), 0);
	/* late packets do not match the next connection */
	assert_int_not_equal(open_by_host(0), port);
	send_plain(VIO_VSOCK_RST, GUEST_PORT, the_vsock()->connection[0].host_port);
	assert_int_equal(mark_of(0), VSOCK_GONE);
	assert_int_equal(packets_waiting(), 0); /* 5.10.6.4: no RST answers an RST */
}

/* A client that gives up before the guest answers: the guest is told, also if it answers later. */
static void host_gives_up(void **state)
{
	u32 port;

	(void)state;
	vsock_up(SIZE);
	call_guest(0, GUEST_PORT);
	port = receive_plain(VIO_VSOCK_REQUEST, GUEST_PORT).source_port;
	set_mark(0, VSOCK_GONE);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(0), VSOCK_GONE);
	send_plain(VIO_VSOCK_RESPONSE, GUEST_PORT, port);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	/* and a connection whose call this side never saw */
	area.slot[1].manager_word = vsock_word(9, VSOCK_GONE);
	ring_bell();
	assert_int_equal(area.slot[1].monitor_word, vsock_word(9, VSOCK_GONE));
	assert_int_equal(packets_waiting(), 0);
}

/* The guest's credit is kept, whatever it says. */
static void guest_credit(void **state)
{
	struct vio_vsock_header header;
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	host_port = open_by_host(0);
	header = packet(VIO_VSOCK_CREDIT_UPDATE, GUEST_PORT, host_port);
	header.room = 100;
	send_packet(header);
	write_bytes(0, pattern, 1000);
	assert_int_equal(receive_packet(NULL).bytes, 100);
	assert_int_equal(packets_waiting(), 0);
	header.taken = 60;
	send_packet(header);
	assert_int_equal(receive_packet(NULL).bytes, 60);
	header.taken = 5000; /* more than there was: a lie, and no reason to send */
	send_packet(header);
	assert_int_equal(packets_waiting(), 0);
	header.taken = 160;
	header.room = ~0u;
	send_packet(header);
	assert_int_equal(receive_packet(NULL).bytes, 840);
}

/* The host's credit is kept by all but liars, whose connection ends. */
static void host_credit(void **state)
{
	struct vio_vsock_header header;
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	host_port = open_by_host(0);
	send_bytes(GUEST_PORT, host_port, pattern, 4000);
	assert_int_equal(bytes_waiting(0), 4000);
	send_plain(VIO_VSOCK_CREDIT_REQUEST, GUEST_PORT, host_port);
	header = receive_plain(VIO_VSOCK_CREDIT_UPDATE, GUEST_PORT);
	assert_int_equal(header.taken, 0);
	read_bytes(0, 1000); /* less than half a ring was read */
	assert_int_equal(packets_waiting(), 0);
	send_bytes(GUEST_PORT, host_port, pattern, 1096); /* all bytes that there is room for */
	assert_int_equal(bytes_waiting(0), VSOCK_RING_BYTES);
	assert_int_equal(mark_of(0), VSOCK_OPEN);
	send_bytes(GUEST_PORT, host_port, pattern, 1);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(0), VSOCK_GONE);
	assert_int_equal(bytes_waiting(0), VSOCK_RING_BYTES);
}

/* Lengths that the packet does not have, or that are enormous. */
static void lengths(void **state)
{
	struct vio_vsock_header header;

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		u32 host_port;

		vsock_setup(NULL);
		vsock_up(SIZE);
		host_port = open_by_host(0);
		header = packet(VIO_VSOCK_RW, GUEST_PORT, host_port);
		header.bytes = (const u32[]){11, 4097, 0x80000000, ~0u}[i];
		offer_packet(&header, pattern, 10);
		kick(VSOCK, VSOCK_QUEUE_TRANSMIT);
		receive_plain(VIO_VSOCK_RST, GUEST_PORT);
		assert_int_equal(mark_of(0), VSOCK_GONE);
		assert_int_equal(area.slot[0].output_written, 0);
	}
	/* a header that is cut off says nothing */
	vsock_setup(NULL);
	vsock_up(SIZE);
	put_descriptor(VSOCK_QUEUE_TRANSMIT, 0, TX_BUFFERS, HEADER - 1, 0, 0);
	offer(VSOCK_QUEUE_TRANSMIT, SIZE, 0);
	kick(VSOCK, VSOCK_QUEUE_TRANSMIT);
	assert_int_equal(used_index(VSOCK_QUEUE_TRANSMIT), 1);
	assert_int_equal(packets_waiting(), 0);
	assert_int_equal(status_of(VSOCK), STATUS_UP);
	/* nor can a buffer be shorter than a header */
	rx_given = SIZE;
	vsock_up(0);
	give_buffer(HEADER - 1);
	send_plain(VIO_VSOCK_REQUEST, 1, 1);
	assert_int_equal(status_of(VSOCK), STATUS_UP | VIRTIO_NEEDS_RESET);
}

/*
 * A clone's Linux that has not heard of its new CID answers as its source: the call ends at once.
 */
static void stale_answers(void **state)
{
	struct vio_vsock_header header;

	(void)state;
	vsock_up(SIZE);
	for (u32 i = 0; i < 2; i++) {
		call_guest(0, GUEST_PORT);
		header = packet(VIO_VSOCK_RESPONSE, GUEST_PORT,
				receive_plain(VIO_VSOCK_REQUEST, GUEST_PORT).source_port);
		if (i == 0)
			header.source_cid = 8;
		send_packet(header);
		assert_int_equal(mark_of(0), i == 0 ? VSOCK_GONE : VSOCK_OPEN);
	}
	/* an open connection is not ended by such a packet, and none is begun */
	header.source_cid = 8;
	header.operation = VIO_VSOCK_RST;
	send_packet(header);
	assert_int_equal(mark_of(0), VSOCK_OPEN);
	assert_int_equal(packets_waiting(), 0);
}

/* The guest calls a peer, by its CID: the manager decides; packets to the host are not for it. */
static void guest_calls_peer(void **state)
{
	struct vio_vsock_header header = packet(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	const u8 *bytes;

	(void)state;
	vsock_up(SIZE);
	area.listen[0] = HOST_PORT + 1;
	area.peer[5] = HOST_PORT;
	told = 0;
	/* the host, this guest, no address, the low half of a peer's, and a peer's other port */
	for (u32 i = 0; i < 6; i++) {
		header.target_cid = (const u64[]){VSOCK_CID_HOST, CID, 0, 1, 8 | 1ull << 32, 8}[i];
		header.target_port = i == 5 ? HOST_PORT + 1 : HOST_PORT;
		send_packet(header);
		assert_int_equal(receive_plain(VIO_VSOCK_RST, GUEST_PORT).source_cid,
				 header.target_cid);
	}
	header.target_port = 0; /* a free place of the list is no port */
	send_packet(header);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(told, 0);
	header.target_port = HOST_PORT;
	send_packet(header);
	assert_int_equal(told, 1);
	assert_int_equal(area.slot[FIRST_GUEST].asked_cid, 8);
	assert_int_equal(area.slot[FIRST_GUEST].asked_port, HOST_PORT);
	answer_guest(FIRST_GUEST, VSOCK_ASKS); /* the manager asks the peer in turn */
	assert_int_equal(packets_waiting(), 0);
	answer_guest(FIRST_GUEST, VSOCK_OPEN);
	assert_int_equal(receive_plain(VIO_VSOCK_RESPONSE, GUEST_PORT).source_cid, 8);
	write_bytes(FIRST_GUEST, (const u8 *)"hello", 5);
	header = receive_packet(&bytes);
	assert_int_equal(header.source_cid, 8);
	assert_memory_equal(bytes, "hello", 5);
	/* the same ports at another CID are another connection */
	header = packet(VIO_VSOCK_RW, GUEST_PORT, HOST_PORT);
	send_packet(header);
	assert_int_equal(receive_plain(VIO_VSOCK_RST, GUEST_PORT).source_cid, VSOCK_CID_HOST);
	header.target_cid = 9;
	send_packet(header);
	assert_int_equal(receive_plain(VIO_VSOCK_RST, GUEST_PORT).source_cid, 9);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_OPEN);
	header.target_cid = 8;
	header.operation = VIO_VSOCK_RST;
	send_packet(header);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
}

/* A peer calls: the guest sees its CID, and nobody else can answer in its place. */
static void peer_calls(void **state)
{
	struct vio_vsock_header header;
	u32 use = vsock_word_use(area.slot[0].manager_word) + 1;

	(void)state;
	vsock_up(SIZE);
	area.slot[0].called_port = GUEST_PORT;
	area.slot[0].called_cid = 8;
	area.slot[0].manager_word = vsock_word(use, VSOCK_ASKS);
	ring_bell();
	header = receive_plain(VIO_VSOCK_REQUEST, GUEST_PORT);
	assert_int_equal(header.source_cid, 8);
	header = packet(VIO_VSOCK_RESPONSE, GUEST_PORT, header.source_port);
	send_packet(header); /* to the host */
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(0), VSOCK_ASKS);
	header.target_cid = 8;
	send_packet(header);
	assert_int_equal(mark_of(0), VSOCK_OPEN);
}

/* Types, operations and addresses that do not exist. */
static void bad_packets(void **state)
{
	struct vio_vsock_header header = packet(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	area.listen[0] = HOST_PORT;
	header.type = 2;
	send_packet(header);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	header.type = VIO_VSOCK_TYPE_STREAM;
	header.target_cid = 8; /* another guest's CID */
	send_packet(header);
	assert_true(receive_plain(VIO_VSOCK_RST, GUEST_PORT).source_cid == 8);
	header.target_cid = ~0ull;
	send_packet(header);
	assert_true(receive_plain(VIO_VSOCK_RST, GUEST_PORT).source_cid == ~0ull);
	header.target_cid = VSOCK_CID_HOST;
	header.source_cid = 8; /* a guest cannot send as another guest */
	send_packet(header);
	assert_int_equal(packets_waiting(), 0);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	for (u32 operation = VIO_VSOCK_RESPONSE; operation < 12; operation++) {
		send_plain(operation, GUEST_PORT, HOST_PORT);
		if (operation != VIO_VSOCK_RST)
			receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	}
	assert_int_equal(packets_waiting(), 0);
	/* each bad packet comes on an open connection */
	for (u32 i = 0; i < 5; i++) {
		give_buffers(3);
		host_port = open_by_host(i);
		send_plain((const u32[]){VIO_VSOCK_INVALID, VIO_VSOCK_REQUEST, VIO_VSOCK_RESPONSE,
					 8, 0xffff}[i],
			   GUEST_PORT, host_port);
		receive_plain(VIO_VSOCK_RST, GUEST_PORT);
		assert_int_equal(mark_of(i), VSOCK_GONE);
	}
}

/* Bytes before the answer belong to no connection. */
static void too_early(void **state)
{
	u32 port;

	(void)state;
	vsock_up(SIZE);
	call_guest(0, GUEST_PORT);
	port = receive_plain(VIO_VSOCK_REQUEST, GUEST_PORT).source_port;
	send_bytes(GUEST_PORT, port, pattern, 10);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(0), VSOCK_GONE);
	set_mark(0, VSOCK_GONE);
	area.listen[0] = HOST_PORT;
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	send_bytes(GUEST_PORT, HOST_PORT, pattern, 10);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	/* a guest that guesses the port of a call's other end answers before it was called */
	vsock_up(0);
	call_guest(1, GUEST_PORT);
	send_plain(VIO_VSOCK_RESPONSE, GUEST_PORT, the_vsock()->connection[1].host_port);
	assert_int_not_equal(mark_of(1), VSOCK_OPEN);
}

/* The guest writes no more, then closes: what it has sent can still be read. */
static void guest_ends(void **state)
{
	struct vio_vsock_header header;

	(void)state;
	vsock_up(SIZE);
	open_by_guest();
	send_bytes(GUEST_PORT, HOST_PORT, pattern, 500);
	header = packet(VIO_VSOCK_SHUTDOWN, GUEST_PORT, HOST_PORT);
	header.flags = VIO_VSOCK_NO_SEND;
	send_packet(header);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_ENDED);
	write_bytes(FIRST_GUEST, pattern, 20); /* the other direction goes on */
	assert_int_equal(receive_packet(NULL).bytes, 20);
	header.flags = VIO_VSOCK_NO_RECEIVE;
	send_packet(header);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_CLOSED);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(bytes_waiting(FIRST_GUEST), 500);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_CLOSED);
	/* the guest may use its port again meanwhile: another slot */
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	assert_int_equal(mark_of(FIRST_GUEST + 1), VSOCK_ASKS);
	set_mark(FIRST_GUEST, VSOCK_GONE);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	assert_int_equal(packets_waiting(), 0);
}

/* Bytes behind an end are a broken rule; a guest that reads no more is not written to. */
static void half_ends(void **state)
{
	struct vio_vsock_header header;
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	host_port = open_by_host(0);
	header = packet(VIO_VSOCK_SHUTDOWN, GUEST_PORT, host_port);
	header.flags = VIO_VSOCK_NO_RECEIVE;
	send_packet(header);
	assert_int_equal(mark_of(0), VSOCK_OPEN);
	write_bytes(0, pattern, 1000);
	assert_int_equal(packets_waiting(), 0);
	assert_int_equal(area.slot[0].input_read, 1000);
	send_bytes(GUEST_PORT, host_port, pattern, 10);
	assert_int_equal(bytes_waiting(0), 10);
	host_port = open_by_host(1);
	header = packet(VIO_VSOCK_SHUTDOWN, GUEST_PORT, host_port);
	header.flags = VIO_VSOCK_NO_SEND | 0xf0; /* the other flags mean nothing */
	send_packet(header);
	assert_int_equal(mark_of(1), VSOCK_ENDED);
	send_bytes(GUEST_PORT, host_port, pattern, 10);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(1), VSOCK_GONE);
}

/* The client writes no more: the guest hears of it behind the last byte, once. */
static void host_ends(void **state)
{
	struct vio_vsock_header header;
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	host_port = open_by_host(0);
	header = packet(VIO_VSOCK_CREDIT_UPDATE, GUEST_PORT, host_port);
	header.room = 10;
	send_packet(header);
	write_bytes(0, pattern, 30);
	set_mark(0, VSOCK_ENDED);
	assert_int_equal(receive_packet(NULL).bytes, 10);
	assert_int_equal(packets_waiting(), 0);
	header.room = 100;
	send_packet(header);
	assert_int_equal(receive_packet(NULL).bytes, 20);
	header = receive_plain(VIO_VSOCK_SHUTDOWN, GUEST_PORT);
	assert_int_equal(header.flags, VIO_VSOCK_NO_SEND);
	ring_bell();
	assert_int_equal(packets_waiting(), 0);
	send_bytes(GUEST_PORT, host_port, pattern, 10); /* the other direction goes on */
	assert_int_equal(bytes_waiting(0), 10);
	set_mark(0, VSOCK_GONE);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	assert_int_equal(mark_of(0), VSOCK_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(identity, vsock_setup),
		cmocka_unit_test_setup(host_calls, vsock_setup),
		cmocka_unit_test_setup(guest_is_refused, vsock_setup),
		cmocka_unit_test_setup(host_is_refused, vsock_setup),
		cmocka_unit_test_setup(host_gives_up, vsock_setup),
		cmocka_unit_test_setup(guest_credit, vsock_setup),
		cmocka_unit_test_setup(host_credit, vsock_setup),
		cmocka_unit_test_setup(lengths, vsock_setup),
		cmocka_unit_test_setup(stale_answers, vsock_setup),
		cmocka_unit_test_setup(guest_calls_peer, vsock_setup),
		cmocka_unit_test_setup(peer_calls, vsock_setup),
		cmocka_unit_test_setup(bad_packets, vsock_setup),
		cmocka_unit_test_setup(too_early, vsock_setup),
		cmocka_unit_test_setup(guest_ends, vsock_setup),
		cmocka_unit_test_setup(half_ends, vsock_setup),
		cmocka_unit_test_setup(host_ends, vsock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
