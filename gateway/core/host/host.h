/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buffer.h"
#include "gateway/core/common/name.h"

/*
 * The state of Skerry as the gateway knows it: it comes over the link, and most GETs are answered
 * from it.
 */
enum {
	HOST_VMS = 256,
	HOST_FIELDS = 64, /* the most fields (values) of a VM's sample */
	HOST_FIELD_BYTES = 32,
	HOST_CPUS = 256,
	HOST_EVENTS = 1024, /* how many of Skerry's last events are kept */
	HOST_TRAFFIC = HOST_VMS + 64,
	HOST_TRAFFIC_RATES = 4,
	HOST_STORES = 16, /* the most stores whose room is kept */
};

struct host_sample {
	int64_t time_ns;
	int64_t values[HOST_FIELDS];
};

struct host_vm {
	char name[NAME_BYTES];
	json_t *list;  /* the VM's object of `vm list` */
	double list_s; /* when `list` came, by clock_now_s() */
	/* the VM's keys as NAME: {"value", "applies"}; NULL: not asked for yet */
	json_t *config;
	bool config_stale; /* the keys have changed since they were asked for */
	bool config_asked; /* the keys are asked for, and the answer has not come */
	bool seen;	   /* the VM is in the list that is being read now */
	struct host_sample now, before;
	bool sampled; /* `now` and `before` are valid, so that rates can be computed */
	bool fresh;   /* the VM's sample has come in the present round, since the host's sample */
	char *text;   /* the VM as JSON text (host_vm_text()); NULL: not made yet, or out of date */
	size_t text_count;
	/*
	 * the VM's uptime in seconds; if `text_runs`, less clock_now_s(), which is added when it is
	 * shown
	 */
	double text_uptime_s;
	bool text_runs;
	char *config_text; /* `config` as JSON text; NULL: not made yet, or out of date */
};

struct host_cpu {
	int64_t busy_ns, guest_ns, idle_ns;
	double busy_percent, guest_percent;
	/* Skerry counts guests' time by CPU, so that guest_ns and guest_percent are valid */
	bool guest_known;
};

struct host_event {
	int64_t sequence;
	char vm[NAME_BYTES];
	json_t *line;
};

/*
 * The rates of a disk, a network or a VM per second; NAN: unknown. Disk: requests, bytes read,
 * bytes written. Network: frames, bytes, dropped frames. VM: bytes read from its disks, written to
 * them, received and sent.
 */
enum host_traffic_kind { HOST_TRAFFIC_DISK, HOST_TRAFFIC_NET, HOST_TRAFFIC_VM };
struct host_traffic {
	enum host_traffic_kind kind;
	char name[2 * NAME_BYTES];
	double rates[HOST_TRAFFIC_RATES];
	/*
	 * `total`: the last counts from Skerry, -1: none; `sum`: the counts of the reply that is
	 * being read
	 */
	double total[HOST_TRAFFIC_RATES], sum[HOST_TRAFFIC_RATES];
	/*
	 * amount transferred since the gateway has known the thing; it never decreases, even when
	 * VMs come or go
	 */
	double counted[HOST_TRAFFIC_RATES];
	double time_s[HOST_TRAFFIC_RATES]; /* when `total` came, by clock_now_s() */
	bool seen;			   /* the thing is in the reply that is being read */
};

/* How full a store of volumes is. */
struct host_store {
	char name[NAME_BYTES];
	double free_bytes, used_bytes;
};

struct host {
	bool up;	/* the link is up, and the first list of VMs has come over it */
	bool known;	/* a list of VMs has come since the gateway's start */
	double heard_s; /* when the last list or event came from Skerry, by clock_now_s() */
	char boot[40], version[32];
	char own[NAME_BYTES]; /* the VM in which this gateway runs; "": it runs in none */
	int64_t boot_time_ns; /* Skerry's time since its boot, in ns, at hello_s */
	double hello_s;
	json_t *rights, *cpu, *memory; /* rights, CPU and memory as Skerry reports them */
	struct host_vm *vms[HOST_VMS];
	unsigned vm_count;
	char fields[HOST_FIELDS][HOST_FIELD_BYTES];
	unsigned field_count;
	struct host_cpu cpus[HOST_CPUS];
	unsigned cpu_count;
	int64_t cpu_time_ns, free_bytes;
	struct host_traffic traffic[HOST_TRAFFIC];
	unsigned traffic_count;
	struct host_store stores[HOST_STORES];
	unsigned store_count;
	struct host_event events[HOST_EVENTS];
	/* number of events so far; the next event goes to events[event_count % HOST_EVENTS] */
	uint64_t event_count;
	int64_t last_sequence;
	uint64_t events_lost;
	/* number of findings of Skerry's audit of pages; -1: not asked for yet */
	int64_t audit_findings;
	int64_t log_lost;
};
extern struct host host;

