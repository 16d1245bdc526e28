/* SPDX-License-Identifier: MIT */
/*
 * The command `cpu`: shows each host CPU's load and counters, and the CPUs' defences against leaks.
 * Run by command.c. Reads the kernel's page and host/leak.c; keeps the counters of the last call.
 */
#include "vmm/manager/host/machine.h"
#include "arch/x86_64/hw/speculation.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/inspect/entropy_names.h"
#include "vmm/manager/host/leak.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/*
 * Returns the CPU's load since the last `cpu` command: the part of the time in which it was not
 * idle, in percent.
 */
static u64 command_cpu_load_percent(u32 cpu, u64 idle_tsc, u64 now)
{
	static u64 last_idle[CPU_MAX];
	static u64 last_now[CPU_MAX];
	u64 since = last_now[cpu] != 0 ? last_now[cpu] : machine_page()->boot_tsc;
	u64 passed = now - since;
	/*
	 * The kernel may count twice a part of a halt that began after the last reading of the
	 * counters: so the idle time is cut to the time passed.
	 */
	u64 idle = idle_tsc > last_idle[cpu] ? MIN(idle_tsc - last_idle[cpu], passed) : 0;

	last_idle[cpu] = idle_tsc;
	last_now[cpu] = now;
	return passed == 0 ? 0 : (passed - idle) * 100 / passed;
}

/* Returns the name of the VM whose thread the CPU runs. */
static const char *command_cpu_running_name(const struct cpu_counters *counters)
{
	const struct vm *vm = vm_by_id((u32)counters->tag);

	if (counters->idle_since_tsc != 0 || counters->running_since_tsc == 0)
		return "idle";
	if (counters->tag == 0)
		return "manager";
	return vm != NULL ? vm->config.name : "gone";
}

static size_t command_cpu_add_word(char *text, size_t size, size_t length, const char *word)
{
	return length + format(text + length, size - length, "%s%s", length > 0 ? " " : "", word);
}

/* Writes the names of the measures against speculation that are in force. */
static void command_cpu_speculation_words(char *text, size_t size)
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
		{HOST_RETURN_STACK, "return-stack"},
		{HOST_BHI_DIS, "bhi-dis"},
		{HOST_HISTORY, "history"},
		{HOST_SMALL_CODE, "small-code"},
	};
	u64 bits = machine_page()->features >> HOST_SPECULATION_SHIFT;
	size_t length = 0;

	if ((machine_page()->features & HOST_SPLIT_TABLES) != 0)
		length = command_cpu_add_word(text, size, length, "split-tables");
	for (u32 i = 0; i < ARRAY_COUNT(words); i++)
		if ((words[i].bit & bits) != 0)
			length = command_cpu_add_word(text, size, length, words[i].word);
	if (length == 0)
		format(text, size, "none");
}

/* Writes the names of the leaks (side channels) against which the CPUs have no defence. */
static void command_cpu_open_words(const struct leak_cpu *cpu, char *text, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; i < LEAK_COUNT; i++) {
		struct leak leak = leak_judge(cpu, i);

		if (leak.state == LEAK_OPEN)
			length = command_cpu_add_word(text, size, length, leak.name);
	}
	if (length == 0)
		format(text, size, "none");
}

static void command_cpu_show_text(struct reply *reply, u32 cpu, const struct cpu_counters *counters,
				  u64 load)
{
	reply_line(reply, "%3u %4llu%% %12llu %8llu %10llu %12llu %10llu %12llu  %s", cpu,
		   (unsigned long long)load, (unsigned long long)counters->exits,
		   (unsigned long long)counters->ipis, (unsigned long long)counters->wakeups,
		   (unsigned long long)counters->interrupts, (unsigned long long)counters->switches,
		   (unsigned long long)counters->syscalls, command_cpu_running_name(counters));
}

/* The facts that `cpu` shows once, as they are the same for all CPUs. */
struct alike {
	struct leak_cpu cpu;
	char done[128];
	char open[LEAK_COUNT * LEAK_NAME_BYTES];
	char entropy[ENTROPY_NAMES_BYTES];
};

static void command_cpu_alike_words(struct alike *words)
{
	words->cpu = leak_cpu_read();
	command_cpu_speculation_words(words->done, sizeof(words->done));
	command_cpu_open_words(&words->cpu, words->open, sizeof(words->open));
	entropy_names(machine_page()->entropy_sources, words->entropy, sizeof(words->entropy));
}

