/* SPDX-License-Identifier: MIT */
/*
 * Lists of names with values, by which processes tell each other about requests, answers and
 * deliveries. Either end writes and reads them; a list that breaks the rules is refused as a whole.
 */
#include "gateway/base/fields.h"

#include <string.h>

struct field_head {
	uint8_t type;
	uint8_t name_bytes;
	uint16_t unused;
	uint32_t value_bytes;
};
_Static_assert(sizeof(struct field_head) == 8, "no padding");

void fields_add(struct buffer *buffer, enum field_type type, const char *name, const char *value,
		size_t length)
{
	size_t name_bytes = strlen(name);
	struct field_head head = {
		.type = (uint8_t)type,
		.name_bytes = (uint8_t)name_bytes,
		.value_bytes = (uint32_t)length,
	};

	if (name_bytes > FIELD_NAME_BYTES || length > 1 << 20 || memchr(value, 0, length)) {
		buffer->failed = true;
		return;
	}
	buffer_add(buffer, &head, sizeof(head));
	buffer_add(buffer, name, name_bytes + 1);
	buffer_add(buffer, value, length);
	buffer_add(buffer, "", 1);
}

void fields_text(struct buffer *buffer, const char *name, const char *value)
{
	fields_add(buffer, FIELD_TEXT, name, value, strlen(value));
}

/* Returns whether the bytes of a field are a string of exactly `length` bytes with a 0 after it. */
static bool fields_string(const char *bytes, size_t length)
{
	return strnlen(bytes, length + 1) == length;
}

bool fields_read(struct fields *fields, const char *bytes, size_t count)
{
	fields->count = 0;
	while (count) {
		struct field_head head;
		struct field *field = &fields->list[fields->count];

		if (fields->count == FIELD_COUNT || count < sizeof(head))
			return false;
		memcpy(&head, bytes, sizeof(head));
		bytes += sizeof(head);
		count -= sizeof(head);
		if (head.type < FIELD_TEXT || head.type > FIELD_NULL || count < 2 ||
		    head.name_bytes > count - 2 || head.value_bytes > count - 2 - head.name_bytes)
			return false;
		if (!fields_string(bytes, head.name_bytes) ||
		    !fields_string(bytes + head.name_bytes + 1, head.value_bytes))
			return false;
		field->type = head.type;
		field->name = bytes;
		field->value = bytes + head.name_bytes + 1;
		bytes += (size_t)head.name_bytes + head.value_bytes + 2;
		count -= (size_t)head.name_bytes + head.value_bytes + 2;
		fields->count++;
	}
	return true;
}

const struct field *fields_find(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++) {
		if (!strcmp(fields->list[i].name, name))
			return &fields->list[i];
	}
	return NULL;
}

const char *fields_get(const struct fields *fields, const char *name)
{
	const struct field *field = fields_find(fields, name);

	return field ? field->value : NULL;
}

const struct field *fields_below(const struct fields *fields, const char *group, const char *name)
{
	size_t length = strlen(group);

	for (size_t i = 0; i < fields->count; i++) {
		const char *full = fields->list[i].name;

		if (!strncmp(full, group, length) && full[length] == '.' &&
		    !strcmp(full + length + 1, name))
			return &fields->list[i];
	}
	return NULL;
}