/*
 * The functions that the cache calls when the host's state changes. core's main() sets them; the
 * cache calls them and knows nothing else of the listeners.
 */
struct host_listener {
	void (*vm)(const struct host_vm *vm); /* the VM is new, or is shown differently */
	void (*gone)(const char *name);	      /* the VM is gone */
	/* Skerry has reported an event; each comes once */
	void (*event)(const struct host_event *event);
	void (*sample)(double time_s); /* a round of samples is complete */
	void (*lost)(void);	       /* events are missing */
	void (*listed)(void);	       /* the list of VMs is new */
	void (*linked)(void);	       /* host.up has changed */
	void (*broken)(void);	       /* the link to Skerry is lost */
	void (*rebooted)(void);	       /* Skerry has booted again */
	/* a line of a stream has come, of a console or of a guest's socket */
	void (*console)(json_t *line);
};

/*
 * Sets up the link to Skerry at `where`; `password` may be NULL. Returns false, after a sentence on
 * stderr, if `where` is no link.
 */
bool host_setup(const char *where, const char *password, const struct host_listener *listener);
void host_tick(int64_t now_ms);

/* Returns the VM with that name, or NULL. */
struct host_vm *host_find(const char *name);
const char *host_vm_state(const struct host_vm *vm);
/* Writes the HTTP entity tag (ETag) of a VM's configuration. */
void host_vm_tag(const struct host_vm *vm, char *text, size_t room);
/* Notes that a VM has changed: its kept JSON text is dropped, and made again when needed. */
void host_vm_changed(struct host_vm *vm);

/* Asks for the list of VMs soon; the listener is told of changes. */
void host_refresh(void);
/* Asks for the VM's keys, which were changed; until they have come, host_vm_settled() is false. */
void host_refresh_config(struct host_vm *vm);
/* Returns whether the keys that the gateway knows of the VM are up to date. */
bool host_vm_settled(const struct host_vm *vm);
/* Takes in the VM's new state from the reply to an action; the whole list is asked for as well. */
void host_vm_patch(json_t *result);

/* These functions return objects of the API, as new references. */
json_t *host_json(void);
json_t *host_vm_json(const struct host_vm *vm);
json_t *host_event_json(const struct host_event *event);
json_t *host_sample_json(const struct host_vm *vm);
json_t *host_cpus_json(void);
/* Adds the JSON text of the object that host_vm_json() returns to the end of `to`. */
void host_vm_text(struct host_vm *vm, struct buffer *to);
/* Adds the VM's object with its configuration, and whether the two are out of date. */
void host_vm_text_full(struct host_vm *vm, struct buffer *to);

/* The rates of a VM between its last two samples, which must be valid (`sampled`). */
struct host_rates {
	double cpu_percent, steal_percent, halted_percent; /* in percent of one CPU */
	double exits_per_s, resident_bytes;
};
struct host_rates host_rates(const struct host_vm *vm);

/* Returns the traffic of the thing of that kind and name, or NULL if it is not known. */
const struct host_traffic *host_traffic_find(enum host_traffic_kind kind, const char *name);
/* Takes Skerry's rows of `disk stat` and of `net stat`, which came at `now_s`. */
void host_traffic_take_disks(json_t *rows, double now_s);
void host_traffic_take_nets(json_t *rows, double now_s);

/* Takes Skerry's rows of `store list`, in place of those before; NULL: none is known now. */
void host_store_take(json_t *rows);

/* Returns a value of the last sample by its field's name, or -1. */
int64_t host_value(const struct host_vm *vm, const char *field);

/*
 * Takes in a line with a sample. Returns true when it completes a round of samples, which began at
 * `*time_s`.
 */
bool host_take_sample(json_t *line, double *time_s);
/* Takes in, from Skerry's reply, the names of the fields that samples have. */
void host_take_fields(json_t *reply);

/*
 * Keeps an event of Skerry's. Returns NULL when the line is no event, or the event was kept before.
 */
const struct host_event *host_keep_event(json_t *line);
