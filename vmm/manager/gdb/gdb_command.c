/* SPDX-License-Identifier: MIT */
/*
 * Carries out GDB's packets. Called by gdb.c once GDB is attached. Works on the session; questions
 * go to the VM's monitor.
 */
#include "lib/bits.h"
#include "vmm/manager/gdb/gdb_session.h"
#include "vmm/rt/format.h"

#define SUPPORTED                                                                                  \
	"PacketSize=1000;qXfer:features:read+;swbreak+;hwbreak+;vContSupported+;"                  \
	"QStartNoAckMode+"
#define ALL_THREADS (~0ull)

static const char *gdb_packet(void)
{
	return gdb.line.packet;
}

static void gdb_answer_status(const struct vm_answer *answer)
{
	gdb_reply_status(answer != NULL ? answer->status : STATUS_TIMED_OUT);
}

/* Writes a register's value as hexadecimal digits, in the target's byte order. */
static size_t gdb_put_register(char *to, size_t size, u32 number)
{
	u32 bytes = gdb_register_bytes(gdb.layout, number);
	size_t length = 0;
	u64 value = 0;
	bool known = gdb_register_get(gdb.layout, &gdb.registers, number, &value);

	for (u32 i = 0; i < bytes; i++)
		length += format(to + length, size - length, known ? "%02x" : "xx",
				 (u32)(i < 8 ? value >> (8 * i) & 0xff : 0));
	return length;
}

static void gdb_send_registers(void)
{
	size_t length = 0;

	for (u32 i = 0; i < gdb_register_count(gdb.layout); i++)
		length += gdb_put_register(gdb.reply + length, sizeof(gdb.reply) - length, i);
	gdb_reply(gdb.reply);
}

static void gdb_send_register(void)
{
	const char *text = gdb_packet() + 1;
	u32 number = (u32)gdb_hex(&text);

	if (gdb_register_bytes(gdb.layout, number) == 0) {
		gdb_reply("E01");
		return;
	}
	gdb_put_register(gdb.reply, sizeof(gdb.reply), number);
	gdb_reply(gdb.reply);
}

/*
 * Answers GDB's write of registers; all registers are read again, as the monitor may have changed
 * them.
 */
static void gdb_answer_set(const struct vm_answer *answer)
{
	gdb.registers_valid = false;
	gdb_answer_status(answer);
}

/* Has the monitor set the vCPU's registers to those in gdb.registers. */
static void gdb_write_registers(u32 groups)
{
	struct query question = {.kind = QUERY_SET, .vcpu = gdb.cpu, .flags = groups & ~GDB_GPRS};

	memcpy(gdb.input, &gdb.registers, sizeof(gdb.registers));
	gdb_ask(&question, sizeof(gdb.registers), gdb_answer_set);
}

static u32 gdb_set_from_digits(u32 number, const char *text)
{
	u8 bytes[16] = {0};
	u64 value;

	if (gdb_hex_bytes(text, bytes, gdb_register_bytes(gdb.layout, number)) == 0)
		return 0;
	memcpy(&value, bytes, sizeof(value));
	return gdb_register_set(gdb.layout, &gdb.registers, number, value);
}

static void gdb_set_registers(void)
{
	const char *text = gdb_packet() + 1;
	u32 groups = 0;

	for (u32 i = 0; i < gdb_register_count(gdb.layout); i++) {
		u32 digits = 2 * gdb_register_bytes(gdb.layout, i);

		if (strnlen(text, digits) < digits)
			break;
		groups |= gdb_set_from_digits(i, text);
		text += digits;
	}
	gdb_write_registers(groups);
}

static void gdb_set_register(void)
{
	const char *text = gdb_packet() + 1;
	u32 number = (u32)gdb_hex(&text);
	u32 groups = 0;

	if (*text++ == '=' && gdb_register_bytes(gdb.layout, number) != 0)
		groups = gdb_set_from_digits(number, text);
	if (groups == 0)
		gdb_reply("E01");
	else
		gdb_write_registers(groups);
}

static void gdb_answer_memory(const struct vm_answer *answer)
{
	u32 count = answer != NULL ? MIN(answer->bytes, GDB_PACKET_BYTES / 2) : 0;

	if (answer == NULL || answer->status != STATUS_OK) {
		gdb_reply("E0e"); /* error 14, EFAULT */
		return;
	}
	gdb_reply(text_hex(gdb.reply, answer->data, count));
}

static void gdb_read_memory(void)
{
	const char *text = gdb_packet() + 1;
	struct query question = {.kind = QUERY_READ, .vcpu = gdb.cpu, .flags = QUERY_LINEAR};
	u64 length;

	question.address = gdb_hex(&text);
	if (*text == ',')
		text++;
	length = gdb_hex(&text);
	question.length = (u32)MIN(length, GDB_PACKET_BYTES / 2);
	gdb_ask(&question, 0, gdb_answer_memory);
}

