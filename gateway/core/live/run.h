/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/buffer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/live/run_publish.h"

/*
 * Runs: each is a command in a VM of its own, a clone of a template. A template is a VM whose init
 * (iso/init) waits at its gate for a command. A run waits until fewer than RUNS_ACTIVE have a VM;
 * then its clone is made and connected to, gets a random seed and the command, and is destroyed
 * when it has ended or used up a limit.
 */
enum {
	/*
	 * the most runs that are known of each kind: waiting, under way, or ended and kept for a
	 * while
	 */
	RUNS_ALONE = 96,
	RUNS_SANDBOX = 24,
	RUNS_INSIDE = 96,
	RUNS = RUNS_ALONE + RUNS_SANDBOX + RUNS_INSIDE,
	RUNS_ACTIVE = 8,   /* the most runs that have a VM at a time */
	RUNS_WAITING = 32, /* of one credential */
	RUN_KEPT_S = 300,  /* after the end */
	RUN_WALL_S = 60,   /* the default of wall_s in the limits */
	RUN_WALL_MAX_S = 3600,
	RUN_OUTPUT = 65536,
	/* the most bytes of input of a run that wait for its command to read them */
	RUN_INPUT = 65536,
	RUN_OUTPUT_MAX = 1 << 20,
	/* the most files of a run that are handed out, and the most bytes of a path */
	RUN_WANTED = 8,
	RUN_WANTED_PATH = 256,
	RUN_FILE = 1 << 20, /* the most bytes of a file that is sent into a run, or fetched */
	RUN_PUT_S = 10,	    /* the seconds in which the init must have taken a piece of it */
	RUN_EGRESS = 600,   /* the most bytes of a list of what a run may send to */
	/* the most bytes of STORE/VOLUME:ro (each name has up to 31) and of where it is mounted */
	RUN_VOLUME = 2 * 31 + 1 + 3,
	RUN_SIDE = 1000, /* the most rows of a terminal, and columns */
	/* versions of inits (GATE_VERSION): wanted files; terminals and files under way; sandboxes,
	 * a volume
	 */
	RUN_VERSION_WANTED = 2,
	RUN_VERSION_TERMINAL = 3,
	RUN_VERSION_STAYS = 4,
	RUN_VERSION_VOLUME = 5,
	RUN_GATE_S = 15, /* the seconds in which a clone must have started its command */
	RUN_REQUESTS = 2,
	RUN_AGAIN_MS = 100, /* until Skerry is asked again for what it had no room for */
	RUN_CREDIT = 65536, /* bytes that Skerry may send of a clone's before they are handled */
	RUNS_WARM = 8,	    /* the most clones that wait at the gate for runs, of all templates */
};

enum run_kind {
	RUN_ALONE,   /* a command that has a VM, which ends with it */
	RUN_SANDBOX, /* a VM that stays for commands to come (sandbox.h); it has none itself */
	RUN_INSIDE,  /* a command in the VM of a sandbox */
};

enum run_state {
	RUN_FREE,
	RUN_WAITING,
	RUN_CLONING,
	RUN_CONNECTING,
	RUN_AT_GATE, /* the clone is connected, and its init has no random seed yet */
	RUN_UNDER_WAY,
	RUN_ENDING, /* the VM is being destroyed */
	RUN_DONE,
};

struct run_limits {
	double wall_s, cpu_s; /* limits of time and of CPU time, in seconds; cpu_s 0: no limit */
	/* the most bytes that a run may write to stdout and stderr together */
	size_t output_bytes;
	double exits; /* the most VM exits; 0: no limit */
	/* the VM's cap in percent of one CPU; 0: the template's */
	unsigned cap_percent;
	int64_t memory_bytes; /* what the template must have; 0: anything */
};

/*
 * Files that the run's owner wants when its command has ended, in the order in which they were
 * named. The init answers for one after the other.
 */
struct run_wanted {
	size_t count, answered;
	size_t dropped; /* bytes that came and did not fit */
	struct run_wanted_file {
		char path[RUN_WANTED_PATH];
		struct buffer bytes;
		const char *problem; /* the sentence that says why there is no file, or NULL */
	} files[RUN_WANTED];
};

