/* SPDX-License-Identifier: MIT */
/* Transfers: a process and a client of the machine channel, each of which may misbehave. */
#include "tests/unit/channel_fixture.h"
#include "vmm/rt/transfer.c"

#define BELL 71u

static struct transfer transfer;
static struct transfer_end end;
static char problem[200];
static void (*meanwhile)(void); /* does what the client does while the process waits */

enum status sys_queue_wait(handle_t queue, u64 deadline_tsc, u64 *key)
{
	now = deadline_tsc;
	if (meanwhile != NULL)
		meanwhile();
	turns(1, 1000000);
	return STATUS_TIMED_OUT;
}

/* A stream of number 1, and both of its ends. */
static void open_one(bool inward)
{
	transfer_close(&transfer, NULL);
	channel_streams_drop(&com2);
	com2.last_stream = 0;
	from_machine_length = 0;
	now = 1000;
	assert_true(transfer_open(&transfer, &com2, inward, problem, sizeof(problem)));
	transfer.bell = BELL;
	end = (struct transfer_end){.ring = transfer.ring};
	meanwhile = NULL;
}

static void says(const char *line)
{
	client_sends(line);
	turns(2, 1000000);
}

/*
 * Checks that the transfer is broken with these words: its client hears of it when it is closed,
 * and it goes no further.
 */
static void is_broken(const char *words)
{
	char line[256];

	assert_int_equal(transfer.state, TRANSFER_BROKEN);
	assert_string_equal(transfer.problem, words);
	assert_int_equal(transfer.ring->verdict, TRANSFER_FAILED);
	assert_string_equal(transfer.ring->problem, words);
	assert_false(transfer_write(&end, "x", 1));
	assert_string_equal(end.problem, words);
	assert_false(transfer_finish(&end));
	from_machine_length = 0;
	transfer_close(&transfer, transfer.problem);
	assert_null(ring_memory);
	turns(2, 1000000);
	snprintf(line, sizeof(line), "{\"closed\":1,\"reason\":\"failed\",\"error\":\"%s\"}",
		 words);
	expect(line);
	assert_null(next_line());
	assert_null(channel_stream_find(&com2, 1));
}

static u8 stored[3 * TRANSFER_RING_BYTES];
static u64 stored_bytes;
static u64 credit_left;

/* A store that keeps what comes, and confirms. */
static void store(void)
{
	char line[64];
	const char *got;
	char *text;
	size_t count;

	while ((got = next_line()) != NULL) {
		unsigned long long at;
		int length = 0;

		if (sscanf(got, "{\"stream\":1,\"end\":%llu}", &at) == 1) {
			assert_int_equal(at, stored_bytes);
			snprintf(line, sizeof(line), "{\"stream\":1,\"end\":%llu}\n", at);
			client_sends(line);
			continue;
		}
		assert_int_equal(
			sscanf(got, "{\"stream\":1,\"at\":%llu,\"data\":\"%n", &at, &length), 1);
		assert_int_equal(at, stored_bytes);
		text = (char *)got + length;
		assert_true(base64_bytes((struct text){text, strcspn(text, "\"")},
					 stored + stored_bytes, &count));
		assert_true(count <= credit_left);
		credit_left -= count;
		stored_bytes += count;
	}
	if (credit_left < 5000) {
		client_sends("{\"credit\":1,\"bytes\":5000}\n");
		credit_left += 5000;
	}
}

static void test_out(void **state)
{
	static u8 bytes[2 * TRANSFER_RING_BYTES + 777];

	(void)state;
	for (u32 i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)(i * 7 + i / 4096);
	open_one(false);
	stored_bytes = credit_left = 0;
	meanwhile = store;
	assert_true(transfer_write(&end, bytes, 100000));
	assert_true(transfer_write(&end, bytes + 100000, sizeof(bytes) - 100000));
	assert_int_equal(transfer.state, TRANSFER_RUNS);
	assert_true(transfer_finish(&end));
	assert_int_equal(transfer.state, TRANSFER_CONFIRMED);
	assert_int_equal(stored_bytes, sizeof(bytes));
	assert_memory_equal(stored, bytes, sizeof(bytes));
	assert_true(bells > 0);
	transfer_close(&transfer, NULL);
	turns(2, 1000000);
	expect("{\"closed\":1,\"reason\":\"done\"}");
	says("{\"stream\":1,\"end\":0}\n{\"credit\":1,\"bytes\":1}\n"); /* lines for no stream */
	assert_null(next_line());
}

