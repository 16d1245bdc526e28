/* SPDX-License-Identifier: MIT */
/* The short path for the commonest exits: what it settles, and what it leaves untouched. */
#include "tests/unit/monitor_fixture.h"

#define IOAPIC	0xfec00000ull
#define NOTHING 0x5555555555555555ull

static u64 device_value;
static u64 device_address;
static u32 device_region;

static u64 device_read(struct device *device, u32 region, u64 offset, u32 size)
{
	(void)device;
	device_region = region;
	device_address = port_base + offset;
	return device_value + size;
}

static void device_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	(void)size;
	device_region = region;
	device_address = port_base + offset;
	device_value = value;
	if (value == 0xff)
		device->events->pending = MACHINE_RESET;
}

static struct device_ops ops;
static struct device device;

static int make(void **state)
{
	int failed = fixture_make_many(2);

	(void)state;
	ops = (struct device_ops){.widest = 4, .read = device_read, .write = device_write};
	device = (struct device){.ops = &ops, .events = &machine.platform.events};
	port_device = &device;
	vcpu->quiet = true;
	lapic_written = lapic_written_value = 0;
	lapic_rearmed = 0;
	lapic_rearms = true;
	device_value = device_address = 0;
	return failed;
}

static bool briefly(struct vcpu_exit exit)
{
	page.exit = exit;
	page.request = 0;
	page.inject.valid = 0;
	return settle_briefly(vcpu);
}

static void assert_settled(u32 length)
{
	assert_int_equal(page.exit.reason, EXIT_NONE);
	assert_int_equal(page.request & REQUEST_ADVANCE, REQUEST_ADVANCE);
	assert_int_equal(page.advance_length, length);
}

static bool port(u8 size, u8 flags)
{
	return briefly((struct vcpu_exit){.reason = EXIT_IO,
					  .instruction_length = 2,
					  .io_port = 0x123,
					  .io_size = size,
					  .io_flags = flags});
}

static bool msr(enum exit_reason reason, u32 index, u64 value)
{
	page.gpr[GPR_RCX] = index;
	page.gpr[GPR_RAX] = (u32)value;
	page.gpr[GPR_RDX] = value >> 32;
	return briefly((struct vcpu_exit){.reason = reason, .instruction_length = 2});
}

static void test_port(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 0x1111222233334444ull;
	device_value = 0xaabbccd0;
	assert_true(port(1, IO_IN));
	assert_settled(2);
	assert_true(page.gpr[GPR_RAX] == 0x11112222333344d1ull);
	assert_true(port(2, IO_IN));
	assert_true(page.gpr[GPR_RAX] == 0x111122223333ccd2ull);
	assert_true(port(2, 0));
	assert_true(device_value == 0xccd2);
	assert_true(port(4, IO_IN));
	assert_true(page.gpr[GPR_RAX] == 0xccd6);

	/* the signal for port output is left to the next exit */
	machine.signal = true;
	signals = 0;
	assert_true(port(1, 0));
	assert_int_equal(signals, 0);
	page.gpr[GPR_RCX] = MSR_APIC_BASE;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_RDMSR, .instruction_length = 2}));
	assert_int_equal(signals, 1);

	/* the access is handled, but there is more to do */
	page.gpr[GPR_RAX] = 0xff;
	assert_false(port(1, 0));
	assert_settled(2);
}

/* A guest that has printed no whole line and then does nothing but poll is heard all the same. */
static void test_port_polled(void **state)
{
	(void)state;
	signals = 0;
	for (u32 i = 0; i < 3; i++) {
		console_put(&machine, 'x');
		for (u32 j = 1; j < CONSOLE_PATIENCE; j++)
			assert_true(port(4, IO_IN));
		assert_int_equal(signals, 0);
	}
	assert_true(port(4, IO_IN));
	assert_int_equal(signals, 1);
	assert_true(port(4, IO_IN));
	assert_int_equal(signals, 1);
}

static void test_port_not(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 3;
	assert_false(port(1, IO_STRING));
	page.event.valid = 1;
	assert_false(port(1, 0));
	page.event.valid = 0;
	port_device = NULL;
	assert_false(port(1, 0));
	assert_int_equal(page.exit.reason, EXIT_IO);
	assert_int_equal(page.request, 0);
	assert_int_equal(device_value, 0);
}

