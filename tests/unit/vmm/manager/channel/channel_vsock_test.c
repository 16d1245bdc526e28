/* SPDX-License-Identifier: MIT */
/*
 * Guests' sockets as streams of the machine channel: the test is the client at the one side, and
 * the VM's monitor, which may have gone bad, at the other.
 */
#include "tests/unit/channel_fixture.h"

#define FIRST_GUEST VSOCK_SLOTS_MANAGER /* the first slot of connections that the guest opens */
#define DATA_OK	    "aGVsbG8="		/* "hello" in base64 */

static int setup(void **state)
{
	struct process_build build = {.status = STATUS_OK};

	begin(state);
	com2.greeted = true;
	memset(&area, 0, sizeof(area));
	populated = STATUS_OK;
	populated_pages = 0;
	alpha = (struct vm){.id = 5, .config = {.name = "alpha", .vsock = 1}};
	vm_vsock_create(&alpha, &build);
	assert_int_equal(build.status, STATUS_OK);
	assert_int_equal(populated_pages, offsetof(struct vsock_area, rings) / PAGE_SIZE);
	return 0;
}

static void pass(void)
{
	turns(4, 1000000);
}

static void monitor_marks(u32 slot, enum vsock_mark mark)
{
	area.slot[slot].monitor_word =
		vsock_word(vsock_word_use(area.slot[slot].manager_word), mark);
	area.monitor_bell++;
	vm_vsock_look(&alpha);
}

/* The guest connects to a port of the host. */
static void guest_asks(u32 slot, u32 port)
{
	u32 use = vsock_word_use(area.slot[slot].monitor_word) + 1;

	area.slot[slot].asked_port = port;
	area.slot[slot].asked_cid = VSOCK_CID_HOST;
	area.slot[slot].guest_port = 1024;
	area.slot[slot].input_read = area.slot[slot].output_written = 0;
	area.slot[slot].monitor_word = vsock_word(use, VSOCK_ASKS);
	area.monitor_bell++;
	vm_vsock_look(&alpha);
}

static void monitor_writes(u32 slot, const char *text)
{
	for (; *text != '\0'; text++)
		area.rings[slot].output[area.slot[slot].output_written++ % VSOCK_RING_BYTES] =
			(u8)*text;
	area.monitor_bell++;
}

static u32 manager_mark(u32 slot)
{
	return vsock_word_mark(area.slot[slot].manager_word);
}

/* A connection to port 9, which is the channel's stream 1, in slot 0. */
static struct channel_socket *connected(void)
{
	struct channel_socket *socket = channel_vsock_call(&com2, &alpha, 9);

	assert_non_null(socket);
	assert_int_equal(area.slot[0].called_port, 9);
	assert_int_equal(vm_vsock_state(&socket->end), VM_VSOCK_WAITS);
	monitor_marks(0, VSOCK_ASKS);
	assert_int_equal(vm_vsock_state(&socket->end), VM_VSOCK_WAITS);
	pass();
	assert_null(next_line()); /* no line comes before the answer to the command */
	monitor_marks(0, VSOCK_OPEN);
	assert_int_equal(vm_vsock_state(&socket->end), VM_VSOCK_OPEN);
	socket->told = true;
	pass();
	expect("{\"credit\":1,\"bytes\":4096}");
	assert_null(next_line());
	return socket;
}

static void test_bytes(void **state)
{
	u32 bell;

	(void)state;
	connected();
	bell = area.manager_bell;
	client_sends("{\"stream\":1,\"data\":\"" DATA_OK "\"}\n");
	pass();
	assert_int_equal(area.slot[0].input_written, 5);
	assert_memory_equal(area.rings[0].input, "hello", 5);
	assert_true(area.manager_bell != bell);
	assert_null(next_line());
	area.slot[0].input_read = 5; /* an empty ring: all credit is given back */
	pass();
	expect("{\"credit\":1,\"bytes\":5}");
	/* outward only by the client's credit */
	monitor_writes(0, "abcdef");
	pass();
	assert_null(next_line());
	client_sends("{\"credit\":1,\"bytes\":4}\n");
	pass();
	expect("{\"stream\":1,\"at\":0,\"data\":\"YWJjZA==\"}");
	assert_int_equal(area.slot[0].output_read, 4);
	client_sends("{\"credit\":1,\"bytes\":10}\n");
	pass();
	expect("{\"stream\":1,\"at\":4,\"data\":\"ZWY=\"}");
	assert_null(next_line());
}

