/* SPDX-License-Identifier: MIT */
/* What KVM's leaves offer to guests with several vCPUs: hypercalls, steal time, PV EOI. */
#include "tests/unit/vmm/monitor/load/smp_machine.h"

/* Makes the hypercall in the vCPU's current mode. */
static s64 hypercall_as_is(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	page.gpr[GPR_RAX] = number;
	page.gpr[GPR_RBX] = a;
	page.gpr[GPR_RCX] = b;
	page.gpr[GPR_RDX] = c;
	page.gpr[GPR_RSI] = d;
	settle(EXIT_HYPERCALL);
	assert_int_equal(page.request, REQUEST_ADVANCE);
	return (s64)page.gpr[GPR_RAX];
}

static s64 hypercall(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	page.efer = EFER_LMA;
	page.segment[SEG_CS].access |= SEGMENT_L;
	return hypercall_as_is(number, a, b, c, d);
}

static void test_send_ipi(void **state)
{
	(void)state;
	assert_int_equal(hypercall(10, 0x5, 0, 1, 0xfb), 2);
	assert_int_equal(delivered[0], 0);
	assert_int_equal(delivered[1], 0xfb);
	assert_int_equal(delivered[2], 0);
	assert_int_equal(delivered[3], 0xfb);
	assert_int_equal(hypercall(10, 1, 0, 2, APIC_NMI << 8 | 2), 1);
	assert_int_equal(delivered[2], APIC_NMI << 8 | 2);
	/* the cases: no such vCPU; a delivery mode that is not allowed; a shorthand */
	assert_int_equal(hypercall(10, ~0ull, ~0ull, 4, 0xfb), 0);
	assert_int_equal(hypercall(10, 1, 0, 0xffffffffffull, 0xfb), 0);
	assert_int_equal(hypercall(10, 1, 0, 1, APIC_INIT << 8), -22);
	assert_int_equal(hypercall(10, 1, 0, 1, 0xfb | LAPIC_ICR_SHORTHAND_ALL), -22);
	page.segment[SEG_SS].access = 3 << SEGMENT_DPL_SHIFT;
	assert_int_equal(hypercall(10, 2, 0, 0, 0xfb), -1);
}

/* Outside 64-bit mode a word of the bitmap is the register's lower 32 bits. */
static void test_send_ipi_32(void **state)
{
	(void)state;
	machine.platform.irqchip.cpu_count = 40;
	page.segment[SEG_CS].access &= ~SEGMENT_L;
	assert_int_equal(hypercall_as_is(10, ~0xffffffffull | 2, 0x5, 1, 0xfb), 3);
	assert_int_equal(delivered[2], 0xfb);
	assert_int_equal(delivered[33], 0xfb);
	assert_int_equal(delivered[35], 0xfb);
}

/* KICK_CPU ends a HLT with interrupts off, whether it comes before or after the HLT. */
static void test_unhalt(void **state)
{
	(void)state;
	all_in_guest();
	machine.vcpu[1].page->rflags = RFLAGS_FIXED;
	assert_false(round_after(1, EXIT_HLT));
	assert_int_equal(hypercall(5, 0, 1, 0, 0), 0);
	assert_int_equal(wakes_sent[1], 1);
	assert_true(round_of(1));
	assert_false(round_after(1, EXIT_HLT)); /* the wake-up counts once */
	assert_int_equal(hypercall(5, 0, 2, 0, 0), 0);
	assert_int_equal(kicks_sent[2], 0); /* the vCPU looks for the wake-up when it halts */
	assert_true(round_after(2, EXIT_HLT));
	assert_int_equal(hypercall(5, 0, 4, 0, 0), -22);
}

static u64 write_msr(u32 index, u64 value)
{
	page.gpr[GPR_RCX] = index;
	page.gpr[GPR_RAX] = (u32)value;
	page.gpr[GPR_RDX] = value >> 32;
	settle(EXIT_WRMSR);
	return page.request;
}

/* The record shows how long the thread waited, in ns, since the guest's WRMSR. */
static void test_steal_time(void **state)
{
	struct steal_record *record = (struct steal_record *)(ram + 0x3000);

	(void)state;
	page.waited_tsc = 700;
	assert_int_equal(write_msr(MSR_KVM_STEAL_TIME, 0x3001), REQUEST_ADVANCE);
	assert_int_equal(page.preempted_gpa, 0x3010);
	assert_true(round_of(0));
	assert_int_equal(record->steal, 0);
	page.waited_tsc = 1000;
	record->version = 7; /* the guest may have changed the version */
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(record->steal, 300);
	assert_int_equal(record->version, 8);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(record->version, 8);
	/* reserved bits; an address without RAM is accepted, but nothing is written */
	(void)write_msr(MSR_KVM_STEAL_TIME, 0x3003);
	assert_int_equal(vcpu->event.vector, VECTOR_GP);
	vcpu->event.valid = 0;
	(void)write_msr(MSR_KVM_STEAL_TIME, 0xff0000000001);
	assert_false(vcpu->event.valid);
	assert_int_equal(page.preempted_gpa, 0);
	(void)write_msr(MSR_KVM_STEAL_TIME, 0);
	page.waited_tsc = 2000;
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(record->steal, 300);
	assert_int_equal(page.preempted_gpa, 0);
}

