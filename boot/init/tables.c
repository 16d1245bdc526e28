/* SPDX-License-Identifier: MIT */
/*
 * Loads a CPU's descriptor tables and the registers that hold its entry points into the kernel.
 * boot/main.c uses the IDT while booting, boot/init/cpus.c calls tables_load on each CPU. It writes
 * that CPU's GDT and TSS, and the IDT that all CPUs share.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/descriptor.h"
#include "arch/x86_64/hw/msr.h"
#include "boot/init/init.h"
#include "lib/string.h"

/* A gate of the 64-bit IDT (SDM vol. 3, 6.14.1). */
struct idt_gate {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type;
	u16 offset_middle;
	u32 offset_high;
	u32 reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "two words");

#define GATE_INTERRUPT	       0x8e
#define DESCRIPTOR_CODE64(dpl) (0x00209a0000000000ull | (u64)(dpl) << 45)
#define DESCRIPTOR_DATA(dpl)   (0x0000920000000000ull | (u64)(dpl) << 45)

extern const char sysenter_entry[];
extern const char syscall_entry[];
extern u8 use_sysenter;
u8 use_sysenter SECTION(".data.entry");
static struct idt_gate idt[256] ALIGNED(CPU_IDT_BYTES) SECTION(".data.ro_after_init");

const void *cpu_idt_fill(const char *stubs)
{
	struct descriptor_table_register idtr = {.limit = sizeof(idt) - 1};

	for (unsigned int vector = 0; vector < ARRAY_COUNT(idt); vector++) {
		u64 stub = (u64)(uintptr_t)stubs + (u64)vector * TRAP_STUB_BYTES;

		idt[vector] = (struct idt_gate){
			.offset_low = (u16)stub,
			.offset_middle = (u16)(stub >> 16),
			.offset_high = (u32)(stub >> 32),
			.selector = SELECTOR_KERNEL_CODE,
			.type = GATE_INTERRUPT,
		};
	}
	idt[TRAP_NMI].ist = 1;
	idt[TRAP_DOUBLE_FAULT].ist = 2;
	idt[TRAP_MACHINE_CHECK].ist = 3;
	/* set here, as an initializer cannot hold an address before the image is relocated */
	idtr.base = (u64)idt;
	__asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
	return idt;
}

static void tables_gdt_load(struct cpu *cpu)
{
	struct descriptor_table_register idtr = {sizeof(idt) - 1, (u64)cpu->idt};

	cpu->gdt[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_CODE64(0);
	cpu->gdt[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_DATA(0);
	cpu->gdt[SELECTOR_USER_DATA / 8] = DESCRIPTOR_DATA(3);
	cpu->gdt[SELECTOR_USER_CODE / 8] = DESCRIPTOR_CODE64(3);
	cpu->gdt[SELECTOR_USER_CODE / 8 + 1] = DESCRIPTOR_DATA(3);
	cpu->gdtr = (struct descriptor_table_register){sizeof(cpu->gdt) - 1, (u64)cpu->gdt};
	__asm__ volatile("lgdt %0; lidt %1; lldt %w2"
			 :
			 : "m"(cpu->gdtr), "m"(idtr), "r"(0)
			 : "memory");
	__asm__ volatile("mov %0, %%ss\n\t"
			 "mov %1, %%ds; mov %1, %%es; mov %1, %%fs; mov %1, %%gs\n\t"
			 "push %2; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
			 :
			 : "r"(SELECTOR_KERNEL_DATA), "r"(0), "r"((u64)SELECTOR_KERNEL_CODE)
			 : "rax", "memory");
}

/* Loads the running CPU's MSRs of system calls (SDM vol. 2, SYSENTER; APM vol. 2, 6.1.1). */
static void tables_syscall_load(const struct cpu *cpu)
{
	if (use_sysenter) {
		wrmsr(MSR_SYSENTER_CS, SELECTOR_KERNEL_CODE);
		wrmsr(MSR_SYSENTER_ESP, cpu->stack_top);
		wrmsr(MSR_SYSENTER_EIP, (u64)(uintptr_t)sysenter_entry);
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(u64)EFER_SCE);
		return;
	}
	((struct stack_base *)cpu->stack_top)->syscall_entry = (u64)(uintptr_t)syscall_entry;
	wrmsr(MSR_STAR, (u64)SELECTOR_KERNEL_CODE << 32 | (u64)(SELECTOR_USER_CODE - 16) << 48);
	/* SYSCALL goes to the mapping of syscall_stub above this CPU's stack */
	wrmsr(MSR_LSTAR, cpu->stack_top + STACK_BASE_BYTES);
	wrmsr(MSR_SFMASK, RFLAGS_ALL & ~(u64)RFLAGS_FIXED);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
}

void tables_load(struct cpu *cpu)
{
	/*
	 * With VMX SYSENTER is used, because a VM exit restores its MSRs; with SVM SYSCALL, because
	 * VMLOAD restores its MSRs.
	 */
	use_sysenter = features.vmx;
	tables_gdt_load(cpu);

	memset(cpu->tss.io_bitmap, 0xff, sizeof(cpu->tss.io_bitmap));
	cpu->tss.io_bitmap_end = 0xff;
	cpu->tss.io_bitmap_offset = TSS_NO_IO_BITMAP;
	cpu->tss.rsp[0] = cpu->stack_top;
	memcpy(cpu->tss.ist, cpu->ist, sizeof(cpu->ist));
	cpu_tss_load(cpu);
	tables_syscall_load(cpu);
}
