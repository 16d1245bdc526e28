/* SPDX-License-Identifier: MIT */
/*
 * Feeds web's reader of JSON with a client's bytes: what it makes of them is a list that core can
 * read.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"
#include "gateway/web/flatten.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct fields fields;
	struct buffer made = {0};

	if (flatten((const char *)bytes, count, &made)) {
		/* A message with more fields than core takes is refused as a whole. */
		if (!fields_read(&fields, made.bytes, made.count) && fields.count != FIELD_COUNT)
			__builtin_trap();
	}
	buffer_free(&made);
	return 0;
}
