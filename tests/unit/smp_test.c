/* SPDX-License-Identifier: MIT */
/* Several vCPUs of one machine: who may run when, who wakes whom, and how they start. */
#include "tests/unit/monitor_fixture.h"

static int make_four(void **state)
{
	(void)state;
	fixture_make_many(4);
	for (u32 i = 1; i < 4; i++)
		irq_pending[i] = PENDING_WAIT;
	return 0;
}

/* One round of the vCPU's thread up to its next wait or run. */
static bool round_of(u32 cpu)
{
	u64 deadline_tsc;

	return pass(&machine.vcpu[cpu], &deadline_tsc);
}

static bool round_after(u32 cpu, enum exit_reason reason)
{
	machine.vcpu[cpu].page->exit.reason = reason;
	machine.vcpu[cpu].page->exit.io_size = 1;
	machine.vcpu[cpu].page->exit.instruction_length = 2;
	machine.vcpu[cpu].page->request = 0;
	return round_of(cpu);
}

static void all_in_guest(void)
{
	memset(irq_pending, 0, sizeof(irq_pending));
	for (u32 i = 0; i < 4; i++)
		assert_true(round_of(i));
	assert_int_equal(machine.guest_count, 4);
}

static void command(enum vm_command what)
{
	channel.command = what;
	channel.command_sequence++;
}

static void test_start_up(void **state)
{
	struct vcpu_page *ap = machine.vcpu[1].page;

	(void)state;
	assert_int_equal(ap->rip, 0xfff0);
	assert_false(round_of(1));
	assert_int_equal(machine.vcpu[1].place, VCPU_ASLEEP);
	irq_pending[1] = PENDING_WAIT | PENDING_SIPI;
	sipi_vector = 0x9a;
	assert_true(round_of(1));
	assert_int_equal(ap->segment[SEG_CS].selector, 0x9a00);
	assert_int_equal(ap->segment[SEG_CS].base, 0x9a000);
	assert_int_equal(ap->rip, 0);
	assert_int_equal(ap->dirty & (VCPU_RIP | VCPU_SEGMENTS), VCPU_RIP | VCPU_SEGMENTS);
}

static void test_init(void **state)
{
	struct vcpu_page *ap = machine.vcpu[1].page;

	(void)state;
	all_in_guest();
	ap->dirty = 0;
	ap->cr0 = CR0_PE | CR0_PG | CR0_NW;
	ap->cr3 = 0x1000;
	ap->efer = EFER_LMA | EFER_LME;
	ap->msr[VMSR_LSTAR] = 0x1234;
	ap->rflags = RFLAGS_FIXED | RFLAGS_IF;
	machine.vcpu[1].tsc_adjust = 5;
	machine.vcpu[1].event.valid = 1;
	irq_pending[1] = PENDING_INIT;
	assert_false(round_after(1, EXIT_KICK));
	assert_int_equal(irq_pending[1], PENDING_WAIT);
	assert_int_equal(ap->cr0, CR0_ET | CR0_NW);
	assert_int_equal(ap->efer, 0);
	assert_int_equal(ap->msr[VMSR_LSTAR], 0x1234);
	assert_int_equal(ap->dirty & (VCPU_MSRS | VCPU_XCR0), 0);
	assert_int_equal(ap->dirty & VCPU_CONTROL, VCPU_CONTROL);
	assert_int_equal(machine.vcpu[1].tsc_adjust, 5);
	assert_false(machine.vcpu[1].event.valid);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(machine.guest_count, 3);
}

/* Nothing is reported, and no time stands still, before the last one has left. */
static void test_pause(void **state)
{
	(void)state;
	all_in_guest();
	command(VM_COMMAND_PAUSE);
	host_tsc += 100;
	assert_false(round_after(0, EXIT_KICK));
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_not_equal(channel.done_sequence, channel.command_sequence);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(kicks_sent[i], 1);
	assert_false(round_after(1, EXIT_KICK));
	assert_false(round_after(2, EXIT_HLT));
	host_tsc += 50;
	assert_int_equal(channel.state, VM_RUNNING);
	assert_false(round_after(3, EXIT_KICK));
	assert_int_equal(channel.state, VM_PAUSED);
	assert_int_equal(channel.done_sequence, channel.command_sequence);
	assert_int_equal(channel.running_tsc, 150);
	assert_int_equal(machine.time.paused_tsc, host_tsc);

	host_tsc += 1000;
	command(VM_COMMAND_RESUME);
	machine.vcpu[1].pvclock.system_time_msr = 0x1001;
	assert_true(round_of(0));
	assert_int_equal(channel.state, VM_RUNNING);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(wakes_sent[i], 1);
	/* the clock of another was written too, and what 2 had left for is settled now */
	assert_int_equal(((struct pvclock_record *)(ram + 0x1000))->flags,
			 PVCLOCK_TSC_STABLE | PVCLOCK_GUEST_STOPPED);
	assert_true(round_of(1));
	assert_false(round_of(2));
	assert_true(machine.vcpu[2].halted);
}

