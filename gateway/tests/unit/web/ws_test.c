/* SPDX-License-Identifier: MIT */
/* Tests of the reader of WebSockets: frames, pieces of messages, and what ends a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/string.h"
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/web/ws.c"

static struct ws_message message;

static void add_frame(struct ws_reader *reader, int first, const char *text, size_t count)
{
	static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};
	uint8_t head[4] = {(uint8_t)first, (uint8_t)(WS_MASKED | count)};
	size_t length = 2;

	if (count >= WS_16) {
		head[1] = WS_MASKED | WS_16;
		head[2] = (uint8_t)(count >> 8);
		head[3] = (uint8_t)count;
		length = 4;
	}
	buffer_add(&reader->input, head, length);
	buffer_add(&reader->input, mask, 4);
	for (size_t i = 0; i < count; i++) {
		uint8_t byte = (uint8_t)text[i] ^ mask[i & 3];

		buffer_add(&reader->input, &byte, 1);
	}
}

static void test_accept(void **state)
{
	char text[29];

	(void)state;
	/* The example of RFC 6455, section 1.3. */
	assert_true(ws_accept("dGhlIHNhbXBsZSBub25jZQ==", text));
	assert_string_equal(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_false(ws_accept("short", text));
	assert_false(ws_accept("dGhlIHNhbXBsZSBub25jZQ=!", text));
}

static void test_fragments_with_a_ping_between(void **state)
{
	struct ws_reader reader = {0};

	(void)state;
	add_frame(&reader, WS_TEXT, "Hel", 3);
	add_frame(&reader, WS_FINAL | WS_PING, "p", 1);
	add_frame(&reader, WS_FINAL | WS_CONTINUATION, "lo", 2);
	assert_int_equal(ws_read(&reader, &message), 1);
	assert_int_equal(message.opcode, WS_PING);
	assert_int_equal(message.count, 1);
	assert_int_equal(ws_read(&reader, &message), 1);
	assert_int_equal(message.opcode, WS_TEXT);
	assert_memory_equal(message.bytes, "Hello", 5);
	assert_int_equal(ws_read(&reader, &message), 0);
	ws_reader_free(&reader);
}

static void test_byte_by_byte(void **state)
{
	struct ws_reader whole = {0}, reader = {0};

	(void)state;
	add_frame(&whole, WS_FINAL | WS_BINARY, "0123456789", 10);
	for (size_t i = 0; i < whole.input.count; i++) {
		assert_int_equal(ws_read(&reader, &message), 0);
		buffer_add(&reader.input, whole.input.bytes + i, 1);
	}
	assert_int_equal(ws_read(&reader, &message), 1);
	assert_memory_equal(message.bytes, "0123456789", 10);
	ws_reader_free(&whole);
	ws_reader_free(&reader);
}

static void test_a_message_of_many_pieces_has_a_limit(void **state)
{
	static char piece[8000];
	struct ws_reader reader = {0};

	(void)state;
	add_frame(&reader, WS_BINARY, piece, sizeof(piece));
	add_frame(&reader, WS_CONTINUATION, piece, sizeof(piece));
	add_frame(&reader, WS_CONTINUATION, piece, sizeof(piece));
	assert_int_equal(ws_read(&reader, &message), WS_TOO_BIG);
	ws_reader_free(&reader);
}

static void test_close_codes(void **state)
{
	/* clang-format off */
	static const struct {
		const char *bytes;
		size_t count;
		int outcome;
	} cases[] = {
		{"", 0, 1},		  {"\x03\xe8", 2, 1},	    {"\x03", 1, WS_PROTOCOL_ERROR},
		{"\x03\xed", 2, WS_PROTOCOL_ERROR}, {"\x0b\xb8ok", 4, 1},
		{"\x03\xe8\xff", 3, WS_PROTOCOL_ERROR}, {"\0\0", 2, WS_PROTOCOL_ERROR},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct ws_reader reader = {0};

		add_frame(&reader, WS_FINAL | WS_CLOSE, cases[i].bytes, cases[i].count);
		assert_int_equal(ws_read(&reader, &message), cases[i].outcome);
		ws_reader_free(&reader);
	}
}

static void test_frames_that_are_written(void **state)
{
	static const size_t sizes[] = {0, 125, 126, 65535, 65536};
	static char bytes[65536];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct buffer output = {0};
		size_t head = sizes[i] < 126 ? 2 : sizes[i] < 65536 ? 4 : 10;

		ws_write(&output, WS_BINARY, bytes, sizes[i]);
		assert_int_equal(output.count, head + sizes[i]);
		assert_int_equal((uint8_t)output.bytes[0], WS_FINAL | WS_BINARY);
		buffer_free(&output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_fragments_with_a_ping_between),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_a_message_of_many_pieces_has_a_limit),
		cmocka_unit_test(test_close_codes),
		cmocka_unit_test(test_frames_that_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
