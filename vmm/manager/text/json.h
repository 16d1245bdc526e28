/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/*
 * Writes one JSON value into a buffer of the caller's. The value is always well-formed as long as
 * each beginning of an object or array has its end; if it does not fit, json_finish returns 0,
 * never half a value. `key` is NULL inside an array and for the outermost value.
 */
struct json {
	char *buffer;
	size_t size;
	size_t length; /* the length of the text, counted as if the buffer had no end */
	bool comma;    /* the next value needs a comma */
};

void json_start(struct json *json, char *buffer, size_t size);
void json_object_begin(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *key);
void json_array_end(struct json *json);
/* Writes any bytes: UTF-8 stays, control bytes are escaped, other bytes become U+FFFD. */
void json_text(struct json *json, const char *key, struct text text);
void json_string(struct json *json, const char *key, const char *string);
void json_u64(struct json *json, const char *key, u64 value);
void json_s64(struct json *json, const char *key, s64 value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* Terminates the text and returns its length, or 0 if it did not fit (the buffer holds ""). */
size_t json_finish(struct json *json);
