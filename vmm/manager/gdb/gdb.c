/* SPDX-License-Identifier: MIT */
#include "vmm/manager/gdb/gdb.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "vmm/manager/gdb/gdb_session.h"
#include "vmm/manager/log.h"
#include "vmm/manager/serial.h"
#include "vmm/rt/clock.h"

#define POLL_NS NS_PER_MS

struct gdb_session gdb;

static const char *const stop_reasons[] = {
	[QUERY_STOP_ASKED] = "",	     [QUERY_STOP_STEP] = "",
	[QUERY_STOP_SOFTWARE] = "swbreak:;", [QUERY_STOP_HARDWARE] = "hwbreak:;",
	[QUERY_STOP_WRITE] = "watch:",	     [QUERY_STOP_ACCESS] = "awatch:",
};

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

void gdb_reply(const char *packet)
{
	gdb_line_send(&gdb.line, packet);
}

void gdb_reply_status(enum status status)
{
	char packet[8];

	format(packet, sizeof(packet), "E%02x", status);
	gdb_reply(status == STATUS_OK ? "OK" : packet);
}

const char *gdb_open(const struct vm *vm)
{
	static bool opened;

	if (!opened && !serial_open(SERIAL_COM3))
		return "there is no third serial port, COM3";
	opened = true;
	if (gdb.vm_id != 0 && gdb.vm_id != vm->id)
		return "COM3 has another VM, `gdb off` frees it";
	if (gdb.vm_id == vm->id)
		return NULL;
	memset(&gdb, 0, sizeof(gdb));
	gdb_line_init(&gdb.line);
	gdb.vm_id = vm->id;
	gdb.cpu_count = (u32)vm->config.vcpus;
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

static void take_registers(const struct vm_answer *answer)
{
	const struct query_registers *registers;

	if (answer == NULL || answer->status != STATUS_OK ||
	    answer->bytes != sizeof(*registers)) {
		gdb_reply("E01");
		return;
	}
	registers = (const struct query_registers *)(const void *)answer->data;
	gdb.registers = registers->page;
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
			take_registers);
}

/* The packet that made GDB attach is taken up again. */
static void choose_layout(void)
{
	gdb.layout = gdb_layout_of(&gdb.registers);
	gdb_command();
}

static void take_attach(const struct vm_answer *answer)
{
	const struct vm *vm = gdb_vm();

	if (answer == NULL || answer->status != STATUS_OK || vm == NULL) {
		gdb_reply("E01");
		return;
	}
	gdb.attached = true;
	gdb.running = false;
	gdb.cpu = 0;
	gdb.registers_valid = false;
	gdb.stops_seen = vm->channel->question.stop.sequence;
	log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "gdb attached");
	gdb_with_registers(choose_layout);
}

void gdb_attach(void)
{
	gdb_ask(&(struct query){.kind = QUERY_ATTACH}, 0, take_attach);
}

/* A vCPU has stopped by itself, or as it was asked. */
static void tell_stop(const struct vm *vm)
{
	struct query_stop stop = vm->channel->question.stop;
	const char *reason;
	char packet[96];
	size_t length;

	if (!gdb.running || stop.sequence == gdb.stops_seen)
		return;
	gdb.stops_seen = stop.sequence;
	gdb.running = false;
	gdb.registers_valid = false;
	gdb.cpu = MIN(stop.cpu, gdb.cpu_count - 1);
	stop.kind = MIN(stop.kind, (u32)QUERY_STOP_ACCESS);
	reason = stop_reasons[stop.kind];
	length = format(packet, sizeof(packet), "T%02xthread:%x;%s",
			stop.kind == QUERY_STOP_ASKED ? 2 : 5, gdb.cpu + 1, reason);
	if (stop.kind >= QUERY_STOP_WRITE)
		format(packet + length, sizeof(packet) - length, "%llx;",
		       (unsigned long long)stop.address);
	gdb_reply(packet);
}

/* What a GDB is told of a VM that does not run any more; false: it has ended. */
static bool check_vm(const struct vm *vm)
{
	bool gone = vm == NULL || vm->dying || vm->group == HANDLE_NONE;

	if (gdb.running && !gone && vm->state == VM_CRASHED) {
		gdb.running = false;
		gdb.registers_valid = false;
		gdb_reply("S0b");
	}
	if (!gone)
		return true;
	if (gdb.running)
		gdb_reply(vm != NULL && vm->state == VM_STOPPED ? "W00" : "X09");
	gdb.attached = false;
	gdb.running = false;
	gdb.busy = false;
	if (vm == NULL || gdb.closing)
		gdb.vm_id = 0;
	return false;
}

static void finish_close(const struct vm_answer *answer)
{
	(void)answer;
	gdb.vm_id = 0;
}

void gdb_close(void)
{
	if (gdb.vm_id == 0)
		return;
	gdb.closing = true;
	if (!gdb.attached)
		gdb.vm_id = 0;
	else
		gdb_ask(&(struct query){.kind = QUERY_DETACH}, 0, finish_close);
	gdb.attached = false;
	gdb.running = false;
}

static void step_query(void)
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

static void receive(void)
{
	u8 byte;

	while (!gdb.busy && !gdb.closing && serial_receive(SERIAL_COM3, &byte, 1, NULL) == 1) {
		switch (gdb_line_take(&gdb.line, byte)) {
		case GDB_NOTHING:
			break;
		case GDB_INTERRUPT:
			gdb_interrupt();
			break;
		case GDB_PACKET:
			gdb_command();
			break;
		}
	}
}

static void send(void)
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
	if (check_vm(vm)) {
		tell_stop(vm);
		step_query();
		receive();
	}
	send();
}

u64 gdb_deadline(void)
{
	return gdb.vm_id != 0 ? clock_tsc() + clock_ns_to_tsc(POLL_NS) : ~0ull;
}