/* An interrupt that the access causes is injected by the next entry; other vCPUs are kicked. */
static void test_interrupts(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x31;
	machine.vcpu[1].place = VCPU_IN_GUEST;
	machine.platform.irqchip.kick = 3;
	assert_true(port(1, 0));
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.vector, 0x31);
	assert_int_equal(kicks_sent[1], 1);
	assert_int_equal(machine.platform.irqchip.kick, 0);

	/* while an interrupt waits for a window, each exit checks again */
	irq_pending[0] = PENDING_INTERRUPT;
	page.rflags &= ~RFLAGS_IF;
	vcpu->quiet = false;
	assert_true(port(1, 0));
	assert_int_equal(page.request, REQUEST_ADVANCE | REQUEST_INTERRUPT_WINDOW);
	assert_false(vcpu->quiet);

	irq_pending[0] = PENDING_WAIT; /* this needs more than the short path can do */
	assert_false(port(1, 0));
	assert_int_equal(page.exit.reason, EXIT_NONE);
}

static void test_pv_eoi(void **state)
{
	(void)state;
	vcpu->pv_eoi.msr = 0x1001;
	vcpu->pv_eoi.pending = true; /* the offer is pending, and the guest has cleared its byte */
	assert_true(port(1, 0));
	assert_int_equal(eois, 1);
	assert_false(vcpu->pv_eoi.pending);
}

#define MEMORY(code, access, gpa) memory(code, sizeof(code) - 1, access, gpa)

static bool memory(const char *code, size_t count, u32 access, u64 gpa)
{
	memset(page.code, 0x90, sizeof(page.code));
	memcpy(page.code, code, count);
	page.code_bytes = sizeof(page.code);
	page.valid = VCPU_RIP | VCPU_CODE;
	return briefly((struct vcpu_exit){.reason = EXIT_MEMORY, .gpa = gpa, .access = access});
}

static void test_loads(void **state)
{
	(void)state;
	device_value = 0x8182838485868788ull - 4;
	page.gpr[GPR_RBX] = 0xffffffffff5fb000ull;
	page.gpr[GPR_RAX] = NOTHING;
	assert_true(MEMORY("\x8b\x43\x10", ACCESS_READ, IOAPIC + 0x10)); /* mov 16(%rbx), %eax */
	assert_settled(3);
	assert_true(device_address == IOAPIC + 0x10);
	assert_int_equal(device_region, PORT_REGION);
	assert_true(page.gpr[GPR_RAX] == 0x85868788);
	assert_int_equal(page.want[EXIT_MEMORY], VCPU_CODE);

	device_value = 0x8182838485868788ull - 1;
	page.gpr[GPR_RAX] = NOTHING;
	assert_true(MEMORY("\x8a\x03", ACCESS_READ, IOAPIC)); /* mov (%rbx), %al */
	assert_true(page.gpr[GPR_RAX] == 0x5555555555555588ull);
	assert_true(MEMORY("\x0f\xb6\x03", ACCESS_READ, IOAPIC)); /* movzbl (%rbx), %eax */
	assert_true(page.gpr[GPR_RAX] == 0x88);
	assert_true(MEMORY("\x48\x0f\xbe\x03", ACCESS_READ, IOAPIC)); /* movsbq */
	assert_true(page.gpr[GPR_RAX] == 0xffffffffffffff88ull);
	device_value = 0x8182838485868788ull - 2;
	assert_true(MEMORY("\x0f\xbf\x03", ACCESS_READ, IOAPIC)); /* movswl */
	assert_true(page.gpr[GPR_RAX] == 0xffff8788);
	page.gpr[GPR_RAX] = NOTHING;
	assert_true(MEMORY("\x66\x8b\x03", ACCESS_READ, IOAPIC)); /* mov (%rbx), %ax */
	assert_true(page.gpr[GPR_RAX] == 0x5555555555558788ull);
	assert_int_equal(page.advance_length, 3);
	/* movabs 0xfec00010, %eax */
	assert_true(MEMORY("\xa1\x10\x00\xc0\xfe\x00\x00\x00\x00", ACCESS_READ, IOAPIC + 0x10));
	assert_settled(9);
	assert_true(page.gpr[GPR_RAX] == 0x8586878a);
	ops.widest = 8;
	device_value = 0x8182838485868788ull - 8;
	assert_true(MEMORY("\x4c\x8b\x03", ACCESS_READ, IOAPIC)); /* mov (%rbx), %r8 */
	assert_true(page.gpr[GPR_R8] == 0x8182838485868788ull);
}

