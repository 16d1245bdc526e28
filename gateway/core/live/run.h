/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/buffer.h"
#include "gateway/core/http/request.h"

/*
 * Runs: each is a command in a VM of its own, a clone of a template that waits at the gate of
 * iso/init. A run waits for a place, is cloned, connected, sown, given its command, and destroyed
 * when it has ended or used up a limit.
 */
enum {
	RUNS = 96,	   /* that are known: waiting, under way, or kept for a while */
	RUNS_ACTIVE = 8,   /* VMs at a time */
	RUNS_WAITING = 32, /* of one credential */
	RUN_KEPT_S = 300,  /* after the end */
	RUN_WALL_S = 60,   /* unless the limits say otherwise */
	RUN_WALL_MAX_S = 3600,
	RUN_OUTPUT = 65536,
	RUN_INPUT = 65536, /* that waits for the command */
	RUN_OUTPUT_MAX = 1 << 20,
	RUN_GATE_S = 15, /* until a clone has let its command through */
	RUN_REQUESTS = 2,
	RUNS_WARM = 8, /* clones that wait at the gate for runs, of all templates */
};

enum run_state {
	RUN_FREE,
	RUN_WAITING,
	RUN_CLONING,
	RUN_CONNECTING,
	RUN_AT_GATE, /* connected, and not sown yet */
	RUN_UNDER_WAY,
	RUN_ENDING, /* its VM is being destroyed */
	RUN_DONE,
};

struct run_limits {
	double wall_s, cpu_s; /* 0: no limit of CPU time */
	size_t output_bytes;  /* of both outputs together */
	double exits;	      /* VM exits; 0: no limit */
};

/* The connection to the init in the clone: frames as iso/init/gate.h says, in pieces as there is
 * credit. */
struct run_link {
	bool greeted;	/* the init has said which version it speaks */
	bool sown;	/* the init has been told its seed */
	int64_t stream; /* Skerry's number; 0: none */
	size_t credit;	/* bytes that Skerry takes */
	size_t window;	/* bytes of input that the init takes */
	struct buffer out, in;
};

struct run {
	enum run_state state;
	bool spare; /* nobody's yet: a clone on its way to the gate, or waiting there */
	uint64_t number;
	struct identity owner;
	char actor[65], template[NAME_BYTES], vm[NAME_BYTES];
	uint64_t audit;
	struct run_limits limits;
	struct buffer words, input; /* what the init is told, and what is left of the input */
	struct buffer files;	    /* frames of files, before the words */
	bool input_open;	    /* more input may be sent by later requests */
	bool input_ended;
	struct run_link link;
	struct buffer out, error;

	unsigned attempts;
	double asked_s, began_s, ended_s, again_s;
	const char *result; /* NULL: it has not ended */
	int code;	    /* exit code or signal */
	json_t *problem;    /* why there was nothing to run, or NULL */
	double guest_cpu_s; /* by the guest's word */
	int64_t guest_memory_bytes;
	double cpu_s;  /* by Skerry's samples */
	int64_t exits; /* likewise */
	struct run_waiting {
		uint32_t id; /* 0: none */
		double until_s;
		bool streams;	   /* gets output as it comes, and waits without end */
		size_t out, error; /* bytes of either output that a stream has got */
	} waiting[RUN_REQUESTS];
};

/*
 * Takes over words and input, and answers the request when the run ends or its time is over.
 * Without a place it is answered at once.
 */
void run_begin(struct request *request, const char *template, const struct run_limits *limits,
	       struct buffer *words, struct buffer *files, struct buffer *input, bool input_open,
	       unsigned wait_s);
/* Returns NULL when there is no such run. */
struct run *run_find(uint64_t number);
/* The next one behind `run`, or the first for NULL; NULL: no more. */
struct run *run_next(const struct run *run);
/* Waits for its end at most so long, and answers then. Returns false when nobody more can wait. */
bool run_wait(struct run *run, struct request *request, unsigned wait_s);
/* Ends it, whatever it does. */
void run_stop(struct run *run, const char *result);
json_t *run_json(const struct run *run, bool own);

/* Of the reply to a connection: whether the guest may only not be ready for it yet. */
bool run_is_later(json_t *reply);

/* A line of a stream. Returns false when it is of none of the runs. */
bool run_line(json_t *line);
void run_tick(void);
void run_link_lost(void);

/* Of run.c, for run_schedule.c. */
void run_clone(struct run *run);
void run_free(struct run *run);
struct run *run_free_place(void); /* NULL: there is none */
uint64_t run_number(void);	  /* a new one */

/*
 * Of run_schedule.c: whether it has a VM; how many have one, or wait, of one owner or (NULL) all.
 */
bool run_is_active(const struct run *run);
size_t run_count(const struct identity *who, bool active);
/* Begins what there are places for. */
void run_schedule(void);

/* Of run_wait.c: tells all whose time is over, or everybody when the run has ended; streams get
 * what is new. */
void run_answer_all(struct run *run, double now_s);
/* A client has taken bytes of its stream: there is room for more. */
void run_consumed(uint32_t id);

/* Of run_warm.c: the handler that says how many clones of a template wait at the gate. */
void run_warm_set(struct request *request);
/* Returns a template of which another clone should wait, or NULL; and notes that one has failed. */
const char *run_warm_wanted(double now_s);
void run_warm_failed(const char *template, double now_s);

/* Of run_stream.c: whether a request asks for the output as it comes. */
bool run_stream_wanted(const struct request *request);
void run_stream_begin(const struct run *run, struct request *request);
/* Sends what is new as far as the client takes it, and the end when all has been sent. */
void run_stream_push(const struct run *run, struct run_waiting *waiting);

/* Of run_json.c: adds bytes as text, or, if they are none, in base 64. */
void run_json_output(json_t *object, const char *name, const char *bytes, size_t count);

/* Of run_sweep.c: clones made before a start, or of which the end was not heard. */
void run_sweep(double now_s);

/* Of run_frame.c: the frames of one run. Each may end it. */
void run_frame_push(struct run *run);
/* Sows an init that has greeted, of a run that has an owner. */
void run_frame_seed(struct run *run);
void run_frame_take(struct run *run, const uint8_t *bytes, size_t count);
