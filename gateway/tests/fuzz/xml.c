/* SPDX-License-Identifier: MIT */
/*
 * XML of libvirt's clients: what is taken for XML has paths that end where they say, and is none
 * any more when its last byte that counts is missing; and what is written is read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/buffer.c"
#include "gateway/door/xml.c"
#include "gateway/door/xml_reader.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Writes the bytes as a text, which has to come back but for what XML has no way to write. */
static void fuzz_written(const uint8_t *bytes, size_t count)
{
	static struct xml_items items;
	struct buffer text = {0};
	char value[100];

	if (count >= sizeof(value) || memchr(bytes, 0, count))
		return;
	for (size_t i = 0; i < count; i++)
		if (bytes[i] <= ' ')
			return;
	memcpy(value, bytes, count);
	value[count] = 0;
	xml_begin(&text, "a");
	xml_attribute(&text, "b", value);
	xml_text(&text, "a", value);
	if (!xml_read(text.bytes, text.count, &items) || items.count != 2 ||
	    strcmp(xml_find(&items, "a"), value) || strcmp(xml_find(&items, "a@b"), value))
		__builtin_trap();
	buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct xml_items items;
	/* A copy, so that a byte behind the end is seen to be read. */
	char *text = malloc(count ? count : 1);

	memcpy(text, bytes, count);
	if (xml_read(text, count, &items)) {
		for (size_t i = 0; i < items.count; i++)
			if (!*items.list[i].path ||
			    strlen(items.list[i].path) >= sizeof(items.list[i].path))
				__builtin_trap();
		while (count && text[count - 1] != '>')
			count--;
		/* A comment may come last. */
		if (!memmem(text, count, "-->", 3) && xml_read(text, count - 1, &items))
			__builtin_trap();
	} else {
		fuzz_written(bytes, count);
	}
	free(text);
	return 0;
}
