/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/string.h"

/* A piece of text that belongs to another object; it is not terminated and may hold any byte. */
struct text {
	const char *start;
	size_t length;
};

#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

static inline struct text text_of(const char *string)
{
	return (struct text){string, strlen(string)};
}

static inline bool text_equal(struct text text, const char *string)
{
	return strlen(string) == text.length && memcmp(text.start, string, text.length) == 0;
}

static inline bool char_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static inline bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns a hexadecimal digit's value, or 16 if the character is none. */
static inline u32 char_hex_value(char c)
{
	char letter = (char)(c | 0x20);

	if (char_is_digit(c))
		return (u32)(c - '0');
	return letter >= 'a' && letter <= 'f' ? (u32)(letter - 'a') + 10 : 16;
}

/*
 * Writes two lower-case hexadecimal digits for each byte, terminated: to[2 * count + 1]. Returns
 * `to`.
 */
static inline const char *text_hex(char *to, const u8 *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		to[2 * i] = digits[bytes[i] >> 4];
		to[2 * i + 1] = digits[bytes[i] & 15];
	}
	to[2 * count] = '\0';
	return to;
}

static inline bool char_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Returns whether the character is printable ASCII, the space included. */
static inline bool char_is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

static inline struct text text_trim(struct text text)
{
	while (text.length > 0 && char_is_space(text.start[0])) {
		text.start++;
		text.length--;
	}
	while (text.length > 0 && char_is_space(text.start[text.length - 1]))
		text.length--;
	return text;
}

/* Takes the next word of *rest, separated by spaces; returns false if there is none left. */
bool text_next_word(struct text *rest, struct text *word);

/* Returns whether `part` stands anywhere in `text`; an empty `part` does. */
bool text_contains(struct text text, struct text part);

/* Copies into to[size], terminated; returns false, with nothing copied, if it does not fit. */
bool text_copy(char *to, size_t size, struct text text);

/*
 * Copies a text so that people can read it: bytes outside printable ASCII become '?', and a text
 * that does not fit is cut and ends in "...". size >= 4. Returns `to`.
 */
const char *text_show(char *to, size_t size, struct text text);
