/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

enum json_kind {
	JSON_NONE,
	JSON_STRING,
	JSON_NUMBER,
	JSON_BOOL,
	JSON_NULL,
};

/*
 * Reads JSON (RFC 8259) a token at a time, without recursion and without memory of its own: its
 * caller says what may come next. The first mistake ends the reading.
 */
struct json_reader {
	struct text text;
	size_t at;	   /* of the byte to be read next; after a mistake, where it is */
	char problem[128]; /* what was found and what is allowed; "": none so far */
};

void json_read_start(struct json_reader *reader, struct text text);

/* Takes the byte if it comes next, skipping blanks before it. */
bool json_read_byte(struct json_reader *reader, char byte);
/* Whether nothing but blanks is left. */
bool json_read_end(struct json_reader *reader);

/*
 * A string, or any value that is neither object nor array. *raw is the value as it stands, quotes
 * included: well-formed UTF-8, escapes checked, no half of a surrogate pair. JSON_NONE and false
 * after a mistake.
 */
bool json_read_string(struct json_reader *reader, struct text *raw);
enum json_kind json_read_scalar(struct json_reader *reader, struct text *raw);

/* Decodes a raw string, terminated; returns its length: `size` or more when it did not fit. */
size_t json_decode(struct text raw, char *to, size_t size);

/* Says what stands at `at` and what is allowed there; returns false. */
bool json_read_fail(struct json_reader *reader, size_t at, const char *allowed);
