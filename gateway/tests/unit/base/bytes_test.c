/* SPDX-License-Identifier: MIT */
/* Base 64 (RFC 4648): its own examples, each length, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"

static void test_examples(void **state)
{
	/* RFC 4648, section 10 */
	static const char *const example[] = {
		"",	"f",	    "Zg==",  "fo",	 "Zm8=",   "foo",     "Zm9v",
		"foob", "Zm9vYg==", "fooba", "Zm9vYmE=", "foobar", "Zm9vYmFy"};
	uint8_t bytes[8];

	(void)state;
	assert_int_equal(base64_read("", 0, bytes, 0), 0);
	for (size_t i = 1; i < sizeof(example) / sizeof(example[0]); i += 2) {
		const char *plain = example[i], *text = example[i + 1];
		struct buffer buffer = {0};

		base64_add(&buffer, (const uint8_t *)plain, strlen(plain));
		assert_int_equal(buffer.count, strlen(text));
		assert_memory_equal(buffer.bytes, text, buffer.count);
		assert_int_equal(base64_read(text, strlen(text), bytes, sizeof(bytes)),
				 strlen(plain));
		assert_memory_equal(bytes, plain, strlen(plain));
		buffer_free(&buffer);
	}
}

static void test_each_length(void **state)
{
	uint8_t bytes[301], read[301];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151 + i / 256);
	for (size_t count = 0; count < sizeof(bytes); count++) {
		struct buffer buffer = {0};

		base64_add(&buffer, bytes, count);
		memset(read, 0xee, sizeof(read));
		assert_int_equal(base64_read(buffer.bytes, buffer.count, read, count), count);
		assert_memory_equal(read, bytes, count);
		assert_int_equal(read[count], 0xee);
		if (count > 0)
			assert_int_equal(base64_read(buffer.bytes, buffer.count, read, count - 1),
					 -1);
		buffer_free(&buffer);
	}
}

static void test_what_is_none(void **state)
{
	static const char *const wrong[] = {"A",     "AB",   "ABC",  "ABCDE",	 "=",
					    "====",  "A===", "AB=C", "ABCD====", "AB==ABCD",
					    "AB CD", "AB-D", "ABC_", "ABC\n",	 "ABC\xff"};
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(base64_read(wrong[i], strlen(wrong[i]), bytes, sizeof(bytes)), -1);
	assert_int_equal(base64_read("AB\0D", 4, bytes, sizeof(bytes)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_each_length),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
