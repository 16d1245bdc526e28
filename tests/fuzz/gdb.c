/* SPDX-License-Identifier: MIT */
/*
 * The debugger's line: packets and noise from COM3, answers and stops of a monitor gone bad, VMs
 * that end meanwhile, a password and locks. The output is packets with right checksums and nothing
 * else, but for text while there is a password. A GDB that keeps to the protocol gets one answer to
 * each packet, whatever the monitor does. While COM3 is locked nothing is asked but to let go.
 */
/* Counted elsewhere: vmm/manager/text/text.c vmm/manager/login/password.c vmm/rt/crypto/sha256.c */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/gdb_sources.h"
#include "vmm/manager/vm/vm_query.c"

#define PATIENCE_NS (60 * NS_PER_S) /* GDB's, after `set remotetimeout 60` */
#define INPUT_MAX   8192u
#define PASSWORD    "open sesame"

static struct vm_channel channel;
static struct vm the_vm;
static bool vm_there;
static u8 typed[INPUT_MAX];
static u32 typed_count, typed_taken;
static u32 room; /* the room in the UART for output */
/*
 * the mood of the monitor: bit 0 answers by itself, bit 1 with success, bit 2 with the right length
 */
static u8 mood;

/* What GDB has received of the current packet. */
static struct {
	bool inside;
	u32 tail;
	u8 sum, wanted;
	u32 length;
} reader;
static bool polite; /* GDB sends one packet at a time, and Ctrl-C while the VM runs */
static bool with_password;
static struct password_hash hash;
static u32 unanswered;

bool serial_open(enum serial_name name)
{
	return name == SERIAL_COM3;
}

void serial_interrupt(enum serial_name name)
{
	CHECK_THAT(name == SERIAL_COM3);
}

u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *lost)
{
	CHECK_THAT(name == SERIAL_COM3 && size == 1 && lost == NULL);
	if (typed_taken == typed_count)
		return 0;
	*(u8 *)bytes = typed[typed_taken++];
	return 1;
}

static void answer_came(void)
{
	CHECK_THAT(reader.sum == reader.wanted);
	CHECK_THAT(reader.length <= GDB_PACKET_BYTES);
	CHECK_THAT(!polite || unanswered == 1);
	if (unanswered > 0)
		unanswered--;
}

static void read_byte(u8 byte)
{
	if (reader.tail > 0) {
		CHECK_THAT(char_hex_value((char)byte) < 16);
		reader.wanted = (u8)(reader.wanted << 4 | char_hex_value((char)byte));
		if (reader.tail++ == 2) {
			answer_came();
			memset(&reader, 0, sizeof(reader));
		}
	} else if (!reader.inside) {
		CHECK_THAT(byte == '$' || byte == '+' || byte == '-' ||
			   (with_password &&
			    (char_is_printable((char)byte) || byte == '\r' || byte == '\n')));
		reader.inside = byte == '$';
	} else if (byte == '#') {
		reader.tail = 1;
	} else {
		CHECK_THAT(char_is_printable((char)byte) && byte != '$');
		reader.sum = (u8)(reader.sum + byte);
		reader.length++;
	}
}

