/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buffer.h"

/* What is known of Skerry: taken from the link, shown to all. GETs are answered from here. */
enum {
	MACHINE_VMS = 256,
	MACHINE_NAME_BYTES = 32,
	MACHINE_FIELDS = 64, /* of a sample */
	MACHINE_FIELD_BYTES = 32,
	MACHINE_CPUS = 256,
	MACHINE_EVENTS = 1024, /* that are kept */
};

struct machine_sample {
	int64_t time_ns;
	int64_t values[MACHINE_FIELDS];
};

struct machine_vm {
	char name[MACHINE_NAME_BYTES];
	json_t *list;	/* its object of `vm list` */
	double list_s;	/* when that came, machine_now_s() */
	json_t *config; /* NAME: {"value", "applies"}; NULL: not asked yet */
	bool config_stale;
	bool seen; /* in the list that is being taken over */
	struct machine_sample now, before;
	bool sampled; /* `now` and `before` are there: rates can be told */
	bool fresh;   /* since the host's last sample */
	char *text;   /* of machine_vm_text; NULL: to be made anew */
	size_t text_count;
	double text_uptime_s; /* with it: the uptime, or what machine_now_s() is to be added to */
	bool text_runs;
	char *config_text; /* `config` as JSON; NULL: to be made anew */
};

struct machine_cpu {
	int64_t busy_ns, guest_ns, idle_ns;
	double busy_percent, guest_percent;
	bool guest_known; /* Skerry may count guests' time by VM only */
};

struct machine_event {
	int64_t sequence;
	char vm[MACHINE_NAME_BYTES];
	json_t *line;
};

struct machine {
	bool up;	/* the link is, and the snapshot is here */
	bool known;	/* there has been one since the start */
	double heard_s; /* when a list or an event came last */
	char boot[40], version[32];
	char own[MACHINE_NAME_BYTES]; /* the VM in which this gateway runs; "": in none */
	int64_t boot_time_ns;	      /* Skerry's time at hello_s */
	double hello_s;
	json_t *rights, *cpu, *memory; /* as Skerry said it */
	struct machine_vm *vms[MACHINE_VMS];
	unsigned vm_count;
	char fields[MACHINE_FIELDS][MACHINE_FIELD_BYTES];
	unsigned field_count;
	struct machine_cpu cpus[MACHINE_CPUS];
	unsigned cpu_count;
	int64_t cpu_time_ns, free_bytes;
	struct machine_event events[MACHINE_EVENTS];
	uint64_t event_count; /* ever; the next is events[event_count % MACHINE_EVENTS] */
	int64_t last_sequence;
	uint64_t events_lost;
	int64_t audit_findings; /* -1: not asked */
	int64_t log_lost;
};
extern struct machine machine;

/* `password` may be NULL. False: a sentence is on stderr. */
bool machine_setup(const char *where, const char *password);
void machine_tick(int64_t now_ms);
double machine_now_s(void);

struct machine_vm *machine_find(const char *name);
bool machine_name_valid(const char *name);

/* Asks for the list soon; what has changed is told to the streams. */
void machine_refresh(void);
void machine_vm_patch(json_t *result);

/* The objects of the API; new references. */
json_t *machine_vm_json(const struct machine_vm *vm);
/* The same object of a VM as text, at the end of `to`. */
void machine_vm_text(struct machine_vm *vm, struct buffer *to);
/* With its configuration, and whether that is stale. */
void machine_vm_text_full(struct machine_vm *vm, struct buffer *to);
/* What is shown of the VM has changed. */
void machine_vm_changed(struct machine_vm *vm);
json_t *machine_host_json(void);
json_t *machine_sample_json(const struct machine_vm *vm);
json_t *machine_cpus_json(void);
json_t *machine_event_json(const struct machine_event *event);
const char *machine_vm_state(const struct machine_vm *vm);
void machine_vm_tag(const struct machine_vm *vm, char *text, size_t room);

/* A value of the last sample by its field's name; -1: none. */
int64_t machine_value(const struct machine_vm *vm, const char *field);

/* What sample.c and machine.c share. */
void machine_take_sample(json_t *line);
void machine_take_fields(json_t *reply);
