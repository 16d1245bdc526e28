/* SPDX-License-Identifier: MIT */
/*
 * The kernel's layers of memory objects, in place of the manager: a guest with several vCPUs writes
 * and reads its pages all the time, while its RAM is frozen, copied, reset and merged. One vCPU
 * writes a number into all pages, says so in a page that all write to, and goes on with the next
 * number. The others read that, then a page, which must hold no less: a vCPU that still saw a
 * frozen page where the writer sees its own would find one that does not. Who has ports runs no
 * vCPUs: a second process of the same image does all that, and the first prints what it says.
 */
#include "lib/string.h"
#include "tests/hostile/hostile.h"
#include "vmm/hw/uart.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/status_text.h"

#define RAM_BYTES    (5 * MIB)
#define FIRST	     0x1f8000u /* the pages reach over a border of 2 MiB */
#define PAGES	     16u
#define LAST	     (FIRST + PAGES * 0x1000u)
#define COUNTS	     0x8000u /* a counter for each reader; at 0x8f00: DONE */
#define MARKS	     0x9000u /* the page for preempted_gpa */
#define WRITER_CODE  0x1000u
#define READER_CODE  0x2000u
#define VCPUS	     4u
#define ROUNDS	     30u
#define PLAY_NS	     (4 * NS_PER_MS)
#define DEADLINE_NS  (50 * NS_PER_MS)
#define PLAYS_MAX    2000u
#define AUDIT_ROUNDS 20u
#define MERGES	     12u

static const u8 writer_code[] = {
	0xa1, 0x00, 0x80, 0x1f, 0x00,	    /* mov eax, [FIRST] */
	0x40,				    /* next: inc eax */
	0xbf, 0x00, 0x80, 0x1f, 0x00,	    /* mov edi, FIRST */
	0x89, 0x07,			    /* page: mov [edi], eax */
	0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, /* add edi, 4096 */
	0x81, 0xff, 0x00, 0x80, 0x20, 0x00, /* cmp edi, LAST */
	0x72, 0xf0,			    /* jb page */
	0xa3, 0x00, 0x8f, 0x00, 0x00,	    /* mov [DONE], eax */
	0xeb, 0xe3,			    /* jmp next */
};

/* The reader's code. ESI holds the address of its counter. */
static const u8 reader_code[] = {
	0xbf, 0x00, 0x80, 0x1f, 0x00,	    /* next: mov edi, FIRST */
	0x8b, 0x0d, 0x00, 0x8f, 0x00, 0x00, /* page: mov ecx, [DONE] */
	0x8b, 0x07,			    /* mov eax, [edi] */
	0x39, 0xc8,			    /* cmp eax, ecx */
	0x72, 0x12,			    /* jb bad */
	0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, /* add edi, 4096 */
	0x81, 0xff, 0x00, 0x80, 0x20, 0x00, /* cmp edi, LAST */
	0x72, 0xe6,			    /* jb page */
	0xff, 0x06,			    /* inc dword [esi] */
	0xeb, 0xdd,			    /* jmp next */
	0xe6, 0x80,			    /* bad: out 0x80, al */
};

handle_t own_root;
u64 pool[POOL];
u32 pool_kept;

static struct vcpu {
	handle_t vcpu, queue, event;
	struct vcpu_page *page;
	volatile u32 parked; /* the last stop that the vCPU has obeyed */
	u32 number;
} vcpus[VCPUS];

static handle_t group, ram, space, vm, queue;
static u8 *memory;	  /* the RAM, as it is mapped here */
static volatile u32 stop; /* odd: the vCPUs stand still */
static u32 failures;
static u32 seen[PAGES];

/* The text that is to be printed. */
static struct spoken {
	volatile u32 length;
	char text[PAGE_SIZE - 4];
} * spoken;

static void say(const char *text, ...) PRINTF_LIKE(1, 2);
static void say(const char *text, ...)
{
	u32 at = spoken->length;
	va_list arguments;

	va_start(arguments, text);
	format_va(spoken->text + at, sizeof(spoken->text) - at, text, arguments);
	va_end(arguments);
	spoken->length = at + (u32)strlen(spoken->text + at);
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
}

