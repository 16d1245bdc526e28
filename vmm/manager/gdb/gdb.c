/* SPDX-License-Identifier: MIT */
/*
 * The debugger's session on COM3: attaches to a VM, passes GDB's packets on, and lets the VM's
 * guest continue at the end. Called by the event loop, by `gdb` and `lock`, and by the console's
 * idle lock. Owns the session; the VM's monitor holds vCPUs and breakpoints.
 */
#include "vmm/manager/gdb/gdb.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/gdb/gdb_login.h"
#include "vmm/manager/gdb/gdb_session.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm_query.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define POLL_NS NS_PER_MS
/* the most vCPUs: a question to the monitor (struct query) has a bit for each */
#define CPUS_MAX 64u

struct gdb_session gdb;

/* clang-format off */
static const char *const stop_reasons[] = {
	[QUERY_STOP_ASKED] = "",	     [QUERY_STOP_STEP] = "",
	[QUERY_STOP_SOFTWARE] = "swbreak:;", [QUERY_STOP_HARDWARE] = "hwbreak:;",
	[QUERY_STOP_WRITE] = "watch:",	     [QUERY_STOP_ACCESS] = "awatch:",
};
/* clang-format on */

const struct vm *gdb_vm(void)
{
	return gdb.vm_id != 0 ? vm_by_id(gdb.vm_id) : NULL;
}

bool gdb_attached(void)
{
	return gdb.attached;
}

bool gdb_holds(void)
{
	return gdb.attached && !gdb.running;
}

bool gdb_locked(void)
{
	return gdb.vm_id != 0 && !gdb_login_open();
}

void gdb_reply(const char *packet)
{
	gdb.owed = false;
	gdb_line_send(&gdb.line, packet);
}

void gdb_reply_status(enum status status)
{
	char packet[8];

	format(packet, sizeof(packet), "E%02x", (u32)status & 0xff);
	gdb_reply(status == STATUS_OK ? "OK" : packet);
}

const char *gdb_open(const struct vm *vm)
{
	static bool opened;

	if (!opened && !serial_open(SERIAL_COM3))
		return "there is no COM3: a third serial port is needed (QEMU: a third -serial)";
	opened = true;
	if (gdb.closing && gdb.vm_id != 0)
		return "COM3 is being freed, try again";
	if (gdb.vm_id != 0 && gdb.vm_id != vm->id)
		return "COM3 serves another VM, `gdb off` frees it";
	if (gdb.vm_id == vm->id)
		return NULL;
	memset(&gdb, 0, sizeof(gdb));
	gdb_line_init(&gdb.line);
	gdb.vm_id = vm->id;
	gdb.cpu_count = 1;
	gdb_login_lock();
	return NULL;
}

void gdb_ask(const struct query *question, u32 input_bytes,
	     void (*answered)(const struct vm_answer *answer))
{
	const struct vm *vm = gdb_vm();

	if (vm == NULL) {
		answered(NULL);
		return;
	}
	vm_query_begin(&gdb.query, vm, question);
	gdb.query.input = gdb.input;
	gdb.query.input_bytes = input_bytes;
	gdb.answered = answered;
	gdb.busy = true;
}

static void gdb_take_registers(const struct vm_answer *answer)
{
	const struct query_registers *registers =
		answer != NULL ? vm_answer_data(answer, sizeof(*registers)) : NULL;

	if (registers == NULL) {
		gdb_reply("E01");
		return;
	}
	gdb.registers = registers->page;
	gdb.cpu_count = MAX(MIN(registers->vcpu_count, CPUS_MAX), gdb.cpu + 1);
	gdb.registers_valid = true;
	gdb.with_registers();
}

void gdb_with_registers(void (*then)(void))
{
	gdb.with_registers = then;
	if (gdb.registers_valid)
		then();
	else
		gdb_ask(&(struct query){.kind = QUERY_REGISTERS, .vcpu = gdb.cpu}, 0,
			gdb_take_registers);
}

/*
 * Chooses the layout of registers for GDB by the vCPU's mode, then handles the packet with which
 * GDB attached.
 */
