/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The kernel's objects and system calls over the machine of mm_machine.h, with one CPU that runs
 * nothing: the test chooses who calls, threads only become ready, no guest is ever entered.
 */
#define sti_nop_cli	sti_nop_cli_of_cpu
#define selectors_clear selectors_clear_of_cpu
#define wrmsr		wrmsr_of_cpu
#include "arch/x86_64/cpu/instructions.h"
#undef sti_nop_cli
#undef selectors_clear
#undef wrmsr
#define this_cpu this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu
#include "kernel/abi/pages.h"

static struct cpu machine_cpu;
static struct cpu_counters machine_counters;

/* The test has no interrupts. */
static inline void sti_nop_cli(void)
{
}

static UNUSED u32 machine_clears; /* how often selectors were cleared */
static UNUSED u64 machine_tsc_aux;

static inline void selectors_clear(void)
{
	machine_clears++;
}

static inline void wrmsr(u32 index, u64 value)
{
	if (index == 0xc0000103)
		machine_tsc_aux = value;
}

static inline struct cpu *this_cpu(void)
{
	return &machine_cpu;
}

#define MACHINE_HAS_TEARDOWN
#include "tests/unit/mm_machine.h"

#include "arch/x86_64/iommu/amdvi.c"
#include "arch/x86_64/iommu/iommu.c"
#ifndef MACHINE_HAS_IOMMU
#include "arch/x86_64/iommu/registers.c"
#endif
#include "arch/x86_64/iommu/vtd.c"
#include "kernel/object/long_lock.c"
#include "kernel/object/object_lock.c"

/* Frees the locks after a panic that stopped the machine with them. */
static UNUSED void machine_unlock(void)
{
	object_turn = long_lock_first = (struct lock){0};
	object_alone = false;
}

/* Tests call what long calls do without their locks, too. */
static bool machine_is_long(void)
{
	return long_lock_first.next != long_lock_first.serving;
}

static void machine_aside(void)
{
	if (machine_is_long())
		long_aside();
}

static void machine_back(void)
{
	if (machine_is_long())
		long_back();
}

#define long_aside machine_aside
#define long_back  machine_back

#include "kernel/call/audit.c"
#include "kernel/run_queue/budget.c"
#include "kernel/group/group.c"
#include "kernel/object/handle.c"
#include "kernel/run_queue/heap.c"
#include "kernel/sched/irq.c"
#include "kernel/group/process.c"
#include "kernel/sched/queue.c"
#include "kernel/run_queue/run_queue.c"
#include "kernel/call/sys_iommu.c"
#include "kernel/call/sys_machine.c"
#include "kernel/call/sys_memory.c"
#include "kernel/call/sys_object.c"
#include "kernel/call/sys_process.c"
#include "kernel/call/sys_vm.c"
#include "kernel/call/sys_wait.c"
#include "kernel/call/syscall.c"
#include "kernel/group/teardown.c"
#include "kernel/sched/thread.c"
#include "kernel/sched/timer.c"
#include "kernel/guest/vcpu.c"
#include "kernel/sched/vcpu_load.c"
#include "kernel/guest/vcpu_memory.c"
#include "kernel/guest/vcpu_run.c"
#include "kernel/guest/vm.c"

struct machine machine;
u8 log_threshold[LOG_CATEGORY_COUNT];

void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int count)
{
}

#ifndef MACHINE_HAS_IOMMU
/* Fails: no device has registers here. */
void *kernel_map_device(hpa_t hpa, u64 bytes)
{
	return NULL;
}
#endif

/* Does nothing: what belongs to the processor is left out. */
void tlb_arch_load_root(hpa_t root)
{
}

void tlb_arch_kick(u32 cpu)
{
	if (cpu == 0)
		machine_cpu.pending |= PENDING_KICK;
}

static UNUSED u32 machine_barriers;

void speculation_barrier(void)
{
	machine_barriers++;
}

static UNUSED u32 machine_buffer_clears;

#pragma GCC push_options
#pragma GCC target("general-regs-only")
void speculation_clear(void)
{
	machine_buffer_clears++;
}
#pragma GCC pop_options

void cpu_ports_set(struct cpu *cpu, const u8 *bitmap, bool changed)
{
}

bool ioapic_has_gsi(u32 gsi)
{
	return gsi < 24;
}

void ioapic_route(u32 gsi, u8 vector, u32 flags)
{
}

void ioapic_mask(u32 gsi)
{
}

void ioapic_unmask(u32 gsi, u64 message)
{
}

size_t fpu_area_bytes(void)
{
	return 832;
}

void fpu_area_take(void *area, const void *image)
{
	memcpy(area, image, fpu_area_bytes());
}

bool fpu_xcr0_valid(u64 xcr0)
{
	return (xcr0 & ~7ull) == 0 && (xcr0 & 1) && (xcr0 & 6) != 4;
}

void fpu_xcr0_set(u64 xcr0)
{
}

static u64 machine_tsc_per_ns = 2;

u64 tsc_from_ns(u64 ns)
{
	return ns * machine_tsc_per_ns;
}

static u32 machine_cpu_count = 1; /* the number of CPUs for which groups are made */

u32 cpus_count(void)
{
	return machine_cpu_count;
}

/* The scheduler: nothing runs. */
struct cpu *cpus_get(u32 id)
{
	return &machine_cpu;
}

void cpus_pend(struct cpu *cpu, u64 reasons)
{
	cpu->pending |= reasons;
}

bool sched_affinity_valid(u64 affinity)
{
	return affinity & 1;
}