static void fail(const char *what, u64 a, u64 b)
{
	failures++;
	say("LAYERS FAIL %s: %lx %lx\r\n", what, a, b);
}

static void must(const char *what, enum status status)
{
	if (status != STATUS_OK) {
		say("LAYERS FAIL %s: %s\r\nLAYERS FAILED\r\n", what, status_text(status));
		rt_fail(what);
	}
}
#define MUST(call) must(#call, call)

static void freeze(handle_t memory_handle, handle_t *frozen)
{
	enum status status;
	u32 depth;

	do
		status = sys_memory_freeze(memory_handle, frozen, &depth);
	while (status == STATUS_AGAIN);
	MUST(status);
}

static void reset(handle_t memory_handle)
{
	enum status status;

	do
		status = sys_memory_reset(memory_handle);
	while (status == STATUS_AGAIN);
	MUST(status);
}

/* Until the event bound to the queue is signalled: an audit finds references that come and go. */
static void await(handle_t on)
{
	u64 key;

	(void)!sys_queue_wait(on, ~0ull, &key);
}

static void bind_event(handle_t on, handle_t *event)
{
	MUST(sys_event_create(group, event));
	MUST(sys_object_bind(*event, on, 1));
}

static void pause_ns(handle_t on, u64 ns)
{
	u64 key;

	(void)!sys_queue_wait(on, clock_tsc() + clock_ns_to_tsc(ns), &key);
}

static void place(struct vcpu *vcpu)
{
	vcpu->page->rip = vcpu->number == 0 ? WRITER_CODE : READER_CODE;
	vcpu->page->dirty |= VCPU_RIP; /* RIP is set anyway, as the vCPU may not have run yet */
}

static void fill_state(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;

	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.limit = ~0u, .access = 0xc093, .selector = 0x10};
	page->segment[SEG_CS].access = 0xc09b;
	page->segment[SEG_CS].selector = 8;
	page->segment[SEG_TR] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x8b};
	page->segment[SEG_LDTR] = (struct vcpu_segment_state){.limit = 0xffff, .access = 0x82};
	page->rflags = 0x202; /* Bochs 2.7 holds interrupts back while IF is clear */
	page->cr0 = 0x11;
	page->dr[6] = 0xffff0ff0;
	page->dr[7] = 0x400;
	page->xcr0 = 1;
	page->msr[VMSR_PAT] = 0x0007040600070406ull;
	page->gpr[GPR_RSI] = COUNTS + vcpu->number * 4;
	page->preempted_gpa = MARKS + vcpu->number;
	place(vcpu);
	page->dirty = VCPU_ALL;
}

static void vcpu_main(void *argument)
{
	struct vcpu *vcpu = argument;

	for (;;) {
		u32 now = stop;

		if (now % 2 != 0) {
			vcpu->parked = now;
			await(vcpu->queue);
			continue;
		}
		vcpu->page->deadline_tsc = clock_tsc() + clock_ns_to_tsc(DEADLINE_NS);
		MUST(sys_vcpu_run(vcpu->vcpu));
		if (vcpu->page->exit.reason == EXIT_KICK ||
		    vcpu->page->exit.reason == EXIT_DEADLINE)
			continue;
		fail("exit", vcpu->page->exit.reason, vcpu->page->rip);
		while (stop % 2 == 0)
			pause_ns(vcpu->queue, PLAY_NS);
	}
}

static void make_vcpu(u32 number)
{
	struct vcpu *vcpu = &vcpus[number];
	handle_t shared_memory;
	u64 at;

	vcpu->number = number;
	MUST(memory_take(2 * PAGE_SIZE, MEMORY_PINNED, &shared_memory, &at));
	vcpu->page = (struct vcpu_page *)at;
	MUST(sys_queue_create(group, &vcpu->queue));
	bind_event(vcpu->queue, &vcpu->event);
	MUST(sys_vcpu_create(vm, shared_memory, 0, vcpu->queue, &vcpu->vcpu));
	fill_state(vcpu);
	MUST(thread_start(vcpu_main, vcpu));
}

