/* SPDX-License-Identifier: MIT */
/*
 * System calls with any arguments, by a process that holds the root, one that has what a monitor
 * has, and those that they create. A call gives a status and no value, or a result; at the end
 * every page is free again. An input is at most CALLS_MAX calls, each of them bounded. Meanwhile
 * shared pages are written, RAM runs out, and vCPUs move to another CPU.
 */
/* Counted elsewhere: kernel/run_queue/budget.c kernel/run_queue/heap.c kernel/run_queue/run_queue.c
 */
#include "tests/fuzz/fuzz.h"
#include "tests/hostile/shapes.h"

#include "tests/unit/kernel_machine.h"

#define RAM_BYTES  (8 * MIB)
#define CALLS_MAX  256u
#define GROUPS_MAX 40u
#define END_STEPS  100000u
#define OWN_GROUP  3u /* the handle of a process's own group, as make_process gives it */

static struct group *groups[GROUPS_MAX];
static u32 group_count;
static u64 free_pages;		   /* the free pages before anything was made */
static struct process *callers[2]; /* the test holds a reference to each */
static hpa_t hoard[RAM_BYTES / PAGE_SIZE];
static u32 hoard_count;
static u64 audited;	   /* what the last SYS_AUDIT returned */
static struct vcpu *taken; /* a vCPU that is loaded on another CPU */

static struct group *make_group(u64 quota)
{
	struct group *group;

	CHECK_THAT(group_create(quota, 100, &group) == STATUS_OK);
	object_get(&group->object);
	groups[group_count++] = group;
	return group;
}

static struct memory *make_memory(struct quota *quota, u64 pages, u32 flags)
{
	struct memory *memory;

	CHECK_THAT(memory_create(quota, PAGE_PROCESS, pages, flags, &memory) == STATUS_OK);
	for (u64 i = 0; i < pages; i++)
		CHECK_THAT(memory_populate(memory, i) == STATUS_OK);
	return memory;
}

static struct memory *make_image(void)
{
	struct memory *image = make_memory(NULL, 4, 0);

	*(struct image_header *)memory_pointer(image, 0) = (struct image_header){
		.magic = IMAGE_MAGIC,
		.text_pages = 1,
		.rodata_pages = 1,
		.data_pages = 1,
		.bss_pages = 1,
		.entry = 64,
	};
	return image;
}

static void give(struct process *process, struct object *object)
{
	u64 handle;

	CHECK_THAT(handle_insert(process->handles, object, RIGHT_ALL, &handle) == STATUS_OK);
}

/* A process with a thread to call from, and handles of itself, its space, group and memory. */
static struct process *make_process(struct group *group, struct memory *image)
{
	struct memory *start = make_memory(&group->quota, START_BYTES / PAGE_SIZE, MEMORY_PINNED);
	struct process *process;

	CHECK_THAT(process_create(group, image, 0, 0, &process) == STATUS_OK);
	CHECK_THAT(process_start(process, start) == STATUS_OK);
	give(process, &process->object);
	give(process, &process->space->object);
	give(process, &group->object);
	give(process, &start->object);
	object_put(&start->object);
	return process;
}

static void start(void)
{
	struct memory *image;
	struct group *guest;

	kernel_machine_start(RAM_BYTES);
	free_pages = machine_free_pages();
	group_count = 0;
	audited = 0;
	image = make_image();
	callers[0] = make_process(make_group(1200), image);
	guest = make_group(500);
	callers[1] = make_process(guest, image);
	give(callers[0], &machine_root);
	give(callers[0], &image->object);
	give(callers[0], &callers[1]->object);
	give(callers[0], &guest->object);
	object_put(&image->object);
}

/* Returns one of the process's threads, or NULL if it has none left. */
static struct thread *caller_of(struct process *process, u8 which)
{
	struct list *node = process->threads.next;

	for (which %= 4; which > 0 && node->next != &process->threads; which--)
		node = node->next;
	return node == &process->threads ? NULL : LIST_ENTRY(node, struct thread, sibling);
}

