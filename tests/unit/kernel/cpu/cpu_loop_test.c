/* SPDX-License-Identifier: MIT */
/* What a CPU does for each pending reason, when a slice ends, and when it has nothing to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define rdtsc	    rdtsc_of_cpu
#define sti_nop_cli sti_nop_cli_of_cpu
#define sti_hlt_cli sti_hlt_cli_of_cpu
#include "arch/x86_64/cpu/instructions.h"
#undef rdtsc
#undef sti_nop_cli
#undef sti_hlt_cli
#define this_cpu this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu
#include "lib/list.h"

static struct cpu cpu;
static u64 now;
static char said[256]; /* the functions that were called, in order */

static inline struct cpu *this_cpu(void)
{
	return &cpu;
}

static inline u64 rdtsc(void)
{
	return now;
}

static void say(const char *what)
{
	assert_true(strlen(said) + strlen(what) + 2 < sizeof(said));
	strcat(strcat(said, what), " ");
}

static void sti_nop_cli(void)
{
	say("window");
}

static void sti_hlt_cli(void);
#include "kernel/object/long_lock.c"
#include "kernel/cpu/cpu_loop.c"

struct machine machine;
struct list teardown_groups;
struct signal signal_root;
u64 tlb_waiting;
u8 log_threshold[LOG_CATEGORY_COUNT];

static struct space space;
static struct vm vm = {.space = &space};
static struct vcpu vcpu = {.vm = &vm};
static struct process process;
static struct thread thread;
static struct thread other;
static struct thread *next; /* the thread that the scheduler chooses */
static u32 steps;	    /* the steps that are left of the teardown */
static bool must_move;
static bool interrupts_off; /* the guest has interrupts off */
static bool may_extend;
static bool behind; /* pages wait for this CPU */
static u32 guest_steps;
static u64 guest_pends; /* what the guest leaves pending at the first exit */
static jmp_buf left;
static bool work_found; /* there is work as soon as the CPU asks for it */
static enum { NOTHING, SHARED, ALONE } objects;

void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int count)
{
	say("log");
}

void machine_check_handle(struct cpu *of)
{
	say("mce");
}
/* clang-format off */
void machine_check_poll(void) { say("poll"); }
void vcpu_unload(struct cpu *of) { say("unload"); }
void vcpu_preempt(struct vcpu *guest) { say("preempt"); }
void object_lock(void) { assert_int_equal(objects, NOTHING); objects = ALONE; }
void object_unlock(void) { assert_int_equal(objects, ALONE); objects = NOTHING; }
void object_share(void) { assert_int_equal(objects, NOTHING); objects = SHARED; }
void object_put_dropped(struct cpu *of) { say("put"); }
void object_unshare(void) { assert_int_equal(objects, SHARED); objects = NOTHING; }
/* clang-format on */
void timer_expire(struct cpu *of)
{
	assert_int_equal(objects, SHARED);
	say("expire");
	of->wake_tsc = 0;
}
/* clang-format off */
void signal_raise(struct signal *signal) { assert_int_equal(objects, SHARED); say("news"); }
void sched_give(struct cpu *of) { assert_int_equal(objects, ALONE); say("give"); }
void thread_isolate(struct cpu *of, const struct thread *to) { say("isolate"); }
void thread_load(struct cpu *of, struct thread *to) { say("load"); of->thread = to; }
void thread_clear(struct cpu *of) { say("clear"); of->foreign = false; }
void thread_forget_dead(struct cpu *of) { say("forget"); }
void tlb_cpu_passed(u32 id, bool used) { say(used ? "pass" : "leave"); }
bool tlb_cpu_behind(u32 id) { return behind; }
void tlb_cpu_idle(u32 id, bool idle) { say(idle ? "idle" : "awake"); }
void timer_arm_anew(struct cpu *of, u64 deadline) { say("arm"); }
u64 tsc_from_ns(u64 ns) { return ns; }
void cpus_publish(struct cpu *cpu) { (void)cpu; }
void cpus_pend(struct cpu *to, u64 reasons) { to->pending |= reasons; }
bool sched_must_move(const struct cpu *of) { return must_move; }
bool vcpu_await_window(struct vcpu *guest) { return interrupts_off; }
/* clang-format on */

/* The guest exits to the kernel so often, then to its monitor. */
bool vcpu_step(struct cpu *of, struct vcpu *guest)
{
	say("guest");
	assert_ptr_equal(guest, &vcpu);
	of->pending |= guest_pends;
	guest_pends = 0;
	if (guest_steps-- != 0)
		return false;
	of->running->guest = NULL;
	return true;
}

void cpu_return_to_user(struct cpu *of)
{
	say("user");
	longjmp(left, 1);
}

