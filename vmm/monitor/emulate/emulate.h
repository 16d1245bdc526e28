/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/x86/decode.h"
#include "vmm/monitor/x86/xsave.h"

/*
 * Carries out the instructions that hardware leaves to a monitor: those that touch device memory,
 * and string port I/O. Anything a guest may have put there is expected; the bytes of the
 * instruction are fetched once, through the guest's page tables and with its rights.
 */

/* Where accesses go. Sizes are 1, 2, 4 or 8 bytes (ports: at most 4), with any alignment. */
struct emulate_ops {
	u64 (*read)(void *device, gpa_t gpa, u32 size);
	void (*write)(void *device, gpa_t gpa, u32 size, u64 value);
	u32 (*in)(void *device, u16 port, u32 size);
	void (*out)(void *device, u16 port, u32 size, u32 value);
	/* Makes VCPU_XSAVE valid and returns the XSAVE image. NULL: out of reach. */
	u8 *(*vectors)(void *device);
	/* Makes VCPU_TABLES valid in the page. NULL: it is. */
	void (*tables)(void *device);
};

/*
 * Needs the groups VCPU_RIP, VCPU_SEGMENTS and VCPU_CONTROL valid in the page, and changes the
 * registers there, with their dirty bits.
 */
struct emulator {
	struct vcpu_page *page;
	const struct guest_memory *memory;
	const struct emulate_ops *ops;
	void *device;			  /* handed to ops */
	const struct xsave_layout *xsave; /* of what ops->vectors gives */
	/* the instruction last fetched, for messages */
	u8 bytes[X86_LENGTH_MAX];
	u8 byte_count;
};

enum emulate_result {
	EMULATE_DONE,	     /* RIP is at the next instruction */
	EMULATE_AGAIN,	     /* part of a REP is done, RIP is still at it: resume the guest */
	EMULATE_FAULT,	     /* *event is to be injected; RIP is at the instruction */
	EMULATE_UNSUPPORTED, /* not an instruction known here; nothing has changed */
};

/*
 * Executes the instruction at CS:RIP, one that ended in EXIT_MEMORY. With EMULATE_DONE *event is
 * valid only if a single step calls for #DB.
 */
enum emulate_result emulate(struct emulator *emulator, struct vcpu_event *event);

/* Executes the string I/O instruction of the EXIT_IO in page->exit (IO_STRING is set). */
enum emulate_result emulate_io_string(struct emulator *emulator, struct vcpu_event *event);

/* Fetches and decodes the instruction at CS:RIP; EMULATE_DONE, but RIP does not move. */
enum emulate_result emulate_decode(struct emulator *emulator, struct x86_instruction *out,
				   struct vcpu_event *event);

/* Likewise gives the length of the instruction at CS:RIP, for exits that do not report it. */
enum emulate_result emulate_instruction_length(struct emulator *emulator, u32 *length,
					       struct vcpu_event *event);
