/* SPDX-License-Identifier: MIT */
/*
 * The whole monitor: up to four vCPUs with any exits, registers, instructions and memory, while
 * time passes and the manager sends commands, queries, debugger requests and input. The guest may
 * crash; its monitor does not, and makes only system calls that the kernel accepts.
 */
/*
 * Counted elsewhere: vmm/monitor/load/ vmm/monitor/task/ vmm/monitor/emulate/
 * vmm/monitor/memory/walk.c vmm/monitor/dev/ vmm/monitor/irqchip/ vmm/monitor/x86/
 * vmm/monitor/x86/xsave.c vmm/rt/
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/monitor_kernel.h"
#include "tests/fuzz/no_save.h"

void memory_give_back(handle_t memory, u64 at, u64 bytes)
{
	(void)memory, (void)at, (void)bytes; /* nothing to do: all pieces end with the machine */
}

enum status sys_memory_discard(handle_t memory, u64 first, u64 count)
{
	(void)memory, (void)first, (void)count;
	return STATUS_BAD_STATE;
}

/* No machine here has a window, by which a guest could ask for it. */
enum status sys_memory_reset(handle_t memory)
{
	(void)memory;
	return STATUS_BAD_STATE;
}

#define CODE_AT	  0x200000u /* the address at which instructions are put */
#define MAP_AT	  0x300000u /* tables for 64-bit code: a page for each level, 2-MiB leaves */
#define STEPS_MAX 2000u

/* A Multiboot 1 image of HLT, so that there is something to start. */
static const u8 kernel_file[] = {
	0x02, 0xb0, 0xad, 0x1b, 0x00, 0x00, 0x01, 0x00, 0xfe, 0x4f, 0x51, 0xe4,
	0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x10, 0x00, 0xf4, 0xeb, 0xfd,
};

/* Instructions with an operand at [RBX], or where ES:RDI and DS:RSI say, that is `size` bytes. */
static const struct form {
	u8 bytes[8];
	u8 length;
	u8 size;
	u8 access;
} forms[] = {
	{{0x8b, 0x03}, 2, 4, ACCESS_READ},
	{{0x89, 0x03}, 2, 4, ACCESS_WRITE},
	{{0x8a, 0x03}, 2, 1, ACCESS_READ},
	{{0x88, 0x03}, 2, 1, ACCESS_WRITE},
	{{0x66, 0x8b, 0x03}, 3, 2, ACCESS_READ},
	{{0x66, 0x89, 0x03}, 3, 2, ACCESS_WRITE},
	{{0xc7, 0x03, 0xb0, 0, 0, 0}, 6, 4, ACCESS_WRITE},
	{{0x0f, 0xb6, 0x03}, 3, 1, ACCESS_READ},
	{{0x8b, 0x43, 0x10}, 3, 4, ACCESS_READ},
	{{0x83, 0x0b, 0x01}, 3, 4, ACCESS_WRITE},
	{{0x87, 0x03}, 2, 4, ACCESS_WRITE},
	{{0xa5}, 1, 4, ACCESS_READ},
	{{0xf3, 0xab}, 2, 4, ACCESS_WRITE},
	{{0x48, 0x89, 0x03}, 3, 8, ACCESS_WRITE},
	{{0x0f, 0x29, 0x03}, 3, 16, ACCESS_WRITE},
	{{0x0f, 0x22, 0xc0}, 3, 0, 0},
	{{0x44, 0x0f, 0x22, 0xc0}, 4, 0, 0},
};

static u64 choose(struct fuzz *fuzz, const u64 *first, u32 count, u64 mask)
{
	u8 which = fuzz_u8(fuzz);

	return first[which % count] + (fuzz_u8(fuzz) & mask);
}

/* Mostly an MSR from the ranges that a guest has. */
static u32 choose_msr(struct fuzz *fuzz)
{
	static const u64 first[] = {
		0x10,	    0x1b,	0x3a,	    0x8b,	0xc1,	    0xfe,	0x174,
		0x1a0,	    0x1d9,	0x200,	    0x250,	0x268,	    0x277,	0x2ff,
		0x6e0,	    0x800,	0x810,	    0x820,	0x830,	    0x4b564d00, 0x4b564d00,
		0x4b564d00, 0x4b564d00, 0xc0000080, 0xc0000100, 0xc0010000, 0xc0010010, 0xc0010055,
		0xc0010114, 0xc0010117, 0xc0011029};

	return (u32)choose(fuzz, first, ARRAY_COUNT(first), 15);
}

