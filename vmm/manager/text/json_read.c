/* SPDX-License-Identifier: MIT */
/*
 * Reads JSON token by token. Called by request.c. Holds no state beyond the given reader; every
 * byte is untrusted.
 */
#include "vmm/manager/text/json_read.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"

#define SHOWN_MAX 24u

void json_read_start(struct json_reader *reader, struct text text)
{
	*reader = (struct json_reader){.text = text};
}

/* Returns the byte at `at`; 0 at the end, as for a NUL, which is allowed nowhere either. */
static u8 json_read_byte_at(const struct json_reader *reader, size_t at)
{
	return at < reader->text.length ? (u8)reader->text.start[at] : 0;
}

static bool json_read_ends_token(u8 byte)
{
	return byte <= ' ' || byte >= 0x7f || strchr(",:{}[]\"", byte) != NULL;
}

bool json_read_fail(struct json_reader *reader, size_t at, const char *wanted)
{
	struct text token = {reader->text.start + at, 0};
	char shown[SHOWN_MAX];

	reader->at = at;
	while (token.length < SHOWN_MAX &&
	       !json_read_ends_token(json_read_byte_at(reader, at + token.length)))
		token.length++;
	if (at >= reader->text.length)
		format(reader->problem, sizeof(reader->problem),
		       "there should be %s here, not the end of the line", wanted);
	else if (!char_is_printable(token.start[0]))
		format(reader->problem, sizeof(reader->problem),
		       "there should be %s here, not the byte 0x%02x", wanted,
		       json_read_byte_at(reader, at));
	else
		format(reader->problem, sizeof(reader->problem), "there should be %s here, not %s",
		       wanted,
		       text_show(shown, sizeof(shown),
				 (struct text){token.start, MAX(token.length, 1ul)}));
	return false;
}

static void json_read_skip_blanks(struct json_reader *reader)
{
	while (json_read_byte_at(reader, reader->at) == ' ' ||
	       json_read_byte_at(reader, reader->at) == '\t' ||
	       json_read_byte_at(reader, reader->at) == '\r' ||
	       json_read_byte_at(reader, reader->at) == '\n')
		reader->at++;
}

bool json_read_byte(struct json_reader *reader, char byte)
{
	json_read_skip_blanks(reader);
	if (reader->at >= reader->text.length || reader->text.start[reader->at] != byte)
		return false;
	reader->at++;
	return true;
}

bool json_read_end(struct json_reader *reader)
{
	json_read_skip_blanks(reader);
	return reader->at >= reader->text.length;
}

/* Reads the number of a \u escape whose first digit is at `at`. */
static bool json_read_unit(const struct json_reader *reader, size_t at, u32 *unit)
{
	*unit = 0;
	for (size_t i = at; i < at + 4; i++) {
		u32 digit = char_hex_value((char)json_read_byte_at(reader, i));

		if (digit > 15)
			return false;
		*unit = *unit << 4 | digit;
	}
	return true;
}