static void gdb_choose_layout(void)
{
	gdb.layout = gdb_layout_of(&gdb.registers);
	gdb_command();
}

static void gdb_take_attach(const struct vm_answer *answer)
{
	const struct vm *vm = gdb_vm();

	gdb.attached = answer != NULL && answer->status == STATUS_OK && vm != NULL;
	gdb.let_go |= answer == NULL;
	if (!gdb.attached) {
		gdb_reply("E01");
		return;
	}
	gdb.let_go = false;
	gdb.running = false;
	gdb.cpu = 0;
	gdb.registers_valid = false;
	log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "gdb attached");
	gdb_with_registers(gdb_choose_layout);
}

/*
 * Handles a packet from GDB. A new GDB begins with qSupported, perhaps after an earlier one has
 * died: it then finds the guest held.
 */
static void gdb_take_packet(void)
{
	bool first = string_starts_with(gdb.line.packet, "qSupported");

	gdb.owed = true;
	if (first) {
		gdb_line_restart(&gdb.line);
		/* the flag was set for the GDB that was attached before */
		gdb.running = false;
	}
	if (first || !gdb.attached)
		gdb_ask(&(struct query){.kind = QUERY_ATTACH}, 0, gdb_take_attach);
	else
		gdb_command();
}

/*
 * Returns the number of the vCPUs' last stop. The monitor writes this number after the rest of its
 * report, and may write at any time.
 */
static u32 gdb_stop_sequence(const struct vm *vm)
{
	return __atomic_load_n(&vm->channel->question.stop.sequence, __ATOMIC_ACQUIRE);
}

void gdb_await_stop(void)
{
	const struct vm *vm = gdb_vm();

	gdb.registers_valid = false;
	gdb.owed = false;
	gdb.running = true;
	if (vm != NULL)
		gdb.stops_seen = gdb_stop_sequence(vm);
}

/* Tells GDB that a vCPU has stopped, whether at a breakpoint or because GDB asked for it. */
static void gdb_tell_stop(const struct vm *vm)
{
	const struct query_stop *stop = &vm->channel->question.stop;
	u32 sequence = gdb_stop_sequence(vm);
	u32 cpu = READ_ONCE(stop->cpu);
	u32 kind = READ_ONCE(stop->kind);
	char packet[96];
	size_t length;

	if (!gdb.running || sequence == gdb.stops_seen)
		return;
	gdb.running = false;
	gdb.registers_valid = false;
	gdb.cpu = MIN(cpu, gdb.cpu_count - 1);
	kind = MIN(kind, (u32)QUERY_STOP_ACCESS);
	length = format(packet, sizeof(packet), "T%02xthread:%x;%s",
			kind == QUERY_STOP_ASKED ? 2 : 5, gdb.cpu + 1, stop_reasons[kind]);
	if (kind >= QUERY_STOP_WRITE)
		format(packet + length, sizeof(packet) - length, "%llx;",
		       (unsigned long long)READ_ONCE(stop->address));
	gdb_reply(packet);
}

/* Tells GDB if the VM does not run any more; returns false if the VM has ended. */
static bool gdb_check_vm(const struct vm *vm)
{
	bool gone = vm == NULL || vm_is_ending(vm) || vm->group == HANDLE_NONE;

	if (gdb.running && !gone && vm->state == VM_CRASHED) {
		gdb.running = false;
		gdb.registers_valid = false;
		gdb_reply("S0b");
	}
	if (!gone)
		return true;
	if (gdb.running)
		gdb_reply(vm != NULL && vm->state == VM_STOPPED ? "W00" : "X09");
	else if (gdb.owed)
		gdb_reply("E01");
	gdb.attached = false;
	gdb.running = false;
	gdb.busy = false;
	gdb.let_go = false;
	if (vm == NULL || gdb.closing)
		gdb.vm_id = 0;
	return false;
}

static void gdb_take_let_go(const struct vm_answer *answer)
{
	gdb.let_go = answer == NULL;
}

/*
 * Has the monitor let the guest continue. The monitor is asked until it answers: it may have
 * answered an attach only after GDB gave up, and then holds the guest without need. A question
 * under way has to be answered first, as the monitor takes one question at a time.
 */