static void gdb_write_memory(bool binary)
{
	const char *text = gdb_packet() + 1;
	struct query question = {.kind = QUERY_WRITE, .vcpu = gdb.cpu, .flags = QUERY_LINEAR};
	u32 wanted;

	question.address = gdb_hex(&text);
	if (*text == ',')
		text++;
	wanted = (u32)gdb_hex(&text);
	if (*text == ':')
		text++;
	question.length =
		binary ? gdb_binary_bytes(text, (u32)(gdb.line.length - (u32)(text - gdb_packet())),
					  gdb.input, sizeof(gdb.input))
		       : gdb_hex_bytes(text, gdb.input, sizeof(gdb.input));
	if (question.length != wanted)
		gdb_reply("E16"); /* error 22, EINVAL */
	else if (wanted == 0)
		gdb_reply("OK");
	else
		gdb_ask(&question, sizeof(gdb.input), gdb_answer_status);
}

/*
 * Handles Z and z: type, address, kind. Types: 0 software, 1 hardware, 2 write, 3 read (as access),
 * 4 access.
 */
static void gdb_change_breakpoint(bool insert)
{
	static const u32 flags[] = {0, QUERY_BREAK_HARDWARE, QUERY_BREAK_HARDWARE | 1,
				    QUERY_BREAK_HARDWARE | 3, QUERY_BREAK_HARDWARE | 3};
	const char *text = gdb_packet() + 1;
	struct query question = {.kind = insert ? QUERY_BREAK : QUERY_UNBREAK, .vcpu = gdb.cpu};
	u32 type = (u32)gdb_hex(&text);

	if (type >= ARRAY_COUNT(flags)) {
		gdb_reply("");
		return;
	}
	question.flags = flags[type];
	if (*text == ',')
		text++;
	question.address = gdb_hex(&text);
	if (*text == ',')
		text++;
	question.length = (u32)gdb_hex(&text);
	gdb_ask(&question, 0, gdb_answer_status);
}

/*
 * Handles the monitor's answer to a release of vCPUs; after a success GDB gets no packet until a
 * vCPU stops.
 */
static void gdb_answer_release(const struct vm_answer *answer)
{
	if (gdb.running && (answer == NULL || answer->status != STATUS_OK)) {
		gdb.running = false;
		gdb_reply("E01");
	}
}

static void gdb_release(u64 run, u64 step)
{
	gdb_await_stop();
	gdb_ask(&(struct query){.kind = QUERY_RELEASE, .run = run, .step = step}, 0,
		gdb_answer_release);
}

/*
 * Reads one action of vCont, such as c, s, C05 or s:2, and adds the vCPUs that it names, as far as
 * they are in `left`, to `run` or `step`.
 */
static const char *gdb_take_action(const char *text, u64 left, u64 *run, u64 *step)
{
	char action = *text++;
	u64 who = left;
	u64 thread;

	(void)gdb_hex(&text); /* skips the number of a signal, as there are no signals here */
	if (*text == ':') {
		text++;
		thread = gdb_hex(&text); /* GDB's -1, which means all threads, is read as 0 */
		if (thread != 0 && thread <= gdb.cpu_count)
			who = left & BIT(thread - 1);
	}
	*run |= who;
	if (action == 's' || action == 'S')
		*step |= who;
	while (*text != '\0' && *text != ';')
		text++;
	return *text == ';' ? text + 1 : text;
}

static void gdb_resume_threads(const char *text)
{
	u64 all = BITS(gdb.cpu_count - 1, 0);
	u64 run = 0;
	u64 step = 0;

	while (*text != '\0')
		text = gdb_take_action(text, all & ~run, &run, &step);
	gdb_release(run, step);
}

static void gdb_answer_detach(const struct vm_answer *answer)
{
	gdb.attached = false;
	gdb.running = false;
	gdb.let_go = answer == NULL;
	gdb_answer_status(answer);
}

static void gdb_detach(void)
{
	gdb_ask(&(struct query){.kind = QUERY_DETACH}, 0, gdb_answer_detach);
}

static void gdb_send_description(const char *text)
{
	static char whole[6 * KIB];
	size_t length = gdb_description(gdb.layout, whole, sizeof(whole));
	u64 offset = gdb_hex(&text);
	u64 count;

	if (*text == ',')
		text++;
	count = gdb_hex(&text);
	count = MIN(count, (u64)GDB_PACKET_BYTES - 2);
	offset = MIN(offset, length);
	count = MIN(count, length - offset);
	gdb.reply[0] = offset + count == length ? 'l' : 'm';
	memcpy(gdb.reply + 1, whole + offset, count);
	gdb.reply[1 + count] = '\0';
	gdb_reply(gdb.reply);
}

