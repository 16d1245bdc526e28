/* SPDX-License-Identifier: MIT */
/*
 * The monitor's core: exits of every reason with any values, over any registers, with events and
 * interrupts pending. The guest may crash; its monitor does not, and what it asks of the kernel is
 * something that the kernel takes.
 */
/*
 * Counted elsewhere: vmm/monitor/guest_memory.c vmm/monitor/load/ vmm/monitor/task/
 * vmm/monitor/walk.c vmm/monitor/x86/ vmm/rt/
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/monitor_fixture.h"

/* Where MSRs that a guest has lie. */
static u32 choose_msr(struct fuzz *fuzz)
{
	static const u32 first[] = {0x10, 0x3a, 0x8b, 0xc1, 0xfe, 0x174, 0x1a0, 0x1d9, 0x200, 0x250,
				    0x268, 0x277, 0x2ff, 0x6e0, 0x800, 0x4b564d00, 0xc0000080,
				    0xc0000100, 0xc0010000, 0xc0010010, 0xc0010055, 0xc0010114,
				    0xc0010117, 0xc0011029};
	u8 which = fuzz_u8(fuzz);

	return first[which % ARRAY_COUNT(first)] + (fuzz_u8(fuzz) & 15);
}

static void take_registers(struct fuzz *fuzz)
{
	u16 set = fuzz_u16(fuzz);
	u64 *control[] = {&page.cr0, &page.cr2, &page.cr3, &page.cr4, &page.efer, &page.rflags,
			  &page.rip, &page.xcr0};

	for (u32 i = 0; i < ARRAY_COUNT(control); i++)
		if (set >> i & 1)
			*control[i] = fuzz_number(fuzz);
	if (set & 0x100)
		for (u32 i = 0; i < GPR_COUNT; i++)
			page.gpr[i] = fuzz_number(fuzz);
	if (set & 0x200)
		page.gpr[GPR_RCX] = fuzz_u32(fuzz);
	if (set & 0x4000) { /* a hypercall's number */
		page.gpr[GPR_RAX] = fuzz_u8(fuzz) & 15;
		page.gpr[GPR_RBX] = fuzz_number(fuzz);
	}
	if (set & 0x8000)
		page.gpr[GPR_RCX] = choose_msr(fuzz);
	if (set & 0x400) {
		struct vcpu_segment_state *segment = &page.segment[fuzz_u8(fuzz) % SEG_COUNT];

		segment->base = fuzz_number(fuzz);
		segment->limit = (u32)fuzz_number(fuzz);
		segment->access = fuzz_u32(fuzz) & 0x1f0ff;
		segment->selector = fuzz_u16(fuzz);
	}
	if (set & 0x800) {
		page.gdtr.base = fuzz_u32(fuzz) % RAM_BYTES;
		page.gdtr.limit = fuzz_u16(fuzz);
	}
	if (set & 0x1000)
		page.dr[fuzz_u8(fuzz) & 7] = fuzz_number(fuzz);
	if (set & 0x2000) /* a piece of memory: tables, segments, clocks */
		fuzz_take(fuzz, ram + fuzz_u32(fuzz) % (RAM_BYTES - 256), fuzz_u8(fuzz));
}

static void take_exit(struct fuzz *fuzz)
{
	struct vcpu_exit *exit = &page.exit;
	u8 set = fuzz_u8(fuzz);

	*exit = (struct vcpu_exit){.reason = fuzz_u8(fuzz) % EXIT_REASON_COUNT};
	if (exit->reason == EXIT_NONE || exit->reason == EXIT_HOST_INTERRUPT)
		exit->reason = EXIT_IO;
	exit->instruction_length = set & 1 ? fuzz_u8(fuzz) & 15 : 2;
	exit->io_size = (u8)(1u << (set >> 1 & 3));
	if (exit->io_size == 8)
		exit->io_size = 1;
	exit->io_flags = set >> 3 & 7;
	exit->io_port = fuzz_u16(fuzz);
	exit->gpa = fuzz_number(fuzz);
	exit->access = fuzz_u8(fuzz) & 15;
	exit->vector = fuzz_u8(fuzz);
	exit->error_code = (u32)fuzz_number(fuzz);
	exit->qualification = fuzz_number(fuzz);
	exit->qualification2 = fuzz_number(fuzz);
	exit->vendor_code = fuzz_number(fuzz);
	decode_answer.rm = exit->vector & 15;
	decode_answer.reg = exit->vector >> 4;
	decode_answer.opcode = fuzz_u8(fuzz);
	decode_answer.map = X86_MAP_0F;
	decode_answer.length = 3;
	decode_answer.has_modrm = true;
	decode_answer.mod = 3;
}

static void take_surroundings(struct fuzz *fuzz)
{
	u8 set = fuzz_u8(fuzz);

	irq_pending[0] = fuzz_u8(fuzz) & 31;
	irq_vector = fuzz_u8(fuzz);
	emulate_answer = set & 3;
	emulate_event = (struct vcpu_event){.valid = set >> 2 & 1, .type = EVENT_EXCEPTION,
					    .vector = set >> 3};
	host_tsc += fuzz_number(fuzz) % (1ull << 42);
	page.event = (struct vcpu_event){0};
	if (fuzz_u8(fuzz) & 1) {
		page.event.valid = 1;
		page.event.type = (u8[]){EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION,
					 EVENT_SOFTWARE_INTERRUPT}[set >> 6];
		page.event.vector = fuzz_u8(fuzz);
		page.event.has_error_code = set & 1;
	}
	if (fuzz_u8(fuzz) & 1) {
		channel.command = fuzz_u8(fuzz) & 15;
		channel.command_sequence++;
	}
	page.valid = fuzz_u16(fuzz) & VCPU_ALL;
	page.code_bytes = 0;
	if (set & 0x40) { /* as much as the kernel brings along */
		page.valid |= VCPU_CODE;
		page.code_bytes = sizeof(page.code);
		fuzz_take(fuzz, page.code, sizeof(page.code));
	}
}

static void check(void)
{
	CHECK_THAT(machine.state < VM_STATE_COUNT);
	CHECK_THAT(page.inject.valid <= 1);
	CHECK_THAT(strnlen(channel.reason, sizeof(channel.reason)) < sizeof(channel.reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	u64 deadline_tsc;

	fixture_make_many(1);
	while (fuzz.left > 0) {
		take_registers(&fuzz);
		take_exit(&fuzz);
		take_surroundings(&fuzz);
		if (setjmp(process_end) != 0)
			break;
		if (settle_briefly(vcpu))
			continue;
		(void)pass(vcpu, &deadline_tsc);
		check();
		page.dirty = 0;
		page.request = 0;
		page.inject.valid = 0;
		if (machine.state == VM_CRASHED || machine.state == VM_STOPPED)
			break;
	}
	fixture_free(NULL);
	return 0;
}