/* Reads the escape whose backslash is at `at`; returns its length, or 0 after a mistake. */
static size_t json_read_escape(struct json_reader *reader, size_t at, u32 *code)
{
	static const char names[] = "\"\\/bfnrt";
	static const char codes[] = "\"\\/\b\f\n\r\t";
	u8 byte = json_read_byte_at(reader, at + 1);
	const char *name = byte != 0 ? strchr(names, byte) : NULL;
	u32 low;

	if (name != NULL) {
		*code = (u8)codes[name - names];
		return 2;
	}
	if (byte != 'u' || !json_read_unit(reader, at + 2, code)) {
		json_read_fail(reader, at,
			       "\\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with 4 digits");
		return 0;
	}
	if (*code < 0xd800 || *code > 0xdfff)
		return 6;
	if (*code > 0xdbff || json_read_byte_at(reader, at + 6) != '\\' ||
	    json_read_byte_at(reader, at + 7) != 'u' || !json_read_unit(reader, at + 8, &low) ||
	    low < 0xdc00 || low > 0xdfff) {
		json_read_fail(reader, at, "surrogates in pairs, the high one first");
		return 0;
	}
	*code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

bool json_read_string(struct json_reader *reader, struct text *raw)
{
	size_t start;
	size_t at;
	size_t length;
	u32 code;

	json_read_skip_blanks(reader);
	start = reader->at;
	if (json_read_byte_at(reader, start) != '"')
		return json_read_fail(reader, start, "a string in double quotes");
	for (at = start + 1; json_read_byte_at(reader, at) != '"'; at += length) {
		if (at >= reader->text.length)
			return json_read_fail(reader, at, "the closing double quote");
		if (json_read_byte_at(reader, at) < ' ')
			return json_read_fail(reader, at,
					      "a control character as \\u and 4 digits");
		if (json_read_byte_at(reader, at) == '\\')
			length = json_read_escape(reader, at, &code);
		else
			length = utf8_length((const u8 *)reader->text.start + at,
					     reader->text.length - at);
		if (length == 0)
			return reader->problem[0] != '\0' ? false
							  : json_read_fail(reader, at, "UTF-8");
	}
	*raw = (struct text){reader->text.start + start, at + 1 - start};
	reader->at = at + 1;
	return true;
}

static size_t json_read_digits(const struct json_reader *reader, size_t at)
{
	size_t count = 0;

	while (char_is_digit((char)json_read_byte_at(reader, at + count)))
		count++;
	return count;
}

/* Takes a number (RFC 8259, 6). Returns false, with the mistake noted, if there is none. */
static bool json_read_number(struct json_reader *reader, struct text *raw)
{
	static const char number[] = "a number such as 12, -0.5 or 1e9";
	size_t start = reader->at;
	size_t at = start + (json_read_byte_at(reader, start) == '-');
	size_t count = json_read_byte_at(reader, at) == '0' ? 1 : json_read_digits(reader, at);

	if (count == 0)
		return json_read_fail(reader, start, number);
	at += count;
	if (json_read_byte_at(reader, at) == '.') {
		count = json_read_digits(reader, at + 1);
		if (count == 0)
			return json_read_fail(reader, start, number);
		at += 1 + count;
	}
	if ((json_read_byte_at(reader, at) | 0x20) == 'e') {
		at++;
		at += json_read_byte_at(reader, at) == '+' || json_read_byte_at(reader, at) == '-';
		count = json_read_digits(reader, at);
		if (count == 0)
			return json_read_fail(reader, start, number);
		at += count;
	}
	if (!json_read_ends_token(json_read_byte_at(reader, at)))
		return json_read_fail(reader, start, number);
	*raw = (struct text){reader->text.start + start, at - start};
	reader->at = at;
	return true;
}

enum json_kind json_read_scalar(struct json_reader *reader, struct text *raw)
{
	static const struct {
		const char *name;
		enum json_kind kind;
	} words[] = {{"true", JSON_BOOL}, {"false", JSON_BOOL}, {"null", JSON_NULL}};
	struct text word = {NULL, 0};
	u8 first;

	json_read_skip_blanks(reader);
	first = json_read_byte_at(reader, reader->at);
	if (first == '"')
		return json_read_string(reader, raw) ? JSON_STRING : JSON_NONE;
	if (first == '-' || char_is_digit((char)first))
		return json_read_number(reader, raw) ? JSON_NUMBER : JSON_NONE;
	word.start = reader->text.start + reader->at;
	while (!json_read_ends_token(json_read_byte_at(reader, reader->at + word.length)))
		word.length++;
	for (u32 i = 0; i < ARRAY_COUNT(words); i++) {
		if (!text_equal(word, words[i].name))
			continue;
		*raw = word;
		reader->at += word.length;
		return words[i].kind;
	}
	json_read_fail(reader, reader->at, "a string, a number, true, false or null");
	return JSON_NONE;
}

size_t json_decode(struct text raw, char *to, size_t size)
{
	struct json_reader reader = {.text = raw};
	size_t length = 0;

	for (size_t at = 1, taken; at + 1 < raw.length; at += taken) {
		char bytes[4];
		size_t count = 1;
		u32 code;

		taken = 1;
		bytes[0] = raw.start[at];
		if (bytes[0] == '\\') {
			taken = json_read_escape(&reader, at, &code);
			if (taken == 0)
				/* any other escape was already refused by json_read_string */
				break;
			count = utf8_encode(code, bytes);
		}
		for (size_t i = 0; i < count; i++, length++) {
			if (length + 1 < size)
				to[length] = bytes[i];
		}
	}
	to[MIN(length, size - 1)] = '\0';
	return length;
}
