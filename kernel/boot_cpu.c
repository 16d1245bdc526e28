/* SPDX-License-Identifier: MIT */
#include "kernel/boot_cpu.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/machine.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "mm/kernel_space.h"
#include "mm/tlb.h"

extern u8 boot_stack_end[];
extern const char syscall_stub[];

/* Part of the image, and so outside the direct map. */
static struct cpu boot_cpu;

static struct stack_base *stack_base(void *end)
{
	return (struct stack_base *)((u64)end - STACK_BASE_BYTES);
}

struct cpu *boot_cpu_adopt(void)
{
	stack_base(boot_stack_end)->cpu = &boot_cpu;
	return &boot_cpu;
}

/* Returns where the stack's first push goes, below its struct stack_base. */
static u64 stack_create(struct cpu *cpu, hpa_t above)
{
	u8 *stack = kernel_stack_alloc(above);

	if (stack == NULL)
		panic("no memory for a kernel stack");
	stack_base(stack + KERNEL_STACK_BYTES)->cpu = cpu;
	return (u64)stack_base(stack + KERNEL_STACK_BYTES);
}

void boot_cpu_stacks(struct cpu *cpu)
{
	u64 ist[3];

	sched_init(cpu);
	tlb_cpu_online(cpu->id);
	cpu->stack_top = stack_create(cpu, machine_image_hpa(syscall_stub));
	for (int i = 0; i < 3; i++)
		ist[i] = stack_create(cpu, HPA(0));
	cpu_tables_load(cpu, ist, cpu->stack_top + STACK_BASE_BYTES);
}
