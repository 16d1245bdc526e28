/* SPDX-License-Identifier: MIT */
/*
 * Offsets and constants of C structures for assembly files. The build compiles it to assembly only,
 * never links it, and turns each "->NAME value" into a #define of build/offsets.h.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/vmx.h"
#include "arch/x86_64/virt/virt.h"

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %c0\"" : : "i"(value))

void offsets(void);

void offsets(void)
{
	DEFINE(TRAP_NMI, TRAP_NMI);
	DEFINE(TRAP_MACHINE_CHECK, TRAP_MACHINE_CHECK);
	DEFINE(TRAP_SYSCALL, TRAP_SYSCALL);
	DEFINE(FRAME_BYTES, sizeof(struct trap_frame));
	DEFINE(FRAME_VECTOR, offsetof(struct trap_frame, vector));
	DEFINE(FRAME_CS, offsetof(struct trap_frame, cs));
	DEFINE(STACK_BASE_BYTES, STACK_BASE_BYTES);
	DEFINE(KERNEL_STACK_BYTES, KERNEL_STACK_BYTES);
	DEFINE(CPU_KERNEL_ROOT, offsetof(struct cpu, kernel_root));
	DEFINE(CPU_USER_ROOT, offsetof(struct cpu, user_root));
	DEFINE(CPU_STACK_TOP, offsetof(struct cpu, stack_top));
	DEFINE(SELECTOR_USER_DATA, SELECTOR_USER_DATA);
	DEFINE(SELECTOR_USER_CODE, SELECTOR_USER_CODE);
	DEFINE(RFLAGS_USER, RFLAGS_FIXED | RFLAGS_IF);

	/* indices into struct vcpu_page.gpr; the indices of R8 to R15 are their numbers */
	_Static_assert(GPR_R8 == 8 && GPR_R15 == 15, "gpr.h");
	DEFINE(GPR_RAX, GPR_RAX);
	DEFINE(GPR_RCX, GPR_RCX);
	DEFINE(GPR_RDX, GPR_RDX);
	DEFINE(GPR_RBX, GPR_RBX);
	DEFINE(GPR_RSP, GPR_RSP);
	DEFINE(GPR_RBP, GPR_RBP);
	DEFINE(GPR_RSI, GPR_RSI);
	DEFINE(GPR_RDI, GPR_RDI);
	DEFINE(VMCS_HOST_RSP, VMCS_HOST_RSP);
	DEFINE(SPECULATION_DONE, offsetof(struct cpu_features, speculation.done));
	DEFINE(SPECULATION_CLEAR, HOST_VERW | HOST_L1D_FLUSH);
	DEFINE(SPECULATION_EXITED, HOST_RETURN_STACK | HOST_HISTORY);
	DEFINE(SPECULATION_HISTORY, HOST_HISTORY);
}
