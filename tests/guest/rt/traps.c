/* SPDX-License-Identifier: MIT */
/*
 * Takes a guest's exceptions and interrupts, so that a check can expect them. Called by all guests
 * of this folder; owns the IDT and the TSS.
 */
#include "arch/x86_64/hw/descriptor.h"
#include "tests/guest/rt/cpu.h"

#define USER_DONE    0x80u
#define GATE_PRESENT 0x80u
#define GATE_USER    0x60u
#define STUB_BYTES   16u
#define TSS_SELECTOR 0x50u
#define MAP_BYTES    (0x800u / 8) /* the map's bytes, a bit for each port; a byte of ones follows */

struct gate {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type;
	u16 offset_middle;
#ifdef __x86_64__
	u32 offset_high;
	u32 reserved;
#endif
};

#ifdef __x86_64__
#define CODE_SELECTOR 0x08u
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 ist[8]; /* 0 is not used */
	u64 reserved2;
	u16 reserved1;
	u16 map_offset;
	u8 map[MAP_BYTES + 1];
} PACKED;
_Static_assert(offsetof(struct tss, map) == 104, "SDM vol. 3, figure 8-11");
#else
#define CODE_SELECTOR 0x18u
struct tss {
	u32 link, esp0, ss0;
	u32 rest[22];
	u16 trace;
	u16 map_offset;
	u8 map[MAP_BYTES + 1];
};
#endif

int trap_call(void (*function)(void *), void *argument);
NORETURN void trap_unwind(void);
void user_enter(word rip, word stack, word argument);
void trap_handle(struct trap_frame *frame);
extern char trap_entries[];
extern word trap_stack;
extern u64 gdt[];

static struct gate idt[256] ALIGNED(16);
static struct tss tss ALIGNED(16);
static u8 kernel_stack[4096] ALIGNED(16);
static trap_hook *hooks[256];

struct trap trap;
volatile u32 trap_count[256];
volatile u32 trap_last;
volatile u32 trap_sequence;
volatile u32 trap_order[256];

static void set_gate(u32 vector)
{
	word at = (word)trap_entries + vector * STUB_BYTES;

	idt[vector] = (struct gate){
		.offset_low = (u16)at,
		.selector = CODE_SELECTOR,
		.type = (u8)(DESCRIPTOR_INTERRUPT_GATE | GATE_PRESENT |
			     (vector == USER_DONE ? GATE_USER : 0)),
		.offset_middle = (u16)(at >> 16),
	};
}

void trap_gate_present(u32 vector, bool present)
{
	if (present)
		idt[vector].type |= GATE_PRESENT;
	else
		idt[vector].type &= (u8)~GATE_PRESENT;
}

#ifdef __x86_64__
void trap_gate_ist(u32 vector, u32 ist)
{
	idt[vector].ist = (u8)ist;
}

void trap_set_ist(u32 ist, word top)
{
	tss.ist[ist] = top;
}
#endif

void trap_allow_ports(u32 port, u32 count)
{
	for (u32 i = port; i < port + count && i < 8 * MAP_BYTES; i++)
		tss.map[i / 8] &= (u8)~BIT(i % 8);
}

static void load_tss(void)
{
	u64 base = (word)&tss;
	u64 limit = sizeof(tss) - 1;

	tss.map_offset = offsetof(struct tss, map);
	for (u32 i = 0; i < sizeof(tss.map); i++)
		tss.map[i] = 0xff; /* ring 3 may use no port */
#ifdef __x86_64__
	tss.rsp[0] = (word)(kernel_stack + sizeof(kernel_stack));
	gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
#else
	tss.esp0 = (word)(kernel_stack + sizeof(kernel_stack));
	tss.ss0 = 0x10;
#endif
	gdt[TSS_SELECTOR / 8] = limit | (base & 0xffffff) << 16 |
				(u64)DESCRIPTOR_TSS_AVAILABLE << 40 | DESCRIPTOR_P |
				(u64)(base >> 24 & 0xff) << 56;
	asm volatile("ltr %w0" ::"r"(TSS_SELECTOR) : "memory");
}

void traps_init(void)
{
	struct {
		u16 limit;
		word base;
	} PACKED pointer = {sizeof(idt) - 1, (word)idt};

	for (u32 i = 0; i < 256; i++)
		set_gate(i);
	asm volatile("lidt %0" ::"m"(pointer));
	load_tss();
	trap.vector = NO_TRAP;
}

static void describe(const struct trap_frame *frame)
{
	print("trap: vector ");
	print_hex(frame->vector);
	print(" error ");
	print_hex(frame->error);
	print(" rip ");
	print_hex(frame->rip);
	print(" cr2 ");
	print_hex(read_cr2());
	print(" rflags ");
	print_hex(frame->rflags);
	print("\n");
	fail("trap", "not expected, see above");
	finish();
}

void trap_handle(struct trap_frame *frame)
{
	u32 vector = (u32)frame->vector & 0xff;
	bool exception = vector < VECTOR_FIRST_EXTERNAL && vector != VECTOR_NMI;

	if (hooks[vector] != NULL || (!exception && vector != USER_DONE)) {
		__atomic_fetch_add(&trap_count[vector], 1, __ATOMIC_RELAXED);
		trap_last = vector;
		trap_order[vector] = ++trap_sequence;
		if (hooks[vector] != NULL)
			hooks[vector](frame);
		return;
	}
	if (trap_stack == 0)
		describe(frame);
	trap = (struct trap){
		.vector = vector,
		.error = (u32)frame->error,
		.rip = frame->rip,
		.cr2 = read_cr2(),
		.rflags = frame->rflags,
	};
	trap_unwind();
}

bool trap_catch(void (*function)(void *), void *argument)
{
	trap = (struct trap){.vector = NO_TRAP};
	return trap_call(function, argument) != 0;
}

struct user_start {
	word rip;
	word argument;
};

static void enter_user(void *context)
{
	const struct user_start *start = context;

	user_enter(start->rip, start->argument, start->argument);
}

bool trap_user(word rip, word argument)
{
	struct user_start start = {rip, argument};

	return trap_catch(enter_user, &start);
}

void trap_set_hook(u32 vector, trap_hook *hook)
{
	hooks[vector] = hook;
}

void trap_read(void *address)
{
	(void)*(volatile u8 *)address;
}

void trap_write(void *address)
{
	*(volatile u8 *)address = 1;
}

void trap_fetch(void *address)
{
	asm volatile("call *%0" ::"r"(address) : "memory");
}

void expect(const char *name, void (*access)(void *), word address, u32 vector, u32 error)
{
	trap_catch(access, (void *)address);
	check_trap(name, vector, error);
}
