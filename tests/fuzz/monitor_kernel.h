/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The whole monitor as it ships, over a kernel that is a few variables: memory is from the heap, so
 * that ASan catches a byte beyond it, and every call that the real kernel would refuse ends the
 * run. Threads take turns as the target says.
 */
#include <sys/mman.h>

#include "tests/fuzz/monitor_sources.h"

#define RAM_BYTES    (4 * MIB)
#define TAKEN_MAX    16u
#define STATE_MEMORY 99u  /* memory for the machine's state; it may be of any size */
#define FIRST_VCPU   100u /* the handle of vCPU 0; the other vCPUs' follow */

static struct machine machine;
static struct vm_channel *channel;
static u8 *ram;
static struct start_info info;
static struct start_entry entries[3];
static jmp_buf process_end;
static u64 host_tsc;
static bool apic_virtualized;
static u64 reservable_permille;
static void *piece[TAKEN_MAX]; /* memory that the monitor has taken */

const struct start_info *start_info = &info;
bool start_sysenter;

static void *piece_take(u64 bytes)
{
	for (u32 i = 0; i < TAKEN_MAX; i++) {
		if (piece[i] != NULL)
			continue;
		CHECK_THAT(bytes > 0 && bytes % PAGE_SIZE == 0);
		piece[i] = aligned_alloc(PAGE_SIZE, bytes);
		memset(piece[i], 0, bytes);
		return piece[i];
	}
	CHECK_THAT(!"the monitor takes memory without end");
	return NULL;
}

static void piece_give_back(void *at)
{
	for (u32 i = 0; i < TAKEN_MAX; i++) {
		if (piece[i] != at)
			continue;
		free(at);
		piece[i] = NULL;
		return;
	}
	CHECK_THAT(!"what is unmapped was mapped");
}

static struct vcpu *vcpu_of(handle_t handle)
{
	CHECK_THAT(handle >= FIRST_VCPU && handle - FIRST_VCPU < machine.vcpu_count);
	return &machine.vcpu[handle - FIRST_VCPU];
}

u64 clock_tsc(void)
{
	return host_tsc;
}

u64 clock_tsc_to_ns(u64 tsc)
{
	return tsc; /* 1 GHz */
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

handle_t start_handle(enum start_kind kind)
{
	return kind;
}

/*
 * Returns a handle of each kind but those for PCI: there is no PCI bus here, and so no socket
 * device.
 */
handle_t start_handle_of(enum start_kind kind, u64 value)
{
	return kind == START_CHANNEL && value == VSOCK_BYTES ? HANDLE_NONE : (handle_t)kind;
}

const struct start_entry *start_find(enum start_kind kind)
{
	for (u32 i = 0; i < ARRAY_COUNT(entries); i++)
		if (entries[i].kind == (u32)kind)
			return &entries[i];
	return NULL;
}

/* Returns one entry of each kind. */
const struct start_entry *start_next(const struct start_entry *entry)
{
	(void)entry;
	return NULL;
}

enum status thread_start(void (*function)(void *argument), void *argument)
{
	(void)function, (void)argument;
	return STATUS_OK;
}

void rt_fail(const char *text)
{
	fprintf(stderr, "the monitor ends itself: %s\n", text);
	abort();
}

void sys_process_exit(u64 code)
{
	(void)code;
	longjmp(process_end, 1);
}

enum status memory_map(u64 bytes, u64 *at)
{
	*at = (u64)(uintptr_t)piece_take(bytes);
	return STATUS_OK;
}

enum status memory_take(u64 bytes, u32 flags, handle_t *memory, u64 *at)
{
	(void)flags;
	*memory = 50;
	return memory_map(bytes, at);
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)group, (void)flags;
	CHECK_THAT(bytes == PAGE_SIZE);
	*memory = 51;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	(void)vcpu_of(handle);
	return STATUS_OK;
}

enum status sys_object_bind(handle_t handle, handle_t queue, u64 key)
{
	(void)handle, (void)queue, (void)key;
	return STATUS_OK;
}

