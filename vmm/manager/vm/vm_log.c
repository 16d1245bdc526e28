/* SPDX-License-Identifier: MIT */
/*
 * Copies monitors' log lines into the manager's log, within a rate limit for each VM. Called by
 * vm_report.c; setup.c sets the rate. Owns vm->log; reads the channel's ring of log
 * bytes.
 */
#include "vmm/manager/vm/vm_log.h"
#include "lib/checked.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"

#define BURST_SECONDS 10u

static u32 rate = CONFIG_LOG_RATE;

void vm_log_rate_set(u32 lines_per_second)
{
	rate = lines_per_second;
}

void vm_log_restart(struct vm_log *log)
{
	log->read = 0;
	log->length = 0;
}

static bool vm_log_take_tokens(struct vm_log *log, u32 count)
{
	u64 now = clock_tsc();
	u64 new_tokens = mul_div(clock_tsc_to_ns(now - log->filled_tsc), rate, NS_PER_S);
	u64 burst = (u64)rate * BURST_SECONDS;

	if (log->filled_tsc == 0)
		new_tokens = burst;
	if (new_tokens > 0) {
		log->tokens = (u32)MIN(log->tokens + new_tokens, burst);
		log->filled_tsc = now;
	}
	if (log->tokens < count)
		return false;
	log->tokens -= count;
	return true;
}

bool vm_log_allows(struct vm *vm)
{
	return vm_log_take_tokens(&vm->log, 1);
}

static void vm_log_end_line(struct vm *vm)
{
	struct vm_log *log = &vm->log;
	struct text text = {log->line, log->length};

	log->length = 0;
	if (text.length == 0)
		return;
	/* the warning that lines were dropped counts as a line too */
	if (!vm_log_take_tokens(log, log->dropped > 0 ? 2 : 1)) {
		log->dropped++;
		log->dropped_all++;
		log_monitor_dropped(1);
		return;
	}
	if (log->dropped > 0)
		log_message(LOG_WARNING, LOG_VM, vm->config.name,
			    "%llu lines of its monitor dropped, more than %u a second",
			    (unsigned long long)log->dropped, rate);
	log->dropped = 0;
	log_monitor_line(vm->config.name, text);
}

void vm_log_take(struct vm *vm)
{
	struct vm_log *log = &vm->log;
	u32 written = __atomic_load_n(&vm->channel->log_written, __ATOMIC_ACQUIRE);

	if (written - log->read > CHANNEL_RING_BYTES) {
		log->read = written - CHANNEL_RING_BYTES;
		log->dropped++;
		log->dropped_all++;
	}
	for (; log->read != written; log->read++) {
		char c = (char)vm->channel->log[log->read % CHANNEL_RING_BYTES];

		if (c == '\n')
			vm_log_end_line(vm);
		else if (log->length < VM_LOG_LINE_BYTES)
			log->line[log->length++] = c;
	}
}
