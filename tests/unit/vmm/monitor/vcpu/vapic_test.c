/* SPDX-License-Identifier: MIT */
/* What the monitor leaves to a CPU with APIC virtualization. */
#include "tests/unit/monitor_fixture.h"

static struct lapic *const lapics = machine.platform.irqchip.lapic;

static int set_up(void **state)
{
	(void)state;
	fixture_make_many(3);
	machine.state = VM_RUNNING;
	machine.guest_count = 0;
	page.apic_virtualized = 1;
	interrupt_status = 0;
	assert_int_equal(vapic_setup(&machine, true), STATUS_OK);
	for (u32 i = 0; i < 3; i++) {
		lapics[i].by_cpu = true;
		lapics[i].words.requested = 0;
		lapics[i].state.apic_base = 0xfee00000 | APIC_BASE_EN;
	}
	lapic_page.reg[LAPIC_SVR / 4] = LAPIC_SVR_ENABLE;
	for (u32 i = 0; i < 2; i++)
		other_lapic_page[i].reg[LAPIC_SVR / 4] = LAPIC_SVR_ENABLE;
	return 0;
}

static void enter_again(struct vcpu *which)
{
	which->quiet = false;
	which->page->request = 0;
	which->page->dirty = 0;
	which->page->inject.valid = 0;
	assert_true(inject_prepare(which));
}

static void request(u32 bits)
{
	irq_pending[0] = PENDING_INTERRUPT;
	lapics[0].words.requested = 2;
	lapic_page.reg[(LAPIC_IRR + 0x10) / 4] = bits;
	lapics[0].moved = true;
}

/*
 * The monitor injects an interrupt that can be taken: the CPU might lose it if a second-stage fault
 * interrupts the delivery.
 */
static void what_can_be_taken_is_injected(void **state)
{
	(void)state;
	request(BIT(0x11));
	irq_vector = 0x31;
	interrupt_status = 0x3100;
	enter_again(vcpu);
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.type, EVENT_INTERRUPT);
	assert_int_equal(page.inject.vector, 0x31);
	assert_int_equal(page.tpr_threshold, 0);
	assert_true(page.dirty & VCPU_INTERRUPTS);
	assert_int_equal(page.interrupt_status, 0x3100);
	lapics[0].words.requested = 0;
	irq_pending[0] = 0;
	enter_again(vcpu); /* the CPU knows about the interrupt in service */
	assert_false(page.inject.valid);
	assert_int_equal(page.request, 0);
	assert_false(page.dirty & VCPU_INTERRUPTS);
	assert_true(vcpu->quiet);
	/* the 8259s' interrupts are injected as always, and come first */
	request(BIT(0x11));
	irq_pending[0] = PENDING_INTERRUPT | PENDING_EXTINT;
	irq_vector = 0x20;
	enter_again(vcpu);
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.vector, 0x20);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
}

/* The CPU would deliver the second at the first one's EOI, when IF is usually clear. */
static void of_several_the_monitor_injects_one(void **state)
{
	(void)state;
	request(BIT(0x11) | BIT(2));
	irq_vector = 0x31;
	enter_again(vcpu);
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.vector, 0x31);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	assert_false(vcpu->quiet);
	/* two interrupts in different words of IRR */
	request(BIT(0x11));
	lapics[0].words.requested |= 4;
	enter_again(vcpu);
	assert_true(page.inject.valid);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
}

/*
 * An interrupt that IF holds back waits for a window; the CPU must not deliver it by itself either.
 */
static void what_if_holds_back_waits_for_a_window(void **state)
{
	(void)state;
	page.rflags = RFLAGS_FIXED;
	request(BIT(0x11));
	enter_again(vcpu);
	assert_false(page.inject.valid);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	assert_false(vcpu->quiet); /* each run has to request the window again */
	/* also if PPR holds the interrupt back: the one in service may end with IF still clear */
	irq_pending[0] = 0;
	enter_again(vcpu);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	assert_false(vcpu->quiet);
	/* a shadow, or an event that the entry injects, holds it back too */
	page.rflags |= RFLAGS_IF;
	page.shadow = SHADOW_STI;
	enter_again(vcpu);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	page.shadow = 0;
	vcpu->event = (struct vcpu_event){.valid = 1, .type = EVENT_EXCEPTION, .vector = 14};
	enter_again(vcpu);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	irq_pending[0] = PENDING_NMI;
	enter_again(vcpu);
	assert_int_equal(page.request, REQUEST_INTERRUPT_WINDOW);
	/* and so does the trap of an emulated instruction */
	irq_pending[0] = PENDING_INTERRUPT;
	page.rflags |= RFLAGS_TF;
	page.request = REQUEST_ADVANCE;
	page.inject.valid = 0;
	assert_true(inject_prepare(vcpu));
	assert_false(page.inject.valid);
	assert_int_equal(page.request, REQUEST_ADVANCE | REQUEST_INTERRUPT_WINDOW);
}