void sched_changed(void)
{
}

struct cpu *sched_place(u64 affinity)
{
	return &machine_cpu;
}

void sched_ready(struct thread *thread)
{
}

void sched_remove(struct thread *thread)
{
}

void sched_serve(struct thread *thread, struct group *group)
{
	thread->served = group;
}

void sched_forget(struct thread *thread)
{
}

enum status sched_reserve(struct thread *thread, u64 budget_ns, u64 period_ns, u64 *left_permille)
{
	*left_permille = 0;
	return STATUS_TOO_BIG;
}

enum status sched_yield(struct cpu *cpu, struct thread *to)
{
	return STATUS_OK;
}

/* Stands for the manager: no process of the tests' is the manager, so that any may end. */
static struct process machine_manager;

const struct virt_ops *virt;

static struct object machine_root;

static jmp_buf machine_stopped;

/* Set by vcpu_run's code only. */
static u64 machine_timer_tsc;

void lapic_timer_set(u64 tsc)
{
	machine_timer_tsc = tsc;
}

void cpu_return_to_caller(struct cpu *cpu, const struct trap_frame *frame)
{
	(void)cpu;
	(void)frame;
	abort();
}

NORETURN void machine_reboot(u16 port, u8 value)
{
	(void)port;
	(void)value;
	longjmp(machine_stopped, 1);
}

static bool machine_settles; /* whether the kernel settles CPUID and hypercalls */

bool cpuid_handle(struct vcpu *vcpu)
{
	return machine_settles;
}

bool cpuid_handle_hypercall(struct vcpu *vcpu)
{
	return machine_settles;
}

/* The exit of a back end whose guest exits at once; the test has put the exit here. */
static struct vcpu_exit machine_exit;

static enum status machine_vm_init(struct virt_vm *vm)
{
	return page_alloc_cleared(0, PAGE_CONTROL, vm->quota, &vm->msr_bitmap);
}

void virt_vm_free(struct virt_vm *vm)
{
	page_free(pointer_to_hpa(vm->msr_bitmap), vm->quota);
}

static enum status machine_vcpu_init(struct virt_vcpu *vcpu)
{
	return page_alloc_cleared(0, PAGE_CONTROL, vcpu->vm->quota, &vcpu->xsave_area);
}

void virt_vcpu_free(struct virt_vcpu *vcpu)
{
	page_free(pointer_to_hpa(vcpu->xsave_area), vcpu->vm->quota);
}

static void machine_load(struct virt_vcpu *vcpu)
{
	vcpu->loaded_cpu = 0;
}

static void machine_unload(struct virt_vcpu *vcpu)
{
	vcpu->loaded_cpu = ~0u;
}

static void machine_enter(struct virt_vcpu *vcpu, u64 deadline_tsc)
{
	vcpu->exit = machine_exit;
}

/* A back end is called for loaded vCPUs only: VMX needs a current VMCS. */
static void machine_dump(struct virt_vcpu *vcpu)
{
	assert_int_equal(vcpu->loaded_cpu, 0);
}

static void machine_advance(struct virt_vcpu *vcpu, u64 length)
{
	assert_int_equal(vcpu->loaded_cpu, 0);
}

static void machine_groups(struct virt_vcpu *vcpu, u32 groups)
{
	assert_int_equal(vcpu->loaded_cpu, 0);
}

static u32 machine_requested; /* the requests since the test cleared this */

static void machine_request(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request)
{
	assert_int_equal(vcpu->loaded_cpu, 0);
	machine_requested |= request;
}

static const struct virt_ops machine_virt = {
	.name = "test",
	.second_stage = &format_npt,
	.vm_init = machine_vm_init,
	.vcpu_init = machine_vcpu_init,
	.vcpu_load = machine_load,
	.vcpu_unload = machine_unload,
	.enter = machine_enter,
	.leave = machine_groups,
	.get = machine_groups,
	.set = machine_groups,
	.advance = machine_advance,
	.request = machine_request,
	.dump = machine_dump,
};

/* Starts with no objects and no threads, and all caches as the kernel makes them. */
static UNUSED void kernel_machine_start(u64 ram_bytes)
{
	machine_start(ram_bytes);
	assert_int_equal(table_init(&kernel_table, &format_host, NULL, false), STATUS_OK);
	virt = &machine_virt;
	process_manager = &machine_manager;
	machine_cpu = (struct cpu){.counters = &machine_counters};
	list_init(&machine_cpu.sleeping);
	list_init(&machine_cpu.dropped);
	machine_unlock();
	signal_root = (struct signal){0};
	machine_root = (struct object){0};
	object_init(&machine_root, OBJECT_ROOT);
}

static UNUSED void kernel_machine_settle(u64 steps)
{
	for (u64 i = 0; i < steps && (teardown_waiting() || tlb_pages_waiting() != 0); i++) {
		(void)teardown_step_any();
		machine_pass(0);
	}
	assert_false(teardown_waiting());
}

/* Ends the groups: all that was charged to them is freed within that many teardown steps. */
static UNUSED void kernel_machine_end(struct group **groups, u32 group_count, u64 steps)
{
	for (u32 i = 0; i < group_count; i++)
		while (group_end(groups[i]))
			;
	kernel_machine_settle(steps);
	for (u32 i = 0; i < group_count; i++) {
		assert_int_equal(groups[i]->quota.account->used_pages, 0);
		groups[i]->object.dead = true;
		object_put(&groups[i]->object);
	}
	kernel_machine_settle(steps);
}
