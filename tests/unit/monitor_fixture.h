/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The monitor's core over a kernel, devices and an emulator that are a few variables, which the
 * test sets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DEBUG 1 /* vcpu_check is on */
#include "vmm/rt/status_text.c"
#include "lib/string.c"
#include "vmm/monitor/x86/decode.c"
#include "vmm/monitor/x86/prefix.c"
#include "vmm/monitor/x86/tables.c"
#include "vmm/monitor/exits/fast_path.c"
#include "vmm/monitor/life/command.c"
#include "vmm/monitor/life/loop.c"
#include "vmm/monitor/life/pending.c"
#include "vmm/monitor/life/todo.c"
#include "vmm/monitor/life/vcpu_setup.c"
#include "vmm/monitor/machine/console.c"
#include "vmm/monitor/machine/quiesce.c"
#include "vmm/monitor/cpuid/cpuid.c"
#include "vmm/monitor/exits/exits.c"
#include "vmm/rt/exit_names.c"
#include "vmm/monitor/vcpu/debugger.c"
#include "vmm/monitor/exits/exits_entry.c"
#include "vmm/monitor/exits/exits_exception.c"
#include "vmm/monitor/exits/exits_msr.c"
#include "vmm/monitor/machine/generation.c"
#include "vmm/monitor/memory/guest_memory.c"
#include "vmm/monitor/exits/exits_apic.c"
#include "vmm/monitor/exits/exits_hypercall.c"
#include "vmm/monitor/exits/exits_memory.c"
#include "vmm/monitor/exits/exits_port.c"
#include "vmm/monitor/pv/hypercall.c"
#include "vmm/monitor/vcpu/inject.c"
#include "vmm/monitor/load/start_state.c"
#include "vmm/monitor/machine/machine.c"
#include "vmm/monitor/machine/machine_time.c"
#include "vmm/monitor/emulate/moves.c"
#include "vmm/monitor/vcpu/msr.c"
#include "vmm/monitor/vcpu/msr_mtrr.c"
#include "vmm/monitor/pv/pv_eoi.c"
#include "vmm/monitor/machine/pvclock.c"
#include "vmm/monitor/life/query.c"
#include "vmm/monitor/task/task_segment.c"
#include "vmm/monitor/task/task_switch.c"
#include "vmm/monitor/life/reserve.c"
#include "vmm/monitor/pv/steal_time.c"
#include "vmm/monitor/vcpu/trace.c"
#include "vmm/monitor/vcpu/trap.c"
#include "vmm/monitor/vcpu/trap_cr4.c"
#include "vmm/monitor/vcpu/vapic.c"
#include "vmm/monitor/vcpu/vcpu_reset.c"
#include "vmm/monitor/machine/vcpu_check.c"
#include "vmm/monitor/machine/vcpu.c"
#include "vmm/monitor/memory/walk.c"
#include "vmm/rt/format.c"
#include "vmm/rt/mutex.c"
#include "tests/unit/window_stubs.h"

#define RAM_BYTES (4 * MIB)

#define VCPUS_MADE 4

static struct machine machine;
static struct vcpu vcpus[VCPUS_MADE];
static struct vcpu *const vcpu = &vcpus[0];
static struct vcpu_page page;
static struct lapic_page lapic_page;
static struct vcpu_page other_page[VCPUS_MADE - 1];
static struct lapic_page other_lapic_page[VCPUS_MADE - 1];
static struct vm_channel channel;
static struct start_info info;
static u8 *ram;

#include "tests/unit/monitor_devices.h"

/* the start page and the calls of the kernel, as the test plays them */
const struct start_info *start_info = &info;
bool start_sysenter;
static u64 host_tsc;
static u32 groups_fetched;
static u32 signals;		   /* the signals to the manager */
static u32 wakes_sent[VCPUS_MADE]; /* signals to a vCPU's event */
static u32 kicks_sent[VCPUS_MADE];
static u64 reservable_permille;
static u64 reserved_permille[VCPUS_MADE];
static u32 asking; /* the vCPU whose thread runs */
static jmp_buf process_end;

static u32 loads;
static bool load_works;

static u32 learnt_leaf;
static u32 learnt_subleaf; /* the subleaf that was learnt; ~0: any */

void cpuid_table_learn_none(struct vcpu_cpuid_entry *table, u32 leaf, u32 subleaf, bool indexed)
{
	(void)table;
	learnt_leaf = leaf;
	learnt_subleaf = indexed ? subleaf : ~0u;
}

void cpuid_table_fill(struct vcpu_cpuid_entry *table, const struct cpuid_policy *policy,
		      u32 apic_id, bool apic_enabled)
{
	(void)policy, (void)apic_id, (void)apic_enabled;
	if (table != NULL)
		table->flags = CPUID_VALID;
}

u64 clock_tsc(void)
{
	return host_tsc;
}

