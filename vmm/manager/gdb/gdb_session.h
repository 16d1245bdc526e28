/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/gdb/gdb_packet.h"
#include "vmm/manager/gdb/gdb_registers.h"
#include "vmm/manager/vm/vm_query.h"

/* The debugger's session, which the files of this folder share. */
struct gdb_session {
	u32 vm_id;     /* id of the debugged VM; 0: no session */
	u32 cpu_count; /* number of the VM's vCPUs */
	bool attached;
	bool running; /* the guest continues, and GDB waits for a vCPU to stop */
	bool owed;    /* GDB's last packet was not answered yet */
	bool closing; /* the session ends as soon as the monitor has let the guest continue */
	bool let_go;  /* no GDB is attached, but the monitor holds the guest or may yet do so */
	u32 cpu;      /* the vCPU whose registers and memory GDB reads and writes */
	u32 stops_seen;
	enum gdb_layout layout;
	struct gdb_line line;
	bool byte_waits; /* `byte` was received on COM3 and not used yet */
	u8 byte;

	/*
	 * The question to the monitor that is under way; no other packet of GDB's is taken until it
	 * is answered.
	 */
	bool busy;
	struct vm_query query;
	void (*answered)(const struct vm_answer *answer);
	u8 input[QUERY_INPUT_BYTES] ALIGNED(64);

	bool registers_valid; /* `registers` holds those of the vCPU `cpu` */
	struct vcpu_page registers;
	void (*with_registers)(void);

	char reply[GDB_PACKET_BYTES + 1];
};
extern struct gdb_session gdb;

/* Sends a packet to GDB. */
void gdb_reply(const char *packet);
/* Sends OK, or an error's number. */
void gdb_reply_status(enum status status);
/* Asks the VM's monitor a question; `answered` gets the answer, or NULL if there is none. */
void gdb_ask(const struct query *question, u32 input_bytes,
	     void (*answered)(const struct vm_answer *answer));
/* Lets GDB wait until a vCPU stops; the report of the stop is the answer to GDB's packet. */
void gdb_await_stop(void);
/* Calls `then` as soon as gdb.registers has the registers of gdb.cpu. */
void gdb_with_registers(void (*then)(void));
/* Handle the packet in gdb.line, and Ctrl-C, once GDB is attached. In gdb_command.c. */
void gdb_command(void);
void gdb_interrupt(void);