/* Mostly a handle that the caller has, of any type; otherwise any number. */
static u64 draw_handle(struct fuzz *input, const struct process *process)
{
	u8 which = fuzz_u8(input);
	u32 index = which % (process->handles->end + 1u);

	if (which >= 0xe8 || index == process->handles->end)
		return fuzz_number(input);
	return (index + 1) | (u32)process->handles->entry[index].generation << 16;
}

/* The identity of one of the caller's objects, the last audit's next position, or any number. */
static u64 draw_identity(struct fuzz *input, const struct process *process)
{
	u8 which = fuzz_u8(input);
	const struct object *object =
		process->handles->end == 0
			? NULL
			: process->handles->entry[which % process->handles->end].object;

	if (which >= 0xe0)
		return audited;
	return which >= 0xc0 || object == NULL ? fuzz_number(input) : audit_identity(object);
}

static void draw_arguments(struct fuzz *input, const struct process *process,
			   struct trap_frame *frame)
{
	u64 *const registers[] = {&frame->rdi, &frame->rsi, &frame->r8,
				  &frame->r9,  &frame->r10, &frame->rbx};
	u8 shape = frame->rax < SYS_COUNT ? call_shapes[frame->rax] : 0;

	for (u32 i = 0; i < ARRAY_COUNT(registers); i++)
		*registers[i] =
			(shape >> i & 1) != 0 ? draw_handle(input, process) : fuzz_number(input);
	if (frame->rax == SYS_AUDIT)
		frame->r9 = draw_identity(input, process);
}

static u32 handles_held(const struct process *process)
{
	u32 held = 0;

	for (u32 i = 0; i < process->handles->end; i++)
		held += process->handles->entry[i].object != NULL;
	return held;
}

static void check_result(u64 number, const struct trap_frame *frame, bool handles_changed)
{
	CHECK_THAT(frame->rax < STATUS_COUNT);
	CHECK_THAT(object_turn.next == object_turn.serving && !object_alone);
	CHECK_THAT(!machine_cpu.shares && list_empty(&machine_cpu.dropped));
	CHECK_THAT(long_lock_first.next == long_lock_first.serving);
	if (frame->rax == STATUS_OK || number == SYS_OBJECT_DESTROY)
		return;
	CHECK_THAT(frame->rdi == 0 || number == SYS_THREAD_RESERVE || number == SYS_VCPU_RUN);
	CHECK_THAT(!handles_changed);
}

/*
 * A handle granted to another process never has more rights than the caller's, nor a process's
 * space more than belong to one.
 */
static void check_rights(struct process *process, u64 number, u64 target, u64 from,
			 const struct trap_frame *frame)
{
	struct object *object;

	if (frame->rax != STATUS_OK)
		return;
	if (number == SYS_PROCESS_SPACE)
		CHECK_THAT((handle_rights(process->handles, frame->rdi) &
			    ~(u32)(RIGHT_READ | RIGHT_MAP |
				   (handle_rights(process->handles, target) & RIGHT_GRANT))) == 0);
	if (number == SYS_HANDLE_GRANT && handle_lookup(process->handles, target, OBJECT_PROCESS,
							RIGHT_GRANT, &object) == STATUS_OK)
		CHECK_THAT((handle_rights(CONTAINER_OF(object, struct process, object)->handles,
					  frame->rdi) &
			    ~handle_rights(process->handles, from)) == 0);
}

/* The test keeps a reference to every group, so that it can end those that nothing else can. */
static void note_group(struct process *process, u64 number, const struct trap_frame *frame)
{
	struct object *object;

	if (number == SYS_GROUP_CREATE && frame->rax == STATUS_OK &&
	    handle_lookup(process->handles, frame->rdi, OBJECT_GROUP, 0, &object) == STATUS_OK) {
		object_get(object);
		groups[group_count++] = CONTAINER_OF(object, struct group, object);
	}
}

