/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Runs single instructions on the CPU itself, in a child process that shares only the guest's
 * pages of data and code and can make no system call but to answer (strict seccomp). The code is
 * filled with INT3, so that the instruction ends in a signal whatever it does; signal frames carry
 * the registers in and out, those of x87, SSE and AVX as an XSAVE image.
 */
#include <asm/ldt.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/unit/emulate_machine.h"

#define NATIVE_STEP	   1	/* #DB by RFLAGS.TF ended the step */
#define NATIVE_TRAP	   3	/* #BP: the INT3 after the instruction */
#define NATIVE_CS_64	   0x33 /* the selector of Linux's 64-bit code segment */
#define NATIVE_CS_32	   0x23
#define NATIVE_DS	   0x2b
#define NATIVE_WAIT_MS	   5000
#define NATIVE_IMAGE_BYTES 4096u
#define NATIVE_COMPONENTS  (BIT(X87) | BIT(SSE) | BIT(AVX) | BIT(ZMM_LOW) | BIT(ZMM_HIGH))

struct native {
	u64 gpr[GPR_COUNT];
	u64 rflags;
	u64 rip;
	u64 cs;
	u64 ss;
	u64 ds;
	u64 es;
	u64 vector; /* the vector of the exception that ended the code */
	u64 error_code;
	u64 cr2;
	u8 image[NATIVE_IMAGE_BYTES] ALIGNED(64); /* the image of XSAVE */
};

static struct native *native;
static struct xsave_layout native_layout;
static u64 native_components;
static u8 *const native_data = (u8 *)DATA_GVA;
static u8 *native_code; /* a writable view of the pages at CODE_GVA, which are read-only */
static pid_t native_child;
static int native_ask[2], native_answer[2];

/* The child's LDT, for 16- and 32-bit code that is not flat: three code segments, then data. */
static const struct native_segment {
	u32 base;
	u32 limit;
	u8 contents; /* the type of segment, MODIFY_LDT_CONTENTS_* */
	bool is_32;
	bool read_only;
} native_segments[] = {
	{CODE_GVA, CODE_BYTES - 1, MODIFY_LDT_CONTENTS_CODE, false, false},
	{CODE_GVA, CODE_BYTES - 1, MODIFY_LDT_CONTENTS_CODE, true, false},
	{CODE_GVA, 0x404, MODIFY_LDT_CONTENTS_CODE, true, false},
	{DATA_GVA, 0xffff, MODIFY_LDT_CONTENTS_DATA, false, false},
	{DATA_GVA, 0xffff, MODIFY_LDT_CONTENTS_DATA, true, false},
	{DATA_GVA, 0xfff, MODIFY_LDT_CONTENTS_DATA, false, false},
	{DATA_GVA + 8, 0x1ff0, MODIFY_LDT_CONTENTS_DATA, true, false},
	/* a segment that expands down */
	{DATA_GVA - PAGE_SIZE, 0x17ff, MODIFY_LDT_CONTENTS_STACK, false, false},
	{DATA_GVA - PAGE_SIZE, 0x17ff, MODIFY_LDT_CONTENTS_STACK, true, false},
	{DATA_GVA, 0x1fff, MODIFY_LDT_CONTENTS_DATA, true, true},
};
#define NATIVE_CODE_SEGMENTS	 3u
#define NATIVE_WRITABLE_SEGMENTS 9u /* the number of these segments, the one with code included */

static struct vcpu_segment_state native_segment_state(u32 which)
{
	const struct native_segment *segment = &native_segments[which];
	u32 type = segment->contents == MODIFY_LDT_CONTENTS_CODE    ? 0xb
		   : segment->contents == MODIFY_LDT_CONTENTS_STACK ? 0x7
		   : segment->read_only				    ? 0x1
								    : 0x3;

	return (struct vcpu_segment_state){
		.selector = (u16)(which << 3 | 7),
		.base = segment->base,
		.limit = segment->limit,
		.access = type | SEGMENT_S | 3 << SEGMENT_DPL_SHIFT | SEGMENT_P |
			  (segment->is_32 ? SEGMENT_DB : 0),
	};
}

