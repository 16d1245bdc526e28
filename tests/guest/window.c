/* SPDX-License-Identifier: MIT */
/*
 * A guest with a window that it shares with others (vmm/rt/window.h). By the word on its command
 * line it is `first` or `second` of two that try the device on each other, `target` of a fuzzer, or
 * `harness`, which gives a target its inputs and counts what a run costs.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/pci.h"
#include "vmm/rt/window.h"

#define VENDOR	    0x1af4u
#define DEVICE	    0x0f01u
#define LIMIT_US    30000000u
#define PAGES	    128u
#define PATTERN	    0x5a5a5a5au
#define SAMPLES	    200u
#define RING(to)    ((u32)(to) << 16)
#define SHARED	    4096u /* where in the window the two sides have what they say to each other */
#define ELSEWHERE   0xd0000000u
#define ENTRY_BYTES 16u

struct shared {
	u32 ready; /* the target has its snapshot */
	u32 place; /* the target's */
	u32 asked; /* the number of the input, by the harness */
	u32 taken; /* the number of the last input that the target has taken */
	u32 pages; /* the input: how many pages to write to, and how to end */
	u32 panic;
	u32 changed;  /* words of the target's that were not as at the snapshot */
	u32 again;    /* how often the target has found its snapshot gone */
	u32 word[64]; /* the first two guests' */
};

static word registers;
static word window;
static u32 slot;
static u32 memory[PAGES][1024] __attribute__((aligned(4096)));
static u64 sample[SAMPLES];

static u32 get(u32 at)
{
	return *register32(registers + at);
}

static void put(u32 at, u32 value)
{
	*register32(registers + at) = value;
}

static volatile struct shared *shared(void)
{
	return (volatile struct shared *)(window + SHARED);
}

static volatile struct window_head *head(u32 place)
{
	return (volatile struct window_head *)window + place;
}

static bool find(void)
{
	slot = pci_find(VENDOR, DEVICE);
	if (slot == PCI_NO_SLOT)
		return false;
	registers = (word)pci_bar(slot, 0);
	window = (word)pci_bar(slot, 2);
	return get(WINDOW_IDENTITY) == WINDOW_MAGIC;
}

/* Halts until *at has that value. */
static bool wait_word(volatile u32 *at, u32 value)
{
	u32 began = clock_ticks();

	while (*at != value) {
		if (clock_us_since(began) > LIMIT_US)
			return false;
		(void)get(WINDOW_RUNG);
		if (*at != value)
			put(WINDOW_WAIT, 0);
	}
	return true;
}