static void what_the_priority_holds_back_is_the_cpus(void **state)
{
	(void)state;
	request(BIT(0x11) | BIT(2));
	irq_pending[0] = 0;
	interrupt_status = 0x4131;
	enter_again(vcpu);
	assert_false(page.inject.valid);
	assert_int_equal(page.request, 0);
	assert_int_equal(page.interrupt_status, 0x4131);
	assert_true(vcpu->quiet);
	/* an APIC that the monitor emulates sees the EOI itself */
	lapics[0].by_cpu = false;
	page.rflags = RFLAGS_FIXED;
	enter_again(vcpu);
	assert_int_equal(page.request, 0);
}

/* A single step must not end in an interrupt's handler. */
static void a_step_holds_interrupts_back(void **state)
{
	(void)state;
	machine.watched = true;
	vcpu->trap.stepping = true;
	interrupt_status = 0x4151;
	lapics[0].words.requested = 4;
	irq_pending[0] = PENDING_INTERRUPT;
	enter_again(vcpu);
	assert_false(page.inject.valid);
	assert_int_equal(page.request, 0);
	assert_true(page.dirty & VCPU_INTERRUPTS);
	assert_int_equal(page.interrupt_status, 0x4100);
	irq_pending[0] = 0;
	vcpu->trap.stepping = false;
	enter_again(vcpu);
	assert_true(page.dirty & VCPU_INTERRUPTS);
	assert_int_equal(page.interrupt_status, 0x4151);
}

static void memory_is_there_while_all_have_it(void **state)
{
	(void)state;
	enter_again(vcpu);
	assert_int_equal(mapped_at, 0xfee00000);
	assert_int_equal(page.apic_mode, VAPIC_MEMORY);
	assert_int_equal(page.apic_gpa, 0xfee00000);
	assert_true(page.dirty & VCPU_APIC);
	enter_again(&vcpus[1]);
	assert_int_equal(other_page[0].apic_mode, VAPIC_MEMORY);

	/* one vCPU switches to x2APIC mode */
	lapics[1].state.apic_base |= APIC_BASE_EXTD;
	other_lapic_page[0].reg[LAPIC_SVR / 4] = LAPIC_SVR_ENABLE;
	enter_again(&vcpus[1]);
	assert_int_equal(mapped_at, 0);
	assert_int_equal(other_page[0].apic_mode, VAPIC_MSRS);
	enter_again(vcpu);
	assert_int_equal(page.apic_mode, VAPIC_DELIVERY);

	/* and back, while another vCPU is in the guest */
	lapics[1].state.apic_base &= ~(u64)APIC_BASE_EXTD;
	machine.guest_count = 1;
	enter_again(&vcpus[1]);
	assert_int_equal(mapped_at, 0);
	assert_int_equal(other_page[0].apic_mode, VAPIC_DELIVERY);
	/* all move the APIC elsewhere */
	machine.guest_count = 0;
	for (u32 i = 0; i < 3; i++)
		lapics[i].state.apic_base = 0xfed00000 | APIC_BASE_EN;
	vcpu->quiet = true;
	enter_again(&vcpus[1]);
	assert_int_equal(mapped_at, 0xfed00000);
	assert_false(vcpu->quiet);
}

/* A run refused because another vCPU unmapped the page: its event is injected first next time. */
static void a_refused_run_keeps_its_event(void **state)
{
	u64 deadline_tsc;

	(void)state;
	request(BIT(0x11) | BIT(2));
	irq_vector = 0x31;
	enter_again(vcpu);
	assert_int_equal(page.inject.vector, 0x31);
	lapics[1].state.apic_base |= APIC_BASE_EXTD;
	enter_again(&vcpus[1]);
	vcpu->refused = STATUS_BAD_ADDRESS;
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x52;
	assert_true(loop_between_runs(vcpu, &deadline_tsc));
	assert_int_equal(machine.state, VM_RUNNING);
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.vector, 0x31);
	assert_int_equal(irq_pending[0], PENDING_INTERRUPT);
	assert_true((page.request & REQUEST_INTERRUPT_WINDOW) != 0);
}