static bool native_make_ldt(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(native_segments); i++) {
		const struct native_segment *segment = &native_segments[i];
		struct user_desc entry = {
			.entry_number = i,
			.base_addr = segment->base,
			.limit = segment->limit,
			.seg_32bit = segment->is_32,
			.contents = segment->contents,
			.read_exec_only = segment->read_only,
			.useable = 1,
		};

		if (syscall(SYS_modify_ldt, 0x11, &entry, sizeof(entry)) != 0)
			return false;
	}
	return true;
}

static const int native_greg[GPR_COUNT] = {
	[GPR_RAX] = REG_RAX, [GPR_RCX] = REG_RCX, [GPR_RDX] = REG_RDX, [GPR_RBX] = REG_RBX,
	[GPR_RSP] = REG_RSP, [GPR_RBP] = REG_RBP, [GPR_RSI] = REG_RSI, [GPR_RDI] = REG_RDI,
	[GPR_R8] = REG_R8,   [GPR_R9] = REG_R9,	  [GPR_R10] = REG_R10, [GPR_R11] = REG_R11,
	[GPR_R12] = REG_R12, [GPR_R13] = REG_R13, [GPR_R14] = REG_R14, [GPR_R15] = REG_R15,
};

/* The parts of an XSAVE image that instructions change, without the kernel's own fields. */
static void native_move_image(u8 *to, const u8 *from)
{
	const struct {
		u32 at, bytes;
	} part[] = {
		{0, 416}, /* the part of the image that FXSAVE has too */
		{native_layout.ymm, 256},
		{native_layout.zmm_low, 512},
		{native_layout.zmm_high, 1024},
	};
	u64 *to_has = (void *)(to + XSAVE_HEADER);
	const u64 *from_has = (const void *)(from + XSAVE_HEADER);

	if (native_layout.fxsave)
		return;
	for (u32 i = 0; i < ARRAY_COUNT(part); i++)
		if (i == 0 || part[i].at != 0)
			memcpy(to + part[i].at, from + part[i].at, part[i].bytes);
	*to_has = (*to_has & ~NATIVE_COMPONENTS) | (*from_has & NATIVE_COMPONENTS);
}

