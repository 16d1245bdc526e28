/* SPDX-License-Identifier: MIT */
/*
 * Makes the text of a kernel log entry from its pattern and arguments. Called by log.c; holds no
 * state, and trusts neither.
 */
#include "vmm/manager/log/log_format.h"
#include "vmm/rt/exit_names.h"
#include "vmm/rt/format.h"

#define WIDTH_MAX 32u

struct sink {
	char *buffer;
	size_t size;
	size_t length;
};

static void log_format_emit(struct sink *sink, const char *text, size_t length)
{
	for (size_t i = 0; i < length && sink->length + 1 < sink->size; i++)
		sink->buffer[sink->length++] = text[i];
}

struct conversion {
	bool left;
	bool zero;
	bool alternate;
	u32 width;
	char kind;
	size_t length; /* length of the conversion's text in the pattern */
};

/*
 * Reads the conversion specification that begins with the '%' of `text`. Returns false if the text
 * ends inside it.
 */
static bool log_format_parse_conversion(struct text text, struct conversion *conversion)
{
	size_t i = 1;

	*conversion = (struct conversion){.length = text.length};
	for (; i < text.length; i++) {
		if (text.start[i] == '-')
			conversion->left = true;
		else if (text.start[i] == '0')
			conversion->zero = true;
		else if (text.start[i] == '#')
			conversion->alternate = true;
		else
			break;
	}
	for (; i < text.length && char_is_digit(text.start[i]); i++)
		conversion->width =
			MIN(conversion->width * 10 + (u32)(text.start[i] - '0'), WIDTH_MAX);
	while (i < text.length && (text.start[i] == 'l' || text.start[i] == 'h' ||
				   text.start[i] == 'z' || text.start[i] == 'j'))
		i++;
	if (i == text.length)
		return false;
	conversion->kind = text.start[i];
	conversion->length = i + 1;
	return true;
}

/* Writes the number in `digits`, padded to the width. */
static void log_format_emit_number(struct sink *sink, const struct conversion *conversion,
				   const char *digits)
{
	u32 length = (u32)strlen(digits);
	u32 padding = conversion->width > length ? conversion->width - length : 0;
	bool zeros = conversion->zero && !conversion->left;

	for (u32 i = 0; i < padding && !conversion->left; i++)
		log_format_emit(sink, zeros ? "0" : " ", 1);
	log_format_emit(sink, digits, length);
	for (u32 i = 0; i < padding && conversion->left; i++)
		log_format_emit(sink, " ", 1);
}

static void log_format_put_argument(struct sink *sink, const struct conversion *conversion,
				    u64 value)
{
	char digits[24];
	char c = (char)value;

	switch (conversion->kind) {
	case 'u':
		if (conversion->alternate) {
			log_format_emit(sink, exit_name((u32)value), strlen(exit_name((u32)value)));
			return;
		}
		format(digits, sizeof(digits), "%llu", (unsigned long long)value);
		break;
	case 'd':
	case 'i':
		format(digits, sizeof(digits), "%lld", (long long)value);
		break;
	case 'x':
	case 'X':
		format(digits, sizeof(digits), conversion->alternate ? "0x%llx" : "%llx",
		       (unsigned long long)value);
		break;
	case 'p':
		format(digits, sizeof(digits), "0x%llx", (unsigned long long)value);
		break;
	default: /* 'c': a character */
		log_format_emit(sink, char_is_printable(c) ? &c : "?", 1);
		return;
	}
	log_format_emit_number(sink, conversion, digits);
}

size_t log_format(char *buffer, size_t size, struct text pattern, const u64 *arguments, u32 count)
{
	struct sink sink = {buffer, size, 0};
	struct conversion conversion;
	u32 used = 0;

	for (size_t i = 0; i < pattern.length;) {
		struct text rest = {pattern.start + i, pattern.length - i};

		if (rest.start[0] != '%') {
			log_format_emit(&sink, rest.start, 1);
			i++;
			continue;
		}
		if (log_format_parse_conversion(rest, &conversion) && conversion.kind == '%')
			log_format_emit(&sink, "%", 1);
		else if (conversion.kind != '\0' && strchr("udixXpc", conversion.kind) != NULL &&
			 used < count)
			log_format_put_argument(&sink, &conversion, arguments[used++]);
		else
			log_format_emit(&sink, rest.start, conversion.length);
		i += conversion.length;
	}
	if (size > 0)
		buffer[sink.length] = '\0';
	return sink.length;
}