static u16 choose_port(struct fuzz *fuzz)
{
	static const u64 first[] = {0x20,  0x40,  0x60,	  0x70,	  0x80,	  0x90,	  0xa0,	 0xe0,
				    0x3c0, 0x3d0, 0x3f8,  0x2f8,  0x4d0,  0x500,  0x510, 0x600,
				    0x608, 0xcf8, 0x2000, 0x2010, 0x2100, 0xb000, 0x402};

	return (u16)choose(fuzz, first, ARRAY_COUNT(first), 7);
}

static u64 choose_device_address(struct fuzz *fuzz)
{
	static const u64 first[] = {0xfec00000,	 0xfec00000, 0xfee00000, TEST_MEMORY,
				    TEST_WINDOW, 0xfed00000, 0xa0000,	 RAM_BYTES};
	u8 shape = fuzz_u8(fuzz);

	if (shape == 255)
		return fuzz_number(fuzz);
	return first[shape % ARRAY_COUNT(first)] + ((u64)fuzz_u8(fuzz) << 4 & 0xfff);
}

/* Flat code in one of three modes, so that the instructions put in memory are found. */
static void make_flat(struct vcpu_page *page, u8 mode)
{
	u64 *map = (u64 *)(void *)(ram + MAP_AT);
	bool wide = mode == 2;

	page->cr0 = mode == 0 ? 0 : wide ? CR0_PE | CR0_PG : CR0_PE;
	page->cr4 = wide ? CR4_PAE : 0;
	page->efer = wide ? EFER_LME | EFER_LMA : 0;
	for (u32 i = 0; i < SEG_LDTR; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.limit = ~0u, .access = mode == 0 ? 0x93 : 0xc093, .selector = 8};
	page->segment[SEG_CS].access = mode == 0 ? 0x9b : wide ? 0xa09b : 0xc09b;
	page->rip = CODE_AT + (page->rip & 0xff0);
	if (mode == 0) {
		page->segment[SEG_CS].base = CODE_AT;
		page->rip &= 0xff0;
	}
	if (!wide)
		return;
	page->cr3 = MAP_AT;
	map[0] = MAP_AT + PAGE_SIZE + 7;
	for (u32 i = 0; i < 4; i++) {
		map[512 + i] = MAP_AT + (2 + i) * PAGE_SIZE + 7;
		for (u32 k = 0; k < 512; k++)
			map[512 * (2 + i) + k] = ((u64)i << 30 | (u64)k << 21) | 0x87;
	}
}

static void put_code(struct vcpu_page *page, const u8 *bytes, u32 count)
{
	u64 at = page->segment[SEG_CS].base + page->rip;

	if (at < RAM_BYTES - 16)
		memcpy(ram + at, bytes, count);
	memset(page->code, 0, sizeof(page->code));
	memcpy(page->code, bytes, count);
	page->code_bytes = sizeof(page->code);
}

static void change_registers(struct fuzz *fuzz, struct vcpu_page *page)
{
	u64 *control[] = {&page->cr0,  &page->cr2,    &page->cr3, &page->cr4,
			  &page->efer, &page->rflags, &page->rip};
	u16 set = fuzz_u16(fuzz);

	for (u32 i = 0; i < ARRAY_COUNT(control); i++)
		if (set >> i & 1)
			*control[i] = fuzz_number(fuzz);
	if (set & 0x80)
		page->xcr0 = (u64[]){1, 3, 7, 0xe7}[fuzz_u8(fuzz) & 3];
	if (set & 0x100)
		page->gpr[fuzz_u8(fuzz) % GPR_COUNT] = fuzz_number(fuzz);
	if (set & 0x200)
		page->shadow = fuzz_u8(fuzz) & 7;
	if (set & 0x400) {
		struct vcpu_segment_state *segment = &page->segment[fuzz_u8(fuzz) % SEG_COUNT];

		segment->base = fuzz_number(fuzz);
		segment->limit = (u32)fuzz_number(fuzz);
		segment->access = fuzz_u32(fuzz) & 0x1f0ff;
		segment->selector = fuzz_u16(fuzz);
	}
	if (set & 0x800) {
		page->gdtr.base = fuzz_u32(fuzz) % RAM_BYTES;
		page->gdtr.limit = fuzz_u16(fuzz);
	}
	if (set & 0x1000)
		page->dr[fuzz_u8(fuzz) & 7] = fuzz_number(fuzz);
	if (set & 0x2000) /* a piece of memory: tables, segments, clocks */
		fuzz_take(fuzz, ram + fuzz_u32(fuzz) % (RAM_BYTES - 256), fuzz_u8(fuzz));
	if (set & 0x4000)
		make_flat(page, fuzz_u8(fuzz) % 3);
	if (set & 0x8000)
		page->rflags ^= RFLAGS_IF;
}