static void test_stores(void **state)
{
	(void)state;
	page.rip = 0x1000;
	page.gpr[GPR_RCX] = 0x1122334455667788ull;
	page.gpr[GPR_RSI] = 0x40;
	/* mov %ecx, -16(,%rsi,4) */
	assert_true(MEMORY("\x89\x0c\xb5\xf0\xff\xff\xff", ACCESS_WRITE, IOAPIC + 0xf0));
	assert_settled(7);
	assert_true(device_value == 0x55667788);
	/* movl $0xfffffffe, 0xf5(%rip) */
	assert_true(
		MEMORY("\xc7\x05\xf6\x00\x00\x00\xfe\xff\xff\xff", ACCESS_WRITE, IOAPIC + 0x100));
	assert_settled(10);
	assert_true(device_value == 0xfffffffe);
	/* movabs %al, 0xfec00020 */
	assert_true(MEMORY("\xa2\x20\x00\xc0\xfe\x00\x00\x00\x00", ACCESS_WRITE, IOAPIC + 0x20));
	assert_true(device_value == (u8)page.gpr[GPR_RAX]);
	page.gpr[GPR_RSP] = 0x2000;
	assert_true(MEMORY("\x88\x0c\x24", ACCESS_WRITE, IOAPIC)); /* mov %cl, (%rsp) */
	assert_true(device_value == 0x88);
}

/* Other bytes at the same address are decoded anew. */
static void test_code_changes(void **state)
{
	(void)state;
	page.gpr[GPR_RCX] = 7;
	assert_true(MEMORY("\x88\x0b", ACCESS_WRITE, IOAPIC));
	assert_int_equal(device_value, 7);
	assert_true(MEMORY("\x88\x03", ACCESS_WRITE, IOAPIC)); /* %al */
	assert_int_equal(device_value, 0);
	assert_false(MEMORY("\x00\x0b", ACCESS_WRITE, IOAPIC)); /* add */
	assert_int_equal(page.want[EXIT_MEMORY], EXIT_MEMORY_GROUPS);
	assert_true(MEMORY("\x88\x0b", ACCESS_WRITE, IOAPIC));
}

static void test_memory_not(void **state)
{
	(void)state;
	device_value = 9;
	assert_false(MEMORY("\x88\x23", ACCESS_WRITE, IOAPIC));		/* mov %ah */
	assert_false(MEMORY("\x64\x88\x0b", ACCESS_WRITE, IOAPIC));	/* %fs */
	assert_false(MEMORY("\x67\x88\x0b", ACCESS_WRITE, IOAPIC));	/* 32-bit address */
	assert_false(MEMORY("\xf0\x88\x0b", ACCESS_WRITE, IOAPIC));	/* #UD */
	assert_false(MEMORY("\xc6\x4b\x00\x01", ACCESS_WRITE, IOAPIC)); /* c6 /1 */
	assert_false(MEMORY("\xaa", ACCESS_WRITE, IOAPIC));
	assert_false(MEMORY("\x0f\xc7\x0b", ACCESS_WRITE, IOAPIC));
	assert_false(MEMORY("\x8a\x0b", ACCESS_WRITE, IOAPIC)); /* the CPU did a write */
	assert_false(MEMORY("\x88\x0b", ACCESS_READ, IOAPIC));
	assert_false(MEMORY("\x88\x0b", ACCESS_WRITE | ACCESS_TABLE_WALK, IOAPIC));
	assert_false(MEMORY("\x88\x0b", ACCESS_WRITE, IOAPIC + 1));
	/* the second half of an operand that crosses a page */
	page.gpr[GPR_RBX] = 0xffe;
	assert_false(MEMORY("\x89\x0b", ACCESS_WRITE, IOAPIC + 0xffe));
	page.gpr[GPR_RBX] = 0;
	page.code_bytes = 0;
	page.valid = VCPU_RIP;
	assert_false(briefly(
		(struct vcpu_exit){.reason = EXIT_MEMORY, .gpa = IOAPIC, .access = ACCESS_WRITE}));
	assert_int_equal(page.exit.reason, EXIT_MEMORY);
	assert_int_equal(page.request, 0);
	assert_int_equal(device_value, 9);
}

static void test_lapic_memory(void **state)
{
	const u64 at = LAPIC_DEFAULT_ADDRESS;

	(void)state;
	page.gpr[GPR_RBX] = LAPIC_EOI;
	page.gpr[GPR_RCX] = 0x77;
	assert_true(MEMORY("\x89\x0b", ACCESS_WRITE, at + LAPIC_EOI));
	assert_int_equal(lapic_written, LAPIC_EOI);
	assert_int_equal(lapic_written_value, 0x77);
	assert_true(vcpu->quiet); /* the APIC was checked again: nothing is pending */
	page.gpr[GPR_RBX] = LAPIC_ICR;
	assert_true(MEMORY("\x8b\x0b", ACCESS_READ, at + LAPIC_ICR));
	assert_int_equal(page.gpr[GPR_RCX], 0xabc00000 | LAPIC_ICR);

	lapic_written = 0;
	assert_false(MEMORY("\x88\x0b", ACCESS_WRITE, at + LAPIC_ICR)); /* a byte access */
	page.gpr[GPR_RBX] = LAPIC_ICR + 4;
	assert_false(MEMORY("\x89\x0b", ACCESS_WRITE, at + LAPIC_ICR + 4));
	assert_int_equal(lapic_written, 0);
}

