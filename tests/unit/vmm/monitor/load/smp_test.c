/* SPDX-License-Identifier: MIT */
/* Several vCPUs of one machine: which may run when, which wakes which, and how they start. */
#include "tests/unit/vmm/monitor/load/smp_machine.h"

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

/* The pause is not reported, and time does not stop, before the last vCPU has left the guest. */
static void test_pause(void **state)
{
	(void)state;
	all_in_guest();
	command(VM_COMMAND_PAUSE);
	host_tsc += 100;
	assert_true(machine.fast_path);
	assert_false(round_after(0, EXIT_KICK));
	page.exit.reason = EXIT_INTERRUPT_WINDOW; /* from now on the kernel settles no exit */
	assert_false(fast_path_between_runs(vcpu, &machine, &page, fast_path_handle_other));
	assert_int_equal(page.exit.reason, EXIT_INTERRUPT_WINDOW);
	page.exit.reason = EXIT_NONE;
	assert_int_equal(machine.lock.held, 0);
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
	assert_false(machine.fast_path);
	assert_int_equal(machine.time.paused_tsc, host_tsc);

	host_tsc += 1000;
	command(VM_COMMAND_RESUME);
	machine.vcpu[1].pvclock.system_time_msr = 0x1001;
	assert_true(round_of(0));
	assert_int_equal(channel.state, VM_RUNNING);
	assert_true(machine.fast_path);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(wakes_sent[i], 1);
	/* vCPU 1's clock was written too, and vCPU 2's exit is settled now */
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
	assert_false(round_after(1, EXIT_TRIPLE_FAULT)); /* the kernel settles no exit any more */
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

/* A query waits for running vCPUs to leave the guest; then they go on. */
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
	assert_true(round_after(0, EXIT_WRMSR)); /* each vCPU is told only once until it has come */
	assert_int_equal(kicks_sent[1] + wakes_sent[2] + kicks_sent[3], 3);
	assert_true(round_after(1, EXIT_KICK));
	machine.platform.irqchip.kick = 0xe;
	assert_true(round_after(0, EXIT_WRMSR));
	assert_int_equal(kicks_sent[1], 2);
}

/* vCPU 0 keeps the devices' deadlines: it is told if another vCPU makes one earlier. */
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

/* In the round that ends a pause, deadlines go by the vCPU's own TSC. */
static void test_tsc_adjust_after_pause(void **state)
{
	struct vcpu *ap = &machine.vcpu[1];

	(void)state;
	all_in_guest();
	ap->tsc_adjust = 1000000;
	vcpu_set_tsc_offset(ap);
	command(VM_COMMAND_PAUSE);
	for (u32 cpu = 0; cpu < 4; cpu++)
		round_after(cpu, EXIT_KICK);
	assert_int_equal(channel.state, VM_PAUSED);
	host_tsc += 5000;
	command(VM_COMMAND_RESUME);
	assert_true(round_after(1, EXIT_NONE));
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(machine.platform.clock.guest_tsc, host_tsc + ap->page->tsc_offset);
	machine_reset(&machine);
	todo_do(&machine);
	for (u32 cpu = 0; cpu < 4; cpu++)
		round_of(cpu);
	assert_int_equal(machine.platform.clock.guest_tsc, host_tsc + ap->page->tsc_offset);
}

/* A vCPU that exits all the time yields the lock to those that wait for it. */
static void test_lock_goes_round(void **state)
{
	(void)state;
	all_in_guest();
	memset(yields, 0, sizeof(yields));
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(yields[1] + yields[2] + yields[3], 0);
	machine.lock.waiting = BIT(2);
	page.exit.reason = EXIT_INTERRUPT_WINDOW;
	assert_false(fast_path_between_runs(vcpu, &machine, &page, fast_path_handle_other));
	page.exit.reason = EXIT_IO;
	assert_false(fast_path_between_runs(vcpu, &machine, &page, fast_path_handle_port));
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(yields[2], 1);
	/* the lock does not go to the vCPU itself: its bit may still be set */
	machine.lock.waiting = BIT(0);
	assert_true(round_after(0, EXIT_KICK));
	assert_int_equal(yields[0], 0);
	machine.lock.waiting = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_four, fixture_free)
	const struct CMUnitTest tests[] = {
		TEST(test_start_up),	    TEST(test_init),
		TEST(test_pause),	    TEST(test_reset),
		TEST(test_crash_stops_all), TEST(test_stop),
		TEST(test_question),	    TEST(test_wakes),
		TEST(test_device_deadline), TEST(test_refused),
		TEST(test_tsc_adjust),	    TEST(test_tsc_adjust_after_pause),
		TEST(test_lock_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