/* Runs the guest up to an exit that the kernel returns to the monitor's thread. */
static void run_guest(struct fuzz *input, struct thread *thread, struct trap_frame *frame)
{
	u8 how;

	frame->rax = vcpu_begin_run(&machine_cpu, thread, frame->rdi);
	if (frame->rax != STATUS_OK)
		return;
	machine_exit = (struct vcpu_exit){
		.reason = EXIT_KICK + fuzz_u8(input) % (EXIT_REASON_COUNT - EXIT_KICK),
		.gpa = fuzz_number(input),
	};
	how = fuzz_u8(input);
	machine_exit.access = how & 15;
	machine_settles = how & 0x10;
	for (u32 i = 0; i < 4 && thread->guest != NULL; i++) {
		if (i == 3)
			vcpu_kick(thread->guest);
		if (how & 0x20)
			vcpu_preempt(thread->guest);
		(void)vcpu_step(&machine_cpu, thread->guest);
	}
	machine_settles = false;
	CHECK_THAT(thread->guest == NULL);
}

static void call(struct fuzz *input)
{
	u8 who = fuzz_u8(input);
	u64 number = fuzz_u8(input) % (SYS_COUNT + 1);
	struct process *process = callers[who & 1];
	struct thread *thread = caller_of(process, who >> 1);
	struct trap_frame frame = {.rax = number};
	u32 held = handles_held(process);
	u64 target;
	u64 from;

	draw_arguments(input, process, &frame);
	target = frame.rdi;
	from = frame.rsi;
	if (thread == NULL || thread->state != THREAD_READY ||
	    (number == SYS_GROUP_CREATE && group_count == GROUPS_MAX))
		return;
	machine_cpu.thread = machine_cpu.running = thread;
	if (setjmp(machine_stopped) != 0) { /* the call stopped the machine: the test goes on */
		machine_unlock();
		frame.rax = STATUS_OK;
	} else if (number == SYS_VCPU_RUN) {
		run_guest(input, thread, &frame);
	} else {
		syscall_dispatch(thread, &frame);
	}
	if (thread->state == THREAD_WAITING && (who & 0x80))
		thread_wake(thread, STATUS_TIMED_OUT, 0);
	machine_cpu.thread = machine_cpu.running = NULL;
	if (number == SYS_AUDIT)
		audited = frame.rdi;
	check_result(number, &frame, handles_held(process) != held);
	check_rights(process, number, target, from, &frame);
	note_group(process, number, &frame);
}

static u64 ask(struct thread *thread, u64 number, const u64 argument[6])
{
	/* clang-format off */
	struct trap_frame frame = {.rax = number, .rdi = argument[0], .rsi = argument[1],
				   .r8 = argument[2], .r9 = argument[3], .r10 = argument[4],
				   .rbx = argument[5]};
	/* clang-format on */

	syscall_dispatch(thread, &frame);
	return frame.rdi;
}

#define ASK(thread, number, ...) ask(thread, number, (const u64[6]){__VA_ARGS__})

/* Makes what a monitor makes at its start: a VM with RAM, a vCPU, and an event for it. */
static void make_vm(struct process *process)
{
	struct thread *thread = caller_of(process, 0);
	u64 bytes = process == callers[0] ? 2 * MIB + 16 * PAGE_SIZE : 16 * PAGE_SIZE;
	u64 space, ram, vm, queue, pages, event;

	if (thread == NULL || thread->state != THREAD_READY)
		return;
	machine_cpu.thread = machine_cpu.running = thread;
	space = ASK(thread, SYS_SPACE_CREATE, OWN_GROUP);
	ram = ASK(thread, SYS_MEMORY_CREATE, OWN_GROUP, bytes, MEMORY_GUEST);
	(void)ASK(thread, SYS_SPACE_MAP, space, 0, ram, 0, bytes, RIGHT_READ | RIGHT_WRITE);
	vm = ASK(thread, SYS_VM_CREATE, OWN_GROUP, space);
	queue = ASK(thread, SYS_QUEUE_CREATE, OWN_GROUP);
	pages = ASK(thread, SYS_MEMORY_CREATE, OWN_GROUP, VCPU_PAGES_MAX * PAGE_SIZE,
		    MEMORY_PINNED);
	(void)ASK(thread, SYS_VCPU_CREATE, vm, pages, 0, queue);
	event = ASK(thread, SYS_EVENT_CREATE, OWN_GROUP);
	(void)ASK(thread, SYS_OBJECT_BIND, event, queue, 1);
	machine_cpu.thread = machine_cpu.running = NULL;
}