static void gdb_end_hold(void)
{
	if (gdb.busy || gdb.vm_id == 0)
		return;
	if (gdb.closing) {
		gdb.let_go |= gdb.attached;
		gdb.attached = false;
	}
	if (gdb.let_go)
		gdb_ask(&(struct query){.kind = QUERY_DETACH}, 0, gdb_take_let_go);
	else if (gdb.closing)
		gdb.vm_id = 0;
}

void gdb_close(void)
{
	if (gdb.vm_id == 0)
		return;
	gdb.closing = true;
	if (gdb.running)
		gdb_reply("X09");
	gdb.running = false;
	gdb_end_hold();
}

static void gdb_take_nothing(const struct vm_answer *answer)
{
	(void)answer;
}

/*
 * Locks COM3. An answer that the monitor still owes is dropped; the monitor may hold the guest by
 * then.
 */
void gdb_lock(void)
{
	if (gdb.vm_id == 0 || gdb.closing || !gdb_login_open())
		return;
	if (gdb.running)
		gdb_reply("X09");
	else if (gdb.owed)
		gdb_reply("E01");
	gdb.let_go |= gdb.attached || gdb.busy;
	gdb.answered = gdb_take_nothing;
	gdb.attached = false;
	gdb.running = false;
	gdb_login_lock();
	gdb_end_hold();
}

static void gdb_step_query(void)
{
	const struct vm_answer *answer = NULL;
	char problem[192];

	if (!gdb.busy)
		return;
	switch (vm_query_step(&gdb.query, &answer, problem, sizeof(problem))) {
	case VM_QUERY_WAITS:
		return;
	case VM_QUERY_FAILED:
		log_message(LOG_WARNING, LOG_VM, "", "gdb: %s", problem);
		break;
	case VM_QUERY_ANSWERED:
		break;
	}
	gdb.busy = false;
	gdb.answered(answer);
}

static bool gdb_next_byte(void)
{
	if (!gdb.byte_waits)
		gdb.byte_waits = serial_receive(SERIAL_COM3, &gdb.byte, 1, NULL) == 1;
	return gdb.byte_waits;
}

/*
 * Receives one packet at a time, so that there is room for its answer. A GDB that loses patience
 * repeats its packet before there is an answer: the repeated packet is no second question to the
 * monitor.
 */
static void gdb_receive(void)
{
	while (!gdb.closing && gdb_next_byte()) {
		if (!gdb_login_open()) {
			if (gdb_login_busy() || gdb.line.sent < gdb.line.filled)
				return;
			gdb.byte_waits = false;
			gdb_login_take(gdb.byte);
			continue;
		}
		if (gdb.busy && gdb.byte == '-') {
			gdb.byte_waits = false;
			continue;
		}
		if (gdb.busy || gdb.line.sent < gdb.line.filled)
			return;
		gdb.byte_waits = false;
		switch (gdb_line_take(&gdb.line, gdb.byte)) {
		case GDB_NOTHING:
			break;
		case GDB_INTERRUPT:
			gdb_interrupt();
			break;
		case GDB_PACKET:
			gdb_take_packet();
			break;
		}
	}
}

static void gdb_send(void)
{
	struct gdb_line *line = &gdb.line;

	if (line->sent < line->filled)
		line->sent += serial_send(SERIAL_COM3, (const u8 *)line->out + line->sent,
					  line->filled - line->sent);
}

void gdb_step(void)
{
	const struct vm *vm;

	if (gdb.vm_id == 0)
		return;
	serial_interrupt(SERIAL_COM3);
	vm = gdb_vm();
	if (gdb_check_vm(vm)) {
		gdb_tell_stop(vm);
		gdb_step_query();
	}
	gdb_login_step();
	if (gdb.vm_id != 0)
		gdb_receive(); /* bytes of a new GDB are received before anything else */
	gdb_end_hold();
	gdb_send();
}

u64 gdb_deadline(void)
{
	if (gdb.vm_id == 0)
		return ~0ull;
	return gdb_login_busy() ? 0 : clock_tsc() + clock_ns_to_tsc(POLL_NS);
}
