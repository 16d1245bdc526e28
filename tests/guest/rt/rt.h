/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * The run-time of the tiny guests. A guest answers questions with `PASS name`, `FAIL name: why`
 * and, where CPUID does not offer what is asked about, `ABSENT name` on COM1, says `DONE` and
 * ends through port 0xf4 with EXIT_GOOD or EXIT_BAD.
 */
#define EXIT_GOOD 0x10u
#define EXIT_BAD  0x11u
#define EXIT_PORT 0xf4u

typedef uintptr_t word; /* a word of the machine: 4 or 8 bytes */

/* The guest's own code; each guest defines it. */
void guest_main(void);
/* A guest that has it finds the PIT ticking, as firmware leaves it; else that stands still. */
extern const bool firmware_ticks __attribute__((weak));

/* Functions of print.c: */
void print(const char *text);
void print_hex(u64 value);
void pass(const char *name);
void fail(const char *name, const char *why);
void absent(const char *name);
/* Each of these functions prints one line. */
void check(const char *name, bool good, const char *why);
void check_equal(const char *name, u64 got, u64 wanted);
void check_between(const char *name, u64 got, u64 low, u64 high);
NORETURN void finish(void);

/*
 * Returns whether the word stands on the command line. option_number returns the number of
 * "name=number", else `otherwise`.
 */
bool option(const char *word_wanted);
/* Returns whether the emulator cannot pass this check, as tests/system/emulators.py knows. */
bool lacks(const char *check);
u64 option_number(const char *name, u64 otherwise);

/* traps.c */
struct trap_frame {
#ifdef __x86_64__
	u64 rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
#else
	u32 rax, rcx, rdx, rbx, rbp, rsi, rdi;
#endif
	word vector;
	word error;
	word rip;
	word cs;
	word rflags;
	word rsp; /* 32-bit: only when ring 3 was interrupted */
	word ss;
};

/* The exception that ended the last trap_catch; vector NO_TRAP: none did. */
#define NO_TRAP 0xffffu
struct trap {
	u32 vector;
	u32 error;
	word rip;
	word cr2;
	word rflags;
};
extern struct trap trap;

typedef void trap_hook(struct trap_frame *frame);

void traps_init(void);
/* Calls function(argument); true when an exception without a hook (or INT 0x80) ended it. */
bool trap_catch(void (*function)(void *), void *argument);
/* Runs the code at `rip` in ring 3; it ends by an exception or INT 0x80. */
bool trap_user(word rip, word argument);
/* Interrupts, and exceptions while a hook is set, are counted and then given to it. */
void trap_set_hook(u32 vector, trap_hook *hook);
extern volatile u32 trap_count[256];
extern volatile u32 trap_last; /* vector that was counted last */
extern volatile u32 trap_sequence;
extern volatile u32 trap_order[256]; /* the order number of the vector's last trap */
/* Checks the vector and the error code that `trap` holds. */
void check_trap(const char *name, u32 vector, u32 error);
/* Calls access(address) and checks which exception ended it. */
void expect(const char *name, void (*access)(void *), word address, u32 vector, u32 error);
/* Accesses: a byte read, a byte written, a call. */
void trap_read(void *address);
void trap_write(void *address);
void trap_fetch(void *address);

/* Ports below 0x800 that ring 3 and virtual-8086 mode may use from now on. */
void trap_allow_ports(u32 port, u32 count);

/* Interrupt stack table entry of a gate, 0 for none, and the stack of an entry. */
void trap_gate_ist(u32 vector, u32 ist);
void trap_set_ist(u32 ist, word top);
void trap_gate_present(u32 vector, bool present);

extern char user_load[], user_store[], user_end[];
