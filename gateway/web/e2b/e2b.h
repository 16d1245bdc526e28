/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/buffer.h"

/*
 * The REST of E2B and the calls of its envd, as far as its client needs them for sandboxes, beside
 * REST of one's own: each request below /e2b becomes some requests of REST, which core
 * authenticates, authorises and audits as any other. This folder decides about nothing: it knows
 * neither credentials nor roles, and keeps nothing from one request to the next.
 */
enum {
	E2B_PATH_BYTES = 128,  /* the longest path for core, with its 0 */
	E2B_ITEM_BYTES = 40,   /* the longest number of a sandbox or a process, with its 0 */
	E2B_FILE_BYTES = 1024, /* the longest path of a file, with its 0 */
	E2B_USER_BYTES = 65,
	E2B_FRAME_BYTES = 5, /* the head of a message of Connect's: flags and length */
	E2B_STEPS = 9,	     /* the most requests of REST for one of E2B's */
};

enum e2b_style {
	E2B_REST,   /* E2B's REST: problems are {"code": STATUS, "message": ...} */
	E2B_ENVD,   /* envd's REST: the same, and 502 for a sandbox that is gone */
	E2B_CALL,   /* a unary call of Connect's, in JSON */
	E2B_STREAM, /* a call of Connect's whose answer is a stream of messages */
};

struct e2b;

/* One method of a path; the table is in e2b.c. */
struct e2b_row {
	const char *method;
	const char *path; /* below /e2b; {} stands for one segment, the sandbox */
	enum e2b_style style;
	/* Checks the request, and says what core is asked first, or answers. */
	void (*begin)(struct e2b *e2b);
	/* Takes core's answer, a success, and answers or says what core is asked next. */
	void (*took)(struct e2b *e2b, json_t *answer);
};

/* What a request says beside its body. */
struct e2b_head {
	const char *sandbox; /* the header E2b-Sandbox-Id, or "" */
	const char *user;    /* who is to do it in the sandbox, or "" */
	const char *file;    /* the query's path, or "" */
	double timeout_s;    /* Connect-Timeout-Ms; 0: none */
};

struct e2b {
	const struct e2b_row *row;
	char box[E2B_ITEM_BYTES];
	char user[E2B_USER_BYTES];
	char file[E2B_FILE_BYTES];
	double timeout_s;
	json_t *body;  /* an object */
	json_t *forks; /* what became of the forks so far, or NULL */
	unsigned step; /* how many answers of core's came */
	bool terminal; /* what a command prints is a terminal's */
	bool timed;    /* the time of a sandbox has been set */
	/* What core is asked next; `answered` false means that it is to be asked. */
	char method[8], path[E2B_PATH_BYTES];
	json_t *sent;	/* the body for core, or NULL */
	bool streams;	/* core is asked for events as they come */
	bool with_file; /* core gets `file` and `user` as the query */
	bool bytes;	/* core's answer is what a file has, and goes to the client as it is */
	/* The answer, once there is one. */
	bool answered;
	unsigned status;
	bool shows_key; /* the answer's envdAccessToken is to be the key that the client has shown
			 */
	const char *type;
	struct buffer text;
};

/* Returns whether a path is one of this folder's. */
bool e2b_has(const char *path);
/* Returns whether it is where files are uploaded to, in the form of multipart/form-data. */
bool e2b_uploads(const char *method, const char *path);
/*
 * Begins a request; `bytes` is its body. Afterwards it is answered, or core is to be asked. Returns
 * NULL if there is no memory.
 */
struct e2b *e2b_begin(const char *method, const char *path, const struct e2b_head *head,
		      const char *bytes, size_t count);
/* Takes core's answer; afterwards the request is answered, or core is to be asked again. */
void e2b_take(struct e2b *e2b, unsigned status, const char *bytes, size_t count);
/* Answers with a problem: what core has, or what web says itself. */
void e2b_problem(struct e2b *e2b, unsigned status, const char *code, const char *detail);
/* Adds messages for an event of a run (server-sent, as core has it); and the stream's end. */
void e2b_event(struct e2b *e2b, const char *event, size_t count, struct buffer *to);
void e2b_stream_end(struct buffer *to);
void e2b_free(struct e2b *e2b);

/* For the functions of rows: have core asked, or answer, with objects that are taken over. */
void e2b_ask(struct e2b *e2b, const char *method, json_t *sent, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void e2b_answer(struct e2b *e2b, unsigned status, json_t *object);
void e2b_refuse(struct e2b *e2b, const char *detail);
/* Returns a member that is text, or "" if it is none. */
const char *e2b_text(json_t *object, const char *name);
/* Adds a message of Connect's; `flags` 2 is the last one. */
void e2b_message(struct buffer *to, unsigned char flags, json_t *object);

/* The functions of rows: rest.c, process.c and files.c. */
void e2b_create(struct e2b *e2b);
void e2b_created(struct e2b *e2b, json_t *answer);
void e2b_list(struct e2b *e2b);
void e2b_listed(struct e2b *e2b, json_t *answer);
void e2b_info(struct e2b *e2b);
void e2b_informed(struct e2b *e2b, json_t *answer);
void e2b_kill(struct e2b *e2b);
void e2b_timeout(struct e2b *e2b);
void e2b_pause(struct e2b *e2b);
void e2b_connect(struct e2b *e2b);
void e2b_connected(struct e2b *e2b, json_t *answer);
void e2b_fork(struct e2b *e2b);
void e2b_forked(struct e2b *e2b, json_t *answer);
void e2b_done(struct e2b *e2b, json_t *answer);

void e2b_start(struct e2b *e2b);
void e2b_process(struct e2b *e2b);
void e2b_processed(struct e2b *e2b, json_t *answer);
void e2b_attached(struct e2b *e2b, json_t *answer);

void e2b_read(struct e2b *e2b);
void e2b_write(struct e2b *e2b);
void e2b_written(struct e2b *e2b, json_t *answer);
void e2b_files(struct e2b *e2b);
void e2b_filed(struct e2b *e2b, json_t *answer);
