/* SPDX-License-Identifier: MIT */
/*
 * The boot CPU's struct and stacks, and the start of the other CPUs by INIT and SIPI.
 * boot/init/main.c calls it, on the boot CPU, before ring 3 runs. It allocates each CPU's struct,
 * stacks and log ring for good, and owns the trampoline pages, in which CPUs start, meanwhile.
 */
#include "arch/x86_64/cpu/cpus.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/tsc.h"
#include "boot/init/init.h"
#include "boot/layout.h"
#include "kernel/cpu/cpu_loop.h"
#include "kernel/log/log.h"
#include "kernel/log/log_ring.h"
#include "kernel/machine/machine.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/sched/sched.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/kernel_space.h"
#include "mm/page.h"
#include "mm/tlb.h"

#define CPU_PAGES	((sizeof(struct cpu) + PAGE_MASK) / PAGE_SIZE)
#define INIT_WAIT_NS	(10 * NS_PER_MS) /* the wait after an INIT (SDM vol. 3, 9.4.4.1) */
#define STARTUP_WAIT_NS (200 * NS_PER_US)
/*
 * how long a starting CPU may take: the limit is long, as the CPU of an emulator may itself have to
 * wait for a CPU of its host
 */
#define ANSWER_WAIT_NS (2000 * NS_PER_MS)

struct trampoline_words {
	u64 root;
	u64 stack;
	u64 argument;
	u64 entry;
};

extern u8 boot_stack_end[];
extern const char syscall_stub[];
extern const u8 trampoline_start[], trampoline_end[], trampoline_words[];

static struct cpu early_cpu; /* the boot CPU's struct until its final one can be mapped */

static const struct acpi_info *cpus_acpi;
static bool unfit; /* set by the CPU that is starting if it lacks a feature of the boot CPU */

static struct stack_base *cpus_stack_base(void *end)
{
	return (struct stack_base *)((u64)end - STACK_BASE_BYTES);
}

void cpus_adopt_boot(void)
{
	cpus_stack_base(boot_stack_end)->cpu = &early_cpu;
	cpus_publish(&early_cpu);
	early_cpu.stack_top = (u64)cpus_stack_base(boot_stack_end);
	for (int i = 0; i < IST_COUNT; i++)
		early_cpu.ist[i] = early_cpu.stack_top - KERNEL_STACK_BYTES / 2;
	early_cpu.idt = cpu_idt_fill(trap_stubs);
	tables_load(&early_cpu);
}

/*
 * Creates a stack for the CPU and returns the address below which its first push goes, that of its
 * struct stack_base; 0 if there is no memory.
 */
static u64 cpus_stack_create(struct cpu *cpu, hpa_t above)
{
	u8 *stack = kernel_stack_alloc(above);

	if (stack == NULL)
		return 0;
	cpus_stack_base(stack + KERNEL_STACK_BYTES)->cpu = cpu;
	return (u64)cpus_stack_base(stack + KERNEL_STACK_BYTES);
}

static bool cpus_stacks_create(struct cpu *cpu)
{
	cpu->stack_top = cpus_stack_create(cpu, machine_image_hpa(syscall_stub));
	for (int i = 0; i < IST_COUNT; i++)
		cpu->ist[i] = cpus_stack_create(cpu, HPA(0));
	return cpu->stack_top != 0 && cpu->ist[0] != 0 && cpu->ist[1] != 0 && cpu->ist[2] != 0;
}

struct cpu *cpus_create_boot(void)
{
	struct cpu *cpu = kernel_pages_alloc(CPU_PAGES);

	if (cpu == NULL || !cpus_stacks_create(cpu))
		panic("no memory for kernel stacks");
	cpu->idt = kernel_map_constant(machine_image_hpa(early_cpu.idt), CPU_IDT_BYTES);
	if (cpu->idt == NULL)
		panic("no memory for the interrupt table");
	cpus_publish(cpu);
	tlb_cpu_online(cpu->id);
	tables_load(cpu);
	return cpu;
}

/* Allocates the struct, stacks and log ring of one more CPU; returns NULL if there is no memory. */
static struct cpu *cpus_cpu_create(u32 id, u32 apic_id)
{
	struct cpu *cpu = kernel_pages_alloc(CPU_PAGES);

	if (cpu == NULL || !cpus_stacks_create(cpu) || !log_ring_create(id) ||
	    page_alloc_cleared(0, PAGE_CONTROL, NULL, &cpu->virt_area) != STATUS_OK)
		return NULL;
	cpu->id = id;
	cpu->apic_id = apic_id;
	cpu->idt = cpus_get(0)->idt;
	cpu->counters = &machine.page->cpu[id];
	return sched_init(cpu) ? cpu : NULL;
}

/*
 * Runs as the first C code of an application processor, on its own stack, but on the trampoline's
 * page tables.
 */
static NORETURN void cpus_ap_main(struct cpu *cpu)
{
	write_cr3(kernel_table.root.kernel.value);
	tables_load(cpu);
	if (!features_enable() || machine_cpu_init(cpu, cpus_acpi) != STATUS_OK) {
		__atomic_store_n(&unfit, true, __ATOMIC_RELAXED);
		cpus_halt();
	}
	tlb_cpu_online(cpu->id);
	cpu_stack_reset(cpu, cpu_loop_join);
}