/* The first signal, from the loop below, leads to the instruction, the second one back. */
static void native_signal(int number, siginfo_t *information, void *context)
{
	static gregset_t home;
	static u8 home_image[NATIVE_IMAGE_BYTES] ALIGNED(64);
	static volatile bool away;
	greg_t *greg = ((ucontext_t *)context)->uc_mcontext.gregs;
	u8 *image = (u8 *)((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)number;
	(void)information;
	if (!away) {
		memcpy(home, greg, sizeof(home));
		native_move_image(home_image, image);
		native_move_image(image, native->image);
		for (u32 i = 0; i < GPR_COUNT; i++)
			greg[native_greg[i]] = (greg_t)native->gpr[i];
		greg[REG_EFL] = (greg_t)native->rflags;
		greg[REG_RIP] = (greg_t)native->rip;
		greg[REG_CSGSFS] = (greg_t)(((u64)greg[REG_CSGSFS] & 0xffffffff0000) | native->cs |
					    native->ss << 48);
		/* DS and ES: not in signal frames, and ignored by 64-bit code. */
		__asm__ volatile("movw %w0, %%ds\n\tmovw %w1, %%es"
				 :
				 : "r"(native->ds), "r"(native->es));
	} else {
		for (u32 i = 0; i < GPR_COUNT; i++)
			native->gpr[i] = (u64)greg[native_greg[i]];
		native->rflags = (u64)greg[REG_EFL];
		native->rip = (u64)greg[REG_RIP];
		native->vector = (u64)greg[REG_TRAPNO];
		native->error_code = (u64)greg[REG_ERR];
		native->cr2 = (u64)greg[REG_CR2];
		native_move_image(native->image, image);
		memcpy(greg, home, sizeof(home));
		native_move_image(image, home_image);
	}
	away = !away;
}

NORETURN static void native_loop(void)
{
	static u8 stack[65536];
	struct sigaction action = {.sa_sigaction = native_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	u8 byte;

	sigaltstack(&other, NULL);
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	(void)native_make_ldt();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	while (read(native_ask[0], &byte, 1) == 1) {
		__asm__ volatile("int3" : : : "memory");
		if (write(native_answer[1], &byte, 1) != 1)
			break;
	}
	for (;;)
		__asm__ volatile("hlt");
}

static void native_fork(void)
{
	CHECK_THAT(pipe(native_ask) == 0 && pipe(native_answer) == 0);
	native_child = fork();
	CHECK_THAT(native_child >= 0);
	if (native_child == 0)
		native_loop();
}

/* Components that the CPU or the kernel lacks are in no image. */
static void native_find_layout(void)
{
	struct cpuid_regs regs;
	u32 low;
	u32 high;

	xsave_layout_find(&native_layout);
	cpuid_host(CPUID_VERSION, 0, &regs);
	if (!(regs.ecx & CPUID_1_ECX_OSXSAVE)) {
		native_layout = (struct xsave_layout){.fxsave = true};
		return;
	}
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	native_layout.ymm *= low >> AVX & 1;
	native_layout.zmm_low *= low >> ZMM_LOW & 1;
	native_layout.zmm_high *= low >> ZMM_HIGH & 1;
	native_components = low & NATIVE_COMPONENTS;
}

static void native_start(void)
{
	void *data, *code;
	int file;

	if (native != NULL)
		return;
	native_find_layout();
	native = mmap(NULL, sizeof(*native), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	data = mmap(native_data, DATA_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	file = memfd_create("code", 0);
	CHECK_THAT(file >= 0 && ftruncate(file, CODE_BYTES) == 0);
	code = mmap((void *)CODE_GVA, CODE_BYTES, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0);
	native_code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	CHECK_THAT(native != MAP_FAILED && data == native_data && code == (void *)CODE_GVA &&
		   native_code != MAP_FAILED);
	native_fork();
}

static bool native_try(void)
{
	struct pollfd wait = {.fd = native_answer[0], .events = POLLIN};
	u8 byte = 0;

	return write(native_ask[1], &byte, 1) == 1 && poll(&wait, 1, NATIVE_WAIT_MS) == 1 &&
	       wait.revents & POLLIN && read(native_answer[0], &byte, 1) == 1;
}

/* Ends a child that did not answer, and prints how it ended. */
static void native_end(void)
{
	int status = 0;
	pid_t ended = waitpid(native_child, &status, WNOHANG);

	fprintf(stderr, "the child %s, status %x\n", ended == 0 ? "hangs" : "ended", status);
	kill(native_child, SIGKILL);
	waitpid(native_child, &status, 0);
	for (u32 i = 0; i < 2; i++) {
		close(native_ask[i]);
		close(native_answer[i]);
	}
}

/*
 * Runs what *native says; false if neither the child answers nor a new one: on a busy machine the
 * first may just have been late.
 */
static bool native_run(void)
{
	struct native asked = *native;

	if (native_try())
		return true;
	native_end();
	native_fork();
	*native = asked;
	return native_try();
}

/* Sets all registers to 0 but those that code cannot begin without. */
static void native_prepare(u64 cs, u64 rip)
{
	memset(native, 0, sizeof(*native));
	native->rflags = RFLAGS_FIXED;
	native->rip = rip;
	native->cs = cs;
	native->ss = native->ds = native->es = NATIVE_DS;
}

/*
 * Returns whether the host starts code whose RSP is not canonical: on some hosts the return from
 * the signal faults instead, and what an instruction does then cannot be asked.
 */
static bool native_has_any_stack(void)
{
	static int answer = -1;

	if (answer < 0) {
		native_code[0] = 0xcc;
		native_prepare(NATIVE_CS_64, CODE_GVA);
		native->gpr[GPR_RSP] = BIT(52);
		answer = native_run() && native->vector == NATIVE_TRAP;
	}
	return answer;
}

/* Returns whether the host runs the code at RIP as 16- or 32-bit code: there 0x48 is DEC. */
static bool native_tries(u64 cs, u64 rip)
{
	native_code[0] = 0x48; /* DEC EAX, or a prefix */
	native_code[1] = 0x90;
	native_code[2] = 0xcc;
	native_prepare(cs, rip);
	native->gpr[GPR_RAX] = 1;
	return native_run() && native->vector == NATIVE_TRAP && native->gpr[GPR_RAX] == 0;
}

/* Whether the host lets a process run 32-bit code. */
static bool native_has_32(void)
{
	static int answer = -1;

	if (answer < 0)
		answer = native_tries(NATIVE_CS_32, CODE_GVA);
	return answer;
}

/* Returns whether the host lets a process have segments of its own. */
static bool native_has_ldt(void)
{
	static int answer = -1;

	if (answer < 0)
		answer = native_make_ldt() && native_tries(native_segment_state(0).selector, 0);
	return answer;
}
