/* SPDX-License-Identifier: MIT */
#pragma once

/* The debugger's line with GDB at one end and a monitor at the other, both the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/gdb_sources.h"

static struct vm_channel channel;
static struct vm the_vm;
static char wire[20000]; /* the bytes sent to GDB */
static size_t wire_length;
static const char *typed; /* the bytes that GDB sends */
static struct query asked;
static u8 input[QUERY_INPUT_BYTES] ALIGNED(64);
static u32 asked_count;
static struct vm_answer answer;
static struct vcpu_page page; /* the guest's vCPU page */
static bool monitor_hangs;
static bool monitor_late; /* the monitor answers after the query's time limit */
static u32 vcpu_count;

bool serial_open(enum serial_name name)
{
	return name == SERIAL_COM3;
}

void serial_interrupt(enum serial_name name)
{
	assert_int_equal(name, SERIAL_COM3);
}

u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *lost)
{
	(void)name, (void)size, (void)lost;
	if (*typed == '\0')
		return 0;
	*(char *)bytes = *typed++;
	return 1;
}

u32 serial_send(enum serial_name name, const u8 *bytes, u32 count)
{
	(void)name;
	memcpy(wire + wire_length, bytes, count);
	wire_length += count;
	wire[wire_length] = '\0';
	return count;
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

struct vm *vm_by_id(u32 id)
{
	return id == the_vm.id ? &the_vm : NULL;
}

void vm_query_begin(struct vm_query *query, const struct vm *vm, const struct query *question)
{
	(void)vm;
	memset(query, 0, sizeof(*query));
	query->question = *question;
}

/* Stands in for the monitor: registers, memory of zeros, everything else succeeds. */
enum vm_query_progress vm_query_step(struct vm_query *query, const struct vm_answer **result,
				     char *problem, size_t size)
{
	struct query_registers *registers = (void *)answer.data;

	(void)problem, (void)size;
	if (monitor_hangs)
		return VM_QUERY_WAITS;
	if (monitor_late)
		return VM_QUERY_FAILED;
	asked = query->question;
	memcpy(input, query->input, query->input_bytes);
	asked_count++;
	answer.status = STATUS_OK;
	answer.bytes = 0;
	if (asked.kind == QUERY_REGISTERS) {
		registers->page = page;
		registers->vcpu_count = vcpu_count;
		answer.bytes = sizeof(*registers);
	} else if (asked.kind == QUERY_READ) {
		for (u32 i = 0; i < asked.length; i++)
			answer.data[i] = (u8)(asked.address + i);
		answer.bytes = asked.length;
	}
	*result = &answer;
	return VM_QUERY_ANSWERED;
}

static UNUSED int set_up(void **state)
{
	(void)state;
	memset(&gdb, 0, sizeof(gdb));
	memset(&page, 0, sizeof(page));
	memset(&channel, 0, sizeof(channel));
	monitor_hangs = monitor_late = false;
	vcpu_count = 2;
	/* clang-format off */
	the_vm = (struct vm){.id = 3, .group = 1, .state = VM_RUNNING, .channel = &channel,
			     .config = {.name = "alpha", .vcpus = 2}};
	/* clang-format on */
	page.cr0 = 0x80000001;
	page.efer = 0x500;
	page.gpr[GPR_RAX] = 0x1122334455667788;
	page.rip = 0xffffffff81000000;
	assert_null(gdb_open(&the_vm));
	return 0;
}

/* Sends the bytes and returns what comes back, framing included. */
static const char *send_raw(const char *bytes)
{
	typed = bytes;
	wire_length = 0;
	wire[0] = '\0';
	for (u32 i = 0; i < 20; i++)
		gdb_step();
	return wire;
}

static UNUSED const char *ask(const char *text)
{
	char frame[6000];
	static char reply[9000];
	u8 sum = 0;
	char *hash;

	for (const char *c = text; *c != '\0'; c++)
		sum = (u8)(sum + (u8)*c);
	snprintf(frame, sizeof(frame), "$%s#%02x", text, sum);
	send_raw(frame);
	assert_true(wire[0] == '+');
	if (wire[1] == '\0')
		return "";
	assert_int_equal(wire[1], '$');
	strcpy(reply, wire + 2);
	hash = strrchr(reply, '#');
	assert_non_null(hash);
	sum = 0;
	for (char *c = reply; c < hash; c++)
		sum = (u8)(sum + (u8)*c);
	assert_int_equal(sum, strtoul(hash + 1, NULL, 16));
	*hash = '\0';
	return reply;
}