/*
 * What a request for a run asks for. The words, and the files, are what the init gets
 * (iso/init/gate.h); of `wanted` only the paths are set.
 */
struct run_order {
	const char *template;
	const char *egress; /* the list of what the run may send to; NULL: the template's */
	char volume[RUN_VOLUME + 1]; /* STORE/VOLUME or STORE/VOLUME:ro; "": none */
	uint64_t volume_audit; /* the audit's line of it, which waits for its result; 0: none */
	struct run_limits limits;
	struct buffer words, files, input;
	bool input_open;
	unsigned rows, columns; /* of the command's terminal; 0: it has pipes */
	struct run_wanted wanted;
	struct run_publish publish; /* of it only the ports are set */
};

/* A piece of a file that the owner sends into the run, until the init has answered for it. */
struct run_put {
	bool awaited;
	uint32_t request; /* which waits for that; 0: it has been answered */
	double until_s;
};

/*
 * The connection to the init in the clone: frames in the form of iso/init/gate.h, sent as far as
 * Skerry and the init give credit.
 */
struct run_link {
	bool greeted; /* the init has sent its version */
	bool sown;    /* the init has got its random seed */
	bool told;    /* and what to run, or to stay */
	uint8_t version;
	int64_t stream; /* Skerry's number of the stream; 0: there is none */
	size_t credit;	/* bytes that Skerry takes now for the clone */
	size_t window;	/* bytes of input that the init takes now */
	struct buffer out, in;
};

struct run {
	enum run_state state;
	enum run_kind kind;
	uint64_t box; /* the number of the sandbox that a command is in; 0: none */
	bool paused;  /* a sandbox's VM stands still */
	bool quiet;   /* the gateway's own, for a request about files: in no list of runs */
	/* what a sandbox is a clone of, VM@SNAPSHOT; "": the template at its gate */
	char from[2 * NAME_BYTES];
	/* answers a request that has waited for the end in place of run_json(); may be NULL */
	void (*answers)(const struct run *run, struct request *request);
	bool spare; /* a clone without an owner: it waits at the gate, or is on its way there */
	uint64_t number;
	struct identity owner;
	char actor[65], template[NAME_BYTES], vm[NAME_BYTES];
	char egress[RUN_EGRESS + 1]; /* "": the template's */
	char volume[RUN_VOLUME + 1]; /* as in struct run_order */
	uint64_t audit, volume_audit;
	struct run_limits limits;
	/* the command and its surroundings; the command's input that was not sent yet */
	struct buffer words, input;
	struct buffer files; /* frames with files, which are sent before the words */
	bool input_open;     /* later requests may send more input */
	bool input_ended;
	unsigned rows, columns; /* of the command's terminal; 0: it has none */
	uint8_t signal;		/* for a command that does not run yet; 0: none */
	bool resized;		/* the init has not been told that size yet */
	struct run_put put;
	bool cap_asked, cap_set; /* Skerry was asked to set the VM's cap; it is set */
	struct run_link link;
	struct buffer out, error;
	struct run_wanted wanted;
	struct run_publish publish;

	unsigned attempts;
	double asked_s, began_s, ended_s, again_s;
	const char *result; /* how the run ended; NULL: it has not ended */
	int code;	    /* exit code or signal */
	json_t *problem;    /* why the run failed before its command began, or NULL */
	double guest_cpu_s; /* CPU time in seconds as the guest says, which is not trusted */
	int64_t guest_memory_bytes;
	double cpu_s;  /* by Skerry's samples */
	int64_t exits; /* likewise */
	struct run_waiting {
		uint32_t id; /* 0: none */
		double until_s;
		/* the request gets output as it comes, and waits without a limit */
		bool streams;
		size_t out, error; /* bytes of stdout and stderr that the client's stream has got */
	} waiting[RUN_REQUESTS];
};