/* An instruction that reaches a device's memory. */
static void exit_memory(struct fuzz *fuzz, struct vcpu_page *page)
{
	const struct form *form = &forms[fuzz_u8(fuzz) % ARRAY_COUNT(forms)];
	u64 gpa = choose_device_address(fuzz);

	make_flat(page, form->length > 2 && (form->bytes[0] & 0xf0) == 0x40
				? 2
				: 1 + (fuzz_u8(fuzz) & 1));
	page->gpr[GPR_RBX] = page->gpr[GPR_RSI] = page->gpr[GPR_RDI] = gpa;
	page->gpr[GPR_RCX] = fuzz_u8(fuzz);
	page->gpr[GPR_RAX] = fuzz_number(fuzz);
	put_code(page, form->bytes, form->length);
	page->exit.reason = EXIT_MEMORY;
	page->exit.gpa = gpa + (form->bytes[1] == 0x43 ? 0x10 : 0);
	page->exit.access = form->access;
}

static void exit_io(struct fuzz *fuzz, struct vcpu_page *page)
{
	static const u8 strings[] = {0x6c, 0x6d, 0x6e, 0x6f};
	u8 shape = fuzz_u8(fuzz);

	page->exit.reason = EXIT_IO;
	page->exit.io_size = (u8[]){1, 1, 2, 4}[shape & 3];
	page->exit.io_flags = shape >> 2 & 1; /* IO_IN or not */
	page->exit.io_port = shape & 8 ? choose_port(fuzz) : (u16)(choose_port(fuzz) & 0xfff8);
	page->exit.instruction_length = shape & 0x10 ? 0 : 2;
	page->gpr[GPR_RAX] = fuzz_number(fuzz);
	page->gpr[GPR_RDX] = page->exit.io_port;
	if ((shape & 0xe0) == 0xe0) {
		u8 code[] = {0xf3, strings[fuzz_u8(fuzz) & 3]};

		page->exit.io_flags |= IO_STRING | IO_REP;
		page->gpr[GPR_RCX] = fuzz_number(fuzz);
		page->gpr[GPR_RSI] = page->gpr[GPR_RDI] =
			shape & 1 ? choose_device_address(fuzz) : fuzz_u32(fuzz) % RAM_BYTES;
		put_code(page, code, sizeof(code));
	}
}

static void exit_msr(struct fuzz *fuzz, struct vcpu_page *page)
{
	u8 shape = fuzz_u8(fuzz);
	u64 value;

	switch (shape >> 5 & 3) {
	case 0: /* a TSC deadline */
		value = host_tsc + fuzz_u32(fuzz);
		break;
	case 1: /* the address of a paravirtual record */
		value = (fuzz_u32(fuzz) % RAM_BYTES & ~63ull) | 1;
		break;
	case 2: /* an interrupt to another CPU */
		value = (u64)(fuzz_u8(fuzz) & 7) << 32 | fuzz_u16(fuzz);
		break;
	default:
		value = fuzz_number(fuzz);
		break;
	}
	page->exit.reason = shape & 1 ? EXIT_WRMSR : EXIT_RDMSR;
	page->exit.instruction_length = shape & 4 ? 0 : 2;
	page->gpr[GPR_RCX] = shape & 8 ? fuzz_u32(fuzz) : choose_msr(fuzz);
	page->gpr[GPR_RAX] = (u32)value;
	page->gpr[GPR_RDX] = value >> 32;
	put_code(page, (const u8[]){0x0f, shape & 1 ? 0x30 : 0x32}, 2);
}

