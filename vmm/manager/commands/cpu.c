/* SPDX-License-Identifier: MIT */
#include "vmm/manager/host/machine.h"
#include "arch/x86_64/hw/speculation.h"
#include "vmm/manager/command.h"
#include "vmm/manager/entropy_names.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* No IOMMU keeps a device from any memory: docs/components/host-pci.md. */
#define DMA_WORD "drivers are trusted"

/* The part of the time since the last call that was not idle, in percent. */
static u64 load_percent(u32 cpu, u64 idle_tsc, u64 now)
{
	static u64 last_idle[CPU_MAX];
	static u64 last_now[CPU_MAX];
	u64 since = last_now[cpu] != 0 ? last_now[cpu] : machine_page()->boot_tsc;
	u64 passed = now - since;
	/* A halt that began after the counters were read may in part be counted twice. */
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

static void show_text(struct reply *reply, u32 cpu, const struct cpu_counters *counters, u64 load)
{
	reply_line(reply, "%3u %4llu%% %12llu %8llu %10llu %12llu %10llu %12llu  %s", cpu,
		   (unsigned long long)load, (unsigned long long)counters->exits,
		   (unsigned long long)counters->ipis, (unsigned long long)counters->wakeups,
		   (unsigned long long)counters->interrupts,
		   (unsigned long long)counters->switches,
		   (unsigned long long)counters->syscalls, running_name(counters));
}

/* What is said of all CPUs alike. */
struct alike {
	char done[96];
	char open[64];
	char entropy[ENTROPY_NAMES_BYTES];
};

static struct alike alike_words(void)
{
	struct alike words;

	speculation_words(false, words.done, sizeof(words.done));
	speculation_words(true, words.open, sizeof(words.open));
	entropy_names(machine_page()->entropy_sources, words.entropy, sizeof(words.entropy));
	return words;
}

static void show_json(struct reply *reply, u32 cpu, const struct cpu_counters *counters, u64 load)
{
	const struct alike words = alike_words();
	struct json *json = &reply->object;

	reply_object_begin(reply);
	json_u64(json, "id", cpu);
	json_u64(json, "load_percent", load);
	json_u64(json, "exits", counters->exits);
	json_u64(json, "ipis", counters->ipis);
	json_u64(json, "wakeups", counters->wakeups);
	json_u64(json, "interrupts", counters->interrupts);
	json_u64(json, "switches", counters->switches);
	json_u64(json, "syscalls", counters->syscalls);
	json_string(json, "runs", running_name(counters));
	json_string(json, "speculation", words.done);
	json_string(json, "speculation_open", words.open);
	json_string(json, "entropy", words.entropy);
	json_string(json, "dma", DMA_WORD);
	reply_object_end(reply);
}

static void show_cpu(struct reply *reply, u32 cpu)
{
	struct cpu_counters counters = machine_page()->cpu[cpu];
	u64 now = clock_tsc();
	u64 halted = counters.idle_since_tsc != 0 ? now - counters.idle_since_tsc : 0;
	u64 load = load_percent(cpu, counters.idle_tsc + halted, now);

	if (reply->json)
		show_json(reply, cpu, &counters, load);
	else
		show_text(reply, cpu, &counters, load);
}

static void show_alike(struct reply *reply)
{
	const struct alike words = alike_words();

	reply_line(reply, "speculation: %s; open: %s; entropy: %s; DMA: %s", words.done,
		   words.open, words.entropy, DMA_WORD);
}

/* CPU by CPU; people are told at the end what they have in common. */
static bool show_next(struct reply *reply, u64 place)
{
	if (place < machine_page()->cpu_count && place < CPU_MAX) {
		show_cpu(reply, (u32)place);
		return true;
	}
	if (!reply->json)
		show_alike(reply);
	return false;
}

static bool resume_cpus(struct reply *reply)
{
	return reply_list(reply, show_next);
}

static void command_cpu(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%3s %5s %12s %8s %10s %12s %10s %12s  %s", "CPU", "LOAD",
			   "EXITS", "IPIS", "WAKEUPS", "INTERRUPTS", "SWITCHES", "SYSCALLS",
			   "RUNS");
	if (!resume_cpus(reply))
		reply->resume = resume_cpus;
}

COMMAND(cpu,
	.name = "cpu",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "host CPUs: load, exits, IPIs, wake-ups",
	.detail = "The load is measured since the last `cpu`. Then what is done against\n"
		  "attacks by speculation, what these CPUs are open to, what the randomness of\n"
		  "addresses came from, and who is trusted with DMA.",
	.example = "cpu",
	.keys = "id load_percent exits ipis wakeups interrupts switches syscalls runs speculation "
		"speculation_open entropy dma",
	.run = command_cpu);