/*
 * Begins a run, and answers the request when the run ends or `wait_s` is over. Takes over the
 * order's buffers. If the table of runs is full, answers the request with a problem at once, takes
 * over nothing, and returns false.
 */
bool run_begin(struct request *request, const struct run_order *order, unsigned wait_s);
/*
 * A function of run_place.c: makes a run that waits, of which nothing is done yet. Takes over the
 * order's buffers and the request's line of the audit. Returns NULL, and takes over nothing, when
 * all places of the kind are taken.
 */
struct run *run_make(struct request *request, const struct run_order *order, enum run_kind kind);
/* Returns the run with that number, or NULL. */
struct run *run_find(uint64_t number);
/* Returns the run behind `run`, or the first run for NULL; NULL when there are no more. */
struct run *run_next(const struct run *run);
/*
 * Lets a request wait at most `wait_s` for the run's end. Returns false when too many wait already.
 */
bool run_wait(struct run *run, struct request *request, unsigned wait_s);
/* Ends a run in whatever state it is; `result` says why. */
void run_stop(struct run *run, const char *result);
/* Destroys the VM of a run that has ended, once its published ports are closed. */
void run_destroy(struct run *run);
json_t *run_json(const struct run *run, bool own);

/*
 * Returns whether Skerry's reply to a call (connection to a guest) says that the guest is perhaps
 * only not ready yet.
 */
bool run_is_later(json_t *reply);

/*
 * Handles Skerry's line about a stream. Returns false when the stream belongs to none of the runs.
 */
bool run_line(json_t *line);
void run_tick(void);
void run_link_lost(void);

/*
 * Functions of run.c for other files of runs: run_ask() asks Skerry for a run, whose number the
 * reply gets; run_fail() ends it with a problem, which it takes over; run_done() notes that its VM
 * is gone.
 */
bool run_ask(struct run *run, const char *command, const char *const *words,
	     void (*took)(uint64_t number, json_t *reply));
void run_fail(struct run *run, json_t *problem);
void run_done(struct run *run);

/*
 * Functions of run_connect.c: run_connect() connects to the init of a run's VM, again if need be;
 * run_close_stream() has Skerry close the stream of that number (JSON; nothing if it is none).
 */
void run_connect(struct run *run);
void run_close_stream(json_t *stream);

/*
 * Functions of run.c for run_schedule.c: run_clone() has a clone made for a run, run_free() forgets
 * a run and frees its entry.
 */
void run_clone(struct run *run);
void run_free(struct run *run);
struct run *run_free_place(void); /* returns a free entry of the table of runs, or NULL */
uint64_t run_number(void);	  /* a new one */

/*
 * A function of run_cap.c: returns whether the run's VM has the cap that is wanted. If not, has
 * Skerry set it, and calls run_frame_seed() when that is done: the init gets no random seed, and so
 * no command, before.
 */
bool run_cap(struct run *run);

/*
 * Functions of run_schedule.c: run_is_active() returns whether a run has a VM; run_count() returns
 * how many runs of one owner (NULL: of all) have a VM, or wait for one.
 */
bool run_is_active(const struct run *run);
size_t run_count(const struct identity *who, bool active);
/* Gives a run a clone that waits at the gate. Returns false if there is none that it may have. */
bool run_take_spare(struct run *run);
/* Starts waiting runs while fewer than RUNS_ACTIVE have a VM. */
void run_schedule(void);
/*
 * A function of run_schedule.c: ends a clone of the template that waits at the gate, for a run that
 * needs its room, unless one ends already. Returns false if there is no such clone.
 */
bool run_end_spare(const char *template);
/*
 * A function of run_schedule.c: returns whether room comes for a run for which Skerry made no
 * clone, as `reply` says: that of another run, at its end, or else of a clone that waits at the
 * gate, which this ends.
 */
bool run_room_comes(const struct run *run, json_t *reply);

/*
 * Functions of run_wait.c: run_answer_all() answers the requests whose time is over, or all when
 * the run has ended, and sends new output to streams.
 */
