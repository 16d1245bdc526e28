/* SPDX-License-Identifier: MIT */
/*
 * Computes how much disks, networks and VMs transfer in a second, from Skerry's counts for each
 * VM's use of each disk and for each port of a network. The cache calls it with Skerry's rows,
 * histories read it; it writes the traffic in `host`.
 */
#include "gateway/core/host/host.h"

#include <math.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/name.h"

/* The places of a VM's rates: first those of its disks, then those of its networks. */
enum { TRAFFIC_VM_DISKS = 0, TRAFFIC_VM_NETS = 2 };

static struct host_traffic *traffic_look(enum host_traffic_kind kind, const char *name)
{
	for (unsigned i = 0; i < host.traffic_count; i++) {
		if (host.traffic[i].kind == kind && !strcmp(host.traffic[i].name, name))
			return &host.traffic[i];
	}
	return NULL;
}

const struct host_traffic *host_traffic_find(enum host_traffic_kind kind, const char *name)
{
	return traffic_look(kind, name);
}

/*
 * Returns the thing of that kind and name, adding it if it is new, or NULL if there are too many.
 */
static struct host_traffic *traffic_get(enum host_traffic_kind kind, const char *name)
{
	struct host_traffic *thing = traffic_look(kind, name);

	if (thing || host.traffic_count == HOST_TRAFFIC)
		return thing;
	thing = &host.traffic[host.traffic_count++];
	*thing = (struct host_traffic){.kind = kind};
	string_copy(thing->name, sizeof(thing->name), name);
	for (unsigned i = 0; i < HOST_TRAFFIC_RATES; i++) {
		thing->rates[i] = NAN;
		thing->total[i] = -1;
	}
	return thing;
}

static double traffic_count_of(json_t *row, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(row, key));

	return count > 0 ? (double)count : 0;
}

/* Adds counts of a row to a thing's sums, beginning at the place `first`. */
static void traffic_add(struct host_traffic *thing, unsigned first, double a, double b, double c)
{
	if (!thing)
		return;
	thing->seen = true;
	thing->sum[first] += a;
	thing->sum[first + 1] += b;
	if (first + 2 < HOST_TRAFFIC_RATES)
		thing->sum[first + 2] += c;
}

static void traffic_begin(void)
{
	for (unsigned i = 0; i < host.traffic_count; i++) {
		host.traffic[i].seen = false;
		memset(host.traffic[i].sum, 0, sizeof(host.traffic[i].sum));
	}
}

/*
 * Computes the rates of a thing at the places from `first` up to `end`. A sum that has decreased
 * means that a driver or the thing was started again: its rate is then unknown once.
 */
static void traffic_end_thing(struct host_traffic *thing, unsigned first, unsigned end,
			      double now_s)
{
	for (unsigned i = first; i < end; i++) {
		double grown = thing->sum[i] - thing->total[i], span_s = now_s - thing->time_s[i];

		thing->rates[i] =
			thing->total[i] >= 0 && grown >= 0 && span_s > 0 ? grown / span_s : NAN;
		thing->counted[i] += thing->total[i] >= 0 && grown >= 0 ? grown : 0;
		thing->total[i] = thing->sum[i];
		thing->time_s[i] = now_s;
	}
}

/*
 * Ends a reply about things of `kind`, and about VMs' rates from the place `first` on. Forgets
 * things that the reply does not have.
 */
static void traffic_end(enum host_traffic_kind kind, unsigned first, double now_s)
{
	for (unsigned i = host.traffic_count; i-- > 0;) {
		struct host_traffic *thing = &host.traffic[i];
		bool vm = thing->kind == HOST_TRAFFIC_VM;

		if ((thing->kind == kind && !thing->seen) || (vm && !host_find(thing->name)))
			*thing = host.traffic[--host.traffic_count];
		else if (vm)
			traffic_end_thing(thing, first, first + 2, now_s);
		else if (thing->kind == kind)
			traffic_end_thing(thing, 0, HOST_TRAFFIC_RATES - 1, now_s);
	}
}

void host_traffic_take_disks(json_t *rows, double now_s)
{
	json_t *row;
	size_t index;

	traffic_begin();
	json_array_foreach(rows, index, row)
	{
		const char *disk = json_string_value(json_object_get(row, "disk"));
		const char *vm = json_string_value(json_object_get(row, "vm"));
		double read = traffic_count_of(row, "read_bytes");
		double written = traffic_count_of(row, "written_bytes");

		if (disk && name_of_disk(disk))
			traffic_add(traffic_get(HOST_TRAFFIC_DISK, disk), 0,
				    traffic_count_of(row, "requests"), read, written);
		if (vm && host_find(vm))
			traffic_add(traffic_get(HOST_TRAFFIC_VM, vm), TRAFFIC_VM_DISKS, read,
				    written, 0);
	}
	traffic_end(HOST_TRAFFIC_DISK, TRAFFIC_VM_DISKS, now_s);
}

static double traffic_dropped(json_t *row)
{
	double sum = 0;
	const char *key;
	json_t *count;

	json_object_foreach(json_object_get(row, "dropped"), key, count)
	{
		(void)key;
		sum += json_integer_value(count) > 0 ? (double)json_integer_value(count) : 0;
	}
	return sum;
}

/*
 * Returns the VM whose port a row describes, or NULL. A port of an uplink has its card's name,
 * which a VM may have too, but no address: its frames belong to no VM.
 */
static const char *traffic_vm_of_port(json_t *row)
{
	const char *port = json_string_value(json_object_get(row, "port"));
	const char *mac = json_string_value(json_object_get(row, "mac"));

	return port && host_find(port) && (!mac || strcmp(mac, "-") != 0) ? port : NULL;
}

/*
 * Takes rows of ports. Skerry counts as received the bytes that the network receives from the port.
 */
void host_traffic_take_nets(json_t *rows, double now_s)
{
	json_t *row;
	size_t index;

	traffic_begin();
	json_array_foreach(rows, index, row)
	{
		const char *net = json_string_value(json_object_get(row, "net"));
		const char *vm = traffic_vm_of_port(row);
		double in = traffic_count_of(row, "received_bytes");

		if (net && name_valid(net))
			traffic_add(traffic_get(HOST_TRAFFIC_NET, net), 0,
				    traffic_count_of(row, "received_frames"), in,
				    traffic_dropped(row));
		if (vm)
			traffic_add(traffic_get(HOST_TRAFFIC_VM, vm), TRAFFIC_VM_NETS,
				    traffic_count_of(row, "sent_bytes"), in, 0);
	}
	traffic_end(HOST_TRAFFIC_NET, TRAFFIC_VM_NETS, now_s);
}
