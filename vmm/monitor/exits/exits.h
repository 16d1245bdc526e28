/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The handlers of VM exits: exits_handle, for every exit that the fast path leaves, and those in
 * the files of this folder to which it passes exits.
 */
#include "vmm/monitor/bus/bus.h"
#include "vmm/monitor/machine/vcpu.h"

/* Handles the exit that the vCPU page reports, once and completely. */
void exits_handle(struct vcpu *vcpu);

/*
 * Advances RIP past the present instruction, of `length` bytes. Returns true, so that a handler can
 * return the call's result as its own.
 */
static inline bool exits_advance(struct vcpu_page *page, u32 length)
{
	page->advance_length = length;
	page->request |= REQUEST_ADVANCE;
	return true;
}

static inline u64 exits_port_low_bytes(u64 value, u32 size)
{
	return size == 1 ? (u8)value : size == 2 ? (u16)value : (u32)value;
}

/*
 * Loads a register with the value read from a port: 32 bits clear the upper half, a shorter value
 * leaves the higher bytes unchanged (SDM vol. 1, 3.4.1.1).
 */
static inline void exits_port_load(u64 *reg, u64 value, u32 size)
{
	if (likely(size == 1))
		__builtin_memcpy(reg, &value, 1);
	else if (size == 2)
		__builtin_memcpy(reg, &value, 2);
	else
		*reg = (u32)value;
}

/*
 * Handles a port access that one device takes in one piece. Returns false, without effect, if none
 * does. The function reads fields of the vCPU page again rather than save registers across the call
 * of the device.
 */
static ALWAYS_INLINE bool exits_port_plain(struct bus *ports, struct vcpu_page *page, u32 *stale)
{
	const struct vcpu_exit *exit = &page->exit;
	u64 *rax = &page->gpr[GPR_RAX];
	struct device *device;
	u64 offset;

	if (unlikely((exit->io_flags & IO_STRING) != 0) || unlikely(exit->instruction_length == 0))
		return false;
	if (!bus_find_plain(ports, exit->io_port, exit->io_size))
		return false;
	(void)exits_advance(page, exit->instruction_length);
	*stale = CLOCK_STALE;
	device = ports->recent.device;
	offset = exit->io_port - ports->recent.base;
	if (likely((exit->io_flags & IO_IN) != 0))
		exits_port_load(
			rax, device->ops->read(device, ports->recent.region, offset, exit->io_size),
			exit->io_size);
	else
		device->ops->write(device, ports->recent.region, offset, exit->io_size,
				   exits_port_low_bytes(*rax, exit->io_size));
	return true;
}

/*
 * Handles EXIT_IO that exits_port_plain does not: string instructions, ports of several devices or
 * of none, and exits that do not report the instruction's length.
 */
void exits_port(struct vcpu *vcpu);

/* Handle EXIT_RDMSR and EXIT_WRMSR. */
void exits_rdmsr(struct vcpu *vcpu);
void exits_wrmsr(struct vcpu *vcpu);

/*
 * Handles EXIT_EXCEPTION: gives the exception to the debugger that has caused it, or to the guest
 * as if it had not exited.
 */
void exits_exception(struct vcpu *vcpu);

/*
 * Handles EXIT_HYPERCALL: VMCALL or VMMCALL in KVM's convention (Linux
 * Documentation/virt/kvm/x86/hypercalls.rst).
 */
void exits_hypercall(struct vcpu *vcpu);

/*
 * Handles EXIT_ENTRY_FAILED: fetches the dump of the VMCS or VMCB from the kernel, finds the wrong
 * fields, and crashes the VM with a text about them.
 */
void exits_entry_failed(struct vcpu *vcpu);

/* The functions by which the emulator reaches the VM's devices. */
extern const struct emulate_ops exits_emulate_ops;