enum status sys_queue_create(handle_t group, handle_t *queue)
{
	(void)group;
	*queue = 60;
	return STATUS_OK;
}

enum status sys_event_create(handle_t group, handle_t *event)
{
	(void)group;
	*event = 61;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

/* Returns at once: threads take turns, so that no lock is held when a turn begins. */
enum status sys_queue_wait(handle_t queue, u64 deadline_tsc, u64 *key)
{
	(void)queue, (void)key;
	CHECK_THAT(deadline_tsc != ~0ull);
	return STATUS_TIMED_OUT;
}

/* In the monitor's own process a mapping is RAM, the channel, or room for the machine's state. */
enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)rights;
	CHECK_THAT(bytes % PAGE_SIZE == 0 && at % PAGE_SIZE == 0 && offset % PAGE_SIZE == 0);
	*address = at;
	if (memory == START_RAM && (offset > RAM_BYTES || bytes > RAM_BYTES - offset))
		return STATUS_BAD_ADDRESS; /* only the test device's window is mapped here */
	if (space != START_SPACE)
		return STATUS_OK;
	if (memory == STATE_MEMORY) {
		if (bytes == 0)
			return STATUS_BAD_ARGUMENT;
		*address = (u64)(uintptr_t)piece_take(bytes);
		return STATUS_OK;
	}
	*address = (u64)(uintptr_t)(memory == START_RAM ? (void *)ram : (void *)channel);
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	CHECK_THAT(bytes % PAGE_SIZE == 0 && at % PAGE_SIZE == 0);
	if (space == START_SPACE)
		piece_give_back((void *)(uintptr_t)at);
	return STATUS_OK;
}

enum status sys_space_entry(handle_t space, u64 address, u32 level, u64 *entry)
{
	(void)space;
	CHECK_THAT(level < PT_LEVELS);
	*entry = level > 1 ? 7 : level == 1 && address < 2 * MIB ? 0x80 | 7 : 0;
	return STATUS_OK;
}

enum status sys_thread_reserve(handle_t thread, u64 budget_ns, u64 period_ns, u64 *left_permille)
{
	(void)thread;
	*left_permille = reservable_permille;
	if (budget_ns != 0 && (period_ns == 0 || budget_ns > period_ns))
		return STATUS_NO_QUOTA;
	return budget_ns == 0 || budget_ns <= period_ns / 1000 * reservable_permille
		       ? STATUS_OK
		       : STATUS_NO_QUOTA;
}

enum status sys_thread_yield(handle_t handle)
{
	(void)vcpu_of(handle);
	return STATUS_OK;
}

/* The place of `handle` tells which vCPU it is, also when the vCPU is made again. */
enum status sys_vcpu_create(handle_t vm, handle_t memory, u64 offset, handle_t queue,
			    handle_t *handle)
{
	struct vcpu *vcpu = CONTAINER_OF(handle, struct vcpu, handle);

	(void)vm, (void)memory, (void)queue;
	CHECK_THAT(offset == 0 && vcpu->id < machine.vcpu_count);
	vcpu->page->apic_virtualized = apic_virtualized;
	*handle = FIRST_VCPU + vcpu->id;
	return STATUS_OK;
}

enum status sys_vcpu_kick(handle_t handle)
{
	(void)vcpu_of(handle);
	return STATUS_OK;
}

enum status sys_vcpu_get(handle_t handle, u32 groups)
{
	struct vcpu_page *page = vcpu_of(handle)->page;

	if (groups & VCPU_DUMP)
		page->dump_count = 3;
	page->valid |= groups;
	return STATUS_OK;
}