static void use_vector(u32 bell)
{
	u32 capability = pci_capability(slot, PCI_CAP_MSIX, 0);
	word entry = registers + WINDOW_AT_MSIX + bell * ENTRY_BYTES;

	*register32(entry) = 0xfee00000u;
	*register32(entry + 8) = VECTOR_LOW;
	*register32(entry + 12) = 0;
	pci_put(slot, PCI_COMMAND, 2, pci_get(slot, PCI_COMMAND, 2) | PCI_COMMAND_BUS_MASTER);
	pci_put(slot, capability + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
}

/* --- two guests --- */

static void test_registers(u32 place)
{
	check_equal("place", get(WINDOW_PLACE), place);
	check_equal("bytes", get(WINDOW_BYTES), 64 * KIB);
	check_equal("status", get(WINDOW_STATUS), WINDOW_NONE);
	put(WINDOW_RING, RING(WINDOW_PLACES));	    /* nobody has that place */
	put(WINDOW_RING, RING(0) | WINDOW_VECTORS); /* and no place has that bell */
	put(WINDOW_CALL, 99);
	check_equal("no-call", get(WINDOW_STATUS), WINDOW_NONE);
	put(WINDOW_CALL, WINDOW_CALL_DONE);
	while (get(WINDOW_STATUS) == WINDOW_BUSY)
		relax();
	check_equal("no-snapshot", get(WINDOW_STATUS), WINDOW_GONE);
	*register32(window + 64 * KIB - 4) = 1;
	check_equal("end", *register32(window + 64 * KIB - 4), 1);
}

/* The window is where its BAR is, and nowhere else. */
static void test_moves(void)
{
	word before = window;

	shared()->word[2] = 0x1234;
	pci_set_bar(slot, 2, ELSEWHERE);
	window = ELSEWHERE;
	check_equal("moved", shared()->word[2], 0x1234);
	check_equal("not-there", *register32(before + SHARED), 0xffffffff);
	pci_put(slot, PCI_COMMAND, 2, 0);
	check_equal("off", shared()->word[2], 0xffffffff);
	pci_put(slot, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	pci_set_bar(slot, 2, before);
	window = before;
	check_equal("back", shared()->word[2], 0x1234);
}

static void be_first(void)
{
	test_registers(0);
	test_moves();
	use_vector(1);
	trap_set_hook(VECTOR_LOW, lapic_end_of_interrupt);
	shared()->word[0] = 1;
	check("answer", wait_word(&shared()->word[1], 2), "the other guest does not answer");
	check("interrupt", wait_count(&trap_count[VECTOR_LOW], 1, LIMIT_US), "there was none");
	shared()->word[0] = 3;
	put(WINDOW_RING, RING(1));
}

static void be_second(void)
{
	test_registers(1);
	while (shared()->word[0] != 1)
		relax();
	shared()->word[1] = 2;
	put(WINDOW_RING, RING(0) | 1);
	check("end", wait_word(&shared()->word[0], 3), "the other guest does not ring");
}

/* --- a fuzzer's two sides --- */

static u32 call(u32 what, u32 value)
{
	put(WINDOW_VALUE, value);
	put(WINDOW_CALL, what);
	while (get(WINDOW_STATUS) == WINDOW_BUSY)
		relax();
	return get(WINDOW_STATUS);
}

static void run(void)
{
	u32 changed = 0;

	for (u32 page = 0; page < PAGES; page++)
		changed += memory[page][page] != PATTERN;
	for (u32 page = 0; page < shared()->pages && page < PAGES; page++)
		memory[page][page]++;
	shared()->changed += changed;
	shared()->taken = shared()->asked;
}

/* Has a snapshot taken, at which all of `memory` has the pattern. */
static u32 begin(void)
{
	u32 status;

	for (u32 page = 0; page < PAGES; page++)
		memory[page][page] = PATTERN;
	do
		status = call(WINDOW_CALL_SNAPSHOT, RING(option_number("harness", 0)));
	while (status == WINDOW_GONE);
	return status;
}

static void be_target(void)
{
	u32 status;

	shared()->place = get(WINDOW_PLACE);
	status = begin();
	say("SNAPSHOT", status);
	shared()->ready = status;
	put(WINDOW_RING, RING(option_number("harness", 0)));
	while (status == WINDOW_DONE) {
		while (shared()->taken == shared()->asked) {
			(void)get(WINDOW_RUNG);
			if (shared()->taken == shared()->asked)
				put(WINDOW_WAIT, 0);
		}
		run();
		status = call(shared()->panic ? WINDOW_CALL_PANIC : WINDOW_CALL_DONE,
			      shared()->asked);
		/* who comes here was not set back: does the run once more, from a new snapshot */
		shared()->again += status == WINDOW_GONE;
		shared()->taken -= status == WINDOW_GONE;
		if (status == WINDOW_GONE)
			status = begin();
		say("STATUS", status);
		shared()->ready = status;
	}
}

/* Has the target do a run; returns whether it has ended as it should. */
static bool give(u32 place, u32 pages, bool panic)
{
	volatile struct window_head *at = head(place);
	u32 runs = at->runs;

	shared()->pages = pages;
	shared()->panic = panic;
	shared()->asked++;
	put(WINDOW_RING, RING(place));
	if (!wait_word(&at->runs, runs + 1))
		return false;
	return at->status == (panic ? WINDOW_PANIC : WINDOW_DONE) && at->value == shared()->asked &&
	       shared()->changed == 0;
}

static void count(u32 place, u32 pages, const char *resets, const char *runs)
{
	bool good = true;
	u64 least = ~0ull;
	u64 began;
	u64 whole;

	for (u32 i = 0; i < SAMPLES; i++)
		sample[i] = 0;
	for (u32 i = 0; i < 8; i++)
		good &= give(place, pages, false);
	began = read_tsc();
	for (u32 i = 0; i < SAMPLES; i++) {
		good &= give(place, pages, false);
		if (head(place)->cycles < least)
			least = head(place)->cycles;
	}
	whole = (read_tsc() - began) / SAMPLES;
	check(resets, good, "a run did not end as it should, or something was not as before");
	say(resets, least);
	say(runs, whole);
}

static void be_harness(void)
{
	u32 began = clock_ticks();
	u32 place;

	while (shared()->ready == 0 && clock_us_since(began) < LIMIT_US)
		put(WINDOW_WAIT, 0);
	check_equal("ready", shared()->ready, WINDOW_DONE);
	place = shared()->place;
	check("runs", give(place, 100, false), "the first run");
	check("panic", give(place, 3, true), "not told, or not set back");
	check("after-panic", give(place, PAGES, false), "the run after that");
	count(place, 0, "RESET-0", "RUN-0");
	count(place, 100, "RESET-100", "RUN-100");
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	traps_init();
	lapic_enable();
	if (!find()) {
		fail("device", "there is none");
		return;
	}
	asm volatile("sti");
	if (option("first"))
		be_first();
	else if (option("second"))
		be_second();
	else if (option("target"))
		be_target();
	else
		be_harness();
}