static u64 sent_bytes;

/* Sends as much as there is credit for, in pieces of up to 3,000 bytes. */
static void source(void)
{
	static char line[8192];
	static char data[5000];
	const char *got;

	while ((got = next_line()) != NULL) {
		unsigned long long more;

		assert_int_equal(sscanf(got, "{\"credit\":1,\"bytes\":%llu}", &more), 1);
		credit_left += more;
		assert_true(credit_left <= TRANSFER_CREDIT_BYTES);
	}
	while (credit_left > 0 && sent_bytes < sizeof(stored)) {
		u64 count = MIN(MIN(credit_left, 3000), sizeof(stored) - sent_bytes);

		base64_text(stored + sent_bytes, count, data);
		snprintf(line, sizeof(line), "{\"stream\":1,\"at\":%llu,\"data\":\"%s\"}\n",
			 (unsigned long long)sent_bytes, data);
		client_sends(line);
		turns(2, 1000000);
		sent_bytes += count;
		credit_left -= count;
		if (to_machine_taken == to_machine_length)
			to_machine_taken = to_machine_length = 0;
		if (sent_bytes == sizeof(stored))
			client_sends("{\"stream\":1,\"end\":196608}\n");
	}
}

static void test_in(void **state)
{
	static u8 bytes[sizeof(stored) + 1];
	u32 read;

	(void)state;
	for (u32 i = 0; i < sizeof(stored); i++)
		stored[i] = (u8)(i * 5 + i / 1000);
	open_one(true);
	sent_bytes = credit_left = 0;
	meanwhile = source;
	assert_true(transfer_read(&end, bytes, 100, &read));
	assert_int_equal(read, 100);
	assert_true(transfer_read(&end, bytes + 100, sizeof(bytes) - 100, &read));
	assert_int_equal(read, sizeof(stored) - 100); /* the bytes end there */
	assert_memory_equal(bytes, stored, sizeof(stored));
	assert_true(transfer_read(&end, bytes, 1, &read));
	assert_int_equal(read, 0);
	turns(2, 1000000);
	assert_null(next_line()); /* there is no credit for more */
	says("{\"stream\":1,\"at\":196608,\"data\":\"\"}\n");
	is_broken("no piece is accepted here: the stream leads the other way, or has ended");
}

