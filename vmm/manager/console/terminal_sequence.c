/* SPDX-License-Identifier: MIT */
/*
 * Decides by their effect which complete sequences pass (ECMA-48, 8.3; DEC's and xterm's own), and
 * restores the terminal afterwards. Called by terminal_filter.c and console_guest.c. Holds no state
 * beyond the given filter.
 */
#include "vmm/manager/console/terminal_sequence.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/text/text.h"

#define PARAMETERS_MAX 32u
#define DIGITS_MAX     4u /* digits of a number: no terminal is larger, and REP is bounded */

/*
 * Sequences that insert, delete, move, erase, scroll and repeat: ICH CUU CUD CUF CUB CNL CPL CHA
 * CUP CHT ED EL IL DL DCH SU SD ECH CBT HPA HPR REP VPA VPR HVP.
 */
#define DRAWING "@ABCDEFGHIJKLMPSTXZ`abdef"

/*
 * DEC's modes that pass: cursor keys, reverse, origin, wrapping, visible cursor, alternate screen.
 */
static const u16 modes[] = {1, 5, 6, 7, 25, 47, 1047, 1048, 1049};

#define MODE_ORIGIN 6u
#define MODE_INSERT 4u /* insert mode, a mode of ECMA-48 */

struct parameter {
	const char *start;
	u32 length;
	u32 number; /* the parameter's first number; 0: the parameter has no number */
	bool parts; /* the parameter has several numbers, separated by ':' */
};

struct parameters {
	char marker; /* the sequence's marker, '?' and the like; 0: it has none */
	char intermediate;
	bool parts; /* one of the sequence's parameters has several numbers */
	u32 count;
	struct parameter each[PARAMETERS_MAX];
};

static void terminal_put_text(struct terminal_filter *filter, const char *text)
{
	filter->put(filter->context, text, strlen(text));
}

/* Reads a parameter; returns false unless it consists of numbers of at most DIGITS_MAX digits. */
static bool terminal_parse_parameter(struct parameters *all, const char *start, u32 length)
{
	struct parameter *parameter = &all->each[all->count];
	u32 digits = 0;

	if (all->count++ == PARAMETERS_MAX)
		return false;
	*parameter = (struct parameter){.start = start, .length = length};
	for (u32 i = 0; i < length; i++) {
		if (start[i] == ':') {
			all->parts = parameter->parts = true;
			digits = 0;
		} else if (!char_is_digit(start[i]) || ++digits > DIGITS_MAX) {
			return false;
		} else if (!parameter->parts) {
			parameter->number = 10 * parameter->number + (u32)(start[i] - '0');
		}
	}
	return true;
}

/* Reads a control sequence's parameters; returns false if they are malformed or too many. */
static bool terminal_parse(const struct terminal_filter *filter, struct parameters *all)
{
	const char *at = filter->parameters;
	const char *end = at + filter->length;
	const char *start;

	*all = (struct parameters){.marker = 0};
	if (at < end && *at >= '<' && *at <= '?')
		all->marker = *at++;
	if (at < end && end[-1] < '0')
		all->intermediate = *--end;
	for (start = at; at < end; at++) {
		if (*at != ';')
			continue;
		if (!terminal_parse_parameter(all, start, (u32)(at - start)))
			return false;
		start = at + 1;
	}
	return end == filter->parameters + (all->marker != 0) ||
	       terminal_parse_parameter(all, start, (u32)(end - start));
}

/*
 * Sends the terminal the sequence with those parameters whose bits are in `kept`, or nothing if
 * none is left.
 */
static void terminal_put_sequence(struct terminal_filter *filter, const struct parameters *all,
				  u64 kept, char final)
{
	char text[TERMINAL_PARAMETER_BYTES + 8] = "\x1b[";
	size_t length = 2;
	bool more = false;

	if (all->count > 0 && kept == 0)
		return;
	if (all->marker != 0)
		text[length++] = all->marker;
	for (u32 i = 0; i < all->count; i++) {
		if ((kept & BIT(i)) == 0)
			continue;
		if (more)
			text[length++] = ';';
		more = true;
		memcpy(text + length, all->each[i].start, all->each[i].length);
		length += all->each[i].length;
	}
	if (all->intermediate != 0)
		text[length++] = all->intermediate;
	text[length++] = final;
	filter->touched = true;
	filter->put(filter->context, text, length);
}