/* The CPU would let a disabled APIC interrupt itself: while one is disabled accesses exit. */
static void a_disabled_xapic_is_the_monitors(void **state)
{
	(void)state;
	enter_again(vcpu);
	assert_int_equal(page.apic_mode, VAPIC_MEMORY);
	other_lapic_page[0].reg[LAPIC_SVR / 4] = 0;
	enter_again(&vcpus[1]);
	assert_int_equal(mapped_at, 0);
	assert_int_equal(other_page[0].apic_mode, VAPIC_DELIVERY);
	enter_again(vcpu);
	assert_int_equal(page.apic_mode, VAPIC_DELIVERY);

	/*
	 * The APIC is enabled while another vCPU is in the guest: the next entry that finds none
	 * mapped maps the page.
	 */
	other_lapic_page[0].reg[LAPIC_SVR / 4] = LAPIC_SVR_ENABLE;
	machine.guest_count = 1;
	enter_again(&vcpus[1]);
	assert_int_equal(mapped_at, 0);
	machine.guest_count = 0;
	enter_again(vcpu);
	assert_int_equal(mapped_at, 0xfee00000);
	assert_int_equal(page.apic_mode, VAPIC_MEMORY);

	/* a vCPU that waits for its SIPI does not count */
	other_lapic_page[1].reg[LAPIC_SVR / 4] = 0;
	lapics[2].state.wait_for_sipi = 1;
	enter_again(&vcpus[2]);
	assert_int_equal(mapped_at, 0xfee00000);
	lapics[2].state.wait_for_sipi = 0;
	enter_again(&vcpus[2]);
	assert_int_equal(mapped_at, 0);
}

static void a_disabled_x2apic_is_the_monitors(void **state)
{
	(void)state;
	lapics[0].state.apic_base |= APIC_BASE_EXTD;
	lapic_page.reg[LAPIC_SVR / 4] = 0;
	enter_again(vcpu);
	assert_int_equal(page.apic_mode, VAPIC_DELIVERY);
}

static void the_operator_may_refuse(void **state)
{
	(void)state;
	machine.vapic = (struct vapic){0};
	assert_int_equal(vapic_setup(&machine, false), STATUS_OK);
	assert_false(machine.vapic.by_cpu);
	page.apic_virtualized = 0;
	assert_int_equal(vapic_setup(&machine, true), STATUS_OK);
	assert_false(machine.vapic.by_cpu);
}

static void accesses_become_those_of_memory(void **state)
{
	(void)state;
	page.apic_gpa = 0xfee00000;
	page.exit = (struct vcpu_exit){.reason = EXIT_APIC_ACCESS, .qualification = 0x1390};
	vapic_accessed(vcpu);
	assert_int_equal(page.exit.reason, EXIT_MEMORY);
	assert_int_equal(page.exit.gpa, 0xfee00390);
	assert_int_equal(page.exit.access, ACCESS_WRITE);
	page.exit.qualification = 0x2000;
	vapic_accessed(vcpu);
	assert_int_equal(page.exit.access, ACCESS_EXECUTE);
}

static void what_the_cpu_leaves_is_done(void **state)
{
	(void)state;
	page.exit.vector = 0x41;
	settle(EXIT_EOI);
	assert_int_equal(ended, 0x41);
	assert_int_equal(page.request, 0); /* RIP is already past the instruction */
	page.exit.qualification = LAPIC_ICR;
	settle(EXIT_APIC_WRITE);
	assert_int_equal(lapic_written_at, LAPIC_ICR);
	lapic_page.reg[LAPIC_SELF_IPI / 4] = 9;
	page.exit.qualification = LAPIC_SELF_IPI;
	settle(EXIT_APIC_WRITE);
	assert_int_equal(delivered[0], 9 | APIC_FIXED << 8);
	assert_int_equal(page.request, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_can_be_taken_is_injected),
		TEST(of_several_the_monitor_injects_one),
		TEST(what_if_holds_back_waits_for_a_window),
		TEST(what_the_priority_holds_back_is_the_cpus),
		TEST(a_step_holds_interrupts_back),
		TEST(memory_is_there_while_all_have_it),
		TEST(a_refused_run_keeps_its_event),
		TEST(a_disabled_xapic_is_the_monitors),
		TEST(a_disabled_x2apic_is_the_monitors),
		TEST(the_operator_may_refuse),
		TEST(accesses_become_those_of_memory),
		TEST(what_the_cpu_leaves_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
