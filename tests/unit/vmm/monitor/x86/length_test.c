/* SPDX-License-Identifier: MIT */
/* Instruction lengths agree with objdump's throughout whole programs, in all three modes. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmm/monitor/x86/tables.h"
#include "vmm/monitor/x86/prefix.h"
#include "vmm/monitor/x86/decode.h"

#define LINE_MAX_BYTES 1024

struct line {
	unsigned long address;
	u8 bytes[32];
	size_t count;
	bool checked; /* objdump knows the instruction */
};

/* Words that objdump prints for prefixes; a line of these alone is not an instruction. */
static bool is_prefix_word(const char *word)
{
	static const char *const words[] = {
		"data16",   "data32",	"addr16", "addr32", "lock", "rep",   "repz",  "repnz",
		"cs",	    "ds",	"es",	  "ss",	    "fs",   "gs",    "bnd",   "notrack",
		"xacquire", "xrelease", "addr64", "data64", "repe", "repne", "cs,pn", "ds,pt",
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return strncmp(word, "rex", 3) == 0;
}

static bool only_prefixes(char *text)
{
	for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n"))
		if (!is_prefix_word(word))
			return false;
	return true;
}

/* Parses "  401000:\t48 83 ec 08  \tsub ..."; false when the line is something else. */
static bool parse_line(char *text, struct line *line)
{
	char *tab = strchr(text, '\t');
	char *end;

	if (tab == NULL || tab == text || tab[-1] != ':')
		return false;
	line->address = strtoul(text, &end, 16);
	if (end != tab - 1)
		return false;
	line->count = 0;
	for (text = tab + 1; line->count < sizeof(line->bytes); text += 3) {
		char pair[3] = {text[0], text[1], '\0'};
		u8 byte = (u8)strtoul(pair, &end, 16);

		if (end != pair + 2)
			break;
		line->bytes[line->count++] = byte;
	}
	tab = strchr(text, '\t');
	line->checked = tab != NULL && strstr(tab, "(bad)") == NULL && !only_prefixes(tab + 1);
	return line->count > 0;
}

/*
 * Returns whether the instruction belongs to APX: REX2 (D5), and EVEX with map 4 or with bits that
 * select registers from 16 on.
 */
static bool is_apx(const u8 *bytes, size_t count)
{
	size_t i = 0;

	while (i < count && ((bytes[i] & 0xf0) == 0x40 ||
			     memchr("\xf0\xf2\xf3\x66\x67\x26\x2e\x36\x3e\x64\x65", bytes[i], 11)))
		i++;
	if (i + 2 >= count)
		return false;
	return bytes[i] == 0xd5 ||
	       (bytes[i] == 0x62 &&
		((bytes[i + 1] & 8) != 0 || (bytes[i + 2] & 4) == 0 || (bytes[i + 1] & 7) == 4));
}

/*
 * SDM vol. 2, 2.3.2 to 2.3.5: such a prefix before VEX gives #UD; objdump accepts it. And from
 * 2.42 on it knows APX, which no guest is offered, in 64-bit code.
 */
static bool is_refused(const u8 *bytes, size_t count, enum x86_mode mode)
{
	bool forbidden = false;
	size_t i = 0;

	for (; i < count && (memchr("\xf0\xf2\xf3\x66", bytes[i], 4) != NULL ||
			     (mode == X86_MODE_64 && (bytes[i] & 0xf0) == 0x40));
	     i++)
		forbidden = true;
	if (mode == X86_MODE_64 && is_apx(bytes, count))
		return true;
	return forbidden && i < count && memchr("\xc4\xc5\x62\x8f", bytes[i], 4) != NULL;
}

/*
 * Compares one line; the decoder may also read the bytes of the lines after it. objdump shows
 * FWAIT and the x87 instruction after it as one; they are two.
 */
static bool line_agrees(const u8 *bytes, size_t available, const struct line *line,
			enum x86_mode mode)
{
	struct x86_instruction instruction;
	size_t done = 0;

	do {
		if (x86_decode(bytes + done, available - done, mode, &instruction) != X86_OK)
			return is_refused(bytes, line->count, mode);
		done += instruction.length;
	} while (done < line->count && instruction.map == X86_MAP_PRIMARY &&
		 instruction.opcode == 0x9b);
	return done == line->count;
}

/* Runs the command and compares every line; returns how many were checked. */
static size_t compare(const char *command, enum x86_mode mode)
{
	FILE *pipe = popen(command, "r");
	struct line *lines = NULL;
	struct line line;
	u8 *bytes = NULL;
	size_t count = 0;
	size_t total = 0;
	size_t checked = 0;
	size_t wrong = 0;
	char text[LINE_MAX_BYTES];

	assert_non_null(pipe);
	while (fgets(text, sizeof(text), pipe) != NULL) {
		if (!parse_line(text, &line))
			continue;
		if ((count & (count - 1)) == 0) {
			lines = realloc(lines, (2 * count + 1) * sizeof(line));
			bytes = realloc(bytes, (2 * count + 1) * sizeof(line.bytes));
		}
		lines[count++] = line;
		memcpy(bytes + total, line.bytes, line.count);
		total += line.count;
	}
	assert_int_equal(pclose(pipe), 0);

	for (size_t i = 0, at = 0; i < count; at += lines[i++].count) {
		/* the end at which objdump is told to stop cuts the last instruction off */
		if (!lines[i].checked || i + 1 == count)
			continue;
		checked++;
		if (line_agrees(bytes + at, total - at, &lines[i], mode))
			continue;
		if (wrong++ < 20)
			print_error("%lx: objdump says %zu bytes: %02x %02x %02x %02x %02x\n",
				    lines[i].address, lines[i].count, bytes[at], bytes[at + 1],
				    bytes[at + 2], bytes[at + 3], bytes[at + 4]);
	}
	free(lines);
	free(bytes);
	print_message("%zu instructions, %zu wrong: %s\n", checked, wrong, command);
	assert_int_equal(wrong, 0);
	return checked;
}

#define OBJDUMP "objdump -w --insn-width=16 "

static void test_busybox(void **state)
{
	assert_true(compare(OBJDUMP "-d /bin/busybox", X86_MODE_64) > 300000);
}

static void test_libc(void **state)
{
	const char *command =
		OBJDUMP "-d $(/sbin/ldconfig -p | awk '/libc.so.6.*x86-64/ {print $NF; exit}')";

	assert_true(compare(command, X86_MODE_64) > 300000);
}

/* The bytes of a program read as code of another mode: every opcode, most of them nonsense. */
static void test_raw_bytes(void **state)
{
	const char *raw = OBJDUMP "-D -b binary --start-address=0x20000 --stop-address=0x90000 ";
	char command[256];

	snprintf(command, sizeof(command), "%s -m i8086 /bin/busybox", raw);
	assert_true(compare(command, X86_MODE_16) > 100000);
	snprintf(command, sizeof(command), "%s -m i386 /bin/busybox", raw);
	assert_true(compare(command, X86_MODE_32) > 100000);
	snprintf(command, sizeof(command), "%s -m i386:x86-64 /usr/bin/objdump", raw);
	assert_true(compare(command, X86_MODE_64) > 50000);
}

/*
 * Writes every opcode of every map, with random ModRM and prefixes; NOPs between them let objdump
 * resynchronise after an opcode that it does not know.
 */
static void write_opcodes(int file)
{
	static const char *const starts[] = {
		"",
		"\x0f",
		"\x0f\x38",
		"\x0f\x3a",
		"\xc5\xf9",
		"\xc5\x7e",
		"\xc4\xe1\x7d",
		"\xc4\xe2\x79",
		"\xc4\xc2\xf9",
		"\xc4\xe3\x7d",
		"\x62\xf1\x7c\x48",
		"\x62\xf1\xfd\x08",
		"\x62\xf2\x7d\x48",
		"\x62\xf2\xfd\x28",
		"\x62\xf3\x7d\x48",
		"\x62\xf5\x7c\x48",
		"\x62\xf6\x7d\x08",
		"\x8f\xe8\x78",
		"\x8f\xe9\x78",
		"\x8f\xea\x78",
	};
	static const char *const prefixes[] = {
		"",	"",	    "\x66", "\xf2", "\xf3",	"\x67",
		"\x48", "\x66\x41", "\x2e", "\x64", "\xf3\x66", "\x66\x67",
	};
	u64 random = 99;

	for (u32 i = 0; i < 256 * ARRAY_COUNT(starts) * ARRAY_COUNT(prefixes); i++) {
		const char *start = starts[i / 256 % ARRAY_COUNT(starts)];
		const char *prefix = prefixes[i / 256 / ARRAY_COUNT(starts)];
		u8 slot[32];
		size_t at;

		memset(slot, 0x90, sizeof(slot));
		if (strlen(start) > 1 && start[0] != 0x0f) /* VEX takes no prefix */
			prefix = "";
		at = (size_t)(stpcpy(stpcpy((char *)slot, prefix), start) - (char *)slot);
		slot[at++] = (u8)i;
		for (size_t end = at + 10; at < end; at++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			slot[at] = (u8)(random >> 56);
		}
		assert_int_equal(write(file, slot, sizeof(slot)), sizeof(slot));
	}
}

static void test_all_opcodes(void **state)
{
	char path[] = "/tmp/skerry-opcodes-XXXXXX";
	int file = mkstemp(path);
	char command[128];
	size_t counts[3];

	assert_true(file >= 0);
	write_opcodes(file);
	close(file);
	snprintf(command, sizeof(command), OBJDUMP "-D -b binary -m i8086 %s", path);
	counts[0] = compare(command, X86_MODE_16);
	snprintf(command, sizeof(command), OBJDUMP "-D -b binary -m i386 %s", path);
	counts[1] = compare(command, X86_MODE_32);
	snprintf(command, sizeof(command), OBJDUMP "-D -b binary -m i386:x86-64 %s", path);
	counts[2] = compare(command, X86_MODE_64);
	unlink(path);
	for (size_t i = 0; i < 3; i++)
		assert_true(counts[i] > 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busybox),
		cmocka_unit_test(test_libc),
		cmocka_unit_test(test_raw_bytes),
		cmocka_unit_test(test_all_opcodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
