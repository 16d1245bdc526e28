/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/gdb/gdb_packet.h"
#include "vmm/manager/gdb/gdb_registers.h"
#include "vmm/manager/vm/vm_query.h"

/* What the files of the stub share. */
struct gdb_session {
	u32 vm_id;     /* 0: no session */
	u32 cpu_count; /* of the VM's monitor */
	bool attached;
	bool running;  /* the VM was let go: GDB waits for a stop */
	bool owed;     /* GDB's last packet has no answer yet */
	bool closing;  /* as soon as the monitor has let the VM go */
	bool let_go;   /* the monitor holds the VM, or may yet do so, and no GDB is attached */
	u32 cpu;       /* the vCPU for registers and memory */
	u32 stops_seen;
	enum gdb_layout layout;
	struct gdb_line line;
	bool byte_waits; /* `byte` was received and not used yet */
	u8 byte;

	/* A question under way; nothing else is taken until it is answered. */
	bool busy;
	struct vm_query query;
	void (*answered)(const struct vm_answer *answer);
	u8 input[QUERY_INPUT_BYTES] ALIGNED(64);

	bool registers_valid; /* of `cpu` */
	struct vcpu_page registers;
	void (*with_registers)(void);

	char reply[GDB_PACKET_BYTES + 1];
};
extern struct gdb_session gdb;

/* Sends a packet. */
void gdb_reply(const char *packet);
/* OK, or an error's number. */
void gdb_reply_status(enum status status);
/* Asks the monitor; `answered` gets the answer, NULL when there is none. */
void gdb_ask(const struct query *question, u32 input_bytes,
	     void (*answered)(const struct vm_answer *answer));
/* The next stop will be the answer. */
void gdb_await_stop(void);
/* Calls `then` as soon as the registers of gdb.cpu are in gdb.registers. */
void gdb_with_registers(void (*then)(void));
/* gdb_command.c: the packet in gdb.line, once GDB is attached */
void gdb_command(void);
void gdb_interrupt(void);
