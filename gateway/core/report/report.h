/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/audit/audit_chain.h"
#include "gateway/core/common/name.h"

/*
 * A report tells an auditor about a host, in sections of facts, each of which is known or marked as
 * unknown. It is made in three steps: facts are gathered into `struct report_facts`, sections are
 * made of them, and a page is made of the sections.
 */

/* The commands that the gateway sends to Skerry; each is an index of report_facts.asked. */
enum report_command {
	REPORT_VERSION,
	REPORT_PAGES,
	REPORT_CONFIG,
	REPORT_DISKS,
	REPORT_STORES,
	REPORT_VOLUMES,
	REPORT_BACKUPS,
	REPORT_COMMANDS,
};

enum { REPORT_WHY_BYTES = 160, REPORT_SBOM_TEXT = 80 };

/* Skerry's answer to one command. */
struct report_asked {
	json_t *rows; /* NULL: unknown, and `why` says why */
	bool partial; /* Skerry said that rows are missing */
	char why[REPORT_WHY_BYTES];
};

enum report_chain_state { REPORT_CHAIN_UNKNOWN, REPORT_CHAIN_WHOLE, REPORT_CHAIN_BROKEN };

/* The document that says what an image consists of (SPDX), as the gateway was given it. */
struct report_sbom {
	bool given, read;
	char digest[AUDIT_HASH];	/* SHA-256 of the document */
	char image[AUDIT_HASH];		/* SHA-256 of the image, as the document gives it; or "" */
	char version[REPORT_SBOM_TEXT]; /* version and commit, as the document gives them; or "" */
};

/* Everything that a report is made of. Members that are NULL are unknown. */
struct report_facts {
	int64_t time_s; /* when Skerry was asked, in UTC seconds */
	struct report_asked asked[REPORT_COMMANDS];
	json_t *cpu;	/* the first row of `cpu`: the facts common to all CPUs, and the leaks */
	json_t *rights; /* the rights of the gateway's channel */
	json_t *vms;	/* {"name", "backup", "channel"} of each VM; the last two may be null */
	json_t *tokens, *users; /* the tokens and users with their roles, without secrets */
	json_t *audit;		/* the newest lines of the audit, as audit_json() returns them */
	enum report_chain_state chain;
	struct audit_chain lines; /* the lines that were verified, unless `chain` is unknown */
	int64_t chain_s;	  /* when the lines were verified, in UTC seconds */
	struct report_sbom sbom;
	char boot[40];
	char own[NAME_BYTES]; /* the VM in which this gateway runs; "": it runs in none */
	char fingerprint[65]; /* the server certificate's fingerprint */
	bool issued;	      /* the certificate is not self-signed */
	bool socket_users;    /* a peer on a Unix socket is the user of the same name */
	unsigned rate, change_rate, per_address, audit_files, anchor_s;
};

/*
 * Gathers the facts for a report, and calls `done` with the request's number when they are
 * complete: before this returns if Skerry was asked less than ten seconds ago. Returns false, and
 * does not call `done`, when too many requests wait already.
 */
typedef void report_done(uint32_t request);
bool report_gather(uint32_t request, report_done *done);
/* Returns the facts that were gathered last; they stay valid until core's next turn. */
const struct report_facts *report_facts(void);
/* Ends a gathering that is complete or has taken too long; core calls it at each tick. */
void report_tick(void);

/*
 * Starts a thread that verifies the audit's chain, unless one is at work or has ended recently with
 * an unused result.
 */
void report_chain_start(void);
/*
 * Takes the thread's result: the state, the verified lines, and the time of verification. The state
 * is REPORT_CHAIN_UNKNOWN if there was no thread. Returns false while the thread is at work.
 */
bool report_chain_result(enum report_chain_state *state, struct audit_chain *lines,
			 int64_t *time_s);

/* Reads the SPDX document at `path` (NULL: the gateway was given none). */
void report_sbom_read(struct report_sbom *sbom, const char *path);

/*
 * Returns 1 if the document is for the version and commit that Skerry reports, 0 if not, and -1 if
 * that is unknown.
 */
int report_sbom_matches(const struct report_facts *facts);

/*
 * Makes the report: an object with sections; `profile` is NULL or a profile's name, and `who` the
 * name of the asker. Returns a new reference, or NULL when there is no memory.
 */
json_t *report_json(const struct report_facts *facts, const char *profile, const char *who);