static void command_cpu_leaks_json(struct json *json, const struct leak_cpu *cpu)
{
	json_array_begin(json, "leaks");
	for (u32 i = 0; i < LEAK_COUNT; i++) {
		struct leak leak = leak_judge(cpu, i);

		json_object_begin(json, NULL);
		json_string(json, "leak", leak.name);
		json_string(json, "state", leak_state_name(leak.state));
		json_string(json, "by", leak.by);
		json_object_end(json);
	}
	json_array_end(json);
}

static void command_cpu_show_json(struct reply *reply, u32 cpu, const struct cpu_counters *counters,
				  u64 load)
{
	struct json *json = &reply->object;
	struct alike words;

	command_cpu_alike_words(&words);
	reply_object_begin(reply);
	json_u64(json, "id", cpu);
	json_u64(json, "load_percent", load);
	json_u64(json, "exits", counters->exits);
	json_u64(json, "ipis", counters->ipis);
	json_u64(json, "wakeups", counters->wakeups);
	json_u64(json, "interrupts", counters->interrupts);
	json_u64(json, "switches", counters->switches);
	json_u64(json, "syscalls", counters->syscalls);
	json_string(json, "runs", command_cpu_running_name(counters));
	json_string(json, "speculation", words.done);
	json_string(json, "speculation_open", words.open);
	json_string(json, "entropy", words.entropy);
	json_string(json, "dma", iommu_word());
	if (cpu == 0)
		command_cpu_leaks_json(json, &words.cpu);
	reply_object_end(reply);
}

static void command_cpu_show(struct reply *reply, u32 cpu)
{
	struct cpu_counters counters = machine_page()->cpu[cpu];
	u64 now = clock_tsc();
	u64 halted = counters.idle_since_tsc != 0 ? now - counters.idle_since_tsc : 0;
	u64 load = command_cpu_load_percent(cpu, counters.idle_tsc + halted, now);

	if (reply->json)
		command_cpu_show_json(reply, cpu, &counters, load);
	else
		command_cpu_show_text(reply, cpu, &counters, load);
}

static void command_cpu_show_alike(struct reply *reply)
{
	struct alike words;

	command_cpu_alike_words(&words);
	reply_line(reply, "speculation: %s; open: %s; entropy: %s; DMA: %s", words.done, words.open,
		   words.entropy, iommu_word());
	reply_line(reply, "%-*s  %-14s  %s", (int)LEAK_NAME_BYTES - 1, "LEAK", "STATE", "BY");
	for (u32 i = 0; i < LEAK_COUNT; i++) {
		struct leak leak = leak_judge(&words.cpu, i);

		reply->tone = leak.state == LEAK_OPEN ? TONE_WARNING : TONE_PLAIN;
		reply_line(reply, "%-*s  %-14s  %s", (int)LEAK_NAME_BYTES - 1, leak.name,
			   leak_state_name(leak.state), leak.by);
	}
	reply->tone = TONE_PLAIN;
}

/*
 * Shows one CPU; after the last, the text form shows the features and leaks that all CPUs have in
 * common.
 */
static bool command_cpu_show_next(struct reply *reply, u64 place)
{
	if (place < machine_page()->cpu_count && place < CPU_MAX) {
		command_cpu_show(reply, (u32)place);
		return true;
	}
	if (!reply->json)
		command_cpu_show_alike(reply);
	return false;
}

static bool command_cpu_resume_cpus(struct reply *reply)
{
	return reply_list(reply, command_cpu_show_next);
}

static void command_cpu(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%3s %5s %12s %8s %10s %12s %10s %12s  %s", "CPU", "LOAD",
			   "EXITS", "IPIS", "WAKEUPS", "INTERRUPTS", "SWITCHES", "SYSCALLS",
			   "RUNS");
	if (!command_cpu_resume_cpus(reply))
		reply->resume = command_cpu_resume_cpus;
}

COMMAND(cpu,
	.name = "cpu",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "host CPUs: load, exits, IPIs, wake-ups",
	.detail = "The load is measured since the last `cpu`. Then what is done against\n"
		  "attacks by speculation, what these CPUs are open to, what the randomness of\n"
		  "addresses came from, and who is trusted with DMA; and of each leak that CPUs\n"
		  "are known for: closed by what, open for want of what, or why this CPU does\n"
		  "not have it.",
	.example = "cpu",
	.keys = "id load_percent exits ipis wakeups interrupts switches syscalls runs speculation "
		"speculation_open entropy dma, of the first leaks: leak state by",
	.run = command_cpu);
