/* SPDX-License-Identifier: MIT */
/*
 * Work for a Linux guest, as one static program without a C library. The tests call it in a guest's
 * shell.
 *
 * `work load THREADS ROUNDS` computes on THREADS CPUs at once while one of them keeps replacing a
 * page that all others read, and checks what they see. `work clock` prints CLOCK_MONOTONIC in ns.
 * `work sleep MS` prints by how many microseconds a sleep of MS milliseconds was too long.
 */
#define NULL	    ((void *)0)
#define PAGE	    4096ul
#define STACK	    (16 * PAGE)
#define THREADS_MAX 64

/* clang-format off */
enum { SYS_WRITE = 1, SYS_MMAP = 9, SYS_MUNMAP = 11, SYS_NANOSLEEP = 35, SYS_CLONE = 56,
       SYS_EXIT = 60, SYS_WAIT4 = 61, SYS_SCHED_SETAFFINITY = 203, SYS_CLOCK_GETTIME = 228,
       SYS_GETCPU = 309 };
/* clang-format on */
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20 };
enum { CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, SIGCHLD = 17 };
enum { CLOCK_MONOTONIC = 1 };

struct timespec {
	long seconds;
	long nanoseconds;
};

struct job {
	unsigned int number;
	unsigned int cpu;	 /* the CPU on which the job ran */
	unsigned long sum;	 /* the sum that the job computed */
	unsigned long stale;	 /* how often the job read a page that had been replaced */
	unsigned long backwards; /* times the clock was behind what another CPU had read */
};

void start(const unsigned long *stack);

static struct job job[THREADS_MAX];
static unsigned int threads;
static unsigned long rounds;
static volatile unsigned long *page;
static volatile unsigned long published; /* least number the page may hold */
static volatile unsigned int finished;
static volatile unsigned long latest; /* latest time that any thread has read */

static long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static long call(long number, long a, long b, long c)
{
	return call6(number, a, b, c, 0, 0, 0);
}

static void print(const char *text)
{
	long length = 0;

	while (text[length] != '\0')
		length++;
	call(SYS_WRITE, 1, (long)text, length);
}

static void print_number(unsigned long value)
{
	char digits[24];
	int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	print(digits + at);
}

static void show(const char *name, unsigned long value)
{
	print(name);
	print_number(value);
}

static unsigned long number(const char *text)
{
	unsigned long value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (unsigned long)(*text++ - '0');
	return value;
}

static unsigned long now_ns(void)
{
	struct timespec time;

	call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)&time, 0);
	return (unsigned long)time.seconds * 1000000000ul + (unsigned long)time.nanoseconds;
}

static void *map(void *at, unsigned long bytes)
{
	return (void *)call6(SYS_MMAP, (long)at, (long)bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | (at != NULL ? MAP_FIXED : 0), -1, 0);
}

/* Runs function(argument) in a new thread that shares all memory; the thread then ends. */
static long spawn(void (*function)(struct job *), struct job *argument)
{
	unsigned long *top = (unsigned long *)((char *)map(NULL, STACK) + STACK);
	long result;

	*--top = (unsigned long)argument;
	*--top = (unsigned long)function;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "mov $60, %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)SYS_CLONE),
			   "D"((long)(CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD)), "S"(top),
			   "d"(0l)
			 : "rcx", "r11", "memory");
	return result;
}

static void pin(unsigned int cpu)
{
	unsigned long mask = 1ul << cpu;

	call(SYS_SCHED_SETAFFINITY, 0, sizeof(mask), (long)&mask);
}

/* Executes a few thousand instructions whose result tells if one went wrong. */
static unsigned long compute(unsigned long value)
{
	for (int i = 0; i < 2000; i++) {
		value ^= value << 13;
		value ^= value >> 7;
		value ^= value << 17;
	}
	return value;
}

/* Replaces the page before its number is published: from then on nobody may read a lower number. */
static void replace_page(unsigned long round)
{
	map((void *)page, PAGE);
	*page = round;
	__atomic_store_n(&published, round, __ATOMIC_SEQ_CST);
}

/* Checks the page: a new page holds 0 until its number is written. */
static void check_page(struct job *self)
{
	unsigned long least = __atomic_load_n(&published, __ATOMIC_SEQ_CST);
	unsigned long found = *page;

	if (found < least && found != 0)
		self->stale++;
}

static void check_clock(struct job *self)
{
	unsigned long before = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);
	unsigned long now = now_ns();

	if (now < before)
		self->backwards++;
	while (now > before && !__atomic_compare_exchange_n(&latest, &before, now, 0,
							    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void run(struct job *self)
{
	pin(self->number);
	call(SYS_GETCPU, (long)&self->cpu, 0, 0);
	self->sum = 88172645463325252ul;
	for (unsigned long round = 1; round <= rounds; round++) {
		self->sum = compute(self->sum);
		if (self->number == 0)
			replace_page(round);
		else
			check_page(self);
		check_clock(self);
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

static int load(void)
{
	unsigned long stale = 0, backwards = 0;
	int status, good = 1;

	page = map(NULL, PAGE);
	for (unsigned int i = 0; i < threads; i++) {
		job[i].number = i;
		if (spawn(run, &job[i]) < 0)
			threads = i;
	}
	for (unsigned int i = 0; i < threads; i++)
		call6(SYS_WAIT4, -1, (long)&status, 0, 0, 0, 0);
	print("load: cpus");
	for (unsigned int i = 0; i < threads; i++) {
		show(" ", job[i].cpu);
		good &= job[i].cpu == i && job[i].sum == job[0].sum;
		stale += job[i].stale;
		backwards += job[i].backwards;
	}
	show(" finished ", finished);
	show(" stale ", stale);
	show(" backwards ", backwards);
	print(good && finished == threads && stale + backwards == 0 ? " good\n" : " BAD\n");
	return !good;
}

static int sleep_ms(unsigned long ms)
{
	struct timespec time = {(long)(ms / 1000), (long)(ms % 1000) * 1000000};
	unsigned long began = now_ns();

	call(SYS_NANOSLEEP, (long)&time, 0, 0);
	show("sleep: over by ", (now_ns() - began - ms * 1000000) / 1000);
	print(" us\n");
	return 0;
}

static int choose(unsigned long count, char *const *word)
{
	char what = count > 1 ? word[1][0] : '\0';

	if (what == 'l' && count == 4) {
		threads = (unsigned int)number(word[2]);
		rounds = number(word[3]);
		if (threads >= 1 && threads <= THREADS_MAX)
			return load();
	}
	if (what == 's' && count == 3)
		return sleep_ms(number(word[2]));
	if (what == 'c' && count == 2) {
		show("clock: ", now_ns());
		print(" ns\n");
		return 0;
	}
	print("usage: work load THREADS ROUNDS | work clock | work sleep MS\n");
	return 2;
}

void start(const unsigned long *stack)
{
	call(SYS_EXIT, choose(stack[0], (char *const *)(stack + 1)), 0, 0);
	__builtin_unreachable();
}

__asm__(".globl _start\n"
	"_start:\n\t"
	"mov %rsp, %rdi\n\t"
	"and $-16, %rsp\n\t"
	"call start\n");
