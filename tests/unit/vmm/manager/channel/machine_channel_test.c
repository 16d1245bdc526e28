/* SPDX-License-Identifier: MIT */
/* The machine channel: clients that read at any speed, commands with answers of any length. */
#include "tests/unit/channel_fixture.h"

static void test_answers(void **state)
{
	(void)state;
	client_sends("{\"id\":1,\"command\":\"nothing\"}\n\r\n \n"
		     "{\"id\":\"\\u00e9\",\"command\":\"text\"}\r\n"
		     "{\"id\":null,\"command\":\"fail\"}\n"
		     "{\"id\":2,\"command\":\"terminal\"}\n"
		     "{\"id\":3 \"command\":\"x\"}\n");
	turns(20, 1000000);
	expect("{\"id\":1,\"status\":\"ok\",\"result\":[]}");
	expect("{\"id\":\"\\u00e9\",\"status\":\"ok\",\"result\":[\"a \\\"line\\\"\\nand \\u0001 "
	       "\\ufffd another\"]}");
	expect("{\"id\":null,\"status\":\"error\",\"code\":\"failed\",\"error\":\"no\"}");
	expect("{\"id\":2,\"status\":\"error\",\"code\":\"failed\",\"error\":\"this command needs "
	       "a terminal, which the machine channel is not; type it at the console\"}");
	expect("{\"id\":3,\"status\":\"error\",\"code\":\"bad-request\",\"error\":\"there should "
	       "be a comma or } here, not "
	       "\\\"\",\"position\":8}");
	assert_null(next_line());
}

/* At any speed of the reader the answer is the same, one line with nothing in between. */
static void test_long(void **state)
{
	static const size_t speeds[] = {16, 1000, 50000, 1000000};

	for (u32 i = 0; i < ARRAY_COUNT(speeds); i++) {
		const char *line;
		const char *at;

		begin(state);
		client_sends(
			"{\"id\":1,\"command\":\"long\"}\n{\"id\":2,\"command\":\"nothing\"}\n");
		turns(5, speeds[i]);
		vm_event("alpha", "the-uuid", EVENT_CRASHED, "\"\x1b");
		for (u32 k = 0; k < 2000000 / speeds[i] + 100; k++) {
			assert_false(com2.slot[0].open && items_left < ITEMS &&
				     machine_channel_takes_line());
			turns(1, speeds[i]);
		}
		line = next_line();
		assert_non_null(line);
		at = line;
		for (u32 item = 0; item < ITEMS; item++) {
			char wanted[32];
			/* the sanitizer's strstr() measures all of the line each time */
			char near[512];
			const char *found;

			snprintf(wanted, sizeof(wanted), "{\"item\":%u,", item);
			snprintf(near, sizeof(near), "%.*s", (int)sizeof(near) - 1, at);
			found = strstr(near, wanted);
			assert_non_null(found);
			at += found - near;
		}
		assert_string_equal(line + strlen(line) - 4, "\"}]}");
		line = next_line();
		if (line[2] == 'e') {
			assert_string_equal(line,
					    "{\"event\":\"crashed\",\"vm\":\"alpha\",\"reason\":"
					    "\"\\\"\\u001b\",\"time_ns\":7}");
			line = next_line();
		}
		assert_string_equal(line, "{\"id\":2,\"status\":\"ok\",\"result\":[]}");
	}
}

static void test_too_long(void **state)
{
	const char *line;

	(void)state;
	client_sends("{\"id\":1,\"command\":\"huge\"}\n{\"id\":2,\"command\":\"late\"}\n");
	turns(3000, 1000);
	expect("{\"id\":1,\"status\":\"error\",\"code\":\"failed\",\"error\":\"the answer is too "
	       "long for the machine "
	       "channel\"}");
	line = next_line();
	assert_non_null(line);
	assert_memory_equal(line, "{\"id\":2,\"status\":\"ok\",\"result\":[{\"item\":0,", 42);
	assert_non_null(
		strstr(line, "}],\"incomplete\":true,\"code\":\"failed\",\"error\":\"it went wrong "
			     "\\\"late\\\"\"}"));
}

/* The client does not read: requests stay in the port, log lines wait, lost events are counted. */
static void test_slow_reader(void **state)
{
	u32 answers = 0;
	u32 lines = 0;
	u64 lost = 0;

	(void)state;
	for (u32 i = 0; i < 50; i++)
		client_sends("{\"id\":1,\"command\":\"long\"}\n");
	for (u32 i = 0; i < 1500; i++) {
		turns(1, 0);
		vm_event("alpha", "the-uuid", EVENT_RESET, "");
		assert_false(i > 0 && machine_channel_takes_line());
	}
	assert_true(to_machine_taken < 100);
	for (u32 i = 0; i < 50 * 30; i++) {
		const char *line;

		turns(1, 50000);
		while ((line = next_line()) != NULL) {
			answers += line[2] == 'i';
			lines += strstr(line, "\"reset\"") != NULL;
			if (strstr(line, "\"lost\"") != NULL)
				lost += strtoull(strstr(line, "\"count\":") + 8, NULL, 10);
		}
	}
	assert_int_equal(answers, 50);
	assert_int_equal(lines, VM_EVENTS_KEPT);
	assert_int_equal(lost, 1500 - VM_EVENTS_KEPT);
	assert_true(machine_channel_takes_line());
}

