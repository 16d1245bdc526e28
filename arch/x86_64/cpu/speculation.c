/* SPDX-License-Identifier: MIT */
/*
 * Mitigations of speculative execution at run time: barriers, buffer clearing and overwritten
 * branch history. The entry stubs and guest entries call them, kernel/sched/thread.c between
 * threads; boot/init has chosen which are needed (`features.speculation`). They write MSRs and
 * predictor state of the running CPU alone.
 */
#include "arch/x86_64/cpu/speculation.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/speculation.h"

/*
 * The operand of VERW, which needs a writable segment to clear buffers (SDM vol. 2, and Intel's
 * guidance on MDS).
 */
const u16 speculation_selector = SELECTOR_KERNEL_DATA;

/* Fills the CPU's return stack, however large, with predictions that lead to an INT3. */
static ALWAYS_INLINE void speculation_return_stack_fill(void)
{
	__asm__ volatile(".rept 32\n call 1f\n int3\n 1:\n .endr\n add $256, %%rsp; lfence"
			 :
			 :
			 : "memory", "cc");
}

/* Issues an IBPB and fills the return stack, which the IBPB of some AMD CPUs does not clear. */
void speculation_barrier(void)
{
	if (unlikely((features.speculation.done & HOST_IBPB) != 0)) {
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
		speculation_return_stack_fill();
	}
}

/*
 * Overwrites the branch history with enough taken branches for CPUs without BHI_DIS_S (Intel,
 * "Branch History Injection").
 */
void SECTION(".text.entry") speculation_forget(void)
{
	/* clang-format off */
	__asm__ volatile("mov $5, %%ecx\n 1: call 2f\n dec %%ecx; jnz 1b; jmp 5f\n"
			 "2: mov $5, %%edx\n 3: jmp 4f; nop\n 4: dec %%edx; jnz 3b; ret\n"
			 "5: lfence" : : : "rcx", "rdx", "memory", "cc");
	/* clang-format on */
}

void speculation_exited(void)
{
	speculation_return_stack_fill();
	if (features.speculation.done & HOST_HISTORY)
		speculation_forget();
}

void speculation_clear(void)
{
	if (features.speculation.done & HOST_L1D_FLUSH)
		wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
	else if (features.speculation.done & HOST_VERW)
		__asm__ volatile("verw %0" : : "m"(speculation_selector) : "cc");
}