u64 clock_tsc_to_ns(u64 tsc)
{
	return tsc; /* 1 GHz */
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

/* Handles of vCPU n's objects are these plus n. */
enum { HANDLE_VCPU = 100, HANDLE_WAKE = 200 };

enum status sys_vcpu_get(handle_t handle, u32 groups)
{
	groups_fetched |= groups;
	machine.vcpu[handle % HANDLE_VCPU].page->valid |= groups;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	if (event >= HANDLE_WAKE)
		wakes_sent[event - HANDLE_WAKE]++;
	else
		signals++;
	return STATUS_OK;
}

void sys_process_exit(u64 code)
{
	(void)code;
	longjmp(process_end, 1);
}

enum status sys_vcpu_kick(handle_t handle)
{
	kicks_sent[handle - HANDLE_VCPU]++;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_queue_create(handle_t group, handle_t *queue)
{
	(void)group, (void)queue;
	return STATUS_NO_MEMORY;
}

enum status sys_event_create(handle_t group, handle_t *event)
{
	(void)group, (void)event;
	return STATUS_NO_MEMORY;
}

enum status sys_object_bind(handle_t handle, handle_t queue, u64 key)
{
	(void)handle, (void)queue, (void)key;
	return STATUS_NO_MEMORY;
}

/* Stands for one host CPU for all vCPUs; the caller is `asking`. */
enum status sys_thread_reserve(handle_t thread, u64 budget_ns, u64 period_ns, u64 *left_permille)
{
	u64 permille = budget_ns != 0 ? budget_ns * 1000 / period_ns : 0;
	u64 left = reservable_permille;

	assert_int_equal(thread, HANDLE_NONE);
	for (u32 i = 0; i < VCPUS_MADE; i++)
		left -= i != asking ? reserved_permille[i] : 0;
	*left_permille = left;
	if (permille > left)
		return STATUS_NO_QUOTA;
	reserved_permille[asking] = permille;
	return STATUS_OK;
}

static u32 yields[VCPUS_MADE];

enum status sys_thread_yield(handle_t handle)
{
	if (handle != HANDLE_NONE)
		yields[handle - HANDLE_VCPU]++;
	return STATUS_OK;
}

enum status sys_vcpu_run(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

/* A signal each 100 us; the clock goes on only while somebody sleeps until a time. */
static u32 signals_left;

enum status sys_queue_wait(handle_t queue, u64 deadline_tsc, u64 *key)
{
	(void)queue, (void)key;
	if (signals_left != 0) {
		signals_left--;
		host_tsc += 100 * NS_PER_US;
		return STATUS_OK;
	}
	if (deadline_tsc != 0 && deadline_tsc != ~0ull)
		host_tsc = MAX(host_tsc, deadline_tsc);
	return STATUS_TIMED_OUT;
}

enum status memory_take(u64 bytes, u32 flags, handle_t *memory, u64 *at)
{
	(void)bytes, (void)flags;
	*memory = HANDLE_NONE;
	*at = 0;
	return STATUS_NO_MEMORY;
}

/* the address at which the monitor has mapped a page for the guest; 0: nowhere */
static u64 mapped_at;
static u64 own_area[(128 * KIB) / 8]; /* the memory that the monitor maps where the kernel likes */

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)group, (void)bytes, (void)flags;
	*memory = 7;
	return STATUS_OK;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space, (void)memory, (void)offset, (void)bytes, (void)rights;
	if (at == 0)
		at = (u64)(uintptr_t)own_area;
	mapped_at = *address = at;
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	(void)space, (void)bytes;
	assert_int_equal(at, mapped_at);
	mapped_at = 0;
	return STATUS_OK;
}

/* Returns an entry of the RAM's second stage: 2-MiB leaves, of which only the first is present. */
enum status sys_space_entry(handle_t space, u64 address, u32 level, u64 *entry)
{
	(void)space;
	*entry = level > 1 ? 7 : level == 1 && address < 2 * MIB ? 0x80 | 7 : 0;
	return STATUS_OK;
}

enum status sys_vcpu_create(handle_t vm, handle_t memory, u64 offset, handle_t queue,
			    handle_t *handle)
{
	(void)vm, (void)memory, (void)offset, (void)queue, (void)handle;
	return STATUS_NO_MEMORY;
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

void rt_fail(const char *text)
{
	fail_msg("%s", text);
	abort();
}

void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	*regs = (struct cpuid_regs){0};
	if (leaf == 0)
		regs->eax = 0xd;
	else if (leaf == 1)
		regs->ecx = (u32)(CPUID_1_ECX_XSAVE | CPUID_1_ECX_OSXSAVE | CPUID_1_ECX_AVX);
	else if (leaf == CPUID_XSAVE && subleaf == 0)
		regs->eax = 7;
	else if (leaf == CPUID_XSAVE && subleaf == 2)
		*regs = (struct cpuid_regs){256, 576, 0, 0};
	else if (leaf == CPUID_EXTENDED)
		regs->eax = 0x80000008;
	else if (leaf == CPUID_ADDRESS_SIZES)
		regs->eax = 0x3028;
	else if (leaf == CPUID_EXTENDED_VERSION)
		regs->edx = (u32)(CPUID_81_EDX_LM | CPUID_81_EDX_SYSCALL | CPUID_81_EDX_NX);
}

void explain_svm(const struct vcpu_page *from, char *text, size_t size)
{
	(void)from;
	format(text, size, "explained");
}

void explain_vmx(const struct vcpu_page *from, char *text, size_t size)
{
	explain_svm(from, text, size);
}

enum status state_inspect(struct machine *of, const struct query *query, struct query_area *area)
{
	(void)of, (void)query, (void)area;
	return STATUS_NO_MEMORY;
}

#ifndef FIXTURE_HANDOVER /* the test includes vmm/monitor/life/handover.c */
void handover_save(struct machine *of)
{
	(void)of;
}

void handover_continue(struct machine *of)
{
	(void)of;
}

void handover_hold(struct machine *of)
{
	(void)of;
}

void handover_load(struct machine *of)
{
	(void)of;
}

void handover_start(struct machine *of)
{
	(void)of;
}
#endif

void rebuild(struct vcpu *which)
{
	(void)which;
}

bool load_guest(struct load_job *job)
{
	loads++;
	snprintf(job->error, sizeof(job->error), "kernel file: broken");
	return load_works;
}

static void make_vcpus(u32 count)
{
	machine.vcpu = vcpus;
	machine.vcpu_count = count;
	machine.platform.irqchip.cpu_count = count;
	for (u32 i = 0; i < count; i++) {
		machine.vcpu[i].machine = &machine;
		machine.vcpu[i].id = i;
		machine.vcpu[i].lapic = &machine.platform.irqchip.lapic[i];
		machine.vcpu[i].handle = HANDLE_VCPU + i;
		trace_init(&machine.vcpu[i].trace);
		machine.vcpu[i].wake_event = HANDLE_WAKE + i;
		machine.vcpu[i].page = i == 0 ? &page : &other_page[i - 1];
		machine.vcpu[i].emulator.page = machine.vcpu[i].page;
		machine.vcpu[i].emulator.memory = &machine.memory;
		machine.platform.irqchip.lapic[i].page =
			i == 0 ? &lapic_page : &other_lapic_page[i - 1];
		machine.platform.irqchip.lapic[i].state.apic_base =
			LAPIC_DEFAULT_ADDRESS | APIC_BASE_EN;
	}
}

static int fixture_make_many(u32 count)
{
	memset(&machine, 0, sizeof(machine));
	memset(vcpus, 0, sizeof(vcpus));
	memset(&page, 0, sizeof(page));
	memset(other_page, 0, sizeof(other_page));
	memset(&channel, 0, sizeof(channel));
	memset(&lapic_page, 0, sizeof(lapic_page));
	memset(other_lapic_page, 0, sizeof(other_lapic_page));
	memset(irq_pending, 0, sizeof(irq_pending));
	memset(wakes_sent, 0, sizeof(wakes_sent));
	memset(kicks_sent, 0, sizeof(kicks_sent));
	memset(delivered, 0, sizeof(delivered));
	memset(typed, 0, sizeof(typed));
	memset(reserved_permille, 0, sizeof(reserved_permille));
	reservable_permille = 950;
	asking = 0;
	ram = calloc(1, RAM_BYTES);
	guest_memory_init(&machine.memory, ram, RAM_BYTES);
	machine.job.ram = ram;
	info.tsc_khz = 1000000;
	host_tsc = 1000;
	nmis_more = 0;
	learnt_leaf = 0;
	groups_fetched = signals = eois = nmis_taken = loads = serial_room = buttons = 0;
	drawn = generations = 0;
	eoi_private = false;
	mapped_at = 0;
	device_deadline = DEADLINE_NONE;
	load_works = true;
	emulate_answer = EMULATE_DONE;
	emulate_event = (struct vcpu_event){0};
	machine.channel = &channel;
	machine.physical_bits = 40;
	make_vcpus(count);
	cpuid_build(&machine.cpuid, count);
	machine_start(&machine);
	todo_do(&machine);
	assert_int_equal(machine.state, VM_RUNNING);
	page.dirty = 0;
	page.rflags = RFLAGS_FIXED | RFLAGS_IF;
	return 0;
}

static UNUSED int fixture_make(void **state)
{
	(void)state;
	return fixture_make_many(1);
}

static int fixture_free(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

/* Does the short path's part between taking and releasing the lock. */
static UNUSED bool settle_briefly(struct vcpu *which)
{
	return which->page->exit.reason == EXIT_IO
		       ? fast_path_handle_port(which, &machine, which->page)
		       : fast_path_handle_other(which, &machine, which->page);
}

/* An exit arrives and is settled. */
static UNUSED void settle(enum exit_reason reason)
{
	page.exit.reason = reason;
	page.exit.instruction_length = 2;
	page.request = 0;
	exits_handle(vcpu);
	todo_do(&machine);
}
