/* SPDX-License-Identifier: MIT */
/*
 * Filters a guest's output, byte by byte: decides where text, sequences and strings begin and end.
 * Called by console_guest.c; terminal_sequence.c decides which sequences pass. Holds no state
 * beyond the given filter; every byte is untrusted.
 */
#include "vmm/manager/console/terminal_filter.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/console/terminal_sequence.h"

#define BELL	   0x07
#define BACKSPACE  0x08
#define TABULATOR  0x09
#define FORM_FEED  0x0c
#define SHIFT_OUT  0x0e
#define SHIFT_IN   0x0f
#define CANCEL	   0x18
#define SUBSTITUTE 0x1a
#define ESCAPE	   0x1b
#define DELETE	   0x7f

#define REPEAT_MAX 255u /* the most repetitions of a line graphic, which fill one line */
/* hexadecimal digits of Linux's palette sequence after ESC ] P; it has no other end */
#define LINUX_PALETTE 7u

enum state {
	STATE_TEXT,
	STATE_ESCAPE,	/* an ESC has come, the first byte of a sequence */
	STATE_SET,	/* an ESC and an intermediate byte have come: a character set may follow */
	STATE_SEQUENCE, /* a control sequence: ESC [ */
	STATE_STRING,	/* a string has begun, which is dropped up to its end */
	STATE_OSC,	/* an ESC and ] have come */
	STATE_SKIP,
};

void terminal_filter_init(struct terminal_filter *filter,
			  void (*put)(void *context, const char *bytes, size_t count),
			  void *context)
{
	*filter = (struct terminal_filter){.put = put, .context = context, .state = STATE_TEXT};
}

static void terminal_filter_put_byte(struct terminal_filter *filter, char byte)
{
	filter->put(filter->context, &byte, 1);
}

/* DEC's special graphics from 0x5f on, in Unicode as in xterm. */
static const u16 graphics[] = {
	0x0020, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b,
	0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c,
	0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};
_Static_assert(ARRAY_COUNT(graphics) == DELETE - 0x5f, "up to 0x7e");

static void terminal_filter_put_graphic(struct terminal_filter *filter, u32 code)
{
	const char three[] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)),
			      (char)(0x80 | (code & 0x3f))};
	const char two[] = {(char)(0xc0 | code >> 6), (char)(0x80 | (code & 0x3f))};

	if (code >= 0x800)
		filter->put(filter->context, three, sizeof(three));
	else if (code >= 0x80)
		filter->put(filter->context, two, sizeof(two));
	else
		terminal_filter_put_byte(filter, (char)code);
}

void terminal_repeat(struct terminal_filter *filter, u32 count)
{
	for (u32 i = 0; i < MIN(MAX(count, 1u), REPEAT_MAX); i++)
		terminal_filter_put_graphic(filter, filter->graphic);
}

static void terminal_filter_take_printable(struct terminal_filter *filter, u8 byte)
{
	filter->graphic = 0;
	if (filter->sets.graphics[filter->sets.used] && byte >= 0x5f) {
		filter->graphic = graphics[byte - 0x5f];
		terminal_filter_put_graphic(filter, filter->graphic);
	} else {
		terminal_filter_put_byte(filter, (char)byte);
	}
}

/* Handles C0 controls, which work in the middle of a sequence too. */
static void terminal_filter_take_control(struct terminal_filter *filter, u8 byte)
{
	switch (byte) {
	case BELL:
	case BACKSPACE ... '\n':
	case '\r':
		terminal_filter_put_byte(filter, (char)byte);
		break;
	case '\n' + 1 ... FORM_FEED: /* terminals treat VT and FF as LF */
		terminal_filter_put_byte(filter, '\n');
		break;
	case SHIFT_OUT:
	case SHIFT_IN:
		filter->sets.used = byte == SHIFT_OUT;
		break;
	default:
		break;
	}
}

/* --- UTF-8 (RFC 3629, 4): nothing overlong, no surrogates, nothing above U+10FFFF --- */

static void terminal_filter_begin_character(struct terminal_filter *filter, u8 byte)
{
	filter->need = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	filter->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	filter->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	filter->have = 1;
	filter->graphic = 0;
	filter->character[0] = (char)byte;
}

/*
 * Continues a character; returns false if the byte does not belong to it, which makes the character
 * invalid.
 */
static bool terminal_filter_continue_character(struct terminal_filter *filter, u8 byte)
{
	bool fits = byte >= filter->low && byte <= filter->high;

	if (!fits) {
		filter->need = 0;
		terminal_filter_put_byte(filter, '?');
		return false;
	}
	filter->character[filter->have++] = (char)byte;
	filter->low = 0x80;
	filter->high = 0xbf;
	if (--filter->need > 0)
		return true;
	/* U+0080 to U+009F are C1 controls too: xterm obeys them in this form */
	if (filter->have == 2 && (u8)filter->character[0] == 0xc2 && byte < 0xa0)
		terminal_filter_put_byte(filter, '?');
	else
		filter->put(filter->context, filter->character, filter->have);
	return true;
}

