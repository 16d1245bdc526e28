/* SPDX-License-Identifier: MIT */
/* The guest's agent is asked to freeze and to thaw, whatever it, and others at its port, write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/random.h"
#include "lib/string.h"
#include "vmm/rt/format.h"
#include "vmm/monitor/machine/quiesce.c"

#define PORT  2u
#define OTHER 1u

static struct machine machine;
static struct vm_channel channel;
static struct virtio_console console;
static u64 now;
static u32 room; /* the bytes that the guest's buffers take */
static bool is_open;
static char sent[600];
static u32 signals;

u64 clock_tsc(void)
{
	return now;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

void console_signal(struct machine *of)
{
	(void)of;
	signals++;
}

bool virtio_console_is_open(const struct virtio_console *of, u32 port)
{
	assert_ptr_equal(of, &console);
	return is_open && port == PORT;
}

u32 virtio_console_input(struct virtio_console *of, u32 port, const u8 *bytes, u32 count)
{
	size_t at = strlen(sent);

	assert_true(virtio_console_is_open(of, port));
	count = MIN(count, room);
	assert_true(at + count < sizeof(sent));
	memcpy(sent + at, bytes, count);
	room -= count;
	return count;
}

static int set_up(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	memset(&channel, 0, sizeof(channel));
	memset(sent, 0, sizeof(sent));
	machine.channel = &channel;
	machine.platform.virtio_console = &console;
	strcpy(machine.port_name[OTHER], "log");
	strcpy(machine.port_name[PORT], QUIESCE_PORT);
	now = 5;
	room = 1000;
	is_open = true;
	return 0;
}

/* Writes to the agent's port; returns how many of the bytes were for others. */
static u32 write_bytes(const char *text)
{
	u32 others = 0;

	for (; *text != '\0'; text++)
		others += !quiesce_take(&machine, PORT, (u8)*text);
	return others;
}

static void assert_state(enum quiesce_state state, u32 frozen)
{
	assert_int_equal(channel.quiesce, state);
	assert_int_equal(channel.quiesce_frozen, frozen);
}

#define SYNC "\xff{\"return\": 5}\n"
#define REQUEST                                                                                    \
	"\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":5}}\n"                    \
	"{\"execute\":\"guest-fsfreeze-freeze\"}\n"
#define THAW "{\"execute\":\"guest-fsfreeze-thaw\"}\n"

static void freezes(void **state)
{
	(void)state;
	assert_int_equal(write_bytes("hello\n"), 6);
	assert_false(quiesce_send(&machine, PORT));
	quiesce_begin(&machine);
	assert_state(QUIESCE_STATE_ASKED, 0);
	assert_string_equal(sent, REQUEST);
	/* what was on its way to somebody else is no answer to us */
	assert_int_equal(write_bytes("{\"return\": 5}\n{\"return\": 7}\n"), 0);
	assert_int_equal(write_bytes("\xff{\"return\": 4}\n{\"return\": 9}\n"), 0);
	assert_state(QUIESCE_STATE_ASKED, 0);
	assert_int_equal(write_bytes(SYNC "{\"return\":"), 0);
	assert_true(quiesce_send(&machine, PORT));
	assert_false(quiesce_send(&machine, OTHER));
	assert_false(quiesce_take(&machine, OTHER, 'x'));
	assert_state(QUIESCE_STATE_ASKED, 0);
	assert_int_equal(write_bytes(" 2}\r\n"), 0);
	assert_state(QUIESCE_STATE_FROZEN, 2);
	sent[0] = '\0';
	memset(sent, 0, sizeof(sent));
	quiesce_thaw(&machine);
	quiesce_thaw(&machine); /* once */
	assert_string_equal(sent, THAW);
	assert_true(quiesce_send(&machine, PORT));
	assert_int_equal(write_bytes("{\"return\": 2}\nfor others"), 10);
	assert_false(quiesce_send(&machine, PORT));
	quiesce_thaw(&machine);
	assert_string_equal(sent, THAW);
}

/* Lines that are no answer: the guest is not frozen, and is thawed all the same. */
static void refuses(void **state)
{
	static const char *const lines[] = {
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n",
		"{\"return\": -1}\n",
		"{\"return\": }\n",
		"{\"return\": 1234567890}\n",
		"{\"return\": 1}}\n",
		"{\"return\": \"1\"}\n",
		"return\n",
		"{\"return\": 1                                     , \"and more than there is "
		"room for in a line that is an answer\": 1}\n",
	};

	for (u32 i = 0; i < ARRAY_COUNT(lines); i++) {
		set_up(state);
		quiesce_begin(&machine);
		write_bytes(SYNC);
		write_bytes(lines[i]);
		assert_state(QUIESCE_STATE_REFUSED, 0);
		quiesce_thaw(&machine);
		assert_string_equal(sent, REQUEST THAW);
	}
}

/* Without an agent nothing is asked, and nothing thawed. */
static void has_none(void **state)
{
	(void)state;
	is_open = false;
	quiesce_begin(&machine);
	assert_state(QUIESCE_STATE_CLOSED, 0);
	quiesce_thaw(&machine);
	is_open = true;
	assert_false(quiesce_send(&machine, PORT));
	assert_string_equal(sent, "");
	machine.port_name[PORT][0] = 'O';
	quiesce_begin(&machine);
	assert_state(QUIESCE_STATE_CLOSED, 0);
	machine.platform.virtio_console = NULL;
	machine.port_name[PORT][0] = 'o';
	quiesce_begin(&machine);
	assert_state(QUIESCE_STATE_CLOSED, 0);
}

/* An agent that ends meanwhile gets the thaw when it is back; a guest that boots anew does not. */
static void comes_back(void **state)
{
	(void)state;
	quiesce_begin(&machine);
	write_bytes(SYNC "{\"return\": 1}\n");
	memset(sent, 0, sizeof(sent));
	is_open = false;
	quiesce_thaw(&machine);
	now += 3600 * NS_PER_S;
	assert_true(quiesce_send(&machine, PORT));
	assert_string_equal(sent, "");
	is_open = true;
	room = 7;
	assert_true(quiesce_send(&machine, PORT));
	is_open = false; /* with a part of the thaw, which is lost with it */
	quiesce_send(&machine, PORT);
	is_open = true;
	room = 1000;
	quiesce_send(&machine, PORT);
	assert_string_equal(sent, "{\"execu" THAW);
	/* one that never answers gives the port back after a time */
	now += 10 * NS_PER_S;
	assert_false(quiesce_send(&machine, PORT));
	assert_int_equal(write_bytes("x"), 1);
	set_up(state);
	quiesce_begin(&machine);
	quiesce_forget(&machine);
	assert_state(QUIESCE_STATE_REFUSED, 0);
	quiesce_thaw(&machine);
	assert_string_equal(sent, REQUEST);
}

/* A thaw before the agent's answer, and behind a request of which it has taken a part. */
static void is_late(void **state)
{
	(void)state;
	room = 20;
	quiesce_begin(&machine);
	room = 1000;
	quiesce_thaw(&machine);
	assert_state(QUIESCE_STATE_REFUSED, 0);
	assert_string_equal(sent + 20, "\xff\n" THAW);
	set_up(state);
	room = 0;
	quiesce_begin(&machine);
	room = 1000;
	quiesce_thaw(&machine);
	assert_string_equal(sent, ""); /* the agent was asked nothing */
	set_up(state);
	quiesce_begin(&machine);
	quiesce_thaw(&machine);
	assert_string_equal(sent, REQUEST THAW);
	quiesce_begin(&machine);
	assert_state(QUIESCE_STATE_BUSY, 0);
	/* the answers to all three requests are ours */
	assert_int_equal(write_bytes(SYNC "{\"return\": 1}\n{\"return\": 1}\nx"), 1);
	quiesce_begin(&machine);
	assert_state(QUIESCE_STATE_ASKED, 0);
}

/* Whatever bytes come in whatever order, the thaw follows, and the port is given back. */
static void hostile(void **state)
{
	static const char bytes[] = "\xff\xff\n\n{}\"return\":15 ,\\\x01";
	u64 random = 1;

	for (u32 run = 0; run < 20000; run++) {
		set_up(state);
		room = (u32)random_step(&random) % 300;
		quiesce_begin(&machine);
		for (u32 i = 0; i < 200; i++) {
			quiesce_take(&machine, PORT,
				     (u8)bytes[random_step(&random) % (sizeof(bytes) - 1)]);
			if (random_step(&random) % 50 == 0)
				quiesce_thaw(&machine);
			assert_true(machine.quiesce.length <= QUIESCE_LINE_BYTES);
		}
		room = 300;
		quiesce_thaw(&machine);
		quiesce_send(&machine, PORT);
		now += 11 * NS_PER_S;
		assert_false(quiesce_send(&machine, PORT));
		if (strstr(sent, "guest-fsfreeze-freeze") != NULL)
			assert_non_null(strstr(sent, "guest-fsfreeze-thaw"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(freezes, set_up),
		cmocka_unit_test_setup(refuses, set_up),
		cmocka_unit_test_setup(has_none, set_up),
		cmocka_unit_test_setup(comes_back, set_up),
		cmocka_unit_test_setup(is_late, set_up),
		cmocka_unit_test_setup(hostile, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