void sched_move(struct cpu *of)
{
	assert_int_equal(objects, ALONE);
	say("move");
	must_move = false;
}

void sched_next(struct cpu *of)
{
	say("next");
	of->running = next;
	of->grace = false;
}

void sched_extend(struct cpu *of)
{
	of->grace = may_extend;
	if (may_extend)
		of->queue_tsc = now + 100;
}

void sched_request_work(struct cpu *of)
{
	say("ask");
	if (!work_found)
		return;
	next = &thread;
	of->pending |= PENDING_RESCHEDULE;
}

bool teardown_step_any(void)
{
	say("step");
	if (--steps == 0)
		list_init(&teardown_groups);
	return steps != 0;
}

static void sti_hlt_cli(void)
{
	say("halt");
	next = &thread;
	cpu.pending |= PENDING_RESCHEDULE;
}

static void start(void)
{
	static struct cpu_counters counters;
	static struct run_queue queue;

	now = 1000;
	queue = (struct run_queue){0};
	cpu = (struct cpu){.counters = &counters, .queue = &queue, .balance_tsc = ~0ull};
	thread = other = (struct thread){.process = &process};
	next = cpu.running = cpu.thread = &thread;
	list_init(&teardown_groups);
	guest_steps = 0;
	guest_pends = 0;
	objects = NOTHING;
	must_move = interrupts_off = may_extend = work_found = behind = false;
}

static void assert_said(u64 pending, const char *expected)
{
	said[0] = 0;
	cpu.pending = pending;
	cpu_loop_handle(&cpu);
	assert_string_equal(said, expected);
}

static void test_reasons(void **state)
{
	(void)state;
	start();
	assert_said(0, "pass ");
	assert_said(PENDING_KICK, "pass ");
	assert_said(PENDING_TIMER, "pass ");
	assert_said(PENDING_RESCHEDULE, "next isolate load forget pass ");
	assert_said(PENDING_MACHINE_CHECK, "mce pass ");
	assert_said(PENDING_UNLOAD, "unload pass ");
	assert_said(PENDING_LOG, "news pass ");
	assert_said(PENDING_GIVE, "give pass ");
	assert_said(PENDING_DROPPED, "put pass ");
	assert_said(PENDING_NMI, "log pass ");
	must_move = true;
	assert_said(PENDING_GIVE, "move pass ");
	cpu.wake_tsc = now + 1;
	assert_said(PENDING_TIMER, "pass ");
	cpu.wake_tsc = now - 1;
	assert_said(PENDING_TIMER, "expire pass ");
	cpu.queue->count = 2;
	cpu.balance_tsc = now;
	assert_said(PENDING_TIMER, "give pass ");
	cpu.balance_tsc = ~0ull;
	now += 1ull << POLL_SHIFT;
	assert_said(PENDING_TIMER, "poll pass ");
	assert_said(PENDING_TIMER, "pass ");
	assert_int_equal(cpu.pending, 0);
}

/* A CPU that is never idle tears no objects down; pages ask for a pass each epoch. */
static void test_tidy(void **state)
{
	struct list dead;

	(void)state;
	start();
	list_push_back(&teardown_groups, &dead);
	steps = 2;
	assert_said(PENDING_TIMER, "pass ");
	list_init(&teardown_groups);
	tlb_waiting = 1;
	assert_said(PENDING_KICK, "pass ");
	assert_int_equal(cpu.pending, 0);
	behind = true;
	assert_said(PENDING_KICK, "pass ");
	assert_int_equal(cpu.pending, PENDING_PASS);
	tlb_waiting = 0;
}

/*
 * The spaces of others that the CPU has loaded are given up if they have changed, so that the CPU
 * is not kicked for them again; what its own thread uses stays.
 */
static void test_leave(void **state)
{
	(void)state;
	start();
	cpu.loaded = &vcpu;
	thread.ran = &vcpu;
	space.generation = 1;
	assert_said(PENDING_KICK, "pass ");
	thread.ran = NULL;
	assert_said(PENDING_KICK, "unload pass ");
	vcpu.space_seen = 1;
	assert_said(PENDING_KICK, "pass ");
	cpu.thread = &other;
	assert_said(PENDING_KICK, "leave ");
	vcpu.space_seen = space.generation = 0;
}

