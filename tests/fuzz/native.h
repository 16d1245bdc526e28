/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Runs single instructions on the CPU itself, in a child process that shares nothing but the
 * guest's pages of data and code and can make no system call but to answer (seccomp, strict). The
 * code is filled with INT3, so that the instruction ends in a signal whatever it does; signal
 * frames carry the registers in and out.
 */
#include <poll.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/unit/emulate_machine.h"

#define NATIVE_TRAP 3 /* #BP: the INT3 behind the instruction */
#define NATIVE_CS_64 0x33 /* as Linux has them */
#define NATIVE_CS_32 0x23
#define NATIVE_DS 0x2b
#define NATIVE_WAIT_MS 5000

struct native {
	u64 gpr[GPR_COUNT];
	u64 rflags;
	u64 rip;
	u64 cs;
	u64 vector; /* of the exception that ended it */
};

static struct native *native;
static u8 *const native_data = (u8 *)DATA_GVA;
static u8 *const native_code = (u8 *)CODE_GVA;
static pid_t native_child;
static int native_ask[2], native_answer[2];

static const int native_greg[GPR_COUNT] = {
	[GPR_RAX] = REG_RAX, [GPR_RCX] = REG_RCX, [GPR_RDX] = REG_RDX, [GPR_RBX] = REG_RBX,
	[GPR_RSP] = REG_RSP, [GPR_RBP] = REG_RBP, [GPR_RSI] = REG_RSI, [GPR_RDI] = REG_RDI,
	[GPR_R8] = REG_R8,   [GPR_R9] = REG_R9,	  [GPR_R10] = REG_R10, [GPR_R11] = REG_R11,
	[GPR_R12] = REG_R12, [GPR_R13] = REG_R13, [GPR_R14] = REG_R14, [GPR_R15] = REG_R15,
};

/* The first signal comes from the loop below and goes to the instruction, the second one back. */
static void native_signal(int number, siginfo_t *information, void *context)
{
	static gregset_t home;
	static volatile bool away;
	greg_t *greg = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number;
	(void)information;
	if (!away) {
		memcpy(home, greg, sizeof(home));
		for (u32 i = 0; i < GPR_COUNT; i++)
			greg[native_greg[i]] = (greg_t)native->gpr[i];
		greg[REG_EFL] = (greg_t)native->rflags;
		greg[REG_RIP] = (greg_t)native->rip;
		greg[REG_CSGSFS] = (greg_t)(((u64)greg[REG_CSGSFS] & ~0xfffful) | native->cs);
	} else {
		for (u32 i = 0; i < GPR_COUNT; i++)
			native->gpr[i] = (u64)greg[native_greg[i]];
		native->rflags = (u64)greg[REG_EFL];
		native->rip = (u64)greg[REG_RIP];
		native->vector = (u64)greg[REG_TRAPNO];
		memcpy(greg, home, sizeof(home));
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
	/* 64-bit code does without, compatibility mode does not */
	__asm__ volatile("movw %w0, %%ds\n\tmovw %w0, %%es" : : "r"(NATIVE_DS));
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

static void native_start(void)
{
	void *data, *code;

	if (native != NULL)
		return;
	native = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	data = mmap(native_data, DATA_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	code = mmap(native_code, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK_THAT(native != MAP_FAILED && data == native_data && code == native_code);
	native_fork();
}

static bool native_try(void)
{
	struct pollfd wait = {.fd = native_answer[0], .events = POLLIN};
	u8 byte = 0;

	return write(native_ask[1], &byte, 1) == 1 && poll(&wait, 1, NATIVE_WAIT_MS) == 1 &&
	       wait.revents & POLLIN && read(native_answer[0], &byte, 1) == 1;
}

/* Gives a child that did not come back up, and says how it ended. */
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
 * Runs what *native says; false when the child does not come back, and a new one does not either:
 * on a busy machine it may have been late.
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

/* Whether the host lets a process run 32-bit code. */
static bool native_has_32(void)
{
	static int answer = -1;

	if (answer < 0) {
		native_code[0] = 0x48; /* DEC EAX, or a prefix */
		native_code[1] = 0x90;
		native_code[2] = 0xcc;
		*native = (struct native){
			.gpr = {1}, .rflags = RFLAGS_FIXED, .rip = CODE_GVA, .cs = NATIVE_CS_32};
		answer = native_run() && native->vector == NATIVE_TRAP && native->gpr[0] == 0;
	}
	return answer;
}
