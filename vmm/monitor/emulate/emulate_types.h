/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/x86/decode.h"
#include "vmm/monitor/x86/xsave.h"

/*
 * The emulator's access to memory, ports and devices. Sizes are 1, 2, 4 or 8 bytes (ports: at most
 * 4), with any alignment.
 */
struct emulate_ops {
	u64 (*read)(void *device, gpa_t gpa, u32 size);
	void (*write)(void *device, gpa_t gpa, u32 size, u64 value);
	u32 (*in)(void *device, u16 port, u32 size);
	void (*out)(void *device, u16 port, u32 size, u32 value);
	/*
	 * Makes the register group VCPU_XSAVE valid and returns the vCPU's XSAVE image. The pointer
	 * is NULL if instructions with vector registers are not to be emulated.
	 */
	u8 *(*vectors)(void *device);
	/*
	 * Makes the register group VCPU_TABLES valid in the vCPU page. The pointer is NULL if that
	 * group is always valid.
	 */
	void (*tables)(void *device);
};

/*
 * The emulator of a vCPU. Needs the register groups VCPU_RIP, VCPU_SEGMENTS and VCPU_CONTROL valid
 * in the vCPU page, and changes the registers there and sets their dirty bits.
 */
struct emulator {
	struct vcpu_page *page;
	const struct guest_memory *memory;
	const struct emulate_ops *ops;
	void *device;			  /* the argument of each function in ops */
	const struct xsave_layout *xsave; /* the layout of the image that ops->vectors returns */
	/* the bytes of the instruction fetched last, which messages show */
	u8 bytes[X86_LENGTH_MAX];
	u8 byte_count;
};

enum emulate_result {
	EMULATE_DONE,  /* RIP is at the next instruction */
	EMULATE_AGAIN, /* part of a REP is done, and RIP is still at the instruction: resume the
			  guest */
	EMULATE_FAULT, /* *event is to be injected, and RIP is at the instruction */
	EMULATE_UNSUPPORTED, /* the emulator does not know the instruction; nothing has changed */
};
