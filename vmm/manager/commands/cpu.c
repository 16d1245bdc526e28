/* SPDX-License-Identifier: MIT */
#include "vmm/manager/host/machine.h"
#include "arch/x86_64/hw/speculation.h"
#include "lib/format.h"
#include "vmm/manager/command.h"
#include "vmm/manager/entropy_names.h"
#include "vmm/rt/clock.h"

/* What was idle of the time since the last call, in percent of what is left. */
static u64 load_percent(u32 cpu, u64 idle_tsc, u64 now)
{
	static u64 last_idle[CPU_MAX];
	static u64 last_now[CPU_MAX];
	u64 since = last_now[cpu] != 0 ? last_now[cpu] : machine_page()->boot_tsc;
	u64 passed = now - since;
	/* A halt that began after it was read may be counted a little twice. */
	u64 idle = idle_tsc > last_idle[cpu] ? MIN(idle_tsc - last_idle[cpu], passed) : 0;

	last_idle[cpu] = idle_tsc;
	last_now[cpu] = now;
	return passed == 0 ? 0 : (passed - idle) * 100 / passed;
}

/* Whose thread the CPU runs. */
static const char *running_name(const struct cpu_counters *counters)
{
	const struct vm *vm = vm_by_id((u32)counters->tag);

	if (counters->idle_since_tsc != 0 || counters->running_since_tsc == 0)
		return "idle";
	if (counters->tag == 0)
		return "manager";
	return vm != NULL ? vm->config.name : "gone";
}

/* What is done about speculation, or what the CPUs are open to, as words. */
static void speculation_words(bool open, char *text, size_t size)
{
	static const struct {
		u64 bit;
		const char *word;
	} words[] = {
		{HOST_IBRS, "ibrs"},
		{HOST_IBRS_ON_EXIT, "ibrs-on-exit"},
		{HOST_IBPB, "ibpb"},
		{HOST_STIBP, "stibp"},
		{HOST_SSBD, "ssbd"},
		{HOST_L1D_FLUSH, "l1d-flush"},
		{HOST_VERW, "verw"},
		{HOST_OPEN_V2, "spectre-v2"},
		{HOST_OPEN_SSB, "ssb"},
		{HOST_OPEN_L1TF, "l1tf"},
		{HOST_OPEN_MDS, "mds"},
	};
	u64 bits = machine_page()->features >> HOST_SPECULATION_SHIFT;
	size_t length = 0;

	text[0] = '\0';
	if (!open && (machine_page()->features & HOST_SPLIT_TABLES) != 0)
		length = format(text, size, "split-tables");
	for (u32 i = 0; i < ARRAY_COUNT(words); i++) {
		if ((words[i].bit & bits) == 0 || (words[i].bit >= HOST_OPEN_V2) != open)
			continue;
		length += format(text + length, size - length, "%s%s", length > 0 ? " " : "",
				 words[i].word);
	}
	if (length == 0)
		format(text, size, "none");
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	const struct kernel_page *page = machine_page();
	char done[96];
	char open[64];
	char entropy[ENTROPY_NAMES_BYTES];

	(void)arguments;
	speculation_words(false, done, sizeof(done));
	speculation_words(true, open, sizeof(open));
	entropy_names(page->entropy_sources, entropy, sizeof(entropy));
	if (!reply->json)
		reply_line(reply, "%3s %5s %12s %8s %10s %12s %10s %12s  %s", "CPU", "LOAD",
			   "EXITS", "IPIS", "WAKEUPS", "INTERRUPTS", "SWITCHES", "SYSCALLS",
			   "RUNS");
	for (u32 i = 0; i < page->cpu_count && i < CPU_MAX; i++) {
		struct cpu_counters counters = page->cpu[i];
		u64 now = clock_tsc();
		u64 halted = counters.idle_since_tsc != 0 ? now - counters.idle_since_tsc : 0;
		u64 load = load_percent(i, counters.idle_tsc + halted, now);

		if (!reply->json) {
			reply_line(reply,
				   "%3u %4llu%% %12llu %8llu %10llu %12llu %10llu %12llu  %s", i,
				   (unsigned long long)load, (unsigned long long)counters.exits,
				   (unsigned long long)counters.ipis,
				   (unsigned long long)counters.wakeups,
				   (unsigned long long)counters.interrupts,
				   (unsigned long long)counters.switches,
				   (unsigned long long)counters.syscalls, running_name(&counters));
			continue;
		}
		reply_object_begin(reply);
		json_u64(&reply->object, "id", i);
		json_u64(&reply->object, "load_percent", load);
		json_u64(&reply->object, "exits", counters.exits);
		json_u64(&reply->object, "ipis", counters.ipis);
		json_u64(&reply->object, "wakeups", counters.wakeups);
		json_u64(&reply->object, "interrupts", counters.interrupts);
		json_u64(&reply->object, "switches", counters.switches);
		json_u64(&reply->object, "syscalls", counters.syscalls);
		json_string(&reply->object, "runs", running_name(&counters));
		json_string(&reply->object, "speculation", done);
		json_string(&reply->object, "speculation_open", open);
		json_string(&reply->object, "entropy", entropy);
		reply_object_end(reply);
	}
	if (!reply->json)
		reply_line(reply, "speculation: %s; open: %s; entropy: %s", done, open, entropy);
}

COMMAND(cpu,
	.name = "cpu",
	.arguments = "",
	.summary = "host CPUs: load, exits, IPIs, wake-ups",
	.detail = "The load is that since the last time this was asked. Then what is done against\n"
		  "attacks by speculation, what these CPUs are open to, and what the randomness\n"
		  "of addresses came from.",
	.example = "cpu",
	.keys = "id load_percent exits ipis wakeups interrupts switches syscalls runs speculation "
		"speculation_open entropy",
	.run = run);