static u64 terminal_every(const struct parameters *all)
{
	return BIT(all->count) - 1;
}

/* --- colours: all pass, but not other fonts, which are character sets --- */

/* Returns how many parameters of a colour follow: 5 and an index, or 2 and three colour values. */
static u32 terminal_colour_length(const struct parameters *all, u32 place)
{
	u32 number = all->each[place].number;
	u32 kind = place + 1 < all->count ? all->each[place + 1].number : 0;

	if ((number != 38 && number != 48 && number != 58) || all->each[place].parts)
		return 0;
	return kind == 5 ? 2 : kind == 2 ? 4 : 0;
}

static void terminal_put_colours(struct terminal_filter *filter, const struct parameters *all)
{
	u64 kept = 0;

	for (u32 i = 0; i < all->count; i++) {
		u32 more = MIN(terminal_colour_length(all, i), all->count - i - 1);
		u32 number = all->each[i].number;

		if (number < 10 || number > 20)
			kept |= (BIT(more + 1) - 1) << i;
		i += more;
	}
	terminal_put_sequence(filter, all, kept, 'm');
}

/* --- modes --- */

static bool terminal_mode_passes(u32 mode)
{
	for (u32 i = 0; i < ARRAY_COUNT(modes); i++) {
		if (modes[i] == mode)
			return true;
	}
	return false;
}

static void terminal_note_mode(struct terminal_filter *filter, u32 mode, bool set)
{
	if (mode == MODE_ORIGIN)
		filter->region = true;
	if (mode == 47 || mode == 1047 || mode == 1049)
		filter->screen = set ? mode : 0;
}

static void terminal_put_modes(struct terminal_filter *filter, const struct parameters *all,
			       char final)
{
	u64 kept = 0;

	for (u32 i = 0; i < all->count; i++) {
		u32 mode = all->each[i].number;

		if (all->marker == '?' ? terminal_mode_passes(mode) : mode == MODE_INSERT)
			kept |= BIT(i);
		if (all->marker == '?' && terminal_mode_passes(mode))
			terminal_note_mode(filter, mode, final == 'h');
	}
	if (all->count > 0)
		terminal_put_sequence(filter, all, kept, final);
}

/* --- the rest --- */

static void terminal_save_sets(struct terminal_filter *filter)
{
	filter->saved_sets = filter->sets;
}

static void terminal_restore_sets(struct terminal_filter *filter)
{
	filter->sets = filter->saved_sets;
}

/*
 * Returns whether the sequence only draws. ED 3 would erase the operator's scrolled lines, and SD
 * with five numbers is xterm's mouse.
 */
static bool terminal_draws(const struct parameters *all, char final)
{
	if (strchr(DRAWING, final) == NULL || all->count > 2)
		return false;
	if (final == 'J')
		return all->count < 2 && all->each[0].number <= 2;
	return final != 'T' || all->count < 2;
}

static void terminal_take_plain(struct terminal_filter *filter, const struct parameters *all,
				char final)
{
	if (final == 'h' || final == 'l') {
		terminal_put_modes(filter, all, final);
	} else if (final == 'r' && all->count <= 2) { /* DECSTBM, which sets the scrolling region */
		filter->region = true;
		terminal_put_sequence(filter, all, terminal_every(all), final);
	} else if ((final == 's' || final == 'u') && all->count == 0) { /* SCOSC, SCORC: cursor */
		if (final == 's')
			terminal_save_sets(filter);
		else
			terminal_restore_sets(filter);
		terminal_put_sequence(filter, all, 0, final);
	} else if (final == 'b' && filter->graphic != 0) { /* REP repeats a character */
		terminal_repeat(filter, all->each[0].number);
	} else if (terminal_draws(all, final)) {
		terminal_put_sequence(filter, all, terminal_every(all), final);
	}
}