/* A client says what it must not: each case, and the answer to it. */
static void test_hostile_client(void **state)
{
	static const struct {
		bool inward;
		const char *lines;
		const char *words;
	} cases[] = {
		{true, "{\"stream\":1,\"data\":\"aGkK\"}\n",
		 "a piece came without its place; send it with \"at\":0"},
		{true, "{\"stream\":1,\"at\":3,\"data\":\"aGkK\"}\n",
		 "a piece came at 3; the next one belongs at 0"},
		{true,
		 "{\"stream\":1,\"at\":0,\"data\":\"aGkK\"}\n{\"stream\":1,\"at\":0,\"data\":"
		 "\"aGkK\"}\n",
		 "a piece came at 0; the next one belongs at 3"},
		{true, "{\"stream\":1,\"at\":0,\"data\":\"a*==\"}\n",
		 "the piece at 0 is no base 64; send its bytes in base 64"},
		{true, "{\"stream\":1,\"at\":0,\"data\":\"aGkK\"}\n{\"stream\":1,\"end\":4}\n",
		 "the end is said to be at 4, but the stream has come to 3"},
		{true, "{\"stream\":1,\"end\":-1}\n",
		 "the end is said to be at 18446744073709551615, but the stream has come to 0"},
		{true, "{\"stream\":1,\"end\":0}\n{\"stream\":1,\"end\":0}\n",
		 "no end is accepted here: it came before, or before the stream's own end"},
		{true, "{\"credit\":1,\"bytes\":1}\n",
		 "credit for 1 bytes is too much; give at most 0"},
		{true, "{\"stream\":1,\"refused\":\"it \\u001b[2J\\\"broke\\\"\"}\n",
		 "the store refuses it: it ?[2J\"broke\""},
		{false, "{\"credit\":1,\"bytes\":65537}\n",
		 "credit for 65537 bytes is too much; give at most 65536"},
		{false, "{\"credit\":1,\"bytes\":65536}\n{\"credit\":1,\"bytes\":1}\n",
		 "credit for 1 bytes is too much; give at most 0"},
		{false, "{\"stream\":1,\"at\":0,\"data\":\"aGkK\"}\n",
		 "no piece is accepted here: the stream leads the other way, or has ended"},
		{false, "{\"stream\":1,\"end\":0}\n",
		 "no end is accepted here: it came before, or before the stream's own end"},
		{false, "{\"stream\":1,\"refused\":\"no space\"}\n",
		 "the store refuses it: no space"},
	};
	char line[64];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		open_one(cases[i].inward);
		turns(2, 1000000);
		client_sends(cases[i].lines);
		turns(4, 1000000);
		if (strchr(cases[i].words, '"') != NULL) { /* escaped in the line */
			assert_string_equal(transfer.problem, cases[i].words);
			continue;
		}
		is_broken(cases[i].words);
	}
	/* the client sends more than there was credit for */
	open_one(true);
	turns(2, 1000000);
	transfer.stream->allowed = 2;
	says("{\"stream\":1,\"at\":0,\"data\":\"aGkK\"}\n");
	is_broken("a piece of 3 bytes exceeds its credit; send at most 2");
	/* the client confirms less than all, and before it is asked to */
	for (u32 early = 0; early < 2; early++) {
		open_one(false);
		assert_true(transfer_write(&end, "hello", 5));
		says("{\"credit\":1,\"bytes\":100}\n");
		if (!early)
			transfer.ring->process_ended = 1;
		turns(3, 1000000);
		snprintf(line, sizeof(line), "{\"stream\":1,\"end\":%u}\n", early ? 5 : 4);
		says(line);
		is_broken(early ? "no end is accepted here: it came before, or before the stream's "
				  "own end"
				: "the end is said to be at 4, but the stream has come to 5");
	}
	/* garbage loses a piece, and the next piece shows it */
	open_one(true);
	turns(2, 1000000);
	says("{\"stream\":1,\"at\":0,\"da\xff\xfe\n{\"stream\":1,\"at\":3,\"data\":\"aGkK\"}\n");
	is_broken("a piece came at 3; the next one belongs at 0");
}

static void test_hostile_process(void **state)
{
	static const u64 outward[] = {TRANSFER_RING_BYTES + 1, ~0ull, 1ull << 63};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(outward); i++) {
		open_one(false);
		transfer.ring->process_at = outward[i];
		says("{\"credit\":1,\"bytes\":65536}\n");
		is_broken("its process has written an impossible position");
	}
	open_one(false); /* the process takes back what is on its way */
	assert_true(transfer_write(&end, "hello", 5));
	turns(2, 1000000);
	transfer.ring->process_at = 4;
	turns(2, 1000000);
	is_broken("its process has written an impossible position");
	open_one(true); /* the process has taken what never came */
	turns(2, 1000000);
	transfer.ring->process_at = 1;
	turns(2, 1000000);
	is_broken("its process has written an impossible position");
	open_one(false); /* the process writes behind its end, where nobody looks */
	assert_true(transfer_write(&end, "hello", 5));
	transfer.ring->process_ended = 1;
	turns(1, 1000000);
	transfer.ring->process_at = 5000;
	transfer.ring->manager_at = 77; /* nobody looks at the manager's index either */
	says("{\"credit\":1,\"bytes\":65536}\n");
	expect("{\"stream\":1,\"at\":0,\"data\":\"aGVsbG8=\"}");
	expect("{\"stream\":1,\"end\":5}");
	assert_int_equal(transfer.state, TRANSFER_RUNS);
	/* the process unsays what it was told: that is no confirmation */
	transfer.ring->verdict = TRANSFER_DONE;
	turns(2, 1000000);
	assert_int_equal(transfer.state, TRANSFER_RUNS);
}

