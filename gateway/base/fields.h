/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * The form in which web describes a request to core, and core an answer to web or a delivery to
 * hook and mail: a list of names with values. A field is a u8 type, a u8 length of the name, a u32
 * length of the value, the name and a NUL, the value and a NUL. No value contains a NUL, so that
 * each is a C string in place.
 */
enum field_type {
	FIELD_TEXT = 1,
	FIELD_NUMBER,
	FIELD_TRUE,
	FIELD_FALSE,
	FIELD_NULL,
};

enum { FIELD_COUNT = 256, FIELD_NAME_BYTES = 120 };

struct field {
	enum field_type type;
	const char *name;
	const char *value;
};

struct fields {
	size_t count;
	/* the fields, of which only the first `count` are ever written */
	struct field list[FIELD_COUNT];
};

/*
 * Adds a field. A name that is too long, or a value that is too long or has a 0, sets
 * buffer->failed.
 */
void fields_add(struct buffer *buffer, enum field_type type, const char *name, const char *value,
		size_t length);
void fields_text(struct buffer *buffer, const char *name, const char *value);

/*
 * Reads a list of fields, which then points into `bytes`. Returns false when they are no list of
 * fields.
 */
bool fields_read(struct fields *fields, const char *bytes, size_t count);

/*
 * fields_find() and fields_get() find the field with that name, or its value; they return NULL when
 * there is none.
 */
const struct field *fields_find(const struct fields *fields, const char *name);
const char *fields_get(const struct fields *fields, const char *name);
/* Finds the field with the name GROUP.NAME; returns NULL when there is none. */
const struct field *fields_below(const struct fields *fields, const char *group, const char *name);
