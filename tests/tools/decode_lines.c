/* SPDX-License-Identifier: MIT */
/*
 * Instruction lengths against objdump: reads what `objdump -d -z -w --insn-width=15 --no-addresses`
 * writes, one instruction a line, and decodes the same bytes one after the other, each with what
 * follows it in the text. Where ring 0 knows the instruction's length it must agree as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/virt/svm/length.h"
#include "vmm/monitor/x86/decode.c"
#include "vmm/monitor/x86/prefix.c"
#include "vmm/monitor/x86/tables.c"

#define LINE_BYTES 512
#define AHEAD	   64 /* the lines kept, so that the bytes behind an instruction are known */
#define SHOWN_MAX  20
#define FWAIT	   0x9b

struct line {
	u8 bytes[16];
	u32 count;
	bool bad; /* objdump knows no such instruction */
	char text[LINE_BYTES];
};

static struct line lines[AHEAD];
static u64 first, last; /* the indices of the first and the last line, free-running */
static u64 compared, left_out, exits, wrong;

/* "\t48 89 c2    \tmov ..."; false for headings and blank lines. */
static bool take_line(const char *text, struct line *line)
{
	const char *at = text;
	unsigned int byte;
	int length;

	if (*at != '\t')
		return false;
	at++;
	for (line->count = 0; line->count < 16 && *at != '\t'; line->count++, at += length) {
		if (sscanf(at, "%2x%n", &byte, &length) != 1 || at[length] != ' ')
			return false;
		line->bytes[line->count] = (u8)byte;
		length++;
		while (at[length] == ' ')
			length++;
	}
	line->bad = strstr(at, "(bad)") != NULL;
	snprintf(line->text, sizeof(line->text), "%s", text);
	return line->count > 0;
}

/*
 * Returns whether a line joins WAIT, an instruction of its own, with the next instruction, as
 * objdump does.
 */
static bool is_joined(const struct line *line)
{
	return line->bytes[0] == FWAIT && line->count > 1;
}

static void compare_first(void)
{
	const struct line *line = &lines[first % AHEAD];
	struct x86_instruction in;
	enum x86_status status;
	u8 bytes[X86_LENGTH_MAX + 16] = {0};
	size_t count = 0;
	u64 word;
	u32 known;

	for (u64 i = first; i < last && count < X86_LENGTH_MAX; i++) {
		memcpy(bytes + count, lines[i % AHEAD].bytes, lines[i % AHEAD].count);
		count += lines[i % AHEAD].count;
	}
	if (line->bad || is_joined(line)) {
		left_out++;
		return;
	}
	compared++;
	status = x86_decode(bytes, count, X86_MODE_64, &in);
	memcpy(&word, bytes, sizeof(word));
	known = svm_length_of_exit(word);
	exits += known != 0;
	if (status == X86_OK && in.length == line->count && (known == 0 || known == line->count))
		return;
	if (wrong++ < SHOWN_MAX)
		printf("status %u, length %u, in ring 0 %u:%s", status,
		       status == X86_OK ? in.length : 0u, known, line->text);
}

int main(void)
{
	char text[LINE_BYTES];

	while (fgets(text, sizeof(text), stdin) != NULL) {
		if (last - first == AHEAD) {
			compare_first();
			first++;
		}
		if (take_line(text, &lines[last % AHEAD]))
			last++;
	}
	for (; first < last; first++)
		compare_first();
	printf("%lu compared, %lu left out, %lu exit, %lu wrong\n", compared, left_out, exits,
	       wrong);
	return wrong != 0 || compared == 0;
}
