/* SPDX-License-Identifier: MIT */
/* The machine channel, version 2: hello, replies out of order, streams, samples. */
#include "tests/unit/channel_fixture.h"

static void test_hello(void **state)
{
	(void)state;
	vm_event("alpha", "the-uuid", EVENT_CREATED, "");
	vm_event("alpha", "the-uuid", EVENT_CONFIGURATION, "");
	turns(2, 1000000);
	expect("{\"event\":\"created\",\"vm\":\"alpha\",\"reason\":\"\",\"time_ns\":7}");
	/* lines that version 1 did not have are not sent before a hello */
	assert_null(next_line());
	com2.rights = MAY_VIEW | MAY_HOST;
	client_sends("{\"id\":1,\"hello\":3}\n{\"id\":2,\"hello\":2}\n");
	turns(4, 1000000);
	expect("{\"id\":1,\"status\":\"error\",\"code\":\"bad-argument\",\"error\":\"hello: there "
	       "is no version 3; use 2\"}");
	expect("{\"id\":2,\"status\":\"ok\",\"result\":[{\"protocol\":2,\"version\":"
	       "\"" SKERRY_VERSION
	       "\",\"boot\":\"abababababababababababababababab\",\"channel\":\"com2\","
	       "\"locked\":false,\"time_ns\":7,\"wall_s\":1000,\"vm\":null,"
	       "\"rights\":[\"view\",\"host\"],"
	       "\"event_last\":2,\"event_first\":1,\"limits\":{\"request_bytes\":8192,"
	       "\"requests\":8,\"streams\":16,\"credit_bytes\":65536,\"events\":1024}}]}");
	vm_event("alpha", "the-uuid", EVENT_CONFIGURATION, "");
	turns(2, 1000000);
	expect("{\"event\":\"configuration\",\"sequence\":3,\"vm\":\"alpha\",\"uuid\":"
	       "\"the-uuid\",\"reason\":\"\",\"time_ns\":7}");
	/* A client without the right to view is not told. */
	com2.rights = MAY_HOST;
	vm_event("alpha", "the-uuid", EVENT_CONFIGURATION, "");
	turns(2, 1000000);
	assert_null(next_line());
}

/* Eight beside each other and one in order; each is answered when it is done. */
static void test_any_order(void **state)
{
	char line[128];

	(void)state;
	now = 1000;
	client_sends("{\"id\":0,\"command\":\"wait\"}\n");
	for (u32 i = 1; i <= 9; i++) {
		snprintf(line, sizeof(line), "{\"id\":%u,\"command\":\"wait\",\"order\":\"any\"}\n",
			 i);
		client_sends(line);
	}
	client_sends("{\"id\":10,\"command\":\"x\",\"arguments\":[\"a "
		     "b\"],\"actor\":\"me\",\"order\":\"any\"}\n"
		     "{\"id\":11,\"command\":\"nothing\"}\n");
	turns(20, 1000000);
	for (u32 i = 9; i <= 10; i++) { /* one request too many, twice */
		snprintf(line, sizeof(line), "{\"id\":%u,\"status\":\"error\",\"code\":\"busy\"",
			 i);
		assert_memory_equal(next_line(), line, strlen(line));
	}
	assert_null(next_line()); /* 11 waits for 0 */
	now = 1100;
	turns(3, 1000000);
	for (u32 i = 0; i <= 8; i++) {
		snprintf(line, sizeof(line),
			 "{\"id\":%u,\"status\":\"ok\",\"result\":[\"waited\"]}", i);
		expect(line);
	}
	expect("{\"id\":11,\"status\":\"ok\",\"result\":[]}");
	/* A long answer keeps the line; those beside it come behind it. */
	client_sends("{\"id\":1,\"command\":\"long\",\"order\":\"any\"}\n"
		     "{\"id\":2,\"command\":\"x\",\"arguments\":[\"a "
		     "b\"],\"actor\":\"me\",\"order\":\"any\"}\n");
	turns(100, 50000);
	assert_memory_equal(next_line(), "{\"id\":1,\"status\":\"ok\",\"result\":[{\"item\":0,",
			    41);
	expect("{\"id\":2,\"status\":\"ok\",\"result\":[\"x [a b] for machine channel for "
	       "\\\"me\\\"\"]}");
	assert_null(next_line());
}

static struct channel_stream_state *open_stream(bool writes)
{
	struct channel_stream_state *stream = channel_stream_new(&com2);

	assert_non_null(stream);
	stream->vm_id = 5;
	stream->writes = writes;
	stream->returned = writes ? CHANNEL_INPUT_BYTES : 0;
	return stream;
}

/*
 * Output comes only within credit, what was lost to the byte; a line that a client may not send
 * closes the stream.
 */