static void exit_any(struct fuzz *fuzz, struct vcpu_page *page)
{
	struct vcpu_exit *exit = &page->exit;
	u8 bytes[15];

	exit->reason = fuzz_u8(fuzz) % EXIT_REASON_COUNT;
	if (exit->reason == EXIT_NONE || exit->reason == EXIT_HOST_INTERRUPT)
		exit->reason = EXIT_CPUID;
	exit->instruction_length = fuzz_u8(fuzz) & 15;
	exit->io_size = 1;
	exit->io_port = fuzz_u16(fuzz);
	exit->gpa = fuzz_number(fuzz);
	exit->access = fuzz_u8(fuzz) & 15;
	exit->vector = fuzz_u8(fuzz) & (exit->reason == EXIT_EXCEPTION ? 31 : 255);
	exit->error_code = (u32)fuzz_number(fuzz);
	exit->qualification = fuzz_number(fuzz);
	exit->qualification2 = fuzz_number(fuzz);
	exit->vendor_code = fuzz_number(fuzz);
	if (fuzz_u8(fuzz) & 1) {
		fuzz_take(fuzz, bytes, sizeof(bytes));
		put_code(page, bytes, sizeof(bytes));
	}
	if (exit->reason == EXIT_HYPERCALL) {
		page->gpr[GPR_RAX] = fuzz_u8(fuzz) & 15;
		page->gpr[GPR_RBX] = fuzz_number(fuzz);
		exit->vector = 0;
	}
}

/* Delivery of an event was under way when the exit came. */
static void take_event(struct fuzz *fuzz, struct vcpu_page *page)
{
	static const u8 types[] = {EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION,
				   EVENT_SOFTWARE_INTERRUPT};
	u8 shape = fuzz_u8(fuzz);

	page->event = (struct vcpu_event){0};
	if ((shape & 0xf0) != 0xf0)
		return;
	page->event.valid = 1;
	page->event.type = types[shape & 3];
	page->event.vector = fuzz_u8(fuzz);
	page->event.has_error_code = page->event.type == EVENT_EXCEPTION && (shape & 4);
	page->event.instruction_length = 2;
}

/* The guest runs for a while and exits. */
static void run(struct fuzz *fuzz, struct vcpu_page *page)
{
	static void (*const kinds[])(struct fuzz * fuzz, struct vcpu_page * page) = {
		exit_memory, exit_io, exit_msr, exit_any};
	u8 shape = fuzz_u8(fuzz);
	u32 groups;

	page->exit = (struct vcpu_exit){.instruction_length = shape & 4 ? 2 : 0};
	page->code_bytes = 0;
	if (shape & 8)
		change_registers(fuzz, page);
	take_event(fuzz, page);
	kinds[shape & 3](fuzz, page);
	groups = page->want[page->exit.reason];
	if (!(groups & VCPU_CODE))
		page->code_bytes = 0;
	page->valid = VCPU_RIP | VCPU_EVENT | groups;
	page->exit.tsc = host_tsc;
}

static void pass_time(struct fuzz *fuzz)
{
	host_tsc += 1000 + fuzz_number(fuzz) % (1ull << 40);
}

static void ask(struct fuzz *fuzz, u8 shape)
{
	/* half of the questions are a debugger's */
	u32 kind = shape & 0x10 ? QUERY_ATTACH + fuzz_u8(fuzz) % (QUERY_KIND_COUNT - QUERY_ATTACH)
				: fuzz_u8(fuzz) % (QUERY_KIND_COUNT + 1);

	channel->question.query = (struct query){
		.kind = kind,
		.vcpu = fuzz_u8(fuzz) & 7,
		.flags = fuzz_u16(fuzz),
		.length = shape & 0x20 ? fuzz_u16(fuzz) : 1u << (fuzz_u8(fuzz) & 3),
		.address = shape & 4 ? CODE_AT + (fuzz_u8(fuzz) << 2) : fuzz_number(fuzz),
		.run = shape & 8 ? ~0ull : fuzz_u8(fuzz),
		.step = fuzz_u8(fuzz),
	};
	if (kind == QUERY_SET || kind == QUERY_WRITE)
		fuzz_take(fuzz, channel->question.input, fuzz_u16(fuzz) % QUERY_INPUT_BYTES);
	channel->question.asked++;
}