static void terminal_take_private(struct terminal_filter *filter, const struct parameters *all,
				  char final)
{
	if (final == 'h' || final == 'l')
		terminal_put_modes(filter, all, final);
	else if ((final == 'J' && terminal_draws(all, final)) || (final == 'K' && all->count < 2))
		/* DECSED and DECSEL, which erase selectively */
		terminal_put_sequence(filter, all, terminal_every(all), final);
}

void terminal_sequence(struct terminal_filter *filter, char final)
{
	struct parameters all;

	if (!terminal_parse(filter, &all) || (all.parts && final != 'm'))
		return;
	if (all.intermediate != 0) {
		if (all.intermediate == '!' && final == 'p' && all.marker == 0 && all.count == 0) {
			filter->sets = filter->saved_sets = (struct terminal_sets){.used = 0};
			terminal_put_sequence(filter, &all, 0, final); /* DECSTR, a soft reset */
		}
	} else if (all.marker == '?') {
		terminal_take_private(filter, &all, final);
	} else if (all.marker == 0 && final == 'm') {
		terminal_put_colours(filter, &all);
	} else if (all.marker == 0) {
		terminal_take_plain(filter, &all, final);
	}
}

void terminal_escape(struct terminal_filter *filter, char final)
{
	const char text[] = {0x1b, final};

	switch (final) {
	case '7': /* DECSC and DECRC, which save and restore the cursor */
		terminal_save_sets(filter);
		break;
	case '8':
		terminal_restore_sets(filter);
		break;
	case 'D': /* IND, NEL, RI, DECKPAM, DECKPNM */
	case 'E':
	case 'M':
	case '=':
	case '>':
		break;
	/* RIS, a full reset: the guest's changes are undone, and the operator's settings stay */
	case 'c':
		filter->sets = filter->saved_sets = (struct terminal_sets){.used = 0};
		filter->touched = true;
		terminal_filter_leave(filter);
		terminal_put_text(filter, "\x1b[H\x1b[2J");
		return;
	default:
		return;
	}
	filter->touched = true;
	filter->put(filter->context, text, sizeof(text));
}

/* --- leaving --- */

/*
 * Resets the scrolling region and the origin mode, and shows the main screen again. Resetting the
 * first two moves the cursor, which then goes to the last line.
 */
static void terminal_leave_screen(struct terminal_filter *filter)
{
	if (filter->region)
		terminal_put_text(filter, "\x1b[?6l\x1b[r\x1b[999;1H");
	if (filter->screen != 0)
		terminal_put_text(filter, filter->screen == 1049 ? "\x1b[?1049l" : "\x1b[?47l");
	filter->region = false;
	filter->screen = 0;
	filter->touched = false;
}

/*
 * Restores all settings that a guest may have changed: SGR, character sets, IRM, DECCKM, DECKPNM,
 * DECSCNM, DECAWM, DECTCEM.
 */
#define AS_BEFORE "\x1b[0m\x1b(B\x0f\x1b[4l\x1b[?1l\x1b>\x1b[?5l\x1b[?7h\x1b[?25h"

void terminal_filter_leave(struct terminal_filter *filter)
{
	if (!filter->touched)
		return;
	terminal_leave_screen(filter);
	terminal_put_text(filter, AS_BEFORE);
}

/*
 * Sequences that end any sequence under way, reset the terminal softly, and turn off modes in which
 * it types by itself: mouse, focus, pasting, other keys. UTF-8 is turned on again, 8-bit controls
 * are not.
 */
#define RAW_BEFORE "\x18\x1b\\\x1b[!p\x1b F\x1b%G"
#define RAW_AFTER                                                                                  \
	"\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l"    \
	"\x1b[?1015l\x1b[?1016l\x1b[?2004l\x1b[?69l\x1b[2l\x1b[20l\x1b[12h\x1b[>4m"

void terminal_filter_leave_raw(struct terminal_filter *filter,
			       void (*put)(void *context, const char *bytes, size_t count))
{
	filter->put = put;
	filter->region = true;
	terminal_put_text(filter, RAW_BEFORE);
	terminal_leave_screen(filter);
	terminal_put_text(filter, RAW_AFTER AS_BEFORE);
}