/* The TSC runs at 1 GHz; the guest's time began at TSC 1000. */
static void test_lapic_timer(void **state)
{
	const u64 at = LAPIC_DEFAULT_ADDRESS;
	const struct machine_clock *clock = &machine.platform.clock;

	(void)state;
	machine.time.base_tsc = 1000;
	host_tsc = 5000;
	page.gpr[GPR_RBX] = LAPIC_TIMER_CURRENT;
	assert_true(MEMORY("\x8b\x0b", ACCESS_READ, at + LAPIC_TIMER_CURRENT));
	assert_true(clock->now_ns == 4000);
	page.apic_gpa = at;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_APIC_ACCESS,
					       .qualification = LAPIC_TIMER_CURRENT}));
	assert_int_equal(page.want[EXIT_APIC_ACCESS], VCPU_CODE);
	page.code[0] = 0xf4; /* an instruction that the short path does not know */
	assert_false(briefly((struct vcpu_exit){.reason = EXIT_APIC_ACCESS,
						.qualification = LAPIC_TIMER_CURRENT}));
	assert_int_equal(page.want[EXIT_APIC_ACCESS], EXIT_MEMORY_GROUPS);

	host_tsc = 6000;
	device_deadline = 7000;
	page.gpr[GPR_RBX] = LAPIC_TIMER_INITIAL;
	assert_true(MEMORY("\x89\x0b", ACCESS_WRITE, at + LAPIC_TIMER_INITIAL));
	assert_int_equal(lapic_written, LAPIC_TIMER_INITIAL);
	assert_true(clock->now_ns == 5000);
	assert_true(vcpu->deadline_ns == 7000);
	assert_true(page.deadline_tsc == 8001);

	host_tsc = 7000;
	device_deadline = 9000;
	assert_true(msr(EXIT_WRMSR, MSR_X2APIC_BASE + (LAPIC_TIMER_INITIAL >> 4), 5));
	assert_true(clock->now_ns == 6000);
	assert_true(page.deadline_tsc == 10001);
	assert_true(msr(EXIT_RDMSR, MSR_X2APIC_BASE + (LAPIC_TIMER_CURRENT >> 4), 0));

	device_deadline = 9500;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_APIC_WRITE,
					       .qualification = LAPIC_TIMER_DIVIDE}));
	assert_true(page.deadline_tsc == 10501);
}

/* Sending an interrupt to others does not recall the sender's APIC page from the CPU. */
static void test_icr(void **state)
{
	struct lapic *lapic = machine_lapic(vcpu);

	(void)state;
	lapic->by_cpu = lapic->lent = true;
	recalls = 0;
	assert_true(msr(EXIT_WRMSR, MSR_X2APIC_BASE + (LAPIC_ICR >> 4), 5));
	assert_settled(2);
	assert_int_equal(recalls, 0);
	assert_true(msr(EXIT_WRMSR, MSR_X2APIC_BASE + (LAPIC_SVR >> 4), 5));
	assert_true(recalls > 0);
	assert_true(lapic->lent); /* the page is lent again */
	lapic->by_cpu = lapic->lent = false;
}

static void test_msrs(void **state)
{
	(void)state;
	assert_true(msr(EXIT_WRMSR, MSR_X2APIC_BASE + (LAPIC_TPR >> 4), 0x50));
	assert_settled(2);
	assert_int_equal(lapic_get_cr8(machine_lapic(vcpu)), 5);
	/* the write raises #GP */
	assert_false(msr(EXIT_WRMSR, MSR_X2APIC_BASE + (LAPIC_TPR >> 4), 0));
	assert_int_equal(page.exit.reason, EXIT_WRMSR);
	lapic_set_cr8(machine_lapic(vcpu), 5);
	assert_false(msr(EXIT_WRMSR, MSR_APIC_BASE, 5));
	assert_false(msr(EXIT_WRMSR, MSR_X2APIC_BASE + 0x100, 5));
	assert_true(msr(EXIT_RDMSR, MSR_APIC_BASE, 0));
	assert_int_equal(page.gpr[GPR_RAX], 0x55667788);
	assert_int_equal(page.gpr[GPR_RDX], 0x11223344);
	assert_false(msr(EXIT_RDMSR, 0xc0000080, 0));
	page.exit.instruction_length = 0;
	page.exit.reason = EXIT_RDMSR;
	page.gpr[GPR_RCX] = MSR_APIC_BASE;
	assert_false(settle_briefly(vcpu));
}