/* Takes what a run takes from the page; a value that the kernel would refuse ends the process. */
static void kernel_enter(struct vcpu_page *page)
{
	const u32 types = BITS(EVENT_SOFTWARE_EXCEPTION, EVENT_INTERRUPT) & ~BIT(1);

	CHECK_THAT(page->inject.valid <= 1);
	CHECK_THAT(!page->inject.valid || (types >> (page->inject.type & 31) & 1));
	CHECK_THAT((page->dirty &
		    ~(u32)(VCPU_ALL | VCPU_XSAVE | VCPU_TRAPS | VCPU_APIC | VCPU_INTERRUPTS)) == 0);
	CHECK_THAT(!(page->dirty & VCPU_XCR0) || (page->xcr0 & XCR0_X87));
	CHECK_THAT(page->apic_mode <= VAPIC_MSRS);
	if (page->request & REQUEST_ADVANCE) {
		CHECK_THAT(page->advance_length <= X86_LENGTH_MAX);
		page->rip += page->advance_length;
		page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	}
	page->inject = (struct vcpu_event){0};
	page->request = 0;
	page->dirty = 0;
	page->run_count++;
}

/* A run that puts traps in force for a query: the kick before it ends it at once. */
enum status sys_vcpu_run(handle_t handle)
{
	struct vcpu_page *page = vcpu_of(handle)->page;

	kernel_enter(page);
	page->event = (struct vcpu_event){0};
	page->exit = (struct vcpu_exit){.reason = EXIT_KICK};
	return STATUS_OK;
}

/* A CPU with every feature that the monitor distinguishes: AVX-512, x2APIC, every address bit. */
void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	static const struct cpuid_regs components[] = {
		{0xe7, 0, 0xa80, 0}, {0, 0, 0, 0},     {256, 576, 0, 0},  {0, 0, 0, 0},
		{0, 0, 0, 0},	     {64, 1088, 0, 0}, {512, 1152, 0, 0}, {1024, 1664, 0, 0},
	};

	*regs = (struct cpuid_regs){0};
	if (leaf == 0)
		regs->eax = 0xd;
	else if (leaf == CPUID_VERSION)
		*regs = (struct cpuid_regs){0x50654, 0x100800, ~0u, ~0u};
	else if (leaf == CPUID_FEATURES && subleaf == 0)
		*regs = (struct cpuid_regs){0, ~0u, ~0u, ~0u};
	else if (leaf == CPUID_XSAVE && subleaf < ARRAY_COUNT(components))
		*regs = components[subleaf];
	else if (leaf == CPUID_EXTENDED)
		regs->eax = 0x80000008;
	else if (leaf == CPUID_ADDRESS_SIZES)
		regs->eax = 0x3028;
	else if (leaf == CPUID_EXTENDED_VERSION)
		*regs = (struct cpuid_regs){0, 0, ~0u, ~0u};
}

static void start_with(u32 kind, const void *bytes, u64 size)
{
	struct start_entry *entry = entries;

	while (entry->kind != START_NONE)
		entry++;
	*entry = (struct start_entry){
		.kind = kind, .handle = kind, .offset = (u64)(uintptr_t)bytes, .value = size};
}

/*
 * Sets everything as before the process started, with RAM cleared; the caller then sets parameters.
 */
static void kernel_reset(void)
{
	if (ram == NULL) {
		ram = mmap(NULL, RAM_BYTES + PAGE_SIZE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		CHECK_THAT(ram != MAP_FAILED &&
			   mprotect(ram, RAM_BYTES, PROT_READ | PROT_WRITE) == 0);
	}
	CHECK_THAT(madvise(ram, RAM_BYTES, MADV_DONTNEED) == 0);
	memset(&machine, 0, sizeof(machine));
	memset(&info, 0, sizeof(info));
	memset(entries, 0, sizeof(entries));
	channel = calloc(1, align_up(CHANNEL_BYTES, PAGE_SIZE));
	host_tsc = 1000;
	reservable_permille = 950;
	info.tsc_khz = 1000000;
	start_with(START_RAM, NULL, RAM_BYTES);
}

static void kernel_end(void)
{
	for (u32 i = 0; i < TAKEN_MAX; i++) {
		free(piece[i]);
		piece[i] = NULL;
	}
	free(channel);
}
