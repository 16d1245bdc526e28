/* SPDX-License-Identifier: MIT */
/*
 * Feeds the list of fields with what a broken web could hand to core: each field that is taken is
 * a string inside the bytes.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct fields fields;
	char *copy = malloc(count ? count : 1);

	memcpy(copy, bytes, count);
	if (fields_read(&fields, copy, count)) {
		for (size_t i = 0; i < fields.count; i++) {
			if (strlen(fields.list[i].name) > UINT8_MAX ||
			    strlen(fields.list[i].value) > count)
				__builtin_trap();
		}
	}
	free(copy);
	return 0;
}