static void terminal_filter_take_text(struct terminal_filter *filter, u8 byte)
{
	if (byte < DELETE)
		terminal_filter_take_printable(filter, byte);
	else if (byte >= 0xc2 && byte <= 0xf4)
		terminal_filter_begin_character(filter, byte);
	else if (byte != DELETE)
		terminal_filter_put_byte(filter, '?');
}

/* --- sequences --- */

static void terminal_filter_begin_string(struct terminal_filter *filter, enum state state,
					 bool text)
{
	filter->state = (u8)state;
	filter->text_string = text;
}

static void terminal_filter_end_escape(struct terminal_filter *filter, u8 byte)
{
	filter->state = STATE_TEXT;
	switch (byte) {
	case '[':
		filter->state = STATE_SEQUENCE;
		filter->length = 0;
		filter->too_long = false;
		break;
	case ']':
		terminal_filter_begin_string(filter, STATE_OSC, true);
		break;
	case 'P': /* DCS begins a string that may hold several lines */
		terminal_filter_begin_string(filter, STATE_STRING, false);
		break;
	case 'X':
	case '^':
	case '_':
		terminal_filter_begin_string(filter, STATE_STRING, true);
		break;
	default:
		terminal_escape(filter, (char)byte);
	}
}

static void terminal_filter_take_escape(struct terminal_filter *filter, u8 byte)
{
	if (byte < '0') {
		filter->intermediate = byte;
		filter->state = STATE_SET;
	} else {
		terminal_filter_end_escape(filter, byte);
	}
}

/*
 * Takes the set that ESC ( or ESC ) selects as G0 or G1; `0` is the line graphics, others are text.
 */
static void terminal_filter_take_set(struct terminal_filter *filter, u8 byte)
{
	if (byte < '0') {
		/*
		 * an escape sequence with two intermediate bytes selects no character set of these
		 */
		filter->intermediate = 0;
		return;
	}
	if (filter->intermediate == '(' || filter->intermediate == ')')
		filter->sets.graphics[filter->intermediate == ')'] = byte == '0';
	filter->state = STATE_TEXT;
}

static void terminal_filter_take_sequence(struct terminal_filter *filter, u8 byte)
{
	if (byte >= '@') {
		filter->state = STATE_TEXT;
		if (!filter->too_long)
			terminal_sequence(filter, (char)byte);
	} else if (filter->length == TERMINAL_PARAMETER_BYTES) {
		filter->too_long = true;
	} else {
		filter->parameters[filter->length++] = (char)byte;
	}
}

/*
 * Takes the byte after ESC ]. ESC ] R, and ESC ] P with seven digits, are Linux's and have no end.
 */
static void terminal_filter_take_osc(struct terminal_filter *filter, u8 byte)
{
	filter->state = STATE_STRING;
	if (byte == 'R') {
		filter->state = STATE_TEXT;
	} else if (byte == 'P') {
		filter->state = STATE_SKIP;
		filter->skip = LINUX_PALETTE;
	}
}

static bool terminal_filter_ends_string(const struct terminal_filter *filter, u8 byte)
{
	return filter->text_string && (byte == BELL || byte == '\n');
}

/* Drops a byte of a string, after which the string may have ended. */
static void terminal_filter_drop(struct terminal_filter *filter, u8 byte)
{
	if (terminal_filter_ends_string(filter, byte)) {
		filter->state = STATE_TEXT;
		if (byte == '\n')
			terminal_filter_take_control(filter, byte);
	} else if (filter->state == STATE_OSC) {
		terminal_filter_take_osc(filter, byte);
	} else if (filter->state == STATE_SKIP && --filter->skip == 0) {
		filter->state = STATE_TEXT;
	}
}

/* Returns whether the byte begins or ends a sequence wherever it stands. */
static bool terminal_filter_take_anywhere(struct terminal_filter *filter, u8 byte)
{
	if (byte != ESCAPE && byte != CANCEL && byte != SUBSTITUTE)
		return false;
	if (filter->need > 0)
		terminal_filter_put_byte(filter, '?');
	filter->need = 0;
	filter->intermediate = 0;
	filter->state = byte == ESCAPE ? STATE_ESCAPE : STATE_TEXT;
	return true;
}

static void terminal_filter_take_byte(struct terminal_filter *filter, u8 byte)
{
	if (terminal_filter_take_anywhere(filter, byte))
		return;
	if (filter->state >= STATE_STRING) {
		terminal_filter_drop(filter, byte);
		return;
	}
	if (filter->need > 0 && terminal_filter_continue_character(filter, byte))
		return;
	if (byte < ' ') {
		terminal_filter_take_control(filter, byte);
		return;
	}
	if (byte >= DELETE)
		filter->state = byte == DELETE ? filter->state : (u8)STATE_TEXT;
	else if (filter->state == STATE_ESCAPE)
		terminal_filter_take_escape(filter, byte);
	else if (filter->state == STATE_SET)
		terminal_filter_take_set(filter, byte);
	else if (filter->state == STATE_SEQUENCE)
		terminal_filter_take_sequence(filter, byte);
	else
		terminal_filter_take_printable(filter, byte);
	if (byte > DELETE)
		terminal_filter_take_text(filter, byte);
}

void terminal_filter_take(struct terminal_filter *filter, const u8 *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		terminal_filter_take_byte(filter, bytes[i]);
}