void run_answer_all(struct run *run, double now_s);
/* Notes that a client has taken bytes of its stream, so that more may be sent. */
void run_consumed(uint32_t id);

/*
 * Functions of run_warm.c: run_warm_set() is the handler that sets how many clones of a template
 * wait at the gate. run_warm_of() returns that number, run_warm_keep() sets it; run_warm_shrink()
 * leaves it as it is, and ends waiting clones until no more than `count` are left.
 */
void run_warm_set(struct request *request);
unsigned run_warm_of(const char *template);
void run_warm_keep(const char *template, unsigned count);
void run_warm_shrink(const char *template, unsigned count);
/*
 * run_warm_wanted() returns a template of which another clone should be made to wait at the gate,
 * or NULL; run_warm_failed() notes that such a clone has failed.
 */
const char *run_warm_wanted(double now_s);
void run_warm_failed(const char *template, double now_s);

/*
 * Functions of run_stream.c: run_stream_wanted() returns whether a request asks for the output as
 * it comes.
 */
bool run_stream_wanted(const struct request *request);
void run_stream_begin(const struct run *run, struct request *request);
/*
 * Sends a client new output of its run as far as the client takes it, and the end when all has been
 * sent.
 */
void run_stream_push(const struct run *run, struct run_waiting *waiting);

/*
 * A function of run_json.c: adds bytes to the object as text or, if they are no UTF-8, in base 64.
 */
void run_json_output(json_t *object, const char *name, const char *bytes, size_t count);

/*
 * Functions of run_wanted.c. run_wanted_add() adds a path to the files that are wanted; it returns
 * false if it is no absolute path without "..", or one too many.
 */
bool run_wanted_add(struct run_wanted *wanted, const char *path);
/*
 * Handle what the init says: bytes of a file, and what became of a file. They return false when a
 * true init would not have said it.
 */
bool run_wanted_piece(struct run *run, const uint8_t *bytes, size_t count);
bool run_wanted_done(struct run *run, const uint8_t *bytes, size_t count);
/* Returns an object with the files by their paths, or NULL when none is wanted. */
size_t run_room(const struct run *run); /* bytes that may still come of output and files */
json_t *run_wanted_json(const struct run *run);
void run_wanted_free(struct run_wanted *wanted);

/*
 * Functions of run_put.c: run_put_begin() sends the init a piece of a file in the form of GATE_PUT
 * and answers the request when the init has answered, within RUN_PUT_S; the run has to be under way
 * and to have no other piece under way. run_put_done() handles the init's answer; it returns false
 * when a true init would not have given it. run_put_look() answers a request that has waited too
 * long, or whose run has ended.
 */
void run_put_begin(struct run *run, struct request *request, const struct buffer *piece);
bool run_put_done(struct run *run, const uint8_t *bytes, size_t count);
void run_put_look(struct run *run, double now_s);

/*
 * Functions of run_kept.c: run_kept_bound() forgets ended runs until what all of them keep is
 * little enough, the oldest of the owner whose runs keep most first, but not `last`, the run that
 * has just ended. run_kept_first() returns the ended run whose place a new one of its kind gets,
 * the oldest of the owner who has most ended ones; NULL: none has ended.
 */
void run_kept_bound(const struct run *last);
struct run *run_kept_first(enum run_kind kind);

/*
 * A function of run_sweep.c: destroys clones of an earlier start, and those whose end was not
 * noticed.
 */
void run_sweep(double now_s);

/*
 * Functions of run_frame.c: run_frame_push() sends what waits for the init, run_frame_take()
 * handles bytes from it. Each of the functions may end the run.
 */
void run_frame_push(struct run *run);
void run_frame_signal(struct run *run, uint8_t number); /* adds a GATE_SIGNAL to what waits */
void run_frame_put(struct run *run, const struct buffer *piece); /* adds a GATE_PUT to what waits */
/* Sends a random seed to an init that has sent its version, unless the clone has no owner yet. */
void run_frame_seed(struct run *run);
void run_frame_take(struct run *run, const uint8_t *bytes, size_t count);
