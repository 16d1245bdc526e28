/* SPDX-License-Identifier: MIT */
/*
 * The boss of the hostile image: makes and destroys children, makes calls itself, and checks that
 * every page comes back. Runs in place of the manager, with the root and the serial port.
 */
#include "kernel/abi/image.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/hostile/hostile.h"
#include "vmm/hw/uart.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define GUEST_PAGES	    64u
#define GENERATION_NS	    (60 * NS_PER_MS)
#define GENERATION_CALLS    10000u
#define SETTLE_TRIES	    200u
#define DESTROY_TRIES	    1000000u
#define DEFAULT_GENERATIONS 40u
#define AUDIT_EVERY	    16u
#define LENT		    7u /* handles of a generation that the boss calls with */

extern const char __image_start[] __attribute__((visibility("hidden")));

static struct hostile boss = {.boss = true};
static const struct kernel_page *kernel;
static const struct group_page *account;
static handle_t channel;
static handle_t queue;
static u64 seed = 1;
static u64 generations = DEFAULT_GENERATIONS;

static void put(char c)
{
	while ((port_in8(UART_COM1 + UART_LSR) & UART_LSR_THR_EMPTY) == 0)
		;
	port_out8(UART_COM1 + UART_THR, (u8)c);
}

static void say(const char *text, ...) PRINTF_LIKE(1, 2);
static void say(const char *text, ...)
{
	char line[200];
	va_list arguments;

	va_start(arguments, text);
	format_va(line, sizeof(line), text, arguments);
	va_end(arguments);
	for (const char *c = line; *c != '\0'; c++) {
		if (*c == '\n')
			put('\r');
		put(*c);
	}
}