static void halt(void)
{
	stop++;
	for (u32 i = 0; i < VCPUS; i++) {
		(void)sys_vcpu_kick(vcpus[i].vcpu);
		while (vcpus[i].parked != stop)
			pause_ns(queue, NS_PER_MS / 10);
	}
}

static void go_on(void)
{
	stop++;
	for (u32 i = 0; i < VCPUS; i++)
		(void)sys_event_signal(vcpus[i].event);
}

static u32 word(const u8 *of, u32 page)
{
	return *(const volatile u32 *)(const void *)(of + FIRST + page * 0x1000);
}

static void remember(void)
{
	for (u32 i = 0; i < PAGES; i++)
		seen[i] = word(memory, i);
}

static void compare(const char *what, const u8 *of)
{
	for (u32 i = 0; i < PAGES; i++)
		if (word(of, i) != seen[i])
			return fail(what, word(of, i), seen[i]);
}

/* The copy is what was frozen, and apart from the original. */
static void copy(handle_t frozen)
{
	handle_t layer;
	u64 at;

	MUST(sys_memory_layer(group, frozen, &layer));
	MUST(sys_space_map(start_handle(START_SPACE), 0, layer, 0, RAM_BYTES,
			   RIGHT_READ | RIGHT_WRITE, &at));
	compare("copy", (const u8 *)at);
	*(volatile u32 *)(at + FIRST) = 7;
	if (word(memory, 0) != seen[0])
		fail("write through", word(memory, 0), seen[0]);
	reset(layer);
	compare("copy after a reset", (const u8 *)at);
	MUST(sys_space_unmap(start_handle(START_SPACE), at, RAM_BYTES));
	MUST(sys_handle_close(layer));
}

static void found(void *context, const char *text)
{
	(void)context;
	failures++;
	say("LAYERS FAIL audit: %s\r\n", text);
}

static void set_up(void)
{
	u64 at;

	group = start_handle(START_GROUP);
	own_root = start_handle(START_ROOT);
	MUST(sys_space_map(start_handle(START_SPACE), 0, start_handle(START_CHANNEL), 0, PAGE_SIZE,
			   RIGHT_READ | RIGHT_WRITE, &at));
	spoken = (struct spoken *)at;
	MUST(sys_queue_create(group, &queue));
	MUST(sys_memory_create(group, RAM_BYTES, MEMORY_GUEST, &ram));
	MUST(sys_space_create(group, &space));
	MUST(sys_space_map(space, 0, ram, 0, RAM_BYTES, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE,
			   &at));
	MUST(sys_space_map(start_handle(START_SPACE), 0, ram, 0, RAM_BYTES,
			   RIGHT_READ | RIGHT_WRITE, &at));
	memory = (u8 *)at;
	memcpy(memory + WRITER_CODE, writer_code, sizeof(writer_code));
	memcpy(memory + READER_CODE, reader_code, sizeof(reader_code));
	MUST(sys_vm_create(group, space, &vm));
	if (!audit_set_up())
		rt_fail("audit");
}

/* All layers go, while the guest runs. */
static void merge(void)
{
	enum status status;

	do
		status = sys_memory_merge(ram);
	while (status == STATUS_OK || status == STATUS_AGAIN);
	if (status != STATUS_BAD_STATE)
		fail("merge", status, 0);
}

static void freeze_and_merge(void)
{
	handle_t frozen;

	for (u32 i = 0; i < MERGES; i++) {
		for (u32 layers = 0; layers <= i % 4; layers++) {
			freeze(ram, &frozen);
			MUST(sys_handle_close(frozen));
			if (i % 2 == 0)
				pause_ns(queue, PLAY_NS);
		}
		merge();
	}
}