/* Nobody waits for ever, and the words say which end was waited for. */
static void test_patience(void **state)
{
	(void)state;
	open_one(false);
	turns(1, 1000000);
	assert_int_equal(machine_channels_deadline(), now + clock_ns_to_tsc(TRANSFER_IDLE_NS));
	now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
	turns(1, 1000000);
	is_broken("its process did nothing for 30 s");
	open_one(false);
	assert_true(transfer_write(&end, "hello", 5));
	turns(1, 1000000);
	assert_true(machine_channels_deadline() > now);
	now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
	turns(1, 1000000);
	is_broken("the store gave no credit for 30 s");
	open_one(false);
	transfer.ring->process_ended = 1;
	turns(3, 1000000);
	now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
	turns(1, 1000000);
	is_broken("the store has not confirmed it for 30 s");
	open_one(true);
	turns(1, 1000000);
	now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
	turns(1, 1000000);
	is_broken("the store sent nothing for 30 s");
	open_one(true);
	turns(1, 1000000);
	says("{\"stream\":1,\"at\":0,\"data\":\"aGkK\"}\n");
	now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
	turns(1, 1000000);
	is_broken("its process did nothing for 30 s");
	/* the process does something else first, over and over */
	for (u32 inward = 0; inward < 2; inward++) {
		open_one(inward != 0);
		turns(1, 1000000);
		says(inward ? "{\"stream\":1,\"at\":0,\"data\":\"aGkK\"}\n" : "");
		for (u32 i = 0; i < 3; i++) {
			now += clock_ns_to_tsc(TRANSFER_IDLE_NS) - 1;
			transfer_works(&end);
			turns(1, 1000000);
			assert_int_equal(transfer.state, TRANSFER_RUNS);
		}
		now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
		turns(1, 1000000);
		is_broken("its process did nothing for 30 s");
	}
	/* the line's garbage is no excuse for the store */
	for (u32 inward = 0; inward < 2; inward++) {
		open_one(inward != 0);
		assert_true(inward || transfer_write(&end, "hello", 5));
		turns(1, 1000000);
		now += clock_ns_to_tsc(TRANSFER_IDLE_NS);
		transfer_works(&end);
		turns(1, 1000000);
		is_broken(inward ? "the store sent nothing for 30 s"
				 : "the store gave no credit for 30 s");
	}
	/* bytes that are ready to go go at once */
	open_one(false);
	says("{\"credit\":1,\"bytes\":1}\n");
	assert_true(transfer_write(&end, "hello", 5));
	channel_transfer_step(&com2, &transfer);
	assert_true(transfer_write(&end, "hello", 5));
	transfer.stream->credit = 1;
	assert_int_equal(machine_channels_deadline(), 0);
}

/* The channel goes: by a lock, a close, another client. The process hears of it. */
static void test_cut(void **state)
{
	u32 read;

	(void)state;
	for (u32 how = 0; how < 2; how++) {
		open_one(how == 0);
		if (how == 0)
			channel_stream_end(channel_stream_find(&com2, 1));
		else
			channel_forget_client(&com2);
		assert_int_equal(transfer.state, TRANSFER_BROKEN);
		assert_string_equal(transfer.problem, "its channel was closed");
		assert_false(transfer_read(&end, &read, 1, &read));
		assert_string_equal(end.problem, "its channel was closed");
		transfer_close(&transfer, transfer.problem);
		assert_null(ring_memory);
		turns(2, 1000000);
		assert_null(next_line());
	}
	/* as many transfers as there are streams */
	for (u32 i = 0; i < CHANNEL_STREAMS; i++)
		assert_non_null(channel_stream_new(&com2));
	assert_false(transfer_open(&transfer, &com2, true, problem, sizeof(problem)));
	assert_string_equal(problem, "there is one stream too many; there can be at most 16");
	assert_null(ring_memory);
	assert_int_equal(transfer.state, TRANSFER_CLOSED);
	transfer_close(&transfer, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_out, begin),
		cmocka_unit_test_setup(test_in, begin),
		cmocka_unit_test_setup(test_hostile_client, begin),
		cmocka_unit_test_setup(test_hostile_process, begin),
		cmocka_unit_test_setup(test_patience, begin),
		cmocka_unit_test_setup(test_cut, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