/* A vCPU in HLT need not be interrupted for its TLB: it flushes when it wakes, and only then. */
static void test_pv_tlb_flush(void **state)
{
	struct steal_record *record = (struct steal_record *)(ram + 0x3000);

	(void)state;
	(void)write_msr(MSR_KVM_STEAL_TIME, 0x3001);
	page.rflags = RFLAGS_FIXED | RFLAGS_IF;
	for (u32 flush = 0; flush < 2; flush++) {
		assert_false(round_after(0, EXIT_HLT));
		assert_int_equal(record->preempted, MARK_PREEMPTED);
		record->preempted |= flush != 0 ? MARK_FLUSH : 0;
		irq_pending[0] = PENDING_INTERRUPT;
		page.request = 0;
		assert_true(round_of(0));
		assert_int_equal(record->preempted, 0);
		assert_int_equal(page.request & REQUEST_FLUSH, flush != 0 ? REQUEST_FLUSH : 0);
	}
	/* the kernel handles the mark that it sets for a vCPU preempted in the guest */
	record->preempted = MARK_PREEMPTED | MARK_FLUSH;
	page.request = 0;
	assert_true(round_of(0));
	assert_int_equal(record->preempted, MARK_PREEMPTED | MARK_FLUSH);
	assert_int_equal(page.request & REQUEST_FLUSH, 0);
	vcpu_reset(vcpu);
	assert_int_equal(page.preempted_gpa, 0);
}

/* A requested flush stays requested until it is done, whoever set the preempted mark. */
static void test_pv_tlb_flush_waits(void **state)
{
	struct steal_record *record = (struct steal_record *)(ram + 0x3000);

	(void)state;
	(void)write_msr(MSR_KVM_STEAL_TIME, 0x3001);
	for (u32 by_kernel = 0; by_kernel < 2; by_kernel++) {
		if (by_kernel == 0)
			assert_false(round_after(0, EXIT_HLT));
		record->preempted = MARK_PREEMPTED | MARK_FLUSH;
		page.request = 0;
		vcpu->halted = true;
		assert_false(round_of(0)); /* woken without a reason */
		assert_int_equal(record->preempted, MARK_PREEMPTED | MARK_FLUSH);
		irq_pending[0] = PENDING_INTERRUPT;
		assert_true(round_of(0));
		assert_int_equal(record->preempted, 0);
		assert_int_equal(page.request & REQUEST_FLUSH, REQUEST_FLUSH);
	}
}

/* A vCPU that waits for others lets them run: the one it names, or each in turn. */
static void test_yield(void **state)
{
	(void)state;
	memset(yields, 0, sizeof(yields));
	all_in_guest();
	assert_int_equal(hypercall(KVM_SCHED_YIELD, 2, 0, 0, 0), 0);
	assert_int_equal(vcpu->yield_to, 3);
	loop_yield(vcpu);
	assert_int_equal(yields[2], 1);
	assert_int_equal(vcpu->yield_to, 0);
	assert_int_equal(hypercall(KVM_SCHED_YIELD, 9, 0, 0, 0), 0);
	assert_int_equal(hypercall(KVM_SCHED_YIELD, 0, 0, 0, 0), 0);
	assert_int_equal(vcpu->yield_to, 0);
	assert_int_equal(hypercall(KVM_KICK_CPU, 0, 3, 0, 0), 0);
	loop_yield(vcpu);
	assert_int_equal(yields[3], 1);
	for (u32 i = 0; i < 6; i++) {
		page.request = 0;
		settle(EXIT_PAUSE);
		assert_int_equal(page.request, REQUEST_ADVANCE);
		loop_yield(vcpu);
	}
	assert_int_equal(yields[0], 0);
	assert_int_equal(yields[1], 2);
	assert_int_equal(yields[2], 3);
	assert_int_equal(yields[3], 3);
}

static void enable_pv_eoi(u64 value)
{
	(void)write_msr(MSR_KVM_PV_EOI, value);
}

static void test_pv_eoi(void **state)
{
	(void)state;
	enable_pv_eoi(0x3000 | 1);
	assert_false(vcpu->event.valid);
	assert_true(round_of(0));
	assert_int_equal(ram[0x3000], 0); /* no interrupt is in service */
	eoi_private = true;
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(ram[0x3000], 1);
	/* unused, the offer is withdrawn once an EOI would no longer be private */
	eoi_private = false;
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(ram[0x3000], 0);
	assert_int_equal(eois, 0);
	eoi_private = true;
	assert_true(round_after(0, EXIT_KICK));
	ram[0x3000] = 0; /* the guest ends its interrupt */
	eoi_private = false;
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(eois, 1);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(eois, 1);
	enable_pv_eoi(0x3002 | 1);
	assert_int_equal(vcpu->event.vector, VECTOR_GP);
}

/* INIT ends all of this: the guest may use the memory for something else. */
static void test_init_ends_all(void **state)
{
	(void)state;
	enable_pv_eoi(0x3000 | 1);
	(void)write_msr(MSR_KVM_STEAL_TIME, 0x3001);
	(void)write_msr(MSR_KVM_SYSTEM_TIME, 0x3101);
	assert_false(vcpu->event.valid);
	vcpu_take_init(vcpu);
	memset(ram + 0x3000, 0, 0x200);
	eoi_private = true;
	vcpu->page->waited_tsc += 1000;
	assert_true(round_of(0));
	machine_pause(&machine);
	todo_do(&machine);
	machine_resume(&machine);
	todo_do(&machine);
	for (u32 i = 0; i < 0x200; i++)
		assert_int_equal(ram[0x3000 + i], 0);
	assert_int_equal(page.preempted_gpa, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_four, fixture_free)
	const struct CMUnitTest tests[] = {
		TEST(test_send_ipi),   TEST(test_send_ipi_32),	TEST(test_unhalt),
		TEST(test_steal_time), TEST(test_pv_tlb_flush), TEST(test_pv_tlb_flush_waits),
		TEST(test_yield),      TEST(test_pv_eoi),	TEST(test_init_ends_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