/* Frozen while the guest runs, while it stands still; it runs, and is reset. */
static void round(u32 number)
{
	handle_t frozen;
	u32 was;

	if (number % (ROUNDS / 2) == 0) {
		merge();
		freeze_and_merge();
	}
	if (number == 1 || number == ROUNDS / 2) {
		freeze(ram, &frozen);
		MUST(sys_handle_close(frozen));
	}
	halt();
	/* together with the rounds above, this happens four times at most */
	if (number % (ROUNDS / 2) == 2) {
		remember();
		freeze(ram, &frozen);
		compare("frozen", memory);
		copy(frozen);
		MUST(sys_handle_close(frozen));
	}
	was = word(memory, 0);
	go_on();
	for (u32 i = 0; i < PLAYS_MAX && failures == 0; i++) {
		pause_ns(queue, PLAY_NS);
		if (word(memory, 0) >= was + 2)
			break;
	}
	halt();
	if (word(memory, 0) < was + 2)
		fail("the guest stands still", number, was);
	if (number > 2) {
		reset(ram);
		if (number % (ROUNDS / 2) > 2)
			compare("reset", memory);
	}
	for (u32 i = 0; i < VCPUS; i++)
		place(&vcpus[i]);
	if (number % AUDIT_ROUNDS == 3 && !audit_play(found))
		fail("audit refused", 0, 0);
	go_on();
}

static NORETURN void player_main(void)
{
	set_up();
	for (u32 i = 0; i < VCPUS; i++)
		make_vcpu(i);
	for (u32 i = 0; i < ROUNDS && failures == 0; i++)
		round(i);
	halt();
	say("layers: the writer is at %u", word(memory, 0));
	for (u32 i = 1; i < VCPUS; i++)
		say(", reader %u at %u", i, *(volatile u32 *)(void *)(memory + COUNTS + i * 4));
	say("\r\n");
	say(failures == 0 ? "LAYERS DONE\r\n" : "LAYERS FAILED\r\n");
	for (;;)
		await(queue);
}

static void give(handle_t process, struct start_info *info, enum start_kind kind, handle_t handle)
{
	handle_t theirs;

	MUST(sys_handle_grant(process, handle, RIGHT_ALL, &theirs));
	info->entry[info->entry_count++] = (struct start_entry){.kind = kind, .handle = theirs};
}

static void start_player(handle_t channel, handle_t news)
{
	struct start_info *info;
	handle_t process, process_space, start;
	u64 at;

	MUST(sys_group_create(start_handle(START_ROOT), 16384, 256, &group));
	MUST(sys_process_create(group, start_handle(START_MONITOR_IMAGE), 0, &process));
	MUST(sys_process_space(process, &process_space));
	MUST(memory_take(START_BYTES, 0, &start, &at));
	info = (struct start_info *)at;
	*info = (struct start_info){
		.magic = START_MAGIC,
		.abi_version = start_info->abi_version,
		.syscall_method = start_info->syscall_method,
		.tsc_khz = start_info->tsc_khz,
	};
	memcpy(info->backend, start_info->backend, sizeof(info->backend));
	give(process, info, START_SELF, process);
	give(process, info, START_SPACE, process_space);
	give(process, info, START_GROUP, group);
	give(process, info, START_ROOT, start_handle(START_ROOT));
	give(process, info, START_CHANNEL, channel);
	give(process, info, START_CHANNEL_OUT, news);
	MUST(sys_process_start(process, start));
}

static void put(char c)
{
	while ((port_in8(UART_COM1 + UART_LSR) & UART_LSR_THR_EMPTY) == 0)
		;
	port_out8(UART_COM1 + UART_THR, (u8)c);
}

int main(void)
{
	handle_t channel, news;
	u32 printed = 0;
	u64 at;

	if (start_handle(START_CHANNEL) != HANDLE_NONE)
		player_main();
	if (memory_take(PAGE_SIZE, 0, &channel, &at) != STATUS_OK)
		rt_fail("channel");
	spoken = (struct spoken *)at;
	MUST(sys_ports_grant(start_handle(START_ROOT), start_handle(START_SELF), UART_COM1, 8));
	port_out8(UART_COM1 + UART_LCR, UART_LCR_8N1);
	group = start_handle(START_GROUP);
	MUST(sys_queue_create(group, &queue));
	bind_event(queue, &news);
	start_player(channel, news);
	for (;;) {
		for (; printed < spoken->length; printed++)
			put(spoken->text[printed]);
		await(queue);
	}
}
