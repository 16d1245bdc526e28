/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The operations of a debugger (the manager's GDB server) on a VM: stop it, step its vCPUs, set
 * breakpoints, and read and write registers and memory.
 */
#include "vmm/monitor/vcpu/vcpu_types.h"

struct machine;
struct vcpu;

/*
 * Answers the debugger's question QUERY_DEBUG, with every vCPU out of the guest and its registers
 * valid.
 */
enum status debugger_answer(struct machine *machine, const struct query *query);

/* Returns whether the debugger lets this vCPU run; while the vCPU steps it takes no interrupt. */
bool debugger_may_run(const struct vcpu *vcpu);
bool debugger_steps(const struct vcpu *vcpu);

/*
 * Looks at an exception that caused an exit; returns true if a breakpoint or step of the debugger
 * caused it.
 */
bool debugger_exception(struct vcpu *vcpu);
/*
 * Notes that the monitor has handled an exit, which ends a step if an instruction was carried out.
 */
void debugger_settled(struct vcpu *vcpu);

/*
 * Drops the stops that other vCPUs have reached while they were made to leave the guest. They will
 * hit a breakpoint again, if it is still there by then; a step has ended.
 */
void debugger_gather(struct machine *machine);
/* Notes that the vCPU has taken RESET or INIT: a step under way now covers its next instruction. */
void debugger_restarted(struct vcpu *vcpu);

/* Reads guest memory at `host` as it would be without the debugger's INT3s, which stay in place. */
void debugger_read(const struct machine *machine, const u8 *host, u8 *to, u64 length);
void debugger_write(struct machine *machine, u8 *host, const u8 *from, u64 length);

/*
 * Sets the vCPU's general registers, and the given register groups, from `from`, where the debugger
 * has changed them.
 */
void debugger_registers_set(struct vcpu *vcpu, const struct vcpu_page *from, u32 groups);