static void test_ends(void **state)
{
	(void)state;
	connected();
	client_sends("{\"credit\":1,\"bytes\":100}\n{\"stream\":1,\"data\":\"" DATA_OK
		     "\"}\n{\"stream\":1,\"end\":5}\n");
	pass();
	assert_int_equal(manager_mark(0), VSOCK_ENDED);
	area.slot[0].input_read = 5;
	pass();
	assert_null(next_line()); /* a client that has ended gets no credit */
	monitor_writes(0, "abcd");
	monitor_marks(0, VSOCK_ENDED);
	pass();
	expect("{\"stream\":1,\"at\":0,\"data\":\"YWJjZA==\"}");
	expect("{\"stream\":1,\"end\":4}");
	assert_null(next_line());
	assert_int_equal(manager_mark(0), VSOCK_ENDED);
	monitor_marks(0, VSOCK_CLOSED);
	pass();
	expect("{\"closed\":1,\"reason\":\"done\"}");
	assert_int_equal(manager_mark(0), VSOCK_GONE);
	monitor_marks(0, VSOCK_GONE);
	assert_non_null(channel_vsock_call(&com2, &alpha, 9)); /* the slot is free again */
	assert_int_equal(vsock_word_use(area.slot[0].manager_word), 2);
}

/* Bytes that the guest has written before it closed are read first, however slow the client. */
static void test_drain(void **state)
{
	(void)state;
	connected();
	monitor_writes(0, "abcd");
	monitor_marks(0, VSOCK_CLOSED);
	pass();
	assert_null(next_line());
	client_sends("{\"credit\":1,\"bytes\":100}\n");
	pass();
	expect("{\"stream\":1,\"at\":0,\"data\":\"YWJjZA==\"}");
	expect("{\"stream\":1,\"end\":4}");
	expect("{\"closed\":1,\"reason\":\"done\"}");
}

static void expect_closed(const char *reason)
{
	char line[64];

	snprintf(line, sizeof(line), "{\"closed\":1,\"reason\":\"%s\"}", reason);
	pass();
	expect(line);
	assert_null(next_line());
	assert_int_equal(manager_mark(0), VSOCK_GONE);
}

static void test_bad_input(void **state)
{
	static const char *const lines[] = {
		"{\"stream\":1,\"data\":\"%%\"}\n",
		"{\"stream\":1,\"at\":0,\"data\":\"" DATA_OK "\"}\n",
		"{\"stream\":1,\"end\":1}\n",
		"{\"stream\":1,\"refused\":\"no\"}\n",
		"{\"credit\":1,\"bytes\":65537}\n",
		"{\"stream\":1,\"end\":0}\n{\"stream\":1,\"data\":\"" DATA_OK "\"}\n",
		"{\"stream\":1,\"end\":0}\n{\"stream\":1,\"end\":0}\n",
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(lines); i++) {
		setup(NULL);
		connected();
		client_sends(lines[i]);
		expect_closed("bad-input");
		assert_int_equal(area.slot[0].input_written, 0);
	}
	/* a byte more than there is credit for */
	setup(NULL);
	connected()->allowed = 4;
	client_sends("{\"stream\":1,\"data\":\"" DATA_OK "\"}\n");
	expect_closed("bad-input");
	assert_int_equal(area.slot[0].input_written, 0);
}

/* Whatever a monitor writes harms the connections of its own VM only. */
static void test_bad_monitor(void **state)
{
	(void)state;
	connected();
	monitor_marks(0, VSOCK_GONE);
	expect_closed("reset");
	setup(NULL);
	connected();
	area.slot[0].output_written = VSOCK_RING_BYTES + 1;
	expect_closed("reset");
	setup(NULL);
	connected();
	area.slot[0].input_read = 1; /* the index says more than was written */
	expect_closed("reset");
	setup(NULL);
	connected();
	monitor_marks(0, (enum vsock_mark)7);
	expect_closed("reset");
	/* a slot that the guest's side has taken from under an accepted connection */
	setup(NULL);
	assert_non_null(channel_vsock_listen(&com2, &alpha, 5000));
	guest_asks(FIRST_GUEST, 5000);
	pass();
	expect("{\"accepted\":2,\"listener\":1,\"port\":1024}");
	expect("{\"credit\":2,\"bytes\":4096}");
	area.slot[FIRST_GUEST].monitor_word = vsock_word(77, VSOCK_OPEN);
	pass();
	expect("{\"closed\":2,\"reason\":\"reset\"}");
}

