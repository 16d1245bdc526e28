/* SPDX-License-Identifier: MIT */
/*
 * Gathers the facts for reports: asks Skerry a fixed list of commands, once for all waiting
 * requests, and takes the rest from the gateway's own state. The handler of reports calls it; it
 * changes nothing.
 */
#include "gateway/core/report/report.h"

#include <stdio.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/host/config.h"
#include "gateway/core/host/host.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/token.h"
#include "gateway/core/report/report_row.h"

enum {
	GATHER_WAITERS = 16,
	GATHER_FRESH_S = 10,	  /* seconds for which gathered facts serve further requests */
	GATHER_WAIT_S = 45,	  /* seconds after which a missing answer counts as unknown */
	GATHER_AUDIT_LINES = 100, /* the newest lines of the audit that a report shows */
};

static const char *const gather_commands[REPORT_COMMANDS] = {
	[REPORT_VERSION] = "version",	     [REPORT_PAGES] = "audit",
	[REPORT_CONFIG] = "config show",     [REPORT_DISKS] = "disk list",
	[REPORT_STORES] = "store list",	     [REPORT_VOLUMES] = "volume list",
	[REPORT_BACKUPS] = "vm backup list",
};

static struct {
	struct report_facts facts;
	bool under_way;
	uint32_t round; /* the number of the gathering; a late reply belongs to an earlier one */
	bool come[REPORT_COMMANDS], chain_come;
	double began_s, ended_s; /* by clock_now_s(); ended_s 0: no gathering has ended yet */
	uint32_t waiting[GATHER_WAITERS];
	unsigned waiter_count;
	report_done *done;
} gather;

const struct report_facts *report_facts(void)
{
	return &gather.facts;
}

static void gather_forget(struct report_facts *facts)
{
	for (unsigned i = 0; i < REPORT_COMMANDS; i++)
		json_decref(facts->asked[i].rows);
	json_decref(facts->cpu);
	json_decref(facts->rights);
	json_decref(facts->vms);
	json_decref(facts->tokens);
	json_decref(facts->users);
	json_decref(facts->audit);
	*facts = (struct report_facts){0};
}

/*
 * Copies from the configuration's sections the keys that a report shows. The command lines of
 * guests, which may hold secrets, are not among these.
 */
static json_t *gather_config(json_t *rows)
{
	static const char *const kept[] = {"section", "name",	"encrypt",    "encrypted",
					   "disk",    "rights", "lock_after", "password_set"};
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *item = json_object();

		/*
		 * The section of a VM gets no keys here, as a report takes a VM's keys from the
		 * cache.
		 */
		for (size_t key = 0; key < ARRAY_COUNT(kept) && !row_is(row, "section", "vm");
		     key++)
			json_object_set(item, kept[key], json_object_get(row, kept[key]));
		json_array_append_new(list, item);
	}
	return list;
}

static void gather_end(void);

/* Ends the gathering once all answers are there. */
static void gather_look(void)
{
	for (unsigned i = 0; i < REPORT_COMMANDS; i++) {
		if (!gather.come[i])
			return;
	}
	if (gather.under_way && gather.chain_come)
		gather_end();
}

static void gather_took(uint64_t context, json_t *reply)
{
	unsigned command = (unsigned)(context % REPORT_COMMANDS);
	struct report_asked *asked = &gather.facts.asked[command];
	json_t *rows = json_object_get(reply, "result");

	if (!gather.under_way || context / REPORT_COMMANDS != gather.round || gather.come[command])
		return;
	gather.come[command] = true;
	if (json_is_array(rows)) {
		asked->rows = command == REPORT_CONFIG ? gather_config(rows) : json_incref(rows);
		asked->partial = json_is_true(json_object_get(reply, "incomplete"));
		string_copy(asked->why, sizeof(asked->why), row_text(reply, "error"));
	} else {
		snprintf(asked->why, sizeof(asked->why), "Skerry did not answer `%s`: %.100s",
			 gather_commands[command],
			 reply ? row_text(reply, "error") : "the link was lost");
	}
	row_cut(asked->why);
	gather_look();
}

