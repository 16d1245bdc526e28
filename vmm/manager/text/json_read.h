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
	size_t at;	   /* next byte to read; after a mistake, the place of the mistake */
	char problem[128]; /* a sentence about the first mistake; "": there is none */
};

void json_read_start(struct json_reader *reader, struct text text);

/* Takes the byte `byte` if it comes next, skipping blanks before it; returns whether it did. */
bool json_read_byte(struct json_reader *reader, char byte);
/* Returns whether only blanks are left to read. */
bool json_read_end(struct json_reader *reader);

/*
 * Take a string, or any value that is neither object nor array. *raw is the value as it stands,
 * quotes included: well-formed UTF-8, escapes checked, no half of a surrogate pair. After a mistake
 * they return false or JSON_NONE.
 */
bool json_read_string(struct json_reader *reader, struct text *raw);
enum json_kind json_read_scalar(struct json_reader *reader, struct text *raw);

/* Decodes a raw string and terminates it; returns its length, `size` or more if it did not fit. */
size_t json_decode(struct text raw, char *to, size_t size);

/*
 * Notes the mistake: the text found at `at`, and the text that would be right there; returns false.
 */
bool json_read_fail(struct json_reader *reader, size_t at, const char *wanted);
