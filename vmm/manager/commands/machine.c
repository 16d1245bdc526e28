/* SPDX-License-Identifier: MIT */
#include "vmm/manager/machine.h"
#include "lib/format.h"
#include "vmm/manager/commands/commands.h"
#include "vmm/manager/log.h"
#include "vmm/manager/page_names.h"
#include "vmm/manager/shutdown.h"
#include "vmm/rt/clock.h"

/* Where there are several: which memory lies close together, for the CPUs that are there. */
static void show_zones(struct reply *reply, const struct kernel_page *page)
{
	char name[16];

	for (u32 i = 0; i < ZONE_MAX; i++) {
		const struct zone_counters *zone = &page->zones[i];

		if (zone->pages == 0 || page->zones[0].pages == page->page_count)
			continue;
		format(name, sizeof(name), "zone-%u", i);
		if (!reply->json) {
			reply_line(reply, "%-10s %12llu %10llu  %llu free", name,
				   (unsigned long long)zone->pages,
				   (unsigned long long)(zone->pages * PAGE_SIZE / KIB),
				   (unsigned long long)zone->free);
			continue;
		}
		reply_object_begin(reply);
		json_string(&reply->object, "owner", name);
		json_u64(&reply->object, "pages", zone->pages);
		json_u64(&reply->object, "free", zone->free);
		reply_object_end(reply);
	}
}

void command_mem(struct reply *reply, const struct arguments *arguments)
{
	const struct kernel_page *page = machine_page();

	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-10s %12s %10s", "OWNER", "PAGES", "KIB");
	for (u32 i = 0; i < PAGE_OWNER_COUNT; i++) {
		u64 pages = page->pages[i];

		if (!reply->json) {
			reply_line(reply, "%-10s %12llu %10llu", page_owner_name(i),
				   (unsigned long long)pages,
				   (unsigned long long)(pages * PAGE_SIZE / KIB));
			continue;
		}
		reply_object_begin(reply);
		json_string(&reply->object, "owner", page_owner_name(i));
		json_u64(&reply->object, "pages", pages);
		reply_object_end(reply);
	}
	show_zones(reply, page);
}

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

void command_cpu(struct reply *reply, const struct arguments *arguments)
{
	const struct kernel_page *page = machine_page();

	(void)arguments;
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
		reply_object_end(reply);
	}
}

/* There is no next prompt. */
static bool resume_stop(struct reply *reply)
{
	(void)reply;
	return false;
}

static void stop(struct reply *reply, enum shutdown what)
{
	shutdown_ask(what);
	if (reply->to->terminal)
		reply->resume = resume_stop;
}

void command_reboot(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	stop(reply, SHUTDOWN_REBOOT);
}

void command_poweroff(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (machine_power_problem() != NULL) {
		reply_error(reply, "cannot power off: %s", machine_power_problem());
		return;
	}
	stop(reply, SHUTDOWN_POWER_OFF);
}

COMMAND(mem,
	.name = "mem",
	.arguments = "",
	.summary = "pages of the machine by owner",
	.detail = "A page has 4096 bytes.",
	.example = "mem",
	.keys = "owner pages free",
	.run = command_mem);

COMMAND(cpu,
	.name = "cpu",
	.arguments = "",
	.summary = "host CPUs: load, exits, IPIs, wake-ups",
	.detail = "The load is that since the last time this was asked.",
	.example = "cpu",
	.keys = "id load_percent exits ipis wakeups interrupts switches syscalls runs",
	.run = command_cpu);

COMMAND(reboot,
	.name = "reboot",
	.arguments = "",
	.summary = "resets the machine at once",
	.detail = "VMs are not asked.",
	.example = "reboot",
	.run = command_reboot,
	.audited = true);

COMMAND(poweroff,
	.name = "poweroff",
	.arguments = "",
	.summary = "switches the machine off at once",
	.detail = "VMs are not asked.",
	.example = "poweroff",
	.run = command_poweroff,
	.audited = true);