/* Waits at most `ns` for CPU `id` to come up or to be found unfit; returns true if it is up. */
static bool cpus_wait_for(u32 id, u64 ns)
{
	u64 end = rdtsc() + tsc_from_ns(ns);

	while (cpus_count() <= id && !__atomic_load_n(&unfit, __ATOMIC_RELAXED) && rdtsc() < end)
		pause();
	return cpus_count() > id;
}

/* Starts an application processor, or logs why it is left out. */
static void cpus_start_one(struct cpu *cpu, hpa_t root)
{
	u8 *page = hpa_to_pointer(HPA(TRAMPOLINE_BASE));
	struct trampoline_words *words =
		(struct trampoline_words *)(page + (trampoline_words - trampoline_start));

	*words = (struct trampoline_words){
		.root = root.value,
		.stack = align_down(cpu->stack_top, PAGE_SIZE),
		.argument = (u64)cpu,
		.entry = (u64)cpus_ap_main,
	};
	lapic_send(cpu->apic_id, APIC_INIT, 0);
	(void)cpus_wait_for(cpu->id, INIT_WAIT_NS);
	lapic_send(cpu->apic_id, APIC_SIPI, TRAMPOLINE_BASE >> PAGE_SHIFT);
	if (cpus_wait_for(cpu->id, STARTUP_WAIT_NS))
		return;
	/*
	 * An unfit CPU gets no second SIPI, which could arrive after the INIT below and start it
	 * again.
	 */
	if (!__atomic_load_n(&unfit, __ATOMIC_RELAXED)) {
		lapic_send(cpu->apic_id, APIC_SIPI, TRAMPOLINE_BASE >> PAGE_SHIFT);
		if (cpus_wait_for(cpu->id, ANSWER_WAIT_NS))
			return;
	}
	/*
	 * INIT stops the CPU: if it started later, it would take the trampoline words meant for the
	 * next CPU.
	 */
	lapic_send(cpu->apic_id, APIC_INIT, 0);
	if (unfit)
		log_error(LOG_CPU, "the CPU with APIC id %u lacks a feature and is left out",
			  cpu->apic_id);
	else
		log_error(LOG_CPU, "the CPU with APIC id %u does not answer and is left out",
			  cpu->apic_id);
	unfit = false;
}

/*
 * Prepares the trampoline page, in which CPUs start, and its page tables. The PML4 is copied to the
 * page after the trampoline, because 16-bit code loads only 32 bits of CR3.
 */
static bool cpus_trampoline_prepare(struct table *table)
{
	if (page_owner(HPA(TRAMPOLINE_BASE)) != PAGE_KERNEL ||
	    page_owner(HPA(TRAMPOLINE_BASE + PAGE_SIZE)) != PAGE_KERNEL ||
	    table_init(table, &format_host, NULL, false) != STATUS_OK)
		return false;
	kernel_space_share(table);
	if (!table_map_page(table, TRAMPOLINE_BASE, HPA(TRAMPOLINE_BASE), PT_READ | PT_EXECUTE,
			    PT_TYPE_WB))
		return false;
	memcpy(hpa_to_pointer(HPA(TRAMPOLINE_BASE)), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	memcpy(hpa_to_pointer(HPA(TRAMPOLINE_BASE + PAGE_SIZE)), hpa_to_pointer(table->root.kernel),
	       PAGE_SIZE);
	return true;
}

/*
 * Unmaps and clears the trampoline, once all CPUs have started: leaves no executable low page
 * behind.
 */
static void cpus_trampoline_remove(struct table *table)
{
	u64 at = TRAMPOLINE_BASE;

	while (table_unmap(table, &at, TRAMPOLINE_BASE + PAGE_SIZE) == STATUS_AGAIN)
		;
	table_free(table);
	page_clear(HPA(TRAMPOLINE_BASE), TRAMPOLINE_PAGES);
}

void cpus_start(const struct acpi_info *acpi, u32 limit)
{
	struct table table;

	cpus_acpi = acpi;
	limit = limit == 0 ? CPU_MAX : MIN(limit, CPU_MAX);
	if (acpi->cpu_count <= 1 || limit == 1)
		return;
	if (!cpus_trampoline_prepare(&table)) {
		log_warning(LOG_CPU, "no memory below 1 MiB to start other CPUs from");
		return;
	}
	for (u32 i = 0; i < acpi->cpu_count && cpus_count() < limit; i++) {
		u32 id = acpi->cpu[i].apic_id;
		struct cpu *cpu;

		if (id == cpus_get(0)->apic_id)
			continue;
		cpu = cpus_cpu_create(cpus_count(), id);
		if (cpu == NULL)
			log_error(LOG_CPU, "no memory for the CPU with APIC id %u", id);
		else
			cpus_start_one(cpu, HPA(TRAMPOLINE_BASE + PAGE_SIZE));
	}
	cpus_trampoline_remove(&table);
	machine.page->cpu_count = cpus_count();
	log_info(LOG_CPU, "%u of %u CPUs run", cpus_count(), acpi->cpu_count);
}