/* The area goes with the VM's group, and another one is no continuation. */
static void test_vm_ends(void **state)
{
	struct process_build build = {.status = STATUS_OK};
	struct channel_socket *socket;

	(void)state;
	connected();
	vm_vsock_release(&alpha);
	vm_vsock_create(&alpha, &build); /* what lies in the area looks like an open connection */
	pass();
	expect("{\"closed\":1,\"reason\":\"reset\"}");
	vm_vsock_release(&alpha);
	assert_null(channel_vsock_call(&com2, &alpha, 9));
	socket = channel_vsock_listen(&com2, &alpha, 5000);
	assert_non_null(socket);
	vm_vsock_create(&alpha, &build);
	assert_int_equal(area.listen[0], 5000); /* the listener goes on listening */
	memset(&area.slot, 0, sizeof(area.slot));
	guest_asks(FIRST_GUEST, 5000);
	pass();
	expect("{\"accepted\":3,\"listener\":2,\"port\":1024}");
	expect("{\"credit\":3,\"bytes\":4096}");
	alpha.id = 6; /* the id of another VM */
	pass();
	expect("{\"closed\":2,\"reason\":\"destroyed\"}");
	expect("{\"closed\":3,\"reason\":\"reset\"}");
}

static void test_listen(void **state)
{
	(void)state;
	assert_non_null(channel_vsock_listen(&com2, &alpha, 5000));
	assert_null(channel_vsock_listen(&com2, &alpha, 5000));
	assert_int_equal(area.listen[0], 5000);
	/* a port at which nobody listens, which the monitor need not know: refused */
	guest_asks(FIRST_GUEST, 5001);
	assert_int_equal(area.slot[FIRST_GUEST].manager_word, vsock_word(1, VSOCK_GONE));
	monitor_marks(FIRST_GUEST, VSOCK_GONE);
	guest_asks(FIRST_GUEST, 5000);
	assert_int_equal(area.slot[FIRST_GUEST].manager_word, vsock_word(1, VSOCK_GONE));
	pass();
	expect("{\"accepted\":2,\"listener\":1,\"port\":1024}");
	expect("{\"credit\":2,\"bytes\":4096}");
	assert_int_equal(area.slot[FIRST_GUEST].manager_word, vsock_word(2, VSOCK_OPEN));
	/* the guest has given the connection up before anybody took it */
	guest_asks(FIRST_GUEST + 1, 5000);
	area.slot[FIRST_GUEST + 1].monitor_word = vsock_word(1, VSOCK_GONE);
	vm_vsock_look(&alpha);
	assert_int_equal(area.slot[FIRST_GUEST + 1].manager_word, vsock_word(1, VSOCK_GONE));
	/* the listener goes: what waits is refused, what is open stays */
	guest_asks(FIRST_GUEST + 2, 5000);
	channel_vsock_end(channel_vsock_find(&com2, 1));
	assert_int_equal(area.listen[0], 0);
	assert_int_equal(manager_mark(FIRST_GUEST + 2), VSOCK_GONE);
	assert_int_equal(vsock_word_use(area.slot[FIRST_GUEST + 2].manager_word), 1);
	assert_int_equal(manager_mark(FIRST_GUEST), VSOCK_OPEN);
	/* a client can send no bytes to a listener */
	assert_non_null(channel_vsock_listen(&com2, &alpha, 5000));
	client_sends("{\"stream\":3,\"data\":\"" DATA_OK "\"}\n");
	for (const char *line = ""; line != NULL && strstr(line, "closed\":3") == NULL;
	     line = next_line()) {
		pass();
		assert_non_null(line);
	}
	assert_int_equal(area.listen[0], 0);
}

static void test_limits(void **state)
{
	u32 count = 0;

	(void)state;
	while (channel_vsock_call(&com2, &alpha, 9) != NULL)
		count++;
	assert_int_equal(count, VSOCK_SLOTS_MANAGER);
	for (count = 0; channel_vsock_listen(&com2, &alpha, 1 + count) != NULL;)
		count++;
	assert_int_equal(count, VSOCK_LISTEN_MAX);
	/* guests' connections do not take all that a channel has: another VM has opened some */
	for (u32 i = 0; i < CHANNEL_SOCKETS_ACCEPTED; i++)
		com2.vsock.socket[CHANNEL_SOCKETS - 1 - i] =
			(struct channel_socket){.number = 1000 + i, .opener = 1};
	guest_asks(FIRST_GUEST, 1);
	pass();
	assert_int_equal(area.slot[FIRST_GUEST].manager_word, 0);
	com2.vsock.socket[CHANNEL_SOCKETS - 1].number = 0;
	pass();
	assert_int_equal(area.slot[FIRST_GUEST].manager_word, vsock_word(1, VSOCK_OPEN));
	channel_streams_drop(&com2); /* another client comes */
	assert_int_equal(area.listen[0], 0);
	for (u32 i = 0; i < VSOCK_SLOTS_MANAGER; i++)
		assert_int_equal(manager_mark(i), VSOCK_GONE);
	/* no connection until the monitor has seen the call */
	assert_null(channel_vsock_call(&com2, &alpha, 9));
	monitor_marks(7, VSOCK_GONE);
	assert_non_null(channel_vsock_call(&com2, &alpha, 9));
	for (count = 0; channel_vsock_listen(&com2, &alpha, 1 + count) != NULL;)
		count++;
	assert_int_equal(count, VSOCK_LISTEN_MAX);
}

