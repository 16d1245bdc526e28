/* SPDX-License-Identifier: MIT */
/*
 * Stops the host when the kernel finds a bug in itself: prints the reason, registers, backtraces of
 * all CPUs and the last log entries on COM1, then halts. Any code of ring 0 calls it, by panic or
 * CHECK, in any state. It stops the other CPUs, takes over the UART and holds no lock.
 */
#include "arch/x86_64/cpu/panic.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/print.h"
#include "arch/x86_64/cpu/uart.h"
#include "kernel/abi/version.h"
#include "arch/x86_64/cpu/cpus.h"
#include "lib/bits.h"
#include "lib/symbols.h"

#define BACKTRACE_MAX 24
/* The top of the kernel stack that contains an address, in the sense of cpu->stack_top. */
#define STACK_TOP(at) (align_up((at) + 1, KERNEL_STACK_BYTES) - STACK_BASE_BYTES)

extern const char __image_start[], __image_end[];
extern const char blob_symbols_start[];
extern u64 __stack_chk_guard;
/* the stack protector's secret, which boot/relocate.c sets */
u64 __stack_chk_guard SECTION(".data.ro_after_init");
NORETURN void __stack_chk_fail(void);

static bool panicking;

void (*panic_print_log)(u32 cpu) SECTION(".data.ro_after_init");

static void panic_print_address(u64 address)
{
	u64 offset = address - (u64)__image_start;
	const char *name = NULL;
	u64 distance;

	if (address >= (u64)__image_start && address < (u64)__image_end)
		name = symbols_name((const void *)blob_symbols_start, offset, &distance);
	if (name != NULL)
		print("  %016lx %s+0x%lx\n", address, name, distance);
	else
		print("  %016lx\n", address);
}

/*
 * Prints the return addresses along the frame pointers as long as those stay on the stack on which
 * they began: the CPU's own, or the current one. If an entry or exit stub was interrupted, RBP may
 * still be ring 3's or a guest's.
 */
static void panic_print_backtrace(const struct cpu *cpu, u64 frame)
{
	u64 top = STACK_TOP(frame);

	print("backtrace:\n");
	if (top != cpu->stack_top && top != STACK_TOP((u64)__builtin_frame_address(0)))
		return;
	for (int i = 0; i < BACKTRACE_MAX && is_aligned(frame, 8) && frame <= top - 16; i++) {
		const u64 *link = (const u64 *)frame;

		panic_print_address(link[1]);
		frame = link[0] > frame ? link[0] : top;
	}
}

static void panic_print_registers(const struct trap_frame *f)
{
	print("rip:\n");
	panic_print_address(f->rip);
	print("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	print("rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
	print("r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
	print("r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
	print("rflags %lx cs %lx cr0 %lx cr2 %lx cr3 %lx cr4 %lx\n", f->rflags, f->cs, read_cr0(),
	      read_cr2(), read_cr3(), read_cr4());
}

/*
 * Prints where the NMI of cpus_stop_others stopped another CPU; the kernel has no symbols for ring
 * 3's code.
 */
static void panic_print_other(const struct cpu *cpu)
{
	const struct trap_frame *frame = cpu->stopped;

	if (frame == NULL || (frame->cs & 3) != 0) {
		print("CPU %u %s\n", cpu->id, frame == NULL ? "does not answer" : "in ring 3");
		return;
	}
	print("CPU %u at\n", cpu->id);
	panic_print_address(frame->rip);
	panic_print_backtrace(cpu, frame->rbp);
}

static NORETURN void panic_stop(const struct trap_frame *frame, u64 frame_pointer, const char *text,
				va_list arguments)
{
	struct cpu *cpu = this_cpu();

	cli();
	if (__atomic_exchange_n(&panicking, true, __ATOMIC_ACQ_REL))
		cpus_halt();
	cpus_stop_others();

	uart_init();
	print("\n\nskerry %s: panic on CPU %u: ", SKERRY_VERSION, cpu->id);
	print_va(text, arguments);
	print("\n");
	if (frame != NULL)
		panic_print_registers(frame);
	panic_print_backtrace(cpu, frame_pointer);
	for (u32 id = 0; id < cpus_count(); id++) {
		if (cpus_get(id) != cpu)
			panic_print_other(cpus_get(id));
	}
	if (panic_print_log != NULL)
		panic_print_log(cpu->id);
	print("halted\n");
	cpus_virt_leave(cpu);
	cpus_halt();
}

void panic(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	panic_stop(NULL, (u64)__builtin_frame_address(0), text, arguments);
}

void panic_trap(const struct trap_frame *frame, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	panic_stop(frame, frame != NULL ? frame->rbp : (u64)__builtin_frame_address(0), text,
		   arguments);
}

void __stack_chk_fail(void)
{
	panic("stack smashed");
}