/* Does what the manager does: a command, a query, or input. */
static void manage(struct fuzz *fuzz)
{
	struct channel_stream *stream = &channel->stream[0];
	u8 shape = fuzz_u8(fuzz);

	switch (shape & 3) {
	case 0:
		channel->command = fuzz_u8(fuzz) % (VM_COMMAND_CONTINUE + 2);
		channel->trap = fuzz_u8(fuzz) & (BIT(VM_TRAP_COUNT) - 1);
		channel->state_memory = STATE_MEMORY;
		channel->state_size = (u64)(fuzz_u8(fuzz) & 0x1f) << (fuzz_u8(fuzz) & 15);
		channel->reserve_budget_ns = fuzz_u32(fuzz);
		channel->reserve_period_ns = fuzz_u32(fuzz);
		channel->command_sequence++;
		break;
	case 1:
		ask(fuzz, shape);
		break;
	case 2:
		fuzz_take(fuzz, &stream->input[stream->input_written % CHANNEL_RING_BYTES], 1);
		stream->input_written += shape >> 4;
		break;
	default:
		stream->output_read = stream->output_written;
		channel->wall_seconds = fuzz_u32(fuzz);
		channel->wall_tsc = host_tsc;
		break;
	}
}

static void check(const struct vcpu *vcpu)
{
	const struct lapic *lapic = machine_lapic(vcpu);

	CHECK_THAT(machine.state < VM_STATE_COUNT);
	CHECK_THAT(machine.lock.held == 0);
	CHECK_THAT(strstr(channel->reason, "anew") == NULL);
	CHECK_THAT(strstr(channel->reason, "cannot be saved") == NULL);
	CHECK_THAT(strnlen(channel->reason, sizeof(channel->reason)) < sizeof(channel->reason));
	CHECK_THAT(channel->question.bytes <= QUERY_BYTES);
	CHECK_THAT(lapic_ppr(lapic) <= 0xff);
}

/* Takes a turn: does what loop_run does until the guest runs or its thread sleeps. */
static void take_turn(struct fuzz *fuzz, struct vcpu *vcpu)
{
	u64 deadline_tsc;
	u8 shape = fuzz_u8(fuzz);

	if (shape >= 252)
		vcpu->rebuilt_at = vcpu->page->run_count - REBUILD_EVERY - 1;
	if (vcpu->place == VCPU_IN_GUEST) {
		trace_handled(&vcpu->trace);
		run(fuzz, vcpu->page);
		trace_exit(&vcpu->trace, vcpu->page);
		if (fast_path_between_runs(vcpu, &machine, vcpu->page,
					   vcpu->page->exit.reason == EXIT_IO
						   ? fast_path_handle_port
						   : fast_path_handle_other)) {
			trace_just_handled(&vcpu->trace);
			kernel_enter(vcpu->page);
			return;
		}
	}
	if (loop_between_runs(vcpu, &deadline_tsc))
		kernel_enter(vcpu->page);
	if (vcpu->yield_to != 0)
		loop_yield(vcpu);
}

static bool set_up(struct fuzz *fuzz)
{
	u8 shape = fuzz_u8(fuzz);

	kernel_reset();
	apic_virtualized = shape & 4;
	strcpy(info.backend, shape & 8 ? "VMX/EPT" : "SVM/NPT");
	info.parameter[MONITOR_VCPUS] = 1 + (shape & 3);
	info.parameter[MONITOR_FLAGS] = MONITOR_TEST_DEVICE | MONITOR_HPET;
	info.parameter[MONITOR_TRAP] = shape & 0x10 ? fuzz_u8(fuzz) & (BIT(VM_TRAP_COUNT) - 1) : 0;
	if (shape & 0x20) {
		info.parameter[MONITOR_RESERVE_BUDGET_NS] = 100000;
		info.parameter[MONITOR_RESERVE_PERIOD_NS] = 1000000;
	}
	start_with(START_FILE_KERNEL, kernel_file, sizeof(kernel_file));
	if (!machine_setup(&machine))
		return false;
	channel->command = VM_COMMAND_START;
	channel->command_sequence = 1;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	if (setjmp(process_end) == 0) {
		CHECK_THAT(set_up(&fuzz));
		for (u32 i = 0; i < machine.vcpu_count; i++)
			take_turn(&fuzz, &machine.vcpu[i]);
		for (u32 i = 0; i < STEPS_MAX && fuzz.left > 0; i++) {
			u8 shape = fuzz_u8(&fuzz);
			struct vcpu *vcpu = &machine.vcpu[shape % machine.vcpu_count];

			if ((shape & 0xe0) == 0xe0)
				manage(&fuzz);
			if ((shape & 0xc) == 0xc)
				pass_time(&fuzz);
			else
				host_tsc += 1000;
			take_turn(&fuzz, vcpu);
			check(vcpu);
		}
	}
	kernel_end();
	return 0;
}