static void gdb_send_threads(void)
{
	size_t length = format(gdb.reply, sizeof(gdb.reply), "m");

	for (u32 i = 0; i < gdb.cpu_count; i++)
		length += format(gdb.reply + length, sizeof(gdb.reply) - length, "%s%x",
				 i > 0 ? "," : "", i + 1);
	gdb_reply(gdb.reply);
}

static void gdb_send_thread_name(const char *text)
{
	char name[32];
	u64 thread = gdb_hex(&text);
	size_t length = format(name, sizeof(name), "vCPU %llu", (unsigned long long)(thread - 1));

	gdb_reply(text_hex(gdb.reply, (const u8 *)name, length));
}

static void gdb_query(void)
{
	const char *text = gdb_packet();

	if (string_starts_with(text, "qSupported"))
		gdb_reply(SUPPORTED);
	else if (string_starts_with(text, "qXfer:features:read:target.xml:"))
		gdb_send_description(text + sizeof("qXfer:features:read:target.xml:") - 1);
	else if (string_equal(text, "qfThreadInfo"))
		gdb_send_threads();
	else if (string_equal(text, "qsThreadInfo"))
		gdb_reply("l");
	else if (string_starts_with(text, "qThreadExtraInfo,"))
		gdb_send_thread_name(text + sizeof("qThreadExtraInfo,") - 1);
	else if (string_equal(text, "qAttached"))
		gdb_reply("1");
	else if (string_equal(text, "qC")) {
		format(gdb.reply, sizeof(gdb.reply), "QC%x", gdb.cpu + 1);
		gdb_reply(gdb.reply);
	} else
		gdb_reply("");
}

static void gdb_set_mode(void)
{
	if (!string_equal(gdb_packet(), "QStartNoAckMode")) {
		gdb_reply("");
		return;
	}
	gdb_reply("OK");
	gdb.line.acknowledge = false;
}

static void gdb_multi(void)
{
	if (string_equal(gdb_packet(), "vCont?"))
		gdb_reply("vCont;c;C;s;S");
	else if (string_starts_with(gdb_packet(), "vCont;"))
		gdb_resume_threads(gdb_packet() + sizeof("vCont;") - 1);
	else
		gdb_reply("");
}

/* Handles Hg and Hc, which choose a thread, and T, which asks whether a thread exists. */
static void gdb_choose_thread(bool choose)
{
	const char *text = gdb_packet() + (choose ? 2 : 1);
	u64 thread = *text == '-' ? 0 : gdb_hex(&text);

	if (thread > gdb.cpu_count) {
		gdb_reply("E01");
		return;
	}
	if (choose && gdb_packet()[1] == 'g' && thread != 0 && gdb.cpu != thread - 1) {
		gdb.cpu = (u32)thread - 1;
		gdb.registers_valid = false;
	}
	gdb_reply("OK");
}

void gdb_interrupt(void)
{
	if (gdb.attached && gdb.running)
		gdb_ask(&(struct query){.kind = QUERY_HOLD, .vcpu = gdb.cpu}, 0,
			gdb_answer_release);
}

static void gdb_why_stopped(void)
{
	format(gdb.reply, sizeof(gdb.reply), "T05thread:%x;", gdb.cpu + 1);
	gdb_reply(gdb.reply);
}

void gdb_command(void)
{
	switch (gdb_packet()[0]) {
	case '?':
		gdb_why_stopped();
		break;
	case 'g':
		gdb_with_registers(gdb_send_registers);
		break;
	case 'G':
		gdb_with_registers(gdb_set_registers);
		break;
	case 'p':
		gdb_with_registers(gdb_send_register);
		break;
	case 'P':
		gdb_with_registers(gdb_set_register);
		break;
	case 'm':
		gdb_read_memory();
		break;
	case 'M':
		gdb_write_memory(false);
		break;
	case 'X':
		gdb_write_memory(true);
		break;
	case 'Z':
		gdb_change_breakpoint(true);
		break;
	case 'z':
		gdb_change_breakpoint(false);
		break;
	case 'c':
	case 'C':
		gdb_release(BITS(gdb.cpu_count - 1, 0), 0);
		break;
	case 's':
	case 'S':
		gdb_release(BIT(gdb.cpu), BIT(gdb.cpu));
		break;
	case 'v':
		gdb_multi();
		break;
	case 'H':
		gdb_choose_thread(true);
		break;
	case 'T':
		gdb_choose_thread(false);
		break;
	case 'q':
		gdb_query();
		break;
	case 'Q':
		gdb_set_mode();
		break;
	case 'D':
	case 'k':
		gdb_detach();
		break;
	default:
		gdb_reply("");
		break;
	}
}