/* The TSC runs at 1 GHz; the guest's is 1000 behind the host's. */
static void test_tsc_deadline(void **state)
{
	(void)state;
	page.tsc_offset = -1000ull;
	machine.time.base_tsc = 1000;
	host_tsc = 5000;
	assert_true(msr(EXIT_WRMSR, MSR_TSC_DEADLINE, 4001));
	assert_settled(2);
	assert_true(lapic_rearmed == 4001);
	assert_true(page.deadline_tsc == 5001);
	assert_true(vcpu->deadline_ns == 4001);

	lapic_rearmed = 0;
	assert_false(msr(EXIT_WRMSR, MSR_TSC_DEADLINE, 4000)); /* the deadline is due */
	assert_false(msr(EXIT_WRMSR, MSR_TSC_DEADLINE, 0));    /* the deadline is disarmed */
	assert_true(lapic_rearmed == 0);
	lapic_rearms = false;
	assert_false(msr(EXIT_WRMSR, MSR_TSC_DEADLINE, 9000));
	lapic_rearms = true;
	machine.platform.timed[machine.platform.timed_count++] = &device;
	device.deadline_ns = 1; /* a device's deadline may be earlier */
	assert_false(msr(EXIT_WRMSR, MSR_TSC_DEADLINE, 9000));
	assert_true(page.deadline_tsc == 5001);
	device.deadline_ns = DEADLINE_NONE;
	assert_true(msr(EXIT_WRMSR, MSR_TSC_DEADLINE, 9000));
	assert_true(page.deadline_tsc == 10000);
}

static void test_deadline_comes(void **state)
{
	struct lapic *lapic = machine_lapic(vcpu);

	(void)state;
	page.tsc_offset = -1000ull;
	page.deadline_tsc = 9000;
	lapic_rearmed = 8000;
	machine.time.base_tsc = 1000;
	device_deadline = 8000;
	host_tsc = 8999; /* too early: the deadline is set again */
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_DEADLINE}));
	assert_true(page.deadline_tsc == 9001);
	assert_int_equal(channel.timer_expirations, 0);
	host_tsc = 9000;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_DEADLINE}));
	assert_int_equal(page.request, 0);
	assert_true(page.deadline_tsc == 0);
	assert_true(vcpu->deadline_ns == DEADLINE_NONE);
	assert_int_equal(channel.timer_expirations, 1);
	/* with the LVT masked there is no interrupt, and the CPU gets the page back */
	lapic->by_cpu = lapic->lent = true;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_DEADLINE}));
	assert_int_equal(channel.timer_expirations, 2);
	assert_true(lapic->lent);
	lapic->by_cpu = lapic->lent = false;
	/* a device's deadline, which this fixture leaves due */
	machine.platform.timed[machine.platform.timed_count++] = &device;
	device.deadline_ns = device_deadline = 7999;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_DEADLINE}));
	assert_int_equal(channel.timer_expirations, 3);
	assert_true(page.deadline_tsc == 9000);
}

static void test_window(void **state)
{
	(void)state;
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x41;
	assert_true(briefly((struct vcpu_exit){.reason = EXIT_INTERRUPT_WINDOW}));
	assert_true(page.inject.valid);
	assert_int_equal(page.inject.vector, 0x41);
	assert_int_equal(page.request, 0);
}

static void test_others_not(void **state)
{
	(void)state;
	assert_false(briefly((struct vcpu_exit){.reason = EXIT_KICK}));
	assert_false(briefly((struct vcpu_exit){.reason = EXIT_HLT}));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, fixture_free)
	const struct CMUnitTest tests[] = {
		TEST(test_port),	 TEST(test_port_polled),    TEST(test_port_not),
		TEST(test_interrupts),	 TEST(test_pv_eoi),	    TEST(test_loads),
		TEST(test_stores),	 TEST(test_code_changes),   TEST(test_memory_not),
		TEST(test_lapic_memory), TEST(test_msrs),	    TEST(test_tsc_deadline),
		TEST(test_others_not),	 TEST(test_deadline_comes), TEST(test_window),
		TEST(test_icr),		 TEST(test_lapic_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