/* Writes to memory that the kernel reads, as another thread could: any page of a process. */
static void scribble(struct fuzz *input)
{
	struct process *process = callers[fuzz_u8(input) & 1];
	u64 index = fuzz_u8(input);
	u64 offset = fuzz_u16(input) % (PAGE_SIZE / 8);
	u64 value = fuzz_number(input);
	struct object *object;
	struct memory *memory;
	u64 *page;

	if (handle_lookup(process->handles, draw_handle(input, process), OBJECT_MEMORY, RIGHT_WRITE,
			  &object) != STATUS_OK)
		return;
	memory = CONTAINER_OF(object, struct memory, object);
	if (memory->kind != MEMORY_RAM || index >= memory->page_count)
		return;
	page = memory_pointer(memory, index);
	if (page != NULL)
		page[offset] = value;
}

static void give_back(void)
{
	while (hoard_count > 0)
		page_free(hoard[--hoard_count], NULL);
}

/* Takes all RAM but a few pages, until the next time. */
static void starve(struct fuzz *input)
{
	u8 left = fuzz_u8(input);

	give_back();
	for (u32 order = PAGE_ORDER_2M + 1; order-- > 0 && left < 0x80;)
		while (machine_free_pages() >= left + BIT(order) &&
		       page_alloc(order, PAGE_KERNEL, NULL, &hoard[hoard_count]) == STATUS_OK)
			hoard_count++;
}

static void let_go(void)
{
	if (taken == NULL)
		return;
	tlb_space_leave(taken->vm->space, 1);
	taken->virt.loaded_cpu = NOT_LOADED;
	taken = NULL;
}

/* The vCPU that ran here runs on another CPU, until the next time. */
static void take_vcpu(void)
{
	struct vcpu *vcpu = machine_cpu.loaded;

	let_go();
	if (vcpu == NULL)
		return;
	vcpu_unload(&machine_cpu);
	vcpu->virt.loaded_cpu = 1;
	tlb_space_enter(vcpu->vm->space, 1);
	taken = vcpu;
}

static void settle_some(void)
{
	let_go();
	for (u32 i = 0; i < 8; i++) {
		(void)teardown_step_any();
		machine_pass(0);
	}
	vcpu_unload(&machine_cpu);
}

static void end(void)
{
	let_go();
	give_back();
	vcpu_unload(&machine_cpu);
	for (u32 i = 0; i < ARRAY_COUNT(callers); i++) {
		process_end(callers[i], 0);
		handle_close_those(callers[i]->handles, false);
		object_put(&callers[i]->object);
	}
	signal_unbind(&signal_root);
	/* Of a destroyed group only the test's own reference is left. */
	for (u32 i = 0; i < group_count; i++)
		if (!groups[i]->object.dead)
			object_put(&groups[i]->object);
	kernel_machine_end(groups, group_count, END_STEPS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz input = {bytes, size};

	start();
	for (u32 i = 0; i < CALLS_MAX && input.left > 0; i++) {
		u8 what = *input.bytes;

		if ((what & 0x60) == 0x20) {
			settle_some();
			(void)fuzz_u8(&input);
		} else if ((what & 0x60) == 0x40) {
			scribble(&input);
		} else if ((what & 0x7e) == 0x7a) {
			(void)fuzz_u8(&input);
			take_vcpu();
		} else if ((what & 0x7e) == 0x7c) {
			(void)fuzz_u8(&input);
			make_vm(callers[what & 1]);
		} else if ((what & 0x7e) == 0x7e) {
			(void)fuzz_u8(&input);
			starve(&input);
		} else {
			call(&input);
		}
	}
	end();
	machine_assert_clean(free_pages, NULL);
	return 0;
}