static void test_reset(void **state)
{
	(void)state;
	all_in_guest();
	machine.vcpu[2].tsc_adjust = 9;
	machine.vcpu[2].page->rip = 0x777;
	machine.platform.events.pending = MACHINE_RESET;
	assert_false(round_after(2, EXIT_IO));
	assert_int_equal(loads, 1);
	assert_int_equal(kicks_sent[0], 1);
	assert_false(round_after(0, EXIT_KICK));
	assert_false(round_after(1, EXIT_TRIPLE_FAULT)); /* settled no more */
	assert_int_equal(loads, 1);
	memset(wakes_sent, 0, sizeof(wakes_sent));
	irq_pending[3] = PENDING_WAIT;
	assert_false(round_after(3, EXIT_KICK));
	assert_int_equal(loads, 2);
	assert_int_equal(channel.reset_count, 1);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(wakes_sent[0], 1);
	assert_int_equal(machine.vcpu[2].page->rip, 0xfff0);
	assert_int_equal(machine.vcpu[2].tsc_adjust, 0);
	assert_true(round_of(0));
}

static void test_crash_stops_all(void **state)
{
	(void)state;
	all_in_guest();
	assert_false(round_after(1, EXIT_NO_MEMORY));
	assert_int_equal(channel.state, VM_RUNNING);
	assert_false(round_after(0, EXIT_KICK));
	assert_false(round_after(2, EXIT_TRIPLE_FAULT));
	assert_false(round_after(3, EXIT_KICK));
	assert_int_equal(channel.state, VM_CRASHED);
	assert_non_null(strstr(channel.reason, "no memory left"));
	assert_int_equal(channel.reset_count, 0);
	command(VM_COMMAND_START);
	assert_true(round_of(0));
	assert_int_equal(channel.state, VM_RUNNING);
}

static void test_stop(void **state)
{
	(void)state;
	all_in_guest();
	machine.platform.events.pending = MACHINE_POWER_OFF;
	assert_false(round_after(3, EXIT_IO));
	assert_false(round_after(0, EXIT_KICK));
	assert_false(round_after(1, EXIT_KICK));
	assert_int_equal(channel.state, VM_RUNNING);
	if (setjmp(process_end) == 0) {
		round_after(2, EXIT_KICK);
		fail_msg("the process goes on");
	}
	assert_int_equal(channel.state, VM_STOPPED);
}

static u32 last_question;

static void ask(const struct query *question)
{
	channel.question.query = *question;
	channel.question.asked = ++last_question;
}

/* A question waits for vCPUs that run, which then go on. */
static void test_question(void **state)
{
	const struct query_registers *answer = (const void *)channel.question.answer;

	(void)state;
	all_in_guest();
	for (u32 i = 0; i < 4; i++)
		machine.vcpu[i].page->valid = machine.vcpu[i].page->dirty = 0;
	machine.vcpu[2].page->rip = 0x1234;
	ask(&(struct query){.kind = QUERY_REGISTERS, .vcpu = 2});
	assert_false(round_after(0, EXIT_KICK));
	for (u32 i = 1; i < 3; i++)
		assert_false(round_after(i, EXIT_KICK));
	assert_int_not_equal(channel.question.answered, last_question);
	assert_true(round_after(3, EXIT_KICK));
	assert_int_equal(channel.question.answered, last_question);
	assert_int_equal(channel.question.status, STATUS_OK);
	assert_int_equal(channel.question.bytes, sizeof(*answer));
	assert_int_equal(answer->vcpu_count, 4);
	assert_int_equal(answer->page.rip, 0x1234);
	assert_int_equal(answer->page.valid & VCPU_DEBUG, VCPU_DEBUG);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_true(round_of(0));
}