static void test_streams(void **state)
{
	char line[128];

	(void)state;
	memset(printed, 'a', sizeof(printed));
	printed_end = 10;
	printed_oldest = 0;
	typed_bytes = guest_takes = 0;
	alpha.id = 5;
	open_stream(false);
	open_stream(true);
	turns(3, 1000000);
	expect("{\"credit\":2,\"bytes\":4096}");
	assert_null(next_line());
	client_sends("{\"credit\":1,\"bytes\":4}\n{\"credit\":9,\"bytes\":4}\n{\"stream\":9,"
		     "\"data\":\"\"}\n");
	turns(5, 1000000);
	expect("{\"stream\":1,\"at\":0,\"data\":\"YWFhYQ==\"}");
	assert_null(next_line());
	printed_oldest = 7;
	client_sends("{\"credit\":1,\"bytes\":65536}\n");
	turns(5, 1000000);
	expect("{\"stream\":1,\"at\":4,\"lost\":3}");
	expect("{\"stream\":1,\"at\":7,\"data\":\"YWFh\"}");
	assert_null(next_line());
	/* 65,533 are left: no more than 3 may be added. */
	client_sends("{\"credit\":1,\"bytes\":3}\n");
	turns(3, 1000000);
	assert_null(next_line());
	client_sends("{\"credit\":1,\"bytes\":18446744073709551615}\n");
	turns(3, 1000000);
	expect("{\"closed\":1,\"reason\":\"bad-input\"}");
	/* Input reaches the guest as the guest reads, and is credited then. */
	client_sends("{\"stream\":2,\"data\":\"aGVsbG8K\"}\n");
	guest_takes = 4;
	turns(3, 1000000);
	assert_int_equal(typed_bytes, 4);
	assert_null(next_line());
	guest_takes = 100;
	turns(3, 1000000);
	assert_memory_equal(typed, "hello\n", 6);
	expect("{\"credit\":2,\"bytes\":6}");
	/* More than 4,096 that the guest has not taken. */
	guest_takes = 0;
	for (u32 i = 0; i < 683; i++)
		client_sends("{\"stream\":2,\"data\":\"aGVsbG8K\"}\n");
	turns(700, 1000000);
	expect("{\"closed\":2,\"reason\":\"bad-input\"}");
	for (u32 i = 0; i < CHANNEL_STREAMS; i++)
		open_stream(false);
	assert_null(channel_stream_new(&com2));
	alpha.id = 0;
	turns(40, 1000000);
	for (u32 i = 0; i < CHANNEL_STREAMS; i++) {
		snprintf(line, sizeof(line), "\"reason\":\"destroyed\"}");
		assert_non_null(strstr(next_line(), line));
	}
	assert_null(next_line());
	alpha.id = 5;
}

/* A round each period; what has not changed is left out; skipped rounds are told. */
static void test_samples(void **state)
{
	(void)state;
	now = 1000;
	channel_samples_set(&com2, 100);
	turns(2, 1000000);
	assert_non_null(strstr(next_line(), "{\"sample\":null,\"time_ns\":7,\"cpus\":[["));
	assert_non_null(strstr(next_line(), "{\"sample\":\"alpha\",\"uuid\":\"the-uuid\""));
	assert_null(next_line());
	assert_int_equal(machine_channels_deadline(), 1000 + com2.samples.period_tsc);
	now += com2.samples.period_tsc;
	turns(2, 1000000);
	assert_non_null(strstr(next_line(), "null"));
	assert_null(next_line());
	used_ns = 5;
	now += 3 * com2.samples.period_tsc;
	turns(2, 1000000);
	assert_non_null(strstr(next_line(), "\"skipped\":2}"));
	assert_non_null(strstr(next_line(), "\"values\":[5,0,"));
	/* The sum never goes back, whatever was read. */
	used_ns = 4;
	account.exits_by_reason[EXIT_IO] = 3;
	now += com2.samples.period_tsc;
	turns(2, 1000000);
	assert_null(strstr(next_line(), "skipped"));
	assert_non_null(strstr(next_line(), "\"values\":[5,0,0,0,0,3,"));
	assert_null(next_line());
}

/* The next client gets nothing of a client that went away without a word. */
static void test_hello_ends_streams(void **state)
{
	(void)state;
	printed_end = printed_oldest = 0;
	alpha.id = 5;
	client_sends("{\"id\":1,\"hello\":2}\n");
	turns(2, 1000000);
	assert_non_null(next_line());
	for (u32 i = 0; i < CHANNEL_STREAMS; i++)
		open_stream(false);
	assert_null(channel_stream_new(&com2));
	channel_heartbeat_set(&com2, 5);
	client_sends("{\"id\":1,\"hello\":1}\n");
	turns(2, 1000000);
	assert_non_null(next_line());
	assert_null(channel_stream_new(&com2)); /* the number is no stream's */
	client_sends("{\"id\":1,\"hello\":2}\n");
	turns(2, 1000000);
	assert_non_null(next_line());
	assert_non_null(channel_stream_new(&com2));
	assert_int_equal(com2.heartbeat_tsc, 0);
}

/* A client is not answered what an earlier client has asked for. */
static void test_hello_ends_requests(void **state)
{
	(void)state;
	now = 1000;
	client_sends("{\"id\":7,\"command\":\"wait\",\"order\":\"any\"}\n");
	turns(3, 1000000);
	client_sends("{\"id\":8,\"hello\":2}\n");
	turns(3, 1000000);
	assert_memory_equal(next_line(), "{\"id\":8,\"status\":\"ok\"", 21);
	client_sends("{\"id\":7,\"command\":\"wait\",\"order\":\"any\"}\n");
	turns(3, 1000000);
	now = 1100;
	turns(3, 1000000);
	expect("{\"id\":7,\"status\":\"ok\",\"result\":[\"waited\"]}");
	assert_null(next_line());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hello, begin),
		cmocka_unit_test_setup(test_hello_ends_streams, begin),
		cmocka_unit_test_setup(test_hello_ends_requests, begin),
		cmocka_unit_test_setup(test_any_order, begin),
		cmocka_unit_test_setup(test_streams, begin),
		cmocka_unit_test_setup(test_samples, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
