/* SPDX-License-Identifier: MIT */
/*
 * Procedures that report the use of VMs. The table of procedures names them; they ask core for the
 * VMs, and write Skerry's counts under libvirt's names, or under Skerry's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/door/error.h"
#include "gateway/door/list.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

/*
 * The groups of ConnectGetAllDomainStats that are served, a bit each; a call without any asks for
 * all.
 */
enum stats_group { STATS_STATE = 1, STATS_CPU = 2, STATS_BALLOON = 4, STATS_VCPU = 8 };

/*
 * Flags beside those of lists: ENFORCE asks for an error if a group is not served; the EASY ones
 * need nothing to be done.
 */
#define STATS_ENFORCE 0x80000000u
#define STATS_EASY    0x60000000u

enum {
	STATS_SERVED = STATS_STATE | STATS_CPU | STATS_BALLOON | STATS_VCPU,
	STATS_LISTED = 255,
	STATS_INT = 1,
	STATS_UINT = 2,
	STATS_U64 = 4,
	STATS_DOUBLE = 5,
	STATS_BALLOON_TAG = 6, /* tags of DomainMemoryStats */
	STATS_RSS_TAG = 7,
};

struct stats {
	struct buffer items;
	uint32_t count;
};

static void stats_begin(struct stats *stats, const char *name, uint32_t type)
{
	xdr_write_text(&stats->items, name);
	xdr_write_u32(&stats->items, type);
	stats->count++;
}

static void stats_add(struct stats *stats, const char *name, uint32_t type, uint32_t value)
{
	stats_begin(stats, name, type);
	xdr_write_u32(&stats->items, value);
}

static void stats_add_u64(struct stats *stats, const char *name, uint64_t value)
{
	stats_begin(stats, name, STATS_U64);
	xdr_write_u64(&stats->items, value);
}

static void stats_add_double(struct stats *stats, const char *name, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	stats_begin(stats, name, STATS_DOUBLE);
	xdr_write_u64(&stats->items, bits);
}

static void stats_cpu(struct stats *stats, json_t *vm)
{
	json_t *sample = json_object_get(vm, "sample");
	const char *exits = json_string_value(json_object_get(vm, "exits"));
	double cpu_s = json_number_value(json_object_get(vm, "cpu_s"));

	stats_add_u64(stats, "cpu.time", cpu_s > 0 ? (uint64_t)(cpu_s * 1e9) : 0);
	if (exits)
		stats_add_u64(stats, "skerry.exits", strtoull(exits, NULL, 10));
	if (json_is_object(sample))
		stats_add_double(stats, "skerry.steal.percent",
				 json_number_value(json_object_get(sample, "steal_percent")));
}

static void stats_of(struct stats *stats, json_t *vm, uint32_t groups)
{
	uint64_t memory_kib = (uint64_t)vm_number(vm, "memory_bytes") / 1024;
	uint32_t vcpus = (uint32_t)vm_number(vm, "vcpus");

	if (groups & STATS_STATE) {
		stats_add(stats, "state.state", STATS_INT, vm_state(vm));
		stats_add(stats, "state.reason", STATS_INT, vm_reason(vm));
	}
	if (groups & STATS_CPU)
		stats_cpu(stats, vm);
	if (groups & STATS_BALLOON) {
		stats_add_u64(stats, "balloon.current", memory_kib);
		stats_add_u64(stats, "balloon.maximum", memory_kib);
		stats_add_u64(stats, "balloon.rss",
			      (uint64_t)vm_number(vm, "resident_bytes") / 1024);
	}
	if (groups & STATS_VCPU) {
		stats_add(stats, "vcpu.current", STATS_UINT, vcpus);
		stats_add(stats, "vcpu.maximum", STATS_UINT, vcpus);
	}
}

/*
 * Returns whether a call asks for statistics of the VM: by a list of VMs, or by flags that the VM
 * matches.
 */
static bool stats_wanted(const struct rpc *call, json_t *vm)
{
	const struct arguments *arguments = &call->arguments;
	uint8_t uuid[UUID_BYTES];

	if (!arguments->domain_count)
		return list_shows(vm, (uint32_t)arguments->numbers[1] & STATS_LISTED);
	vm_uuid(vm, uuid);
	for (unsigned i = 0; i < arguments->domain_count; i++) {
		if (!memcmp(arguments->domains[i].uuid, uuid, UUID_BYTES))
			return true;
	}
	return false;
}

static void stats_took_all(struct rpc *call, json_t *body)
{
	uint32_t groups = (uint32_t)call->arguments.numbers[0], count = 0;
	json_t *items = json_object_get(body, "items"), *vm;
	size_t i;

	json_array_foreach(items, i, vm) count += stats_wanted(call, vm);
	xdr_write_u32(&call->results, count);
	json_array_foreach(items, i, vm)
	{
		struct stats stats = {0};

		if (!stats_wanted(call, vm))
			continue;
		stats_of(&stats, vm, groups ? groups : STATS_SERVED);
		vm_write(&call->results, vm);
		xdr_write_u32(&call->results, stats.count);
		call->results.failed |= stats.items.failed;
		if (stats.count)
			xdr_write_bytes(&call->results, stats.items.bytes, stats.items.count);
		buffer_free(&stats.items);
	}
	rpc_answer(call);
}

void stats_all(struct rpc *call)
{
	uint32_t groups = (uint32_t)call->arguments.numbers[0];
	uint32_t flags = (uint32_t)call->arguments.numbers[1];

	if (flags & ~(STATS_ENFORCE | STATS_EASY | STATS_LISTED))
		rpc_fail(call, ERROR_INVALID_ARGUMENT, "the flags 0x%x of statistics are unknown",
			 flags);
	else if (flags & STATS_ENFORCE && groups & ~(uint32_t)STATS_SERVED)
		rpc_fail(call, ERROR_NO_SUPPORT, "Skerry does not count what the groups 0x%x have",
			 groups & ~(uint32_t)STATS_SERVED);
	else
		rpc_ask(call, "GET", "/v1/vms", NULL, stats_took_all);
}

static void stats_took_memory(struct rpc *call, json_t *vm)
{
	uint32_t room = (uint32_t)call->arguments.numbers[0], count = room < 2 ? room : 2;

	if (!vm_active(vm)) {
		rpc_fail(call, ERROR_STATE,
			 "Requested operation is not valid: domain is not running");
		return;
	}
	xdr_write_u32(&call->results, count);
	if (count > 0) {
		xdr_write_u32(&call->results, STATS_BALLOON_TAG);
		xdr_write_u64(&call->results, (uint64_t)vm_number(vm, "memory_bytes") / 1024);
	}
	if (count > 1) {
		xdr_write_u32(&call->results, STATS_RSS_TAG);
		xdr_write_u64(&call->results, (uint64_t)vm_number(vm, "resident_bytes") / 1024);
	}
	rpc_answer(call);
}

void stats_memory(struct rpc *call)
{
	rpc_domain(call, stats_took_memory);
}

/* Answers with -1, for "not counted", instead of each number of a disk. */
static void stats_took_block(struct rpc *call, json_t *vm)
{
	if (!vm_has_disk(vm, call->arguments.texts[0])) {
		rpc_fail(call, ERROR_INVALID_ARGUMENT, "the domain has no disk \"%s\"",
			 call->arguments.texts[0]);
		return;
	}
	for (unsigned i = 0; i < 5; i++)
		xdr_write_u64(&call->results, UINT64_MAX);
	rpc_answer(call);
}

void stats_block(struct rpc *call)
{
	rpc_domain(call, stats_took_block);
}
