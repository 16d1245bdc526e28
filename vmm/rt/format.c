/* SPDX-License-Identifier: MIT */
/*
 * Formats text as snprintf does (format.h). Called everywhere in ring 3; writes the caller's buffer
 * only and never allocates.
 */
#include "lib/string.h"
#include "vmm/rt/format.h"

struct output {
	char *buffer;
	size_t size;
	size_t length;
};

struct spec {
	bool left;
	bool zero;
	bool alternate;
	int width;
	int precision; /* the precision that a conversion asks for; -1: none */
	bool wide;     /* long, not int */
};

static void format_put(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->buffer[out->length] = c;
	out->length++;
}

static void format_put_padding(struct output *out, char c, int count)
{
	while (count-- > 0)
		format_put(out, c);
}

static void format_put_text(struct output *out, const struct spec *spec, const char *text)
{
	size_t limit = spec->precision >= 0 ? (size_t)spec->precision : SIZE_MAX;
	int length;

	if (text == NULL)
		text = "(null)";
	length = (int)strnlen(text, limit);
	if (!spec->left)
		format_put_padding(out, ' ', spec->width - length);
	for (int i = 0; i < length; i++)
		format_put(out, text[i]);
	if (spec->left)
		format_put_padding(out, ' ', spec->width - length);
}

static void format_put_number(struct output *out, const struct spec *spec, u64 value,
			      unsigned int base, bool upper, char sign)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix =
		spec->alternate && base == 16 && value != 0 ? (upper ? "0X" : "0x") : "";
	char text[24];
	int count = 0;
	int zeros;
	int width = spec->width - (int)strlen(prefix) - (sign != 0);

	while (value != 0) {
		text[count++] = digits[value % base];
		value /= base;
	}
	if (count == 0 && spec->precision != 0)
		text[count++] = '0';
	zeros = spec->precision - count;
	if (spec->precision < 0 && spec->zero && !spec->left)
		zeros = width - count;
	if (zeros < 0)
		zeros = 0;
	width -= count + zeros;

	if (!spec->left)
		format_put_padding(out, ' ', width);
	if (sign != 0)
		format_put(out, sign);
	while (*prefix != '\0')
		format_put(out, *prefix++);
	format_put_padding(out, '0', zeros);
	while (count > 0)
		format_put(out, text[--count]);
	if (spec->left)
		format_put_padding(out, ' ', width);
}

static void format_put_signed(struct output *out, const struct spec *spec, s64 value)
{
	u64 magnitude = value < 0 ? 0 - (u64)value : (u64)value;

	format_put_number(out, spec, magnitude, 10, false, value < 0 ? '-' : 0);
}

static const char *format_parse_count(const char *pattern, int *count, va_list *arguments)
{
	if (*pattern == '*') {
		*count = va_arg(*arguments, int);
		return pattern + 1;
	}
	for (*count = 0; *pattern >= '0' && *pattern <= '9'; pattern++) {
		if (*count < 10000)
			*count = *count * 10 + (*pattern - '0');
	}
	return pattern;
}

static const char *format_parse_flags(const char *pattern, struct spec *spec)
{
	for (;; pattern++) {
		switch (*pattern) {
		case '-':
			spec->left = true;
			break;
		case '0':
			spec->zero = true;
			break;
		case '#':
			spec->alternate = true;
			break;
		default:
			return pattern;
		}
	}
}

static const char *format_parse_spec(const char *pattern, struct spec *spec, va_list *arguments)
{
	*spec = (struct spec){.precision = -1};
	pattern = format_parse_flags(pattern, spec);
	pattern = format_parse_count(pattern, &spec->width, arguments);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*pattern == '.')
		pattern = format_parse_count(pattern + 1, &spec->precision, arguments);
	for (; *pattern == 'l' || *pattern == 'z'; pattern++)
		spec->wide = true;
	return pattern;
}

static u64 format_next_unsigned(const struct spec *spec, va_list *arguments)
{
	return spec->wide ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned int);
}

static s64 format_next_signed(const struct spec *spec, va_list *arguments)
{
	return spec->wide ? va_arg(*arguments, long) : va_arg(*arguments, int);
}

static void format_put_conversion(struct output *out, const struct spec *spec, char kind,
				  va_list *arguments)
{
	switch (kind) {
	case 'd':
		format_put_signed(out, spec, format_next_signed(spec, arguments));
		break;
	case 'u':
		format_put_number(out, spec, format_next_unsigned(spec, arguments), 10, false, 0);
		break;
	case 'x':
	case 'X':
		format_put_number(out, spec, format_next_unsigned(spec, arguments), 16, kind == 'X',
				  0);
		break;
	case 's':
		format_put_text(out, spec, va_arg(*arguments, const char *));
		break;
	case 'c': {
		char text[2] = {(char)va_arg(*arguments, int), '\0'};

		format_put_text(out, spec, text);
		break;
	}
	case '%':
		format_put(out, '%');
		break;
	default:
		format_put(out, '%');
		format_put(out, kind);
		break;
	}
}

size_t format_va(char *buffer, size_t size, const char *pattern, va_list arguments)
{
	struct output out = {.buffer = buffer, .size = size};
	struct spec spec;
	va_list rest;

	va_copy(rest, arguments);
	while (*pattern != '\0') {
		if (*pattern != '%') {
			format_put(&out, *pattern++);
			continue;
		}
		pattern = format_parse_spec(pattern + 1, &spec, &rest);
		if (*pattern == '\0')
			break;
		format_put_conversion(&out, &spec, *pattern++, &rest);
	}
	va_end(rest);
	if (size > 0)
		buffer[MIN(out.length, size - 1)] = '\0';
	return out.length;
}

size_t format(char *buffer, size_t size, const char *pattern, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, pattern);
	length = format_va(buffer, size, pattern, arguments);
	va_end(arguments);
	return length;
}