static void gather_ask(unsigned command)
{
	struct report_asked *asked = &gather.facts.asked[command];

	if (host_ask(gather_commands[command], NULL, gather_took,
		     (uint64_t)gather.round * REPORT_COMMANDS + command))
		return;
	gather.come[command] = true;
	snprintf(
		asked->why, sizeof(asked->why),
		"Skerry could not be asked `%s`: the link is down, or too many requests wait on it",
		gather_commands[command]);
}

static json_t *gather_vm_key(const struct host_vm *vm, const char *key)
{
	return row_copy(json_object_get(vm->config, key), "value");
}

static json_t *gather_vms(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < host.vm_count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:o, s:o}", "name", host.vms[i]->name,
						"known", host.vms[i]->config != NULL, "backup",
						gather_vm_key(host.vms[i], "backup"), "channel",
						gather_vm_key(host.vms[i], "channel")));
	return list;
}

/*
 * Adds the facts that the gateway itself knows, with all tokens and users, whoever asks for the
 * report.
 */
static void gather_own(struct report_facts *facts)
{
	static const struct identity everybody = {.roles = ROLE_ANY, .scope = "*"};

	facts->tokens = token_list(&everybody);
	facts->users = account_list(&everybody);
	facts->audit = audit_json(&everybody, 0, GATHER_AUDIT_LINES);
	facts->issued = settings.issued;
	facts->socket_users = settings.socket_users;
	facts->rate = settings.rate;
	facts->change_rate = settings.change_rate;
	facts->per_address = settings.per_address;
	facts->audit_files = settings.audit_files;
	facts->anchor_s = settings.anchor_s;
	string_copy(facts->fingerprint, sizeof(facts->fingerprint), settings.fingerprint);
	report_sbom_read(&facts->sbom, settings.sbom);
	if (!host.up)
		return;
	facts->cpu = json_incref(json_array_get(host.cpu, 0));
	facts->rights = json_incref(host.rights);
	facts->vms = gather_vms();
	string_copy(facts->boot, sizeof(facts->boot), host.boot);
	string_copy(facts->own, sizeof(facts->own), host.own);
}

/* Gives the gathered facts to all waiting requests. */
static void gather_end(void)
{
	unsigned count = gather.waiter_count;

	gather.under_way = false;
	gather.ended_s = clock_now_s();
	gather_own(&gather.facts);
	gather.waiter_count = 0;
	for (unsigned i = 0; i < count; i++)
		gather.done(gather.waiting[i]);
}

static void gather_begin(void)
{
	gather_forget(&gather.facts);
	gather.round++;
	gather.under_way = true;
	gather.chain_come = false;
	gather.began_s = clock_now_s();
	gather.facts.time_s = time(NULL);
	for (unsigned i = 0; i < REPORT_COMMANDS; i++)
		gather.come[i] = false;
	report_chain_start();
	for (unsigned i = 0; i < REPORT_COMMANDS; i++)
		gather_ask(i);
}

bool report_gather(uint32_t request, report_done *done)
{
	if (!gather.under_way && gather.ended_s > 0 &&
	    clock_now_s() - gather.ended_s < GATHER_FRESH_S) {
		done(request);
		return true;
	}
	if (gather.waiter_count == GATHER_WAITERS)
		return false;
	gather.done = done;
	gather.waiting[gather.waiter_count++] = request;
	if (!gather.under_way)
		gather_begin();
	return true;
}

void report_tick(void)
{
	if (!gather.under_way)
		return;
	gather.chain_come =
		gather.chain_come || report_chain_result(&gather.facts.chain, &gather.facts.lines,
							 &gather.facts.chain_s);
	if (clock_now_s() - gather.began_s >= GATHER_WAIT_S) {
		for (unsigned i = 0; i < REPORT_COMMANDS; i++) {
			if (!gather.come[i])
				snprintf(gather.facts.asked[i].why, REPORT_WHY_BYTES,
					 "Skerry did not answer `%s` in %d seconds",
					 gather_commands[i], GATHER_WAIT_S);
			gather.come[i] = true;
		}
		gather.chain_come = true;
	}
	gather_look();
}