/* The VM pays for the rings: without a page for them there is no connection, and no fault. */
static void test_no_pages(void **state)
{
	(void)state;
	populated_pages = 0;
	populated = STATUS_NO_QUOTA;
	assert_null(channel_vsock_call(&com2, &alpha, 9));
	assert_int_equal(populated_pages, 1);
	assert_int_equal(area.slot[0].manager_word, 0);
	populated = STATUS_OK;
	assert_non_null(channel_vsock_call(&com2, &alpha, 9));
	assert_int_equal(populated_pages, 3);
}

/*
 * A line on which there is room for a piece a turn: each connection has its turn, whatever others
 * have to send.
 */
static void test_turns(void **state)
{
	struct channel_socket *socket[3];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(socket); i++) {
		socket[i] = channel_vsock_call(&com2, &alpha, 9);
		assert_non_null(socket[i]);
		monitor_marks(i, VSOCK_OPEN);
		socket[i]->told = true;
		socket[i]->allowed = VSOCK_RING_BYTES;
	}
	for (u32 turn = 0; turn < 30; turn++) {
		for (u32 i = 0; i < ARRAY_COUNT(socket); i++) {
			area.slot[i].output_written =
				area.slot[i].output_read + CHANNEL_PIECE_BYTES;
			socket[i]->credit = CHANNEL_CREDIT_BYTES; /* an eager client */
		}
		channel_streams_step(&com2);
		com2.output.sent = com2.output.written;
	}
	for (u32 i = 0; i < ARRAY_COUNT(socket); i++)
		assert_int_equal(socket[i]->at, 10 * CHANNEL_PIECE_BYTES);
}

/* However many connections a guest opens and drops, it leaves as many for other VMs' guests. */
static void test_share(void **state)
{
	static struct vm beta;
	struct vsock_slot *slot;

	(void)state;
	beta = (struct vm){.id = 6, .config = {.name = "beta", .vsock = 1}};
	assert_non_null(channel_vsock_listen(&com2, &alpha, 5000));
	for (u32 i = FIRST_GUEST; i < VSOCK_SLOTS; i++)
		guest_asks(i, 5000);
	for (u32 i = 0; i < VSOCK_SLOTS; i++)
		pass();
	for (u32 i = FIRST_GUEST; i < VSOCK_SLOTS; i++)
		assert_int_equal(manager_mark(i) == VSOCK_OPEN,
				 i < FIRST_GUEST + CHANNEL_SOCKETS_ACCEPTED / 2);
	/* another VM's guest gets what is left */
	memset(&area, 0, sizeof(area));
	beta.vsock = alpha.vsock;
	memset(beta.vsock.listen, 0, sizeof(beta.vsock.listen));
	alpha.vsock.area = NULL;
	assert_non_null(channel_vsock_listen(&com2, &beta, 5000));
	slot = &area.slot[FIRST_GUEST];
	slot->asked_port = 5000;
	slot->asked_cid = VSOCK_CID_HOST;
	slot->monitor_word = vsock_word(1, VSOCK_ASKS);
	area.monitor_bell++;
	pass();
	assert_int_equal(slot->manager_word, vsock_word(1, VSOCK_OPEN));
	beta.vsock.area = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_ends, setup),
		cmocka_unit_test_setup(test_drain, setup),
		cmocka_unit_test_setup(test_bad_input, setup),
		cmocka_unit_test_setup(test_bad_monitor, setup),
		cmocka_unit_test_setup(test_vm_ends, setup),
		cmocka_unit_test_setup(test_listen, setup),
		cmocka_unit_test_setup(test_limits, setup),
		cmocka_unit_test_setup(test_no_pages, setup),
		cmocka_unit_test_setup(test_turns, setup),
		cmocka_unit_test_setup(test_share, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
