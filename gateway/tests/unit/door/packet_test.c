/* SPDX-License-Identifier: MIT */
/* Tests of packets of libvirt's RPC and of what is in them: lengths that lie, halves, far too much.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/door/packet.c"
#include "gateway/door/xdr.c"

static const struct packet_head wanted = {PACKET_REMOTE, PACKET_VERSION, 16, PACKET_CALL, 7,
					  PACKET_OK};
static struct packet_head head;
static struct xdr_reader contents;

static struct xdr_reader reader_of(const char *bytes, size_t count)
{
	return (struct xdr_reader){bytes, count, false};
}

/* Makes a packet of a head that says `length`, whatever is in it. */
static void add_head(struct packet_reader *reader, uint32_t length)
{
	struct buffer packet = {0};

	packet_write(&packet, &wanted, NULL);
	for (unsigned i = 0; i < 4; i++)
		packet.bytes[i] = (char)(length >> (24 - 8 * i));
	packet_add(reader, packet.bytes, packet.count);
	buffer_free(&packet);
}

static void test_items_come_back(void **state)
{
	struct buffer written = {0};
	struct xdr_reader reader;
	char text[8], bytes[5];

	(void)state;
	xdr_write_u32(&written, 0x01020304);
	xdr_write_u64(&written, 0x1122334455667788);
	xdr_write_text(&written, "hello");
	xdr_write_bytes(&written, "abcde", 5);
	assert_int_equal(written.count, 4 + 8 + 4 + 8 + 8);
	reader = reader_of(written.bytes, written.count);
	assert_int_equal(xdr_read_u32(&reader), 0x01020304);
	assert_true(xdr_read_u64(&reader) == 0x1122334455667788);
	xdr_read_text(&reader, text, sizeof(text));
	assert_string_equal(text, "hello");
	xdr_read_bytes(&reader, bytes, sizeof(bytes));
	assert_memory_equal(bytes, "abcde", 5);
	assert_false(reader.failed);
	assert_int_equal(reader.count, 0);
	buffer_free(&written);
}

static void test_texts_that_lie(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
	} lies[] = {
		{"\0\0\0\4abc", 7},	   /* it is longer than what is there */
		{"\0\0\0\5abcde\0\0", 11}, /* its padding is not all there */
		{"\0\0\0\3abcd", 8},	   /* its padding is no 0 */
		{"\0\0\0\4a\0cd", 8},	   /* it has a 0 inside */
		{"\377\377\377\377abcd", 8},
		{"\377\377\377\375abcd", 8}, /* its length and padding together wrap at 32 bits */
		{"\0\0\0\10abcdefgh", 12},   /* it does not fit */
		{"\0\0\0", 3},
		{"", 0},
	};
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct xdr_reader reader = reader_of(lies[i].bytes, lies[i].count);

		memset(text, 'x', sizeof(text));
		xdr_read_text(&reader, text, sizeof(text));
		assert_true(reader.failed);
		assert_string_equal(text, "");
		/* What comes after it is not read either. */
		assert_int_equal(xdr_read_u32(&reader), 0);
	}
}

static void test_a_packet_in_pieces(void **state)
{
	struct packet_reader reader = {0};
	struct buffer packet = {0}, inside = {0};

	(void)state;
	xdr_write_text(&inside, "vm");
	packet_write(&packet, &wanted, &inside);
	packet_write(&packet, &wanted, NULL);
	for (size_t i = 0; i < PACKET_HEAD_BYTES + 8; i++) {
		assert_int_equal(packet_take(&reader, &head, &contents), PACKET_NONE);
		packet_add(&reader, packet.bytes + i, 1);
	}
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_WHOLE);
	assert_memory_equal(&head, &wanted, sizeof(head));
	assert_int_equal(contents.count, 8);
	packet_add(&reader, packet.bytes + PACKET_HEAD_BYTES + 8, PACKET_HEAD_BYTES);
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_WHOLE);
	assert_int_equal(contents.count, 0);
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_NONE);
	packet_free(&reader);
	buffer_free(&packet);
	buffer_free(&inside);
}

static void test_lengths_that_lie(void **state)
{
	static const uint32_t lengths[] = {0, 1, 27, PACKET_MOST + 1, 0x7fffffff, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct packet_reader reader = {0};

		add_head(&reader, lengths[i]);
		assert_int_equal(packet_take(&reader, &head, &contents), PACKET_BROKEN);
		packet_free(&reader);
	}
}

/* A packet that is too long costs no memory, and the next one is read. */
static void test_a_packet_too_long(void **state)
{
	static char zeros[4096];
	struct packet_reader reader = {0};
	size_t rest = PACKET_MOST - PACKET_HEAD_BYTES;

	(void)state;
	add_head(&reader, PACKET_MOST);
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_TOO_LONG);
	assert_memory_equal(&head, &wanted, sizeof(head));
	while (rest) {
		size_t piece = rest < sizeof(zeros) ? rest : sizeof(zeros);

		packet_add(&reader, zeros, piece);
		assert_true(reader.input.room <= 2 * sizeof(zeros));
		assert_int_equal(packet_take(&reader, &head, &contents), PACKET_NONE);
		rest -= piece;
	}
	add_head(&reader, PACKET_HEAD_BYTES);
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_WHOLE);
	packet_free(&reader);
}

static void test_the_longest_that_is_read(void **state)
{
	struct packet_reader reader = {0};
	char *zeros = calloc(1, PACKET_BYTES);

	(void)state;
	add_head(&reader, PACKET_BYTES);
	packet_add(&reader, zeros, PACKET_BYTES - PACKET_HEAD_BYTES - 1);
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_NONE);
	packet_add(&reader, zeros, 1);
	assert_int_equal(packet_take(&reader, &head, &contents), PACKET_WHOLE);
	assert_int_equal(contents.count, PACKET_BYTES - PACKET_HEAD_BYTES);
	packet_free(&reader);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_come_back),
		cmocka_unit_test(test_texts_that_lie),
		cmocka_unit_test(test_a_packet_in_pieces),
		cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_a_packet_too_long),
		cmocka_unit_test(test_the_longest_that_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