static u64 option_number(const char *name, u64 otherwise)
{
	size_t length = strlen(name);
	u64 value = 0;

	for (const char *at = start_info->command_line; *at != '\0'; at++) {
		if (strncmp(at, name, length) != 0 || at[length] != '=')
			continue;
		for (at += length + 1; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (u64)(*at - '0');
		return value;
	}
	return otherwise;
}

static u64 used_pages(void)
{
	return kernel->page_count - kernel->pages[PAGE_FREE];
}

/* Pages in use once only the kept handles are left and all that waits to be given back is. */
static u64 settled_pages(void)
{
	u64 last = 0;
	u32 same = 0;
	u64 key;

	pool_close();
	for (u32 i = 0; i < SETTLE_TRIES && same < 5; i++) {
		u64 deadline = clock_tsc() + clock_ns_to_tsc(2 * NS_PER_MS);

		if (sys_queue_wait(queue, deadline, &key) != STATUS_TIMED_OUT)
			continue; /* no CPU had time to give pages back */
		same = used_pages() == last ? same + 1 : 0;
		last = used_pages();
	}
	return last;
}

struct parts {
	handle_t group, ram, space, vm, process, process_space, start, wake;
	u64 info_at;
};

/* Makes one step; if no step should be refused (`loud`), a refused one is printed. */
static bool step(bool loud, const char *what, enum status status)
{
	if (status != STATUS_OK && loud)
		say("HOSTILE FAIL %s: %s\n", what, status_text(status));
	return status == STATUS_OK;
}

#define STEP(call) step(loud, #call, call)

static bool create(struct parts *p, u64 quota, u64 weight, bool loud)
{
	return STEP(sys_group_create(own_root, quota, weight, &p->group)) &&
	       STEP(sys_memory_create(p->group, GUEST_PAGES * PAGE_SIZE, MEMORY_GUEST, &p->ram)) &&
	       STEP(sys_space_create(p->group, &p->space)) &&
	       STEP(sys_vm_create(p->group, p->space, &p->vm)) &&
	       STEP(sys_process_create(p->group, start_handle(START_MONITOR_IMAGE), 0,
				       &p->process)) &&
	       STEP(sys_process_space(p->process, &p->process_space)) &&
	       STEP(sys_memory_create(p->group, START_BYTES, 0, &p->start)) &&
	       STEP(sys_event_create(p->group, &p->wake)) &&
	       STEP(sys_space_map(own_space, 0, p->start, 0, START_BYTES, RIGHT_READ | RIGHT_WRITE,
				  &p->info_at));
}

/* Grants the handles that a monitor has, or the same handles with all rights (`all`). */
static bool grant(struct parts *p, struct start_info *info, bool all)
{
	const struct {
		enum start_kind kind;
		handle_t handle;
		u32 rights;
	} grants[] = {
		{START_SELF, p->process, RIGHT_READ | RIGHT_WRITE | RIGHT_CONTROL},
		{START_SPACE, p->process_space, RIGHT_READ | RIGHT_MAP},
		{START_GROUP, p->group, RIGHT_READ | RIGHT_CREATE},
		{START_VM_SPACE, p->space, RIGHT_READ | RIGHT_MAP},
		{START_VM, p->vm, RIGHT_READ | RIGHT_CREATE | RIGHT_CONTROL},
		{START_RAM, p->ram, RIGHT_READ | RIGHT_WRITE},
		{START_CHANNEL_IN, p->wake, RIGHT_READ | RIGHT_BIND},
		{START_CHANNEL_OUT, p->wake, RIGHT_WRITE},
	};
	handle_t theirs;

	for (u32 i = 0; i < ARRAY_COUNT(grants); i++) {
		if (sys_handle_grant(p->process, grants[i].handle,
				     all ? (u32)RIGHT_ALL : grants[i].rights, &theirs) != STATUS_OK)
			return false;
		info->entry[info->entry_count++] =
			(struct start_entry){.kind = grants[i].kind, .handle = theirs};
	}
	if (sys_handle_grant(p->process, channel, RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT,
			     &theirs) != STATUS_OK)
		return false;
	info->entry[info->entry_count++] =
		(struct start_entry){.kind = START_CHANNEL, .handle = theirs};
	if (!all)
		return true;
	/* with an image the child can make processes of its own */
	if (sys_handle_grant(p->process, start_handle(START_MONITOR_IMAGE),
			     RIGHT_READ | RIGHT_EXECUTE | RIGHT_GRANT, &theirs) != STATUS_OK)
		return false;
	info->entry[info->entry_count++] =
		(struct start_entry){.kind = START_FILE_KERNEL, .handle = theirs};
	return true;
}

static bool start(struct parts *p, u64 number, bool loud)
{
	struct start_info *info = (struct start_info *)p->info_at;

	*info = (struct start_info){
		.magic = START_MAGIC,
		.abi_version = start_info->abi_version,
		.syscall_method = start_info->syscall_method,
		.tsc_khz = start_info->tsc_khz,
	};
	memcpy(info->backend, start_info->backend, sizeof(info->backend));
	info->parameter[15] = seed * 1000003 + number;
	return grant(p, info, number % 3 == 2) &&
	       STEP(sys_object_bind(p->process, queue, number)) &&
	       STEP(sys_process_start(p->process, p->start));
}

/* The child's time is over: up to ten times as much on a busy machine, until enough was tried. */
static bool is_over(u64 begun, u64 time, u64 calls)
{
	u64 past = clock_ns() - begun;

	return past >= time && (shared->calls - calls >= GENERATION_CALLS || past >= 10 * time);
}

/* Lets the boss make calls of its own until the child has ended or had its time. */
static void play(u64 number)
{
	u64 time = (number % 7 + 1) * GENERATION_NS;
	u64 calls = shared->calls;
	u64 begun = clock_ns();
	u64 key;

	while (!is_over(begun, time, calls)) {
		u64 deadline =
			draw(&boss) % 16 != 0 ? 0 : clock_tsc() + clock_ns_to_tsc(1 * NS_PER_MS);

		if (sys_queue_wait(queue, deadline, &key) == STATUS_OK && key == number)
			return;
		for (u32 i = 0; i < 200; i++)
			call_random(&boss);
	}
}

/*
 * Destroys the child's group, which must give back all that is charged to it, whatever the child
 * did.
 */
static void destroy(struct parts *p, u64 number)
{
	enum status status = STATUS_OK;

	pool_close();
	if (p->info_at != 0)
		(void)sys_space_unmap(own_space, p->info_at, START_BYTES);
	if (number % 4 == 1 && p->process != HANDLE_NONE)
		(void)sys_handle_close(p->process);
	for (u32 i = 0; i < DESTROY_TRIES && p->group != HANDLE_NONE; i++) {
		status = sys_object_destroy(p->group);
		if (status != STATUS_AGAIN)
			break;
	}
	if (status != STATUS_OK)
		say("HOSTILE FAIL generation %lu: destroy: %s\n", number, status_text(status));
}

/* The boss calls with the child's handles too: all that it makes by them must go with the group. */
static void pool_lend(const struct parts *p)
{
	const handle_t handles[LENT] = {p->group,   p->ram,	      p->space, p->vm,
					p->process, p->process_space, p->wake};

	for (u32 i = 0; i < LENT; i++)
		pool[pool_kept - LENT + i] = handles[i];
}

static void generation(u64 number)
{
	/* this generation has a small quota: some of its children cannot even be made */
	bool poor = number % 5 == 4;
	u64 quota = poor ? 150 + draw(&boss) % 300 : 1000 + draw(&boss) % 4000;
	struct parts parts = {.group = HANDLE_NONE};
	bool made = create(&parts, quota, 1 + draw(&boss) % 1000, !poor);

	pool_lend(&parts);
	if (made && start(&parts, number, !poor))
		play(number);
	destroy(&parts, number);
}

static void touch(const volatile u8 *first, u64 bytes)
{
	for (u64 i = 0; i < bytes; i += PAGE_SIZE)
		(void)first[i];
}

/*
 * Touches what the boss itself populates, so that it is there, with its tables, before pages are
 * counted for the first time: its image, the stack that it needs, what it shares with children.
 */
static void touch_all(void)
{
	const struct image_header *header = (const struct image_header *)__image_start;
	u64 pages = (u64)header->text_pages + header->rodata_pages + header->data_pages +
		    header->bss_pages;
	volatile u8 stack[4 * PAGE_SIZE];

	for (u64 i = 0; i < sizeof(stack); i += PAGE_SIZE)
		stack[i] = 0;
	touch((const u8 *)__image_start, pages * PAGE_SIZE);
	touch((const u8 *)shared, sizeof(*shared));
	touch((const u8 *)account, sizeof(*account));
}

static void set_up(void)
{
	const struct start_entry *page = start_find(START_KERNEL_PAGE);
	u64 bytes = align_up(sizeof(struct shared), PAGE_SIZE);
	handle_t memory;
	u64 at;

	(void)!sys_ports_grant(own_root, own_self, UART_COM1, 8);
	port_out8(UART_COM1 + UART_LCR, UART_LCR_8N1);
	seed = option_number("seed", seed);
	generations = option_number("generations", generations);
	boss.random = seed * 77777 + 5;
	if (sys_space_map(own_space, 0, page->handle, 0, PAGE_SIZE, RIGHT_READ, &at) != STATUS_OK)
		rt_fail("page");
	kernel = (const struct kernel_page *)(at + page->offset);
	if (sys_queue_create(own_group, &queue) != STATUS_OK ||
	    sys_memory_create(own_group, bytes, 0, &channel) != STATUS_OK ||
	    sys_space_map(own_space, 0, channel, 0, bytes, RIGHT_READ | RIGHT_WRITE, &at) !=
		    STATUS_OK)
		rt_fail("channel");
	shared = (struct shared *)at;
	if (sys_group_page(own_group, &memory) != STATUS_OK ||
	    sys_space_map(own_space, 0, memory, 0, PAGE_SIZE, RIGHT_READ, &at) != STATUS_OK)
		rt_fail("account");
	account = (const struct group_page *)at;
	touch_all();
	for (u32 i = 0; i < start_info->entry_count && i < POOL / 2; i++) {
		if (start_info->entry[i].handle != own_group)
			pool[pool_kept++] = start_info->entry[i].handle;
	}
	if (!audit_set_up())
		rt_fail("audit");
	pool[pool_kept++] = queue;
	pool[pool_kept++] = channel;
	pool_own = pool_kept;
	pool_kept += LENT;
}

static u64 tell_pages(void)
{
	u64 pages = settled_pages();

	say("pages by owner:");
	for (u32 i = 0; i < PAGE_OWNER_COUNT; i++)
		say(" %lu", kernel->pages[i]);
	say("\nof the boss:");
	for (u32 i = 0; i < PAGE_OWNER_COUNT; i++)
		say(" %lu", account->pages[i]);
	say("\n");
	return pages;
}

static void found(void *context, const char *text)
{
	(void)context;
	say("HOSTILE FAIL audit: %s\n", text);
}

/* Audits while nothing is there but the boss and what its calls have left. */
static void audit(void)
{
	(void)settled_pages();
	if (!audit_play(found))
		say("HOSTILE FAIL audit: refused\n");
}

static void tell(u64 before)
{
	u64 after = tell_pages();

	/* pages of the last generation may still wait to be given back */
	for (u32 i = 0; i < SETTLE_TRIES && after != before; i++)
		after = settled_pages();
	for (u64 i = 0; i < shared->leak_count && i < ARRAY_COUNT(shared->leak); i++)
		say("HOSTILE FAIL leak %lu at %lx: %lx\n", shared->leak[i][0], shared->leak[i][1],
		    shared->leak[i][2]);
	if (after != before)
		say("HOSTILE FAIL pages in use: %lu, before %lu\n", after, before);
	say("statuses:");
	for (u32 i = 0; i < ARRAY_COUNT(shared->by_status); i++)
		say(" %lu", shared->by_status[i]);
	say("\nprocesses %lu of %lu, touches survived %lu of %lu\n", shared->forked, shared->forks,
	    shared->touched, shared->touches);
	say("vCPUs %lu of %lu, runs refused:", shared->played, shared->plays);
	for (u32 i = 0; i < ARRAY_COUNT(shared->refused); i++)
		say(" %lu", shared->refused[i]);
	say("\nexits:");
	for (u32 i = 0; i < EXIT_REASON_COUNT; i++) {
		if (shared->exits[i] != 0)
			say(" %u:%lu", i, shared->exits[i]);
	}
	say("\nHOSTILE DONE calls %lu runs %lu\n", shared->calls, shared->runs);
}

void boss_main(void)
{
	u64 before = 0;
	u64 key;

	set_up();
	say("hostile: seed %lu, %lu generations, %.16s\n", seed, generations, start_info->backend);
	for (u64 number = 0; number < generations; number++) {
		generation(number);
		if (number % AUDIT_EVERY == 0)
			audit();
		if (number == 0)
			before = tell_pages();
		if (number % 20 == 19)
			say("generation %lu calls %lu runs %lu pages %lu\n", number, shared->calls,
			    shared->runs, used_pages());
	}
	audit();
	tell(before);
	for (;;)
		(void)!sys_queue_wait(queue, ~0ull, &key);
}