/* At the end of its slice a guest with interrupts off goes on for a little, unless it may not. */
static void test_slice_end(void **state)
{
	static const struct {
		bool guest;
		bool loaded;
		bool off;
		bool may_extend;
		bool grace;
		int left; /* the time left of the slice or its extension */
		bool ends;
	} table[] = {
		{true, true, true, true, false, 1, false},
		{true, true, true, true, false, -1, false},
		{true, true, false, true, false, -1, true},
		{true, true, true, false, false, -1, true},
		{true, false, true, true, false, -1, true},
		{false, true, true, true, false, -1, true}, /* the thread's monitor runs */
		{true, true, true, true, true, 1, false},
		{true, true, false, true, true, 1, true},
		{true, true, true, true, true, -1, true},
		{false, true, true, true, true, 1, false},
		{false, true, true, true, true, -1, true},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		start();
		thread.guest = table[i].guest ? &vcpu : NULL;
		cpu.loaded = table[i].loaded ? &vcpu : NULL;
		interrupts_off = table[i].off;
		may_extend = table[i].may_extend;
		cpu.grace = table[i].grace;
		cpu.queue_tsc = now + (u64)table[i].left;
		said[0] = 0;
		cpu.pending = PENDING_TIMER;
		cpu_loop_handle(&cpu);
		assert_int_equal(strstr(said, "next") != NULL, table[i].ends);
		assert_int_equal(cpu.pending, cpu.grace ? PENDING_PASS : 0);
		if (table[i].grace) /* the grace is given once */
			assert_int_equal(cpu.queue_tsc, now + (u64)table[i].left);
	}
}

/* A guest that loses the CPU is told if its registers are here; guests need no ring-3 frame. */
static void test_switch(void **state)
{
	(void)state;
	start();
	thread.guest = &vcpu;
	cpu.loaded = &vcpu;
	next = &other;
	assert_said(PENDING_RESCHEDULE, "next preempt isolate load forget pass ");
	start();
	thread.guest = &vcpu;
	next = &other;
	assert_said(PENDING_RESCHEDULE, "next isolate load forget pass ");
	start();
	thread.guest = other.guest = &vcpu;
	next = &other;
	assert_said(PENDING_RESCHEDULE, "next isolate forget leave ");
	start();
	thread.guest = &vcpu;
	cpu.loaded = &vcpu;
	assert_said(PENDING_RESCHEDULE, "next isolate load forget pass ");
	must_move = true; /* the thread must move at once, as its affinity says */
	assert_said(PENDING_RESCHEDULE, "next isolate load forget pass move pass ");
}

/*
 * With nothing to run the CPU tidies up first, then asks for work, sets the timer again, and halts.
 */
static void test_idle(void **state)
{
	struct list dead;

	(void)state;
	start();
	next = NULL;
	list_push_back(&teardown_groups, &dead);
	steps = 2;
	cpu.armed_tsc = cpu.armed_for = 7;
	assert_said(PENDING_RESCHEDULE,
		    "next forget leave step window next forget leave step ask arm idle halt awake "
		    "next isolate load forget pass ");
	assert_int_equal(cpu.armed_tsc, 0);
	assert_false(cpu.idle);
	assert_int_equal(cpu.counters->wakeups, 1);
	/* The CPU sees what comes up on the way to the halt. */
	start();
	next = cpu.running = NULL;
	work_found = true;
	assert_said(0, "next forget leave ask arm idle awake next isolate load forget pass ");
}

static void assert_loop(u64 pending, const char *expected)
{
	said[0] = 0;
	cpu.pending = pending;
	cpu.armed_for = 7;
	cpu.armed_tsc = now;
	if (setjmp(left) == 0)
		cpu_loop(&cpu);
	assert_string_equal(said, expected);
}

/* Ring 3 is entered with its own registers; a guest goes on until its monitor is needed. */
static void test_loop(void **state)
{
	(void)state;
	start();
	assert_loop(0, "user ");
	assert_loop(PENDING_KICK, "pass user ");
	tlb_waiting = 1;
	assert_loop(0, "user ");
	behind = true;
	assert_loop(0, "pass user ");
	tlb_waiting = 0;
	cpu.running = &other;
	assert_loop(0, "load user ");
	/* last of all: what is saved on the way is foreign too */
	cpu.running = &thread;
	cpu.foreign = true;
	assert_loop(0, "load clear user ");
	assert_loop(0, "user ");

	start();
	thread.guest = &vcpu;
	guest_steps = 2;
	assert_loop(0, "guest guest guest user ");
	cpu.foreign = true;
	thread.guest = &vcpu;
	guest_steps = 0;
	assert_loop(0, "guest clear user ");
	thread.guest = &vcpu;
	guest_steps = 1;
	guest_pends = PENDING_KICK;
	assert_loop(0, "guest pass guest user ");
	thread.guest = &vcpu;
	guest_steps = 0;
	guest_pends = PENDING_KICK;
	assert_loop(0, "guest pass user ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons), cmocka_unit_test(test_tidy),
		cmocka_unit_test(test_leave),	cmocka_unit_test(test_slice_end),
		cmocka_unit_test(test_switch),	cmocka_unit_test(test_idle),
		cmocka_unit_test(test_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
