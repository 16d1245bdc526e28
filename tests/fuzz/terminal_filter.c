/* SPDX-License-Identifier: MIT */
/*
 * What a guest prints at the console, anything, in pieces of any size. The terminal gets text in
 * UTF-8 and the sequences of a list, each whole; the size of the pieces changes nothing; and text
 * that comes after an end of what was under way is shown.
 */
/* Counted elsewhere: vmm/manager/text/text.c */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/console/terminal_filter.c"
#include "vmm/manager/console/terminal_sequence.c"
#include "vmm/manager/text/text.c"

#define OUTPUT_MAX (1u << 20)
#define GROWTH_MAX 200u /* the most bytes that one byte may become: graphics that are repeated */
#define ENDS                                                                                       \
	"\x18\x1b(B\x1b)B\x0f"                                                                     \
	"done"

struct output {
	u8 bytes[OUTPUT_MAX];
	size_t count;
};
static struct output outputs[2];

static void take(void *context, const char *bytes, size_t count)
{
	struct output *output = context;

	CHECK_THAT(count > 0 && count < TERMINAL_PARAMETER_BYTES + 8);
	CHECK_THAT(output->count + count <= OUTPUT_MAX);
	memcpy(output->bytes + output->count, bytes, count);
	output->count += count;
}

/* Checks one character of UTF-8 as RFC 3629 has it, above C1; returns its length. */
static size_t check_character(const u8 *at, size_t left)
{
	size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	u32 code = at[0] & (0xffu >> (length + 1));

	CHECK_THAT(at[0] >= 0xc2 && at[0] <= 0xf4 && length <= left);
	for (size_t i = 1; i < length; i++) {
		CHECK_THAT((at[i] & 0xc0) == 0x80);
		code = code << 6 | (at[i] & 0x3fu);
	}
	CHECK_THAT(code >= (length == 2 ? 0xa0u : length == 3 ? 0x800u : 0x10000u));
	CHECK_THAT(code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
	return length;
}

/* The numbers before each ';' and at the end; returns how many. */
static u32 numbers_of(const u8 *at, size_t length, u32 *numbers)
{
	u32 count = 0;

	numbers[0] = 0;
	for (size_t i = 0; i < length; i++) {
		if (at[i] == ';') {
			CHECK_THAT(++count < TERMINAL_PARAMETER_BYTES);
			numbers[count] = 0;
		} else {
			CHECK_THAT((at[i] >= '0' && at[i] <= '9') || at[i] == ':');
			numbers[count] = at[i] == ':' ? 0 : 10 * numbers[count] + at[i] - '0';
		}
		CHECK_THAT(numbers[count] < 10000);
	}
	return length == 0 ? 0 : count + 1;
}

static bool is_among(u32 number, const u32 *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i] == number)
			return true;
	}
	return false;
}

static void check_sequence(const u8 *at, size_t length, u8 final)
{
	static const u32 private_modes[] = {1, 5, 6, 7, 25, 47, 1047, 1048, 1049};
	u32 numbers[TERMINAL_PARAMETER_BYTES];
	bool private = length > 0 && at[0] == '?';
	u32 count;

	if (final == 'p') {
		CHECK_THAT(length == 1 && at[0] == '!');
		return;
	}
	CHECK_THAT(strchr(private ? "hlJK" : "@ABCDEFGHIJKLMPSTXZ`abdefhlmrsu", final) != NULL);
	CHECK_THAT(final == 'm' || memchr(at, ':', length) == NULL);
	count = numbers_of(at + private, length - private, numbers);
	for (u32 i = 0; i < count; i++) {
		if (final == 'h' || final == 'l')
			CHECK_THAT(private ? is_among(numbers[i], private_modes, 9)
					   : numbers[i] == 4);
	}
	CHECK_THAT((final != 'h' && final != 'l') || count > 0);
	CHECK_THAT(final != 'J' || numbers[0] < 3);
	CHECK_THAT((final != 'T' && final != 'J') || count < 2);
	CHECK_THAT((final != 's' && final != 'u') || count == 0);
	CHECK_THAT(final == 'm' || final == 'h' || final == 'l' || count <= 2);
}

/* Checks a sequence that begins with ESC; returns its length. */
static size_t check_escape(const u8 *at, size_t left)
{
	size_t length = 2;

	CHECK_THAT(left >= 2);
	if (at[1] == '(') { /* this sequence comes only as a part of leaving */
		CHECK_THAT(left >= 4 && at[2] == 'B' && at[3] == SHIFT_IN);
		return 4;
	}
	if (at[1] != '[') {
		CHECK_THAT(strchr("78DEM=>", at[1]) != NULL && at[1] != '\0');
		return 2;
	}
	while (length < left && at[length] < '@')
		length++;
	CHECK_THAT(length < left && length <= TERMINAL_PARAMETER_BYTES + 2);
	check_sequence(at + 2, length - 2, at[length]);
	return length + 1;
}

static void check_output(const struct output *output)
{
	size_t i = 0;

	while (i < output->count) {
		const u8 *at = output->bytes + i;

		if (*at == ESCAPE) {
			i += check_escape(at, output->count - i);
		} else if (*at >= 0x80) {
			i += check_character(at, output->count - i);
		} else {
			CHECK_THAT((*at >= ' ' && *at < DELETE) || *at == '\n' || *at == '\r' ||
				   (*at >= BELL && *at <= TABULATOR));
			i++;
		}
	}
}

static void run(struct output *output, const u8 *bytes, size_t size, u32 piece)
{
	static struct terminal_filter filter;

	output->count = 0;
	terminal_filter_init(&filter, take, output);
	while (size > 0) {
		size_t now = MIN(size, piece);

		terminal_filter_take(&filter, bytes, now);
		bytes += now;
		size -= now;
		piece = piece * 5 % 251 + 1;
	}
	terminal_filter_take(&filter, (const u8 *)ENDS, sizeof(ENDS) - 1);
	CHECK_THAT(output->count >= 4 && memcmp(output->bytes + output->count - 4, "done", 4) == 0);
	terminal_filter_leave(&filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size > OUTPUT_MAX / GROWTH_MAX - 100)
		return 0;
	run(&outputs[0], bytes, size, ~0u);
	check_output(&outputs[0]);
	CHECK_THAT(outputs[0].count <= GROWTH_MAX * (size + 4) + 4);
	run(&outputs[1], bytes, size, 1 + (size > 0 ? bytes[0] % 7 : 0));
	CHECK_THAT(outputs[0].count == outputs[1].count &&
		   memcmp(outputs[0].bytes, outputs[1].bytes, outputs[0].count) == 0);
	return 0;
}
