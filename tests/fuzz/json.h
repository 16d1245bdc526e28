/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A strict reader of one JSON value without white space, by RFC 8259: returns what follows it, or
 * NULL if there is no valid value.
 */
static const u8 *strict_json(const u8 *at, const u8 *end, u32 depth);

/* Returns whether the text is a number (RFC 8259, 6). */
static bool is_number(const char *at, const char *end)
{
	char text[64];
	char *rest;

	if (at < end && *at == '-')
		at++;
	if (end - at < 1 || end - at >= (long)sizeof(text) || *at < '0' || *at > '9')
		return end - at >= (long)sizeof(text);
	if (*at == '0' && end - at > 1 && at[1] >= '0' && at[1] <= '9')
		return false;
	for (const char *c = at; c < end; c++)
		if (strchr("0123456789.eE+-", *c) == NULL || *c == '\0' ||
		    (*c == '.' && (c + 1 == end || c[1] < '0' || c[1] > '9')))
			return false;
	memcpy(text, at, (size_t)(end - at));
	text[end - at] = '\0';
	strtod(text, &rest);
	return *rest == '\0';
}

static const u8 *strict_string(const u8 *at, const u8 *end)
{
	if (at == end || *at++ != '"')
		return NULL;
	for (; at < end && *at != '"'; at++) {
		if (*at < 0x20)
			return NULL;
		if (*at != '\\')
			continue;
		if (++at == end || strchr("\"\\/bfnrtu", *at) == NULL)
			return NULL;
		if (*at != 'u')
			continue;
		for (u32 i = 0; i < 4; i++)
			if (++at >= end || strchr("0123456789abcdefABCDEF", *at) == NULL)
				return NULL;
	}
	return at < end ? at + 1 : NULL;
}

static const u8 *strict_members(const u8 *at, const u8 *end, u8 close, u32 depth)
{
	if (at < end && *at == close)
		return at + 1;
	while (at != NULL && at < end) {
		if (close == '}') {
			at = strict_string(at, end);
			if (at == NULL || at >= end || *at++ != ':')
				return NULL;
		}
		at = strict_json(at, end, depth + 1);
		if (at == NULL || at >= end)
			return NULL;
		if (*at == close)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
	return NULL;
}

static const u8 *strict_json(const u8 *at, const u8 *end, u32 depth)
{
	const u8 *first = at;

	if (at >= end || depth > 100)
		return NULL;
	if (*at == '"')
		return strict_string(at, end);
	if (*at == '{' || *at == '[')
		return strict_members(at + 1, end, *at == '{' ? '}' : ']', depth);
	while (at < end && strchr(",]}", *at) == NULL)
		at++;
	if (at - first == 4 && (memcmp(first, "true", 4) == 0 || memcmp(first, "null", 4) == 0))
		return at;
	if (at - first == 5 && memcmp(first, "false", 5) == 0)
		return at;
	return is_number((const char *)first, (const char *)at) ? at : NULL;
}