static void test_wakes(void **state)
{
	(void)state;
	all_in_guest();
	assert_false(round_after(2, EXIT_HLT));
	memset(kicks_sent, 0, sizeof(kicks_sent));
	machine.platform.irqchip.kick = 0xf;
	machine.vcpu[1].quiet = true;
	assert_true(round_after(0, EXIT_WRMSR));
	assert_int_equal(machine.platform.irqchip.kick, 0);
	assert_int_equal(kicks_sent[0], 0);
	assert_int_equal(kicks_sent[1], 1);
	assert_int_equal(wakes_sent[2], 1);
	assert_int_equal(kicks_sent[3], 1);
	assert_false(machine.vcpu[1].quiet);
	machine.platform.irqchip.kick = 0xe;
	assert_true(round_after(0, EXIT_WRMSR)); /* told once until they have come */
	assert_int_equal(kicks_sent[1] + wakes_sent[2] + kicks_sent[3], 3);
	assert_true(round_after(1, EXIT_KICK));
	machine.platform.irqchip.kick = 0xe;
	assert_true(round_after(0, EXIT_WRMSR));
	assert_int_equal(kicks_sent[1], 2);
}

/* vCPU 0 keeps the devices' time: it hears of a timer that another has brought forward. */
static void test_device_deadline(void **state)
{
	(void)state;
	device_deadline = 5000;
	all_in_guest();
	assert_true(round_after(1, EXIT_IO));
	assert_int_equal(kicks_sent[0], 0);
	device_deadline = 4000;
	assert_true(round_after(1, EXIT_CPUID));
	assert_int_equal(kicks_sent[0], 0);
	assert_true(round_after(1, EXIT_IO));
	assert_int_equal(kicks_sent[0], 1);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(page.deadline_tsc, machine_time_to_host(&machine.time, 4000));
	device_deadline = 9000;
	assert_true(round_after(1, EXIT_IO));
	assert_int_equal(kicks_sent[0], 1);
}

static void test_refused(void **state)
{
	(void)state;
	all_in_guest();
	for (u32 i = 0; i < 3; i++)
		(void)round_after(i, EXIT_HLT);
	machine.vcpu[3].refused = STATUS_BAD_ARGUMENT;
	assert_false(round_after(3, EXIT_NONE));
	assert_int_equal(channel.state, VM_CRASHED);
	assert_non_null(strstr(channel.reason, "vCPU 3"));
}

/* Each vCPU has its own TSC_ADJUST. */
static void test_tsc_adjust(void **state)
{
	struct vcpu_page *ap = machine.vcpu[1].page;
	u64 offset = page.tsc_offset;

	(void)state;
	all_in_guest();
	ap->gpr[GPR_RCX] = MSR_TSC_ADJUST;
	ap->gpr[GPR_RAX] = 1000;
	ap->gpr[GPR_RDX] = 0;
	machine.vcpu[1].pvclock.system_time_msr = 0x2001;
	assert_true(round_after(1, EXIT_WRMSR));
	assert_int_equal(ap->tsc_offset, offset + 1000);
	assert_int_equal(page.tsc_offset, offset);
	assert_int_equal(((struct pvclock_record *)(ram + 0x2000))->tsc_timestamp,
			 host_tsc + ap->tsc_offset);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(machine.platform.clock.guest_tsc, host_tsc + page.tsc_offset);
}

/* In the mode that the vCPU is in. */
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
	/* nobody there; no mode that may be sent this way; a shorthand */
	assert_int_equal(hypercall(10, ~0ull, ~0ull, 4, 0xfb), 0);
	assert_int_equal(hypercall(10, 1, 0, 0xffffffffffull, 0xfb), 0);
	assert_int_equal(hypercall(10, 1, 0, 1, APIC_INIT << 8), -22);
	assert_int_equal(hypercall(10, 1, 0, 1, 0xfb | LAPIC_ICR_SHORTHAND_ALL), -22);
	page.segment[SEG_SS].access = 3 << SEGMENT_DPL_SHIFT;
	assert_int_equal(hypercall(10, 2, 0, 0, 0xfb), -1);
}