u32 serial_send(enum serial_name name, const u8 *bytes, u32 count)
{
	u32 sent = MIN(count, room);

	CHECK_THAT(name == SERIAL_COM3);
	for (u32 i = 0; i < sent; i++)
		read_byte(bytes[i]);
	return sent;
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

struct vm *vm_by_id(u32 id)
{
	return vm_there && id == the_vm.id ? &the_vm : NULL;
}

const char *vm_state_name(enum vm_state state)
{
	(void)state;
	return "running";
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

static void monitor_turn(void)
{
	struct query_area *area = &channel.question;

	if ((mood & 1) == 0 || area->asked == area->answered)
		return;
	area->answered = area->asked;
	if (mood & 2)
		area->status = STATUS_OK;
	if (mood & 4)
		area->bytes = area->query.kind == QUERY_REGISTERS ? sizeof(struct query_registers)
								  : area->query.length;
}

static void step(void)
{
	now += NS_PER_MS;
	monitor_turn();
	gdb_step();
	if (gdb.vm_id == 0) { /* without a VM no answer will come any more */
		unanswered = typed_count = typed_taken = 0;
		memset(&reader, 0, sizeof(reader));
	}
	CHECK_THAT(gdb.line.sent <= gdb.line.filled && gdb.line.filled <= GDB_OUT_BYTES);
	CHECK_THAT(gdb.line.length <= GDB_PACKET_BYTES);
	CHECK_THAT(gdb.vm_id == 0 || gdb.cpu < gdb.cpu_count);
	CHECK_THAT(gdb.query.input_bytes <= QUERY_INPUT_BYTES);
	CHECK_THAT(!gdb_locked() || !gdb.attached);
	CHECK_THAT(!gdb_locked() || !gdb.busy || gdb.answered == gdb_take_nothing ||
		   gdb.query.question.kind == QUERY_DETACH);
	CHECK_THAT(channel.question.query.run == 0 ||
		   channel.question.query.run <= BITS(gdb.cpu_count - 1, 0));
}

/* Lets time pass until GDB has its answer, waits for a stop, or is disconnected. */
static void await(void)
{
	u64 until = now + PATIENCE_NS;

	room = GDB_OUT_BYTES;
	while (unanswered > 0 && gdb.vm_id != 0 && !gdb.closing && !(gdb.attached && gdb.running)) {
		step();
		now += 100 * NS_PER_MS;
		CHECK_THAT(now < until);
	}
	step();
}

static void type(const u8 *bytes, u32 count)
{
	if (typed_taken == typed_count)
		typed_taken = typed_count = 0;
	count = MIN(count, INPUT_MAX - typed_count);
	memcpy(typed + typed_count, bytes, count);
	typed_count += count;
}

/* Types a framed packet, with a wrong checksum if the input says so. */
static void type_packet(struct fuzz *fuzz, bool wrong)
{
	static u8 frame[GDB_PACKET_BYTES + 1024];
	char sum[3];
	u8 total = 0;
	u32 count = fuzz_u8(fuzz);
	u32 repeat = count >= 240 ? 1 + 320 * (count & 15) : 1;
	u8 filler;

	count = (u32)MIN(count & 63, fuzz->left);
	frame[0] = '$';
	fuzz_take(fuzz, frame + 1, count);
	filler = fuzz_u8(fuzz);
	for (u32 i = 1; i < repeat && count < (polite ? GDB_PACKET_BYTES : sizeof(frame) - 5); i++)
		frame[1 + count++] = filler;
	for (u32 i = 0; i < count; i++) {
		u8 *byte = &frame[1 + i];

		if (*byte == '$' || *byte == '#')
			*byte = '}';
		if (polite && with_password && *byte < ' ')
			*byte = '.'; /* a first packet is text */
		total = (u8)(total + *byte);
	}
	snprintf(sum, sizeof(sum), "%02x", (u8)(total + wrong));
	frame[1 + count] = '#';
	memcpy(frame + 2 + count, sum, 2);
	if (polite) {
		await();
		if (unanswered > 0 || gdb.vm_id == 0) /* the VM runs: GDB waits */
			return;
		unanswered = 1;
	}
	type(frame, count + 4);
	if (polite)
		await();
}

static void type_noise(struct fuzz *fuzz)
{
	u8 bytes[32];
	u32 count = fuzz_u8(fuzz) % sizeof(bytes);

	if (with_password && gdb_locked() && count == 31) {
		type((const u8 *)"\x15" PASSWORD "\r", sizeof(PASSWORD) + 1);
		return;
	}
	fuzz_take(fuzz, bytes, count);
	if (polite) {
		bytes[0] = 3;
		count = gdb.running;
	}
	type(bytes, count);
}

/* The monitor answers the query, or anything else. */
static void monitor_answers(struct fuzz *fuzz)
{
	struct query_area *area = &channel.question;
	u8 how = fuzz_u8(fuzz);
	u32 at = fuzz_u16(fuzz) % QUERY_BYTES;
	u32 count = how & 4 ? fuzz_u8(fuzz) : 0;

	area->status = how & 1 ? STATUS_OK : (u32)fuzz_number(fuzz);
	area->bytes = how & 2 ? sizeof(struct query_registers) : (u32)fuzz_number(fuzz);
	fuzz_take(fuzz, area->answer + at, MIN(count, QUERY_BYTES - at));
	area->answered = how & 8 ? (u32)fuzz_number(fuzz) : area->asked;
}

static void monitor_stops(struct fuzz *fuzz)
{
	struct query_stop *stop = &channel.question.stop;

	stop->sequence += 1 + (fuzz_u8(fuzz) & 1);
	stop->cpu = (u32)fuzz_number(fuzz);
	stop->kind = (u32)fuzz_number(fuzz);
	stop->address = fuzz_number(fuzz);
}

static void start(u32 id, u32 vcpus)
{
	memset(&channel, 0, sizeof(channel));
	/* clang-format off */
	the_vm = (struct vm){.id = id, .group = 1, .monitor.wake = 1, .state = VM_RUNNING,
			     .channel = &channel, .config = {.name = "alpha", .vcpus = vcpus}};
	/* clang-format on */
	vm_there = true;
}

static void change_vm(struct fuzz *fuzz)
{
	u8 how = fuzz_u8(fuzz);

	switch (how & 7) {
	case 0:
		the_vm.state = (enum vm_state)((how >> 3) % VM_STATE_COUNT);
		break;
	case 1:
		the_vm.group = HANDLE_NONE;
		break;
	case 2:
		the_vm.phase = VM_PHASE_ENDING;
		break;
	case 3:
		vm_there = false;
		break;
	case 4:
		start(the_vm.id, (u32)the_vm.config.vcpus);
		break;
	case 5:
		start(the_vm.id + 1, 1 + (how >> 3 & 31));
		break;
	case 6:
		if (with_password && (how & 8) != 0)
			gdb_lock();
		else
			gdb_close();
		break;
	default:
		if (vm_there && the_vm.group != HANDLE_NONE && !vm_is_ending(&the_vm))
			(void)!gdb_open(&the_vm);
		break;
	}
}

static void make_password(void)
{
	static struct password_work work;

	hash = (struct password_hash){.iterations = 1, .salt_bytes = 8};
	password_begin(&work, TEXT(PASSWORD), &hash);
	while (!password_step(&work, 1))
		;
	memcpy(hash.hash, work.hash, sizeof(hash.hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	u8 first = fuzz_u8(&fuzz);

	if (hash.iterations == 0)
		make_password();
	memset(&gdb, 0, sizeof(gdb));
	memset(&reader, 0, sizeof(reader));
	typed_count = typed_taken = unanswered = 0;
	now = NS_PER_S;
	room = GDB_OUT_BYTES;
	mood = 7;
	polite = first & 1;
	with_password = first & 0x80;
	door = (struct login){.name = "COM3", .open = true};
	login_require(with_password ? &hash : NULL);
	start(1, 1 + (first >> 1 & 63));
	CHECK_THAT(gdb_open(&the_vm) == NULL);
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);

		switch (what & 7) {
		case 0:
		case 1:
			type_packet(&fuzz, what == 0 && !polite);
			break;
		case 2:
			type_noise(&fuzz);
			break;
		case 3:
			monitor_answers(&fuzz);
			break;
		case 4:
			monitor_stops(&fuzz);
			break;
		case 5:
			change_vm(&fuzz);
			break;
		case 6:
			mood = what >> 3;
			now += (u64)mood * NS_PER_S / 4;
			break;
		default:
			room = what == 7 ? GDB_OUT_BYTES : what;
			break;
		}
		for (u32 i = 0; i < 1 + (what >> 6); i++)
			step();
	}
	if (polite)
		await();
	return 0;
}