/* Many short answers that are not read at first: none is lost. */
static void test_many(void **state)
{
	const u32 count = 1500;

	(void)state;
	for (u32 i = 0; i < count; i++)
		client_sends("{\"id\":1,\"command\":\"text\"}\n");
	turns(count + 10, 0);
	assert_true(to_machine_taken < to_machine_length);
	turns(count + 10, 1000000);
	for (u32 i = 0; i < count; i++)
		assert_non_null(strstr(next_line(), "\"ok\""));
	assert_null(next_line());
}

static void test_input(void **state)
{
	(void)state;
	/* A line that is too long is answered once, at once; the next line is a request again. */
	for (u32 i = 0; i < 20000; i++)
		client_sends("x");
	turns(10, 1000000);
	expect("{\"id\":null,\"status\":\"error\",\"code\":\"bad-request\",\"error\":\"the line is "
	       "too long; use at most 8192 bytes\",\"position\":8192}");
	client_sends("xx\n{\"id\":1,\"command\":\"nothing\"}\n");
	turns(10, 1000000);
	expect("{\"id\":1,\"status\":\"ok\",\"result\":[]}");
	/* A line of which the port has lost bytes is not a request. */
	client_sends("{\"id\":2,\"comm");
	turns(2, 1000000);
	input_lost = 3;
	client_sends("\"nothing\"}\n{\"id\":3,\"command\":\"nothing\"}\n");
	turns(5, 1000000);
	expect("{\"id\":null,\"status\":\"error\",\"code\":\"bad-request\",\"error\":\"3 bytes of "
	       "input were lost here; send no more than the port carries\",\"position\":13}");
	expect("{\"id\":3,\"status\":\"ok\",\"result\":[]}");
	assert_null(next_line());
}

static void test_waiting(void **state)
{
	(void)state;
	client_sends("{\"id\":1,\"command\":\"wait\"}\n{\"id\":2,\"command\":\"nothing\"}\n");
	now = 1000;
	turns(5, 1000000);
	assert_null(next_line());
	assert_int_equal(machine_channels_deadline(), 1100);
	/* A command that waits does not hold up events. */
	vm_event("alpha", "the-uuid", EVENT_STARTED, "");
	turns(5, 1000000);
	expect("{\"event\":\"started\",\"vm\":\"alpha\",\"reason\":\"\",\"time_ns\":7}");
	now = 1100;
	turns(5, 1000000);
	expect("{\"id\":1,\"status\":\"ok\",\"result\":[\"waited\"]}");
	assert_int_equal(machine_channels_deadline(), ~0ull);
	expect("{\"id\":2,\"status\":\"ok\",\"result\":[]}");
	assert_null(next_line());
}

/* Locked: no command runs, no event or log line goes out; the password unlocks. */
static void test_locked(void **state)
{
	struct password_hash hash;

	(void)state;
	assert_true(password_parse(
		TEXT("pbkdf2-sha256$1000$00112233445566778899aabbccddeeff$"
		     "111d7870ba309c2ec0f57e584e4e314fc577046f365a791c67e56fab8127b1fa"),
		&hash));
	login_require(&hash);
	login_lock(&com2.login);
	vm_event("alpha", "the-uuid", EVENT_STARTED, "");
	client_sends("{\"id\":1,\"command\":\"text\"}\n{\"id\":2,\"auth\":\"close barley\"}\n"
		     "{\"id\":3,\"auth\":7}\n{\"id\":4,\"auth\":\"open sesam\\u0065\"}\n");
	turns(2, 1000000);
	assert_false(machine_channel_takes_line());
	turns(3, 1000000);
	assert_true(com2.slot[0].open && machine_channels_deadline() <= now);
	assert_false(machine_channel_takes_line());
	turns(30, 1000000);
	expect("{\"id\":1,\"status\":\"error\",\"code\":\"locked\",\"error\":\"the channel is "
	       "locked; unlock "
	       "it by {\\\"id\\\":1,\\\"auth\\\":\\\"PASSWORD\\\"}\"}");
	expect("{\"id\":2,\"status\":\"error\",\"code\":\"wrong-password\",\"error\":\"auth: wrong "
	       "password\"}");
	expect("{\"id\":3,\"status\":\"error\",\"code\":\"bad-request\",\"error\":\"auth: this is "
	       "no string; write the password in quotes\",\"position\":15}");
	expect("{\"id\":4,\"status\":\"ok\",\"result\":[]}");
	expect("{\"event\":\"started\",\"vm\":\"alpha\",\"reason\":\"\",\"time_ns\":7}");
	assert_null(next_line());
	assert_string_equal(logged, "unlocked");
	assert_false(memchr(com2.input.bytes, 's', 64) != NULL); /* the password was erased */
	login_require(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers, begin),
		cmocka_unit_test_setup(test_long, begin),
		cmocka_unit_test_setup(test_too_long, begin),
		cmocka_unit_test_setup(test_slow_reader, begin),
		cmocka_unit_test_setup(test_many, begin),
		cmocka_unit_test_setup(test_input, begin),
		cmocka_unit_test_setup(test_waiting, begin),
		cmocka_unit_test_setup(test_locked, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