/* Outside 64-bit mode a word of the bitmap is a register's 32 bits, and no more of it counts. */
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

/* It ends a HLT with interrupts off, whether it comes before or after. */
static void test_unhalt(void **state)
{
	(void)state;
	all_in_guest();
	machine.vcpu[1].page->rflags = RFLAGS_FIXED;
	assert_false(round_after(1, EXIT_HLT));
	assert_int_equal(hypercall(5, 0, 1, 0, 0), 0);
	assert_int_equal(wakes_sent[1], 1);
	assert_true(round_of(1));
	assert_false(round_after(1, EXIT_HLT)); /* once */
	assert_int_equal(hypercall(5, 0, 2, 0, 0), 0);
	assert_int_equal(kicks_sent[2], 0); /* it looks when it halts */
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

/* What the thread waited shows in the record, in ns, from the guest's WRMSR on. */
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
	record->version = 7; /* the guest's memory, whatever it holds */
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(record->steal, 300);
	assert_int_equal(record->version, 8);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(record->version, 8);
	/* reserved bits; an address without RAM is kept, but nothing is written */
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
	/* what the kernel says of a vCPU that was in the guest is the kernel's */
	record->preempted = MARK_PREEMPTED | MARK_FLUSH;
	page.request = 0;
	assert_true(round_of(0));
	assert_int_equal(record->preempted, MARK_PREEMPTED | MARK_FLUSH);
	assert_int_equal(page.request & REQUEST_FLUSH, 0);
	vcpu_reset(vcpu);
	assert_int_equal(page.preempted_gpa, 0);
}

/* Whoever waits for another lets it run: by name, or one after the other. */
static void test_yield(void **state)
{
	(void)state;
	memset(yields, 0, sizeof(yields));
	all_in_guest();
	assert_int_equal(hypercall(KVM_SCHED_YIELD, 2, 0, 0, 0), 0);
	assert_int_equal(vcpu->yield_to, 3);
	yield(vcpu);
	assert_int_equal(yields[2], 1);
	assert_int_equal(vcpu->yield_to, 0);
	assert_int_equal(hypercall(KVM_SCHED_YIELD, 9, 0, 0, 0), 0);
	assert_int_equal(hypercall(KVM_SCHED_YIELD, 0, 0, 0, 0), 0);
	assert_int_equal(vcpu->yield_to, 0);
	assert_int_equal(hypercall(KVM_KICK_CPU, 0, 3, 0, 0), 0);
	yield(vcpu);
	assert_int_equal(yields[3], 1);
	for (u32 i = 0; i < 6; i++) {
		page.request = 0;
		settle(EXIT_PAUSE);
		assert_int_equal(page.request, REQUEST_ADVANCE);
		yield(vcpu);
	}
	assert_int_equal(yields[0], 0);
	assert_int_equal(yields[1], 2);
	assert_int_equal(yields[2], 3);
	assert_int_equal(yields[3], 3);
}

/* A vCPU that exits all the time lets those have the lock who wait for it. */
static void test_lock_goes_round(void **state)
{
	(void)state;
	all_in_guest();
	memset(yields, 0, sizeof(yields));
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(yields[1] + yields[2] + yields[3], 0);
	machine.lock.waiting = BIT(2);
	assert_false(pass_briefly(vcpu));
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(yields[2], 1);
	/* not to itself: it may still be noted there */
	machine.lock.waiting = BIT(0);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(yields[0], 0);
	machine.lock.waiting = 0;
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
	assert_int_equal(ram[0x3000], 0); /* nothing in service */
	eoi_private = true;
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(ram[0x3000], 1);
	/* not used: it is taken back, and offered anew only while it may be */
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_four, fixture_free)
	const struct CMUnitTest tests[] = {
		TEST(test_start_up),	    TEST(test_init),	  TEST(test_pause),
		TEST(test_reset),	    TEST(test_question), TEST(test_crash_stops_all),
		TEST(test_stop),	    TEST(test_wakes),	  TEST(test_device_deadline),
		TEST(test_refused),	    TEST(test_tsc_adjust), TEST(test_send_ipi),
		TEST(test_send_ipi_32),	    TEST(test_unhalt),	  TEST(test_pv_eoi),
		TEST(test_steal_time),	    TEST(test_pv_tlb_flush), TEST(test_yield),
		TEST(test_lock_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
